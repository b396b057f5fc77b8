"""MRT files out of RIBs and recorded messages, as collectors write them (RFC 6396): bgpdump and bgpkit read them."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from simulator.session.messages import AS_TRANS, Family
from simulator.tables.mrt import HEADER, Bgp4mpSubtype, MrtType, TableDumpSubtype
from simulator.tables.table_entries import Announcer
from simulator.wire.attribute_codec import encode
from simulator.wire.path_attributes import PathAttributes

_MP_REACH: Final = 14
_OPTIONAL: Final = 0x80
_SUBTYPES: Final = {Family.IPV4: TableDumpSubtype.RIB_IPV4_UNICAST, Family.IPV6: TableDumpSubtype.RIB_IPV6_UNICAST}
_MAX_PEERS: Final = 0xFFFF


@dataclass(frozen=True, slots=True)
class RibEntry:
    """One route of one peer's table."""

    family: Family
    key: bytes
    path: PathAttributes
    time: float
    """When it came, in seconds since the epoch."""


def rib_dump(
    when: float, collector: IPv4Address, view: str, tables: Sequence[tuple[Announcer, Iterable[RibEntry]]]
) -> Iterator[bytes]:
    """TABLE_DUMP_V2: the index of the peers, then one record a prefix with the path of each peer that has it.

    ValueError for more than 65,535 peers, for attributes of more than 65,535 octets, and for a view's name as long.
    """
    if len(tables) > _MAX_PEERS:
        raise ValueError(f"an MRT table has at most {_MAX_PEERS} peers, not {len(tables)}")
    name = view.encode()
    index = b"".join(_peer(peer) for peer, _ in tables)
    head = collector.packed + _octets(len(name)) + name + _octets(len(tables))
    yield _record(when, MrtType.TABLE_DUMP_V2, TableDumpSubtype.PEER_INDEX_TABLE, head + index)
    prefixes: dict[tuple[Family, bytes], list[bytes]] = {}
    encoded: dict[tuple[int, Family], tuple[PathAttributes, bytes]] = {}
    for number, (_, entries) in enumerate(tables):
        for entry in entries:
            which = (id(entry.path), entry.family)
            if which not in encoded:
                encoded[which] = (entry.path, rib_attributes(entry.family, entry.path))  # holds it, so the id is its
            attributes = encoded[which][1]
            row = _octets(number) + _time(entry.time) + _octets(len(attributes)) + attributes
            prefixes.setdefault((entry.family, entry.key), []).append(row)
    order = sorted(prefixes, key=lambda which: (which[0].afi, which[1][1:], which[1][0]))
    for sequence, (family, key) in enumerate(order):
        rows = prefixes[family, key]
        body = (sequence & 0xFFFFFFFF).to_bytes(4, "big") + key + _octets(len(rows)) + b"".join(rows)
        yield _record(when, MrtType.TABLE_DUMP_V2, _SUBTYPES[family], body)


def rib_attributes(family: Family, path: PathAttributes) -> bytes:
    """A RIB entry's attributes: ASNs of four octets, MP_REACH_NLRI cut to its next hop (RFC 6396 §4.3.4)."""
    try:
        block = encode(path, asn4=True)
    except (struct.error, ValueError):
        raise ValueError("an attribute does not fit its two octets of length") from None
    hop = path.next_hop
    if hop is None or (family is Family.IPV4 and hop.version == 4):
        return block
    packed = hop.packed + (path.link_local.packed if path.link_local and hop.version == 6 else b"")
    return block + bytes((_OPTIONAL, _MP_REACH, len(packed) + 1, len(packed))) + packed


def message(
    when: float,
    peer: Announcer,
    local: Announcer,
    octets: bytes,
    *,
    asn4: bool = True,
    sent: bool = False,
    extended_time: bool = True,
) -> bytes:
    """One BGP message of a session as BGP4MP. `asn4`: its AS_PATH has ASNs of four octets. ValueError: two families.

    `extended_time` keeps the microseconds (RFC 6396 §3); `sent` marks what the local side sent (RFC 6396 §4.4.3).
    """
    if peer.address.version != local.address.version:
        raise ValueError("the two ends of a session are of one address family")
    names = {(False, False): Bgp4mpSubtype.MESSAGE, (True, False): Bgp4mpSubtype.MESSAGE_AS4}
    names |= {(False, True): Bgp4mpSubtype.MESSAGE_LOCAL, (True, True): Bgp4mpSubtype.MESSAGE_AS4_LOCAL}
    width = 4 if asn4 else 2
    body = b"".join(
        (
            *((asn if asn >> 8 * width == 0 else AS_TRANS).to_bytes(width, "big") for asn in (peer.asn, local.asn)),
            _octets(0),
            _octets(1 if peer.address.version == 4 else 2),
            peer.address.packed,
            local.address.packed,
            octets,
        )
    )
    kind = MrtType.BGP4MP_ET if extended_time else MrtType.BGP4MP
    return _record(when, kind, names[asn4, sent], body)


def announcer(asn: int, address: IPv4Address | IPv6Address | str, identifier: IPv4Address | None = None) -> Announcer:
    """One end of a session."""
    return Announcer(asn, ip_address(str(address)), identifier or IPv4Address(0))


def _peer(peer: Announcer) -> bytes:
    """Always with an ASN of four octets."""
    kind = 2 | (1 if peer.address.version == 6 else 0)
    return bytes((kind,)) + peer.identifier.packed + peer.address.packed + peer.asn.to_bytes(4, "big")


def _record(when: float, kind: MrtType, subtype: int, body: bytes) -> bytes:
    if kind is MrtType.BGP4MP_ET:
        micros = round(when * 1_000_000)
        when = micros // 1_000_000
        body = (micros % 1_000_000).to_bytes(4, "big") + body
    return HEADER.pack(_seconds(when), kind, subtype, len(body)) + body


def _octets(value: int) -> bytes:
    try:
        return value.to_bytes(2, "big")
    except OverflowError:
        raise ValueError(f"{value} does not fit MRT's two octets") from None


def _time(when: float) -> bytes:
    return _seconds(when).to_bytes(4, "big")


def _seconds(when: float) -> int:
    return min(max(int(when), 0), 0xFFFFFFFF)
