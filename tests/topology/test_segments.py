"""From a topology to its links, and who has which address of a Direct session's prefix."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.places.link import Quality, addresses_by_node
from simulator.places.loopback import LoopbackLink
from simulator.topology.segments import Halves, cables_of, halves, lan_of
from tests.topologies import build, document, mixed, shipped


@pytest.mark.parametrize(
    ("prefix", "rule", "peer", "microsoft"),
    [
        ("198.51.100.0/31", "recorded", "198.51.100.0", "198.51.100.1"),
        ("198.51.100.0/31", "faq", "198.51.100.0", "198.51.100.1"),
        ("2001:db8::a/127", "recorded", "2001:db8::a", "2001:db8::b"),
        # Microsoft's side of these was 12.90.152.62, 4.71.156.74 and ::ce in recordings of production.
        ("12.90.152.60/30", "recorded", "12.90.152.61", "12.90.152.62"),
        ("4.71.156.72/30", "recorded", "4.71.156.73", "4.71.156.74"),
        ("2001:db8::cc/126", "recorded", "2001:db8::cd", "2001:db8::ce"),
        ("12.90.152.60/30", "faq", "12.90.152.60", "12.90.152.61"),
        ("2001:db8::cc/126", "faq", "2001:db8::cc", "2001:db8::cd"),
    ],
)
def test_halves(prefix: str, rule: str, peer: str, microsoft: str) -> None:
    assert halves(ip_network(prefix), rule) == Halves(ip_address(peer), ip_address(microsoft))


PREFIXES = st.one_of(
    st.builds(lambda number: IPv4Network((number & ~3, 30)), st.integers(0, 2**32 - 1)),
    st.builds(lambda number: IPv4Network((number & ~1, 31)), st.integers(0, 2**32 - 1)),
    st.builds(lambda number: IPv6Network((number & ~3, 126)), st.integers(0, 2**128 - 1)),
    st.builds(lambda number: IPv6Network((number & ~1, 127)), st.integers(0, 2**128 - 1)),
)


@given(PREFIXES, st.sampled_from(["recorded", "faq"]))
def test_both_halves_are_neighbours_in_the_prefix(prefix: IPv4Network | IPv6Network, rule: str) -> None:
    pair = halves(prefix, rule)
    assert pair.peer in prefix
    assert pair.microsoft in prefix
    assert int(pair.microsoft) == int(pair.peer) + 1
    if rule == "recorded" and prefix.prefixlen in (30, 126):
        assert prefix.network_address not in (pair.peer, pair.microsoft)
        assert prefix.broadcast_address not in (pair.peer, pair.microsoft)


def test_a_direct_topology_is_cables_and_no_lan() -> None:
    topology = shipped("direct")
    assert lan_of(topology).nodes == ()
    first, second = cables_of(topology)
    assert [end.name for end in first.ends] == ["sea-edge-1", "contoso"]
    assert [str(address) for address in first.ends[1].addresses] == ["198.51.100.0", "2001:db8:0:1::10"]
    assert [str(address) for address in second.ends[0].addresses] == ["198.51.100.6", "2001:db8:0:2::6"]
    assert first.prefix_of(first.ends[0].addresses[0]) == ip_network("198.51.100.0/31")
    with pytest.raises(LookupError, match=r"198\.51\.100\.6 is in none of the cable's prefixes"):
        first.prefix_of(second.ends[0].addresses[0])


def test_an_exchange_topology_is_a_lan_and_no_cables() -> None:
    topology = shipped()
    assert cables_of(topology) == ()
    assert [node.name for node in lan_of(topology).nodes] == ["ash-edge-1", "ash-edge-2", "contoso"]


def test_a_topology_may_have_both() -> None:
    topology = build(mixed())
    assert [node.name for node in lan_of(topology).nodes] == ["ash-edge-1", "ash-edge-2", "contoso"]
    (cable,) = cables_of(topology)
    assert [end.name for end in cable.ends] == ["ash-edge-3", "contoso"]
    assert len(addresses_by_node(lan_of(topology), [cable])["contoso"]) == 4
    assert [edge.name for _, edge in topology.connections(topology.peerings[0])] == ["ash-edge-1", "ash-edge-2"]


def test_quality_and_mtu_come_from_the_connection_and_on_the_lan_from_the_node() -> None:
    found = mixed()
    found["peers"][0] |= {"latency": 3, "mtu": 1400}
    found["peerings"][1]["connections"][0] |= {"latency": 5, "jitter": 1, "loss": 0.5, "mtu": 9000}
    topology = build(found)
    assert [(node.quality, node.mtu) for node in lan_of(topology).nodes][1:] == [
        (Quality(), None),
        (Quality(latency=3), 1400),
    ]
    (cable,) = cables_of(topology)
    assert (cable.quality, cable.mtu) == (Quality(5, 1, 0.5), 9000)
    assert str(cable.quality) == "latency 5 ms, jitter 1 ms, loss 0.5 %"


def test_a_peer_may_take_the_wrong_half() -> None:
    found = document("direct-frr")
    found["peerings"][0]["peer-side"] = {"halves": "faq"}
    first, second = cables_of(build(found))
    assert [str(end.addresses[0]) for end in first.ends] == ["198.51.100.1", "198.51.100.0"], "a /31 has only one way"
    assert [str(end.addresses[0]) for end in second.ends] == ["198.51.100.6", "198.51.100.4"]


def test_on_loopback_every_ipv4_address_of_every_link_is_another_host() -> None:
    topology = build(mixed())
    link = LoopbackLink(lan_of(topology), cables_of(topology))
    hosts = [
        link.place(node).host(address)
        for node, addresses in addresses_by_node(lan_of(topology), cables_of(topology)).items()
        for address in addresses
        if address.version == 4
    ]
    assert len(hosts) == len(set(hosts)) == 5
    assert link.quality_problem == ""
    slow = replace(cables_of(topology)[0], quality=Quality(latency=1))
    assert "use link: netns" in LoopbackLink(lan_of(topology), [slow]).quality_problem
