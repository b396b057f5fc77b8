"""From the topology's notation to routes."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.rib.announcement import Announcement
from simulator.routers.simulated.adapter import announcements as regrouped
from simulator.session.messages import Family
from simulator.topology.announce import Announce, Generate, PrefixList
from simulator.topology.originate import announcements, first_prefixes, prefixes_of, router_routes
from simulator.topology.schema import Node
from simulator.wire import nlri
from simulator.wire.path_attributes import AsSegment, PathAttributes, SegmentKind
from tests.wire.test_attributes import ATTRIBUTES

NODE = Node.model_validate({"name": "n", "ipv4": "192.0.2.1", "ipv6": "2001:db8::1"})


def test_lists_and_exabgp_syntax_come_to_the_same() -> None:
    listed = PrefixList.model_validate(
        {
            "prefixes": ["203.0.113.0/24"],
            "as-path": [64500],
            "communities": ["64496:100"],
            "large-communities": ["1:2:3"],
            "med": 5,
        }
    )
    written = (
        "route 203.0.113.0/24 next-hop self as-path [ 64500 ] community [ 64496:100 ] large-community [ 1:2:3 ] med 5"
    )
    assert router_routes(announcements([listed], NODE)) == router_routes(announcements([written], NODE))


ENTRIES: tuple[str | PrefixList, ...] = (
    "route 198.51.100.0/24 next-hop self",
    "route 2001:db8:7::/48 next-hop self",
    PrefixList.model_validate({"prefixes": ["203.0.113.0/24", "2001:db8:8::/48"], "med": 1}),
    PrefixList.model_validate(
        {"prefixes": ["2001:db8:9::/48"], "generate": {"within": "41.0.0.0/8", "length": 24, "count": 3}}
    ),
    PrefixList.model_validate({"generate": {"within": "2001:db8:a::/48", "length": 56, "count": 2}}),
)


@given(st.lists(st.sampled_from(ENTRIES), max_size=4), st.sampled_from((Family.IPV4, Family.IPV6)), st.integers(1, 9))
def test_the_first_prefixes_are_the_first_that_are_announced(
    entries: list[str | PrefixList], family: Family, most: int
) -> None:
    announced = [route.prefix for route in router_routes(announcements(entries, NODE))]
    of_family = dict.fromkeys(prefix for prefix in announced if (":" in prefix) == (family is Family.IPV6))
    found = first_prefixes(entries, NODE, family, most)
    assert set(found) <= set(of_family) and len(found) <= len(of_family)
    assert most < len(of_family) or set(found) == set(of_family)


def test_the_first_of_a_full_table_is_found_without_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    table = PrefixList(generate=Generate(within=IPv4Network("41.0.0.0/8"), length=24, count=20000))
    made: list[bytes] = []
    text = nlri.text
    monkeypatch.setattr(nlri, "text", lambda family, key: made.append(key) or text(family, key))  # type: ignore[func-returns-value]
    assert first_prefixes([table], NODE, Family.IPV4, 2) == ("41.0.0.0/24", "41.0.1.0/24")
    assert len(made) == 2


def test_generated_prefixes_are_consecutive_and_as_many_as_asked() -> None:
    entry = PrefixList(generate=Generate(within=IPv4Network("41.0.0.0/8"), length=24, count=3))
    assert list(prefixes_of(entry)) == ["41.0.0.0/24", "41.0.1.0/24", "41.0.2.0/24"]


@given(st.integers(0, 32), st.integers(1, 32), st.integers(1, 64))
def test_generate_gives_exactly_what_fits_or_says_why_not(within: int, length: int, count: int) -> None:
    network = ip_network((0x29000000 >> (32 - within) << (32 - within), within)) if within else ip_network("0.0.0.0/0")
    entry = PrefixList(generate=Generate(within=network, length=length, count=count))
    if within <= length and count <= 2 ** (length - within):
        found = [ip_network(prefix) for prefix in prefixes_of(entry)]
        assert len(set(found)) == count
        assert all(prefix.prefixlen == length and prefix.subnet_of(network) for prefix in found)  # type: ignore[arg-type]
    else:
        with pytest.raises(ValueError, match="generate: "):
            list(prefixes_of(entry))


def test_20000_prefixes_share_one_announcement() -> None:
    entry = PrefixList(generate=Generate(within=IPv4Network("41.0.0.0/8"), length=24, count=20000))
    (announcement,) = announcements([entry], NODE)
    assert len(announcement.keys) == 20000


def flat(groups: list[Announcement]) -> set[tuple[object, ...]]:
    return {
        (group.family, nlri.text(group.family, key), group.attributes.asns, group.attributes.med)
        for group in groups
        for key in group.keys
    }


def test_the_simulated_peer_regroups_router_routes_without_loss() -> None:
    entries: Announce = [
        PrefixList.model_validate({"prefixes": ["192.0.2.0/24", "2001:db8::/32", "198.51.100.0/24"], "med": 1}),
        "route 203.0.113.0/24 next-hop self as-path [ 64500 64501 ]",
    ]
    before = announcements(entries, NODE)
    after = regrouped(router_routes(before))
    assert flat(before) == flat(after)
    assert {group.family for group in after} == {Family.IPV4, Family.IPV6}


@pytest.mark.parametrize(
    "bad", ["route 192.0.2.0 nexthop", "route", "announce 1.2.3.4/24", "route 2001:db8::/32 next-hop 1.2.3.4.5"]
)
def test_bad_route_syntax_is_named(bad: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        announcements([bad], NODE)
    assert "\n" not in str(caught.value)


LINE = (
    "route 20.1.2.0/24 next-hop {hop} as-path [ 64500 ] ( 64501 64502 ) origin egp med 7 community [ 8075:8007 ] "
    "large-community [ 64500:1:2 ] extended-community [ target:64496:100 0x4300000000000010 ] atomic-aggregate "
    "aggregator ( 64500:10.0.0.1 ) attribute [ 0x23 0xc0 0x0000fbf0 ] attribute [ 0x63 0xe0 0x0102 ] "
)
CARRIED = PathAttributes(
    origin=1,
    as_path=(AsSegment(SegmentKind.SEQUENCE, (64500,)), AsSegment(SegmentKind.SET, (64501, 64502))),
    med=7,
    communities=(8075 << 16 | 8007,),
    large_communities=((64500, 1, 2),),
    extended_communities=(bytes.fromhex("0002fbf000000064"), bytes.fromhex("4300000000000010")),
    atomic_aggregate=True,
    aggregator=(64500, IPv4Address("10.0.0.1")),
    otc=64496,
    unknown=((0xE0, 99, b"\1\2"),),
)


@pytest.mark.parametrize(
    ("hop", "sent"), [("self", None), ("192.0.2.1", None), ("192.0.2.77", IPv4Address("192.0.2.77"))]
)
def test_a_line_is_carried_to_the_routers_as_it_is_written(hop: str, sent: IPv4Address | None) -> None:
    (found,) = announcements([LINE.format(hop=hop)], Node(name="n", ipv4=IPv4Address("192.0.2.1")))
    path = replace(found.attributes, extended_communities=tuple(sorted(found.attributes.extended_communities)))
    assert path == replace(CARRIED, next_hop=sent)
    (again,) = regrouped(router_routes([found]))
    assert again == found


@settings(deadline=None)
@given(ATTRIBUTES.filter(lambda path: path.local_pref is None))
def test_the_simulated_peer_announces_any_attributes_as_they_are(path: PathAttributes) -> None:
    joined: list[AsSegment] = []
    for segment in path.as_path:  # sequences that stand together are one
        if joined and joined[-1].kind is segment.kind is SegmentKind.SEQUENCE:
            joined[-1] = AsSegment(segment.kind, joined[-1].asns + segment.asns)
        else:
            joined.append(segment)
    given_ = Announcement(Family.IPV4, replace(path, as_path=tuple(joined)), (b"\x08\x14",))
    assert regrouped(router_routes([given_])) == [given_]


def test_local_preference_is_refused() -> None:
    """It was left out in silence, which is another route than the line says."""
    with pytest.raises(ValueError, match="local-preference is not sent to an external peer"):
        announcements(["route 20.1.2.0/24 next-hop self local-preference 200"], Node(name="n"))


@pytest.mark.parametrize(
    "entry", [{"communities": ["1:70000"]}, {"communities": ["65536:1"]}, {"large-communities": ["1:2:4294967296"]}]
)
def test_a_community_that_does_not_fit_is_refused(entry: dict[str, list[str]]) -> None:
    """Its bits ran over into the other half."""
    with pytest.raises(ValueError, match="each part is at most"):
        announcements([PrefixList.model_validate({"prefixes": ["41.0.0.0/16"], **entry})], NODE)
