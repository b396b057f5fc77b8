"""The clients of a route server, and the settings that hold for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from simulator.addresses import IpAddress
from simulator.session.messages import Family


@dataclass(slots=True, eq=False)
class Client:
    """One session of a route server client. Compared by identity."""

    id: str
    asn: int
    family: Family
    address: IpAddress
    refuses: frozenset[int] = frozenset()
    """Clients' ASNs whose routes this one does not want: its own part of the export policy (RFC 7947 §2.3)."""
    blackholes: bool = True
    """Whether it gets blackhole routes (RFC 7999)."""
    identifier: int = 0
    """Its BGP Identifier, once it is known: a tie-breaker (RFC 4271 §9.1.2.2 f)."""


@dataclass(frozen=True, slots=True)
class RouteServerSettings:
    """The settings for all clients. The simulator chose all of them but the ASN."""

    asn: int
    """The route server's own ASN: in no path that it sends (RFC 7947 §2.2.2.1)."""
    blackhole_next_hops: Mapping[Family, IpAddress] = field(default_factory=dict)
    """The next hop that blackhole routes get; a family without one keeps the announcer's."""
    blackhole_no_export: bool = True
    """Add NO_EXPORT to blackhole routes that are not limited yet (RFC 7999 §3.2)."""
