"""What AS8075's edges announce: what the topology chose, else the table that comes with turnup."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

from simulator.rib.announcement import Announcement
from simulator.session.messages import Family
from simulator.topology.as8075 import CDN, table
from simulator.topology.locations import embedded
from simulator.topology.originate import announcements
from simulator.topology.schema import Node, Topology
from simulator.wire import nlri
from simulator.wire.path_attributes import AsSegment, PathAttributes, SegmentKind


def announced_by(topology: Topology, edge: Node) -> list[Announcement]:
    """What an edge of AS8075 announces: what the topology chose, else the table, and the CDN prefixes of its metros.

    Raises ValueError for a route of the topology's own that nobody could announce.
    """
    chosen = topology.microsoft.announce
    return announcements(chosen, edge) if chosen is not None else [*everywhere(), *_cdn(metros_of(topology, edge))]


def metros_of(topology: Topology, edge: Node) -> set[str]:
    """Where an edge stands: at the exchange, or at the facilities of its Direct connections."""
    found: set[str] = set()
    if topology.exchange is not None and edge.addresses:
        known = embedded().exchange(topology.exchange.peeringdb_ix) if topology.exchange.peeringdb_ix else None
        found |= {topology.exchange.metro or "", known.metro if known is not None else ""}
    for peering in topology.peerings:
        for choice in (peering.connections or ()) if peering.is_direct else ():
            place = embedded().facility(choice.facility) if choice.edge == edge.name and choice.facility else None
            found.add(place.metro if place is not None else "")
    return {metro.lower() for metro in found if metro}


@cache
def everywhere() -> tuple[Announcement, ...]:
    """The table that comes with turnup, without what a metro alone has."""
    keys: dict[Family, list[bytes]] = {family: [] for family in Family}
    for row in table().prefixes:
        family, key = nlri.key(row.prefix)
        keys[family].append(key)
    return tuple(Announcement(family, PathAttributes(), tuple(found)) for family, found in keys.items())


def _cdn(metros: Iterable[str]) -> Iterator[Announcement]:
    wanted = set(metros)
    rows: dict[tuple[Family, str], list[bytes]] = {}
    for row in table().cdn:
        if row.metro.lower() in wanted:
            family, key = nlri.key(row.prefix)
            rows.setdefault((family, row.community), []).append(key)
    for (family, community), keys in rows.items():
        high, low = map(int, community.split(":"))
        path = (AsSegment(SegmentKind.SEQUENCE, (CDN,)),)
        yield Announcement(family, PathAttributes(as_path=path, communities=(high << 16 | low,)), tuple(keys))
