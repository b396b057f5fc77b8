"""The netns link with real namespaces."""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import json
import os
import select
import socket
import struct
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from pyroute2 import IPRoute

from simulator.lab.namespace import Namespace
from simulator.lab.netns import NetnsLink, NetnsPlace, mac
from simulator.lab.probe import neighbors_on_lan, ping
from simulator.lab.state import LabState, clean, leftovers
from simulator.places.errors import LabError
from simulator.places.link import CableSpec, LanSpec, NodeSpec
from tests.lab_support import LAN4, LAN6, lan, require_bird, require_netns, v4, v6
from tests.patience import PATIENCE

pytestmark = pytest.mark.privileged

ROOT = Path(__file__).parents[2]
RTMGRP_LINK = 1
RTM_DELLINK = 17


@pytest.fixture(autouse=True)
def privileged() -> None:
    require_netns()


@pytest.fixture
async def link() -> AsyncIterator[NetnsLink]:
    async with NetnsLink(lan(2)) as link:
        yield link


def namespace_inode() -> int:
    return Path("/proc/thread-self/ns/net").stat().st_ino


def host_view() -> tuple[list[str], list[Path]]:
    """The links and the named namespaces that anybody on this host sees."""
    text = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
    return [line.split(": ")[1] for line in text.splitlines()], sorted(Path("/run/netns").glob("*"))


async def output(place: NetnsPlace, log: Path, *argv: str) -> str:
    process = await place.spawn(argv, log=log)
    await process.wait()
    return await asyncio.to_thread(log.read_text)


async def test_nodes_ping_each_other_at_once_in_both_families(link: NetnsLink) -> None:
    for address in (v4(2), v6(2)):
        result = await ping(link.place("n1"), address, timeout=PATIENCE)
        assert result.answered, result.error


def cuts_late(interface: str) -> bool:
    """Whether an interface of this thread's namespace takes what is longer than its MTU (ETHTOOL_GGSO)."""
    value = ctypes.create_string_buffer(struct.pack("=II", 0x23, 0))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, 0x8946, struct.pack("16sP16x", interface.encode(), ctypes.addressof(value)))
    return bool(struct.unpack("=II", value.raw[:8])[1])


@pytest.mark.parametrize("offloads", [False, True])
async def test_frames_are_cut_where_a_capture_sees_them_unless_it_is_asked_otherwise(offloads: bool) -> None:
    async with NetnsLink(lan(2), offloads=offloads) as link:
        assert [link.place(node).run(lambda: cuts_late("lan")) for node in ("n1", "n2")] == [offloads] * 2


async def test_the_host_namespace_is_untouched(tmp_path: Path) -> None:
    before = host_view()
    async with NetnsLink(lan(3)) as link:
        assert host_view() == before
        inside = await output(link.place("n1"), tmp_path / "log", "ip", "-o", "link")
        assert [line.split(": ")[1].split("@")[0] for line in inside.splitlines()] == ["lo", "lan"]
    assert host_view() == before


async def test_sockets_live_in_the_place_and_the_caller_stays_where_it_is(link: NetnsLink) -> None:
    here = namespace_inode()
    with link.place("n1").socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.bind((str(v4(1)), 179))
        assert not sock.get_inheritable()
    with pytest.raises(OSError):
        link.place("n1").socket(socket.AF_INET, socket.SOCK_STREAM, 250)
    assert namespace_inode() == here
    assert link.place("n1").namespace.inode != here
    assert link.place("n1").run(namespace_inode) == link.place("n1").namespace.inode
    assert namespace_inode() == here


async def test_children_live_in_the_place(link: NetnsLink, tmp_path: Path) -> None:
    place = link.place("n2")
    text = await output(place, tmp_path / "log", "ip", "-o", "addr", "show", "dev", "lan")
    assert f"{v4(2)}/24" in text
    assert f"{v6(2)}/64" in text
    assert "tentative" not in text
    assert str(place.namespace.inode) in await output(place, tmp_path / "ns", "readlink", "/proc/self/ns/net")


async def test_a_human_can_enter_a_place(link: NetnsLink) -> None:
    command = [*link.place("n1").nsenter.split(), "ip", "-o", "addr"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    text, _ = await process.communicate()
    assert str(v4(1)) in text.decode()


async def test_the_mtu_is_the_lans() -> None:
    async with NetnsLink(replace(lan(2), mtu=1400)) as link:
        assert (await ping(link.place("n1"), v4(2), size=1400, dont_fragment=True, timeout=PATIENCE)).answered
        assert not (await ping(link.place("n1"), v4(2), size=1401, dont_fragment=True)).answered


async def test_a_node_of_the_lan_may_have_an_mtu_of_its_own() -> None:
    spec = lan(3)
    small = replace(spec.nodes[1], mtu=1400)
    async with NetnsLink(replace(spec, nodes=(spec.nodes[0], small, spec.nodes[2]))) as link:
        assert (await ping(link.place("n1"), v4(3), size=1500, dont_fragment=True, timeout=PATIENCE)).answered
        assert (await ping(link.place("n1"), v4(2), size=1400, dont_fragment=True, timeout=PATIENCE)).answered
        assert not (await ping(link.place("n1"), v4(2), size=1500, dont_fragment=True)).answered


def cable(number: int, edge: str, mtu: int = 1500) -> CableSpec:
    """The peer `p` to an edge: 198.51.100.<4n>/31 and 2001:db8:c:<n>::/127, the peer first."""
    four, six = ip_network(f"198.51.100.{4 * number}/31"), ip_network(f"2001:db8:c:{number}::/127")
    ends = (NodeSpec(edge, (four[1], six[1])), NodeSpec("p", (four[0], six[0])))
    return CableSpec(f"c{number}", (four, six), ends, mtu)


@pytest.fixture
async def cables() -> AsyncIterator[NetnsLink]:
    async with NetnsLink(LanSpec((), ()), cables=[cable(1, "e1"), cable(2, "e2", mtu=1400)]) as link:
        yield link


async def test_a_cable_joins_two_nodes_in_both_families(cables: NetnsLink) -> None:
    pairs = (("e1", "198.51.100.4"), ("e1", "2001:db8:c:1::"), ("p", "198.51.100.9"), ("e2", "2001:db8:c:2::"))
    for node, address in pairs:
        assert (await ping(cables.place(node), ip_address(address), timeout=PATIENCE)).answered, address
    place, far = cables.place("e2"), ip_address("198.51.100.8")
    assert (await ping(place, far, size=1400, dont_fragment=True, timeout=PATIENCE)).answered
    assert not (await ping(place, far, size=1401, dont_fragment=True)).answered


async def test_a_node_with_two_cables_is_no_way_from_one_to_the_other(cables: NetnsLink) -> None:
    def route(destination: str, gateway: str) -> None:
        with IPRoute() as ip:
            ip.route("add", dst=destination, gateway=gateway)

    cables.place("e1").run(lambda: route("198.51.100.8/31", "198.51.100.4"))
    cables.place("e2").run(lambda: route("198.51.100.4/31", "198.51.100.8"))
    assert not (await ping(cables.place("e1"), ip_address("198.51.100.9"))).answered
    cables.place("p").run(lambda: Path("/proc/sys/net/ipv4/ip_forward").write_text("1"))
    assert (await ping(cables.place("e1"), ip_address("198.51.100.9"), timeout=PATIENCE)).answered, (
        "the routes were right"
    )


async def test_a_node_knows_by_which_interface_a_neighbour_is_reached(cables: NetnsLink) -> None:
    peer = cables.place("p")
    assert peer.interface_to(ip_address("198.51.100.5")) == "pni1"
    assert peer.interface_to(ip_address("2001:db8:c:2::1")) == "pni2"
    assert cables.place("e2").interface_to(ip_address("198.51.100.8")) == "pni2"
    assert list(peer.interfaces) == ["pni1", "pni2"]


async def test_probes_go_out_of_the_right_interface(cables: NetnsLink) -> None:
    for text, number in (("198.51.100.9", 2), ("2001:db8:c:1::1", 1)):
        found = await neighbors_on_lan(cables.place("p"), ip_address(text))
        assert found.macs == {mac(1, cable=number)}


async def test_a_lan_and_a_cable_at_one_node() -> None:
    prefix = ip_network("198.51.100.4/31")
    ends = (NodeSpec("e", (prefix[1],)), NodeSpec("n1", (prefix[0],)))
    async with NetnsLink(lan(2), cables=[CableSpec("c", (prefix,), ends)]) as link:
        assert list(link.place("n1").interfaces) == ["lan", "pni1"]
        assert (await ping(link.place("n1"), v4(2), timeout=PATIENCE)).answered
        assert (await ping(link.place("n1"), prefix[1], timeout=PATIENCE)).answered


async def test_children_are_recorded(tmp_path: Path) -> None:
    state = LabState(tmp_path)
    async with NetnsLink(lan(1), state) as link:
        process = await link.place("n1").spawn(["cat", "/dev/zero"], log=Path("/dev/null"))
        recorded = json.loads((tmp_path / "children.jsonl").read_text())
        assert (recorded["pid"], recorded["label"]) == (process.pid, "n1: cat")
        process.kill()
        await process.wait()


async def test_counters_are_the_places_own(link: NetnsLink) -> None:
    place = link.place("n1")
    before = place.tcp_counters()
    with link.place("n1").socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        key = b"secret"
        peer = struct.pack("HH4s120x", socket.AF_INET, 0, v4(2).packed)
        listener.setsockopt(socket.IPPROTO_TCP, 14, peer + struct.pack("BBHi80s", 0, 0, len(key), 0, key))
        listener.bind((str(v4(1)), 179))
        listener.listen()
        with link.place("n2").socket(socket.AF_INET, socket.SOCK_STREAM) as dialler:
            dialler.setblocking(False)
            with pytest.raises(TimeoutError):
                dialling = asyncio.get_running_loop().sock_connect(dialler, (str(v4(1)), 179))
                await asyncio.wait_for(dialling, 0.2)
    assert place.tcp_counters()["TCPMD5NotFound"] > before["TCPMD5NotFound"]
    assert link.place("n2").tcp_counters()["TCPMD5NotFound"] == 0


async def test_a_place_of_a_closed_lab_says_so() -> None:
    async with NetnsLink(lan(1)) as link:
        place = link.place("n1")
    with pytest.raises(LabError, match="the lab is down"):
        place.socket(socket.AF_INET, socket.SOCK_STREAM)
    with pytest.raises(LabError, match="the lab is down"):
        await place.spawn(["true"], log=Path("/dev/null"))


async def test_a_failure_halfway_leaves_nothing_and_is_one_line() -> None:
    stranger = NodeSpec("stranger", (ip_address("198.51.100.1"),))
    descriptors = set(os.listdir("/proc/self/fd"))  # noqa: PTH208
    link = NetnsLink(LanSpec((LAN4, LAN6), (*lan(2).nodes, stranger)))
    with pytest.raises(LabError, match=r"198\.51\.100\.1 is in none of the LAN prefixes") as caught:
        await link.__aenter__()
    assert "\n" not in str(caught.value)
    assert len(os.listdir("/proc/self/fd")) <= len(descriptors)  # noqa: PTH208


async def test_a_cancelled_start_leaves_nothing() -> None:
    link = NetnsLink(lan(4))
    starting = asyncio.create_task(link.__aenter__())
    await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    with pytest.raises(LabError, match="the lab is down"):
        link.place("n1").socket(socket.AF_INET, socket.SOCK_STREAM)


async def test_many_nodes_answer(tmp_path: Path) -> None:
    async with NetnsLink(lan(30)) as link:
        results = await asyncio.gather(
            *(ping(link.place("n1"), v6(number), timeout=PATIENCE) for number in range(2, 31))
        )
        assert all(result.answered for result in results)


_VICTIM = """
import asyncio, json, os, sys
from simulator.lab.netns import NetnsLink
from simulator.lab.state import LabState
from simulator.routers.base import RouterConfig, RouterFiles
from simulator.routers.bird.adapter import Bird
from tests.lab_support import lan

async def main():
    state = LabState.create("crash")
    async with NetnsLink(lan(2), state) as link:
        place = link.place("n1")
        await Bird().start(place, RouterConfig("n1", 65001, "192.0.2.1", (), ()), RouterFiles(state.subdirectory("n1")))
        print(json.dumps({"directory": str(state.directory), "namespace": place.namespace.fd}), flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def observe(observer: Namespace, path: str) -> socket.socket:
    """Join `observer` and the namespace at `path` by a veth pair; the socket hears when the kernel removes it."""
    target = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def join() -> socket.socket:
        from pyroute2 import IPRoute

        events = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        with IPRoute() as ip:
            ip.link("add", ifname="canary", kind="veth", peer={"ifname": "canary", "net_ns_fd": target})
        events.bind((0, RTMGRP_LINK))
        return events

    try:
        return observer.run(join)
    finally:
        os.close(target)


@pytest.mark.router
def test_a_killed_lab_is_gone_and_what_it_left_is_found_and_cleaned(tmp_path: Path) -> None:
    require_bird()
    observer = Namespace()
    command = [sys.executable, "-c", _VICTIM]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as victim:
        try:
            assert victim.stdout is not None
            told = json.loads(victim.stdout.readline())
            directory = Path(told["directory"])
            child = json.loads((directory / "children.jsonl").read_text())
            assert child["label"] == "n1: bird"
            assert directory not in [leftover.directory for leftover in leftovers()]
            pidfd = os.pidfd_open(child["pid"])
            events = observe(observer, f"/proc/{victim.pid}/fd/{told['namespace']}")
        finally:
            victim.kill()
    with events:
        events.settimeout(30)
        # The canary goes with the namespace, and the namespace only with its last process and descriptor.
        while struct.unpack_from("=IH", events.recv(1 << 16))[1] != RTM_DELLINK:
            pass
    assert select.select([pidfd], [], [], 30)[0], "BIRD outlived its lab"
    os.close(pidfd)
    observer.close()
    (leftover,) = [leftover for leftover in leftovers() if leftover.directory == directory]
    assert clean(leftover) == [f"removed {directory}"]
    assert not directory.exists()
