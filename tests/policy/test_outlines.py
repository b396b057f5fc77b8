"""Paths of one outline have one verdict of the rules that say so, and a policy acquits none that a rule refuses."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.policy import policy as module
from simulator.policy.policy import PROFILES, Policy
from simulator.policy.rule import AsnTest
from simulator.policy.rules import RULES
from simulator.rib.route_server.policy import ClientPolicy
from simulator.session.messages import Family
from simulator.wire.attribute_checks import SessionAddresses
from simulator.wire.attribute_codec import AsSegment, PathAttributes, SegmentKind, encode
from simulator.wire.outlines import Outlines
from tests.examples import examples
from tests.policy.support import DATA, PEERS, context

V4 = Family.IPV4
OUTLINES = Outlines(SessionAddresses())
POLICIES = {name: Policy(name, context(V4, data=DATA)) for name in PROFILES} | {
    "exchange without data": Policy("exchange", context(V4)),
    "any peer": Policy("exchange", context(V4, peer_as=None)),
    "a route server client's": ClientPolicy(context(V4), never_via=[4200]),
}
"""Kept from example to example, so that they remember outlines."""
ASNS = st.sampled_from([3321, 3321, 3333, 4200, 8075, 12076, 3356, 64512])
PATHS = st.builds(
    lambda asns, **others: PathAttributes(as_path=(AsSegment(SegmentKind.SEQUENCE, asns),), **others),
    asns=st.lists(ASNS, min_size=1, max_size=5).map(tuple) | st.just((3321,) * 51),
    next_hop=st.sampled_from([IPv4Address(PEERS[V4]), IPv4Address(PEERS[V4]), IPv4Address("192.0.2.9")]),
    med=st.sampled_from([None, 1]),
    otc=st.sampled_from([None, None, 3321, 4200]),
    communities=st.sampled_from([(), (1,), (2,), (8075 << 16 | 8007,), tuple(range(1, 51)), tuple(range(1, 102))]),
)


def outline(path: PathAttributes) -> Any:
    return OUTLINES.of(encode(path, asn4=True))


@pytest.mark.parametrize("name", list(POLICIES))
@settings(max_examples=examples(40), deadline=None)
@given(st.lists(PATHS, max_size=6))
def test_who_is_acquitted_has_no_hit(name: str, paths: list[PathAttributes]) -> None:
    policy = POLICIES[name]
    for path in paths:
        found, hits = outline(path), policy.judge_attributes(path)
        if found is None or not policy.by_outlines:
            continue
        if policy.acquits(found):
            assert not hits
        elif not hits:
            policy.learn(found)
            assert policy.acquits(found) is policy._suspicions.clear(path.asns)


@settings(max_examples=examples(40), deadline=None)
@given(PATHS, PATHS, st.sampled_from([name for name, rule in RULES.items() if rule.by_outline]))
def test_a_rule_by_outline_looks_at_nothing_else(one: PathAttributes, other: PathAttributes, name: str) -> None:
    """Nor does it look at the value of a MED, which outlines leave out."""
    asns = one.asns[:1] + other.asns[1 : len(one.asns)] + one.asns[len(other.asns) :]
    alike = one.but(
        as_path=(AsSegment(SegmentKind.SEQUENCE, asns[: len(one.asns)]),),
        communities=tuple(range(7, 7 + len(one.communities))),
        med=None if one.med is None else 4711,
    )
    assert len(alike.asns) == len(one.asns)
    for of in (context(V4), context(V4, peer_as=None)):
        rule = RULES[name]
        judge = rule.attributes(of, rule.parameters) if rule.attributes else None
        assert not isinstance(judge, AsnTest)
        if judge is not None:
            assert (judge(one, one.asns) is None) == (judge(alike, alike.asns) is None)


def test_a_profile_with_a_rule_that_looks_at_more_asks_no_outline() -> None:
    assert POLICIES["exchange without data"].by_outlines
    assert not Policy("exchange", context(V4, data=DATA)).by_outlines, "origins are looked up"
    assert not Policy("peering-service", context(V4)).by_outlines, "communities are looked at"


def test_no_more_is_remembered_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_OUTLINES", 3)
    policy = Policy("exchange", context(V4))
    for med in range(10):
        policy.learn(((3321,), 0, bytes((med,))))
        assert 0 < len(policy._passing) <= 3
