"""The edge against a scripted client: what is really on the wire, and what misbehaving peers meet."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Callable
from ipaddress import ip_address
from typing import Any

import pytest

from simulator.peer.events import EndOfRib, NotificationExchanged, RoutesWithdrawn, cease
from simulator.places.endpoint import Endpoint
from simulator.session.messages import Cease, Family, Notification, RouteRefresh
from simulator.session.states import BgpState
from simulator.speakers.neighbor import Neighbor
from simulator.wire.framing import KEEPALIVE, MARKER, MessageType, frame
from simulator.wire.notification import decode_notification, encode_notification
from simulator.wire.route_refresh import encode_refresh
from simulator.wire.update import end_of_rib, pack_announcements
from tests.patience import PATIENCE
from tests.speakers.support import (
    EDGE4,
    LOOPBACK6,
    PEER4,
    V4,
    V6,
    RawPeer,
    Scene,
    announced,
    announcement,
    ask_again,
    batches,
    deny,
    edge_config,
    key,
    lift,
    prefixes,
    raw_open,
    raw_routes,
    raw_withdrawals,
    routes_of,
    scene,
)

BOTH = pytest.mark.parametrize("family", [V4, V6])
ORIGIN, NEXT_HOP = bytes.fromhex("40010100"), bytes.fromhex("400304") + PEER4.packed
AS_PATH = bytes.fromhex("40020602010000fbf0")


def update(attributes: bytes = b"", nlri: bytes = b"", withdrawn: bytes = b"") -> bytes:
    body = len(withdrawn).to_bytes(2, "big") + withdrawn + len(attributes).to_bytes(2, "big") + attributes + nlri
    return frame(MessageType.UPDATE, body)


def mp_reach(nlri: bytes, family: Family = V6, flags: int = 0x80, hop: bytes = LOOPBACK6.packed) -> bytes:
    value = family.afi.to_bytes(2, "big") + bytes((1, len(hop))) + hop + b"\0" + nlri
    return bytes((flags, 14, len(value))) + value


def mp_unreach(nlri: bytes, family: Family) -> bytes:
    value = family.afi.to_bytes(2, "big") + b"\1" + nlri
    return bytes((0x80, 15, len(value))) + value


@contextlib.asynccontextmanager
async def edge(
    stage: Scene, family: Family = V4, ours: int = 5, speaker: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[tuple[Neighbor, Endpoint]]:
    """An edge that waits for one peer and has something to announce."""
    made = stage.speaker("edge", [announcement(family, prefixes(family, ours))], **(speaker or {}))
    where = await made.listen(EDGE4 if family is V4 else LOOPBACK6)
    yield made.add(edge_config(where, PEER4 if family is V4 else LOOPBACK6, **options)), where


# --- the octets of a turn-up ---


@BOTH
async def test_exactly_these_octets(family: Family) -> None:
    async with scene() as stage, edge(stage, family) as (here, where), await RawPeer.dial(where) as peer:
        await peer.greet(family)
        await stage.established(here)
        borr, eorr = (encode_refresh(RouteRefresh(family, subtype)) for subtype in (1, 2))
        await peer.answered(family)
        assert peer.octets == borr + eorr, "denied: a refresh is answered, with nothing"
        assert (here.view().withheld_out, here.view().leaked_out) == (10, 0)

        peer.octets = b""
        image = here.peer.outbound.image
        assert image is not None
        lift(here)
        parts = await peer.updates_to_end_of_rib(family)
        assert announced(parts, family) == list(prefixes(family, 5))
        assert peer.octets == image.announce + end_of_rib(family), "the lift is the image and the End-of-RIB"

        peer.octets = b""
        await peer.answered(family)
        assert peer.octets == borr + image.announce + eorr, "lifted: all routes between the two markers"

        peer.octets = b""
        deny(here)
        await peer.expect(MessageType.UPDATE)
        assert peer.octets == image.withdraw
        peer.octets = b""
        await peer.answered(family)
        assert peer.octets == borr + eorr
        assert here.view().leaked_out == 0


async def test_lift_and_end_of_rib_are_one_burst() -> None:
    """Nothing, not even a KEEPALIVE, may come between; the End-of-RIB does not wait for the loop to go round."""
    async with scene() as stage, edge(stage) as (here, where), await RawPeer.dial(where) as peer:
        await peer.greet()
        await stage.established(here)
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        lift(here)
        image = here.peer.outbound.image
        assert image is not None
        wanted = image.announce + end_of_rib(V4)
        # The loop has not run since the lift: what is in the socket now was written by the lift itself.
        copy = socket.socket(fileno=socket.dup(peer.socket.fileno()))
        with copy:
            copy.setblocking(True)
            copy.settimeout(5)
            got = b""
            while len(got) < len(wanted):
                got += copy.recv(65536)
        assert got == wanted


@pytest.mark.parametrize(("extended", "largest"), [(True, 65535), (False, 4096)])
async def test_what_is_sent_is_as_long_as_the_peer_s_open_says(extended: bool, largest: int) -> None:
    async with scene() as stage, edge(stage, ours=30_000) as (here, where), await RawPeer.dial(where) as peer:
        await peer.greet(extended_message=extended)
        await stage.established(here)
        lift(here)
        sizes, keys = [], []
        while True:
            body = await peer.expect(MessageType.UPDATE)
            if body == bytes(4):
                break
            sizes.append(len(body) + 19)
            keys.append(body)
        assert max(sizes) <= largest and max(sizes) > largest - 10
        # What we take is what our own OPEN said, whatever the peer's did (RFC 8654 §4).
        hop = ORIGIN + AS_PATH + NEXT_HOP
        await peer.send(pack_announcements(V4, hop, b"", prefixes(V4, 5000), 65535)[0][0])
        await stage.holds(here, 5000)


async def test_no_refresh_markers_for_who_does_not_know_them() -> None:
    async with scene() as stage, edge(stage) as (here, where), await RawPeer.dial(where) as peer:
        await peer.greet(enhanced_route_refresh=False)
        await stage.established(here)
        lift(here)
        await peer.updates_to_end_of_rib()
        await peer.send(encode_refresh(RouteRefresh(V4)))
        assert await peer.expect(MessageType.UPDATE)
        deny(here)  # its withdraw is what comes next: no marker was in between
        await peer.expect(MessageType.UPDATE)
        assert ask_again(here)
        assert await peer.expect(MessageType.ROUTE_REFRESH) == b"\0\1\0\1"


async def test_no_refresh_is_asked_of_who_cannot() -> None:
    async with scene() as stage, edge(stage) as (here, where), await RawPeer.dial(where) as peer:
        assert not ask_again(here)
        await peer.greet(route_refresh=False)
        await stage.established(here)
        assert not ask_again(here)


async def test_two_octet_speaker() -> None:
    async with scene() as stage, edge(stage) as (here, where), await RawPeer.dial(where) as peer:
        await peer.greet(asn4=False)
        await stage.established(here)
        lift(here)
        (parts,) = await peer.updates_to_end_of_rib()
        assert bytes.fromhex("40020402011f8b") in parts.attributes
        await peer.send(raw_routes(prefixes(V4, 2, 50), asn4=False))
        await stage.until(lambda: here.view().taken == 2, "taken")
        assert next(here.adj_in.routes()).attributes.path.asns == (64496,)


# --- what comes in ---


@BOTH
async def test_withdrawn_and_replaced_routes(family: Family) -> None:
    keys = prefixes(family, 4)
    async with scene() as stage, edge(stage, family) as (here, where), await RawPeer.dial(where) as peer:
        loc = stage.speakers[0].loc_rib
        await peer.greet(family)
        await stage.established(here)
        lift(here)
        await peer.send(raw_routes(keys, family))
        await stage.until(lambda: here.view().taken == 4, "taken")
        await peer.send(raw_withdrawals(keys[:1], family))
        await stage.until(lambda: here.view().received == 3, "withdrawn")
        assert loc.prefixes("edge")[family] == set(keys[1:])
        # Announced again with a next hop that the policy rejects: it stays in Adj-RIB-In alone.
        other = ip_address("192.0.2.7") if family is V4 else LOOPBACK6 + 7  # another 127/8 is malformed
        await peer.send(raw_routes(keys[1:2], family, next_hop=other))
        await stage.until(lambda: here.view().rejected == 1, "rejected")
        assert [hit.rule for hit in here.adj_in.hits(family, keys[1])] == ["next-hop"]
        assert (here.view().received, here.view().accepted) == (3, 2)
        assert loc.prefixes("edge")[family] == set(keys[2:])
        # And accepted once more.
        await peer.send(raw_routes(keys[1:2], family))
        await stage.until(lambda: here.view().rejected == 0, "accepted")
        assert loc.prefixes("edge")[family] == set(keys[1:])


MALFORMED: dict[str, Callable[[bytes], bytes]] = {
    "ORIGIN of two octets": lambda k: update(bytes.fromhex("4001020000") + AS_PATH + NEXT_HOP, k),
    "undefined ORIGIN": lambda k: update(bytes.fromhex("40010103") + AS_PATH + NEXT_HOP, k),
    "no ORIGIN": lambda k: update(AS_PATH + NEXT_HOP, k),
    "no AS_PATH": lambda k: update(ORIGIN + NEXT_HOP, k),
    "no NEXT_HOP": lambda k: update(ORIGIN + AS_PATH, k),
    "NEXT_HOP of three octets": lambda k: update(ORIGIN + AS_PATH + b"\x40\x03\x03abc", k),
    "empty AS_PATH segment": lambda k: update(ORIGIN + bytes.fromhex("4002020200") + NEXT_HOP, k),
    "AS_PATH overrun": lambda k: update(ORIGIN + bytes.fromhex("40020602020000fbf0") + NEXT_HOP, k),
    "wrong flags": lambda k: update(b"\x80\x01\x01\x00" + AS_PATH + NEXT_HOP, k),
    "attribute past the block": lambda k: update(ORIGIN + AS_PATH + b"\x40\x03\xff", k),
    "empty COMMUNITIES": lambda k: update(ORIGIN + AS_PATH + NEXT_HOP + b"\xc0\x08\x00", k),
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_malformed_attributes_take_the_route_away(name: str) -> None:
    keys = prefixes(V4, 2)
    async with scene() as stage, edge(stage) as (here, where), await RawPeer.dial(where) as peer:
        await peer.greet()
        await stage.established(here)
        lift(here)
        await peer.send(raw_routes(keys))
        await stage.until(lambda: here.view().taken == 2, "taken")
        for _ in range(2):  # a verdict once given is the same the second time
            stage.events.clear()
            await peer.send(raw_routes(keys) + MALFORMED[name](keys[0]))
            await stage.until(lambda: bool(stage.of(RoutesWithdrawn)), "treat-as-withdraw")
            assert stage.of(RoutesWithdrawn)[0].malformed and stage.of(RoutesWithdrawn)[0].keys == keys[:1]
            assert routes_of(here) == {keys[1]} and here.view().taken == 1
        assert here.view().bgp_state is BgpState.ESTABLISHED, "RFC 7606: no reset"


@pytest.mark.parametrize("flags", [0x00, 0x40, 0xC0])
async def test_wrong_flags_of_mp_reach_disable_the_family(flags: int) -> None:
    keys = prefixes(V6, 2)
    async with scene() as stage, edge(stage, V6) as (here, where), await RawPeer.dial(where) as peer:
        await peer.greet(V6)
        await stage.established(here)
        lift(here)
        await peer.send(raw_routes(keys, V6))
        await stage.until(lambda: here.view().taken == 2, "taken")
        await peer.send(update(mp_reach(keys[0], flags=flags) + ORIGIN + AS_PATH))
        await stage.until(lambda: here.view().received == 0, "AFI/SAFI disable (RFC 7606 §5.3)")
        assert here.view().taken == 0 and here.view().disabled
        assert here.view().bgp_state is BgpState.ESTABLISHED


async def test_ipv4_in_the_mp_attributes() -> None:
    """RFC 4760 allows it, and some speakers use nothing else."""
    first, second = prefixes(V4, 2)
    async with scene() as stage, edge(stage) as (here, where), await RawPeer.dial(where) as peer:
        await peer.greet()
        await stage.established(here)
        lift(here)
        hop = PEER4.packed
        await peer.send(update(mp_reach(first, V4, hop=hop) + ORIGIN + AS_PATH + NEXT_HOP, second))
        await stage.until(lambda: here.view().taken == 2, "both fields are read")
        await peer.send(update(mp_unreach(first, V4), withdrawn=second))
        await stage.until(lambda: here.view().received == 0, "both fields are read")
        # A prefix both withdrawn and announced is announced (RFC 4271 §4.3).
        await peer.send(update(ORIGIN + AS_PATH + NEXT_HOP, first, withdrawn=first))
        await stage.until(lambda: here.view().taken == 1, "announced")


@BOTH
async def test_a_peer_without_the_session_s_family_is_refused(family: Family) -> None:
    """RFC 5492 §5: the data of 2/7 is the capability that is missing, as an OPEN carries it."""
    other = V6 if family is V4 else V4
    async with scene() as stage, edge(stage, family) as (here, where), await RawPeer.dial(where) as peer:
        await peer.send(raw_open(other))
        await peer.expect(MessageType.OPEN)
        notification = await peer.refused()
        assert (notification.code, notification.subcode) == (2, 7)
        assert notification.data == bytes((1, 4, 0, family.afi, 0, 1))
        assert f"no common address family: the OPEN does not offer {family.label} unicast" in here.view().last_error
        assert here.view().peer_open is not None, "what it offered is evidence"


async def test_the_other_family_is_ignored() -> None:
    async with scene() as stage, edge(stage) as (here, where), await RawPeer.dial(where) as peer:
        await peer.greet()
        await stage.established(here)
        lift(here)
        await peer.send(update(mp_reach(prefixes(V6, 1)[0]) + ORIGIN + AS_PATH + NEXT_HOP, prefixes(V4, 1)[0]))
        await stage.until(lambda: here.view().received == 1, "IPv4 came")
        assert routes_of(here) == set(prefixes(V4, 1))


async def test_a_refresh_sweeps_what_is_not_announced_again() -> None:
    """RFC 7313 §4.2."""
    keys = prefixes(V4, 3)
    async with scene() as stage, edge(stage) as (here, where), await RawPeer.dial(where) as peer:
        await peer.greet()
        await stage.established(here)
        lift(here)
        await peer.send(raw_routes(keys))
        await stage.until(lambda: here.view().taken == 3, "taken")
        borr, eorr = (encode_refresh(RouteRefresh(V4, subtype)) for subtype in (1, 2))
        await peer.send(eorr + borr + raw_routes(keys[1:2]) + eorr)
        await stage.until(lambda: here.view().received == 1, "swept")
        assert routes_of(here) == {keys[1]} and here.view().taken == 1
        await peer.send(borr + eorr)
        await stage.until(lambda: here.view().received == 0, "an empty answer sweeps all")


async def test_changing_attributes_do_not_pile_up() -> None:
    """A peer that changes its MED for ever: each set lives only as long as a route has it."""
    (prefix,) = prefixes(V4, 1)
    async with scene() as stage, edge(stage) as (here, where), await RawPeer.dial(where) as peer:
        await peer.greet()
        await stage.established(here)
        for med in range(300):
            await peer.send(update(ORIGIN + AS_PATH + NEXT_HOP + b"\x80\x04\x04" + med.to_bytes(4, "big"), prefix))
        await peer.send(end_of_rib(V4))
        await stage.until(lambda: bool(stage.of(EndOfRib)), "all were read")
        stage.events.clear()
        assert next(here.adj_in.routes()).attributes.path.med == 299
        assert len(here.peer.inbound.sets) == 1


# --- garbage ---


def header(length: int, kind: int) -> bytes:
    return MARKER + length.to_bytes(2, "big") + bytes((kind,))


BEFORE_OPEN = {
    "marker": (b"GET / HTTP/1.1\r\n\r\n\r\n", (1, 1)),
    "length too small": (header(18, 4), (1, 2)),
    "length too large": (header(4097, 2), (1, 2)),
    "KEEPALIVE with a body": (header(20, 4) + b"x", (1, 2)),
    "type": (header(19, 9), (1, 3)),
    "version": (raw_open()[:19] + b"\3" + raw_open()[20:], (2, 1)),
    "AS": (raw_open(asn=64497), (2, 2)),
    "AS 0": (raw_open(asn=0), (2, 2)),
    "identifier": (raw_open(identifier="0.0.0.0"), (2, 3)),
    "hold time 1": (raw_open(hold=1), (2, 6)),
    "hold time 2": (raw_open(hold=2), (2, 6)),
    "KEEPALIVE": (KEEPALIVE, (5, 1)),
    "UPDATE": (end_of_rib(V4), (5, 1)),
    "refresh": (encode_refresh(RouteRefresh(V4)), (5, 1)),
}


@pytest.mark.parametrize("name", BEFORE_OPEN)
async def test_garbage_before_the_open(name: str) -> None:
    octets, answer = BEFORE_OPEN[name]
    async with scene() as stage, edge(stage) as (here, where), await RawPeer.dial(where) as peer:
        await peer.expect(MessageType.OPEN)
        await peer.send(octets)
        notification = await peer.refused()
        assert (notification.code, notification.subcode) == answer
        assert here.view().last_error
        assert [e.seen.sent for e in stage.of(NotificationExchanged)] == [True]


@pytest.mark.parametrize(
    ("octets", "answer"), [(end_of_rib(V4), (5, 2)), (raw_open(), (5, 2)), (encode_refresh(RouteRefresh(V4)), (5, 2))]
)
async def test_too_early_after_the_open(octets: bytes, answer: tuple[int, int]) -> None:
    async with scene() as stage, edge(stage) as (here, where), await RawPeer.dial(where) as peer:
        await peer.send(raw_open() + octets)
        await peer.expect(MessageType.OPEN)
        notification = await peer.refused()
        assert (notification.code, notification.subcode) == answer
        assert here.view().received == 0


AFTER = {
    "OPEN": (raw_open(), (5, 3)),
    "marker": (bytes(19), (1, 1)),
    "short UPDATE": (header(22, 2) + b"xxx", (1, 2)),
    "withdrawn length": (frame(2, b"\xff\xff\0\0"), (3, 1)),
    "attribute length": (frame(2, b"\0\0\xff\xff"), (3, 1)),
    "prefix length": (update(ORIGIN + AS_PATH + NEXT_HOP, b"\x21\1\2\3\4\5"), (3, 10)),
    "cut prefix": (update(ORIGIN + AS_PATH + NEXT_HOP, b"\x18\1"), (3, 10)),
    "MP_REACH cut short": (update(b"\x80\x0e\x03\0\2\1"), (3, 9)),
    "MP_REACH twice": (update(mp_reach(key("2a00::/16")) * 2 + ORIGIN + AS_PATH), (3, 1)),
    "refresh length": (frame(5, b"\0\1\1\1\0"), (7, 1)),
    "random": (bytes(range(256)) * 300, (1, 1)),
}


@pytest.mark.parametrize("name", AFTER)
async def test_garbage_when_established(name: str) -> None:
    octets, answer = AFTER[name]
    async with scene() as stage, edge(stage) as (here, where), await RawPeer.dial(where) as peer:
        await peer.greet()
        await stage.established(here)
        lift(here)
        await peer.updates_to_end_of_rib()
        # Valid routes, the garbage, and a lot behind it that nobody will read: the NOTIFICATION still arrives.
        tail = raw_routes(prefixes(V4, 20_000, 100)) if name != "random" else b""
        await peer.send(raw_routes(prefixes(V4, 3, 50)) + octets + tail)
        notification = await peer.refused()
        assert (notification.code, notification.subcode) == answer
        view = here.view()
        assert (view.received, view.taken, view.sent) == (0, 0, 0)
        assert view.bgp_state is BgpState.IDLE or view.established_transitions == 1


# --- how peers end ---


def kill(peer: RawPeer) -> None:
    """RST instead of FIN."""
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.writer.transport.abort()


async def test_a_killed_peer_is_noticed_and_let_in_again() -> None:
    async with scene() as stage, edge(stage) as (here, where):
        async with await RawPeer.dial(where) as peer:
            await peer.greet()
            await peer.send(raw_routes(prefixes(V4, 3, 50)))
            await stage.holds(here, 3)
            kill(peer)
            await stage.until(lambda: here.view().bgp_state is not BgpState.ESTABLISHED, "noticed")
        assert "TCP connection was lost" in here.view().last_error
        assert here.view().received == 0
        await stage.until(lambda: here.view().bgp_state is BgpState.ACTIVE, "the idle hold time is over")
        async with await RawPeer.dial(where) as again:
            await again.greet()
            await stage.established(here)


async def test_a_notification_with_a_reset_right_behind_it() -> None:
    """The socket is dead before the NOTIFICATION is read: closing it must not fail and stop the session for good."""
    async with scene() as stage, edge(stage) as (here, where):
        async with await RawPeer.dial(where) as peer:
            await peer.greet()
            await stage.established(here)
            copy = socket.socket(fileno=socket.dup(peer.socket.fileno()))
            copy.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.writer.transport.abort()
            with contextlib.suppress(ConnectionError):
                await peer.writer.wait_closed()
            # Both before the event loop goes round: the edge reads the one and writes into the other.
            copy.send(encode_notification(cease(Cease.ADMINISTRATIVE_SHUTDOWN)))
            copy.close()
            await stage.until(lambda: bool(here.view().notifications), "the NOTIFICATION was read")
        await stage.until(lambda: here.view().bgp_state is BgpState.ACTIVE, "the session listens again")
        async with await RawPeer.dial(where) as again:
            await again.greet()
            await stage.established(here)


async def test_a_frozen_peer_runs_into_the_hold_timer() -> None:
    """It neither reads nor writes, as after SIGSTOP or a power cut (half-open); a new connection waits until then."""
    async with scene() as stage, edge(stage) as (here, where), await RawPeer.dial(where) as peer:
        await peer.greet(hold=3)
        await stage.established(here)
        start = asyncio.get_running_loop().time()
        async with await RawPeer.dial(where) as second:
            with contextlib.suppress(ConnectionError):
                assert await second.message() is None, "the first connection still counts"
        await stage.until(lambda: here.view().bgp_state is not BgpState.ESTABLISHED, "the hold timer expired")
        assert 2.8 < asyncio.get_running_loop().time() - start < 6
        seen = here.view().notifications[-1]
        assert (seen.sent, seen.notification.code) == (True, 4)
        await stage.until(lambda: here.view().bgp_state is BgpState.ACTIVE, "listening again")
        async with await RawPeer.dial(where) as again:
            await again.greet()
            await stage.established(here)
        kinds = await peer.rest()
        assert {kind for kind, _ in kinds[:-1]} <= {MessageType.KEEPALIVE}
        assert decode_notification(kinds[-1][1]).code == 4


async def test_keepalives_keep_it_up() -> None:
    """Hold time 3 for longer than that: both sides' KEEPALIVEs come in time."""
    async with scene() as stage, edge(stage) as (here, where), await RawPeer.dial(where) as peer:
        await peer.greet(hold=3)
        await stage.established(here)
        for _ in range(5):
            assert await peer.message() == (MessageType.KEEPALIVE, b"")
            await peer.send(KEEPALIVE)
        assert here.view().established_transitions == 1 and here.view().bgp_state is BgpState.ESTABLISHED


async def test_closing_towards_a_peer_that_never_reads() -> None:
    async with scene() as stage, edge(stage, ours=600_000) as (here, where), await RawPeer.dial(where) as peer:
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await peer.greet()
        await stage.established(here)
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        (tcp,) = here.talking
        lift(here)
        assert tcp.stream.is_blocked, "TCP takes no more"
        loop = asyncio.get_running_loop()
        before = loop.time()
        await asyncio.wait_for(stage.speakers[0].close(), PATIENCE)
        assert loop.time() - before < 6
        assert tcp.ended.done()


async def test_a_fin_counts_even_if_the_peer_reads_nothing() -> None:
    async with scene() as stage, edge(stage, ours=600_000) as (here, where), await RawPeer.dial(where) as peer:
        await peer.greet()
        await stage.established(here)
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        (tcp,) = here.talking
        lift(here)
        assert tcp.stream.is_blocked
        peer.writer.write_eof()
        await stage.until(lambda: here.view().bgp_state is not BgpState.ESTABLISHED, "the FIN was seen")


async def test_routes_in_many_small_pieces() -> None:
    """Octets arrive as they like: the framing does not depend on it."""
    keys = prefixes(V4, 30)
    async with scene() as stage, edge(stage) as (here, where), await RawPeer.dial(where) as peer:
        await peer.greet()
        await stage.established(here)
        octets = b"".join(raw_routes(batch) for batch in batches(keys, 3))
        for at in range(0, len(octets), 7):
            peer.writer.write(octets[at : at + 7])
            await asyncio.wait_for(peer.writer.drain(), PATIENCE)
        await stage.holds(here, 30)
        assert routes_of(here) == set(keys)


async def test_attributes_that_fit_no_message_are_left_out() -> None:
    """RFC 4271 §9.2: not advertised, and the rest is."""
    crowd = announcement(V4, prefixes(V4, 2, 10), communities=tuple(range(2000)))
    async with scene() as stage:
        made = stage.speaker("edge", [crowd, announcement(V4, prefixes(V4, 1))])
        where = await made.listen(EDGE4)
        here = made.add(edge_config(where, PEER4))
        lift(here)
        for extended, count in ((False, 1), (True, 3)):
            async with await RawPeer.dial(where) as peer:
                await peer.greet(extended_message=extended)
                await stage.established(here)
                assert len(announced(await peer.updates_to_end_of_rib())) == count == here.view().rendered
                await peer.send(encode_notification(Notification(6, 4)))
                await stage.until(lambda: here.view().bgp_state is BgpState.ACTIVE, "listening again")


def test_the_scripted_routes_are_what_they_seem() -> None:
    assert pack_announcements(V4, ORIGIN + AS_PATH + NEXT_HOP, b"", prefixes(V4, 2), 4096)[0][0] == raw_routes(
        prefixes(V4, 2)
    )
