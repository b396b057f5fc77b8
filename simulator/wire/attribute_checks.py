"""What a path attribute must look like before its value is decoded (RFC 4271 §6.3, RFC 7606, RFC 8092, RFC 9234).

ExaBGP hands on several of these as valid (an ORIGIN of two octets, an empty AS_PATH segment), so the raw octets are
checked first: one row of `CHECKS` for each attribute.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from simulator.session.messages import AS_TRANS


class Code(IntEnum):
    """Path attribute type codes that are interpreted here."""

    ORIGIN = 1
    AS_PATH = 2
    NEXT_HOP = 3
    MULTI_EXIT_DISC = 4
    LOCAL_PREF = 5
    ATOMIC_AGGREGATE = 6
    AGGREGATOR = 7
    COMMUNITIES = 8
    EXTENDED_COMMUNITIES = 16
    AS4_PATH = 17
    AS4_AGGREGATOR = 18
    LARGE_COMMUNITIES = 32
    ONLY_TO_CUSTOMER = 35


OPTIONAL: Final = 0x80
TRANSITIVE: Final = 0x40
PARTIAL: Final = 0x20
EXTENDED_LENGTH: Final = 0x10
_SEGMENT_KINDS: Final = (1, 2, 3, 4)

Verdict = str | None
"""What is wrong with a value, or None."""


class AttributeFault(Exception):  # noqa: N818  (it is a verdict that callers handle, not a failure)
    """A malformed path attribute. `discard` False means treat-as-withdraw (RFC 7606 §2)."""

    def __init__(self, code: int, reason: str, discard: bool = False) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.discard = discard


@dataclass(frozen=True, slots=True)
class Check:
    """One attribute's flags, the verdict on its value, and whether a defect costs the attribute or the route."""

    name: str
    flags: int
    verdict: Callable[[bytes, bool], Verdict]
    discard: bool = False


def _exactly(size: int) -> Callable[[bytes, bool], Verdict]:
    def verdict(value: bytes, asn4: bool) -> Verdict:
        return None if len(value) == size else f"{len(value)} octets instead of {size}"

    return verdict


def _multiple_of(size: int) -> Callable[[bytes, bool], Verdict]:
    """A non-zero multiple (RFC 7606 §7.8, §7.14, RFC 8092 §6)."""

    def verdict(value: bytes, asn4: bool) -> Verdict:
        return None if value and len(value) % size == 0 else f"{len(value)} octets, not a multiple of {size}"

    return verdict


def _origin(value: bytes, asn4: bool) -> Verdict:
    if len(value) != 1:
        return f"{len(value)} octets instead of 1"
    return None if value[0] <= 2 else f"undefined value {value[0]}"


def _segments(value: bytes, asn4: bool) -> Verdict:
    """RFC 7606 §7.2: segment type, overrun, underrun, and no empty segment."""
    offset, width = 0, 4 if asn4 else 2
    while offset < len(value):
        if value[offset] not in _SEGMENT_KINDS:
            return f"unknown segment type {value[offset]}"
        if offset + 2 > len(value):
            return "a segment without a length"
        if not value[offset + 1]:
            return "an empty segment"
        offset += 2 + value[offset + 1] * width
    return None if offset == len(value) else "a segment runs past the attribute"


def _as4_path(value: bytes, asn4: bool) -> Verdict:
    return _segments(value, True) if value else "it is empty"


def _aggregator(value: bytes, asn4: bool) -> Verdict:
    return _exactly(8 if asn4 else 6)(value, asn4)


_WELL_KNOWN: Final = TRANSITIVE
_BOTH: Final = OPTIONAL | TRANSITIVE

CHECKS: Final[dict[int, Check]] = {
    Code.ORIGIN: Check("ORIGIN", _WELL_KNOWN, _origin),
    Code.AS_PATH: Check("AS_PATH", _WELL_KNOWN, _segments),
    Code.NEXT_HOP: Check("NEXT_HOP", _WELL_KNOWN, _exactly(4)),
    Code.MULTI_EXIT_DISC: Check("MULTI_EXIT_DISC", OPTIONAL, _exactly(4)),
    Code.LOCAL_PREF: Check("LOCAL_PREF", _WELL_KNOWN, _exactly(4)),
    Code.ATOMIC_AGGREGATE: Check("ATOMIC_AGGREGATE", _WELL_KNOWN, _exactly(0), discard=True),
    Code.AGGREGATOR: Check("AGGREGATOR", _BOTH, _aggregator, discard=True),
    Code.COMMUNITIES: Check("COMMUNITIES", _BOTH, _multiple_of(4)),
    Code.EXTENDED_COMMUNITIES: Check("EXTENDED_COMMUNITIES", _BOTH, _multiple_of(8)),
    Code.AS4_PATH: Check("AS4_PATH", _BOTH, _as4_path, discard=True),
    Code.AS4_AGGREGATOR: Check("AS4_AGGREGATOR", _BOTH, _exactly(8), discard=True),
    Code.LARGE_COMMUNITIES: Check("LARGE_COMMUNITIES", _BOTH, _multiple_of(12)),
    Code.ONLY_TO_CUSTOMER: Check("ONLY_TO_CUSTOMER", _BOTH, _exactly(4)),
}
_MANDATORY: Final = (Code.ORIGIN, Code.AS_PATH)


def _unwelcome(asn4: bool, external: bool) -> dict[int, Verdict]:
    """Attributes that are discarded whatever they hold (RFC 7606 §7.5, RFC 6793 §4.1)."""
    reasons: dict[int, Verdict] = {}
    if external:
        reasons[Code.LOCAL_PREF] = "from an external peer"
    if asn4:
        reasons[Code.AS4_PATH] = reasons[Code.AS4_AGGREGATOR] = "from a four-octet AS speaker"
    return reasons


_UNWELCOME: Final = {
    (asn4, external): _unwelcome(asn4, external) for asn4 in (False, True) for external in (False, True)
}


def walk(raw: bytes) -> list[tuple[int, int, bytes]]:
    """(flags, code, value) in order. AttributeFault when an attribute runs past the block (RFC 7606 §4)."""
    found = []
    offset, total = 0, len(raw)
    while offset < total:
        flags = raw[offset]
        value_at = offset + (4 if flags & EXTENDED_LENGTH else 3)
        if value_at > total:
            raise AttributeFault(raw[offset + 1] if offset + 1 < total else 0, "an attribute header is cut short")
        code, length = raw[offset + 1], raw[offset + 2]
        if flags & EXTENDED_LENGTH:
            length = length << 8 | raw[offset + 3]
        offset = value_at + length
        if offset > total:
            raise AttributeFault(code, f"attribute {code} of {length} octets runs past the attributes")
        found.append((flags, code, raw[value_at:offset]))
    return found


def examine(raw: bytes, *, asn4: bool, external: bool) -> tuple[dict[int, tuple[int, bytes]], tuple[str, ...]]:
    """code -> (flags, value) of what may be decoded, and what was discarded in words. AttributeFault otherwise.

    A repeated attribute counts once, the first (RFC 7606 §3 g).
    """
    kept: dict[int, tuple[int, bytes]] = {}
    discarded: list[str] = []
    dropped: set[int] = set()
    unwelcome = _UNWELCOME[asn4, external]
    for flags, code, value in walk(raw):
        if code in kept or code in dropped:
            continue
        check = CHECKS.get(code)
        if check is None:
            if not flags & OPTIONAL:
                raise AttributeFault(code, f"attribute {code} is marked well-known and is not known")
            kept[code] = (flags, value)
            continue
        if (flags ^ check.flags) & (OPTIONAL | TRANSITIVE):
            raise AttributeFault(code, f"{check.name} has flags 0x{flags:02x}")
        reason = unwelcome.get(code)
        discard = check.discard or reason is not None
        if reason is None:
            reason = check.verdict(value, asn4)
        if reason is None:
            kept[code] = (flags, value)
        elif discard:
            dropped.add(code)
            discarded.append(f"{check.name}: {reason}")
        else:
            raise AttributeFault(code, f"{check.name}: {reason}")
    for code in _MANDATORY:
        if code not in kept:
            raise AttributeFault(code, f"{CHECKS[code].name} is missing")
    return kept, tuple(discarded)


def settle_as4(kept: dict[int, tuple[int, bytes]]) -> None:
    """Drop the AS4 attributes that a two-octet AGGREGATOR makes void (RFC 6793 §4.2.3)."""
    aggregator = kept.get(Code.AGGREGATOR)
    if aggregator is None:
        kept.pop(Code.AS4_AGGREGATOR, None)  # it only ever translates an AGGREGATOR
    elif Code.AS4_AGGREGATOR not in kept:
        return
    elif int.from_bytes(aggregator[1][:2], "big") != AS_TRANS:
        kept.pop(Code.AS4_AGGREGATOR)
        kept.pop(Code.AS4_PATH, None)
    else:
        kept.pop(Code.AGGREGATOR)
