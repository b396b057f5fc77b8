"""Hosts behind the routers of a lab: one of Microsoft's services behind its edges, one behind each peer's router.

Each has a network namespace of its own. Microsoft's host has one tap for each connection and edge, a veth pair to the
edge: what it sends by a tap follows the routes of that connection alone, and what comes in says by which link of which
edge it came. What comes to an edge from a peer reaches Microsoft's hosts and nobody else, so that no edge is a shortcut
between peers. The routers keep no address for all this, and their main routing table stays their daemons' own.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address
from operator import methodcaller
from pathlib import Path
from typing import Any

from simulator.addresses import IpAddress
from simulator.lab import fib, netlink
from simulator.lab.namespace import Namespace
from simulator.lab.netns import NetnsPlace, told_by_the_lab

HOST_DEVICE = "turnup-host"
"""A router's interface to the host behind it."""
_GATEWAYS = {4: "169.254.0.1", 6: "fe80::1"}
"""What a host takes for its router; nobody has the address, a permanent neighbor entry stands for it."""
_MTU = 9216
"""Octets: never what limits a path."""
_TABLES = 20000
"""Routing tables of the traffic have the numbers behind this one."""
_HOSTS, _LENT = 30000, 30001
"""A router's tables of the hosts behind it, and of what the lab puts in for a daemon that programs no kernel."""
_PERMANENT = 0x80
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


@dataclass(frozen=True, slots=True)
class ServiceTap:
    """Microsoft's way in and out by one connection on one edge."""

    edge: NetnsPlace
    link: str
    """The edge's interface that the connection is on."""
    table: int
    """The edge's routing table of what was learned on the connection."""
    device: str
    """The service host's interface."""


@dataclass(slots=True)
class HostBehind:
    """The host behind one peer's router."""

    place: NetnsPlace
    router: NetnsPlace
    device: int
    """The router's interface to it, by index."""
    macs: tuple[str, str]
    """The host's, and the router's."""
    addresses: set[IpAddress] = field(default_factory=set)
    """All are ready: sessions ask for them at once, each on a thread."""
    _taking: threading.Lock = field(default_factory=threading.Lock)

    @told_by_the_lab()
    def take(self, address: IpAddress) -> None:
        """Give the host one more address; its router reaches it. Blocks."""
        with self._taking:
            if address in self.addresses:
                return
            self.place.run(partial(_add_address, address))
            self.router.run(partial(_reach, address, self.device, self.macs[0], _HOSTS))
            self.addresses.add(address)

    @told_by_the_lab()
    def own(self, version: int) -> frozenset[IpAddress]:
        """Every address that the router has itself, on whatever interface: no host can have one of them. Blocks."""
        return self.router.run(partial(_addresses, version))

    @told_by_the_lab()
    def lend(self, version: int, add: Iterable[fib.FibRoute], remove: Iterable[bytes]) -> list[str]:
        """Change what the router's kernel has for a daemon that programs none; what was refused. Blocks."""
        return self.router.run(lambda: fib.change(version, _LENT, add, remove))

    @told_by_the_lab()
    def has_way(self, source: IpAddress, target: IpAddress) -> bool:
        """Whether the router's kernel has a route for what the host sends to an address. Blocks."""
        return self.router.run(lambda: fib.way(source, target, self.device)) is not None


class TrafficHosts:
    """All of a lab's hosts. `close` lets go of them: the kernel removes the namespaces.

    What the kernel refuses is a LabError, here and of a host behind a router.
    """

    @told_by_the_lab()
    def __init__(self) -> None:
        self.service = NetnsPlace("microsoft-service", Namespace())
        self.taps: dict[tuple[str, str], ServiceTap] = {}
        """By connection and edge."""
        self.behind: dict[str, HostBehind] = {}
        """By the router's node."""
        self.addresses: dict[tuple[str, int], IpAddress] = {}
        """Microsoft's service address, by edge and IP version."""
        self._links: dict[tuple[str, str], str] = {}

    def close(self) -> None:
        """Safe to call twice."""
        for place in (self.service, *(host.place for host in self.behind.values())):
            place.namespace.close()

    @told_by_the_lab()
    def open_service(self, addresses: dict[tuple[str, int], IpAddress]) -> None:
        """Give Microsoft's host its addresses: by edge and IP version, what that edge announces. Blocks."""
        self.addresses = addresses
        self.service.run(partial(_begin_host, tuple(dict.fromkeys(addresses.values()))))

    @told_by_the_lab()
    def add_tap(self, connection: str, edge: NetnsPlace, link: str) -> None:
        """Join Microsoft's host with an edge, for one connection on one of the edge's links. Blocks."""
        number = len(self.taps) + 1
        tap = ServiceTap(edge, link, _TABLES + number, f"tap{number}")
        far, near = (
            f"02:75:00:01:{number >> 8:02x}:{number & 255:02x}",
            f"02:75:00:02:{number >> 8:02x}:{number & 255:02x}",
        )
        mine = [address for (name, _), address in self.addresses.items() if name == edge.name]
        first = (edge.name, link) not in self._links
        self._links.setdefault((edge.name, link), tap.device)
        edge.run(partial(_join_edge, tap, self.service.namespace.fd, far, near, mine, first))
        self.service.run(partial(_begin_device, tap.device, near, number))
        self.taps[connection, edge.name] = tap

    @told_by_the_lab()
    def add_behind(self, router: NetnsPlace) -> None:
        """Put a host behind a router. Blocks."""
        number = len(self.behind) + 1
        macs = f"02:75:00:03:{number >> 8:02x}:{number & 255:02x}", f"02:75:00:04:{number >> 8:02x}:{number & 255:02x}"
        place = NetnsPlace(f"host-behind-{router.name}", Namespace())
        tables = [_vrf_table(router, vrf) for vrf in router.vrfs]
        device = router.run(partial(_join_router, place.namespace.fd, macs, tables, tuple(router.interfaces)))
        place.run(partial(_begin_host, ()))
        place.run(partial(_begin_device, "eth0", macs[1], 1))
        self.behind[router.name] = HostBehind(place, router, device, macs)

    @told_by_the_lab()
    def learned(self, tap: ServiceTap, version: int, add: Iterable[fib.FibRoute], remove: Iterable[bytes]) -> list[str]:
        """Change an edge's FIB; what the kernel refused. Blocks."""
        return tap.edge.run(lambda: fib.change(version, tap.table, add, remove))

    @told_by_the_lab()
    def held(self, tap: ServiceTap, version: int) -> int:
        """How many routes of a connection an edge's FIB holds, by the kernel's word. Blocks."""
        return tap.edge.run(lambda: fib.held(version, tap.table))


def _vrf_table(router: NetnsPlace, vrf: str) -> int:
    def look() -> int:
        with netlink.IPRoute() as ip:
            link = ip.get_links(netlink.index_of(ip, vrf))[0]
            table: int = link.get_attr("IFLA_LINKINFO").get_attr("IFLA_INFO_DATA").get_attr("IFLA_VRF_TABLE")
            return table

    return router.run(look)


def _write(path: str, value: str) -> None:
    file = Path("/proc/sys/net") / path
    if file.exists():
        file.write_text(value)


def _quiet(device: str) -> None:
    """No address of its own: daemons have nothing to announce of it."""
    _write(f"ipv6/conf/{device}/addr_gen_mode", "1")


def _routing_rule(ip: Any, **wanted: Any) -> None:
    # Not called by its name: what has that name in this project rules on gates.
    methodcaller("rule", "add", **wanted)(ip)


def _forward(devices: Iterable[str]) -> None:
    """Let a router forward. IPv6 asks only the switch for all; set for a link it would answer for the prefix itself."""
    devices = tuple(devices)
    _write("ipv6/conf/all/forwarding", "1")
    for device in devices:
        _write(f"ipv6/conf/{device}/forwarding", "0")
        _write(f"ipv4/conf/{device}/forwarding", "1")
        _write(f"ipv4/conf/{device}/send_redirects", "0")
    _write("ipv4/conf/all/send_redirects", "0")
    _write("ipv4/icmp_ratelimit", "0")  # each datagram that is refused tells something
    _write("ipv6/icmp/ratelimit", "0")


def _veth(ip: Any, name: str, mac: str, peer: str, peer_mac: str, namespace: int) -> int:
    far = {"ifname": peer, "net_ns_fd": namespace, "mtu": _MTU, "address": peer_mac}
    ip.link("add", ifname=name, kind="veth", peer=far, mtu=_MTU, address=mac)
    _quiet(name)
    index = netlink.index_of(ip, name)
    ip.link("set", index=index, state="up")
    return index


def _join_edge(
    tap: ServiceTap, namespace: int, far: str, near: str, addresses: Sequence[IpAddress], first: bool
) -> None:
    name, number = f"service{tap.device.removeprefix('tap')}", tap.table - _TABLES
    with netlink.IPRoute() as ip:
        index = _veth(ip, name, near, tap.device, far, namespace)
        for family in _FAMILIES.values():
            rule = partial(_routing_rule, ip, family=family)
            rule(priority=100 + 2 * number, iifname=name, table=tap.table)
            rule(priority=101 + 2 * number, iifname=name, action="FR_ACT_UNREACHABLE")
            rule(priority=50000 + number, iifname="lo", table=tap.table)  # for its own ICMP errors
            if first:
                rule(priority=20000 + 2 * number, iifname=tap.link, table=10 * _TABLES + number)
                # Only this side says `prohibited`: it tells what a peer sent back, or sent to somebody else.
                rule(priority=20001 + 2 * number, iifname=tap.link, action="FR_ACT_PROHIBIT")
                rule(priority=60000 + number, iifname="lo", table=10 * _TABLES + number)
    for address in addresses if first else ():
        _reach(address, index, far, 10 * _TABLES + number)
    _forward([tap.link, name])


def _join_router(namespace: int, macs: tuple[str, str], vrfs: Sequence[int], links: Sequence[str]) -> int:
    with netlink.IPRoute() as ip:
        index = _veth(ip, HOST_DEVICE, macs[1], "eth0", macs[0], namespace)
        for family in _FAMILIES.values():
            _routing_rule(ip, family=family, priority=10, table=_HOSTS)
            for number, table in enumerate(vrfs):
                _routing_rule(ip, family=family, priority=11 + number, iifname=HOST_DEVICE, table=table)
            _routing_rule(ip, family=family, priority=90, iifname=HOST_DEVICE, table=_LENT)
    _forward([*links, HOST_DEVICE])
    return index


def _begin_host(addresses: Sequence[IpAddress]) -> None:
    with netlink.IPRoute() as ip:
        ip.link("set", index=netlink.index_of(ip, "lo"), state="up")
    for address in addresses:
        _add_address(address)


def _begin_device(device: str, router_mac: str, metric: int) -> None:
    with netlink.IPRoute() as ip:
        _quiet(device)
        index = netlink.index_of(ip, device)
        ip.link("set", index=index, state="up")
        for version, gateway in _GATEWAYS.items():
            family = _FAMILIES[version]
            ip.neigh("add", family=family, dst=gateway, lladdr=router_mac, ifindex=index, state=_PERMANENT)
            ip.route("add", family=family, dst="default", gateway=gateway, oif=index, priority=metric, flags=["onlink"])


def _add_address(address: IpAddress) -> None:
    with netlink.IPRoute() as ip:
        flags = {"flags": 0x02} if address.version == 6 else {}
        ip.addr("add", index=netlink.index_of(ip, "lo"), address=str(address), prefixlen=address.max_prefixlen, **flags)


def _addresses(version: int) -> frozenset[IpAddress]:
    with netlink.IPRoute() as ip:
        found = ip.get_addr(family=_FAMILIES[version])
        return frozenset(ip_address(each.get_attr("IFA_LOCAL") or each.get_attr("IFA_ADDRESS")) for each in found)


def _reach(address: IpAddress, device: int, mac: str, table: int) -> None:
    """A router's way to one host address that is on a link."""
    family = _FAMILIES[address.version]
    with netlink.IPRoute() as ip:
        ip.neigh("add", family=family, dst=str(address), lladdr=mac, ifindex=device, state=_PERMANENT)
        ip.route("add", family=family, dst=f"{address}/{address.max_prefixlen}", oif=device, table=table)
