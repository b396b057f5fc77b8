"""Options and answers as values. Raises StartError with the option's or the question's name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from typing import Final

from simulator.addresses import IpAddress, IpNetwork
from simulator.starting.facts import StartError
from simulator.topology.kinds import KINDS, RouteServerRole

ROUTERS: Final = tuple(kind for kind, able in KINDS.items() if able.route_server is not RouteServerRole.ALWAYS)
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,23}")


def asn(text: str, what: str) -> int:
    """`64496`, `AS64496`, or `1.10` (RFC 5396)."""
    found = re.fullmatch(r"(?:AS)?(?:(\d{1,5})\.)?(\d{1,10})", text.strip(), re.IGNORECASE)
    value = ((int(found[1]) << 16) if found[1] else 0) + int(found[2]) if found is not None else 0
    if not 1 <= value <= 4294967295:
        raise StartError(f"{what} '{text}' is no ASN (1 to 4294967295)")
    return value


def addresses(texts: Iterable[str], what: str) -> tuple[IpAddress, ...]:
    found = []
    for text in texts:
        try:
            found.append(ip_address(text))
        except ValueError:
            raise StartError(f"{what} '{text}' is no IPv4 or IPv6 address") from None
    return tuple(found)


def prefixes(texts: Iterable[str], what: str) -> tuple[IpNetwork, ...]:
    found = []
    for text in texts:
        try:
            found.append(ip_network(text))
        except ValueError as error:
            raise StartError(f"{what} '{text}': {error}") from None
    return tuple(found)


def router(text: str) -> str:
    """By its name, whatever its case."""
    if (kind := text.strip().casefold()) not in KINDS:
        raise StartError(f"router '{text}': there is no such kind (one of {', '.join(KINDS)})")
    return kind


def name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise StartError(f"name '{text}': a letter, then at most 23 letters, digits and -")
    return text
