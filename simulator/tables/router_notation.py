"""How routers write AS paths, communities and addresses in what they print: one reader for all of their languages."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from ipaddress import IPv4Address, ip_address
from typing import Any, Final

from simulator.addresses import IpAddress
from simulator.tables import notation
from simulator.tables.table_entries import Announcer
from simulator.wire.path_attributes import AsSegment

ORIGINS: Final = {"i": 0, "igp": 0, "e": 1, "egp": 1, "?": 2, "incomplete": 2}
_DOTTED: Final = re.compile(r"\b(\d+)\.(\d+)\b")
"""RFC 5396 asdot, which several write when they are configured so."""
_COMMUNITIES: Final = {
    "accept-own-nexthop": 0xFFFF0008,
    "acceptown": 0xFFFF0001,
    "acceptownnexthop": 0xFFFF0008,
    "graceful-shutdown": 0xFFFF0000,
    "gracefulshutdown": 0xFFFF0000,
    "gshut": 0xFFFF0000,
    "internet": 0,
    "llgr-stale": 0xFFFF0006,
    "llgrstale": 0xFFFF0006,
    "local-as": 0xFFFFFF03,
    "localas": 0xFFFFFF03,
    "no-llgr": 0xFFFF0007,
    "nollgr": 0xFFFF0007,
    "noadvertise": 0xFFFFFF02,
    "noexport": 0xFFFFFF01,
    "nopeer": 0xFFFFFF04,
    "planned-shut": 0xFFFF0000,
    "route-filter-translated-v4": 0xFFFF0002,
    "route-filter-v4": 0xFFFF0003,
    "route-filter-translated-v6": 0xFFFF0004,
    "route-filter-v6": 0xFFFF0005,
}
"""The names that routers print for IANA's well-known communities, where `notation` has others."""
_TARGETS: Final = {"rt": 2, "target": 2, "route-target": 2, "route-target-as": 2, "soo": 3, "origin": 3, "oo": 3}
"""Names of the two extended communities that everybody has (RFC 4360 §4, §5) → their sub-type."""


def as_path(text: str) -> tuple[AsSegment, ...]:
    """`64496 {64501,64502} (65001)`, ASNs plain or dotted. ValueError."""
    if "." in text:
        text = _DOTTED.sub(_plain_asn, text)
    return notation.as_path(text)


def _plain_asn(match: re.Match[str]) -> str:
    return str(notation.number(match[1], "ASN", 0xFFFF) << 16 | notation.number(match[2], "ASN", 0xFFFF))


def community(text: str) -> int:
    """Any router's word for a community; a plain number is all of its 32 bits, as IOS writes it. ValueError."""
    named = _COMMUNITIES.get(text.lower().replace("_", "-"))
    if named is not None:
        return named
    return notation.number(text, "community") if text.isdigit() else notation.community(text)


def communities(texts: Iterable[str]) -> tuple[int, ...]:
    return tuple(map(community, texts))


def large_communities(texts: Iterable[str]) -> tuple[tuple[int, int, int], ...]:
    return tuple(notation.large_community(text.removeprefix("large:")) for text in texts)


def extended_community(text: str) -> bytes:
    """`RT:64496:100`, `target:192.0.2.1:100`, `rt 4200000000:1`, 0x and 16 digits; else what merely stands for it.

    Routers have names of their own for dozens of kinds, and no rule looks at one: that it is there is what counts.
    """
    name, _, value = text.strip().replace(" ", ":").partition(":")
    raw = text.strip().lower().removeprefix("0x")
    if re.fullmatch(r"[0-9a-f]{16}", raw):
        return bytes.fromhex(raw)
    if (subtype := _TARGETS.get(name.lower())) is not None:
        try:
            return route_target(value, subtype)
        except ValueError:
            pass
    return b"\xff\xff" + blake2b(text.encode(), digest_size=6).digest()


def route_target(value: str, subtype: int) -> bytes:
    """`64496:100`, `192.0.2.1:100`, `4200000000:100`, `64086.59905:100`: RFC 4360 §3, RFC 5668. ValueError."""
    left, _, right = value.rpartition(":")
    left = left.removesuffix("L")
    if left.count(".") == 3:
        return (
            bytes((1, subtype)) + IPv4Address(left).packed + notation.number(right, "target", 0xFFFF).to_bytes(2, "big")
        )
    asn = notation.number(_DOTTED.sub(_plain_asn, left), "target")
    if asn > 0xFFFF or "." in left:
        return (
            bytes((2, subtype)) + asn.to_bytes(4, "big") + notation.number(right, "target", 0xFFFF).to_bytes(2, "big")
        )
    return bytes((0, subtype)) + asn.to_bytes(2, "big") + notation.number(right, "target").to_bytes(4, "big")


def extended_communities(texts: Iterable[str]) -> tuple[bytes, ...]:
    return tuple(map(extended_community, texts))


def address(text: Any, what: str = "next hop") -> IpAddress:
    """An address, its zone (`%eth0`) left out. ValueError."""
    try:
        return ip_address(str(text).strip().partition("%")[0])
    except ValueError:
        raise ValueError(f"'{str(text)[:60]}' is no {what}") from None


def next_hop(text: Any) -> IpAddress | None:
    """As `address`; None for 0.0.0.0 and ::, by which routers mean themselves."""
    found = address(text)
    return None if found.is_unspecified else found


def origin(text: Any) -> int:
    """ValueError."""
    found = ORIGINS.get(str(text).strip().lower())
    if found is None:
        raise ValueError(f"'{str(text)[:40]}' is no origin")
    return found


def whole(given: Any, what: str) -> int | None:
    """A number of a JSON document; None: the document has no such number. ValueError."""
    if given is None or given == "":
        return None
    if isinstance(given, bool) or not isinstance(given, int | str):
        raise ValueError(f"'{str(given)[:40]}' is no {what}")
    return notation.number(str(given), what)


@lru_cache(maxsize=4096)
def neighbor(text: str) -> Announcer | None:
    """The far end of a session by its address; None for this router itself, or one that goes by another name."""
    try:
        found = address(text)
    except ValueError:
        return None
    return None if found.is_unspecified else Announcer(0, found)
