"""PrefixSet against netaddr, which is slow and right."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from netaddr import AddrFormatError, IPNetwork

from simulator.policy.prefixes import PrefixSet
from simulator.policy.registries import DOCUMENTATION, MARTIANS
from simulator.session.messages import Family
from simulator.wire import nlri
from tests.examples import examples


@st.composite
def networks(draw: st.DrawFn, family: Family) -> str:
    """Dense enough in the first octets that one covers another now and then."""
    length = draw(st.integers(0, family.max_length))
    value = draw(st.integers(0, 2**length - 1)) if length else 0
    if draw(st.booleans()) and length > 2:
        value &= (1 << (length - 2)) - 1
    address = value << (family.max_length - length)
    return str(IPNetwork((address, length), version=4 if family is Family.IPV4 else 6))


@settings(deadline=None, max_examples=examples(200))
@given(data=st.data(), family=st.sampled_from(Family))
def test_covering_agrees_with_netaddr(data: st.DataObject, family: Family) -> None:
    members = data.draw(st.lists(networks(family), max_size=8))
    others = data.draw(st.lists(networks(Family.IPV6 if family is Family.IPV4 else Family.IPV4), max_size=3))
    found = PrefixSet((member, f"label {n}") for n, member in enumerate([*members, *others]))
    probes = data.draw(st.lists(networks(family), max_size=8)) + members
    for probe in probes:
        answer = found.covering(family, nlri.key(probe)[1])
        covering = [(IPNetwork(member), n) for n, member in enumerate(members) if IPNetwork(probe) in IPNetwork(member)]
        if not covering:
            assert answer is None
            continue
        longest = max(network.prefixlen for network, _ in covering)
        last = max(n for network, n in covering if network.prefixlen == longest)
        assert answer == (nlri.text(*nlri.key(members[last])), f"label {last}"), "the longest; of equals the last"


@pytest.mark.parametrize("member", [prefix for prefix, _ in MARTIANS + DOCUMENTATION])
def test_every_registered_prefix_covers_itself_and_its_parts_alone(member: str) -> None:
    found, network = PrefixSet([(member, "x")]), IPNetwork(member)
    family = Family.IPV4 if network.version == 4 else Family.IPV6
    bits = network.prefixlen

    def covered(first: int, length: int) -> bool:
        text = str(IPNetwork((first, length), version=network.version).cidr)
        return found.covering(family, nlri.key(text)[1]) is not None

    last = int(network.last)
    assert covered(int(network.first), bits) and covered(int(network.first), family.max_length)
    assert covered(last, family.max_length)
    assert not covered(int(network.first), bits - 1), "a shorter prefix is not within it"
    if last + 1 < 2**family.max_length:
        assert not covered(last + 1, bits)
    if int(network.first):
        assert not covered(int(network.first) - 1, bits)


def test_what_is_no_prefix() -> None:
    with pytest.raises(AddrFormatError):
        PrefixSet([("not a prefix", "x")])


def test_host_bits_do_not_matter() -> None:
    assert PrefixSet([("10.1.2.3/8", "x")]).covering(Family.IPV4, b"\x10\x0a\x09") == ("10.0.0.0/8", "x")
