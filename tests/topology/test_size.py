"""Validation takes time in proportion to the topology, whatever it is made of: lines that run are counted, no time."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Network
from typing import Any

import pytest

from simulator.preflight.rows import preflight
from simulator.topology.check import problems
from simulator.topology.plan import plans
from simulator.topology.schema import Topology
from tests.topologies import build
from tests.work import lines

_LAN = {"name": "x", "lan": {"ipv4": "10.0.0.0/8"}}


def _address(number: int) -> str:
    return str(IPv4Address("10.1.0.1") + number)


def _peers(count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"name": f"p{n}", "asn": 200_000 + n, **more, "ipv4": _address(n)} for n in range(count)]


def _exchange(count: int, **more: Any) -> dict[str, Any]:
    return {
        "name": "x",
        "exchange": _LAN,
        "edges": [{"name": "e", "ipv4": "10.0.0.1"}],
        "peers": _peers(count, **more),
        "peerings": [{"name": f"a{n}", "peer": f"p{n}", "families": ["IPv4"]} for n in range(count)],
        "policy": {"rules": {"bogon-prefix": {"documentation": False}}},
    }


def _edges(count: int) -> dict[str, Any]:
    found = _exchange(1)
    found["edges"] = [{"name": f"e{n}", "ipv4": str(IPv4Address("10.2.0.1") + n)} for n in range(count)]
    return found


def _external(count: int) -> dict[str, Any]:
    found = _exchange(count)
    for n, peer in enumerate(found["peers"]):
        peer["router"] = {"kind": "external", "address": str(IPv4Address("127.1.0.1") + n)}
    return {**found, "link": "loopback"}


def _direct(count: int) -> dict[str, Any]:
    prefixes = IPv6Network("2001:db8::/96").subnets(new_prefix=127)
    found = _exchange(count)
    for peer in found["peers"]:
        peer["router-id"] = peer.pop("ipv4")
    found["edges"] = [{"name": "e", "router-id": "10.0.0.1"}]
    del found["exchange"]
    for peering in found["peerings"]:
        peering |= {"kind": "Direct", "connections": [{"edge": "e", "ipv6": str(next(prefixes))}], "families": ["IPv6"]}
    return found


def _customers(count: int) -> dict[str, Any]:
    found = _exchange(2, router="route-server")
    for peering in found["peerings"]:
        peering["kind"] = "IxRs"
    found["customers"] = [
        {"name": f"c{n}", "asn": 300_000 + n, "ipv4": str(IPv4Address("10.3.0.1") + n)} for n in range(count)
    ]
    return found


def _route_servers(count: int) -> dict[str, Any]:
    """Each customer has sessions with one of them."""
    found = _exchange(count, router="route-server")
    for peering in found["peerings"]:
        peering["kind"] = "IxRs"
    found["customers"] = [
        {"name": f"c{n}", "asn": 300_000 + n, "ipv4": str(IPv4Address("10.3.0.1") + n), "route-servers": [f"p{n}"]}
        for n in range(count)
    ]
    return found


def _misspelt(count: int) -> dict[str, Any]:
    found = _exchange(count)
    for peering in found["peerings"]:
        peering["peer"] += "x"
    return found


@pytest.mark.parametrize(
    "shape",
    [_exchange, _edges, _external, _direct, _customers, _route_servers, _misspelt],
    ids=lambda shape: shape.__name__,
)
def test_four_times_the_topology_takes_four_times_the_work(shape: Callable[[int], dict[str, Any]]) -> None:
    def work(count: int) -> int:
        topology: Topology = build(shape(count))
        return lines(lambda: problems(topology) or plans(topology))

    assert bool(problems(build(shape(3)))) is (shape is _misspelt)
    small, large = work(60), work(240)
    assert large < 5 * small, "it should be 4 times as much, and is 16 times where a list is searched for each element"


@pytest.mark.parametrize("shape", [_exchange, _direct, _external], ids=lambda shape: shape.__name__)
def test_a_preflight_of_four_times_the_sessions_takes_four_times_the_work(
    shape: Callable[[int], dict[str, Any]],
) -> None:
    def work(count: int) -> int:
        topology: Topology = build(shape(count))
        return lines(lambda: preflight(topology, ask=False))

    assert work(160) < 5 * work(40)
