"""One neighbour without sockets: a clock that the test turns, TCP connections that the test makes and breaks.

Everything between is the real thing: Neighbor, BgpSession, Wire, framing, RIBs and gate.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from simulator.peer.events import NeighborConfig, SpeakerEvent
from simulator.places.endpoint import Endpoint
from simulator.places.loopback import HostPlace
from simulator.places.place import Place
from simulator.rib.adj_out import Images
from simulator.rib.announcement import Announcement
from simulator.rib.loc import LocRib
from simulator.session.fsm import Channel
from simulator.session.messages import Family
from simulator.speakers.clock import Clock
from simulator.speakers.neighbor import Neighbor
from simulator.speakers.outlet import Outlet
from simulator.speakers.services import Services
from simulator.speakers.tap import Tap
from simulator.speakers.tcp import Wire
from tests.speakers.support import EDGE4, LOOPBACK6, PEER4, edge_config


class FakeTransport(asyncio.Transport):
    """A transport that can only end."""

    def __init__(self) -> None:
        super().__init__()
        self.wire: Wire | None = None
        self.ended = False

    def write(self, data: Any) -> None:
        raise AssertionError("nothing may be given to the transport")

    def abort(self) -> None:
        self.end(None)

    def end(self, error: Exception | None) -> None:
        """The connection is gone."""
        if not self.ended:
            self.ended = True
            assert self.wire is not None
            self.wire.connection_lost(error)

    def is_closing(self) -> bool:
        return self.ended

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 179) if name in ("sockname", "peername") else default


class FakeOutlet(Outlet):
    """A kernel that gives the peer all it takes. `room`: how many octets it takes; None: any number."""

    held = 0
    unacknowledged = 0

    def __init__(self, transport: FakeTransport, written: Callable[[bytes], None]) -> None:
        self.transport = transport
        self.room: int | None = None
        self.half_closed = False
        self.was_reset = False
        self._written = written
        self._callback: Callable[[], None] | None = None

    def take(self, octets: bytes | memoryview) -> int:
        assert not self.half_closed, "written after the end of the stream"
        taken = bytes(octets[: self.room])
        if self.room is not None:
            self.room -= len(taken)
        if taken and not self.transport.ended:
            self._written(taken)
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

    def close(self) -> None:
        self.transport.abort()

    def reset(self) -> None:
        self.was_reset = True
        self.transport.abort()


class FakeTimer(asyncio.TimerHandle):
    """A timer of the fake clock; the event loop never sees it."""

    def __init__(self, when: float, callback: Callable[[], None], loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(when, callback, (), loop)
        self.callback = callback

    def cancel(self) -> None:
        self._cancelled = True


class FakeClock(Clock):
    """Stands still until the test turns it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.time = 1_000_000.0
        self.timers: list[FakeTimer] = []

    def now(self) -> float:
        return self.time

    def to_loop(self, when: float) -> float:
        return when

    def call_at(self, when: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        timer = FakeTimer(when, callback, self._loop)
        self.timers.append(timer)
        return timer

    def next(self) -> FakeTimer | None:
        self.timers = [timer for timer in self.timers if not timer.cancelled()]
        return min(self.timers, key=FakeTimer.when, default=None)

    def advance(self, seconds: float) -> None:
        """Turn the clock on, firing on the way what is due."""
        end = self.time + seconds
        while (timer := self.next()) is not None and timer.when() <= end:
            self.timers.remove(timer)
            self.time = max(self.time, timer.when())
            timer.callback()
        self.time = end


@dataclass
class Line:
    """One TCP connection of the neighbour, seen from the other side."""

    wire: Wire
    transport: FakeTransport
    outlet: FakeOutlet
    received: bytearray = field(default_factory=bytearray)
    begun: bytearray = field(default_factory=bytearray)
    """The message that has come in part, for those who replay what was written."""
    holds: set[bytes] = field(default_factory=set)
    """What the peer holds, for those who replay what was written."""

    @property
    def is_up(self) -> bool:
        return not self.transport.ended


class Bench:
    """One neighbour on a bench. Must be used inside a running event loop."""

    def __init__(
        self,
        family: Family,
        announcements: tuple[Announcement, ...],
        loc_rib: LocRib,
        written: Callable[[Bench, Line, bytes], None],
        told: Callable[[SpeakerEvent], None],
        *,
        tap: Tap | None = None,
        **options: Any,
    ) -> None:
        here, there = (EDGE4, PEER4) if family is Family.IPV4 else (LOOPBACK6, LOOPBACK6 + 1)
        config: NeighborConfig = edge_config(Endpoint(here, 179), there, Endpoint(there, 179))
        self.clock = FakeClock(asyncio.get_running_loop())
        self.lines: list[Line] = []
        self.tap = tap
        self._written = written
        self._dial: tuple[asyncio.Future[None], Callable[[], Wire]] | None = None
        services = Services(
            HostPlace("bench", {}), self.clock, told, loc_rib, Images(announcements), tap, connect=self._connect
        )
        self.neighbor = Neighbor(replace(config, **options), services)

    async def _connect(
        self, place: Place, local: object, peer: Endpoint, wire: Callable[[], Wire], *, md5: str | None, gtsm: bool
    ) -> None:
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._dial = (answer, wire)
        try:
            await answer
        finally:
            if self._dial is not None and self._dial[0] is answer:
                self._dial = None

    @property
    def is_dialling(self) -> bool:
        return self._dial is not None

    def answer(self) -> Line:
        """The dial succeeds."""
        assert self._dial is not None
        (answer, wire), self._dial = self._dial, None
        answer.set_result(None)
        return self._up(wire())

    def refuse(self) -> None:
        """The dial fails."""
        assert self._dial is not None
        answer, self._dial = self._dial[0], None
        answer.set_exception(ConnectionRefusedError(111, "Connection refused"))

    def call(self) -> Line:
        """The peer's connection arrives."""
        return self._up(Wire(Channel.ACCEPTED, self.neighbor))

    def _up(self, wire: Wire) -> Line:
        line: Line

        def written(data: bytes) -> None:
            line.received += data
            self._written(self, line, data)

        transport = FakeTransport()
        transport.wire = wire
        wire.outlet = outlet = FakeOutlet(transport, written)
        line = Line(wire, transport, outlet)
        self.lines.append(line)
        wire.connection_made(line.transport)
        return line

    def lose(self, line: Line, *, fin: bool) -> None:
        """The peer ends a connection."""
        if fin and not line.transport.ended:
            line.wire.eof_received()
        line.transport.end(None if fin else ConnectionResetError(104, "Connection reset by peer"))

    def crash(self) -> None:
        """The process is gone with all it had: nothing is said, no timer fires any more."""
        for line in self.lines:
            line.transport.ended = True
        for timer in self.clock.timers:
            timer.cancel()
        for task in self.neighbor.connections.dials:
            task.cancel()
