"""What a speaker sent, put together again from the frames on its interface, and what that proves.

The frames are read with scapy and struct, on purpose not with the project's own codecs: a fault in those cannot hide
itself.
"""

from __future__ import annotations

import functools
import logging
import socket
import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final, NamedTuple

from simulator.addresses import IpAddress
from simulator.counts import count_of
from simulator.places.endpoint import BGP_PORT

_FIN, _SYN, _RST, _ACK = 0x01, 0x02, 0x04, 0x10
_MP_REACH_NLRI, _EXTENDED_LENGTH = 14, 0x10
_HALF = 1 << 31
_WRAP = 1 << 32
_KEPT: Final = 16 << 20
"""Octets of memory for what one watch keeps: far more than a session sends while it is denied (simulator)."""
_EACH: Final = 160
"""Of them, those that a packet takes besides its payload: a peer with a small window gets many small ones."""
_FLOWS: Final = 4096
"""Connections whose beginning is remembered, and which one watch keeps, at most (simulator)."""


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


class Ends(NamedTuple):
    """One TCP connection, seen from the speaker that is watched."""

    address: IpAddress
    port: int
    peer_address: IpAddress
    peer_port: int

    @property
    def flow(self) -> TcpFlow:
        return self.address.packed, self.port, self.peer_address.packed, self.peer_port

    def __str__(self) -> str:
        return f"{self.address}:{self.port} to {self.peer_address}:{self.peer_port}"


TcpFlow = tuple[bytes, int, bytes, int]
"""One direction of a TCP connection: source and its port, destination and its port."""


@dataclass(frozen=True, slots=True)
class WatchedStream:
    """What a watched speaker sent on one TCP connection, from where the watch began."""

    ends: Ends
    packets: int
    problem: str
    """Why it is not gap-free; empty when every octet that was sent or acknowledged is here."""
    data: bytes
    """The octets up to the first gap."""


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
class Segment:
    """What the reassembly needs of one TCP packet."""

    flow: TcpFlow
    sequence: int
    acknowledged: int | None
    flags: int
    payload: bytes


class UnreadableError(Exception):
    """A packet that may hold TCP but cannot be taken apart."""

    def __init__(self, source: bytes, destination: bytes, why: str) -> None:
        super().__init__(why)
        self.source = source
        self.destination = destination


class Beginnings:
    """Where the numbers of each running TCP connection begin: what puts a later part of it in its place."""

    def __init__(self) -> None:
        self._initial: dict[TcpFlow, int] = {}

    def take(self, segment: Segment) -> None:
        """A SYN that is answered tells both directions; a FIN or RST ends what there was."""
        source, source_port, destination, destination_port = segment.flow
        other = (destination, destination_port, source, source_port)
        if segment.flags & _SYN and segment.acknowledged is not None:
            for flow in (segment.flow, other):
                self._initial.pop(flow, None)
            self._initial[segment.flow] = segment.sequence
            self._initial[other] = (segment.acknowledged - 1) % _WRAP
            while len(self._initial) > _FLOWS:
                del self._initial[next(iter(self._initial))]
        elif segment.flags & _RST:
            for flow in (segment.flow, other):
                self._initial.pop(flow, None)
        elif segment.flags & _FIN:
            self._initial.pop(segment.flow, None)

    def of(self, flow: TcpFlow) -> int | None:
        """The SYN's sequence number; None where nobody saw it."""
        return self._initial.get(flow)


@dataclass(slots=True)
class _Assembly:
    """One direction while it is put together; offsets count octets from where the watch began."""

    ends: Ends
    start: int | None
    """The sequence number before the first octet; None when its beginning was not seen."""
    packets: int = 0
    pieces: list[tuple[int, bytes]] = field(default_factory=list)
    expected: int = 0
    """The end of the stream as far as a packet of either side tells."""
    end: int | None = None
    """Where the FIN says that it ends; the FIN itself takes a sequence number, but no octet."""
    loose: bool = False
    """Octets came whose place is not known."""

    def offset(self, sequence: int) -> int:
        """Sequence number to offset; numbers from before the beginning become negative."""
        difference = (sequence - (self.start or 0) - 1) % _WRAP
        return difference - _WRAP if difference >= _HALF else difference

    def finish(self) -> WatchedStream:
        data = bytearray()
        for offset, payload in sorted(self.pieces):
            if offset > len(data):
                break
            data += payload[len(data) - offset :]
        expected = self.expected if self.end is None else min(self.expected, self.end)
        problem = ""
        if self.loose:
            problem = "its beginning is missing"
        elif len(data) < expected:
            problem = f"a gap after octet {len(data)} of {expected}"
        return WatchedStream(self.ends, self.packets, problem, bytes(data))


class Watch:
    """What one speaker sends to its peers' addresses from now on, octet by octet; everybody else's is left alone."""

    def __init__(
        self,
        pairs: Collection[tuple[IpAddress, IpAddress]],
        sent: Mapping[Ends, int] | None = None,
        beginnings: Beginnings | None = None,
        *,
        port: int = BGP_PORT,
    ) -> None:
        """`pairs`: the speaker's address and a peer's. `sent`: how many octets the running connections carried before,
        as the kernel says: what comes after them is judged.
        """
        self._pairs = {(ours.packed, theirs.packed) for ours, theirs in pairs}
        self._port = port
        self._current: dict[TcpFlow, _Assembly] = {}
        self._all: list[_Assembly] = []
        self._kept = 0
        self._left_out = False
        """There were more connections than are kept: what was seen proves nothing."""
        self._begun: dict[TcpFlow, int] = {}
        self._doubts: dict[str, None] = {}
        self._beginnings = beginnings or Beginnings()
        for ends, octets in (sent or {}).items():
            initial = self._beginnings.of(ends.flow)
            self._begun[ends.flow] = octets
            self._put(_Assembly(ends, None if initial is None else (initial + octets) % _WRAP))

    def doubt(self, source: bytes, destination: bytes, why: str) -> None:
        """A packet between these two cannot be read."""
        if (source, destination) in self._pairs:
            self._doubts[f"{ip_address(source)}: {why}"] = None

    def take(self, segment: Segment) -> None:
        source, source_port, destination, destination_port = segment.flow
        if self._port not in (source_port, destination_port):
            return
        if (source, destination) in self._pairs:
            self._add(segment)
        if (destination, source) in self._pairs:
            self._acknowledge(segment)

    def streams(self, sent: Mapping[Ends, int] | None = None) -> list[WatchedStream]:
        """Every connection, in the order of its beginning. `sent`: how many octets the running ones carried by now."""
        for ends, octets in (sent or {}).items():
            assembly = self._current.get(ends.flow)
            if assembly is None:
                assembly = _Assembly(ends, self._beginnings.of(ends.flow))
                self._put(assembly)
            assembly.expected = max(assembly.expected, octets - self._begun.get(ends.flow, 0))
            assembly.loose = assembly.loose or (assembly.start is None and assembly.expected > 0)
        return [assembly.finish() for assembly in self._all]

    @property
    def doubts(self) -> list[str]:
        """What could not be read, in words."""
        full = [f"more than {_KEPT >> 20} MiB were sent: the rest was not kept"] if self._kept > _KEPT else []
        many = [f"more than {_FLOWS} connections were made: the rest were not kept"] if self._left_out else []
        return [*self._doubts, *full, *many]

    def _put(self, assembly: _Assembly) -> None:
        if len(self._all) >= _FLOWS:
            self._left_out = True
            return
        self._current[assembly.ends.flow] = assembly
        self._all.append(assembly)

    def _add(self, segment: Segment) -> None:
        assembly = self._current.get(segment.flow)
        opening = bool(segment.flags & _SYN)
        # A SYN with another number is a new connection between the same two ports; with the same, sent again.
        if assembly is None or (opening and assembly.start != segment.sequence):
            source, source_port, destination, destination_port = segment.flow
            ends = Ends(ip_address(source), source_port, ip_address(destination), destination_port)
            # One that was being made when the watch began carried nothing yet.
            assembly = _Assembly(ends, segment.sequence if opening else self._beginnings.of(segment.flow))
            self._begun.pop(segment.flow, None)
            self._put(assembly)
        assembly.packets += 1
        if segment.flags & _RST:
            return
        if assembly.start is None:
            assembly.loose = assembly.loose or bool(segment.payload)
            return
        offset = assembly.offset(segment.sequence + (1 if opening else 0))
        payload = segment.payload if offset >= 0 else segment.payload[-offset:]
        if payload:
            self._kept += _EACH + len(payload)
            if self._kept <= _KEPT:
                assembly.pieces.append((max(offset, 0), payload))
        assembly.expected = max(assembly.expected, offset + len(segment.payload))
        if segment.flags & _FIN:
            assembly.end = offset + len(segment.payload)

    def _acknowledge(self, segment: Segment) -> None:
        """What the peer acknowledges was sent, whether or not we saw it."""
        source, source_port, destination, destination_port = segment.flow
        ours = self._current.get((destination, destination_port, source, source_port))
        if ours is None or ours.start is None or segment.acknowledged is None or segment.flags & _RST:
            return
        ours.expected = max(ours.expected, ours.offset(segment.acknowledged))


def prove_absence(streams: Collection[WatchedStream], doubts: Collection[str] = ()) -> AbsenceProof:
    """Count the BGP messages and announced prefixes in what was sent, and say what it proves."""
    updates = nlri = messages = 0
    reasons = list(doubts)
    for stream in streams:
        if stream.problem:
            reasons.append(f"{stream.ends}: {stream.problem}")
        found, rest = bgp_messages(stream.data)
        if rest and not stream.problem:
            reasons.append(f"{stream.ends}: it ends inside a message or is not BGP")
        messages += len(found)
        for message in found:
            if message[18] == 2:
                updates += 1
                count = announced(message)
                nlri += count or 0
                if count is None:
                    reasons.append(f"{stream.ends}: an UPDATE cannot be read")
    if not streams and not reasons:
        reasons.append("no BGP connection of this speaker was captured")
    packets = sum(stream.packets for stream in streams)
    if nlri:
        return AbsenceProof(
            True, f"{count_of(nlri, 'prefix was', 'prefixes were')} announced", updates, nlri, messages, packets
        )
    reason = (
        "; ".join(reasons)
        or f"all {count_of(messages, 'message')} of {count_of(len(streams), 'connection')} seen, no prefix in them"
    )
    return AbsenceProof(not reasons, reason, updates, nlri, messages, packets)


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


def announced(message: bytes) -> int | None:
    """How many prefixes an UPDATE announces, as scapy reads it: NLRI and MP_REACH_NLRI. None where it cannot."""
    if (routes := _has_routes(message)) is not True:  # scapy reads no long list of withdrawn prefixes
        return None if routes is None else 0
    load_scapy()
    from scapy.contrib.bgp import BGPHeader, BGPPAMPReachNLRI, BGPUpdate

    update = BGPHeader(message).payload
    if not isinstance(update, BGPUpdate):
        return None
    count = len(update.nlri or ())
    for attribute in update.path_attr or ():
        reach = getattr(attribute, "attribute", None)
        if isinstance(reach, BGPPAMPReachNLRI):
            count += len(reach.nlri or ())
    return count


def _has_routes(message: bytes) -> bool | None:
    """Whether an UPDATE has NLRI or MP_REACH_NLRI; None where its lengths do not fit."""
    found = False
    try:
        (withdrawn,) = struct.unpack_from("!H", message, 19)
        (attributes,) = struct.unpack_from("!H", message, 21 + withdrawn)
        position, end = 23 + withdrawn, 23 + withdrawn + attributes
        while position < end:
            flags, code, length = struct.unpack_from("!BBB", message, position)
            position += 3
            if flags & _EXTENDED_LENGTH:
                (length,) = struct.unpack_from("!H", message, position - 1)
                position += 1
            position += length
            found = found or code == _MP_REACH_NLRI
    except struct.error:
        return None
    return None if position != end or end > len(message) else found or end < len(message)


def dissect(frame: bytes, length: int) -> Segment | None:
    """The TCP packet in an Ethernet frame, if there is one; raises UnreadableError for what could hide one.

    `length`: octets that the frame had on the wire.
    """
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
        raise UnreadableError(source, destination, "a packet was captured only in part")
    source_port, destination_port, sequence, acknowledged, header, flags = struct.unpack_from("!HHIIBB", packet)
    return Segment(
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
        raise UnreadableError(source, destination, "an IP fragment")
    return frame[start + (first & 0x0F) * 4 : start + total], source, destination


def _ipv6(frame: bytes, start: int) -> tuple[bytes | None, bytes, bytes]:
    """(TCP packet or None, source, destination)."""
    length, following = struct.unpack_from("!HB", frame, start + 4)
    source, destination = frame[start + 8 : start + 24], frame[start + 24 : start + 40]
    position, end = start + 40, start + 40 + length
    while following in (socket.IPPROTO_HOPOPTS, socket.IPPROTO_ROUTING, socket.IPPROTO_DSTOPTS):
        if position + 2 > len(frame):
            raise UnreadableError(source, destination, "a packet was captured only in part")
        following, position = frame[position], position + 8 + frame[position + 1] * 8
    if following == socket.IPPROTO_FRAGMENT:
        raise UnreadableError(source, destination, "an IP fragment")
    if following != socket.IPPROTO_TCP:
        return None, source, destination
    return frame[position:end], source, destination
