"""BGP messages as octets, made by hand so that the report's tests lean on no other package."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from ipaddress import ip_address

from simulator.views.octets import Octets

KEEPALIVE = b"\xff" * 16 + struct.pack("!HB", 19, 4)


def message(kind: int, body: bytes) -> bytes:
    return b"\xff" * 16 + struct.pack("!HB", 19 + len(body), kind) + body


def open_message(asn: int, identifier: str) -> bytes:
    capability = b"\x41\x04" + struct.pack("!I", asn)
    parameter = struct.pack("!BB", 2, len(capability)) + capability
    two_octets = asn if asn < 65536 else 23456
    head = struct.pack("!BHH4sB", 4, two_octets, 180, ip_address(identifier).packed, len(parameter))
    return message(1, head + parameter)


def update(asn: int, next_hop: str, prefixes: list[bytes]) -> bytes:
    path = struct.pack("!BBI", 2, 1, asn)
    attributes = b"\x40\x01\x01\x00" + struct.pack("!BBB", 0x40, 2, len(path)) + path
    attributes += b"\x40\x03\x04" + ip_address(next_hop).packed
    return message(2, struct.pack("!HH", 0, len(attributes)) + attributes + b"".join(prefixes))


def full_updates(asn: int, next_hop: str, routes: int) -> Iterator[bytes]:
    """UPDATEs of close to 4096 octets."""
    prefixes = [struct.pack("!BBBB", 24, 20 + (n >> 16), (n >> 8) & 0xFF, n & 0xFF) for n in range(routes)]
    for start in range(0, routes, 1000):
        yield update(asn, next_hop, prefixes[start : start + 1000])


def notification(code: int, subcode: int) -> bytes:
    return message(3, bytes((code, subcode)))


def session_segments(
    start: float, local: str, peer: str, *, routes: int = 2500, port: int = 40001, server_port: int = 179
) -> list[Octets]:
    """The life of one IPv4 or IPv6 session as a speaker records it: no SYN, no bare acknowledgement."""
    next_hop = peer if ":" not in peer else "192.0.2.1"

    def sent(at: float, data: bytes, flags: str = "PA") -> Octets:
        return Octets(start + at, local, port, peer, server_port, data, flags)

    def read(at: float, data: bytes, flags: str = "PA") -> Octets:
        return Octets(start + at, peer, server_port, local, port, data, flags)

    segments = [
        sent(0.001, open_message(8075, "192.0.2.254")),
        read(0.002, open_message(64496, "192.0.2.1")),
        sent(0.003, KEEPALIVE),
        read(0.004, KEEPALIVE),
    ]
    segments += [read(0.01 + n / 1000, data) for n, data in enumerate(full_updates(64496, next_hop, routes))]
    segments += [sent(30, KEEPALIVE), read(30.1, KEEPALIVE), sent(40, notification(6, 3)), sent(40, b"", "FA")]
    segments += [read(40.001, b"", "FA")]
    return segments
