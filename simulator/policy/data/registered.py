"""Registered prefixes and ASNs (Microsoft's registeredPrefixes and registeredAsns): JSON, or one a line."""

from __future__ import annotations

from collections.abc import Iterable
from json import detect_encoding

from simulator.policy.data.reading import DataError, asn_of, key_of, read_json
from simulator.policy.prefixes import PrefixMap
from simulator.session.messages import Family


class RegisteredPrefixes:
    """Prefixes that stand for themselves and for everything within them."""

    __slots__ = ("_ipv4", "_ipv6")

    def __init__(self, prefixes: Iterable[tuple[Family, bytes]]) -> None:
        tables: dict[Family, dict[bytes, bool]] = {family: {} for family in Family}
        for family, key in prefixes:
            tables[family][key] = True
        self._ipv4 = PrefixMap(Family.IPV4, tables[Family.IPV4])
        self._ipv6 = PrefixMap(Family.IPV6, tables[Family.IPV6])

    def joined(self, other: RegisteredPrefixes) -> RegisteredPrefixes:
        """The prefixes of both."""
        sets = (self, other)
        ipv4 = [(Family.IPV4, key) for found in sets for key in found._ipv4.members]
        return RegisteredPrefixes([*ipv4, *((Family.IPV6, key) for found in sets for key in found._ipv6.members)])

    def covers(self, family: Family, key: bytes) -> bool:
        return bool((self._ipv4 if family is Family.IPV4 else self._ipv6).covering(key))


def read_prefixes(data: bytes) -> RegisteredPrefixes:
    """`["192.0.2.0/24"]`, `[{"prefix": …}]`, Azure's `{"value": [{"properties": {"prefix": …}}]}`, or lines."""
    return registered_prefixes(_values(data, "prefix"))


def registered_prefixes(values: Iterable[object]) -> RegisteredPrefixes:
    """Raises DataError."""
    found = []
    for number, value in enumerate(values, 1):
        try:
            found.append(key_of(value))
        except DataError as error:
            raise DataError(f"entry {number}: {error}") from None
    return RegisteredPrefixes(found)


def read_asns(data: bytes) -> frozenset[int]:
    """`[64496, "AS64497"]`, `[{"asn": …}]`, Azure's `{"value": [{"properties": {"asn": …}}]}`, or lines."""
    return registered_asns(_values(data, "asn"))


def registered_asns(values: Iterable[object]) -> frozenset[int]:
    """Raises DataError."""
    found = set()
    for number, value in enumerate(values, 1):
        try:
            found.add(asn_of(value))
        except DataError as error:
            raise DataError(f"entry {number}: {error}") from None
    return frozenset(found)


def _values(data: bytes, key: str) -> list[object]:
    what = f"a list of {key}es" if key == "prefix" else f"a list of {key}s"
    try:
        # As PowerShell and editors write it, too: UTF-16, or with a byte order mark.
        text = data.decode(detect_encoding(data))
    except UnicodeDecodeError:
        raise DataError(f"this is neither JSON nor text: {what} is expected") from None
    if text.lstrip()[:1] in ("[", "{"):
        document = read_json(data, what)
        entries = document.get("value") if isinstance(document, dict) else document
        if not isinstance(entries, list):
            raise DataError(f"there is no list in it: {what} is expected")
        return [_value(entry, key) for entry in entries]
    return [found for line in text.splitlines() if (found := line.partition("#")[0].strip())]


def _value(entry: object, key: str) -> object:
    if isinstance(entry, dict):
        inner = entry.get("properties", entry)
        return inner.get(key) if isinstance(inner, dict) else inner
    return entry
