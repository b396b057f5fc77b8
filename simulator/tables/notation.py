"""AS paths and communities as people and tools write them: one reader for the command line, BIRD and JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from simulator.wire.attributes import AsSegment, SegmentKind

_MAX_ASN: Final = 0xFFFFFFFF
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
"""IANA's BGP Well-known Communities, as far as people write them by name."""


def as_path(text: str) -> tuple[AsSegment, ...]:
    """`64496 64500 {64501 64502}`; commas count as blanks, parentheses are confederation segments. ValueError."""
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


def community(text: str) -> int:
    """`64496:100`, `(64496,100)` or a well-known name such as `no-export`. ValueError."""
    named = _WELL_KNOWN.get(text.strip().lower().replace("_", "-"))
    if named is not None:
        return named
    high, low = _parts(text, 2, "community", 0xFFFF)
    return high << 16 | low


def large_community(text: str) -> tuple[int, int, int]:
    """`64496:1:2` or `(64496, 1, 2)`. ValueError."""
    first, second, third = _parts(text, 3, "large community", _MAX_ASN)
    return first, second, third


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
