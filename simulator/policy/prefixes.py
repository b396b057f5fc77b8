"""Prefixes that answer "which member covers this one?" fast enough for a full table.

Prefixes are keys: a length octet and the prefix's octets (see `simulator.wire.nlri`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Generic, TypeVar

from netaddr import IPNetwork

from simulator.session.messages import Family
from simulator.wire import nlri

T = TypeVar("T")

NOWHERE: Final = 255
"""Longer than any prefix: no member starts with this octet."""
_MASKED: Final = tuple(tuple(bytes((octet & (0xFF00 >> bits),)) for octet in range(256)) for bits in range(8))
"""By number of leading bits and octet: what is left of the octet."""
_CUTS: Final = tuple((bytes((length,)), length // 8 + 1, _MASKED[length % 8]) for length in range(129))
"""By length: its octet, the end of a key's whole octets, and what is left of the octet that follows them."""
_HEAD: Final = {Family.IPV4: 2, Family.IPV6: 4}
"""The octets of the longest heads."""


class PrefixMap(Generic[T]):
    """Prefixes of one family with a value each (never None).

    A lookup tries the lengths that there are below the octets that a prefix begins with, and no others: members of up
    to 8 bits are noted at each first octet that they cover, those of 9 to 16 bits at two octets, and so on; the longest
    heads know all that is longer.
    """

    __slots__ = ("_heads", "members", "shortest")

    def __init__(self, family: Family, members: Mapping[bytes, T]) -> None:
        self.members: dict[bytes, T] = dict(members)
        most = _HEAD[family]
        found: list[dict[bytes, int]] = [{} for _ in range(most)]
        shortest = [NOWHERE] * 256
        for key in self.members:
            length = key[0]
            octets = min((length + 7) >> 3, most) or 1
            heads, bit = found[octets - 1], 1 << length
            for head in (key[1 : octets + 1],) if length >= 8 * octets else _heads(key, octets):
                heads[head] = heads.get(head, 0) | bit
                if head and length < shortest[head[0]]:
                    shortest[head[0]] = length
        lengths = {mask: _bits(mask) for mask in {mask for heads in found for mask in heads.values()}}
        self._heads = [
            (end, {head: lengths[mask] for head, mask in heads.items()}) for end, heads in enumerate(found, 2) if heads
        ]
        self.shortest = bytes(shortest)
        """The length of the shortest member that covers anything with this first octet, by octet; else NOWHERE."""

    def covering(self, key: bytes) -> list[tuple[bytes, T]]:
        """The members that cover this prefix (itself included), the shortest first."""
        length, members = key[0], self.members
        found: list[tuple[bytes, T]] = []
        for end, heads in self._heads:
            for candidate in heads.get(key[1:end], ()):
                if candidate > length:
                    return found
                octet, whole, left = _CUTS[candidate]
                member = octet + key[1:whole] + left[key[whole]] if candidate & 7 else octet + key[1:whole]
                value = members.get(member)
                if value is not None:
                    found.append((member, value))
        return found


def _heads(key: bytes, octets: int) -> list[bytes]:
    """Every head of this many octets that a member covers, which has no more bits than they have."""
    first = int.from_bytes(key[1 : octets + 1], "big")
    heads = [number.to_bytes(octets, "big") for number in range(first, first + (1 << (8 * octets - key[0])))]
    return heads if key[0] else [b"", *heads]


def _bits(mask: int) -> tuple[int, ...]:
    return tuple(bit for bit in range(mask.bit_length()) if mask >> bit & 1)


class PrefixSet:
    """An immutable set of prefixes of both families with a label each."""

    __slots__ = ("ipv4", "ipv6")

    def __init__(self, members: Iterable[tuple[str, str]] = ()) -> None:
        """`members` are (prefix, label); raises netaddr's AddrFormatError for what is no prefix."""
        tables: dict[Family, dict[bytes, str]] = {family: {} for family in Family}
        for prefix, label in members:
            network = IPNetwork(prefix)
            family = Family.IPV4 if network.version == 4 else Family.IPV6
            length = int(network.prefixlen)
            packed = int(network.first).to_bytes(family.max_length // 8, "big")
            tables[family][bytes((length,)) + packed[: (length + 7) // 8]] = label
        self._keep(tables)

    @classmethod
    def of_keys(cls, keys: Iterable[tuple[Family, bytes]], label: str) -> PrefixSet:
        """Many prefixes with one label."""
        tables: dict[Family, dict[bytes, str]] = {family: {} for family in Family}
        for family, key in keys:
            tables[family][key] = label
        found = PrefixSet()
        found._keep(tables)
        return found

    def _keep(self, tables: Mapping[Family, Mapping[bytes, str]]) -> None:
        self.ipv4 = PrefixMap(Family.IPV4, tables[Family.IPV4])
        self.ipv6 = PrefixMap(Family.IPV6, tables[Family.IPV6])

    def of(self, family: Family) -> PrefixMap[str]:
        return self.ipv4 if family is Family.IPV4 else self.ipv6

    def covering(self, family: Family, key: bytes) -> tuple[str, str] | None:
        """The longest member that covers this prefix, as (prefix, label); None: no member covers it."""
        found = (self.ipv4 if family is Family.IPV4 else self.ipv6).covering(key)
        return (nlri.text(family, found[-1][0]), found[-1][1]) if found else None

    def __bool__(self) -> bool:
        return bool(self.ipv4.members or self.ipv6.members)
