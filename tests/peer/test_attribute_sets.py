"""The attribute sets of a session: one object for equal octets, and nothing kept that nobody has."""

from __future__ import annotations

from ipaddress import IPv4Address

from simulator.peer.attribute_sets import _SWEPT, AttributeSets
from simulator.peer.events import NeighborConfig
from simulator.places.endpoint import Endpoint
from simulator.rib.attribute_set import AttributeSet
from simulator.session.messages import Family
from simulator.wire.attribute_codec import AsSegment, PathAttributes, SegmentKind, encode
from simulator.wire.received_update import AnnouncedPrefixes

EDGE, PEER = IPv4Address("198.51.100.1"), IPv4Address("198.51.100.2")
PART = AnnouncedPrefixes(Family.IPV4, [])


def sets() -> AttributeSets:
    endpoint = Endpoint(EDGE, 179)
    return AttributeSets(NeighborConfig("one", 8075, "198.51.100.1", EDGE, PEER, 3320, endpoint, None))


def octets(med: int) -> bytes:
    path = (AsSegment(SegmentKind.SEQUENCE, (3320,)),)
    return encode(PathAttributes(as_path=path, next_hop=PEER, med=med), asn4=True)


def test_equal_octets_are_one_set() -> None:
    known = sets()
    first = known.get(octets(1), PART, None, asn4=True)
    assert known.get(octets(1), PART, None, asn4=True) is first
    assert known.get(octets(2), PART, None, asn4=True) is not first


def test_what_nobody_has_is_forgotten() -> None:
    known = sets()
    for med in range(3 * _SWEPT):
        known.get(octets(med), PART, None, asn4=True)
    assert len(known) == 0
    assert len(known._known) < _SWEPT


def test_what_somebody_has_stays() -> None:
    known = sets()
    held = [known.get(octets(med), PART, None, asn4=True) for med in range(3 * _SWEPT)]
    assert len(known) == len(held)
    assert all(known.get(octets(med), PART, None, asn4=True) is found for med, found in enumerate(held))


def test_another_policy_replaces_only_what_lives() -> None:
    known = sets()
    held = known.get(octets(1), PART, None, asn4=True)
    known.get(octets(2), PART, None, asn4=True)
    asked = []

    def judged(before: AttributeSet) -> AttributeSet:
        asked.append(before)
        return before

    known.replace(judged)
    assert asked == [held]
