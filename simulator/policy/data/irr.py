"""IRR allow-lists as `bgpq4 -j` writes them: prefix lists, and with `-t` the ASNs of an as-set."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from simulator.policy.data.reading import DataError, asn_of, key_of, read_json
from simulator.policy.prefixes import PrefixMap
from simulator.session.messages import Family

T = TypeVar("T")

_WHAT = 'the output of bgpq4 -j ({"NAME": [{"prefix": …, "exact": true}]})'
_OF_ASN = re.compile(r"AS([0-9]+)(?![0-9]).*", re.IGNORECASE | re.DOTALL)

AllowedPrefix = tuple[Family, bytes, int, int]
"""A prefix and the shortest and longest length that is allowed within it."""


class AllowList:
    """Prefixes, each with the lengths that it allows."""

    __slots__ = ("_ipv4", "_ipv6")

    def __init__(self, entries: Iterable[AllowedPrefix]) -> None:
        tables: dict[Family, dict[bytes, tuple[tuple[int, int], ...]]] = {family: {} for family in Family}
        for family, key, low, high in entries:
            table = tables[family]
            table[key] = (*table.get(key, ()), (low, high))
        self._ipv4 = PrefixMap(Family.IPV4, tables[Family.IPV4])
        self._ipv6 = PrefixMap(Family.IPV6, tables[Family.IPV6])

    def allows(self, family: Family, key: bytes) -> bool:
        length = key[0]
        found = (self._ipv4 if family is Family.IPV4 else self._ipv6).covering(key)
        return any(low <= length <= high for _, ranges in found for low, high in ranges)


@dataclass(frozen=True, slots=True)
class IrrLists:
    """Every list of the files, by name."""

    prefixes: Mapping[str, tuple[AllowedPrefix, ...]]
    asns: Mapping[str, frozenset[int]]

    def allowed_prefixes(self, peer_as: int | None) -> AllowList | None:
        """What a peer may announce; None when there are no prefix lists at all.

        A list whose name starts with an ASN (`bgpq4 -l AS64496`) is for that peer; every other list is for all.
        """
        if not self.prefixes:
            return None
        return AllowList(
            entry for name, entries in self.prefixes.items() if _is_for(name, peer_as) for entry in entries
        )

    def allowed_origins(self, peer_as: int | None) -> frozenset[int] | None:
        """The origins that a peer may announce; None when there are no lists of ASNs at all."""
        if not self.asns:
            return None
        return frozenset().union(*(asns for name, asns in self.asns.items() if _is_for(name, peer_as)))

    def joined(self, other: IrrLists) -> IrrLists:
        """Both files' lists; those of one name are put together (bgpq4 writes IPv4 and IPv6 apart)."""
        prefixes, asns = dict(self.prefixes), dict(self.asns)
        for name, entries in other.prefixes.items():
            prefixes[name] = (*prefixes.get(name, ()), *entries)
        for name, more in other.asns.items():
            asns[name] = asns.get(name, frozenset()) | more
        # bgpq4 writes an empty list of ASNs as it does one of prefixes: the other file tells which it is.
        return IrrLists({name: found for name, found in prefixes.items() if found or name not in asns}, asns)


def _is_for(name: str, peer_as: int | None) -> bool:
    found = _OF_ASN.fullmatch(name)
    return found is None or int(found[1]) == peer_as


def read(data: bytes) -> IrrLists:
    """Raises DataError."""
    document = read_json(data, _WHAT)
    if not isinstance(document, dict) or not document:
        raise DataError(f"there is no list in it: {_WHAT} is expected")
    prefixes: dict[str, tuple[AllowedPrefix, ...]] = {}
    asns: dict[str, frozenset[int]] = {}
    for name, entries in document.items():
        if not isinstance(entries, list):
            raise DataError(f"'{name}' is not a list: {_WHAT} is expected")
        if entries and not isinstance(entries[0], dict):
            asns[name] = frozenset(_numbered(name, entries, asn_of))
        else:
            prefixes[name] = tuple(_numbered(name, entries, _entry))
    return IrrLists(prefixes, asns)


def _numbered(name: str, entries: list[object], reader: Callable[[object], T]) -> Iterator[T]:
    for number, entry in enumerate(entries, 1):
        try:
            yield reader(entry)
        except DataError as error:
            raise DataError(f"entry {number} of '{name}': {error}") from None


def _entry(entry: object) -> AllowedPrefix:
    if not isinstance(entry, dict):
        raise DataError(f"{entry!r} is not an object")
    family, key = key_of(entry.get("prefix"))
    if entry.get("exact", "less-equal" not in entry and "greater-equal" not in entry):
        return family, key, key[0], key[0]
    low, high = entry.get("greater-equal", key[0]), entry.get("less-equal", family.max_length)
    if type(low) is not int or type(high) is not int or not key[0] <= low <= high <= family.max_length:
        raise DataError(f"lengths {low!r} to {high!r} do not fit {entry['prefix']}")
    return family, key, low, high
