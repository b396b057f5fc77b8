"""What the readers of route tables hand on, in every format: routes by attribute set, and what is unreadable."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from simulator.session.messages import Family
from simulator.wire.attributes import PathAttributes

_NONE: Final = IPv4Address(0)


@dataclass(frozen=True, slots=True)
class Announcer:
    """Whom a table had its routes from: the other end of the session, as an MRT file names it."""

    asn: int
    address: IPv4Address | IPv6Address
    identifier: IPv4Address = _NONE

    def __str__(self) -> str:
        return f"AS{self.asn} at {self.address}"


@dataclass(frozen=True, slots=True)
class Routes:
    """Prefixes of one family that share one attribute set and one announcer."""

    family: Family
    keys: tuple[bytes, ...]
    path: PathAttributes
    announcer: Announcer | None = None
    """None where the format does not say."""
    best: bool = True
    """False for a route that the router holds and did not choose."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Input that looks like a route and is none."""

    unit: str
    """`line` or `record`."""
    number: int
    """Counted from 1."""
    reason: str
    routes: int = 1

    def __str__(self) -> str:
        return f"{self.unit} {self.number}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Skipped:
    """Input that is no route of ours: another kind of MRT record, another kind of event."""

    what: str


Entry = Routes | Unreadable | Skipped
