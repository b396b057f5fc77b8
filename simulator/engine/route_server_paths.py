"""What an exchange's route server did to the routes that it passed on to AS8075 (RFC 7947 §2.2)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from simulator.addresses import IpAddress
from simulator.diagnosis.evidence import RouteServerPaths
from simulator.rib.attribute_set import AttributeSet
from simulator.rib.route_server.control import ControlCommunities
from simulator.session.messages import Family
from simulator.wire import nlri

_EXAMPLES: Final = 3


def paths_through(
    family: Family, routes: Iterable[tuple[bytes, AttributeSet]], asn: int, address: IpAddress
) -> RouteServerPaths:
    """`asn` and `address` are the route server's. Routes that it originates itself are its own to say."""
    control = ControlCommunities(asn)
    told: dict[int, tuple[bool, bool, bool]] = {}
    found: tuple[list[str], list[str], list[str]] = ([], [], [])
    counts, total = [0, 0, 0], 0
    for key, attributes in routes:
        total += 1
        marks = told.get(id(attributes))
        if marks is None:  # once for each distinct set
            path = attributes.path
            asns = [number for segment in path.as_path for number in segment.asns]
            foreign = bool(asns) and asns[-1] != asn
            marks = told[id(attributes)] = (
                foreign and asn in asns,
                foreign and path.next_hop == address,
                control.read(path) is not None,
            )
        for number, marked in enumerate(marks):
            if marked:
                counts[number] += 1
                if len(found[number]) < _EXAMPLES:
                    found[number].append(nlri.text(family, key))
    return RouteServerPaths(total, *((count, tuple(examples)) for count, examples in zip(counts, found, strict=True)))
