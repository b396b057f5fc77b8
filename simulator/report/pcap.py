"""wire.pcap: the lab's own capture, or one written from the octets that the speakers sent and read."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import IO, Any, Literal
from zlib import crc32

from simulator.report.model import Report
from simulator.report.packets import ACK, FIN, PSH, RST, SYN, HalfConnection, mss, parse_address
from simulator.views.octets import Octets

BGP_PORT = 179
_ETHERNET = 1
_MASK = 0xFFFFFFFF
"""Sequence numbers are modulo 2**32."""


@dataclass(frozen=True, slots=True)
class WirePcap:
    """What wire.pcap is, so that nobody takes a written capture for a sniffed one."""

    file: str
    source: Literal["interfaces", "speakers"]
    packets: int | None = None
    """None for a capture that was copied."""
    note: str = ""


def write_capture(path: Path, report: Report, name: str) -> WirePcap:
    """Fill `path`; a capture that cannot be read is replaced by the speakers' octets, and the note says so."""
    lost = ""
    if report.capture:
        lost = _unreadable(Path(report.capture))
        if not lost:
            shutil.copyfile(report.capture, path)
            return WirePcap(name, "interfaces", note="Captured on the lab's interfaces.")
    with path.open("wb") as file:
        packets, notes = write_segments(file, report.segments)
    what = "Written from the octets that the speakers sent and read, not captured on an interface"
    return WirePcap(name, "speakers", packets, " ".join([f"{lost}{what}.", *notes]))


def _unreadable(path: Path) -> str:
    """Why a capture cannot be copied, as a sentence; empty when it can."""
    try:
        with path.open("rb") as file:
            file.read(1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        return f"The capture {path} could not be read ({reason}). "
    return ""


def write_segments(file: IO[bytes], segments: Iterable[Octets]) -> tuple[int, list[str]]:
    """Write a pcap of the segments; returns the number of packets and sentences on what was altered."""
    # Imported here because scapy costs a fifth of a second, which `turnup --help` must not pay.
    from scapy.utils import RawPcapWriter

    writer: Any = RawPcapWriter(file, linktype=_ETHERNET, endianness="<")
    writer.write_header(None)
    streams = _Streams()
    count = 0
    for time, packet in streams.packets(sorted(segments, key=lambda segment: _finite(segment.time))):
        micros = round(time * 1_000_000)
        writer.write_packet(packet, sec=micros // 1_000_000, usec=micros % 1_000_000)
        count += 1
    writer.flush()
    return count, streams.notes()


def _finite(time: float) -> float:
    """A time that a pcap can hold: 32 bits of seconds."""
    return min(max(time, 0.0), 4294967295.0) if math.isfinite(time) else 0.0


@dataclass(slots=True)
class _End:
    """One end of a TCP connection."""

    direction: HalfConnection
    mss: int
    next: int
    """The next sequence number that this end sends."""
    started: bool = False
    finished: bool = False
    sent: int = 0


@dataclass(slots=True)
class _Stream:
    """One TCP connection: keeps sequence and acknowledgement numbers true, and supplies what was not recorded."""

    ends: dict[tuple[str, int], _End]
    client: tuple[str, int]
    opened: bool = False
    closed: bool = False

    def packets(self, segment: Octets) -> Iterator[bytes]:
        sender = (segment.source, segment.source_port)
        receiver = (segment.destination, segment.destination_port)
        flags = segment.flags.upper()
        if "S" in flags:
            yield from self._syn(sender, receiver, answer="A" in flags)
            return
        if "R" in flags:
            yield self._one(sender, receiver, RST | (ACK if self.ends[receiver].started else 0))
            self.closed = True
            return
        yield from self._open(pure_ack=sender == self.client and not segment.data and "F" not in flags)
        yield from self._data(sender, receiver, segment.data, fin="F" in flags)

    def _syn(self, sender: tuple[str, int], receiver: tuple[str, int], answer: bool) -> Iterator[bytes]:
        if answer and not self.ends[receiver].started:
            yield self._first(receiver, sender, SYN)
        yield self._first(sender, receiver, SYN | ACK if answer else SYN)

    def _first(self, sender: tuple[str, int], receiver: tuple[str, int], flags: int) -> bytes:
        """A SYN, sent again with the number it had when nobody answered."""
        end = self.ends[sender]
        if end.started:
            end.next = (end.next - 1) & _MASK
        packet = self._one(sender, receiver, flags)
        end.started = True
        end.next = (end.next + 1) & _MASK
        return packet

    def _open(self, pure_ack: bool) -> Iterator[bytes]:
        """What the recording lacks of SYN, SYN-ACK, ACK."""
        if self.opened:
            return
        server = next((key for key in self.ends if key != self.client), self.client)
        if not self.ends[self.client].started:
            yield self._first(self.client, server, SYN)
        if not self.ends[server].started:
            yield self._first(server, self.client, SYN | ACK)
        self.opened = True
        if not pure_ack:
            yield self._one(self.client, server, ACK)

    def _data(self, sender: tuple[str, int], receiver: tuple[str, int], data: bytes, fin: bool) -> Iterator[bytes]:
        end = self.ends[sender]
        for start in range(0, len(data), end.mss):
            piece = data[start : start + end.mss]
            last = start + end.mss >= len(data)
            flags = ACK | (PSH if last else 0) | (FIN if fin and last else 0)
            yield self._one(sender, receiver, flags, piece)
            end.next = (end.next + len(piece)) & _MASK
        if not data:
            yield self._one(sender, receiver, ACK | (FIN if fin else 0))
        if fin:
            end.next = (end.next + 1) & _MASK
            end.finished = True
        if data or fin:
            yield self._one(receiver, sender, ACK)
        self.closed = self.closed or all(each.finished for each in self.ends.values())

    def _one(self, sender: tuple[str, int], receiver: tuple[str, int], flags: int, data: bytes = b"") -> bytes:
        end, other = self.ends[sender], self.ends[receiver]
        end.sent += 1
        return end.direction.packet(flags, end.next, other.next, data, end.sent)


@dataclass(slots=True)
class _Streams:
    """All TCP connections of a recording, told apart by their 4-tuple and by their ends."""

    open: dict[frozenset[tuple[str, int]], _Stream] = field(default_factory=dict)
    generation: int = 0
    shown: dict[frozenset[tuple[str, int]], frozenset[tuple[str, int]]] = field(default_factory=dict)
    renamed: set[int] = field(default_factory=set)
    dropped: int = 0

    def packets(self, segments: Iterable[Octets]) -> Iterator[tuple[float, bytes]]:
        for segment in segments:
            stream = self._stream(segment)
            if stream is None:
                self.dropped += 1
                continue
            time = _finite(segment.time)
            # What is supplied carries the time of what was recorded: it makes up no moments.
            for packet in stream.packets(segment):
                yield time, packet

    def notes(self) -> list[str]:
        notes = []
        if self.renamed:
            ports = ", ".join(map(str, sorted(self.renamed)))
            notes.append(f"TCP port {ports} is shown as {BGP_PORT}, so that Wireshark reads it as BGP.")
        if self.dropped:
            notes.append(f"{self.dropped} segments without usable addresses were left out.")
        return notes

    def _stream(self, segment: Octets) -> _Stream | None:
        key = frozenset(((segment.source, segment.source_port), (segment.destination, segment.destination_port)))
        stream = self.open.get(key)
        if stream is not None and not _begins_anew(stream, segment):
            return stream
        source, destination = parse_address(segment.source), parse_address(segment.destination)
        ports_fit = 0 <= segment.source_port <= 0xFFFF and 0 <= segment.destination_port <= 0xFFFF
        if source is None or destination is None or source.version != destination.version or not ports_fit:
            return None
        if len(key) < 2:
            return None
        self.open[key] = stream = self._new(segment, source, destination, key)
        return stream

    def _new(
        self,
        segment: Octets,
        source: IPv4Address | IPv6Address,
        destination: IPv4Address | IPv6Address,
        key: frozenset[tuple[str, int]],
    ) -> _Stream:
        self.generation += 1
        first, second = (segment.source, segment.source_port), (segment.destination, segment.destination_port)
        client = _client(segment)
        server = second if client == first else first
        ports = {first: first[1], second: second[1]}
        if BGP_PORT not in ports.values():
            as_shown = frozenset((client, (server[0], BGP_PORT)))
            if self.shown.setdefault(as_shown, key) == key:
                ports[server] = BGP_PORT
                self.renamed.add(server[1])
        return _Stream(
            ends={
                first: self._end(source, ports[first], destination, ports[second]),
                second: self._end(destination, ports[second], source, ports[first]),
            },
            client=client,
        )

    def _end(
        self,
        source: IPv4Address | IPv6Address,
        source_port: int,
        destination: IPv4Address | IPv6Address,
        destination_port: int,
    ) -> _End:
        seed = f"{source} {source_port} {destination} {destination_port} {self.generation}"
        direction = HalfConnection.between(source, source_port, destination, destination_port)
        return _End(direction, mss(source), crc32(seed.encode()))


def _begins_anew(stream: _Stream, segment: Octets) -> bool:
    """Whether this segment opens another connection between the same ends."""
    flags = segment.flags.upper()
    if "S" in flags and "A" not in flags:
        return stream.opened or stream.closed
    # After the end a recording may still hold the last acknowledgement or a late reset; data or a SYN-ACK is new.
    ended = stream.closed or stream.ends[segment.source, segment.source_port].finished
    return ended and (bool(segment.data) or "S" in flags)


def _client(segment: Octets) -> tuple[str, int]:
    """The end that dialled: known from SYN and SYN-ACK, else the one that is not on the server's port."""
    source, destination = (segment.source, segment.source_port), (segment.destination, segment.destination_port)
    flags = segment.flags.upper()
    if "S" in flags:
        return destination if "A" in flags else source
    if BGP_PORT in (segment.source_port, segment.destination_port):
        return destination if segment.source_port == BGP_PORT else source
    # High ports of a loopback lab: ephemeral ports are the higher ones.
    return destination if segment.source_port < segment.destination_port else source
