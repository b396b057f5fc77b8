"""Hosts behind routers, FIBs by the batch, and datagrams that tell what became of them."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import cast

import pytest

from simulator.addresses import IpAddress
from simulator.lab import fib
from simulator.lab.datagrams import DropReason, Flight, send
from simulator.lab.hosts import HostBehind, ServiceTap, TrafficHosts
from simulator.lab.namespace import Namespace
from simulator.lab.netns import NetnsLink, NetnsPlace
from simulator.places.errors import LabError
from tests.lab_support import lan, require_netns, v4, v6

pytestmark = pytest.mark.privileged
SERVICE: dict[int, IpAddress] = {4: ip_address("20.33.0.1"), 6: ip_address("2603:1000::1")}
HOST: dict[int, IpAddress] = {4: ip_address("198.51.100.1"), 6: ip_address("2001:db8:a::1")}
KEYS = {4: bytes([24, 198, 51, 100]), 6: bytes([48, 0x20, 1, 0xD, 0xB8, 0, 0xA])}


def node(number: int) -> dict[int, IpAddress]:
    return {4: v4(number), 6: v6(number)}


EDGE, PEER, NOBODY = node(1), node(2), node(9)


@dataclass
class Lab:
    hosts: TrafficHosts
    edge: NetnsPlace
    peer: NetnsPlace
    tap: ServiceTap
    behind: HostBehind

    async def to_peer(self, version: int, size: int = 64, within: float = 3.0) -> Flight:
        ends = (SERVICE[version], HOST[version])
        return await send(self.hosts.service, self.behind.place, ends, device=self.tap.device, size=size, within=within)

    async def to_service(self, version: int, size: int = 64) -> Flight:
        return await send(self.behind.place, self.hosts.service, (HOST[version], SERVICE[version]), size=size, within=3)

    def learn(self, version: int, gateway: IpAddress) -> None:
        route = fib.FibRoute(KEYS[version], gateway, self.edge.index_of("lan"))
        assert self.hosts.learned(self.tap, version, [route], []) == []

    def lend(self, version: int) -> None:
        key = bytes([SERVICE[version].max_prefixlen]) + SERVICE[version].packed
        assert not self.behind.lend(version, [fib.FibRoute(key, EDGE[version], self.peer.index_of("lan"))], [])


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    require_netns()
    async with NetnsLink(lan(2)) as link:
        hosts = TrafficHosts()
        edge, peer = link.place("n1"), link.place("n2")
        hosts.open_service({("n1", version): address for version, address in SERVICE.items()})
        hosts.add_tap("c", edge, "lan")
        hosts.add_behind(peer)
        behind = hosts.behind["n2"]
        for address in HOST.values():
            behind.take(address)
        yield Lab(hosts, edge, peer, hosts.taps["c", "n1"], behind)
        hosts.close()


@pytest.mark.parametrize("version", [4, 6])
async def test_nothing_passes_without_routes_and_each_router_says_so(lab: Lab, version: int) -> None:
    assert await lab.to_peer(version) == Flight(False, refusal=DropReason.NO_ROUTE, by=EDGE[version])
    assert await lab.to_service(version) == Flight(False, refusal=DropReason.NO_ROUTE, by=PEER[version])
    assert not lab.behind.has_way(HOST[version], SERVICE[version])


@pytest.mark.parametrize("version", [4, 6])
async def test_with_routes_both_ways_pass_and_without_them_again_none(lab: Lab, version: int) -> None:
    lab.learn(version, PEER[version])
    lab.lend(version)
    assert lab.behind.has_way(HOST[version], SERVICE[version])
    assert await lab.to_peer(version, 1500) == Flight(True, "eth0", 62)
    assert await lab.to_service(version, 1500) == Flight(True, "tap1", 62)
    assert (await lab.to_peer(version, 1501)).refusal is DropReason.TOO_LONG
    assert lab.hosts.held(lab.tap, version) == 1
    assert lab.hosts.learned(lab.tap, version, [], [KEYS[version]]) == []
    assert lab.hosts.held(lab.tap, version) == 0
    assert not (await lab.to_peer(version)).arrived


@pytest.mark.parametrize("version", [4, 6])
async def test_a_next_hop_that_nobody_has_is_told(lab: Lab, version: int) -> None:
    lab.learn(version, NOBODY[version])
    flight = await lab.to_peer(version, within=5)
    assert flight == Flight(False, refusal=DropReason.NO_NEIGHBOR, by=EDGE[version])


@pytest.mark.parametrize("version", [4, 6])
async def test_an_edge_is_no_way_to_anybody_but_microsofts_hosts(lab: Lab, version: int) -> None:
    lab.learn(version, PEER[version])
    route = fib.FibRoute(bytes([0]), EDGE[version], lab.peer.index_of("lan"))
    assert lab.behind.lend(version, [route], []) == []
    elsewhere = {4: ip_address("203.0.113.1"), 6: ip_address("2001:db8:b::1")}[version]
    other = TrafficHosts()
    try:
        other.open_service({("x", version): elsewhere})
        flight = await send(lab.behind.place, other.service, (HOST[version], elsewhere), within=3)
    finally:
        other.close()
    assert flight == Flight(False, refusal=DropReason.PROHIBITED, by=EDGE[version])


@pytest.mark.parametrize("version", [4, 6])
async def test_a_table_by_the_thousand_is_held_counted_and_taken_out(lab: Lab, version: int) -> None:
    place = lab.edge
    head = {4: (24, 20), 6: (48, 0x20, 1, 0x20)}[version]
    keys = [bytes((*head, *divmod(number, 256))).ljust(4 if version == 4 else 7, bytes(1)) for number in range(5000)]
    routes = [fib.FibRoute(key, PEER[version], place.index_of("lan")) for key in keys]
    assert place.run(lambda: fib.held(version, 21001)) == 0
    assert place.run(lambda: fib.change(version, 21001, routes)) == []
    assert place.run(lambda: fib.held(version, 21001)) == 5000
    assert place.run(lambda: fib.held(version, 21002)) == 0
    assert place.run(lambda: fib.change(version, 21001, routes[:1], keys[1:])) == []
    assert place.run(lambda: fib.held(version, 21001)) == 1
    assert len(place.run(lambda: fib.change(version, 21001, [], keys[1:3]))) == 2, "what is not there is told"


async def test_an_address_that_two_sessions_ask_for_at_once_is_there_for_both(lab: Lab) -> None:
    address = ip_address("198.51.100.9")
    ready = threading.Barrier(2)

    def take_and_use() -> None:
        ready.wait()
        lab.behind.take(address)
        with lab.behind.place.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((str(address), 0))

    await asyncio.gather(asyncio.to_thread(take_and_use), asyncio.to_thread(take_and_use))


@pytest.mark.parametrize("method", ["take", "own", "lend", "has_way"])
def test_what_the_kernel_refuses_of_a_host_is_a_lab_error(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOMEM, "no memory")

    monkeypatch.setattr(NetnsPlace, "run", refuse)
    place = NetnsPlace("r", cast(Namespace, None))
    host = HostBehind(place, place, 1, ("", ""))
    words = {"take": (HOST[4],), "own": (4,), "lend": (4, (), ()), "has_way": (HOST[4], SERVICE[4])}[method]
    with pytest.raises(LabError, match="no memory"):
        getattr(host, method)(*words)


@pytest.mark.parametrize("method", ["open_service", "add_tap", "add_behind", "learned", "held"])
def test_what_the_kernel_refuses_of_all_hosts_is_a_lab_error(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOMEM, "no memory")

    hosts = TrafficHosts()
    monkeypatch.setattr(NetnsPlace, "run", refuse)
    place = NetnsPlace("r", hosts.service.namespace)
    tap = ServiceTap(place, "eth0", 1, "tap1")
    words: tuple[object, ...] = {
        "open_service": ({},),
        "add_tap": ("c", place, "eth0"),
        "add_behind": (place,),
        "learned": (tap, 4, (), ()),
        "held": (tap, 4),
    }[method]
    try:
        with pytest.raises(LabError, match="no memory"):
            getattr(hosts, method)(*words)
    finally:
        hosts.close()


def test_a_namespace_that_there_is_no_room_for_is_a_lab_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise OSError(errno.ENOSPC, "too many namespaces")

    monkeypatch.setattr(Namespace, "__init__", refuse)
    with pytest.raises(LabError, match="too many namespaces"):
        TrafficHosts()
