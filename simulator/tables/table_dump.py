"""TABLE_DUMP, MRT's first way to write a table (RFC 6396 §4.2): a record a route, its peer in it."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple

from simulator.counts import count_of
from simulator.session.messages import Family
from simulator.tables.table_entries import Announcer

SUBTYPES: Final = {1: (Family.IPV4, False), 2: (Family.IPV6, False), 3: (Family.IPV4, True), 4: (Family.IPV6, True)}
"""Subtype → address family, and whether ASNs have four octets. 3 and 4 are Quagga's, not the RFC's."""
_HEADS: Final = {
    subtype: struct.Struct(f"!HH{family.max_length // 8}sBBL{family.max_length // 8}s{'L' if asn4 else 'H'}H")
    for subtype, (family, asn4) in SUBTYPES.items()
}
"""View, sequence, prefix, length, status, time, peer, its ASN, length of the attributes."""


class TableDumpRoute(NamedTuple):
    """One route, its attributes undecoded."""

    family: Family
    key: bytes
    announcer: Announcer
    asn4: bool
    attributes: bytes


def parse_table_dump(subtype: int, body: bytes) -> TableDumpRoute:
    """struct.error for a record that is cut short, ValueError for one that makes no sense."""
    family, asn4 = SUBTYPES[subtype]
    head = _HEADS[subtype]
    _, _, prefix, bits, _, _, peer, asn, size = head.unpack_from(body)
    if bits > family.max_length:
        raise ValueError(f"an {family.label} prefix length of {bits}")
    if head.size + size != len(body):
        raise ValueError(f"{count_of(size, 'octet')} of attributes in {len(body) - head.size}")
    octets = bytearray(prefix[: (bits + 7) // 8])
    if bits % 8:
        octets[-1] &= 0xFF << (8 - bits % 8) & 0xFF
    address = IPv4Address(peer) if family is Family.IPV4 else IPv6Address(peer)
    return TableDumpRoute(family, bytes((bits, *octets)), Announcer(asn, address), asn4, body[head.size :])
