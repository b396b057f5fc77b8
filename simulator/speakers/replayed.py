"""Speakers without sockets: the real sessions, gates and policies, told again what `recorded` took down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import ip_address
from random import Random
from typing import Any, Protocol
from zlib import crc32

from simulator.addresses import IpAddress
from simulator.counts import count_of
from simulator.peer.effects import Close, Reset, TcpEffect, Write
from simulator.peer.events import NeighborConfig
from simulator.peer.peer import BgpPeer
from simulator.peer.stream import KernelQueue, Stream
from simulator.places.endpoint import BGP_PORT, Endpoint
from simulator.policy.policy import Policy
from simulator.session.fsm import Channel
from simulator.session.messages import Notification
from simulator.speakers.clock import Clock
from simulator.speakers.connections import Connections
from simulator.speakers.neighbor import Neighbor
from simulator.speakers.runtime import Runtime
from simulator.speakers.speaker import Speaker
from simulator.speakers.tcp import TcpConnection


class GivenClock(Clock):
    """The time that a recording says."""

    def __init__(self, moment: float = 0.0) -> None:
        self.moment = moment

    def now(self) -> float:
        return self.moment

    def call_at(self, when: float, callback: Callable[[], None]) -> Any:
        raise AssertionError("nothing waits in a replay")


class RecordedInput(Protocol):
    """What was recorded, as a peer asks for it."""

    def next_of(self, kinds: str, peer: int, stream: int | None = None) -> list[Any] | None:
        """The next record, if it is of one of these kinds and of this peer (and stream), in this turn; else None."""

    def new_peer(self, session: str) -> tuple[int, int]:
        """The number of a peer that is made now, and the seed of its timers' jitter."""

    def differs(self, what: str) -> None:
        """What was computed is not what was recorded."""

    @property
    def follows(self) -> bool:
        """Whether what is sent is as recorded; else the kernel takes everything at once."""


class _Queues(Connections):
    """What the kernel held, by the recording."""

    kept: Callable[[], dict[Stream, KernelQueue]]

    def kernel_queues(self) -> dict[Stream, KernelQueue]:
        return self.kept()


class ReplayedNeighbor(Neighbor):
    """One session; its TCP connections are those of the recording."""

    def __init__(self, config: NeighborConfig, runtime: Runtime, source: RecordedInput) -> None:
        self.number, seed = source.new_peer(config.id)
        super().__init__(config, runtime, BgpPeer(config, runtime.loc_rib, runtime.images, jitter=Random(seed).random))
        self.connections = _Queues(config, runtime, self)
        self.connections.kept = self._kernel
        self.streams: dict[int, Stream] = {}
        self.asked_to_judge = False
        """By a record, which is taken already."""
        self._source = source

    def _kernel(self) -> dict[Stream, KernelQueue]:
        found = self._source.next_of("k", self.number)
        queues = {number: KernelQueue(*queue) for number, *queue in found[2]} if found is not None else {}
        return {self.streams[number]: queue for number, queue in queues.items() if number in self.streams}

    def apply_policy(self, policy: Policy) -> None:
        if not self.asked_to_judge:
            self._source.next_of("a", self.number)
        self.asked_to_judge = False
        super().apply_policy(policy)

    # --- what happened ---

    def happened(self, kind: str, given: list[Any]) -> None:
        """One record of this session, of those that nobody here asks for. Raises KeyError, ValueError, TypeError."""
        peer, now = self.peer, self._now()
        match kind:
            case "i":
                peer.timer(now)
            case "c":
                self._connected(Stream(Channel(given[0]), None if given[1] is None else ip_address(given[1])))
                return
            case "r":
                peer.receive(self._stream(given[0]), given[1], now)
                self._tapped(self._stream(given[0]), given[1], outbound=False)
            case "d":
                peer.disconnected(self._stream(given[0]), given[1], now)
            case "f":
                peer.dial_failed(given[0], now)
            case "g":
                peer.gone(self.streams.pop(given[0]))
                return
            case "t":
                self._write(self._stream(given[0]), asked=True)
                return
            case _:
                raise ValueError(f"no record of a session: {kind}")
        self._carry_out()

    def _stream(self, number: int) -> Stream:
        return self.streams[number]

    def _connected(self, stream: Stream) -> None:
        self.peer.connected(stream, self._now())
        self.streams[stream.number] = stream
        if (tap := self._runtime.tap) is not None and stream.is_kept:
            tap.opened(self.config, _tcp(stream), self._now())
        self._carry_out()

    # --- carrying out ---

    def _act(self, effect: TcpEffect) -> None:
        if isinstance(effect, Reset):
            self.peer.reset_done(effect.stream, self._now())
        elif isinstance(effect, Write | Close):
            self._write(effect.stream)

    def _write(self, stream: Stream, *, asked: bool = False) -> None:
        """What the kernel took, by the recording. `asked`: it has asked already."""
        if not self._source.follows:
            self._write_all(stream)
            return
        wrote = False
        while asked or self._source.next_of("t", self.number, stream.number) is not None:
            asked, wrote = False, True
            octets = self.peer.to_send(stream, self._now())
            sent = self._source.next_of("s", self.number, stream.number)
            if sent is None:
                break
            count, checksum = sent[3], sent[4]
            if len(octets) < count or crc32(octets[:count]) != checksum:
                self._source.differs(
                    f"{self.config.id}: what is sent is not what was sent ({count_of(count, 'octet')})"
                )
                self._write_all(stream)
                break
            self._sent(stream, octets[:count])
        if wrote:
            self._carry_out()

    def _write_all(self, stream: Stream) -> None:
        while octets := self.peer.to_send(stream, self._now()):
            self._sent(stream, octets)
        self._carry_out()

    def _sent(self, stream: Stream, octets: bytes | memoryview) -> None:
        self.peer.sent(stream, len(octets), self._now())
        self._tapped(stream, bytes(octets), outbound=True)

    def _tapped(self, stream: Stream, octets: bytes, *, outbound: bool) -> None:
        if (tap := self._runtime.tap) is not None and (stream.is_kept or not outbound):
            tap.octets(self.config, _tcp(stream), octets, outbound=outbound, now=self._now())

    def _schedule(self) -> None:
        """Timers fire when the recording says so."""

    async def stopped(self) -> None:
        """Nothing is waited for."""


def _tcp(stream: Stream) -> TcpConnection:
    """What a tap reads of a connection."""
    found = TcpConnection.__new__(TcpConnection)
    found.stream, found.local_port, found.peer_port = stream, 49152 + stream.number, 49152 + stream.number
    return found


class ReplayedSpeaker(Speaker):
    """`source` is set before it has a session."""

    source: RecordedInput

    async def listen(self, address: IpAddress, port: int | None = None) -> Endpoint:
        return Endpoint(address, BGP_PORT if port is None else port)

    async def stop_listening(self, endpoint: Endpoint) -> None:
        """Nobody listens."""

    def add(self, config: NeighborConfig, peer_host: IpAddress | None = None) -> Neighbor:
        neighbor = ReplayedNeighbor(config, self._runtime, self.source)
        self._neighbors[config.id] = neighbor
        self._gates.add(neighbor.gate)
        neighbor.start()
        return neighbor

    def apply_md5(self, session: str, key: str | None) -> None:
        self._neighbors[session].apply_md5(key)

    def _drop(self, session: str) -> Neighbor:
        return self._neighbors.pop(session)

    def replayed(self) -> Iterator[ReplayedNeighbor]:
        """The sessions that there are."""
        return (neighbor for neighbor in self.neighbors if isinstance(neighbor, ReplayedNeighbor))

    def close_with(self, session: str, notification: Notification) -> None:
        """Close a session, as `remove` does, and forget it."""
        neighbor = self._drop(session)
        neighbor.stop(notification)
        self._forget_gate(neighbor)
