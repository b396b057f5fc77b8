"""Peers that stop reading, on real sockets: what a deny still lets them get, what waits for them, whom it costs.

How much a kernel holds for a peer is the kernel's affair. So nothing here expects a number of octets but what was
measured when the deny came.
"""

from __future__ import annotations

import array
import asyncio
import fcntl
import os
import resource
import socket
import stat
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest

from simulator.connection.states import ConnectionState
from simulator.peer.events import GateMoved, cease
from simulator.rib.route_server import journal
from simulator.session.messages import Cease, RouteRefresh
from simulator.session.states import BgpState
from simulator.speakers.neighbor import Neighbor
from simulator.speakers.outlet import Outlet
from simulator.wire import nlri
from simulator.wire.framing import KEEPALIVE, Framer, MessageType
from simulator.wire.route_refresh import encode_refresh
from simulator.wire.update import split_update
from tests.patience import PATIENCE
from tests.speakers.support import (
    EDGE4,
    PEER4,
    V4,
    RawPeer,
    Scene,
    announcement,
    ask_again,
    deny,
    edge_config,
    lift,
    prefixes,
    scene,
)
from tests.speakers.test_route_server import Client, exchange

MILLION = 1_000_000
_FIONREAD = 0x541B

OUT_OF_ACTIVE: list[tuple[ConnectionState | None, bool]] = [
    *((state, True) for state in ConnectionState if state is not ConnectionState.ACTIVE),
    (None, True),
    (ConnectionState.ACTIVE, False),
]
"""Every way out of Active, as the session's gate is told of it."""


def stop_reading(peer: RawPeer) -> None:
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)  # a window that does not grow by itself
    peer.writer.transport.pause_reading()  # type: ignore[attr-defined]


def unread(peer: RawPeer) -> int:
    """Octets in the peer's own kernel, which nobody can take back."""
    answer = array.array("i", [0])
    fcntl.ioctl(peer.socket.fileno(), _FIONREAD, answer)
    return answer[0]


async def all_that_comes(peer: RawPeer) -> tuple[int, bytes]:
    """How many octets the peer still gets, and the last of it, whole messages only."""
    loop = asyncio.get_running_loop()
    copy, got = peer.socket.dup(), b""
    with copy:
        copy.setblocking(False)
        try:
            while data := await asyncio.wait_for(loop.sock_recv(copy, 1 << 20), PATIENCE):
                got += data
        except ConnectionError:
            pass
    return len(got), got


def announcements(octets: bytes) -> Iterator[bytes]:
    framer = Framer()
    framer.max_size = 65535
    framer.feed(octets)
    for kind, body in framer.messages():
        if kind == MessageType.UPDATE:
            yield from nlri.split(split_update(body).announced, V4)


def resident() -> int:
    """Octets of memory that this process has now."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()


def outlet(neighbor: Neighbor) -> Outlet:
    """The Established connection's."""
    stream = neighbor.peer.established
    assert stream is not None
    found = neighbor.connections.open[stream].outlet
    assert found is not None
    return found


def on_the_wire(neighbor: Neighbor) -> int:
    """Octets that have left and were not acknowledged: none, once the peer's window is closed."""
    return outlet(neighbor).unacknowledged - outlet(neighbor).held


async def is_cut(scene: Scene, neighbor: Neighbor, peer: RawPeer, ruling: tuple[ConnectionState | None, bool]) -> None:
    """The deny comes: the peer gets what its own kernel had, and not an octet more."""
    left, kernel = on_the_wire(neighbor), outlet(neighbor)
    neighbor.rule(ruling[0], session_validated=ruling[1])
    mine, view, denied = unread(peer), neighbor.view(), scene.of(GateMoved, neighbor.config.id)[-1]
    assert not stat.S_ISSOCK(os.fstat(kernel._sock.fileno()).st_mode), "at once, not when the loop comes round"
    assert (view.gate_open, view.sent, view.leaked_out, view.withdrawn_by_us) == (False, 0, 0, 0)
    assert view.bgp_state is not BgpState.ESTABLISHED and "denied while announcements were unsent" in view.last_error
    assert denied.cut is not None and denied.cut == view.cut and 0 < denied.cut.handed < MILLION and denied.cut.held > 0
    count, octets = await all_that_comes(peer)
    assert mine <= count <= mine + left, "what our kernel held went with the connection"
    assert len(list(announcements(octets))) < denied.cut.handed, "no more than was handed over"


async def test_an_edges_peer_that_does_not_read_gets_nothing_after_a_deny() -> None:
    """Every way out of Active."""
    async with scene() as stage:
        made = stage.speaker("edge", [announcement(V4, MILLION_KEYS)])
        where = await made.listen(EDGE4)
        here = made.add(edge_config(where, PEER4))
        for ruling in OUT_OF_ACTIVE:
            await stage.until(lambda: here.view().bgp_state is BgpState.ACTIVE, "listening")
            async with await RawPeer.dial(where) as peer:
                await peer.greet()
                await stage.established(here)
                stop_reading(peer)
                lift(here)
                assert here.view().cut is None, "that was an earlier deny"
                assert 0 < here.view().sent < MILLION == here.view().rendered
                await is_cut(stage, here, peer, ruling)


async def test_a_client_that_does_not_read_gets_nothing_after_a_deny() -> None:
    """Every way out of Active."""
    async with exchange() as at:
        one = await at.client(1)
        for keys in chunks(MILLION_KEYS, 50_000):
            await one.announce(keys)
        await at.holds(one, MILLION)
        for number, ruling in enumerate(OUT_OF_ACTIVE, 2):
            two = await at.client(number, lifted=False)
            stop_reading(two.peer)
            lift(two.session)
            assert 0 < two.session.view().sent < MILLION == two.session.view().rendered
            await is_cut(at.scene, two.session, two.peer, ruling)
        assert one.session.view().bgp_state is BgpState.ESTABLISHED, "which costs nobody else anything"


def chunks(keys: tuple[bytes, ...], size: int) -> Iterator[tuple[bytes, ...]]:
    left = iter(keys)
    return iter(lambda: tuple(islice(left, size)), ())


MILLION_KEYS = prefixes(V4, MILLION)


async def test_a_deny_reaches_a_connection_that_is_closing() -> None:
    """The session is closed first and its NOTIFICATION waits: a deny that comes then cuts it."""
    async with scene() as stage:
        made = stage.speaker("edge", [announcement(V4, MILLION_KEYS)])
        where = await made.listen(EDGE4)
        here = made.add(edge_config(where, PEER4))
        async with await RawPeer.dial(where) as peer:
            await peer.greet()
            await stage.established(here)
            stop_reading(peer)
            lift(here)
            left = on_the_wire(here)
            here.stop(cease(Cease.ADMINISTRATIVE_SHUTDOWN))
            deny(here)
            mine = unread(peer)
            assert mine <= (await all_that_comes(peer))[0] <= mine + left
            await asyncio.wait_for(here.stopped(), PATIENCE)
            assert here.view().leaked_out == 0


async def test_a_notification_does_not_wait_for_the_table() -> None:
    """A session that ends sends what is left of the message under way, and why it ends."""
    async with scene() as stage:
        made = stage.speaker("edge", [announcement(V4, MILLION_KEYS)])
        where = await made.listen(EDGE4)
        here = made.add(edge_config(where, PEER4))
        async with await RawPeer.dial(where) as peer:
            await peer.greet()
            await stage.established(here)
            stop_reading(peer)
            lift(here)
            assert here.view().sent < MILLION
            here.stop(cease(Cease.ADMINISTRATIVE_SHUTDOWN))
            peer.writer.transport.resume_reading()  # type: ignore[attr-defined]
            found = await peer.rest()
            assert found[-1][0] == MessageType.NOTIFICATION
            kept = sum(len(split_update(body).announced) for kind, body in found if kind == MessageType.UPDATE)
            assert 0 < kept < 4 * MILLION


async def test_a_peer_that_reads_slowly_gets_it_all() -> None:
    async with scene() as stage:
        made = stage.speaker("edge", [announcement(V4, MILLION_KEYS)])
        where = await made.listen(EDGE4)
        here = made.add(edge_config(where, PEER4))
        async with await RawPeer.dial(where) as peer:
            await peer.greet()
            await stage.established(here)
            stop_reading(peer)
            lift(here)
            assert here.view().sent < MILLION
            here.rule(ConnectionState.ACTIVE, session_validated=True)
            peer.writer.transport.resume_reading()  # type: ignore[attr-defined]
            got = [k for parts in await peer.updates_to_end_of_rib() for k in nlri.split(parts.announced, V4)]
            assert tuple(got) == MILLION_KEYS and here.view().sent == MILLION
            deny(here)
            gone: list[bytes] = []
            while len(gone) < MILLION:
                gone += nlri.split(split_update(await peer.expect(MessageType.UPDATE)).withdrawn, V4)
            assert here.view().bgp_state is BgpState.ESTABLISHED and here.view().sent == 0
            assert here.view().withdrawn_by_us == MILLION


# --- what waits ---


async def test_refreshes_at_once_are_answered_once() -> None:
    async with scene() as stage:
        made = stage.speaker("edge", [announcement(V4, prefixes(V4, 5))])
        where = await made.listen(EDGE4)
        here = made.add(edge_config(where, PEER4))
        async with await RawPeer.dial(where) as peer:
            await peer.greet()
            await stage.established(here)
            lift(here)
            await peer.updates_to_end_of_rib()
            await peer.send(encode_refresh(RouteRefresh(V4)) * 5)
            found = [await peer.message() for _ in range(3)]
            mark, update = MessageType.ROUTE_REFRESH, MessageType.UPDATE
            assert [message[0] for message in found if message] == [mark, update, mark]
            deny(here)
            assert split_update(await peer.expect(update)).withdrawn, "nothing else came"


async def test_a_peer_that_asks_and_does_not_read_costs_no_memory() -> None:
    """5,000 requests for 3,000 routes, each in a read of its own."""
    count = 3000
    async with scene() as stage:
        made = stage.speaker("edge", [announcement(V4, prefixes(V4, count))])
        where = await made.listen(EDGE4)
        here = made.add(edge_config(where, PEER4))
        async with await RawPeer.dial(where) as peer:
            peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await peer.greet()
            await stage.established(here)
            lift(here)
            await peer.updates_to_end_of_rib()
            stop_reading(peer)
            (tcp,) = here.talking
            request, image = encode_refresh(RouteRefresh(V4)) + KEEPALIVE, here.peer.outbound.image
            assert image is not None
            for _ in range(2000):
                here.tcp_received(tcp, request)
            before, taken = resident(), tcp.stream.taken
            for _ in range(5000):
                here.tcp_received(tcp, request)
            grown = resident() - before
            assert tcp.stream.taken == taken, "the kernel takes no more"
            assert grown < 1_000_000, f"{grown} octets more"
            assert here.view().sent == count
            peer.octets = b""
            peer.writer.transport.resume_reading()  # type: ignore[attr-defined]
            while tcp.stream.is_blocked:
                await peer.message()
            assert ask_again(here)  # which the peer sees behind all else
            while await peer.message() != (MessageType.ROUTE_REFRESH, b"\0\1\0\1"):
                pass
            answer = len(image.announce) + 46
            assert len(peer.octets) <= taken + 2 * answer, "what was begun, and one answer more"


async def test_a_client_that_does_not_read_holds_nobody_up_and_has_the_same_table_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(journal, "SHARED", 1 << 20)
    keys = MILLION_KEYS[:100_000]
    async with exchange() as at:
        one, fast, slow = await at.clients(3)
        tables: dict[int, dict[bytes, bytes]] = {2: {}, 3: {}}
        stop_reading(slow.peer)

        async def until(client: Client, wanted: Callable[[], bool]) -> None:
            """Read until this is true of what the client has."""
            table = tables[client.number]
            while not wanted():
                message = await client.peer.message()
                assert message is not None
                if message[0] == MessageType.UPDATE:
                    parts = split_update(message[1])
                    for key in nlri.split(parts.withdrawn, V4):
                        table.pop(key, None)
                    table.update(dict.fromkeys(nlri.split(parts.announced, V4), parts.attributes))

        (tcp,) = slow.session.talking
        backlog = slow.session.peer.outbound.changes  # type: ignore[attr-defined]
        sizes, left = [], len(keys)

        def fast_has_it() -> bool:
            return len(tables[2]) == left and set(tables[2].values()) == {raw}

        for turn in range(12):
            left = len(keys)
            for some in chunks(keys, 20_000):
                raw = await one.announce(some, 3000 + turn)
            await until(fast, fast_has_it)
            sizes.append(len(backlog))
            if turn % 2:
                left -= 5000 * turn
                for some in chunks(keys[: 5000 * turn], 20_000):
                    await one.withdraw(some)
                await until(fast, fast_has_it)
        assert tcp.stream.is_blocked and slow.session.view().rendered == left
        assert len(keys) / 2 < max(sizes) <= len(keys) + 1000, "a prefix waits once"
        slow.peer.writer.transport.resume_reading()  # type: ignore[attr-defined]
        await until(slow, lambda: not tcp.stream.is_blocked and tables[3] == tables[2])
        view = slow.session.view()
        assert not backlog and view.sent == view.rendered == left and view.leaked_out == 0
        assert view.established_transitions == 1
