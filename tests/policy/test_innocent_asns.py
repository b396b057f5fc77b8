"""Paths without a suspect are not put to the rules about ASNs: that spares time and changes no verdict."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.policy import policy as module
from simulator.policy.policy import PROFILES, Policy, Suspicions
from simulator.policy.rule import AsnTest
from simulator.policy.rules import RULES
from simulator.session.messages import Family
from simulator.wire.attribute_codec import AsSegment, PathAttributes, SegmentKind
from tests.policy.support import context

POLICIES = {name: Policy(name, context(Family.IPV4)) for name in PROFILES}
"""Kept from example to example, so that they remember ASNs."""
ASNS = st.one_of(
    st.integers(1, 2**32 - 1),
    st.integers(3000, 3400),
    st.sampled_from([3321, 8075, 12076, 3356, 174, 64496, 64511, 64512, 65534, 65535, 65536, 131071, 131072, 23456]),
)
SEGMENT = st.builds(AsSegment, st.sampled_from(SegmentKind), st.lists(ASNS, min_size=1, max_size=5).map(tuple))


@pytest.mark.parametrize("profile", list(PROFILES))
@settings(deadline=None)
@given(st.lists(st.lists(SEGMENT, max_size=3).map(tuple), max_size=4))
def test_the_verdict_is_that_of_every_rule(profile: str, paths: list[tuple[AsSegment, ...]]) -> None:
    policy = POLICIES[profile]
    for as_path in paths:
        path = PathAttributes(as_path=as_path)
        told = [(rule.id, judge(path, path.asns)) for rule, judge in policy._attributes]
        every = [(name, value) for name, value in told if value is not None]
        assert [(hit.rule, hit.value) for hit in policy.judge_attributes(path)] == every


@given(ASNS, st.lists(ASNS, min_size=1, max_size=4).map(tuple))
def test_a_judge_passes_whatever_it_does_not_suspect(asn: int, asns: tuple[int, ...]) -> None:
    path = PathAttributes(as_path=(AsSegment(SegmentKind.SEQUENCE, asns),))
    for rule in RULES.values():
        test = rule.attributes(context(Family.IPV4), rule.parameters) if rule.attributes else None
        if isinstance(test, AsnTest) and not any(asn in block for block in test.suspects for asn in asns):
            assert test.judge(path, asns) is None


BLOCKS = st.lists(st.builds(lambda start, size: range(start, start + size), st.integers(0, 60), st.integers(1, 9)))


@given(BLOCKS, st.lists(st.integers(0, 80), max_size=5).map(tuple))
def test_blocks_are_looked_for_as_if_one_by_one(blocks: list[range], asns: tuple[int, ...]) -> None:
    suspicions = Suspicions(tuple(blocks))
    for _ in range(2):  # the second time from what it remembers
        assert suspicions.clear(asns) is not any(asn in block for block in blocks for asn in asns)


def test_policies_that_suspect_the_same_remember_together() -> None:
    one, other = (Policy("exchange", context(Family.IPV4)) for _ in range(2))
    assert one._innocent is other._innocent
    assert one._innocent is not Policy("exchange", context(Family.IPV4), suspects=[range(5)])._innocent


def test_no_more_asns_are_remembered_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_ASNS", 3)
    policy = Policy("exchange", context(Family.IPV4), suspects=[range(7, 8)])
    for asn in range(100, 110):
        policy.judge_attributes(PathAttributes(as_path=(AsSegment(SegmentKind.SEQUENCE, (asn,)),)))
    assert policy._innocent == {100, 101, 102}
