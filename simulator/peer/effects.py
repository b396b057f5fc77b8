"""What a peer asks its owner to do with TCP. Its other effects are events."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.peer.events import SpeakerEvent
from simulator.peer.stream import Stream


class TcpEffect:
    """Something to do with TCP."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Dial(TcpEffect):
    """Open a TCP connection to the peer."""


@dataclass(frozen=True, slots=True)
class StopDial(TcpEffect):
    """Give up the dial that is under way."""


@dataclass(frozen=True, slots=True)
class Write(TcpEffect):
    """There is something to send: ask `to_send` whenever the kernel can take more."""

    stream: Stream


@dataclass(frozen=True, slots=True)
class Close(TcpEffect):
    """Send what waits, then end the connection in order."""

    stream: Stream


@dataclass(frozen=True, slots=True)
class Abort(TcpEffect):
    """End the connection at once and send nothing more on it."""

    stream: Stream


@dataclass(frozen=True, slots=True)
class Reset(TcpEffect):
    """Reset the connection now, with all that the kernel holds of it; then tell `reset_done`."""

    stream: Stream


Effect = TcpEffect | SpeakerEvent
