"""From an Ethernet frame to what a session's evidence needs of it: struct alone, no more than is looked at."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10
_ARP, _IPV4, _IPV6 = b"\x08\x06", b"\x08\x00", b"\x86\xdd"
_VLAN: Final = (b"\x81\x00", b"\x88\xa8")
_EXTENSIONS: Final = frozenset({0, 43, 60})
"""IPv6 headers that stand before the payload and have the same form: hop-by-hop, routing, destination (RFC 8200 §4)."""
_SOLICITATION, _ADVERTISEMENT = 135, 136
_MD5_OPTION: Final = 19
"""RFC 2385 §3.0."""
ECHO_REQUEST: Final = frozenset({(ICMP, 8), (ICMPV6, 128)})
ECHO_REPLY: Final = frozenset({(ICMP, 0), (ICMPV6, 129)})
_ERRORS: Final = {ICMP: frozenset({3, 11, 12}), ICMPV6: frozenset({1, 2, 3, 4})}
"""Types that quote the packet that they are about (RFC 792, RFC 4443)."""


class Packet(NamedTuple):
    """One IP packet."""

    source: bytes
    destination: bytes
    ttl: int
    """TTL or hop limit."""
    protocol: int
    payload: bytes
    mac: bytes
    """The frame's sender."""


class NeighborSaid(NamedTuple):
    """ARP or Neighbor Discovery: somebody asks for an address, or says who has it."""

    asks: bool
    address: bytes
    mac: bytes
    """Of an answer: who has it; of a question: who asks."""


class TcpSegment(NamedTuple):
    """A TCP packet's header, and what it carries."""

    source_port: int
    destination_port: int
    sequence: int
    flags: int
    signed: bool
    """It has an MD5 option (RFC 2385)."""
    data: bytes


def read(frame: bytes) -> Packet | NeighborSaid | None:
    """What an Ethernet frame carries; None where no session is judged by it."""
    start = 12
    while frame[start : start + 2] in _VLAN:
        start += 4
    kind, start = frame[start : start + 2], start + 2
    if kind == _IPV4 and len(frame) >= start + 20:
        return _ipv4(frame, start)
    if kind == _IPV6 and len(frame) >= start + 40:
        return _ipv6(frame, start)
    if kind == _ARP and len(frame) >= start + 28 and frame[start : start + 6] == b"\x00\x01\x08\x00\x06\x04":
        return _arp(frame, start)
    return None


def _arp(frame: bytes, start: int) -> NeighborSaid | None:
    operation = frame[start + 7]
    sender, owner, target = (
        frame[start + 8 : start + 14],
        frame[start + 14 : start + 18],
        frame[start + 24 : start + 28],
    )
    if operation == 1 and owner != target:
        return NeighborSaid(True, target, sender)
    return NeighborSaid(False, owner, sender) if operation in (1, 2) else None


def _ipv4(frame: bytes, start: int) -> Packet | None:
    first, total, fragment, ttl, protocol = struct.unpack_from("!BxHxxHBB", frame, start)
    if fragment & 0x1FFF:
        return None
    source, destination = frame[start + 12 : start + 16], frame[start + 16 : start + 20]
    payload = frame[start + (first & 0x0F) * 4 : start + total]
    return Packet(source, destination, ttl, protocol, payload, frame[6:12])


def _ipv6(frame: bytes, start: int) -> Packet | NeighborSaid | None:
    length, following, ttl = struct.unpack_from("!HBB", frame, start + 4)
    source, destination = frame[start + 8 : start + 24], frame[start + 24 : start + 40]
    position, end = start + 40, start + 40 + length
    while following in _EXTENSIONS and position + 2 <= len(frame):
        following, position = frame[position], position + 8 + frame[position + 1] * 8
    payload = frame[position:end]
    if following == ICMPV6 and payload[:1] and payload[0] in (_SOLICITATION, _ADVERTISEMENT) and len(payload) >= 24:
        asks = payload[0] == _SOLICITATION
        # The target's own link-layer address stands in an option, where it is given (RFC 4861 §4.4).
        told = payload[26:32] if not asks and payload[24:26] == b"\x02\x01" and len(payload) >= 32 else frame[6:12]
        return NeighborSaid(asks, payload[8:24], told)
    return Packet(source, destination, ttl, following, payload, frame[6:12])


def segment(packet: Packet) -> TcpSegment | None:
    """The TCP header of a packet; None where it has none."""
    payload = packet.payload
    if packet.protocol != TCP or len(payload) < 20:
        return None
    source, destination, sequence, words, flags = struct.unpack_from("!HHI4xBB", payload)
    header = (words >> 4) * 4
    signed = header > 20 and _has_option(payload[20:header], _MD5_OPTION)
    return TcpSegment(source, destination, sequence, flags, signed, payload[header:])


def _has_option(options: bytes, wanted: int) -> bool:
    position = 0
    while position < len(options) and (kind := options[position]) != 0:
        if kind == wanted:
            return True
        if kind == 1:
            position += 1
        elif position + 1 < len(options) and options[position + 1] >= 2:
            position += options[position + 1]
        else:
            return False
    return False


class Quoted(NamedTuple):
    """The packet that an ICMP error is about."""

    source: bytes
    destination: bytes
    protocol: int
    ports: tuple[int, int]
    """Of TCP and UDP: source and destination."""


def quoted(packet: Packet) -> Quoted | None:
    """What an ICMP error quotes; None where the packet is no such error."""
    payload = packet.payload
    if len(payload) < 8 + 20 or payload[0] not in _ERRORS.get(packet.protocol, ()):
        return None
    inner = payload[8:]
    if packet.protocol == ICMP:
        header, protocol, ends = (inner[0] & 0x0F) * 4, inner[9], (inner[12:16], inner[16:20])
    elif len(inner) >= 40:
        header, protocol, ends = 40, inner[6], (inner[8:24], inner[24:40])
    else:
        return None
    ports = struct.unpack_from("!HH", inner, header) if len(inner) >= header + 4 else (0, 0)
    return Quoted(*ends, protocol, ports)
