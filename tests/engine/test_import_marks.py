"""What the import does to routes that it would accept."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.engine.import_marks import marks_of
from simulator.policy.data.policy_data import PolicyData
from simulator.policy.data.vrp import VrpTable
from simulator.policy.policy import Policy
from simulator.policy.rule import PolicyContext
from simulator.policy.verdict import Hit
from simulator.rib.adj_in import HeldRoute
from simulator.rib.attribute_set import AttributeSet
from simulator.session.messages import Family
from simulator.wire import nlri
from simulator.wire.path_attributes import AsSegment, PathAttributes, SegmentKind

KEY = nlri.key("41.0.0.0/16")[1]


def policy(*vrps: tuple[Family, bytes, int, int], data: bool = True) -> Policy:
    table = VrpTable(vrps) if data else None
    return Policy("exchange", PolicyContext(64496, "192.0.2.1", data=PolicyData(vrp=table)))


def held(*hits: Hit, key: bytes = KEY, **more: Any) -> HeldRoute:
    path = PathAttributes(as_path=(AsSegment(SegmentKind.SEQUENCE, (64496,)),), **more)
    return HeldRoute(Family.IPV4, key, AttributeSet(path, ()), hits)


@pytest.mark.parametrize(
    ("attributes", "med", "communities"),
    [
        ({}, 0, 0),
        ({"med": 0}, 0, 0),  # what several daemons send by themselves, and what the import sets
        ({"med": 50}, 1, 0),
        ({"communities": (64496 << 16 | 1,)}, 0, 0),
        ({"communities": (8075 << 16 | 8007,)}, 0, 0),  # the one that a peer is to send
        ({"communities": (8075 << 16 | 1, 64496 << 16 | 1)}, 0, 1),
        ({"large_communities": ((8075, 1, 2),)}, 0, 1),
        ({"large_communities": ((64496, 1, 2),), "med": 7}, 1, 0),
    ],
)
def test_what_is_overwritten_or_taken_off_is_counted(attributes: dict[str, Any], med: int, communities: int) -> None:
    found = marks_of([held(**attributes)], policy(data=False))
    assert (found.routes, found.med[0], found.communities[0], found.unsigned) == (1, med, communities, None)
    assert all("41.0.0.0/16" in example for _, examples in (found.med, found.communities) for example in examples)


def test_what_no_roa_covers_is_counted_and_what_is_rejected_is_not_looked_at() -> None:
    signed = (Family.IPV4, KEY, 16, 64496)
    other = nlri.key("42.0.0.0/16")[1]
    rejected = held(Hit("bogon-prefix", "x", "y"), med=9, key=other)
    assert marks_of([held(), rejected], policy(signed)).unsigned == (0, ())
    found = marks_of([held(), held(key=other), rejected], policy(signed))
    assert found.unsigned == (1, ("42.0.0.0/16 (from AS64496)",))
    assert (found.routes, found.med) == (2, (0, ()))


def test_there_are_no_more_examples_than_anybody_reads() -> None:
    keys = [nlri.key(f"41.{number}.0.0/16")[1] for number in range(99)]
    attributes = held(med=5).attributes
    found = marks_of([HeldRoute(Family.IPV4, key, attributes, ()) for key in keys], policy())
    assert (found.med[0], len(found.med[1])) == (99, 3)
    assert found.unsigned is not None and (found.unsigned[0], len(found.unsigned[1])) == (99, 3)
