"""Whoever calls a speaker that takes anybody: heard, bounded, told, and forgotten when it has left."""

from __future__ import annotations

import asyncio
import socket
from contextlib import AsyncExitStack
from typing import Any

import pytest

from simulator.addresses import IpAddress
from simulator.peer.events import CallerRefused, NeighborConfig, NotificationExchanged, UnknownPeer, cease
from simulator.places.endpoint import Endpoint
from simulator.session.config import SessionTimes
from simulator.session.messages import Cease
from simulator.session.states import BgpState
from simulator.speakers.callers import MOST_CALLERS, MOST_LEAVING, Leaving
from simulator.speakers.neighbor import Neighbor
from simulator.speakers.speaker import Speaker
from simulator.speakers.tcp import TcpConnection
from simulator.wire.framing import KEEPALIVE, MessageType
from simulator.wire.notification import encode_notification
from tests.patience import PATIENCE
from tests.speakers.support import (
    EDGE4,
    PEER4,
    V4,
    RawPeer,
    Scene,
    announcement,
    edge_config,
    prefixes,
    raw_open,
    scene,
)

RESTS = SessionTimes(idle_hold=30.0)
"""Longer than any test."""


async def anybody(stage: Scene, most: int | None = None, **options: Any) -> tuple[Speaker, Endpoint]:
    """A speaker that takes whoever calls, at most so many."""

    def dynamic(where: Endpoint, caller: IpAddress) -> NeighborConfig:
        return edge_config(where, caller, id=str(caller), **options)

    edge = stage.speaker("edge", [announcement(V4, prefixes(V4, 3))], dynamic=dynamic)
    if most is not None:
        edge._callers._most = most
    return edge, await edge.listen(EDGE4)


async def opened(peer: RawPeer) -> RawPeer:
    await peer.expect(MessageType.OPEN)
    return peer


async def test_who_hangs_up_before_its_open_is_forgotten_at_once() -> None:
    async with scene() as stage:
        edge, where = await anybody(stage)
        async with await RawPeer.dial(where) as peer:
            await opened(peer)
            assert edge.has(str(PEER4))
        await stage.until(lambda: not edge.neighbors, "forgotten")
        assert not edge._callers._sessions and not edge._callers._pending and not edge._places
        assert all(not listener.neighbors for listener in edge._listeners.values())


@pytest.mark.parametrize("ending", ["goodbye", "garbage", "reset"])
async def test_who_leaves_is_remembered_for_its_idle_hold_time_and_then_no_longer(ending: str) -> None:
    async with scene() as stage:
        edge, where = await anybody(stage)
        async with await RawPeer.dial(where) as peer:
            await peer.greet()
            await stage.established(edge.neighbor(str(PEER4)))
            if ending == "goodbye":
                await peer.send(encode_notification(cease(Cease.ADMINISTRATIVE_SHUTDOWN)))
            elif ending == "garbage":
                await peer.send(b"GET / HTTP/1.1\r\n\r\n")
        neighbor = edge.neighbor(str(PEER4))
        await stage.until(lambda: neighbor.view().bgp_state is BgpState.IDLE, "it rests")
        assert edge.neighbors == (neighbor,)
        await stage.until(lambda: not edge.neighbors, "forgotten")
        async with await RawPeer.dial(where) as peer:
            await peer.greet()
            assert edge.neighbor(str(PEER4)) is not neighbor


async def test_a_caller_that_rests_is_told_and_the_listeners_know_when_it_may_come_back() -> None:
    async with scene() as stage:
        _, where = await anybody(stage, times=RESTS)
        async with await RawPeer.dial(where) as peer:
            await peer.greet()
            await peer.send(encode_notification(cease(Cease.ADMINISTRATIVE_SHUTDOWN)))
            await peer.rest()
        async with await RawPeer.dial(where) as peer:
            notification = await peer.refused()
        assert (notification.code, notification.subcode) == (6, Cease.CONNECTION_REJECTED)
        (told,) = stage.of(CallerRefused)
        assert (told.session, told.address) == (str(PEER4), str(PEER4))
        assert told.why.startswith("the session rests: NOTIFICATION received: 6/2")
        assert told.again is not None and told.time + 20 < told.again <= told.time + 30


async def test_a_call_beside_a_session_that_talks_is_cut_and_told() -> None:
    async with scene() as stage:
        _, where = await anybody(stage)
        async with await RawPeer.dial(where) as peer, await RawPeer.dial(where) as second:
            with pytest.raises(ConnectionError):
                assert await second.message() is None
                raise ConnectionResetError  # a FIN will do as well
            await peer.greet()
            (told,) = stage.of(CallerRefused)
            assert (told.again, told.why) == (None, "the session is OpenSent on another connection")


async def test_a_storm_of_calls_from_one_address_leaves_few_connections() -> None:
    async with scene() as stage:
        edge, where = await anybody(stage, times=RESTS)
        async with await RawPeer.dial(where) as peer:
            await peer.greet()
            await peer.send(encode_notification(cease(Cease.ADMINISTRATIVE_SHUTDOWN)))
            await peer.rest()
        neighbor = edge.neighbor(str(PEER4))
        async with AsyncExitStack() as stack:
            for _ in range(100):
                await stack.enter_async_context(await RawPeer.dial(where))
            await stage.until(lambda: len(stage.of(CallerRefused)) == 100, "each was refused")
            assert len(neighbor.connections.open) <= 10


async def test_where_all_are_up_the_next_caller_is_out_of_resources() -> None:
    async with scene() as stage, AsyncExitStack() as stack:
        edge, where = await anybody(stage, most=3)
        for number in range(3):
            peer = await stack.enter_async_context(await RawPeer.dial(where, PEER4 + number))
            await peer.greet(identifier=f"10.0.0.{number + 2}")
            await stage.established(edge.neighbor(str(PEER4 + number)))
        async with await RawPeer.dial(where, PEER4 + 9) as late:
            notification = await late.refused()
        assert (notification.code, notification.subcode) == (6, Cease.OUT_OF_RESOURCES)
        (told,) = stage.of(CallerRefused)
        assert (told.address, told.again) == (str(PEER4 + 9), None)
        assert len(edge.neighbors) == 3


@pytest.mark.parametrize("said", [b"", raw_open()[:30], raw_open()], ids=["nothing", "half an OPEN", "no KEEPALIVE"])
async def test_who_says_nothing_makes_room_for_who_does(said: bytes) -> None:
    """However many hold their connection open: the one that has waited longest goes, and a session that is up stays."""
    async with scene() as stage, AsyncExitStack() as stack:
        edge, where = await anybody(stage, most=5)
        up = await stack.enter_async_context(await RawPeer.dial(where))
        await up.greet()
        silent = []
        for number in range(1, 30):
            peer = await stack.enter_async_context(await RawPeer.dial(where, PEER4 + number))
            await opened(peer)
            await peer.send(said)
            silent.append(peer)
            assert len(edge.neighbors) <= 5
        late = await stack.enter_async_context(await RawPeer.dial(where, PEER4 + 100))
        await late.greet(identifier="10.0.0.99")
        await stage.established(edge.neighbor(str(PEER4 + 100)), edge.neighbor(str(PEER4)))
        notification = await silent[0].refused() if said != raw_open() else None
        assert notification is None or (notification.code, notification.subcode) == (6, Cease.OUT_OF_RESOURCES)
        sent = [event.seen.notification.subcode for event in stage.of(NotificationExchanged)]
        assert set(sent) == {Cease.OUT_OF_RESOURCES} and len(sent) == 29 + 2 - 5
        assert edge.neighbor(str(PEER4)).view().bgp_state is BgpState.ESTABLISHED


async def test_thousands_of_addresses_leave_no_trace() -> None:
    async with scene() as stage:
        edge, where = await anybody(stage)
        for number in range(300):
            async with await RawPeer.dial(where, PEER4 + number) as peer:
                await opened(peer)
        await stage.until(lambda: not edge.neighbors, "all are forgotten")
        assert not edge._places and not edge._callers._sessions and not edge._callers._pending


async def test_the_bounds_leave_room_for_files() -> None:
    assert MOST_CALLERS + MOST_LEAVING < 1000


class _Connection:
    """As much of a connection as `Leaving` knows."""

    def __init__(self) -> None:
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.is_cut = False

    def abort(self) -> None:
        self.is_cut = True
        asyncio.get_running_loop().call_soon(self.ended.set_result, None)


async def test_of_those_that_are_leaving_the_oldest_is_cut() -> None:
    leaving, tcps = Leaving(most=3), [_Connection() for _ in range(8)]
    for tcp in tcps:
        leaving.add(tcp)  # type: ignore[arg-type]
    assert [tcp.is_cut for tcp in tcps] == [True] * 5 + [False] * 3
    for tcp in tcps[5:]:
        tcp.abort()
    await asyncio.wait_for(leaving.ended(), PATIENCE)
    assert not leaving._open and not leaving._ends


async def test_strangers_that_do_not_hang_up_are_bounded_too() -> None:
    async with scene() as stage, AsyncExitStack() as stack:
        edge = stage.speaker("edge")
        edge._leaving._most = 4
        where = await edge.listen(EDGE4)
        strangers = [await stack.enter_async_context(await RawPeer.dial(where, PEER4 + n)) for n in range(20)]
        await stage.until(lambda: len(stage.of(UnknownPeer)) == 20, "all were refused")
        assert len(edge._leaving._open) <= 4
        assert (await strangers[-1].refused()).subcode == Cease.CONNECTION_REJECTED


async def test_many_calls_at_once_do_not_open_many_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them wait in the backlog. Those that are accepted get their turn, and their end, before the next are."""
    open_now: set[TcpConnection] = set()
    most, made, lost = 0, TcpConnection.connection_made, TcpConnection.connection_lost

    def connection_made(self: TcpConnection, transport: asyncio.BaseTransport) -> None:
        nonlocal most
        open_now.add(self)
        most = max(most, len(open_now))
        made(self, transport)

    def connection_lost(self: TcpConnection, error: Exception | None) -> None:
        open_now.discard(self)
        lost(self, error)

    monkeypatch.setattr(TcpConnection, "connection_made", connection_made)
    monkeypatch.setattr(TcpConnection, "connection_lost", connection_lost)
    async with scene() as stage, AsyncExitStack() as stack:
        edge, where = await anybody(stage, most=5)
        edge._leaving._most = 4
        for number in range(300):
            caller = stack.enter_context(socket.socket())
            caller.bind((str(PEER4 + number), 0))
            caller.connect((str(where.host), where.port))
        await stage.until(lambda: edge.has(str(PEER4 + 299)), "the last one was heard")
        assert most < 100


# --- one octet at a time, and nothing at all ---


async def test_one_octet_at_a_time() -> None:
    async with scene() as stage:
        edge, where = await anybody(stage)
        async with await RawPeer.dial(where) as peer:
            for octet in raw_open() + KEEPALIVE:
                await peer.send(bytes((octet,)))
            neighbor: Neighbor = edge.neighbor(str(PEER4))
            await stage.established(neighbor)
            assert (neighbor.view().established_transitions, neighbor.view().notifications) == (1, ())
