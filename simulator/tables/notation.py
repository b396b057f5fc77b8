"""AS paths and communities as people and tools write them: one reader for the command line, BIRD and JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address
from typing import Final

from simulator.wire.path_attributes import AsSegment, SegmentKind

_MAX_ASN: Final = 0xFFFFFFFF
_REMEMBERED: Final = 8192
"""Texts of a kind whose values are remembered: in a table they come again and again."""
_PLAIN: Final = 500
"""Characters of a path of numbers alone that is read in one go: they fit into one segment."""
_SEGMENT_ROOM: Final = 255
"""ASNs that one segment holds on the wire (RFC 4271 §4.3)."""
_TOKEN: Final = re.compile(r"\s*(?:(?:AS|as)?([0-9]+)(?=[\s,{}()\[\]]|$)|([{}()\[\]]))\s*,?")
_OPEN: Final = {"{": SegmentKind.SET, "(": SegmentKind.CONFED_SEQUENCE, "[": SegmentKind.CONFED_SET}
_CLOSE: Final = {"{": "}", "(": ")", "[": "]"}
_WELL_KNOWN: Final = {
    "graceful-shutdown": 0xFFFF0000,
    "accept-own": 0xFFFF0001,
    "blackhole": 0xFFFF029A,
    "no-export": 0xFFFFFF01,
    "no-advertise": 0xFFFFFF02,
    "no-export-subconfed": 0xFFFFFF03,
    "no-peer": 0xFFFFFF04,
}
"""The names that people write for IANA's BGP Well-known Communities."""


@lru_cache(maxsize=_REMEMBERED)
def as_path(text: str) -> tuple[AsSegment, ...]:
    """`64496 64500 {64501 64502}`; commas count as blanks, parentheses are confederation segments. ValueError."""
    if len(text) <= _PLAIN and text.isascii() and text.replace(" ", "").isdigit():
        plain = tuple(map(int, text.split()))
        if max(plain) <= _MAX_ASN:
            return (AsSegment(SegmentKind.SEQUENCE, plain),)
    segments: list[AsSegment] = []
    kind, bracket, asns = SegmentKind.SEQUENCE, "", list[int]()
    at, text = 0, text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"'{text[at:].split()[0][:40]}' in the AS path is no ASN")
        at = match.end()
        digits, mark = match.groups()
        if digits is not None:
            asns.append(number(digits, "ASN"))
        elif mark in _OPEN and not bracket:
            segments += segment(kind, asns)
            kind, bracket, asns = _OPEN[mark], mark, []
        elif bracket and mark == _CLOSE[bracket]:
            if not asns:
                raise ValueError("the AS path has an empty set")
            segments += segment(kind, asns)
            kind, bracket, asns = SegmentKind.SEQUENCE, "", []
        else:
            raise ValueError(f"'{mark}' is misplaced in the AS path")
    if bracket:
        raise ValueError(f"'{_CLOSE[bracket]}' is missing in the AS path")
    return (*segments, *segment(kind, asns))


def segment(kind: SegmentKind, asns: Iterable[int]) -> list[AsSegment]:
    """As many segments as the wire needs for these ASNs; none for no ASNs."""
    every = tuple(asns)
    return [AsSegment(kind, every[at : at + _SEGMENT_ROOM]) for at in range(0, len(every), _SEGMENT_ROOM)]


def prepended(asn: int, path: tuple[AsSegment, ...]) -> tuple[AsSegment, ...]:
    """The path as this AS announces it to an external peer: confederations gone (RFC 5065 §4), itself in front."""
    rest = [part for part in path if part.kind in (SegmentKind.SEQUENCE, SegmentKind.SET)]
    if rest and rest[0].kind is SegmentKind.SEQUENCE:
        return (*segment(SegmentKind.SEQUENCE, (asn, *rest[0].asns)), *rest[1:])
    return (AsSegment(SegmentKind.SEQUENCE, (asn,)), *rest)


@lru_cache(maxsize=_REMEMBERED)
def community(text: str) -> int:
    """`64496:100`, `(64496,100)` or a well-known name such as `no-export`. ValueError."""
    named = _WELL_KNOWN.get(text.strip().lower().replace("_", "-"))
    if named is not None:
        return named
    high, low = _parts(text, 2, "community", 0xFFFF)
    return high << 16 | low


@lru_cache(maxsize=_REMEMBERED)
def large_community(text: str) -> tuple[int, int, int]:
    """`64496:1:2` or `(64496, 1, 2)`. ValueError."""
    first, second, third = _parts(text, 3, "large community", _MAX_ASN)
    return first, second, third


def large_communities(texts: Iterable[str]) -> tuple[tuple[int, int, int], ...]:
    """Each value once: the others are removed on receipt, and never counted (RFC 8092 §3). ValueError."""
    return tuple(dict.fromkeys(map(large_community, texts)))


_EXTENDED: Final = {"rt": 0x0002, "target": 0x0002, "ro": 0x0003, "soo": 0x0003, "origin": 0x0003}
"""Route target and route origin (RFC 4360 §4, §5), as BIRD and others name them → type of the two-octet AS kind."""
_UNNAMED: Final = re.compile(r"unknown\s+(0x[0-9a-fA-F]{1,4})")
_EIGHT_OCTETS: Final = re.compile(r"(?:0x)?([0-9a-fA-F]{16})")
_KEY_BITS: Final = {high | more: bits for high, bits in ((0, 16), (1, 32), (2, 32)) for more in (0, 0x40)}
"""High octet of the type, transitive or not (0x40) → bits of the first number (RFC 4360 §3, RFC 5668 §2)."""


def extended_community(text: str) -> bytes:
    """Eight octets of `rt:64496:100`, `(rt, 64496, 100)`, `(generic, 0x43000000, 0x1)` or `0x0002fbf000000064`.

    The name is what BIRD prints: rt, ro, generic, or `unknown 0x4002` with the type. ValueError.
    """
    text = text.strip()
    if whole := _EIGHT_OCTETS.fullmatch(text):
        return bytes.fromhex(whole[1])
    parts = [part.strip() for part in re.split(r"[:,]", text.removeprefix("(").removesuffix(")"))]
    if len(parts) != 3:
        raise ValueError(f"'{text[:40]}' is no extended community: write rt:64496:100 or generic:0x43000000:0x1")
    name, left, right = parts[0].lower(), parts[1], parts[2]
    if name == "generic":
        return b"".join(_hexadecimal(part).to_bytes(4, "big") for part in (left, right))
    if unnamed := _UNNAMED.fullmatch(name):
        kind = int(unnamed[1], 16)
    elif name in _EXTENDED:
        kind = _EXTENDED[name]
        if "." in left:
            kind |= 0x0100
        elif number(left, "extended community") > 0xFFFF:
            kind |= 0x0200
    else:
        raise ValueError(f"'{name[:40]}' is no kind of extended community: rt, ro, generic or unknown 0x…")
    bits = _KEY_BITS.get(kind >> 8)
    if bits is None:
        raise ValueError(f"an extended community of type 0x{kind:04x} is written as generic")
    key = int(_ipv4(left)) if "." in left else number(left, "extended community", (1 << bits) - 1)
    value = number(right, "extended community", (1 << (48 - bits)) - 1)
    return (kind << 48 | key << (48 - bits) | value).to_bytes(8, "big")


def extended_parts(value: bytes) -> tuple[str, str, str]:
    """As BIRD names it, or as generic where BIRD's own words could be another one's: `extended_community` reads it."""
    kind, whole = value[0] << 8 | value[1], int.from_bytes(value, "big")
    bits = _KEY_BITS.get(value[0])
    if bits is not None:
        key, rest = whole >> (48 - bits) & ((1 << bits) - 1), whole & ((1 << (48 - bits)) - 1)
        name = {0x0002: "rt", 0x0003: "ro"}.get(kind & 0xF0FF, f"unknown 0x{kind:x}")
        said = name, str(IPv4Address(key)) if value[0] & 0x3F == 1 else str(key), str(rest)
        if extended_community(":".join(said)) == value:
            return said
    return "generic", f"0x{whole >> 32:x}", f"0x{whole & 0xFFFFFFFF:x}"


def aggregator(text: str) -> tuple[int, IPv4Address]:
    """`192.0.2.1 AS64500`, as BIRD has it; the other way round and with a colon too. ValueError."""
    parts = text.strip().removeprefix("(").removesuffix(")").replace(":", " ").replace(",", " ").split()
    if len(parts) != 2:
        raise ValueError(f"'{text[:40]}' is no aggregator: write 192.0.2.1 AS64500")
    address, asn = parts if "." in parts[0] else reversed(parts)
    return number(asn.upper().removeprefix("AS"), "aggregator"), _ipv4(address)


def _ipv4(text: str) -> IPv4Address:
    try:
        return IPv4Address(text)
    except ValueError:
        raise ValueError(f"'{text[:40]}' is no IPv4 address") from None


def _hexadecimal(text: str) -> int:
    try:
        found = int(text, 16) if text.lower().startswith("0x") and len(text) <= 20 else int(text[:20])
    except ValueError:
        raise ValueError(f"'{text[:40]}' is no number: an extended community is made of numbers") from None
    if not 0 <= found <= _MAX_ASN:
        raise ValueError(f"{text[:40]} is too large: extended community numbers are at most {_MAX_ASN}")
    return found


def _parts(text: str, count: int, what: str, largest: int) -> list[int]:
    parts = re.split(r"[:,]", text.strip().removeprefix("(").removesuffix(")"))
    if len(parts) != count:
        raise ValueError(f"'{text}' is no {what}: write {':'.join('NNN'[:count])} with numbers")
    return [number(part, what, largest) for part in parts]


def number(text: str, what: str, largest: int = _MAX_ASN) -> int:
    """A whole number up to `largest`. ValueError that says what it was to be."""
    text = text.strip()
    # Length first: int() of a million digits takes its time.
    if not (text.isascii() and text.isdigit()) or len(text) > 20:
        raise ValueError(f"'{text[:40]}' is no number: a {what} is made of numbers")
    if int(text) > largest:
        raise ValueError(f"{text} is too large: {what} numbers are at most {largest}")
    return int(text)
