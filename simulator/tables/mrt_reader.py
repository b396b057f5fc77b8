"""Routes out of MRT: TABLE_DUMP and TABLE_DUMP_V2 as they stream by, BGP4MP replayed to the table that it ends with.

The attributes are decoded by the codec that the sessions use, so that a table gets the verdicts that a session would.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from simulator.counts import count_of
from simulator.mrt.records import Bgp4mpSubtype, MrtError, MrtType, TableDumpSubtype, records
from simulator.session.messages import Family
from simulator.tables.bgp4mp_replay import Replay
from simulator.tables.table_dump import SUBTYPES, TableDumpRoute, parse_table_dump
from simulator.tables.table_entries import Announcer, FilePosition, TableEntry, TableRoutes, Unreadable
from simulator.wire.attribute_block import EXTENDED_LENGTH, cut, value_of
from simulator.wire.attribute_codec import AttributeFault, decode
from simulator.wire.path_attributes import PathAttributes
from simulator.wire.update import next_hops

_WINDOW: Final = 2_400_000
"""Routes that wait to be grouped by their attributes, a set counted as _SET of them: it bounds the memory that a table
takes, however long it is, to some 120 MB."""
_SET: Final = 8
_CACHE: Final = 32_768
"""Decoded attribute sets that are kept beyond a window."""
_ORIGIN, _AS_PATH, _MP_REACH = 1, 2, 14
_FLAGS: Final = {1: 0x40, 2: 0x40, 3: 0x40, 4: 0x80, 5: 0x40, 6: 0x40, 7: 0xC0, 8: 0xC0, 16: 0xC0, 32: 0xC0, 35: 0xC0}
"""The flags that the attributes have on the wire: optional 0x80, transitive 0x40."""
_RIB: Final = {
    TableDumpSubtype.RIB_IPV4_UNICAST.value: (Family.IPV4, False),
    TableDumpSubtype.RIB_IPV6_UNICAST.value: (Family.IPV6, False),
    TableDumpSubtype.RIB_IPV4_UNICAST_ADDPATH.value: (Family.IPV4, True),
    TableDumpSubtype.RIB_IPV6_UNICAST_ADDPATH.value: (Family.IPV6, True),
}
_MESSAGES: Final = {subtype.value for subtype in Bgp4mpSubtype}
_KINDS: Final = {
    11: "OSPFv2",
    12: "TABLE_DUMP",
    13: "TABLE_DUMP_V2",
    16: "BGP4MP",
    17: "BGP4MP_ET",
    32: "ISIS",
    48: "OSPFv3",
}


def read_mrt(chunks: Iterable[bytes]) -> Iterator[TableEntry]:
    """Every route, by attribute set, in about the order of the file; damage is `Unreadable`, never an exception."""
    reader = _Reader()
    try:
        for record in records(chunks):
            yield from reader.take(*record)
    except MrtError as error:
        yield from reader.flush()
        yield Unreadable(FilePosition("record", error.number), error.reason)
    else:
        yield from reader.flush()
    yield from reader.replay.routes()


class _Reader:
    def __init__(self) -> None:
        self.replay = Replay()
        self._peers: tuple[Announcer, ...] | None = None
        self._waiting: tuple[list[dict[bytes, list[bytes]]], list[dict[bytes, list[bytes]]]] = ([], [])
        """Of IPv4 and of IPv6, by the number of the peer: attributes → prefixes."""
        self._sets: list[tuple[int, bool, bytes, int, list[bytes]]] = []
        """What is in those tables, in the order of the file: peer, whether IPv6, attributes, first record, prefixes."""
        self._count = 0
        self._decoded: dict[tuple[bool, bool, bytes], PathAttributes | str] = {}

    def take(self, number: int, time: float, kind: int, subtype: int, body: bytes) -> Iterable[TableEntry]:
        """One record."""
        try:
            if kind == MrtType.TABLE_DUMP_V2 and subtype in _RIB:
                self._rib(number, body, *_RIB[subtype])
                return self.flush() if self._is_full else ()
            if kind == MrtType.BGP4MP and subtype in _MESSAGES:
                return self.replay.take(number, subtype, body)
            if kind == MrtType.TABLE_DUMP_V2 and subtype == TableDumpSubtype.PEER_INDEX_TABLE:
                waited = list(self.flush())  # what waits is numbered by the table that ends here
                self._meet(_peer_index(body))
                return waited
            if kind == MrtType.TABLE_DUMP and subtype in SUBTYPES:
                return (self._dumped(number, parse_table_dump(subtype, body)),)
            what = f"MRT {_KINDS.get(kind, f'type {kind}')}, subtype {subtype}"
            return (Unreadable(FilePosition("record", number), f"{what}, is not read"),)
        except (struct.error, IndexError, ValueError) as error:
            reason = str(error) if type(error) is ValueError else "the record is cut short"
            return (Unreadable(FilePosition("record", number), reason),)

    def _dumped(self, number: int, route: TableDumpRoute) -> TableEntry:
        place = FilePosition("record", number)
        path = self._path(route.family is Family.IPV6, route.attributes, route.asn4)
        if isinstance(path, str):
            return Unreadable(place, path)
        return TableRoutes(route.family, (route.key,), path, _known(route.announcer), place=place)

    def _rib(self, number: int, body: bytes, family: Family, addpath: bool) -> None:
        """One prefix, one path or several. All or nothing: a record that is cut short gives no route."""
        if self._peers is None:
            raise ValueError("a RIB record before the PEER_INDEX_TABLE")
        bits = body[4]
        if bits > family.max_length:
            raise ValueError(f"an {family.label} prefix length of {bits}")
        at = 5 + (bits + 7) // 8
        key = body[4:at]
        if bits % 8 and key[-1] & (0xFF >> bits % 8):
            key = key[:-1] + bytes((key[-1] & ~(0xFF >> bits % 8) & 0xFF,))
        count = body[at] << 8 | body[at + 1]
        at += 2
        skip, total, peers = 10 if addpath else 6, len(body), len(self._peers)
        v6 = family is Family.IPV6
        found: list[tuple[int, bytes]] = []
        for _ in range(count):
            peer = body[at] << 8 | body[at + 1]
            start = at + skip + 2
            at = start + (body[start - 2] << 8 | body[start - 1])
            if at > total:
                raise IndexError
            if peer >= peers:
                raise ValueError(f"peer {peer} is not in the PEER_INDEX_TABLE")
            found.append((peer, body[start:at]))
        if at != total:
            raise ValueError(f"{count_of(total - at, 'octet')} too many")
        waiting = self._waiting[v6]
        for peer, raw in found:
            keys = waiting[peer].get(raw)
            if keys is None:
                keys = waiting[peer][raw] = [key]
                self._sets.append((peer, v6, raw, number, keys))
            else:
                keys.append(key)
        self._count += len(found)

    def _meet(self, peers: tuple[Announcer, ...]) -> None:
        self._peers = peers
        self._waiting = [{} for _ in peers], [{} for _ in peers]

    @property
    def _is_full(self) -> bool:
        return self._count + _SET * len(self._sets) >= _WINDOW

    def flush(self) -> Iterator[TableEntry]:
        """What waits, each attribute set decoded once."""
        sets, self._sets, self._count = self._sets, [], 0
        peers = self._peers
        if peers is None:
            return
        self._meet(peers)
        sets.reverse()
        while sets:
            peer, v6, raw, number, keys = sets.pop()
            path, place = self._path(v6, raw), FilePosition("record", number)
            if isinstance(path, str):
                yield Unreadable(place, path, len(keys))
            else:
                family, announcer = Family.IPV6 if v6 else Family.IPV4, _known(peers[peer])
                yield TableRoutes(family, tuple(keys), path, announcer, place=place)

    def _path(self, v6: bool, raw: bytes, asn4: bool = True) -> PathAttributes | str:
        found = self._decoded.get((v6, asn4, raw))
        if found is None:
            if len(self._decoded) >= _CACHE:
                self._decoded.clear()
            try:
                found = rib_attributes(Family.IPV6 if v6 else Family.IPV4, raw, asn4=asn4)
            except AttributeFault as fault:
                found = fault.reason
            except ValueError as error:
                found = str(error)
            self._decoded[v6, asn4, raw] = found
        return found


def _known(peer: Announcer) -> Announcer | None:
    """BIRD lists its own routes under AS 0 at an unspecified address: nobody announced them."""
    return None if not peer.asn and peer.address.is_unspecified else peer


def rib_attributes(family: Family, raw: bytes, *, asn4: bool = True) -> PathAttributes:
    """The attributes of a RIB entry (RFC 6396 §4.3.4): ASNs of four octets, MP_REACH_NLRI cut to its next hop.

    A table is no session: routers also dump routes of their own, without ORIGIN or AS_PATH, and attributes with the
    flags that they keep inside (BIRD). Both are set right. AttributeFault for what is malformed all the same;
    ValueError for a next hop of no known size.
    """
    rest, next_hop = _cut_mp_reach(raw)
    try:
        path = decode(rest, asn4=asn4, external=False)
    except AttributeFault:
        path = decode(_set_right(rest), asn4=asn4, external=False)
    if next_hop and (family is Family.IPV6 or path.next_hop is None):
        address, link_local = next_hops(next_hop)
        path = replace(path, next_hop=address, link_local=link_local)
    return path


def _set_right(raw: bytes) -> bytes:
    """The same attributes with the flags that belong to them, and with ORIGIN and AS_PATH."""
    attributes, rest = cut(raw)
    pieces = [_flagged(attribute) for attribute in attributes] + [rest]
    seen = {attribute[1] for attribute in attributes}
    if _ORIGIN not in seen:
        pieces.insert(0, bytes((_FLAGS[_ORIGIN], _ORIGIN, 1, 2)))  # INCOMPLETE: learned by some other means
    if _AS_PATH not in seen:
        pieces.insert(0, bytes((_FLAGS[_AS_PATH], _AS_PATH, 0)))
    return b"".join(pieces)


def _flagged(attribute: bytes) -> bytes:
    flags, code = attribute[0], attribute[1]
    return bytes((_FLAGS.get(code, flags) | flags & EXTENDED_LENGTH,)) + attribute[1:]


def _cut_mp_reach(raw: bytes) -> tuple[bytes, bytes]:
    """(the other attributes, the next hop of MP_REACH_NLRI or nothing). An overrun is left to the decoder."""
    if _MP_REACH not in raw:
        return raw, b""
    attributes, rest = cut(raw)
    found = next((attribute for attribute in attributes if attribute[1] == _MP_REACH), None)
    if found is None:
        return raw, b""
    attributes.remove(found)
    value = value_of(found)
    # Some write the attribute in full, AFI and SAFI first; no next hop has a length of 0.
    if len(value) > 4 and value[0] == 0:
        value = value[3:]
    return b"".join([*attributes, rest]), value[1 : 1 + value[0]] if value else b""


def _peer_index(body: bytes) -> tuple[Announcer, ...]:
    """RFC 6396 §4.3.1."""
    at = 6 + int.from_bytes(body[4:6], "big")
    count = int.from_bytes(body[at : at + 2], "big")
    at += 2
    peers = []
    for _ in range(count):
        kind = body[at]
        address_size, asn_size = 16 if kind & 1 else 4, 4 if kind & 2 else 2
        end = at + 5 + address_size + asn_size
        if end > len(body):
            raise IndexError
        address = body[at + 5 : at + 5 + address_size]
        peers.append(
            Announcer(
                int.from_bytes(body[end - asn_size : end], "big"),
                IPv6Address(address) if kind & 1 else IPv4Address(address),
                IPv4Address(body[at + 1 : at + 5]),
            )
        )
        at = end
    return tuple(peers)
