"""What the RIB's tests share: keys and attribute sets for Hypothesis."""

from __future__ import annotations

from ipaddress import ip_address

from hypothesis import strategies as st

from simulator.policy.verdict import Hit, Hits
from simulator.rib.attribute_set import AttributeSet
from simulator.session.messages import Family
from simulator.wire.attribute_codec import AsSegment, PathAttributes, SegmentKind

HIT: Hits = (Hit("next-hop", "192.0.2.9", "the next hop is not the session's peer address"),)
PREFIX_HIT: Hits = (Hit("prefix-too-long", "/25", "the prefix is longer than the Internet accepts"),)
HOPS = {Family.IPV4: ip_address("192.0.2.1"), Family.IPV6: ip_address("2001:db8::1")}


def sequence(*asns: int) -> AsSegment:
    return AsSegment(SegmentKind.SEQUENCE, asns)


def attribute_set(hits: Hits = (), *asns: int) -> AttributeSet:
    return AttributeSet(PathAttributes(as_path=(sequence(*asns),) if asns else ()), hits)


@st.composite
def keys(draw: st.DrawFn, family: Family) -> bytes:
    """A canonical key: no bit beyond the length."""
    length = draw(st.integers(0, family.max_length))
    value = draw(st.integers(0, 2**length - 1)) << (family.max_length - length)
    return bytes((length,)) + value.to_bytes(family.max_length // 8, "big")[: (length + 7) // 8]
