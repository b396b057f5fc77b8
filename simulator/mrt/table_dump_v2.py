"""TABLE_DUMP_V2 (RFC 6396 §4.3): RIBs as collectors write them. bgpdump, bgpkit, GoBGP and bgpctl read them."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final, NamedTuple, Protocol

from simulator.addresses import IpAddress
from simulator.mrt.records import MrtType, TableDumpSubtype, pack_record, seconds, two_octets
from simulator.session.messages import Family
from simulator.wire.attribute_codec import encode
from simulator.wire.path_attributes import PathAttributes

_MP_REACH: Final = 14
_OPTIONAL: Final = 0x80
_SUBTYPES: Final = {Family.IPV4: TableDumpSubtype.RIB_IPV4_UNICAST, Family.IPV6: TableDumpSubtype.RIB_IPV6_UNICAST}
_MAX_PEERS: Final = 0xFFFF


class SessionEnd(Protocol):
    """One end of a session."""

    @property
    def asn(self) -> int: ...
    @property
    def address(self) -> IpAddress: ...
    @property
    def identifier(self) -> IPv4Address: ...


class MrtPeer(NamedTuple):
    """The end of a session, for a writer that has nothing else to name it by."""

    asn: int
    address: IpAddress
    identifier: IPv4Address = IPv4Address(0)


@dataclass(frozen=True, slots=True)
class RibEntry:
    """One route of one peer's table."""

    family: Family
    key: bytes
    path: PathAttributes
    time: float
    """When it came, in seconds since the epoch."""


def rib_dump(
    when: float, collector: IPv4Address, view: str, tables: Sequence[tuple[SessionEnd, Iterable[RibEntry]]]
) -> Iterator[bytes]:
    """TABLE_DUMP_V2: the index of the peers, then one record a prefix with the path of each peer that has it.

    ValueError for more than 65,535 peers, for attributes of more than 65,535 octets, and for a view's name as long.
    """
    yield peer_index(when, collector, view, [peer for peer, _ in tables])
    prefixes: dict[tuple[Family, bytes], list[bytes]] = {}
    encoded: dict[tuple[int, Family], tuple[PathAttributes, bytes]] = {}
    for number, (_, entries) in enumerate(tables):
        for entry in entries:
            which = (id(entry.path), entry.family)
            if which not in encoded:
                encoded[which] = (entry.path, rib_attributes(entry.family, entry.path))  # holds it, so the id is its
            attributes = encoded[which][1]
            row = rib_row(number, entry.time, attributes)
            prefixes.setdefault((entry.family, entry.key), []).append(row)
    order = sorted(prefixes, key=lambda which: (which[0].afi, which[1][1:], which[1][0]))
    for sequence, (family, key) in enumerate(order):
        yield rib_record(when, sequence, family, key, prefixes[family, key])


def peer_index(when: float, collector: IPv4Address, view: str, peers: Sequence[SessionEnd]) -> bytes:
    """The first record: the peers that the rows name by their numbers (RFC 6396 §4.3.1). ValueError for too many."""
    if len(peers) > _MAX_PEERS:
        raise ValueError(f"an MRT table has at most {_MAX_PEERS} peers, not {len(peers)}")
    name = view.encode()
    body = collector.packed + two_octets(len(name)) + name + two_octets(len(peers)) + b"".join(map(_peer, peers))
    return pack_record(when, MrtType.TABLE_DUMP_V2, TableDumpSubtype.PEER_INDEX_TABLE, body)


def rib_record(when: float, sequence: int, family: Family, key: bytes, rows: Sequence[bytes]) -> bytes:
    """The record of one prefix (RFC 6396 §4.3.2), with rows of `rib_row`."""
    body = (sequence & 0xFFFFFFFF).to_bytes(4, "big") + key + two_octets(len(rows)) + b"".join(rows)
    return pack_record(when, MrtType.TABLE_DUMP_V2, _SUBTYPES[family], body)


def rib_row(peer: int, when: float, attributes: bytes) -> bytes:
    """One peer's path (RFC 6396 §4.3.4). `peer`: its number in the index, from 0."""
    return two_octets(peer) + seconds(when).to_bytes(4, "big") + two_octets(len(attributes)) + attributes


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


def _peer(peer: SessionEnd) -> bytes:
    """Always with an ASN of four octets."""
    kind = 2 | (1 if peer.address.version == 6 else 0)
    return bytes((kind,)) + peer.identifier.packed + peer.address.packed + peer.asn.to_bytes(4, "big")
