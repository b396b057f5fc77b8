"""The TCP connections of one peer: those on which its session talks, those that end, and the dial under way."""

from __future__ import annotations

from collections.abc import Callable

from simulator.peer.effects import Abort, Close, Dial, Reset, StopDial, TcpEffect, Write
from simulator.peer.stream import Stream
from simulator.session.fsm import Channel

_MOST_OPEN = 8
"""So many connections of one caller may wait to be closed in order; who calls more often is cut without a word."""


class Streams:
    """At most one connection a channel, and those that are not gone yet."""

    def __init__(self, tell: Callable[[TcpEffect], None]) -> None:
        """`tell` takes what is to be done."""
        self.kept: dict[Channel, Stream] = {}
        """The connections on which the session talks."""
        self.open: dict[Stream, None] = {}
        """The connections that are not gone yet, those that talk among them."""
        self._tell = tell
        self._count = 0
        self._dialling = False

    def of(self, channel: Channel | None) -> Stream | None:
        """The channel's connection, where the session talks on one."""
        return self.kept.get(channel) if channel is not None else None

    def holds(self, stream: Stream) -> bool:
        """Whether the session talks on this connection."""
        return self.kept.get(stream.channel) is stream

    def add(self, stream: Stream) -> None:
        """A connection has come up; the session has yet to say whether it wants it."""
        self._count += 1
        stream.number = self._count
        self.open[stream] = None

    def keep(self, stream: Stream) -> None:
        """The session talks on this one."""
        self.kept[stream.channel] = stream
        stream.is_kept = True
        if stream.channel is Channel.DIALLED:
            self._dialling = False

    def gone(self, stream: Stream) -> None:
        """Nothing is left of a connection."""
        stream.drop()
        self.open.pop(stream, None)

    # --- dialling ---

    def dial(self) -> None:
        self._dialling = True
        self._tell(Dial())

    def dial_failed(self) -> None:
        self._dialling = False

    # --- sending and ending ---

    def write(self, stream: Stream | None) -> None:
        """There may be something to send."""
        if stream is not None:
            self._tell(Write(stream))

    def say(self, channel: Channel, message: bytes) -> None:
        """Send one message on a channel's connection; nothing when it has no connection."""
        stream = self.kept.get(channel)
        if stream is not None:
            stream.say(message)
            self._tell(Write(stream))

    def close(self, channel: Channel) -> None:
        """Give up the channel's dial; end its connection once everything is sent."""
        if channel is Channel.DIALLED and self._dialling:
            self._dialling = False
            self._tell(StopDial())
        stream = self.kept.pop(channel, None)
        if stream is not None:
            stream.close()
            self._tell(Close(stream))

    def refuse(self, stream: Stream, message: bytes) -> None:
        """Send a caller this one message, and close. Where too many of its connections wait for that, cut this one."""
        if len(self.open) > _MOST_OPEN:
            self.abort(stream)
            return
        stream.say(message)
        stream.close()
        self._tell(Close(stream))

    def abort(self, stream: Stream) -> None:
        """End a connection without a word."""
        stream.drop()
        self._tell(Abort(stream))

    def reset(self, stream: Stream) -> None:
        """Cut a connection at once, with all that has not left."""
        self.lost(stream)
        stream.drop()
        self._tell(Reset(stream))

    def lost(self, stream: Stream) -> bool:
        """The session talks no more on this connection. False where it did not."""
        if not self.holds(stream):
            return False
        del self.kept[stream.channel]
        return True
