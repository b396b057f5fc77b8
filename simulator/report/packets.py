"""Ethernet, IP and TCP headers in plain struct code: what wire.pcap needs, at the speed that 200,000 routes need."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address, ip_address

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10

_TTL = 64
_WINDOW = 0xFFFF
_WINDOW_SHIFT = 14
"""The largest (RFC 7323 §2.2): a written capture must not claim that the receiver's window was full."""


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """The address without zone or IPv4 mapping; None: the text is not an address."""
    try:
        address = ip_address(text.split("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def mac(address: IPv4Address | IPv6Address) -> bytes:
    """A locally administered unicast MAC that is always the same for one address."""
    return b"\x02" + sha256(address.packed).digest()[:5]


def mss(address: IPv4Address | IPv6Address) -> int:
    """TCP payload of a full 1500-octet packet."""
    return 1460 if address.version == 4 else 1440


@dataclass(frozen=True, slots=True)
class HalfConnection:
    """One way of a TCP connection: everything about its packets that never changes."""

    ethernet: bytes
    source: bytes
    destination: bytes
    ports: bytes
    version: int
    options: bytes
    """The options of its SYN: MSS and window scale."""

    @classmethod
    def between(
        cls,
        source: IPv4Address | IPv6Address,
        source_port: int,
        destination: IPv4Address | IPv6Address,
        destination_port: int,
    ) -> HalfConnection:
        kind = b"\x08\x00" if source.version == 4 else b"\x86\xdd"
        return cls(
            ethernet=mac(destination) + mac(source) + kind,
            source=source.packed,
            destination=destination.packed,
            ports=struct.pack("!HH", source_port, destination_port),
            version=source.version,
            options=struct.pack("!BBHBBBB", 2, 4, mss(source), 1, 3, 3, _WINDOW_SHIFT),
        )

    def packet(self, flags: int, sequence: int, acknowledged: int, data: bytes = b"", identification: int = 0) -> bytes:
        """One frame with correct checksums."""
        options = self.options if flags & SYN else b""
        words = (5 + len(options) // 4) << 4
        head = struct.pack(
            "!4sIIBBHHH", self.ports, sequence, acknowledged if flags & ACK else 0, words, flags, _WINDOW, 0, 0
        )
        segment = head + options + data
        pseudo = self.source + self.destination + struct.pack("!II", len(segment), 6)
        total = checksum(pseudo + segment)
        segment = segment[:16] + struct.pack("!H", total) + segment[18:]
        return self.ethernet + self._ip(len(segment), identification) + segment

    def _ip(self, length: int, identification: int) -> bytes:
        if self.version == 6:
            return struct.pack("!IHBB", 6 << 28, length, 6, _TTL) + self.source + self.destination
        dont_fragment = 0x4000
        first = struct.pack("!BBHHHBB", 0x45, 0xC0, 20 + length, identification & 0xFFFF, dont_fragment, _TTL, 6)
        tail = self.source + self.destination
        return first + struct.pack("!H", checksum(first + b"\0\0" + tail)) + tail


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    # A one's complement sum of 16-bit words is the remainder by 0xFFFF, except that it writes zero as 0xFFFF.
    return 0xFFFF - (int.from_bytes(data, "big") % 0xFFFF or 0xFFFF)
