"""A session's Adj-RIB-In as a looking glass shows it: plain data, so that every writer says the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_network

from simulator.policy.verdict import Verdict
from simulator.session.messages import Family
from simulator.tables.table_entries import Announcer
from simulator.wire import nlri
from simulator.wire.path_attributes import PathAttributes


@dataclass(frozen=True, slots=True)
class ReceivedRoute:
    """One route that the peer announced."""

    family: Family
    key: bytes
    path: PathAttributes
    verdict: Verdict
    time: float
    """When it came, in seconds since the epoch."""

    @property
    def prefix(self) -> str:
        return nlri.text(self.family, self.key)


@dataclass(frozen=True, slots=True)
class SessionTable:
    """One session with what its peer announced."""

    session: str
    connection: str
    edge: str
    """The name of AS8075's end."""
    edge_address: IPv4Address | IPv6Address
    edge_as: int
    family: Family
    peer: Announcer
    connection_state: str
    """The peering connection's state, not the session's."""
    bgp_state: str
    since: float | None
    """When the session was established; None while it is not."""
    last_error: str
    asn4: bool
    """Whether four-octet ASNs were negotiated (RFC 6793)."""
    sent: int
    """Prefixes that the peer holds from us."""
    routes: tuple[ReceivedRoute, ...]
    carried: tuple[tuple[IPv4Address | IPv6Address, IPv4Address | IPv6Address], ...] = ()
    """Addresses that carry the session in place of the topology's, each with the one that it stands for.

    Routes and records name the topology's address, so that a reader who has the topology gets the same verdicts.
    """


def covering(routes: Iterable[ReceivedRoute], prefix: str) -> list[ReceivedRoute]:
    """The route for exactly this prefix and those that cover it; of an address, those that cover it. ValueError."""
    try:
        wanted = ip_network(prefix if "/" in prefix else f"{prefix}/{128 if ':' in prefix else 32}")
    except ValueError as error:
        raise ValueError(f"'{prefix}' is no prefix or address ({error})") from None
    family = Family.IPV4 if wanted.version == 4 else Family.IPV6
    value, bits, width = int(wanted.network_address), wanted.prefixlen, wanted.max_prefixlen

    def covers(held: ReceivedRoute) -> bool:
        length = held.key[0]
        if held.family is not family or length > bits:
            return False
        octets = held.key[1:]
        own = int.from_bytes(octets, "big") << (width - 8 * len(octets))
        return own >> (width - length) == value >> (width - length)

    return [held for held in routes if covers(held)]
