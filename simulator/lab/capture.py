"""Evidence from the wire: a capture of everything at one node's interface, and what its TCP streams prove.

The capture is made and read back with scapy, on purpose not with the project's own codecs: a fault in those cannot
hide itself.
"""

from __future__ import annotations

import asyncio
import functools
import io
import itertools
import logging
import socket
import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from simulator.lab.link import Address, LabError, Place
from simulator.lab.netns import BGP_PORT, INTERFACE, netns_place

_SOL_PACKET = 263
_PACKET_ADD_MEMBERSHIP = 1
_PACKET_MR_PROMISC = 1
_PACKET_STATISTICS = 6
_SO_RCVBUFFORCE = 33
_RECEIVE_BUFFER = 64 << 20
"""Bytes that the kernel holds for us while the event loop is busy."""

_BATCH = 256
"""Frames to write before others have a turn in the event loop."""

_LINKTYPE_ETHERNET = 1


@functools.cache
def load_scapy() -> None:
    """Import the parts of scapy that the lab uses (0.4 s the first time), without their warnings."""
    log = logging.getLogger("scapy.runtime")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        import scapy.contrib.bgp
        import scapy.layers.inet6
        import scapy.layers.l2
    finally:
        log.setLevel(level)
    scapy.contrib.bgp.bgp_module_conf.use_2_bytes_asn = False


class Capture:
    """All frames that a node's interface sends and receives, written to a pcap file while the event loop runs."""

    def __init__(self, place: Place, path: Path, interface: str = INTERFACE) -> None:
        """Raises LabError when the place has no interface of its own."""
        self._place = netns_place(place, "a capture")
        self._interface = interface
        self.path = path
        self.packets = 0
        self._dropped = 0
        self._socket: Any = None
        self._writer: Any = None

    @property
    def dropped(self) -> int:
        """Frames that the kernel had to drop because we did not read in time."""
        if self._socket is not None:
            # Reading the counters resets them.
            counters = self._socket.ins.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
            self._dropped += struct.unpack("II", counters)[1]
        return self._dropped

    async def start(self) -> None:
        """Returns when every frame from now on is captured. Raises LabError when that is not possible."""
        await asyncio.to_thread(load_scapy)
        from scapy.utils import RawPcapWriter

        try:
            self._socket = self._place.run(functools.partial(listen, self._interface))
            self._writer = RawPcapWriter(str(self.path), linktype=_LINKTYPE_ETHERNET)
            self._writer.write_header(None)
        except OSError as error:
            self._close()
            raise LabError(f"no capture of {self._place.name} to {self.path}: {error.strerror or error}") from error
        asyncio.get_running_loop().add_reader(self._socket.ins.fileno(), self._drain, _BATCH)

    async def stop(self) -> None:
        """Write what has arrived, then end; safe to call twice."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.ins.fileno())
            self._drain()
            self._dropped = self.dropped
        self._close()

    async def prove_absence(self, sender: Collection[Address]) -> AbsenceProof:
        """What the capture so far proves about routes sent by `sender`; it may go on meanwhile."""
        if self._socket is not None:
            self._drain()
            self._writer.flush()
        # Not beyond this point of the file: what follows is being written while the other thread reads.
        size = self.path.stat().st_size
        return await asyncio.to_thread(prove_absence, self.path, sender, self.dropped, size=size)

    async def __aenter__(self) -> Capture:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _drain(self, most: int | None = None) -> None:
        """Write what has arrived, at most so many frames."""
        for _ in itertools.count() if most is None else range(most):
            try:
                _, frame, seconds = self._socket.recv_raw()
            except OSError:
                return  # nothing left; or the interface is gone, and nothing will ever come
            whole = int(seconds)
            micro = min(round((seconds - whole) * 1e6), 999_999)
            self._writer.write_packet(frame, sec=whole, usec=micro)
            self.packets += 1

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def listen(interface: str = INTERFACE) -> Any:
    """scapy's listening socket on an interface of the caller's namespace, not blocking, hearing every frame."""
    from scapy.arch.linux import L2ListenSocket, LinuxInterfaceProvider
    from scapy.interfaces import NetworkInterface

    index = socket.if_nametoindex(interface)
    # A ready-made interface, because scapy would look the name up in its one list for the whole process.
    described = NetworkInterface(
        LinuxInterfaceProvider(), {"name": interface, "network_name": interface, "description": "", "index": index}
    )
    opened = L2ListenSocket(iface=described, promisc=False)
    promiscuous = struct.pack("IHH8s", index, _PACKET_MR_PROMISC, 0, b"")
    opened.ins.setsockopt(_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, promiscuous)
    try:
        opened.ins.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)
    except PermissionError:
        # In a user namespace the host's limit holds; what then gets lost is counted.
        opened.ins.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
    opened.ins.setblocking(False)
    # Reading the counters resets them: what was lost before this point was never promised.
    opened.ins.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
    return opened


@dataclass(frozen=True, slots=True)
class Stream:
    """One direction of one TCP connection, put together from its packets."""

    source: Address
    source_port: int
    destination: Address
    destination_port: int
    packets: int
    gap_free: bool
    """Every byte from the SYN to the last one sent or acknowledged is here."""
    problem: str
    """Why it is not gap-free; empty when it is."""
    data: bytes
    """The bytes up to the first gap."""


@dataclass(frozen=True, slots=True)
class AbsenceProof:
    """Whether a capture proves that a speaker sent no route.

    `conclusive` and `nlri == 0`: none was sent. `nlri > 0`: some were, whatever else was lost. Not `conclusive`: the
    capture proves nothing, and `reason` says why.
    """

    conclusive: bool
    reason: str
    updates: int
    """UPDATE messages sent, End-of-RIB included."""
    nlri: int
    """Announced prefixes in them; withdrawals do not count."""
    messages: int
    """BGP messages of any type."""
    packets: int
    """TCP packets that carried or could have carried them."""

    @property
    def absent(self) -> bool:
        """True only when it is proven that nothing was announced."""
        return self.conclusive and self.nlri == 0


@dataclass(frozen=True, slots=True)
class _Segment:
    """What the reassembly needs of one TCP packet."""

    flow: tuple[bytes, int, bytes, int]
    sequence: int
    acknowledged: int | None
    flags: int
    payload: bytes


_FIN, _SYN, _RST, _ACK = 0x01, 0x02, 0x04, 0x10
_HALF = 1 << 31
_WRAP = 1 << 32


@dataclass(slots=True)
class _Assembly:
    """One direction while it is put together; offsets count bytes after the SYN."""

    flow: tuple[bytes, int, bytes, int]
    start: int | None
    """The SYN's sequence number; None when the capture began too late to see it."""
    packets: int = 0
    pieces: list[tuple[int, bytes]] = field(default_factory=list)
    expected: int = 0
    """The end of the stream as far as a packet of either side tells."""
    end: int | None = None
    """Where the FIN says that it ends; the FIN itself takes a sequence number, but no byte."""

    def offset(self, sequence: int) -> int:
        """Sequence number to offset; numbers from before the SYN's (keepalive probes) become negative."""
        difference = (sequence - (self.start or 0) - 1) % _WRAP
        return difference - _WRAP if difference >= _HALF else difference

    def finish(self) -> Stream:
        data = bytearray()
        for offset, payload in sorted(self.pieces):
            if offset > len(data):
                break
            data += payload[len(data) - offset :]
        expected = self.expected if self.end is None else min(self.expected, self.end)
        problem = ""
        if self.start is None:
            problem = "its beginning is missing"
        elif len(data) < expected:
            problem = f"a gap after byte {len(data)} of {expected}"
        source, source_port, destination, destination_port = self.flow
        return Stream(
            ip_address(source),
            source_port,
            ip_address(destination),
            destination_port,
            self.packets,
            not problem,
            problem,
            bytes(data),
        )


class _UnreadableError(Exception):
    """A packet that may hold TCP but cannot be taken apart; `source` is who sent it."""

    def __init__(self, source: bytes, why: str) -> None:
        super().__init__(why)
        self.source = source


def bgp_streams(path: Path, port: int = BGP_PORT) -> list[Stream]:
    """Every direction of every TCP connection from or to `port` in a capture, in the order of their beginning."""
    return _Analysis(path, port, None).streams


class _Analysis:
    """One reading of a capture file."""

    def __init__(self, path: Path, port: int, size: int | None) -> None:
        self.frames = 0
        self.unreadable: dict[Address, str] = {}
        self._current: dict[tuple[bytes, int, bytes, int], _Assembly] = {}
        self._all: list[_Assembly] = []
        for frame, length in _frames(path, size):
            self.frames += 1
            try:
                segment = _dissect(frame, length)
            except _UnreadableError as error:
                self.unreadable[ip_address(error.source)] = str(error)
                continue
            if segment is not None and port in (segment.flow[1], segment.flow[3]):
                self._add(segment)
        self.streams = [assembly.finish() for assembly in self._all]

    def _add(self, segment: _Segment) -> None:
        assembly = self._current.get(segment.flow)
        opening = bool(segment.flags & _SYN)
        # A SYN with another number is a new connection between the same two ports; with the same, sent again.
        if assembly is None or (opening and assembly.start != segment.sequence):
            assembly = _Assembly(segment.flow, segment.sequence if opening else None)
            self._current[segment.flow] = assembly
            self._all.append(assembly)
        assembly.packets += 1
        self._add_acknowledgement(segment)
        if assembly.start is None or segment.flags & _RST:
            return
        offset = assembly.offset(segment.sequence + (1 if opening else 0))
        if segment.payload and offset >= 0:
            assembly.pieces.append((offset, segment.payload))
        assembly.expected = max(assembly.expected, offset + len(segment.payload))
        if segment.flags & _FIN:
            assembly.end = offset + len(segment.payload)

    def _add_acknowledgement(self, segment: _Segment) -> None:
        """What one side acknowledges the other has sent, whether or not we saw it."""
        source, source_port, destination, destination_port = segment.flow
        other = self._current.get((destination, destination_port, source, source_port))
        if other is None or other.start is None or segment.acknowledged is None or segment.flags & _RST:
            return
        other.expected = max(other.expected, other.offset(segment.acknowledged))


def _frames(path: Path, size: int | None) -> Iterator[tuple[bytes, int]]:
    """The frames of a pcap file and their length on the wire; none of a file without even a header."""
    load_scapy()
    from scapy.error import Scapy_Exception
    from scapy.utils import RawPcapReader

    try:
        with path.open("rb") as file:
            content = io.BytesIO(file.read(-1 if size is None else size))
        with RawPcapReader(content) as reader:
            for frame, metadata in reader:
                yield frame, metadata.wirelen
    except Scapy_Exception:
        return
    except OSError as error:
        raise LabError(f"the capture {path} cannot be read: {error.strerror}") from error


def _dissect(frame: bytes, length: int) -> _Segment | None:
    """The TCP packet in an Ethernet frame, if there is one; raises _UnreadableError for what could hide one."""
    start = 12
    while frame[start : start + 2] in (b"\x81\x00", b"\x88\xa8"):
        start += 4
    kind, start = frame[start : start + 2], start + 2
    if kind == b"\x08\x00" and len(frame) >= start + 20:
        packet, source, destination = _ipv4(frame, start)
    elif kind == b"\x86\xdd" and len(frame) >= start + 40:
        packet, source, destination = _ipv6(frame, start)
    else:
        return None
    if packet is None:
        return None
    if len(frame) < length or len(packet) < 20:
        raise _UnreadableError(source, "a packet was captured only in part")
    source_port, destination_port, sequence, acknowledged, header, flags = struct.unpack_from("!HHIIBB", packet)
    return _Segment(
        (source, source_port, destination, destination_port),
        sequence,
        acknowledged if flags & _ACK else None,
        flags,
        packet[(header >> 4) * 4 :],
    )


def _ipv4(frame: bytes, start: int) -> tuple[bytes | None, bytes, bytes]:
    """(TCP packet or None, source, destination)."""
    first, total, fragment, protocol = struct.unpack_from("!BxHxxHxB", frame, start)
    source, destination = frame[start + 12 : start + 16], frame[start + 16 : start + 20]
    if protocol != socket.IPPROTO_TCP:
        return None, source, destination
    if fragment & 0x3FFF:
        raise _UnreadableError(source, "an IP fragment")
    return frame[start + (first & 0x0F) * 4 : start + total], source, destination


def _ipv6(frame: bytes, start: int) -> tuple[bytes | None, bytes, bytes]:
    """(TCP packet or None, source, destination)."""
    length, following = struct.unpack_from("!HB", frame, start + 4)
    source, destination = frame[start + 8 : start + 24], frame[start + 24 : start + 40]
    position, end = start + 40, start + 40 + length
    while following in (socket.IPPROTO_HOPOPTS, socket.IPPROTO_ROUTING, socket.IPPROTO_DSTOPTS):
        if position + 2 > len(frame):
            raise _UnreadableError(source, "a packet was captured only in part")
        following, position = frame[position], position + 8 + frame[position + 1] * 8
    if following == socket.IPPROTO_FRAGMENT:
        raise _UnreadableError(source, "an IP fragment")
    if following != socket.IPPROTO_TCP:
        return None, source, destination
    return frame[position:end], source, destination


def prove_absence(
    path: Path, sender: Collection[Address], dropped: int, *, port: int = BGP_PORT, size: int | None = None
) -> AbsenceProof:
    """Count the BGP messages and announced prefixes that any of the addresses `sender` sent, and say what it proves.

    Reads the whole file or its first `size` bytes. Raises LabError when it cannot be read.
    """
    analysis = _Analysis(path, port, size)
    streams = [stream for stream in analysis.streams if stream.source in sender]
    updates = nlri = messages = 0
    doubts = [f"{dropped} packets were dropped"] if dropped else []
    if not analysis.frames:
        doubts.append("nothing was captured")
    doubts += [f"{address}: {why}" for address, why in analysis.unreadable.items() if address in sender]
    for stream in streams:
        name = f"{stream.source}:{stream.source_port} to {stream.destination}:{stream.destination_port}"
        if not stream.gap_free:
            doubts.append(f"{name}: {stream.problem}")
        found, rest = bgp_messages(stream.data)
        if rest and stream.gap_free:
            doubts.append(f"{name}: it ends inside a message or is not BGP")
        messages += len(found)
        for message in found:
            if message[18] == 2:
                updates += 1
                nlri += announced(message)
    if not messages and not doubts:
        doubts.append("no BGP message of this speaker was captured")
    packets = sum(stream.packets for stream in streams)
    if nlri:
        return AbsenceProof(True, f"{nlri} prefixes were announced", updates, nlri, messages, packets)
    reason = "; ".join(doubts) or f"all {messages} messages of {len(streams)} connections seen, no prefix in them"
    return AbsenceProof(not doubts, reason, updates, nlri, messages, packets)


def bgp_messages(data: bytes) -> tuple[list[bytes], bytes]:
    """The whole BGP messages at the beginning of a stream, and what follows them."""
    messages = []
    position = 0
    while data[position : position + 16] == b"\xff" * 16 and len(data) >= position + 19:
        length = int.from_bytes(data[position + 16 : position + 18])
        if length < 19 or len(data) < position + length:
            break
        messages.append(data[position : position + length])
        position += length
    return messages, data[position:]


def announced(message: bytes) -> int:
    """How many prefixes an UPDATE announces, as scapy reads it: NLRI and MP_REACH_NLRI."""
    load_scapy()
    from scapy.contrib.bgp import BGPHeader, BGPPAMPReachNLRI

    update = BGPHeader(message).payload
    count = len(update.nlri or ())
    for attribute in update.path_attr or ():
        reach = getattr(attribute, "attribute", None)
        if isinstance(reach, BGPPAMPReachNLRI):
            count += len(reach.nlri or ())
    return count
