"""What a person may have meant by a word that is wrong: `did you mean …`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from ipaddress import ip_address, ip_interface, ip_network
from itertools import islice
from typing import Final

_SHOWN: Final = 12
"""Names that an error lists: a topology may have ten thousand."""
_COMPARED: Final = 1000
"""Names that a word is compared with …"""
_LONGEST: Final = 60
"""… and its longest word: comparing takes the square of its length."""
MOST_HINTS: Final = 20
"""Errors of a kind that are worth a comparison with every name: thousands have a reason in common."""
_AS: Final = re.compile(r"AS\s?([0-9]{1,10}|[0-9]{1,5}\.[0-9]{1,5})", re.IGNORECASE)
_ASDOT: Final = re.compile(r"([0-9]{1,5})\.([0-9]{1,5})")
_ROUTE_WORDS: Final = (
    *("route", "announce", "next-hop", "self", "as-path", "community", "large-community", "extended-community", "med"),
    *("origin", "aggregator", "atomic-aggregate", "attribute", "igp", "egp", "incomplete", "split", "no-export"),
    *("no-advertise", "attributes", "nlri"),
)


def did_you_mean(word: str, known: Collection[str]) -> str:
    """`: did you mean 'x'?`, or nothing where no known word is like it."""
    if len(word) > _LONGEST or len(known) > _COMPARED:
        return ""
    by_shape = {_shape(name): name for name in known}
    close = [by_shape[_shape(word)]] if _shape(word) in by_shape else get_close_matches(word, known, 1, 0.7)
    return f": did you mean '{close[0]}'?" if close else ""


def _shape(word: str) -> str:
    return re.sub(r"[-_\s]", "", word).lower()


def choose(what: str, word: str, known: Collection[str], *, hint: bool = True) -> str:
    """`no peer 'x': did you mean 'y'? (there are: y, z)`."""
    return f"no {what} '{word}'{did_you_mean(word, known) if hint else ''} (there are: {listed(known)})"


def listed(known: Collection[str]) -> str:
    """The names, in their order; of very many some."""
    more = f", and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    return (", ".join(islice(known, _SHOWN)) or "none") + more


def asn_meant(text: str) -> int | None:
    """The ASN that `AS64496` or `1.10` (asdot, RFC 5396) stands for; None for anything else."""
    found = _AS.fullmatch(text.strip())
    digits = found[1] if found else text.strip()
    if dotted := _ASDOT.fullmatch(digits):
        high, low = map(int, dotted.groups())
        return high << 16 | low if max(high, low) <= 0xFFFF else None
    return int(digits) if found and int(digits) < 1 << 32 else None


def prefix_meant(text: str, version: int | None = None) -> str | None:
    """The prefix of a text with host bits; None for anything else, and for a prefix of another IP version."""
    try:
        meant = ip_network(text, strict=False)
    except ValueError:
        return None
    return str(meant) if version in (None, meant.version) and not _is_prefix(text) else None


def _is_prefix(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return False
    return True


def address_meant(text: str, version: int | None = None) -> str | None:
    """The address of a text that has a prefix length as well; None for anything else."""
    try:
        address = ip_interface(text).ip if "/" in text else None
    except ValueError:
        return None
    return str(address) if address is not None and version in (None, address.version) else None


def in_route(line: str) -> str:
    """What a route line may mean by the first of its words that is wrong: `: did you mean …?`, or nothing."""
    return next(_route_hints(line.split("#")[0].split()), "")


def _route_hints(words: list[str]) -> Iterator[str]:
    if words and _is_prefix(words[0]):
        yield f": did you mean 'route {' '.join(words)}{'' if 'next-hop' in words else ' next-hop self'}'?"
    for word in words:
        if (prefix := prefix_meant(word)) is not None and "/" in word:
            yield f": did you mean {prefix}? {word} has host bits set"
        elif (asn := asn_meant(word)) is not None and not _ASDOT.fullmatch(word):
            yield f": did you mean {asn}?"
        elif word not in _ROUTE_WORDS and not _is_value(word) and (hint := did_you_mean(word, _ROUTE_WORDS)):
            yield hint
    if words[:1] in (["route"], ["announce"]) and "next-hop" not in words:
        yield ": add 'next-hop self'"


def _is_value(word: str) -> bool:
    try:
        ip_address(word.partition("/")[0])
    except ValueError:
        return not re.search(r"[a-z]{2}", word, re.IGNORECASE)
    return True
