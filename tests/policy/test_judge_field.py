"""An NLRI field that is looked at all at once gets the verdicts of its prefixes one by one."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.policy.policy import PROFILES, Policy
from simulator.session.messages import Family
from simulator.wire import nlri
from simulator.wire.attribute_codec import AsSegment, PathAttributes, SegmentKind
from simulator.wire.framing import ProtocolError
from tests.policy.support import context

POLICIES = {name: Policy(name, context(Family.IPV4)) for name in PROFILES}
PATH = PathAttributes(as_path=(AsSegment(SegmentKind.SEQUENCE, (64496,)),))
FIRST = st.one_of(st.sampled_from([0, 9, 10, 20, 41, 100, 127, 172, 192, 198, 203, 224, 255]), st.integers(0, 255))
"""First octets, most of them of some rule's."""


@st.composite
def fields(draw: st.DrawFn) -> bytes:
    """NLRI fields, mostly of prefixes of one length; the last octet may have stray bits."""
    usual = draw(st.sampled_from([0, 4, 8, 9, 16, 20, 22, 23, 24, 24, 24, 25, 32]))
    lengths = draw(st.lists(st.one_of(*[st.just(usual)] * 9, st.integers(0, 32)), min_size=1, max_size=8))
    return b"".join(
        bytes((length, draw(FIRST), *draw(st.binary(min_size=3, max_size=3))))[: 1 + (length + 7) // 8]
        for length in lengths
    )


@pytest.mark.parametrize("profile", list(PROFILES))
@settings(deadline=None)
@given(field=fields())
def test_a_field_is_judged_as_its_prefixes(profile: str, field: bytes) -> None:
    policy, keys = POLICIES[profile], list[bytes]()
    with suppress(ProtocolError):
        keys = nlri.split(field, Family.IPV4)
    one_by_one = {key: hits for key in keys if (hits := policy.judge_prefix(Family.IPV4, key, PATH))}
    found = {} if policy.clears_field(field, keys) else policy.judge_prefixes(Family.IPV4, keys, PATH)
    assert found == one_by_one


def test_a_field_of_good_prefixes_is_not_taken_apart() -> None:
    policy = Policy("exchange", context(Family.IPV4))
    good = [nlri.key(f"41.{number}.0.0/24")[1] for number in range(5)]
    assert policy.clears_field(b"".join(good), good)
    bad = [*good, nlri.key("10.0.0.0/24")[1]]
    assert not policy.clears_field(b"".join(bad), bad)
