"""Recorded UPDATEs played again: what each peer's table held when the recording ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from simulator.session.messages import Family
from simulator.tables.entries import Announcer, Entry, Place, Routes, Skipped, Unreadable
from simulator.tables.mrt import Message
from simulator.wire import nlri
from simulator.wire.attributes import AttributeFault, PathAttributes, decode
from simulator.wire.framing import HEADER_SIZE, MARKER, MessageType, WireError
from simulator.wire.update import UpdateParts, next_hops, split_update

_ESTABLISHED: Final = 6
_AS4: Final = {5, 4, 7, 9, 11}
_LOCAL: Final = {6, 7, 10, 11}
_ADDPATH: Final = {8, 9, 10, 11}
_CACHE: Final = 65_536
_Prefix = tuple[bytes, bytes]
"""(key, path identifier or nothing)."""


class Replay:
    """Collects announcements by peer; a withdrawal or the end of a session removes them."""

    def __init__(self) -> None:
        self._tables: dict[tuple[Announcer, Family], dict[_Prefix, PathAttributes]] = {}
        self._decoded: dict[tuple[bool, bytes, bytes], PathAttributes] = {}

    def take(self, number: int, subtype: Message, body: bytes) -> Iterator[Entry]:
        """One BGP4MP record. ValueError and IndexError for one that is cut short."""
        width = 4 if subtype in _AS4 else 2
        at = 2 * width + 4
        afi = body[at - 2] << 8 | body[at - 1]
        if afi not in (1, 2):
            raise ValueError(f"address family {afi} in a BGP4MP record")
        size = 4 if afi == 1 else 16
        message = body[at + 2 * size :]
        # A LOCAL record is what the recording router itself sent.
        ours = subtype in _LOCAL
        asn = int.from_bytes(body[width : 2 * width] if ours else body[:width], "big")
        address = body[at + size : at + 2 * size] if ours else body[at : at + size]
        if len(address) < size:
            raise IndexError
        peer = Announcer(asn, IPv4Address(address) if afi == 1 else IPv6Address(address))
        if subtype in (Message.STATE_CHANGE, Message.STATE_CHANGE_AS4):
            if len(message) < 4:
                raise IndexError
            if message[2] << 8 | message[3] != _ESTABLISHED:
                for family in Family:
                    self._tables.pop((peer, family), None)
            return
        if len(message) < HEADER_SIZE or message[:16] != MARKER:
            raise ValueError("no BGP message in a BGP4MP record")
        if message[16] << 8 | message[17] != len(message):
            raise ValueError("the BGP message is cut short")
        if message[18] != MessageType.UPDATE:
            yield Skipped("BGP messages other than UPDATE")
            return
        try:
            parts = split_update(message[HEADER_SIZE:])
            yield from self._update(number, peer, parts, asn4=subtype in _AS4, addpath=subtype in _ADDPATH)
        except WireError as error:
            yield Unreadable(Place("record", number), error.local)

    def _update(
        self, number: int, peer: Announcer, parts: UpdateParts, *, asn4: bool, addpath: bool
    ) -> Iterator[Entry]:
        v4, reach, unreach = Family.IPV4, parts.reach, parts.unreach
        self._withdraw(peer, v4, _prefixes(parts.withdrawn, v4, addpath))
        if unreach is not None:
            self._withdraw(peer, unreach.family, _prefixes(unreach.nlri, unreach.family, addpath))
        announced = [(v4, _prefixes(parts.announced, v4, addpath), b"")]
        if reach is not None:
            announced.append((reach.family, _prefixes(reach.nlri, reach.family, addpath), reach.next_hop))
        for family, prefixes, next_hop in announced:
            if not prefixes:
                continue
            try:
                path = self._path(parts.attributes, next_hop, asn4)
            except (AttributeFault, ValueError) as fault:
                self._withdraw(peer, family, prefixes)  # RFC 7606: treat-as-withdraw
                yield Unreadable(Place("record", number), str(fault), len(prefixes))
            else:
                self._tables.setdefault((peer, family), {}).update(dict.fromkeys(prefixes, path))

    def _withdraw(self, peer: Announcer, family: Family, prefixes: list[_Prefix]) -> None:
        table = self._tables.get((peer, family))
        if table:
            for prefix in prefixes:
                table.pop(prefix, None)

    def _path(self, raw: bytes, next_hop: bytes, asn4: bool) -> PathAttributes:
        which = (asn4, next_hop, raw)
        found = self._decoded.get(which)
        if found is None:
            if len(self._decoded) >= _CACHE:
                self._decoded.clear()
            found = decode(raw, asn4=asn4, external=False)
            if next_hop:
                address, link_local = next_hops(next_hop)
                found = replace(found, next_hop=address, link_local=link_local)
            self._decoded[which] = found
        return found

    def routes(self) -> Iterator[Entry]:
        """What is left, by attribute set; the tables are given up on the way."""
        while self._tables:
            (peer, family), table = self._tables.popitem()
            groups: dict[int, tuple[PathAttributes, list[bytes]]] = {}
            for (key, _), path in table.items():
                groups.setdefault(id(path), (path, []))[1].append(key)
            for path, keys in groups.values():
                yield Routes(family, tuple(keys), path, peer)


def _prefixes(data: bytes, family: Family, addpath: bool) -> list[_Prefix]:
    """An NLRI field; with a path identifier before each prefix under ADD-PATH (RFC 7911 §3). WireError."""
    if not addpath:
        return [(key, b"") for key in nlri.split(data, family)]
    found, at = [], 0
    while at < len(data):
        identifier = data[at : at + 4]
        end = at + 5 + (data[at + 4] + 7) // 8 if at + 4 < len(data) else at + 5
        found += [(key, identifier) for key in nlri.split(data[at + 4 : end] or b"\xff", family)]
        at = end
    return found
