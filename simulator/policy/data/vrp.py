"""Validated ROA payloads from rpki-client's or Routinator's JSON, and RFC 6811 origin validation by them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from simulator.policy.data.reading import DataError, asn_of, key_of, read_json
from simulator.policy.prefixes import PrefixMap
from simulator.session.messages import Family

_WHAT = 'the VRP JSON of rpki-client or Routinator ({"roas": [{"asn": …, "prefix": …, "maxLength": …}]})'
_LENGTH_BITS = 0xFF


class Validity(Enum):
    """RFC 6811 §2."""

    VALID = "valid"
    INVALID = "invalid"
    NOT_FOUND = "not found"


@dataclass(frozen=True, slots=True)
class Vrp:
    """One validated ROA payload."""

    family: Family
    key: bytes
    asn: int
    max_length: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Entries of a file that are no VRPs: how many, and what is wrong with the first."""

    count: int = 0
    first: str = ""

    def __add__(self, other: LeftOut) -> LeftOut:
        return LeftOut(self.count + other.count, self.first or other.first)

    def __str__(self) -> str:
        """Empty when nothing was left out."""
        more = f", and {self.count - 1} more" if self.count > 1 else ""
        return f"{self.first}{more}: left out" if self.count else ""


_Packed = int | tuple[int, ...]
"""The VRPs of one prefix, each as one int: its ASN, and its maximum length in the last octet."""


class VrpTable:
    """VRPs, to look up by prefix."""

    __slots__ = ("_blocks", "_ipv4", "_ipv6", "count", "left_out")

    def __init__(self, vrps: Iterable[tuple[Family, bytes, int, int]] = ()) -> None:
        """`vrps` are (family, key, ASN, maximum length)."""
        tables: dict[Family, dict[bytes, _Packed]] = {family: {} for family in Family}
        ipv4, ipv6 = tables[Family.IPV4], tables[Family.IPV6]
        shared: dict[int, int] = {}  # equal ints are one object: an AS has many prefixes of one length
        self.count = 0
        self.left_out = LeftOut()
        for family, key, asn, max_length in vrps:
            packed = asn << 8 | max_length
            packed = shared.setdefault(packed, packed)
            table = ipv4 if family is Family.IPV4 else ipv6
            before = table.get(key)
            if before is None:
                table[key] = packed
            elif packed not in (known := _all(before)):
                table[key] = (*known, packed)
            else:
                continue
            self.count += 1
        self._ipv4 = PrefixMap(Family.IPV4, ipv4)
        self._ipv6 = PrefixMap(Family.IPV6, ipv6)
        self._blocks = _blocks(ipv4)

    def joined(self, other: VrpTable) -> VrpTable:
        """The VRPs of both."""
        found = VrpTable(entry for table in (self, other) for entry in table._entries())
        found.left_out = self.left_out + other.left_out
        return found

    def _entries(self) -> Iterator[tuple[Family, bytes, int, int]]:
        for family, table in ((Family.IPV4, self._ipv4), (Family.IPV6, self._ipv6)):
            for key, vrps in table.members.items():
                for packed in _all(vrps):
                    yield family, key, packed >> 8, packed & _LENGTH_BITS

    def validity(self, family: Family, key: bytes, origin: int | None) -> Validity:
        """The origin validation state of a route. `origin` None: the path has no origin AS (it ends in an AS_SET)."""
        found = self.not_valid(family, (key,), origin)
        return found[0][1] if found else Validity.VALID

    def not_valid(self, family: Family, keys: Sequence[bytes], origin: int | None) -> list[tuple[bytes, Validity]]:
        """Those of the prefixes that are not valid with this origin."""
        ipv4 = family is Family.IPV4
        table = self._ipv4 if ipv4 else self._ipv6
        exact, blocks = table.members.get, self._blocks
        found = []
        for key in keys:
            vrps = exact(key)
            if vrps is not None:
                # Most valid routes have a VRP of just their prefix, whose maximum length cannot be too short for them.
                if isinstance(vrps, int) and vrps >> 8 == origin and origin:
                    continue
            elif ipv4 and len(key) > 3 and not blocks[(key[1] << 16 | key[2] << 8 | key[3]) >> 3] >> (key[3] & 7) & 1:
                found.append((key, Validity.NOT_FOUND))
                continue
            validity = _validity(key[0], table.covering(key), origin)
            if validity is not Validity.VALID:
                found.append((key, validity))
        return found

    def covering(self, family: Family, key: bytes) -> list[Vrp]:
        """Every VRP that covers a prefix, the shortest first."""
        return [
            Vrp(family, member, packed >> 8, packed & _LENGTH_BITS)
            for member, vrps in (self._ipv4 if family is Family.IPV4 else self._ipv6).covering(key)
            for packed in _all(vrps)
        ]


def _all(vrps: _Packed) -> tuple[int, ...]:
    return (vrps,) if isinstance(vrps, int) else vrps


def _validity(length: int, covering: list[tuple[bytes, _Packed]], origin: int | None) -> Validity:
    if not covering:
        return Validity.NOT_FOUND
    if origin:  # AS 0 never originates anything (RFC 6483 §4)
        for _, vrps in covering:
            for packed in _all(vrps):
                if packed >> 8 == origin and length <= packed & _LENGTH_BITS:
                    return Validity.VALID
    return Validity.INVALID


def _blocks(keys: Iterable[bytes]) -> bytes:
    """A bit for each /24 of IPv4 that some VRP covers or lies in.

    A prefix whose first /24 has none is covered by nothing, which is the answer for most routes without an exact VRP.
    """
    bits = bytearray(1 << 21)
    for key in keys:
        length = key[0]
        first = int.from_bytes(key[1:4].ljust(3, b"\0"), "big")
        count = 1 << max(24 - length, 0)
        if count >= 8:
            bits[first >> 3 : (first + count) >> 3] = b"\xff" * (count >> 3)
        else:
            bits[first >> 3] |= ((1 << count) - 1) << (first & 7)
    return bytes(bits)


def read(data: bytes) -> VrpTable:
    """Raises DataError. An entry that is no VRP is left out and told in `left_out`, unless every one is.

    Both validators always write a maxLength. Without one, or with null, it is the prefix length (RFC 9582 §4.3.2.2).
    """
    document = read_json(data, _WHAT)
    roas = document.get("roas") if isinstance(document, dict) else None
    if not isinstance(roas, list):
        raise DataError(f"there is no list 'roas': {_WHAT} is expected")
    bad: list[str] = []
    table = VrpTable(_vrps(roas, bad))
    if roas and len(bad) == len(roas):
        raise DataError(bad[0])
    table.left_out = LeftOut(len(bad), bad[0] if bad else "")
    return table


def _vrps(roas: list[object], bad: list[str]) -> Iterator[tuple[Family, bytes, int, int]]:
    """Those that are VRPs; `bad` gets a line for each of the others."""
    for number, roa in enumerate(roas, 1):
        try:
            if not isinstance(roa, dict):
                raise DataError(f"{roa!r} is not an object")
            family, key = key_of(roa.get("prefix"))
            asn = asn_of(roa.get("asn"))
            max_length = roa.get("maxLength")
            if max_length is None:
                max_length = key[0]
            if type(max_length) is not int or not key[0] <= max_length <= (32 if family is Family.IPV4 else 128):
                raise DataError(f"maxLength {max_length!r} does not fit {roa['prefix']}")
        except DataError as error:
            bad.append(f"entry {number} of 'roas': {error}")
            continue
        yield family, key, asn, max_length
