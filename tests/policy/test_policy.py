"""Each rule at its borders, for both families; switches, parameters, mistakes."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.policy.policy import PROFILES, Policy, PolicyError, check_settings
from simulator.policy.registries import BOGON_ASNS, DOCUMENTATION_ASNS
from simulator.policy.rules import RULES, PolicyContext
from simulator.policy.verdict import Hit
from simulator.session.messages import Family
from simulator.wire import nlri
from simulator.wire.attribute_codec import AsSegment, PathAttributes, SegmentKind

PEER = "192.0.2.10"
CONTEXT = PolicyContext(64496, PEER, lan=("192.0.2.0/24", "2001:db8:2::/64"))
LAB: dict[str, Any] = {"bogon-prefix": {"documentation": False}, "bogon-asn": {"documentation": False}}
SEQUENCE, SET = SegmentKind.SEQUENCE, SegmentKind.SET


def prefix_rules(prefix: str, settings: dict[str, Any] | None = None) -> list[str]:
    policy = Policy("exchange", CONTEXT, settings)
    family, key = nlri.key(prefix)
    hits = policy.judge_prefix(family, key, path(64496))
    assert policy.judge_prefixes(family, [key, key], path(64496)) == ({key: hits} if hits else {}), "twice, judged once"
    return [hit.rule for hit in hits]


def path(*asns: int, **changes: Any) -> PathAttributes:
    return replace(PathAttributes(as_path=(AsSegment(SEQUENCE, asns),), next_hop=ip_address(PEER)), **changes)


def attribute_rules(attributes: PathAttributes, settings: dict[str, Any] | None = None, **context: Any) -> list[str]:
    policy = Policy("exchange", replace(CONTEXT, **context), LAB if settings is None else settings)
    return [hit.rule for hit in policy.judge_attributes(attributes)]


@pytest.mark.parametrize(
    ("prefix", "rules"),
    [
        # lengths
        ("20.0.0.0/24", []),
        ("20.0.0.0/25", ["prefix-too-long"]),
        ("20.0.0.1/32", ["prefix-too-long"]),
        ("20.0.0.0/8", []),
        ("20.0.0.0/7", ["prefix-too-short"]),
        ("0.0.0.0/1", ["prefix-too-short"]),
        ("2a00::/48", []),
        ("2a00::/49", ["prefix-too-long"]),
        ("2a00::1/128", ["prefix-too-long"]),
        ("2a00::/16", []),
        ("2a00::/15", ["prefix-too-short"]),
        # the default route has a rule of its own
        ("0.0.0.0/0", ["default-route"]),
        ("::/0", ["default-route"]),
        # martians, first and last, and their neighbours
        ("9.255.255.0/24", []),
        ("10.0.0.0/8", ["bogon-prefix"]),
        ("10.255.255.0/24", ["bogon-prefix"]),
        ("11.0.0.0/24", []),
        ("100.63.255.0/24", []),
        ("100.64.0.0/24", ["bogon-prefix"]),
        ("100.127.255.0/24", ["bogon-prefix"]),
        ("100.128.0.0/24", []),
        ("172.15.255.0/24", []),
        ("172.16.0.0/12", ["bogon-prefix"]),
        ("172.32.0.0/24", []),
        ("192.168.1.0/24", ["bogon-prefix"]),
        ("198.17.255.0/24", []),
        ("198.18.0.0/24", ["bogon-prefix"]),
        ("198.20.0.0/24", []),
        ("223.255.255.0/24", []),
        ("224.0.0.0/24", ["bogon-prefix"]),
        ("255.255.255.0/24", ["bogon-prefix"]),
        ("fbff:ffff::/32", ["bogon-prefix"]),
        ("fc00::/16", ["bogon-prefix"]),
        ("fdff:ffff::/32", ["bogon-prefix"]),
        ("fe00::/16", ["bogon-prefix"]),
        ("3fff:ffff::/32", []),
        ("4000::/16", ["bogon-prefix"]),
        ("1fff:ffff::/32", ["bogon-prefix"]),
        # globally reachable parts of special-purpose space
        ("2001:4:112::/48", []),
        ("2001:4:113::/48", ["bogon-prefix"]),
        ("2001:20::/28", []),
        ("2001:2f:ffff::/48", []),
        ("2001:30::/28", []),
        ("2001:40::/28", ["bogon-prefix"]),
        ("2001:3::/32", []),
        ("2001::/32", ["bogon-prefix"]),
        ("192.31.196.0/24", []),
        ("192.52.193.0/24", []),
        ("192.175.48.0/24", []),
        ("2620:4f:8000::/48", []),
        ("fe80::/16", ["bogon-prefix"]),
        ("ff00::/16", ["bogon-prefix"]),
        ("2001:200::/32", []),
        ("2001:1ff::/32", ["bogon-prefix"]),
        ("2002::/16", ["bogon-prefix"]),
        ("2003::/16", []),
        ("::/16", ["bogon-prefix"]),
        ("::/8", ["prefix-too-short", "bogon-prefix"]),
        # documentation
        ("198.51.100.0/24", ["bogon-prefix"]),
        ("203.0.113.0/24", ["bogon-prefix"]),
        ("203.0.114.0/24", []),
        ("2001:db8:9::/48", ["bogon-prefix"]),
        ("2001:db9::/32", []),
        ("3fff::/20", ["bogon-prefix"]),
        ("3fff:1000::/20", []),
        # the exchange LAN: itself, a part of it; what covers it is somebody's aggregate
        ("192.0.2.0/24", ["bogon-prefix", "exchange-lan"]),
        ("192.0.2.128/25", ["prefix-too-long", "bogon-prefix", "exchange-lan"]),
        ("192.0.0.0/16", []),
        ("2001:db8:2::/64", ["prefix-too-long", "bogon-prefix", "exchange-lan"]),
    ],
)
def test_prefix_rules(prefix: str, rules: list[str]) -> None:
    assert prefix_rules(prefix) == rules


def test_documentation_space_is_a_switch() -> None:
    assert prefix_rules("203.0.113.0/24", LAB) == prefix_rules("2001:db8:9::/48", LAB) == []
    assert prefix_rules("10.0.0.0/8", LAB) == ["bogon-prefix"], "the switch is about documentation alone"
    assert prefix_rules("192.0.2.0/24", LAB) == ["exchange-lan"]
    assert attribute_rules(path(64496, 64500), {}) == ["bogon-asn"]
    assert attribute_rules(path(64496, 64512)) == ["bogon-asn"]


@pytest.mark.parametrize(
    ("attributes", "rules"),
    [
        (path(64496), []),
        (path(64496, 3352, 1297), []),
        # AS path length
        (path(64496, *[3352] * 49), []),
        (path(64496, *[3352] * 50), ["as-path-too-long"]),
        (path(as_path=(AsSegment(SEQUENCE, (64496, *[3352] * 48)), AsSegment(SET, (1, 2, 3)))), ["as-set"]),
        (path(as_path=()), ["as-path-empty"]),
        # first AS
        (path(64497, 64496), ["first-as"]),
        (path(as_path=(AsSegment(SET, (64496,)), AsSegment(SEQUENCE, (64496,)))), ["first-as", "as-set"]),
        (path(as_path=(AsSegment(SegmentKind.CONFED_SEQUENCE, (64496,)),)), ["first-as"]),
        # next hop
        (path(64496, next_hop=ip_address("192.0.2.11")), ["next-hop"]),
        (path(64496, next_hop=ip_address("2001:db8::1")), ["next-hop"]),
        (path(64496, next_hop=None), ["next-hop"]),
        # sets and loops
        (path(as_path=(AsSegment(SEQUENCE, (64496,)), AsSegment(SET, (3352, 1297)))), ["as-set"]),
        (path(as_path=(AsSegment(SEQUENCE, (64496,)), AsSegment(SegmentKind.CONFED_SET, (1,)))), ["as-set"]),
        (path(64496, 8075), ["as-path-loop"]),
        (path(as_path=(AsSegment(SEQUENCE, (64496,)), AsSegment(SET, (8075,)))), ["as-set", "as-path-loop"]),
        (path(64496, 8074, 8076), []),
        (path(64496, 12076), ["as12076"]),
        (path(64496, 12075, 12077), []),
        # all that fires is told
        (
            path(64497, 0, 8075, 12076, next_hop=ip_address("192.0.2.11")),
            ["bogon-asn", "first-as", "next-hop", "as-path-loop", "as12076"],
        ),
    ],
)
def test_attribute_rules(attributes: PathAttributes, rules: list[str]) -> None:
    assert attribute_rules(attributes) == rules


@pytest.mark.parametrize(("block", "label"), [*BOGON_ASNS, *DOCUMENTATION_ASNS])
def test_bogon_asns_at_their_borders(block: range, label: str) -> None:
    for asn in (block[0], block[-1]):
        policy = Policy("exchange", replace(CONTEXT, peer_as=None))
        (hit,) = policy.judge_attributes(path(asn))
        assert hit.rule == "bogon-asn" and hit.value == f"AS{asn}, {label}"
    blocks = [other for other, _ in BOGON_ASNS + DOCUMENTATION_ASNS]
    for asn in (block[0] - 1, block[-1] + 1):
        if 0 < asn < 2**32 and not any(asn in other for other in blocks):
            assert attribute_rules(path(asn), {}, peer_as=None) == []


def test_a_session_with_anybody_has_no_first_as() -> None:
    assert attribute_rules(path(64497), peer_as=None) == []


def test_next_hop_of_ipv6() -> None:
    address = "2001:db8:2::10"
    assert attribute_rules(path(64496, next_hop=ip_address(address)), peer_address=address) == []
    assert attribute_rules(path(64496, next_hop=ip_address("2001:db8:2::11")), peer_address=address) == ["next-hop"]


@pytest.mark.parametrize(
    ("hop", "only", "lan"),
    [
        ("192.0.2.1", [], []),  # as agreed
        ("127.0.0.9", [], []),  # what carries it
        ("192.0.2.2", ["next-hop"], []),
        ("127.0.0.8", ["next-hop"], ["next-hop"]),
    ],
)
def test_a_peer_that_other_addresses_carry_may_name_itself_by_either(hop: str, only: list[str], lan: list[str]) -> None:
    ends: dict[str, Any] = {"peer_address": "192.0.2.1", "carried_address": "127.0.0.9", "lan": ("192.0.2.0/24",)}
    announced = path(64496, next_hop=ip_address(hop))
    assert attribute_rules(announced, **ends) == only
    assert attribute_rules(announced, LAB | {"next-hop": {"lan": True}}, **ends) == lan
    (hit,) = Policy("exchange", replace(CONTEXT, **ends), LAB).judge_attributes(
        path(64496, next_hop=ip_address("1.1.1.1"))
    )
    assert hit.value == "1.1.1.1, peer is 192.0.2.1"


@pytest.mark.parametrize(
    ("prefix", "parameters", "rules"),
    [
        ("20.0.0.0/25", {"prefix-too-long": {"ipv4": 25}}, []),
        ("20.0.0.0/26", {"prefix-too-long": {"ipv4": 25}}, ["prefix-too-long"]),
        ("2a00::/49", {"prefix-too-long": {"ipv4": 25}}, ["prefix-too-long"]),
        ("2a00::/49", {"prefix-too-long": {"ipv6": 64}}, []),
        ("20.0.0.0/25", {"prefix-too-long": False}, []),
        ("20.0.0.0/25", {"prefix-too-long": True}, ["prefix-too-long"]),
        ("20.0.0.0/25", {"prefix-too-long": {}}, ["prefix-too-long"]),
        ("0.0.0.0/0", {"default-route": False}, []),
        ("20.0.0.0/8", {"prefix-too-short": {"ipv4": 9}}, ["prefix-too-short"]),
    ],
)
def test_parameters_and_switches(prefix: str, parameters: dict[str, Any], rules: list[str]) -> None:
    assert prefix_rules(prefix, parameters) == rules


def test_attribute_parameters() -> None:
    assert attribute_rules(path(64496, 3352), {**LAB, "as-path-too-long": {"limit": 1}}) == ["as-path-too-long"]
    assert attribute_rules(path(64496, 12076), {**LAB, "as12076": {"asn": 12077}}) == []


@pytest.mark.parametrize(
    ("profile", "settings", "message"),
    [
        ("exchnage", {}, r"no policy profile 'exchnage' \(there are: exchange"),
        ("exchange", {"prefix-to-long": False}, r"has no rule 'prefix-to-long' \(it has: prefix-too-long, "),
        ("exchange", {"prefix-too-long": {"ipv5": 1}}, r"has no parameter 'ipv5' \(it has: ipv4, ipv6, registered\)"),
        ("exchange", {"default-route": {"ipv4": 1}}, r"has no parameter 'ipv4' \(it has: none\)"),
        ("exchange", {"prefix-too-long": {"ipv4": "24"}}, "'ipv4' is int, not '24'"),
        ("exchange", {"prefix-too-long": {"ipv4": True}}, "'ipv4' is int, not True"),
        ("exchange", {"bogon-asn": {"documentation": 1}}, "'documentation' is bool, not 1"),
        ("exchange", {"bogon-asn": "off"}, "takes true, false or its parameters, not 'off'"),
        ("exchange", {"bogon-asn": None}, "takes true, false or its parameters, not None"),
    ],
)
def test_mistakes_are_told_with_what_is_possible(profile: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        check_settings(profile, settings)
    with pytest.raises(PolicyError, match=message):
        Policy(profile, CONTEXT, settings)


def test_every_rule_can_be_switched_off() -> None:
    everything = dict.fromkeys(PROFILES["exchange"], False)
    assert prefix_rules("0.0.0.0/0", everything) == []
    assert attribute_rules(path(0, 8075, 12076, next_hop=None), everything) == []


def test_every_rule_says_what_it_is() -> None:
    for name, rule in RULES.items():
        assert rule.id == name and rule.source and rule.explanation
        assert [rule.prefix, rule.attributes, rule.route].count(None) == 2
        assert str(rule.hit("value")) == f"{name}: {rule.explanation} (value)"
    assert Hit("a", "b", "c") == Hit("a", "b", "c")


@given(st.lists(st.integers(0, 2**24 - 1), unique=True, max_size=20))
def test_judging_many_prefixes_is_judging_each(values: list[int]) -> None:
    policy = Policy("exchange", CONTEXT)
    keys = [bytes((24 + value % 3,)) + value.to_bytes(3, "big") + (b"\0" if value % 3 else b"") for value in values]
    each = {key: hits for key in keys if (hits := policy.judge_prefix(Family.IPV4, key, path(64496)))}
    assert policy.judge_prefixes(Family.IPV4, keys, path(64496)) == each
