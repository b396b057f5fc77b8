"""One table: each rule, both families, what it just lets pass and what it just does not."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

import pytest

from simulator.policy.policy import PROFILES, Policy
from simulator.policy.registries import TRANSIT_FREE_ASNS
from simulator.policy.rules import RULES
from simulator.session.messages import Family, Role
from simulator.wire.attribute_codec import AsSegment
from tests.policy.support import DATA, PEERS, PREFIX, SEQUENCE, SET, V4, V6, context, fired, key, path

MAPS = (8075 << 16 | 8007,)
LINK_LOCAL = ip_address("fe80::1")


@dataclass(frozen=True)
class Case:
    """One route under one profile."""

    family: Family
    fires: bool
    prefix: str = ""
    asns: tuple[int, ...] = ()
    """Behind the peer's own."""
    attributes: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    context: dict[str, Any] = field(default_factory=dict)


def both(fires: bool, ipv4: str = "", ipv6: str = "", **more: Any) -> list[Case]:
    return [Case(V4, fires, ipv4, **more), Case(V6, fires, ipv6, **more)]


def paths(fires: bool, *asns: int, **more: Any) -> list[Case]:
    return both(fires, asns=asns, **more)


def whole(fires: bool, *segments: AsSegment, **more: Any) -> list[Case]:
    """The whole AS path."""
    return both(fires, attributes={"as_path": segments}, **more)


def communities(count: int) -> dict[str, Any]:
    return {
        "communities": tuple(range(count - 2)),
        "extended_communities": (bytes(8),),
        "large_communities": ((1, 2, 3),),
    }


TABLE: dict[str, list[Case]] = {
    "prefix-too-long": [
        *both(False, "20.1.0.0/24", "2a00:1::/48"),
        *both(True, "20.1.0.0/25", "2a00:1::/49"),
        *both(True, "20.1.0.0/32", "2a00:1::/128"),
        *both(False, "20.1.0.0/26", "2a00:1::/50", settings={"ipv4": 26, "ipv6": 50}),
        *both(True, "20.1.0.0/27", "2a00:1::/51", settings={"ipv4": 26, "ipv6": 50}),
        *both(False, "20.1.0.0/32", "2a00:1::/128", settings={"registered": True}, context={"data": DATA}),
        *both(True, "20.2.0.0/25", "2a00:2::/49", settings={"registered": True}, context={"data": DATA}),
    ],
    "prefix-too-short": [
        *both(False, "20.0.0.0/8", "2a00::/16"),
        *both(True, "20.0.0.0/7", "2a00::/15"),
        *both(True, "0.0.0.0/1", "::/1"),
        *both(False, "0.0.0.0/0", "::/0"),
    ],
    "default-route": [*both(True, "0.0.0.0/0", "::/0"), *both(False, "0.0.0.0/1", "::/1")],
    "bogon-prefix": [
        *both(True, "10.0.0.0/8", "fc00::/7"),
        *both(False, "11.0.0.0/24", "2bff:ffff::/32"),
        *both(False, "8.0.0.0/5", "2000::/3"),
        *both(True, "203.0.113.0/24", "2001:db8::/32"),
        *both(False, "203.0.113.0/24", "2001:db8::/32", settings={"documentation": False}),
        *both(True, "192.0.0.0/24", "2001:2::/48"),
        *both(False, "192.0.0.9/32", "2001:4:112::/48"),
        *both(True, "255.255.255.255/32", "ffff::/16"),
        *both(False, "0.0.0.0/0", "::/0"),
    ],
    "exchange-lan": [
        *both(True, "206.126.236.0/22", "2001:504:0:2::/64"),
        *both(True, "206.126.239.0/24", "2001:504:0:2::/65"),
        *both(False, "206.126.240.0/24", "2001:504:0:3::/64"),
        *both(False, "206.126.232.0/21", "2001:504:0:2::/63"),
        *both(False, "206.126.236.0/22", "2001:504:0:2::/64", context={"lan": ()}),
    ],
    "microsoft-prefix": [
        *both(True, "13.64.0.0/11", "2603:1000::/24"),
        *both(True, "13.95.255.0/24", "2603:10ff:ffff::/48"),
        *both(False, "13.96.0.0/24", "2603:1100::/48"),
        *both(False, "13.64.0.0/10", "2603:1000::/23"),
    ],
    "bogon-asn": [
        *paths(True, 0),
        *paths(False, 1),
        *paths(True, 23456),
        *paths(False, 23455, 23457),
        *paths(False, 64495),
        *paths(True, 64496),
        *paths(False, 64511, settings={"documentation": False}),
        *paths(True, 64512, settings={"documentation": False}),
        *paths(True, 65535),
        *paths(False, 65551, settings={"documentation": False}),
        *paths(True, 131071),
        *paths(False, 131072, 4199999999),
        *paths(True, 4200000000),
        *paths(True, 4294967295),
        *whole(True, AsSegment(SEQUENCE, (3321,)), AsSegment(SET, (100, 64512))),
    ],
    "as-path-too-long": [
        *paths(False, *range(100, 149)),
        *paths(True, *range(100, 150)),
        *paths(False, 100, settings={"limit": 2}),
        *paths(True, 100, 101, settings={"limit": 2}),
        *whole(False, AsSegment(SEQUENCE, (3321,)), AsSegment(SET, (1, 2, 3)), settings={"limit": 2}),
    ],
    "as-path-empty": [*whole(True), *paths(False)],
    "first-as": [
        *paths(False, 100),
        *whole(True, AsSegment(SEQUENCE, (3322, 3321))),
        *whole(True, AsSegment(SET, (3321,))),
        *whole(False),
        *whole(False, AsSegment(SEQUENCE, (3322,)), context={"peer_as": None}),
    ],
    "link-local-next-hop": [
        Case(V4, False),
        Case(V4, False, attributes={"next_hop": ip_address("169.254.0.1")}),
        Case(V6, False),
        Case(V6, False, attributes={"link_local": LINK_LOCAL}),
        Case(V6, True, attributes={"next_hop": LINK_LOCAL}),
        Case(V6, True, attributes={"next_hop": ip_address("febf:ffff::1")}),
        Case(V6, False, attributes={"next_hop": ip_address("fec0::1")}),
        Case(V6, False, attributes={"next_hop": ip_address("fe7f::1")}),
        Case(V6, True, attributes={"next_hop": ip_address("::")}),
        Case(V6, True, attributes={"next_hop": ip_address("::"), "link_local": LINK_LOCAL}),
        Case(V6, True, attributes={"next_hop": None, "link_local": LINK_LOCAL}),
    ],
    "next-hop": [
        *both(False),
        Case(V4, True, attributes={"next_hop": ip_address("206.126.239.201")}),
        Case(V6, True, attributes={"next_hop": ip_address("2001:504:0:2::201")}),
        *both(True, attributes={"next_hop": None}),
        Case(V4, False, settings={"lan": True}, attributes={"next_hop": ip_address("206.126.236.1")}),
        Case(V4, True, settings={"lan": True}, attributes={"next_hop": ip_address("206.126.235.255")}),
        Case(V4, True, settings={"lan": True}, attributes={"next_hop": ip_address("206.126.240.0")}),
        Case(V6, False, settings={"lan": True}, attributes={"next_hop": ip_address("2001:504:0:2::1")}),
        Case(V6, True, settings={"lan": True}, attributes={"next_hop": ip_address("2001:504:0:3::1")}),
        *both(True, settings={"lan": True}, attributes={"next_hop": None}),
    ],
    "as-set": [
        *paths(False, 100),
        *whole(True, AsSegment(SEQUENCE, (3321,)), AsSegment(SET, (100,))),
        *whole(True, AsSegment(SET, (100,)), AsSegment(SEQUENCE, (3321,))),
    ],
    "as-path-loop": [
        *paths(False, 8074, 8076),
        *paths(True, 100, 8075),
        *whole(True, AsSegment(SEQUENCE, (3321,)), AsSegment(SET, (8075,))),
        *paths(False, 8075, context={"local_as": 8076}),
    ],
    "as12076": [
        *paths(True, 12076),
        *paths(False, 12075, 12077),
        *paths(False, 12076, settings={"asn": 12077}),
        *paths(True, 12077, settings={"asn": 12077}),
    ],
    "transit-free-asn": [
        *paths(True, 174),
        *paths(True, 100, 3320),
        *paths(False, 173, 175),
        *paths(False, 174, settings={"asns": [100]}),
        *paths(True, 100, settings={"asns": [100]}),
        *paths(False, 174, settings={"asns": []}),
        # such a network as the peer
        *whole(False, AsSegment(SEQUENCE, (174, 174, 100)), context={"peer_as": 174}),
        *whole(True, AsSegment(SEQUENCE, (174, 100, 174)), context={"peer_as": 174}),
        *whole(True, AsSegment(SEQUENCE, (174, 3320)), context={"peer_as": 174}),
        *whole(False, AsSegment(SEQUENCE, (174, 100)), context={"peer_as": None}),
        *whole(True, AsSegment(SEQUENCE, (100, 174)), context={"peer_as": None}),
        *whole(True, AsSegment(SEQUENCE, (174, 100)), context={"peer_as": 3321}),
        *whole(False),
    ],
    "otc": [
        *both(False),
        *both(False, attributes={"otc": 3321}),
        *both(True, attributes={"otc": 3322}),
        *both(True, attributes={"otc": 3321}, settings={"role": "provider"}),
        *both(True, attributes={"otc": 3321}, settings={"role": "rs"}),
        *both(False, settings={"role": "provider"}),
        *both(False, attributes={"otc": 3322}, settings={"role": "customer"}),
        *both(False, attributes={"otc": 3322}, settings={"role": "rs-client"}),
        *both(False, attributes={"otc": 3322}, context={"role": Role.CUSTOMER}),
        *both(True, attributes={"otc": 3321}, context={"role": Role.ROUTE_SERVER}),
        *both(False, attributes={"otc": 3321}, context={"peer_as": None}),
        *both(True, attributes={"otc": 3322}, context={"peer_as": None}),
    ],
    "too-many-communities": [
        *both(False, attributes=communities(100)),
        *both(True, attributes=communities(101)),
        *both(True, attributes={"communities": (1,)}, settings={"limit": 0}),
        *both(False, settings={"limit": 0}),
    ],
    "maps-community-missing": [
        *both(False, attributes={"communities": MAPS}),
        *both(False, attributes={"communities": (1, *MAPS)}),
        *both(True),
        *both(True, attributes={"communities": (8075 << 16 | 8008,)}),
        *both(True, attributes={"communities": MAPS}, settings={"community": "8075:8008"}),
    ],
    "maps-as-path-too-long": [*paths(False, 100, 101), *paths(True, 100, 101, 102)],
    "maps-private-asn": [
        *paths(True, 64512),
        *paths(True, 65534),
        *paths(False, 64511, 65535),
        *paths(True, 4200000000),
        *paths(True, 4294967294),
        *paths(False, 4199999999, 4294967295),
    ],
    "maps-prepending": [*paths(False, 100), *paths(True, 3321), *paths(True, 100, 100), *paths(False, 100, 3321)],
    "rpki-invalid": [
        *both(False, "20.1.0.0/18", "2a00:1::/34", context={"data": DATA}),
        *both(True, "20.1.0.0/19", "2a00:1::/35", context={"data": DATA}),
        *both(True, "20.1.0.0/16", "2a00:1::/32", asns=(100,), context={"data": DATA}),
        *both(False, "20.0.0.0/15", "2a00::/31", asns=(100,), context={"data": DATA}),
        *both(True, "20.9.0.0/16", "2a00:9::/32", context={"data": DATA}),
        *both(True, "20.9.0.0/16", "2a00:9::/32", asns=(0,), context={"data": DATA}),
        *whole(True, AsSegment(SEQUENCE, (3321,)), AsSegment(SET, (3321,)), context={"data": DATA}),
        *both(False, "20.1.0.0/19", "2a00:1::/35"),
    ],
    "rpki-unknown": [
        *both(False, "20.1.0.0/16", "2a00:1::/32", context={"data": DATA}),
        *both(False, "20.1.0.0/19", "2a00:1::/35", context={"data": DATA}),
        *both(True, "20.2.0.0/16", "2a00:2::/32", context={"data": DATA}),
        *both(True, "20.0.0.0/15", "2a00::/31", context={"data": DATA}),
        *both(False, "20.2.0.0/16", "2a00:2::/32"),
    ],
    "irr-prefix": [
        *both(False, "20.1.0.0/16", "2a00:1::/32", context={"data": DATA}),
        *both(True, "20.1.0.0/17", "2a00:1::/33", context={"data": DATA}),
        *both(True, "20.0.0.0/15", "2a00::/31", context={"data": DATA}),
        *both(True, "20.2.0.0/17", "2a00:2::/33", context={"data": DATA}),
        *both(False, "20.2.64.0/18", "2a00:2:4000::/34", context={"data": DATA}),
        *both(False, "20.2.0.0/20", "2a00:2::/36", context={"data": DATA}),
        *both(True, "20.2.0.0/21", "2a00:2::/37", context={"data": DATA}),
        *both(False, "20.3.0.0/16", "2a00:3::/32"),
    ],
    "irr-origin": [
        *paths(False, context={"data": DATA}),
        *paths(False, 3333, context={"data": DATA}),
        *paths(True, 3334, context={"data": DATA}),
        *whole(True, AsSegment(SEQUENCE, (3321,)), AsSegment(SET, (3333,)), context={"data": DATA}),
        *paths(False, 3334),
    ],
    "registered-prefix": [
        *both(False, "20.1.0.0/16", "2a00:1::/32", context={"data": DATA}),
        *both(False, "20.1.255.0/24", "2a00:1:ffff::/48", context={"data": DATA}),
        *both(True, "20.0.0.0/15", "2a00::/31", context={"data": DATA}),
        *both(True, "20.2.0.0/16", "2a00:2::/32", context={"data": DATA}),
        *both(False, "20.2.0.0/16", "2a00:2::/32"),
    ],
    "registered-origin": [
        *paths(False, 3333, context={"data": DATA}),
        *paths(True, 3334, context={"data": DATA}),
        *paths(False, 3334),
    ],
    "long-prefix-as-path": [
        *both(False, "20.1.0.0/25", "2a00:1::/49", asns=(100, 101)),
        *both(True, "20.1.0.0/25", "2a00:1::/49", asns=(100, 101, 102)),
        *both(False, "20.1.0.0/24", "2a00:1::/48", asns=(100, 101, 102)),
    ],
}

NEVER = {("link-local-next-hop", V4): "an IPv4 next hop is another rule's"}
"""What no IPv4 or IPv6 route can be refused for."""


def profile_of(rule: str) -> str:
    return next(name for name in PROFILES if rule in PROFILES[name])


@pytest.mark.parametrize(("rule", "case"), [(rule, case) for rule, cases in TABLE.items() for case in cases])
def test_at_its_borders(rule: str, case: Case) -> None:
    profile = profile_of(rule)
    policy = Policy(profile, context(case.family, **case.context), {rule: case.settings or True})
    attributes = path(case.family, *case.asns, **case.attributes)
    prefix = case.prefix or PREFIX[case.family]
    hits = policy.verdict(case.family, key(prefix), attributes, denied=False).hits
    values = [hit.value for hit in hits if hit.rule == rule]
    assert len(values) == case.fires, hits
    assert all(values), "the offending value is told"
    others = Policy(profile, context(case.family, **case.context), {rule: False})
    assert rule not in fired(others, case.family, prefix, attributes)


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize("rule", RULES)
def test_the_table_has_every_rule_both_ways(rule: str, family: Family) -> None:
    assert rule in TABLE, f"{rule} has no cases: TABLE wants one that it just lets pass and one that it just does not"
    outcomes = {case.fires for case in TABLE[rule] if case.family is family}
    assert outcomes == ({False} if (rule, family) in NEVER else {False, True})


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("family", Family)
def test_an_ordinary_route_passes_every_profile(profile: str, family: Family) -> None:
    policy = Policy(profile, context(family, data=DATA), {"rpki-unknown": True})
    route = path(family, communities=MAPS)
    assert fired(policy, family, PREFIX[family], route) == []
    assert PEERS[family] == str(route.next_hop)


def test_every_transit_free_network_is_found_behind_a_peer_and_allowed_as_one() -> None:
    for asn in TRANSIT_FREE_ASNS:
        behind = Policy("exchange", context(V4))
        assert "transit-free-asn" in fired(behind, V4, PREFIX[V4], path(V4, asn))
        itself = Policy("exchange", context(V4, peer_as=asn))
        assert fired(itself, V4, PREFIX[V4], path(V4, as_path=(AsSegment(SEQUENCE, (asn, 100)),))) == []
