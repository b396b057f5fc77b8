"""Speakers whose sessions are taken down: what each peer hears, in the order of the event loop.

Nothing of it is looked into: the octets are kept as they came. What a peer gives back follows from it
(`simulator.speakers.replayed`), so of what it sends only a checksum is kept.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from random import Random, randrange
from typing import Any, Protocol
from zlib import crc32

from simulator.connection.states import ConnectionState
from simulator.gate import Change
from simulator.peer.events import NeighborConfig
from simulator.peer.peer import BgpPeer
from simulator.peer.stream import KernelQueue, Stream
from simulator.policy.policy import Policy
from simulator.session.messages import Notification
from simulator.speakers.clock import Clock
from simulator.speakers.neighbor import Neighbor
from simulator.speakers.runtime import Runtime
from simulator.speakers.speaker import Speaker


class Recorder(Protocol):
    """Where it is written."""

    def write(self, kind: str, *given: Any) -> None:
        """One record: its kind, and what `json` takes."""

    def new_peer(self) -> int:
        """The number of a peer."""


class TurnClock(Clock):
    """Time that stands still while one turn of the event loop lasts, in whole microseconds: all that is decided in a
    turn is decided at one moment, and can be again."""

    _turn: float | None = None

    def now(self) -> float:
        if self._turn is None:
            moment = -int(-super().now() * 1e6 // 1) / 1e6
            if self._loop.is_closed():  # an interrupted lab is reported when its turns are over
                return moment
            self._turn = moment
            self._loop.call_soon(self._over)
        return self._turn

    def _over(self) -> None:
        self._turn = None


class RecordedPeer:
    """Stands before a peer and takes down what happens to it; what is decided about it is computed again."""

    def __init__(self, config: NeighborConfig, runtime: Runtime, recorder: Recorder) -> None:
        seed = randrange(1 << 32)
        self._peer = BgpPeer(config, runtime.loc_rib, runtime.images, jitter=Random(seed).random)
        self._number = recorder.new_peer()
        self._write = recorder.write
        self._offered: bytes | memoryview = b""
        recorder.write("P", self._number, config.id, seed)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._peer, name)

    def stop(self, notification: Notification, now: float) -> None:
        self._write("x", self._number, int(notification.code), int(notification.subcode), notification.communication)
        self._peer.stop(notification, now)

    def rule(
        self,
        connection_state: ConnectionState | None,
        *,
        session_validated: bool,
        now: float,
        kernel: Mapping[Stream, KernelQueue] = {},
    ) -> Change:
        if kernel:
            self._write("k", self._number, [[stream.number, *queue] for stream, queue in kernel.items()])
        return self._peer.rule(connection_state, session_validated=session_validated, now=now, kernel=kernel)

    def apply_policy(self, policy: Policy, now: float) -> None:
        self._write("a", self._number)
        self._peer.apply_policy(policy, now)

    def timer(self, now: float) -> None:
        self._write("i", self._number)
        self._peer.timer(now)

    def connected(self, stream: Stream, now: float) -> None:
        local = stream.local_address
        self._write("c", self._number, stream.channel.value, None if local is None else str(local))
        self._peer.connected(stream, now)

    def receive(self, stream: Stream, octets: bytes, now: float) -> None:
        self._write("r", self._number, stream.number, b64encode(octets).decode())
        self._peer.receive(stream, octets, now)

    def disconnected(self, stream: Stream, why: str, now: float) -> None:
        self._write("d", self._number, stream.number, why)
        self._peer.disconnected(stream, why, now)

    def dial_failed(self, why: str, now: float) -> None:
        self._write("f", self._number, why)
        self._peer.dial_failed(why, now)

    def gone(self, stream: Stream) -> None:
        self._write("g", self._number, stream.number)
        self._peer.gone(stream)

    def to_send(self, stream: Stream, now: float) -> bytes | memoryview:
        self._write("t", self._number, stream.number)
        self._offered = self._peer.to_send(stream, now)
        return self._offered

    def sent(self, stream: Stream, count: int, now: float) -> None:
        self._write("s", self._number, stream.number, count, crc32(self._offered[:count]))
        self._peer.sent(stream, count, now)


class RecordedSpeaker(Speaker):
    """`recorder` is set before it has a session."""

    recorder: Recorder

    def _neighbor(self, config: NeighborConfig, runtime: Runtime) -> Neighbor:
        recorded: Any = RecordedPeer(config, runtime, self.recorder)
        return Neighbor(config, runtime, recorded)
