"""BGP messages cut from one direction of a TCP connection, as Wireshark cuts them: in the packet that completes one."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from simulator.packets.dissect import SYN, TcpSegment

OPEN, UPDATE, NOTIFICATION, KEEPALIVE = 1, 2, 3, 4
_MARKER: Final = b"\xff" * 16
_HEADER: Final = 19
_WRAP: Final = 1 << 32
_HALF: Final = 1 << 31
_REACH, _UNREACH = 14, 15
_EXTENDED_LENGTH: Final = 0x10


@dataclass(slots=True)
class Cutter:
    """One direction of a TCP connection. What is sent again counts once; after a gap the next message counts."""

    _next: int | None = None
    _rest: bytearray = field(default_factory=bytearray)

    def take(self, segment: TcpSegment) -> Iterator[bytes]:
        """The messages that end in this segment."""
        if segment.flags & SYN:
            self._next = (segment.sequence + 1) % _WRAP
            self._rest.clear()
            return
        data = self._new(segment)
        if not data:
            return
        self._rest += data
        while len(self._rest) >= _HEADER and self._rest[:16] == _MARKER:
            length = int.from_bytes(self._rest[16:18])
            if length < _HEADER:
                break
            if len(self._rest) < length:
                return
            message = bytes(self._rest[:length])
            del self._rest[:length]
            yield message
        if self._rest[:16] != _MARKER[: len(self._rest)]:
            self._rest.clear()  # no BGP, or what follows a gap: the next message begins with a marker

    def _new(self, segment: TcpSegment) -> bytes:
        """What this segment carries that was not seen."""
        known = self._next
        ahead = 0 if known is None else (segment.sequence - known) % _WRAP
        old = 0
        if ahead >= _HALF:
            old = _WRAP - ahead
            if old >= len(segment.data):
                return b""
        elif ahead:
            self._rest.clear()
        self._next = (segment.sequence + len(segment.data)) % _WRAP
        return segment.data[old:]


@dataclass(frozen=True, slots=True)
class Routes:
    """What an UPDATE announces: the octets of its NLRI, IPv4 and IPv6 unicast. Neither: it announces nothing."""

    ipv4: bytes
    ipv6: bytes
    is_end_of_rib: bool

    def __bool__(self) -> bool:
        return bool(self.ipv4 or self.ipv6)

    def announces(self, prefix: bytes, version: int) -> bool:
        """Whether a prefix, in its NLRI form (length, octets), stands among them."""
        octets = self.ipv4 if version == 4 else self.ipv6
        if prefix not in octets:  # what is not there at all need not be taken apart
            return False
        position = 0
        while position < len(octets):
            size = 1 + (octets[position] + 7) // 8
            if octets[position : position + size] == prefix:
                return True
            position += size
        return False


_NOTHING: Final = Routes(b"", b"", False)


def routes(message: bytes) -> Routes:
    """Of an UPDATE (RFC 4271 §4.3, RFC 4760 §3); nothing where its lengths do not fit."""
    try:
        (withdrawn,) = struct.unpack_from("!H", message, _HEADER)
        (attributes,) = struct.unpack_from("!H", message, 21 + withdrawn)
        position, end = 23 + withdrawn, 23 + withdrawn + attributes
        ipv4, ipv6 = message[end:], b""
        unreached = None
        while position < end:
            flags, code, length = struct.unpack_from("!BBB", message, position)
            position += 3
            if flags & _EXTENDED_LENGTH:
                (length,) = struct.unpack_from("!H", message, position - 1)
                position += 1
            if code == _REACH:
                afi, safi, hop = struct.unpack_from("!HBB", message, position)
                nlri = message[position + 5 + hop : position + length]
                if (afi, safi) == (2, 1):
                    ipv6 += nlri
                elif (afi, safi) == (1, 1):
                    ipv4 += nlri
            elif code == _UNREACH:
                unreached = length
            position += length
    except struct.error:
        return _NOTHING
    # RFC 4724 §2: nothing at all, or an MP_UNREACH_NLRI with its family alone.
    ended = len(message) == 23 or (unreached == 3 and not withdrawn and attributes <= 7 and not ipv4)
    return Routes(ipv4, ipv6, ended)
