"""Two speakers on loopback: up, lifted, denied again, flapped, refused."""

from __future__ import annotations

import asyncio
import socket

import pytest

from simulator.addresses import IpAddress
from simulator.connection.states import ConnectionState
from simulator.peer.events import (
    EndOfRib,
    GateWithheld,
    NeighborConfig,
    NotificationExchanged,
    RoutesWithdrawn,
    UnknownPeer,
    cease,
)
from simulator.places.endpoint import Endpoint
from simulator.places.errors import LabError
from simulator.session.config import SessionTimes
from simulator.session.messages import Cease, Family
from simulator.session.states import BgpState
from simulator.speakers.neighbor import Neighbor
from simulator.speakers.sockets import family_of, set_ttl
from simulator.wire.framing import KEEPALIVE
from tests.speakers.support import (
    EDGE4,
    LOOPBACK6,
    PEER4,
    V4,
    V6,
    Ends,
    RawPeer,
    Scene,
    announcement,
    ask_again,
    counter_above,
    deny,
    edge_config,
    gate_moves,
    kernel_counter,
    lift,
    peer_config,
    prefixes,
    raw_open,
    raw_routes,
    routes_of,
    scene,
    transitions,
    two_speakers,
)

BOTH = pytest.mark.parametrize("family", [V4, V6])
OURS = 300
OPENING = (BgpState.OPEN_SENT, BgpState.OPEN_CONFIRM)


async def up(stage: Scene, family: Family, **options: dict[str, object]) -> Ends:
    ours = [announcement(family, prefixes(family, OURS))]
    theirs = [announcement(family, prefixes(family, 40, 50_000), 64500, 64501)]
    ends = await two_speakers(stage, family, ours, theirs, **options)  # type: ignore[arg-type]
    await stage.established(ends.here, ends.there)
    await stage.holds(ends.here, 40)
    return ends


@BOTH
async def test_denied_session_keeps_and_sends_nothing(family: Family) -> None:
    async with scene() as stage:
        ends = await up(stage, family)
        view = ends.here.view()
        assert (view.received, view.accepted, view.rejected, view.taken) == (40, 40, 0, 0)
        assert (view.sent, view.rendered, view.gate_open) == (0, OURS, False)
        assert view.gate_why == "the connection's state is unknown"
        assert (view.withheld_in, view.withheld_out) == (40, OURS)
        assert (view.leaked_in, view.leaked_out) == (0, 0)
        logged = stage.of(GateWithheld, "edge")
        outbound = [k for event in logged if event.withheld.direction.value == "out" for k in event.withheld.nlri]
        inbound = [k for event in logged if event.withheld.direction.value == "in" for k in event.withheld.nlri]
        assert set(outbound) == set(prefixes(family, OURS)) and len(outbound) == OURS
        assert set(inbound) == routes_of(ends.here) and len(inbound) == 40
        # Whoever refreshes is answered behind the gate too; the answer is the sign that all before it has arrived.
        assert ask_again(ends.there)
        await stage.until(lambda: ends.here.view().withheld_out == 2 * OURS, "the refresh was withheld")
        assert ends.there.view().received == 0
        assert stage.of(EndOfRib, "peer") == []
        assert len(stage.of(EndOfRib, "edge")) == 1, "the peer's own end has no gate and says when it is done"


@BOTH
async def test_lift_and_deny_on_the_running_session(family: Family) -> None:
    async with scene() as stage:
        ends = await up(stage, family)
        wanted = set(prefixes(family, OURS))
        for turn in (1, 2):
            lift(ends.here)
            assert ends.here.view().sent == OURS
            await stage.until(lambda turn=turn: len(stage.of(EndOfRib, "peer")) == turn, "End-of-RIB")  # type: ignore[misc]
            assert routes_of(ends.there) == wanted, "everything is there when the End-of-RIB comes"
            assert ends.here.view().taken == 40 and ends.here.view().gate_open
            deny(ends.here)
            view = ends.here.view()
            assert (view.sent, view.taken, view.withdrawn_by_us, view.received) == (0, 0, OURS * turn, 40)
            assert view.gate_why == "the connection is PendingRemove"
            await stage.holds(ends.there, 0)
        assert gate_moves(stage, "edge") == [(True, OURS, 40), (False, OURS, 40)] * 2
        assert {k for event in stage.of(RoutesWithdrawn, "peer") for k in event.keys} == wanted
        for neighbor in (ends.here, ends.there):
            assert neighbor.view().established_transitions == 1 and neighbor.view().notifications == ()
        assert ends.here.view().leaked_in == ends.here.view().leaked_out == 0


async def test_what_the_peer_sees_of_the_edge() -> None:
    async with scene() as stage:
        ours = [announcement(V4, prefixes(V4, 3), communities=((8075 << 16) | 1,), med=7)]
        ends = await two_speakers(stage, V4, ours)
        await stage.established(ends.here, ends.there)
        lift(ends.here)
        await stage.holds(ends.there, 3)
        paths = {route.attributes.path for route in ends.there.adj_in.routes()}
        assert len(paths) == 1
        path = paths.pop()
        assert (path.as_path_text, path.next_hop, path.med, path.communities_text) == ("8075", EDGE4, 7, ("8075:1",))


async def test_a_flap_while_active_comes_back_open() -> None:
    async with scene() as stage:
        ends = await up(stage, V4)
        lift(ends.here)
        await stage.holds(ends.there, OURS)
        await ends.peer.remove("peer", cease(Cease.ADMINISTRATIVE_RESET))
        await stage.until(lambda: ends.here.view().bgp_state is not BgpState.ESTABLISHED, "the edge noticed")
        assert (ends.here.view().taken, ends.here.view().sent, ends.here.view().gate_open) == (0, 0, True)
        there = ends.peer.add(ends.there.config)
        await stage.holds(there, OURS)
        await stage.until(lambda: ends.here.view().taken == 40, "the routes are taken without a new ruling")
        assert gate_moves(stage, "edge") == [(True, OURS, 40)], "the connection did not change, so the gate did not"
        assert ends.here.view().established_transitions == 2


async def test_a_flap_while_denied_comes_back_denied() -> None:
    async with scene() as stage:
        ends = await up(stage, V4)
        lift(ends.here)
        await stage.holds(ends.there, OURS)
        deny(ends.here)
        await stage.holds(ends.there, 0)
        await ends.peer.remove("peer", cease(Cease.ADMINISTRATIVE_RESET))
        there = ends.peer.add(ends.there.config)
        await stage.established(there)
        await stage.holds(ends.here, 40)
        assert ask_again(there)
        withheld = ends.here.view().withheld_out
        await stage.until(lambda: ends.here.view().withheld_out > withheld, "the refresh was withheld")
        assert (there.view().received, ends.here.view().taken, ends.here.view().gate_open) == (0, 0, False)


async def test_lift_before_the_session_is_up() -> None:
    async with scene() as stage:
        ours = [announcement(V4, prefixes(V4, 5))]
        ends = await two_speakers(stage, V4, ours, [announcement(V4, prefixes(V4, 4, 900))])
        lift(ends.here)
        await stage.established(ends.here, ends.there)
        await stage.until(lambda: len(stage.of(EndOfRib, "peer")) == 1, "End-of-RIB")
        await stage.until(lambda: ends.here.view().taken == 4, "taken")
        assert routes_of(ends.there) == set(prefixes(V4, 5))
        assert ends.here.view().withheld_in == ends.here.view().withheld_out == 0


async def test_active_alone_does_not_open_the_gate() -> None:
    async with scene() as stage:
        ends = await up(stage, V4)
        ends.here.rule(ConnectionState.ACTIVE, session_validated=False)
        assert ends.here.view().gate_why == "the session has not been validated"
        ends.here.rule(ConnectionState.VALIDATING, session_validated=True)
        assert ends.here.view().gate_why == "the connection is Validating"
        assert gate_moves(stage, "edge") == [] and ends.here.view().sent == 0 and ends.here.view().taken == 0


async def test_a_session_that_is_made_again_starts_denied() -> None:
    async with scene() as stage:
        ends = await up(stage, V4)
        lift(ends.here)
        await stage.holds(ends.there, OURS)
        await ends.edge.remove("edge", cease(Cease.PEER_DECONFIGURED))
        assert ends.edge.loc_rib.count("edge") == 0
        again = ends.edge.add(ends.here.config)
        await stage.established(again)
        await stage.holds(again, 40)
        assert (again.view().gate_open, again.view().sent, again.view().taken) == (False, 0, 0)
        with pytest.raises(LabError, match="exists already"):
            ends.edge.add(ends.here.config)


async def test_rejected_routes_stay_visible_and_are_not_taken() -> None:
    async with scene() as stage:
        good, long = prefixes(V4, 3), b"\x19\x14\x00\x00\x80"
        theirs = [announcement(V4, [*good, long]), announcement(V4, prefixes(V4, 2, 70), 12076)]
        ends = await two_speakers(stage, V4, (), theirs)
        await stage.holds(ends.here, 6)
        lift(ends.here)
        view = ends.here.view()
        assert (view.received, view.accepted, view.rejected, view.taken) == (6, 3, 3, 3)
        assert [hit.rule for hit in ends.here.adj_in.hits(V4, long)] == ["prefix-too-long"]
        assert ends.edge.loc_rib.prefixes("edge")[V4] == set(good)


async def test_what_stands_behind_a_gate_announces_nothing_else_while_it_runs() -> None:
    """A re-deny withdraws what is announced now: it has to be what the gate let out."""
    async with scene() as stage:
        edge = stage.speaker("edge", [announcement(V4, prefixes(V4, 10))])
        edge.add(edge_config(await edge.listen(EDGE4), PEER4))
        with pytest.raises(ValueError, match="a speaker with a gate"):
            edge.announce([announcement(V4, prefixes(V4, 5))])


# --- who is let in ---


async def test_an_unknown_peer_gets_a_cease() -> None:
    async with scene() as stage:
        edge = stage.speaker("edge")
        where = await edge.listen(EDGE4)
        edge.add(edge_config(where, PEER4))
        async with await RawPeer.dial(where, EDGE4 + 9) as stranger:
            notification = await stranger.refused()
        assert (notification.code, notification.subcode) == (6, 5)
        assert [(event.speaker, event.address) for event in stage.of(UnknownPeer)] == [("edge", str(EDGE4 + 9))]
        assert edge.neighbor("edge").view().notifications == ()


async def test_one_listening_socket_serves_many_peers() -> None:
    async with scene() as stage:
        edge = stage.speaker("edge", [announcement(V4, prefixes(V4, 10))])
        where = await edge.listen(EDGE4)
        pairs: list[tuple[Neighbor, Neighbor]] = []
        for number in range(30):
            name, host = f"{number}", PEER4 + number
            peer = stage.speaker(f"peer{name}", [announcement(V4, prefixes(V4, 2, 100 + number))])
            at_peer = await peer.listen(host)
            config = peer_config(at_peer, EDGE4, where, id=f"peer{name}", router_id=str(host))
            mine = edge.add(edge_config(where, host, None, id=f"edge{name}", policy=None))
            pairs.append((mine, peer.add(config)))
        await stage.established(*(neighbor for pair in pairs for neighbor in pair))
        assert all(mine.view().dialled is False for mine, _ in pairs)
        for mine, _ in pairs[::2]:
            lift(mine)
        for mine, theirs in pairs[::2]:
            await stage.holds(theirs, 10)
            await stage.until(lambda mine=mine: mine.view().taken == 2, "taken")  # type: ignore[misc]
        for mine, theirs in pairs[1::2]:
            assert (mine.view().taken, theirs.view().received) == (0, 0)


async def test_a_dynamic_peer_starts_denied_and_is_asked_for_anew_when_it_has_left() -> None:
    async with scene() as stage:
        asked: list[IpAddress] = []

        def dynamic(where: Endpoint, caller: IpAddress) -> NeighborConfig | None:
            asked.append(caller)
            return edge_config(where, caller, id=str(caller)) if caller == PEER4 else None

        edge = stage.speaker("edge", [announcement(V4, prefixes(V4, 10))], dynamic=dynamic)
        where = await edge.listen(EDGE4)
        peer = stage.speaker("peer", [announcement(V4, prefixes(V4, 3, 100))])
        there = peer.add(peer_config(await peer.listen(PEER4), EDGE4, where))
        await stage.established(there)
        here = edge.neighbor(str(PEER4))
        await stage.holds(here, 3)
        assert (here.view().gate_open, here.view().sent, here.view().taken) == (False, 0, 0)
        async with await RawPeer.dial(where, EDGE4 + 9) as stranger:
            assert (await stranger.refused()).subcode == Cease.CONNECTION_REJECTED
        await peer.remove("peer", cease(Cease.ADMINISTRATIVE_RESET))
        await stage.established(peer.add(there.config))
        assert asked == [PEER4, EDGE4 + 9, PEER4], "who has left is a stranger again"


@pytest.mark.parametrize("wrong", ["edge", "peer"])
async def test_a_wrong_as_is_told_to_the_other_side(wrong: str) -> None:
    async with scene() as stage:
        ends = await two_speakers(stage, **{wrong: {"peer_as": 64511}})  # type: ignore[arg-type]
        mistaken, other = (ends.here, ends.there) if wrong == "edge" else (ends.there, ends.here)

        def told(neighbor: Neighbor) -> set[tuple[bool, int, int]]:
            seen = neighbor.view().notifications
            return {(n.sent, n.notification.code, n.notification.subcode) for n in seen}

        await stage.until(lambda: bool(told(ends.here)) and bool(told(ends.there)), "both sides know")
        assert told(mistaken) == {(True, 2, 2)} and told(other) == {(False, 2, 2)}
        assert "expected AS64511" in mistaken.view().last_error
        assert ends.here.view().established_transitions == 0


async def test_both_sides_dial_at_once_and_one_connection_survives() -> None:
    async with scene() as stage:
        for turn in range(5):
            ends = await two_speakers(stage, name=str(turn))
            await stage.established(ends.here, ends.there)
            await stage.until(
                lambda ends=ends: len(ends.here.talking) == len(ends.there.talking) == 1,  # type: ignore[misc]
                "one connection is left",
            )
            mine, theirs = (n.talking[0] for n in (ends.here, ends.there))
            assert (mine.local_port, mine.peer_port) == (theirs.peer_port, theirs.local_port)
            assert {ends.here.view().dialled, ends.there.view().dialled} == {True, False}
            assert all(seen.notification.subcode != 7 for seen in ends.here.view().notifications)
            await ends.edge.close()
            await ends.peer.close()


# --- MD5, GTSM, socket options ---


@BOTH
async def test_md5_agrees(family: Family) -> None:
    async with scene() as stage:
        ends = await up(stage, family, edge={"md5": "s3cret"}, peer={"md5": "s3cret"})
        lift(ends.here)
        await stage.holds(ends.there, OURS)
        assert ends.here.view().md5


@pytest.mark.parametrize(
    ("edge", "peer", "counter"),
    [("right", "wrong", "TCPMD5Failure"), ("right", None, "TCPMD5NotFound"), (None, "right", "TCPMD5Unexpected")],
)
async def test_md5_disagrees(edge: str | None, peer: str | None, counter: str) -> None:
    before = kernel_counter(counter)
    async with scene() as stage:
        ends = await two_speakers(stage, edge={"md5": edge}, peer={"md5": peer})
        await counter_above(counter, before)
        assert ends.here.view().established_transitions == ends.there.view().established_transitions == 0
        assert {target for _, target in transitions(stage, "edge")} <= {
            BgpState.CONNECT,
            BgpState.ACTIVE,
            BgpState.IDLE,
        }


async def test_a_removed_session_takes_its_md5_key_along() -> None:
    async with scene() as stage:
        edge = stage.speaker("edge")
        where = await edge.listen(EDGE4)
        edge.add(edge_config(where, PEER4, md5="s3cret"))
        await edge.remove("edge", cease(Cease.PEER_DECONFIGURED))
        edge.add(edge_config(where, PEER4))
        async with await RawPeer.dial(where) as peer:
            await peer.greet()


async def test_an_md5_key_that_linux_does_not_take() -> None:
    async with scene() as stage:
        edge = stage.speaker("edge")
        where = await edge.listen(EDGE4)
        with pytest.raises(LabError, match="80 at most"):
            edge.add(edge_config(where, PEER4, md5="x" * 81))
        assert edge.neighbors == ()


@BOTH
async def test_gtsm_at_both_ends(family: Family) -> None:
    async with scene() as stage:
        ends = await up(stage, family, edge={"gtsm": True}, peer={"gtsm": True})
        lift(ends.here)
        await stage.holds(ends.there, OURS)


@BOTH
@pytest.mark.parametrize("side", ["edge", "peer"])
async def test_gtsm_at_one_end_only(family: Family, side: str) -> None:
    before = kernel_counter("TCPMinTTLDrop")
    async with scene() as stage:
        ends = await two_speakers(stage, family, **{side: {"gtsm": True}})  # type: ignore[arg-type]
        await stage.until(lambda: ends.there.view().bgp_state in OPENING, "TCP is up")
        await counter_above("TCPMinTTLDrop", before)
        assert ends.here.view().established_transitions == ends.there.view().established_transitions == 0


def ttl(sock: socket.socket, family: Family) -> int:
    if family is V4:
        return sock.getsockopt(socket.IPPROTO_IP, socket.IP_TTL)
    return sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS)


@BOTH
async def test_ttl_is_255_before_listen_and_64_on_an_ordinary_session(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_listen: list[int] = []
    listen = socket.socket.listen

    def spy(sock: socket.socket, *backlog: int) -> None:
        at_listen.append(ttl(sock, family))
        listen(sock, *backlog)

    monkeypatch.setattr(socket.socket, "listen", spy)
    async with scene() as stage:
        ends = await two_speakers(stage, family, edge={"dial": False})
        await stage.established(ends.here, ends.there)
        assert at_listen and set(at_listen) == {255}
        for neighbor in (ends.here, ends.there):
            (wire,) = neighbor.talking
            assert wire.transport is not None
            sock = wire.transport.get_extra_info("socket")
            assert ttl(sock, family) == 64
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), "a KEEPALIVE waits for nobody"


@BOTH
@pytest.mark.parametrize("hops", [0, 1])
async def test_gtsm_holds_for_what_was_sent_before_the_call_was_accepted(family: Family, hops: int) -> None:
    """RFC 5082 §3. OPEN, KEEPALIVE and routes are in the socket before anybody could ask for their TTL."""
    async with scene() as stage:
        edge = stage.speaker("edge")
        where = await edge.listen(EDGE4 if family is V4 else LOOPBACK6)
        host = PEER4 if family is V4 else LOOPBACK6
        here = edge.add(edge_config(where, host, gtsm=True))
        with socket.socket(family_of(host)) as caller:
            set_ttl(caller, host, 255 - hops)
            caller.bind((str(host), 0))
            caller.connect((str(where.host), where.port))
            caller.sendall(raw_open(family) + KEEPALIVE + raw_routes(prefixes(family, 3), family))
            await stage.until(lambda: here.view().bgp_state in (BgpState.OPEN_SENT, BgpState.ESTABLISHED), "accepted")
            if hops:
                for _ in range(20):
                    await asyncio.sleep(0)
                assert (here.view().bgp_state, here.view().received) == (BgpState.OPEN_SENT, 0)
            else:
                await stage.holds(here, 3)


async def test_hundreds_of_callers_at_once_are_all_heard() -> None:
    async with scene() as stage:
        edge = stage.speaker("edge")
        where = await edge.listen(EDGE4)
        callers = []
        for _ in range(400):  # the loop does not run meanwhile: all of them wait in the backlog
            caller = socket.socket()
            caller.settimeout(5)
            caller.connect((str(where.host), where.port))
            callers.append(caller)
        await stage.until(lambda: len(stage.of(UnknownPeer)) == 400, "every caller was answered")
        for caller in callers:
            caller.close()


async def test_listening_where_it_cannot() -> None:
    async with scene() as stage:
        edge, other = stage.speaker("edge"), stage.speaker("other")
        where = await edge.listen(EDGE4)
        with pytest.raises(LabError, match="the port is in use"):
            await other.listen(EDGE4, where.port)
        with pytest.raises(LabError, match="nothing listens on"):
            edge.add(edge_config(Endpoint(EDGE4, 1), PEER4))
        edge.add(edge_config(where, PEER4))
        with pytest.raises(LabError, match="already has a session"):
            edge.add(edge_config(where, PEER4, id="second"))


# --- how sessions end ---


async def test_the_cease_of_a_removed_session_says_why() -> None:
    async with scene() as stage:
        ends = await up(stage, V6)
        await ends.edge.remove("edge", cease(Cease.ADMINISTRATIVE_SHUTDOWN, "deprovisioned"))
        assert ends.here.view().bgp_state is BgpState.IDLE
        await stage.until(lambda: bool(ends.there.view().notifications), "the peer was told")
        seen = ends.there.view().notifications[0].notification
        assert (seen.code, seen.subcode, seen.communication) == (6, 2, "deprovisioned")
        assert ends.there.view().received == 0
        assert len(stage.of(NotificationExchanged, "edge")) == 1


async def test_a_speaker_that_waits_in_vain_closes_at_once() -> None:
    """A dial into nowhere, a dial that is refused, and a session that only listens."""
    async with scene() as stage:
        edge = stage.speaker("edge")
        where = await edge.listen(EDGE4)
        nowhere = socket.socket()  # bound and not listening: refuses
        nowhere.bind((str(PEER4), 0))
        full = socket.socket()  # its backlog is taken: does not answer
        full.bind((str(PEER4 + 1), 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        edge.add(edge_config(where, PEER4, Endpoint(PEER4, nowhere.getsockname()[1]), id="refused"))
        edge.add(edge_config(where, PEER4 + 1, Endpoint(PEER4 + 1, full.getsockname()[1]), id="silent"))
        edge.add(edge_config(where, PEER4 + 2, id="passive"))
        await stage.until(lambda: "refused" in edge.neighbor("refused").view().last_error, "refused")
        silent = edge.neighbor("silent")
        before = asyncio.get_running_loop().time()
        await edge.close()
        assert asyncio.get_running_loop().time() - before < 2
        assert not silent.connections.dials and not silent.connections.open
        for sock in (nowhere, full, *fillers):
            sock.close()


async def test_idle_hold_backs_off_and_the_session_comes_back() -> None:
    async with scene() as stage:
        patient = SessionTimes(connect_retry=0.1, idle_hold=0.02, idle_hold_max=0.05)
        ends = await two_speakers(stage, edge={"times": patient}, peer={"times": patient})
        # Both dial: where their calls meet, a session may be up twice at once before it stays on one connection.
        before = 0
        for turn in range(1, 5):
            await stage.until(
                lambda before=before: (  # type: ignore[misc]
                    ends.here.view().established_transitions > before
                    and ends.here.view().bgp_state is BgpState.ESTABLISHED
                ),
                f"Established {turn}",
            )
            before = ends.here.view().established_transitions
            wire = ends.here.talking[0]
            assert wire.transport is not None
            wire.transport.abort()


@BOTH
async def test_twenty_thousand_routes_both_ways(family: Family, capsys: pytest.CaptureFixture[str]) -> None:
    count, loop = 20_000, asyncio.get_running_loop()
    async with scene() as stage:
        ours = [announcement(family, prefixes(family, count))]
        mine = prefixes(family, count, 30_000)
        theirs = [announcement(family, mine[at : at + 500], 3000 + at) for at in range(0, count, 500)]
        ends = await two_speakers(stage, family, ours, theirs)
        start = loop.time()
        await stage.holds(ends.here, count)
        came = loop.time()
        lift(ends.here)
        await stage.holds(ends.there, count)
        went = loop.time()
        assert ends.here.view().taken == count and routes_of(ends.there) == set(prefixes(family, count))
        deny(ends.here)
        await stage.holds(ends.there, 0)
        gone = loop.time()
        assert ends.here.view().taken == 0 and ends.here.view().leaked_out == 0
    with capsys.disabled():
        print(
            f"\n{family.label}: {count} routes, in and judged {came - start:.3f} s, "
            f"lift {went - came:.3f} s, re-deny {gone - went:.3f} s"
        )
