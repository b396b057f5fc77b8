"""Recorded octets with other addresses: the next hops change, whatever else is in the UPDATE, and nothing else does."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st

from simulator.session.messages import Family
from simulator.tables.captured_updates import rewrite_next_hops
from simulator.wire.attribute_codec import decode, encode
from simulator.wire.framing import HEADER_SIZE
from simulator.wire.received_update import read_update
from simulator.wire.update import pack_announcements, pack_withdrawals
from tests.tables.support import SAMPLES

REAL4, NAMED4 = IPv4Address("127.0.0.9"), IPv4Address("192.0.2.1")
REAL6, NAMED6 = IPv6Address("::1"), IPv6Address("2001:db8::1")
NAMES = {REAL4.packed: NAMED4.packed, REAL6.packed: NAMED6.packed}
V4 = replace(SAMPLES[0].attributes, communities=(int(REAL4),), next_hop=REAL4)
KEYS = {Family.IPV4: SAMPLES[0].key, Family.IPV6: SAMPLES[10].key}


def test_the_next_hop_of_ipv4() -> None:
    ((octets, _),) = pack_announcements(Family.IPV4, encode(V4, asn4=True), b"", (KEYS[Family.IPV4],), 4096)
    reading = read_update(rewrite_next_hops(octets, NAMES)[HEADER_SIZE:])
    assert decode(reading.attributes, asn4=True) == replace(V4, next_hop=NAMED4), "the community stays as it is"
    assert rewrite_next_hops(octets, {}) == octets


def test_both_next_hops_of_ipv6_have_their_length() -> None:
    path = replace(SAMPLES[10].attributes, next_hop=REAL6)
    for second in (b"", IPv6Address("fe80::1").packed):
        block, hop = encode(path, asn4=True), REAL6.packed + second
        ((octets, _),) = pack_announcements(Family.IPV6, block, hop, (KEYS[Family.IPV6],), 4096)
        (part,) = read_update(rewrite_next_hops(octets, NAMES)[HEADER_SIZE:]).announced
        assert part.next_hop == NAMED6.packed + second


def test_a_withdrawal_has_none() -> None:
    for family, key in KEYS.items():
        ((octets, _),) = pack_withdrawals(family, (key,), 4096)
        assert rewrite_next_hops(octets, NAMES) == octets


@given(st.binary(min_size=4, max_size=60), st.sampled_from([b"", REAL4.packed, REAL6.packed]))
def test_damage_is_left_as_it_is_in_length(body: bytes, more: bytes) -> None:
    octets = bytes(HEADER_SIZE) + body + more
    assert len(rewrite_next_hops(octets, NAMES)) == len(octets)
