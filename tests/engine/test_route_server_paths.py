"""What a route server did to the routes that it passed on."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from simulator.engine.route_server_paths import paths_through
from simulator.rib.attribute_set import AttributeSet
from simulator.session.messages import Family
from simulator.wire import nlri
from simulator.wire.path_attributes import AsSegment, PathAttributes, SegmentKind

SERVER, ASN, MEMBER = IPv4Address("192.0.2.1"), 64500, IPv4Address("192.0.2.9")


def route(prefix: str, *asns: int, hop: IPv4Address = MEMBER, **more: object) -> tuple[bytes, AttributeSet]:
    path = PathAttributes(as_path=(AsSegment(SegmentKind.SEQUENCE, asns),), next_hop=hop, **more)  # type: ignore[arg-type]
    return nlri.key(prefix)[1], AttributeSet(path, ())


@pytest.mark.parametrize(
    ("found", "own_as", "next_hop", "control"),
    [
        (route("41.0.0.0/16", 64501), 0, 0, 0),
        (route("41.0.0.0/16", ASN, 64501), 1, 0, 0),
        (route("41.0.0.0/16", 64501, ASN, 64502), 1, 0, 0),
        (route("41.0.0.0/16", 64501, hop=SERVER), 0, 1, 0),
        (route("41.0.0.0/16", ASN, hop=SERVER), 0, 0, 0),  # its own route
        (route("41.0.0.0/16", 64501, communities=(0 << 16 | 8075,)), 0, 0, 1),
        (route("41.0.0.0/16", 64501, large_communities=((ASN, 0, 8075),)), 0, 0, 1),
        (route("41.0.0.0/16", 64501, communities=(64501 << 16 | 100,), large_communities=((64501, 0, 8075),)), 0, 0, 0),
    ],
)
def test_each_kind_of_meddling_is_counted_with_examples(
    found: tuple[bytes, AttributeSet], own_as: int, next_hop: int, control: int
) -> None:
    told = paths_through(Family.IPV4, [found] * 5, ASN, SERVER)
    assert (told.routes, told.own_as[0], told.next_hop[0], told.control[0]) == (
        5,
        5 * own_as,
        5 * next_hop,
        5 * control,
    )
    assert all(len(shown) == min(count, 3) for count, shown in (told.own_as, told.next_hop, told.control))
