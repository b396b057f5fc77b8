"""The targets of traffic: an address behind each router that is a next hop of a session's routes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from simulator.addresses import IpAddress, IpNetwork

MOST: Final = 8
"""Networks behind a route server that are tried at most (simulator)."""
_LOOKED_AT: Final = 4096
"""Addresses of a prefix, for one that its router does not have itself (simulator)."""

Own = frozenset[IpAddress]
"""The addresses that a router has itself: no host behind it can have one of them."""
NamedRoute = tuple[bytes, IpAddress, str]
"""A prefix key, its next hop, and the router that has that address."""


async def targets(
    version: int,
    routes: Callable[[], Iterable[NamedRoute]],
    known: Mapping[str, Own],
    ask: Callable[[str], Awaitable[Own]],
    links: Sequence[IpNetwork] = (),
) -> dict[str, IpAddress]:
    """Router → an address behind it: one for each next hop, `MOST` at most.

    `routes` are those of a running session, and change whenever something is awaited: they are walked through at one
    go, and once more from the beginning when it turns out that a router is to be asked for its addresses. `known`: what
    some have. `links`: the edge's own prefixes, where nobody is behind a router.
    """
    own = dict(known)
    while True:
        found, unknown = _chosen(version, routes(), own, links)
        if not unknown:
            return found
        for router in unknown:
            own[router] = await ask(router)


def _chosen(
    version: int, routes: Iterable[NamedRoute], own: Mapping[str, Own], links: Sequence[IpNetwork]
) -> tuple[dict[str, IpAddress], list[str]]:
    """Targets, and the routers of which it is not known what they have themselves."""
    found: dict[str, IpAddress] = {}
    unknown: dict[str, None] = {}
    seen: set[IpAddress] = set()
    for key, hop, router in routes:
        if hop in seen:
            continue
        if router not in own:
            unknown[router] = None
        else:
            address = host_in(version, key, own[router])
            if address is None or any(address in prefix for prefix in links):
                continue
            found.setdefault(router, address)
        seen.add(hop)
        if len(found) + len(unknown) == MOST:
            break
    return found, list(unknown)


def host_in(version: int, key: bytes, taken: Container[IpAddress] = ()) -> IpAddress | None:
    """The first address of a prefix behind its own that nobody has; None: all are taken, of the few that are looked at.

    Where the prefix is one address it is that.
    """
    size = 4 if version == 4 else 16
    first = int.from_bytes(key[1:].ljust(size, bytes(1)), "big")
    hosts = (1 << (size * 8 - key[0])) - 1  # without the prefix's own
    candidates = range(first + 1, first + 1 + min(hosts, _LOOKED_AT)) if hosts else (first,)
    found: Iterator[IpAddress] = map(IPv4Address if version == 4 else IPv6Address, candidates)
    return next((address for address in found if address not in taken), None)
