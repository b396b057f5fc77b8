"""What is wrong with route servers and customers in a topology file is told, each at its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from simulator.topology.check import problems
from simulator.topology.kinds import KINDS, RunBy
from simulator.topology.load import TopologyError, load
from tests.topologies import SHIPPED, build, document, shipped


def told(found: dict[str, Any]) -> list[str]:
    return [f"{'.'.join(map(str, problem.where))}: {problem.text}" for problem in problems(build(found))]


def lab(**customer: Any) -> dict[str, Any]:
    """The shipped pair with one customer, changed."""
    found = document("route-server")
    found["customers"] = [found["customers"][0] | customer]
    return found


@pytest.mark.parametrize("name", ["route-server", "route-server-bird"])
def test_the_shipped_ones_are_right(name: str) -> None:
    assert problems(shipped(name)) == []


def test_a_customer_has_sessions_with_the_route_servers_that_it_names() -> None:
    found = lab(**{"route-servers": ["rs2"]})
    assert told(found) == []
    topology = build(found)
    assert [server.name for server in topology.route_servers(topology.customers[0])] == ["rs2"]


def test_a_route_server_without_an_ixrs_peering() -> None:
    found = lab()
    found["peerings"][1]["kind"] = "Exchange"
    assert told(found) == ["peers.1.router: a route server has peerings of kind IxRs: this peer has none"]


def test_a_simulated_peer_is_no_route_server() -> None:
    found = lab()
    found["peers"][0]["router"] = "simulated"
    assert told(found) == [
        "peerings.0.peer: 'rs1' is the exchange's route server: give it `router: route-server`, or a real one"
    ]


@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if kind.run_by is RunBy.DAEMON])
def test_a_daemon_between_members_and_microsoft_has_its_own_configuration(kind: str) -> None:
    found = document("route-server-bird")
    found["peers"][0]["router"] = kind
    assert told(found) == [
        f"peers.0.router: turnup writes no route server's configuration for {kind}, and 'rs1' has customers:"
        " give it your own `config`, or `router: route-server`"
    ]
    found["customers"] = []
    assert told(found) == [], "without members it is a router like any other"


@pytest.mark.parametrize(
    ("customer", "problem"),
    [
        (
            {"route-servers": ["rs3"]},
            "customers.0.route-servers: no route server 'rs3' with an IxRs peering (there are: rs1, rs2)",
        ),
        (
            {"router": "quagga"},
            "customers.0.router: no router 'quagga' for a customer"
            " (there are: simulated, bird, frr, gobgp, openbgpd, exabgp)",
        ),
        (
            {"router": "route-server"},
            "customers.0.router: no router 'route-server' for a customer"
            " (there are: simulated, bird, frr, gobgp, openbgpd, exabgp)",
        ),
        (
            {"router": "external"},
            "customers.0.router: no router 'external' for a customer"
            " (there are: simulated, bird, frr, gobgp, openbgpd, exabgp)",
        ),
        (
            {"router": "bird"},
            "customers.0.router: router 'bird' needs real addresses and port 179: use link: netns",
        ),
        (
            {"ipv4": "192.0.2.11"},
            "customers.0.ipv4: 192.0.2.11 is outside the exchange LAN 203.0.113.0/24:"
            " use an address that the exchange assigned",
        ),
        ({"ipv4": "203.0.113.1"}, "customers.0.ipv4: 203.0.113.1 is already the address of 'rs1'"),
        ({"name": "rs2"}, "customers.0.name: the name 'rs2' is already used in peers"),
    ],
)
def test_a_customer_that_cannot_be_one(customer: dict[str, Any], problem: str) -> None:
    assert told(lab(**customer)) == [problem]


def test_a_customer_has_a_family_in_common_with_its_route_servers() -> None:
    found = lab()
    for server in found["peers"]:
        del server["ipv4"]
    del found["customers"][0]["ipv6"]
    found["customers"][0]["announce"] = [{"prefixes": ["192.0.2.0/25"]}]
    assert "customers.0: 'alpha' has no address of a family that its route servers have" in told(found)


def test_without_a_route_server_there_are_no_customers() -> None:
    found = document()
    found["customers"] = [{"name": "alpha", "asn": 64501, "ipv4": "206.126.239.211"}]
    assert told(found) == [
        "customers.0.route-servers: a customer needs an exchange's route server with an IxRs peering (there are: none)"
    ]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("asn: 64501\n", "asn: 64501\n    router: bird\n", "    router: bird"),
        ("asn: 64501\n", "asn: 64501\n    route-servers: [rs3]\n", "    route-servers: [rs3]"),
        ("ipv4: 203.0.113.11\n", "ipv4: 203.0.113.1\n", "    ipv4: 203.0.113.1"),
        ("kind: IxRs            # Azure", "kind: Exchange  # Azure", "    router: route-server"),
    ],
)
def test_each_problem_is_told_at_its_line(tmp_path: Path, old: str, new: str, line: str) -> None:
    text = (SHIPPED / "route-server.yaml").read_text()
    assert old in text
    path = tmp_path / "lab.yaml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(TopologyError) as refused:
        load(path)
    (fault,) = refused.value.faults
    lines = path.read_text().splitlines()
    numbers = [number for number, each in enumerate(lines, 1) if each.split("  #")[0].rstrip() == line]
    assert str(fault).startswith(tuple(f"{path}:{number}: " for number in numbers)), str(fault)
