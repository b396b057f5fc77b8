"""External routers in a topology file: what is wrong is told at its line, and where they can be reached."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any

import pytest

from simulator.places.link import OutsideSpec
from simulator.topology.check import problems
from simulator.topology.checks.external import unreachable
from simulator.topology.segments import cables_of, lan_of
from tests.topologies import build, document


def external(name: str = "external") -> dict[str, Any]:
    found = document(name)
    del found["times"]
    return found


def direct() -> dict[str, Any]:
    found = external("direct")
    found["link"] = "interface"
    found["peers"][0]["router"] = "external"
    for choice, interface in zip(found["peerings"][0]["connections"], ("eth1", "eth2"), strict=True):
        choice["interface"] = interface
    return found


def told(found: dict[str, Any]) -> list[str]:
    return [f"{'.'.join(map(str, problem.where))}: {problem.text}" for problem in problems(build(found))]


def test_an_external_router_is_where_the_file_says() -> None:
    assert told(external()) == []
    lan = lan_of(build(external()))
    assert lan.interface is not None and lan.interface.name == "br-peering" and not lan.interface.default_route
    assert [node.outside for node in lan.nodes] == [None, OutsideSpec(IPv4Address("127.0.0.9"), 0)]


def test_a_direct_link_of_an_external_router_names_its_interface() -> None:
    found = direct()
    found["peerings"][0]["connections"][1]["interface"] = {"name": "eth2", "default-route": True}
    assert told(found) == []
    first, second = (cable.interface for cable in cables_of(build(found)))
    assert first is not None and (first.name, first.default_route) == ("eth1", False)
    assert second is not None and (second.name, second.default_route) == ("eth2", True)


def test_people_have_more_time_unless_the_file_says_otherwise() -> None:
    assert build(external()).deadline == 900
    assert build(external() | {"times": {"soak": 1}}).deadline == 900
    assert build(external() | {"times": {"deadline": 30}}).deadline == 30
    assert build(external("exchange")).deadline == 30


@pytest.mark.parametrize(
    ("router", "words"),
    [
        ({"kind": "bird", "address": "127.0.0.9"}, "peers.0.router.address: only a router: external has that"),
        ({"kind": "simulated", "port": 1790}, "peers.0.router.port: only a router: external has that"),
        ({"kind": "external", "config": "x.conf"}, "peers.0.router.config: an external router has its own"),
        ({"kind": "external", "format": "nx-os"}, "peers.0.router.format: there is no format 'nx-os' (one of bird"),
        ({"kind": "external", "address": "192.0.2.9"}, "peers.0.router.address: 192.0.2.9 is not to be had"),
        ({"kind": "external", "address": "127.75.80.1"}, "127.75.80.1 is not to be had: use one of 127.0.0.0/8"),
    ],
)
def test_a_mistake_of_the_router(router: dict[str, Any], words: str) -> None:
    found = external() | {"link": "auto"}
    found["peers"][0]["router"] = router
    (problem,) = told(found)
    assert words in problem


def test_two_routers_at_one_address() -> None:
    found = external()
    found["peers"].append(found["peers"][0] | {"name": "fabrikam", "asn": 64497, "ipv4": "192.0.2.2"})
    del found["peers"][1]["ipv6"]
    found["peerings"].append({"name": "two", "peer": "fabrikam", "families": ["IPv4"]})
    assert [text.split(": ", 1)[1] for text in told(found)] == [
        "127.0.0.9 is the address of the router of 'fabrikam' as well",
        "127.0.0.9 is the address of the router of 'contoso' as well",
    ]


def test_a_mistake_to_rehearse_is_not_turnups_to_make() -> None:
    found = external()
    found["peerings"][0]["peer-side"] = {"asn": 64499}
    assert told(found) == [
        "peerings.0.peer-side: the router of 'contoso' is external: make the mistake in its own configuration"
    ]


def test_only_an_external_router_needs_an_interface() -> None:
    found = direct()
    found["peers"][0]["router"] = "bird"
    assert [text.split(":")[0] for text in told(found)] == [
        "peerings.0.connections.0.interface",
        "peerings.0.connections.1.interface",
    ]


def test_a_link_that_does_not_lead_to_the_router() -> None:
    found = external() | {"link": "netns"}
    assert "peers.0.router: nothing outside reaches the lab's namespaces" in told(found)[0]
    found = external() | {"link": "interface"}
    del found["exchange"]["interface"]
    assert told(found)[0].startswith("link: link: interface has none: name a bridge or NIC")
    found = direct()
    del found["peerings"][0]["connections"][1]["interface"]
    missing = "nothing leads to the external router of 'contoso': name a bridge or NIC as `interface`"
    assert told(found) == [f"peerings.0.connections.1: {missing}"]
    found["peers"][0] |= {"ipv4": "192.0.2.1"}
    found["exchange"] = {"name": "x", "lan": {"ipv4": "192.0.2.0/24"}}
    assert f"exchange: {missing}" in told(found)


def test_the_same_file_serves_both_links() -> None:
    topology = build(external())
    assert [*unreachable(topology, "loopback"), *unreachable(topology, "interface")] == []
    assert len(list(unreachable(topology, "netns"))) == 1
