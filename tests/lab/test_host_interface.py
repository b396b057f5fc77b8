"""Links that lead out over a bridge or NIC of the host. The host of these tests is a network namespace of their own."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from simulator.lab import host_interface
from simulator.lab.host_interface import check, look_up, mac
from simulator.lab.netns import NetnsLink
from simulator.lab.probe import neighbors_on_lan, ping
from simulator.places.errors import LabError
from simulator.places.link import CableSpec, HostInterfaceSpec, LanSpec, LinkKind, NodeSpec, OutsideSpec
from tests.host_support import OUTSIDE, Host, host_with, ip
from tests.lab_support import LAN4, eventually, lan, require_netns, v4, v6
from tests.patience import PATIENCE

pytestmark = pytest.mark.privileged

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def privileged() -> None:
    require_netns()


def joined(interface: str, nodes: int = 2) -> LanSpec:
    stranger = NodeSpec("neighbor", (v4(OUTSIDE), v6(OUTSIDE)), outside=OutsideSpec())
    return replace(lan(nodes), nodes=(*lan(nodes).nodes, stranger), interface=HostInterfaceSpec(interface))


@contextmanager
def built(host: Host, link: NetnsLink) -> Iterator[NetnsLink]:
    host.namespace.run(link.build)
    try:
        yield link
    finally:
        link.close()


async def as_before(host: Host, before: str) -> None:
    """The kernel takes namespaces away by itself, a moment after the last descriptor is closed."""
    await eventually(lambda: asyncio.to_thread(host.links), before.__eq__, 20)


@pytest.mark.parametrize("interface", ["br0", "eth1"])
async def test_edges_reach_a_neighbour_and_one_another_and_the_host_is_as_before(interface: str) -> None:
    with host_with(interface) as host:
        before = host.links()
        with built(host, NetnsLink(joined(interface), leads_out=True)) as link:
            for address in (v4(OUTSIDE), v6(OUTSIDE), v4(2)):
                assert (await ping(link.place("n1"), address, timeout=PATIENCE)).answered
            seen = await neighbors_on_lan(host.neighbor_place, v4(1))
            assert seen.macs == {mac(host.namespace.run(lambda: look_up(interface)), f"n1 {v4(1)} {v6(1)}")}
            outside = link.outside("neighbor")
            assert outside is not None and outside.host(v4(OUTSIDE)) == v4(OUTSIDE)
            with pytest.raises(LabError, match="neighbor is not in this lab"):
                await outside.spawn(["true"], log=Path("/dev/null"))
            ours = [line for line in host.links().splitlines() if line not in before.splitlines()]
            assert len(ours) == (2 if interface == "br0" else 0), ours
        await as_before(host, before)


@pytest.mark.parametrize("interface", ["br0", "eth1"])
async def test_a_direct_link_leads_out(interface: str) -> None:
    ends = (NodeSpec("edge", (v4(1),)), NodeSpec("neighbor", (v4(OUTSIDE),), outside=OutsideSpec()))
    cable = CableSpec("c", (LAN4,), ends, interface=HostInterfaceSpec(interface))
    with host_with(interface) as host, built(host, NetnsLink(LanSpec((), ()), None, [cable], leads_out=True)) as link:
        assert (await ping(link.place("edge"), v4(OUTSIDE), timeout=PATIENCE)).answered
        assert list(link.place("edge").interfaces) == ["pni1"]
        with pytest.raises(KeyError):
            link.place("neighbor")


async def test_without_leading_out_the_host_is_not_looked_at() -> None:
    with host_with("br0") as host, built(host, NetnsLink(joined("no-such"))) as link:
        assert link.kind is LinkKind.NETNS
        assert (await ping(link.place("n1"), v4(2), timeout=PATIENCE)).answered
        assert not (await ping(link.place("n1"), v4(OUTSIDE))).answered


def test_a_router_outside_needs_an_interface() -> None:
    ends = (NodeSpec("edge", (v4(1),)), NodeSpec("neighbor", (v4(2),), outside=OutsideSpec()))
    link = NetnsLink(LanSpec((), ()), None, [CableSpec("c", (ip_network("192.0.2.0/30"),), ends)])
    with pytest.raises(LabError, match="neighbor is not in this lab, and c has no interface that leads to it"):
        link.build()


async def test_a_bridge_keeps_its_mtu_and_its_address() -> None:
    with host_with("br0") as host:
        before = host.namespace.run(lambda: look_up("br0"))
        with built(host, NetnsLink(replace(joined("br0"), mtu=1400), leads_out=True)) as link:
            assert host.namespace.run(lambda: look_up("br0")) == before
            assert (await ping(link.place("n1"), v4(OUTSIDE), size=1400, dont_fragment=True, timeout=PATIENCE)).answered
            assert not (await ping(link.place("n1"), v4(OUTSIDE), size=1401, dont_fragment=True)).answered


def test_mac_addresses_are_the_same_in_every_run_and_differ_by_node() -> None:
    with host_with("br0") as host:
        bridge = host.namespace.run(lambda: look_up("br0"))
    assert mac(bridge, "n1") == mac(bridge, "n1") != mac(bridge, "n2")
    assert mac(bridge, "n1").startswith("02:")


@pytest.mark.parametrize("interface", ["br0", "eth1"])
async def test_nothing_is_left_of_a_lab_that_was_killed(interface: str) -> None:
    program = f"""
import sys
from tests.lab.test_host_interface import joined
from simulator.lab.netns import NetnsLink
NetnsLink(joined({interface!r}), leads_out=True).build()
print("built", flush=True)
sys.stdin.read()
"""
    with host_with(interface) as host:
        before = host.links()
        command = [*host.enter(), sys.executable, "-c", program]
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, cwd=ROOT)
        assert process.stdout is not None
        assert await process.stdout.readline() == b"built\n"
        assert (await ping(host.neighbor_place, v4(1), timeout=PATIENCE)).answered
        process.send_signal(signal.SIGKILL)
        await process.wait()
        await as_before(host, before)


def test_latency_is_the_interfaces_own() -> None:
    spec = joined("br0")
    slow = replace(spec.nodes[0], quality=replace(spec.nodes[0].quality, latency=5))
    with host_with("br0") as host:
        link = NetnsLink(replace(spec, nodes=(slow, *spec.nodes[1:])), leads_out=True)
        with built(host, link):
            assert link.quality_problem == "br0 of this host has its own latency, jitter and loss, and no other"


def default_route(*words: str) -> Callable[[], object]:
    return lambda: (ip("addr", "add", "203.0.113.1/24", "dev", "eth2"), ip("route", "add", "default", *words))


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("eth7", None, r"this host has no interface eth7 \(there are: br0, eth1, eth2, lo\)"),
        ("lo", None, "lo: a loopback interface leads nowhere"),
        ("eth1", None, "eth1 is a port of br0: name br0 instead"),
        ("eth2", lambda: ip("link", "set", "eth2", "down"), "eth2 is down: ip link set eth2 up"),
        ("eth2", lambda: ip("link", "set", "eth2", "mtu", "1300"), "an MTU of 1300, less than the link's 1500"),
        ("eth2", default_route("dev", "eth2"), "eth2 carries this host's IPv4 default route: name another"),
        ("eth2", default_route("nexthop", "dev", "eth2", "nexthop", "dev", "br0"), "IPv4 default route"),
        (
            "br0",
            lambda: ip("-6", "route", "add", "default", "dev", "br0"),
            "br0 carries this host's IPv6 default route",
        ),
    ],
)
def test_an_interface_that_is_not_fit_is_refused_in_one_line(name: str, change: Any, words: str) -> None:
    with host_with("br0") as host:
        if change is not None:
            host.namespace.run(change)
        before = host.links()
        with pytest.raises(LabError, match=words) as caught:
            host.namespace.run(NetnsLink(joined(name), leads_out=True).build)
        assert "\n" not in str(caught.value)
        assert host.links() == before


def test_the_default_route_may_be_taken_on_the_users_word() -> None:
    with host_with("br0") as host:
        host.namespace.run(default_route("dev", "eth2"))
        found = host.namespace.run(lambda: check(HostInterfaceSpec("eth2", default_route=True), 1500))
    assert found.default_routes == ("IPv4",)


def test_without_privilege_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(host_interface, "plug", refuse)
    with host_with("br0") as host, pytest.raises(LabError, match="is not allowed: run as root, outside of any user"):
        host.namespace.run(NetnsLink(joined("br0"), leads_out=True).build)
