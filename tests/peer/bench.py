"""A peer on a bench: the test turns the clock, makes and breaks the connections, and is the kernel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from simulator.connection.states import ConnectionState
from simulator.gate import Change
from simulator.peer.effects import Abort, Close, Dial, Reset, StopDial, TcpEffect, Write
from simulator.peer.events import NeighborConfig, SpeakerEvent
from simulator.peer.peer import BgpPeer
from simulator.peer.stream import Stream
from simulator.places.endpoint import Endpoint
from simulator.rib.adj_out import Images
from simulator.rib.announcement import Announcement
from simulator.rib.loc import LocRib
from simulator.session.fsm import Channel
from simulator.session.messages import Family, Notification
from tests.speakers.support import EDGE4, LOOPBACK6, PEER4, edge_config


@dataclass(eq=False)
class Line:
    """One TCP connection of the peer, seen from the other side, with a kernel that passes on all that it takes."""

    bench: Bench
    stream: Stream
    room: int | None = None
    """How many octets the kernel takes; None: any number."""
    is_up: bool = True
    half_closed: bool = False
    was_reset: bool = False
    received: bytearray = field(default_factory=bytearray)
    begun: bytearray = field(default_factory=bytearray)
    """The message that has come in part, for those who parse what was written."""
    holds: set[bytes] = field(default_factory=set)
    """What the peer holds, for those who parse what was written."""

    def says(self, octets: bytes) -> None:
        """Octets arrive, as a socket would pass them on."""
        if self.is_up and not self.stream.is_closing:
            self.bench.peer.receive(self.stream, octets, self.bench.now)
            self.bench.carry_out()

    def reads(self, room: int | None) -> None:
        """The other side makes room."""
        self.room = room
        self.bench.write(self)
        self.bench.carry_out()


class Bench:
    """One peer."""

    def __init__(
        self,
        family: Family,
        announcements: tuple[Announcement, ...],
        loc_rib: LocRib,
        written: Callable[[Bench, Line, bytes], None] = lambda *_: None,
        told: Callable[[SpeakerEvent], None] = lambda _: None,
        **options: Any,
    ) -> None:
        here, there = (EDGE4, PEER4) if family is Family.IPV4 else (LOOPBACK6, LOOPBACK6 + 1)
        config: NeighborConfig = edge_config(Endpoint(here, 179), there, Endpoint(there, 179))
        self.now = 1_000_000.0
        self.lines: list[Line] = []
        self.is_dialling = False
        self.dials = self.dials_stopped = 0
        self._written, self._told = written, told
        self.peer = BgpPeer(replace(config, **options), loc_rib, Images(announcements), jitter=lambda: 0.5)

    # --- commands ---

    def start(self) -> None:
        self.peer.start(self.now)
        self.carry_out()

    def stop(self, notification: Notification) -> None:
        self.peer.stop(notification, self.now)
        self.carry_out()

    def rule(self, state: ConnectionState | None, *, session_validated: bool) -> Change:
        change = self.peer.rule(state, session_validated=session_validated, now=self.now)
        self.carry_out()
        return change

    def lift(self) -> None:
        self.rule(ConnectionState.ACTIVE, session_validated=True)

    def deny(self) -> None:
        self.rule(ConnectionState.PENDING_REMOVE, session_validated=False)

    def advance(self, seconds: float) -> None:
        """Turn the clock on, firing on the way what is due."""
        end = self.now + seconds
        while (when := self.peer.next_timer()) is not None and when <= end:
            self.now = max(self.now, when)
            self.peer.timer(self.now)
            self.carry_out()
        self.now = end

    # --- TCP ---

    def answer(self) -> Line:
        """The dial succeeds."""
        assert self.is_dialling
        self.is_dialling = False
        return self._up(Channel.DIALLED)

    def refuse(self) -> None:
        """The dial fails."""
        assert self.is_dialling
        self.is_dialling = False
        self.peer.dial_failed("Connection refused", self.now)
        self.carry_out()

    def call(self) -> Line:
        """The peer's connection arrives."""
        return self._up(Channel.ACCEPTED)

    def _up(self, channel: Channel) -> Line:
        line = Line(self, Stream(channel, self.peer.config.local_address))
        self.lines.append(line)
        self.peer.connected(line.stream, self.now)
        self.carry_out()
        return line

    def lose(self, line: Line, *, fin: bool) -> None:
        """The peer ends a connection."""
        if line.is_up:
            line.is_up = False
            if not line.stream.is_closing:
                why = "closed by the peer" if fin else "Connection reset by peer"
                self.peer.disconnected(line.stream, why, self.now)
            self._end(line)
            self.carry_out()

    def _end(self, line: Line) -> None:
        line.is_up = False
        self.peer.gone(line.stream)

    def line(self, stream: Stream) -> Line:
        return next(line for line in self.lines if line.stream is stream)

    # --- what the peer asks for ---

    def carry_out(self) -> None:
        while self.peer.effects:
            effect = self.peer.effects.popleft()
            if isinstance(effect, TcpEffect):
                self._act(effect)
            else:
                self._told(effect)

    def _act(self, effect: TcpEffect) -> None:
        match effect:
            case Dial():
                self.is_dialling = True
                self.dials += 1
            case StopDial():
                self.is_dialling = False
                self.dials_stopped += 1
            case Write(stream) | Close(stream):
                self.write(self.line(stream))
            case Abort(stream):
                self._end(self.line(stream))
            case Reset(stream):
                self.line(stream).was_reset = True
                self._end(self.line(stream))
                self.peer.reset_done(stream, self.now)

    def write(self, line: Line) -> None:
        """The kernel takes what there is room for."""
        while line.is_up and not line.half_closed:
            octets = self.peer.to_send(line.stream, self.now)
            if not octets:
                line.half_closed = line.stream.is_closing
                return
            taken = bytes(octets[: line.room])
            if line.room is not None:
                line.room -= len(taken)
            if taken:
                self.peer.sent(line.stream, len(taken), self.now)
                line.received += taken
                self._written(self, line, taken)
            if len(taken) < len(octets):
                return
