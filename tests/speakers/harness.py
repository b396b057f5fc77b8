"""One neighbour without sockets: the test makes and breaks its TCP connections, and is their kernel."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from simulator.peer.events import SpeakerEvent
from simulator.peer.stream import KernelQueue
from simulator.places.endpoint import Endpoint
from simulator.places.loopback import HostPlace
from simulator.rib.adj_out import Images
from simulator.rib.loc import LocRib
from simulator.session.fsm import Channel
from simulator.speakers.clock import Clock
from simulator.speakers.neighbor import Neighbor
from simulator.speakers.outlet import Outlet
from simulator.speakers.runtime import Runtime
from simulator.speakers.tap import Tap
from simulator.speakers.tcp import TcpConnection
from tests.speakers.support import EDGE4, PEER4, V4, announcement, edge_config, prefixes


@dataclass(eq=False)
class Line(Outlet, asyncio.Transport):
    """One TCP connection, seen from the other side: its transport, which can only end, and its kernel."""

    tcp: TcpConnection
    room: int | None = None
    """How many octets the kernel takes; None: any number."""
    received: bytearray = field(default_factory=bytearray)
    is_up: bool = True
    half_closed: bool = False
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    was_reset: bool = False
    queue = KernelQueue(0, 0)
    held = 0
    _callback: Callable[[], None] | None = None

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 179) if name in ("sockname", "peername") else default

    def pause_reading(self) -> None:
        """What the peer says meanwhile the test says later."""

    def resume_reading(self) -> None: ...

    def end(self, error: Exception | None) -> None:
        """The connection is gone."""
        if self.is_up:
            self.is_up = False
            self.tcp.connection_lost(error)

    def take(self, octets: bytes | memoryview) -> int:
        assert not self.half_closed, "written after the end of the stream"
        taken = bytes(octets[: self.room])
        if self.room is not None:
            self.room -= len(taken)
        self.received += taken
        return len(taken)

    def reads(self, room: int | None) -> None:
        """The peer makes room."""
        self.room = room
        if room != 0 and self._callback is not None:
            self._callback()

    def when_writable(self, callback: Callable[[], None]) -> None:
        self._callback = callback

    def at_rest(self) -> None:
        self._callback = None

    def finish(self) -> None:
        self.half_closed = True
        self.finished.set()

    def close(self) -> None:
        self.end(None)

    def reset(self) -> None:
        self.was_reset = True
        self.end(None)


class Bench:
    """One neighbour with three prefixes to announce. Must be used inside a running event loop."""

    def __init__(
        self,
        told: Callable[[SpeakerEvent], None],
        *,
        tap: Tap | None = None,
        clock: Clock | None = None,
        **options: Any,
    ) -> None:
        """`clock`: one that several of them share, as the neighbours of a speaker do."""
        config = edge_config(Endpoint(EDGE4, 179), PEER4, Endpoint(PEER4, 179))
        self.tap = tap
        self.dialled: Callable[[], TcpConnection] | None = None
        """Makes the connection of the dial that is under way."""
        self._answer: asyncio.Future[None] | None = None
        runtime = Runtime(
            HostPlace("bench", {}),
            clock or Clock(asyncio.get_running_loop()),
            told,
            LocRib(),
            Images((announcement(V4, prefixes(V4, 3)),)),
            tap,
            connect=self._connect,
        )
        self.neighbor = Neighbor(replace(config, **options), runtime)

    async def _connect(self, *where: Any, md5: str | None, gtsm: bool) -> None:
        answer = self._answer = asyncio.get_running_loop().create_future()
        self.dialled = where[-1]
        try:
            await answer
        finally:
            if self._answer is answer:
                self.dialled = None

    def answer(self) -> Line:
        """The dial succeeds."""
        assert self._answer is not None and self.dialled is not None
        made = self.dialled
        self._answer.set_result(None)
        return self.up(made())

    def refuse(self) -> None:
        """The dial fails."""
        assert self._answer is not None
        self._answer.set_exception(ConnectionRefusedError(111, "Connection refused"))

    def call(self) -> Line:
        """The peer's connection arrives."""
        return self.up(TcpConnection(Channel.ACCEPTED, self.neighbor))

    def up(self, tcp: TcpConnection) -> Line:
        tcp.outlet = line = Line(tcp)
        tcp.connection_made(line)
        return line

    def lose(self, line: Line, *, fin: bool) -> None:
        """The peer ends a connection."""
        if fin and line.is_up:
            line.tcp.eof_received()
        line.end(None if fin else ConnectionResetError(104, "Connection reset by peer"))
