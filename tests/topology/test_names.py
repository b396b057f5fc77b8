"""Names of routers' interfaces and VRFs: what a topology may say, and what the nodes then have."""

from __future__ import annotations

import errno
import socket
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
from pyroute2.netlink.exceptions import NetlinkError

from simulator.lab import netns
from simulator.lab.netns import NetnsLink
from simulator.lab.probe import ping
from simulator.places.errors import LabError
from simulator.places.link import CableSpec, NodeSpec
from simulator.topology.check import problems
from simulator.topology.schema import Topology
from simulator.topology.segments import cables_of, lan_of
from tests.lab_support import lan, require_netns, v4, v6
from tests.patience import PATIENCE
from tests.topologies import build, document


def told(found: dict[str, Any]) -> list[str]:
    return [
        ".".join(map(str, problem.where)) + ": " + problem.text for problem in problems(Topology.model_validate(found))
    ]


def exchange(**peer: Any) -> dict[str, Any]:
    found = document("exchange-bird")
    found["peers"][0] |= peer
    return found


def direct(*connections: dict[str, Any], **peer: Any) -> dict[str, Any]:
    found = document("direct-frr")
    found["peers"][0] |= peer
    for choice, more in zip(found["peerings"][0]["connections"], connections, strict=False):
        choice |= more
    return found


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (exchange(interface="lo"), "peers.0.interface: the kernel has a use of its own for the name lo"),
        (exchange(vrf="all"), "peers.0.vrf: the kernel has a use of its own for the name all"),
        (exchange(interface="ix", vrf="ix"), "peers.0.vrf: ix is the name of an interface of 'contoso' as well"),
        (exchange(vrf="IX", router="simulated"), "peers.0.vrf: only a real router has VRFs"),
        (direct(interface="ens1"), "peers.0: interface: 'contoso' has no interface on the exchange LAN"),
        (
            direct({"peer-interface": "e"}, {"peer-interface": "e"}),
            "connections.1.peer-interface: the router of 'contoso' has an",
        ),
        (direct({"peer-interface": "pni2"}), "connections.1: the router of 'contoso' has an interface pni2 to "),
        (direct({"peer-vrf": "pni2"}), "connections.0.peer-vrf: pni2 is the name of an interface"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_names_that_cannot_be(found: dict[str, Any], words: str) -> None:
    assert any(words in line for line in told(found)), told(found)


@pytest.mark.parametrize(
    "found",
    [
        exchange(interface="ens19", vrf="IX"),
        exchange(interface="bond0.101"),
        direct({"peer-interface": "et-0.1", "peer-vrf": "PNI"}, {"peer-vrf": "PNI"}),
    ],
)
def test_names_that_can(found: dict[str, Any]) -> None:
    assert told(found) == []


def test_only_a_direct_connection_has_an_end_of_its_own() -> None:
    found = exchange()
    found["peerings"][0]["connections"] = [{"edge": found["edges"][0]["name"], "peer-interface": "e0"}]
    assert any("peer-interface: only a Direct connection has that" in line for line in told(found))


def test_the_links_carry_the_names() -> None:
    found = build(exchange(interface="ens19", vrf="IX"))
    (peer,) = (node for node in lan_of(found).nodes if node.name == "contoso")
    assert (peer.interface, peer.vrf) == ("ens19", "IX")
    assert not any(node.interface or node.vrf for node in lan_of(found).nodes if node.name != peer.name)
    ends = [cable.ends for cable in cables_of(build(direct({"peer-interface": "e1", "peer-vrf": "P"})))]
    assert [(far.interface, far.vrf) for _, far in ends] == [("e1", "P"), ("", "")]
    assert not any(near.interface or near.vrf for near, _ in ends)


@pytest.mark.privileged
async def test_a_node_has_its_interfaces_by_their_names() -> None:
    require_netns()
    prefix = ip_network("198.51.100.0/31")
    ends = (NodeSpec("n2", (prefix[1],)), NodeSpec("n1", (prefix[0],), interface="et-0.1"))
    spec = lan(2)
    spec = replace(spec, nodes=(replace(spec.nodes[0], interface="ens19"), spec.nodes[1]))
    async with NetnsLink(spec, None, [CableSpec("c", (prefix,), ends)]) as link:
        n1, n2 = link.place("n1"), link.place("n2")
        assert [name for _, name in n1.run(socket.if_nameindex) if name != "lo"] == ["ens19", "et-0.1"]
        assert [name for _, name in n2.run(socket.if_nameindex) if name != "lo"] == ["lan", "pni1"]
        assert (n1.interface_to(v4(2)), n1.interface_to(prefix[1])) == ("ens19", "et-0.1")
        assert [(await ping(n2, address, timeout=PATIENCE)).answered for address in (v4(1), v6(1), prefix[0])] == [
            True
        ] * 3


@pytest.mark.privileged
async def test_a_node_has_its_vrf_or_is_told_that_the_kernel_has_none() -> None:
    require_netns()
    spec = lan(2)
    spec = replace(spec, nodes=(replace(spec.nodes[0], interface="ens19", vrf="IX"), spec.nodes[1]))
    try:
        async with NetnsLink(spec) as link:
            n1 = link.place("n1")
            assert {name for _, name in n1.run(socket.if_nameindex)} == {"lo", "ens19", "IX"}
            assert n1.vrfs == ["IX"]
            answers = [(await ping(link.place("n2"), address, timeout=PATIENCE)).answered for address in (v4(1), v6(1))]
            assert answers == [True, True]
    except LabError as error:
        assert str(error) == "VRF IX of n1: this kernel has no VRF devices (as root: modprobe vrf)"


class FakeKernel:
    """What is asked of it, in order."""

    def __init__(self, error: int = 0) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.error = error

    def link(self, command: str, **more: Any) -> None:
        self.asked.append((command, more))
        if command == "add" and self.error:
            raise NetlinkError(self.error)

    def link_lookup(self, ifname: str) -> list[int]:
        return [7]


def test_how_a_vrf_is_made() -> None:
    kernel = FakeKernel()
    netns._make_vrf(kernel, "IX", 1001, "n1")
    assert kernel.asked == [
        ("add", {"ifname": "IX", "kind": "vrf", "vrf_table": 1001}),
        ("set", {"index": 7, "state": "up"}),
    ]
    with pytest.raises(LabError, match="modprobe vrf"):
        netns._make_vrf(FakeKernel(errno.EOPNOTSUPP), "IX", 1001, "n1")
    with pytest.raises(NetlinkError):
        netns._make_vrf(FakeKernel(errno.EPERM), "IX", 1001, "n1")
