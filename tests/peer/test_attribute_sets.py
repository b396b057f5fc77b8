"""The attribute sets of a session: one object for equal octets, and nothing kept that nobody has."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.peer.attribute_sets import _SWEPT, AttributeSets
from simulator.peer.events import NeighborConfig
from simulator.places.endpoint import Endpoint
from simulator.rib.attribute_set import AttributeSet
from simulator.rib.route_server.client import Client, RouteServerSettings
from simulator.rib.route_server.control import BLACKHOLE, ControlCommunities
from simulator.rib.route_server.offer import Offer, Pick
from simulator.rib.route_server.transparent import MessageFormat, Transparent
from simulator.session.messages import Family
from simulator.wire.attribute_codec import AsSegment, PathAttributes, SegmentKind, encode
from simulator.wire.received_update import AnnouncedPrefixes
from tests.examples import examples
from tests.wire.test_attributes import ATTRIBUTES
from tests.wire.test_outlines import LAID_OUT

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


RS_AS = 64500
VALUES = st.sampled_from([1, BLACKHOLE, RS_AS << 16 | 65001, 65001, 65501 << 16 | 7, 3320 << 16 | 1])
LARGE = st.sampled_from([(RS_AS, 0, 0), (RS_AS, 1, 65001), (3320, 0, 0), (0xC020C020, 0xD020, 1)])
MARKED = st.builds(
    lambda path, values, large: replace(path, communities=tuple(values), large_communities=tuple(large)),
    LAID_OUT | ATTRIBUTES,
    st.lists(VALUES, max_size=4),
    st.just([]) | st.lists(LARGE, max_size=2),
)


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(MARKED, max_size=3))
def test_communities_are_those_of_the_path_whether_or_not_that_is_decoded(paths: list[PathAttributes]) -> None:
    known, control, client = sets(), ControlCommunities(RS_AS), Client("one", 3320, Family.IPV4, PEER)
    for path in paths:
        found = known.plain(encode(path, asn4=True), None, True)
        if found is None:
            continue
        quick = Offer(client, found, control)
        told = found.communities, found.large_communities
        decoded = AttributeSet(found.path, ())
        assert told == (decoded.communities, decoded.large_communities)
        assert told == (found.path.communities, found.path.large_communities)
        slow = Offer(client, decoded, control)
        for name in ("is_scrubbed", "distribution", "is_blackhole", "is_plain"):
            assert getattr(quick, name) == getattr(slow, name)


def test_a_route_server_decodes_no_path_that_it_only_passes_on() -> None:
    known, client = sets(), Client("one", 3320, Family.IPV4, PEER)
    found, control = known.plain(octets(7), None, True), ControlCommunities(RS_AS)
    assert found is not None
    offer = Offer(client, found, control)
    written = Transparent(RouteServerSettings(RS_AS), control).block(
        Family.IPV4, Pick(offer), MessageFormat(asn4=True, message_size=4096)
    )
    assert (offer.is_plain, written) == (True, (found.raw, b""))
    assert found._path is None
