"""A bridge or NIC of this host by which a lab's link leads out, to a router that the lab does not run.

A node's interface is then the far end of a veth pair on the bridge, or a macvlan on the NIC. Both live and die with the
node's anonymous namespace: the host keeps its addresses, routes and settings, and after a `kill -9` nothing is left.
"""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from simulator.lab import netlink
from simulator.lab.namespace import in_thread
from simulator.places.errors import LabError
from simulator.places.link import CableSpec, HostInterfaceSpec, LanSpec

_IFF_UP = 0x1
_IFF_LOOPBACK = 0x8


@dataclass(frozen=True, slots=True)
class HostInterfaceLink:
    """What an interface of this host is."""

    name: str
    index: int
    mac: str
    mtu: int
    is_bridge: bool
    is_up: bool
    is_loopback: bool
    master: str
    """The bridge or bond that it is a port of; empty for none."""
    default_routes: tuple[str, ...]
    """`IPv4` and `IPv6`, as far as the host's default route goes over it."""


@dataclass(frozen=True, slots=True)
class Port:
    """What a node gets on a host's interface."""

    node_fd: int
    """Its network namespace."""
    name: str
    """Of the interface in it."""
    mtu: int
    identity: str
    """The same in every run: its MAC address comes of it, so that nobody's ARP table is wrong after a restart."""


def look_up(name: str) -> HostInterfaceLink:
    """An interface of the namespace that this process runs in. Raises LabError when it is missing."""
    return in_thread(lambda: _look_up(name))


def _look_up(name: str) -> HostInterfaceLink:
    with netlink.IPRoute() as ip:
        found = ip.link_lookup(ifname=name)
        if not found:
            known = sorted(str(link.get_attr("IFLA_IFNAME")) for link in ip.get_links())
            raise LabError(f"this host has no interface {name} (there are: {', '.join(known)})")
        (link,) = ip.get_links(found[0])
        master = link.get_attr("IFLA_MASTER")
        info = link.get_attr("IFLA_LINKINFO")
        return HostInterfaceLink(
            name=name,
            index=found[0],
            mac=str(link.get_attr("IFLA_ADDRESS")),
            mtu=int(link.get_attr("IFLA_MTU")),
            is_bridge=info is not None and info.get_attr("IFLA_INFO_KIND") == "bridge",
            is_up=bool(link["flags"] & _IFF_UP),
            is_loopback=bool(link["flags"] & _IFF_LOOPBACK),
            master=str(ip.get_links(master)[0].get_attr("IFLA_IFNAME")) if master else "",
            default_routes=tuple(
                label
                for label, family in (("IPv4", socket.AF_INET), ("IPv6", socket.AF_INET6))
                if any(found[0] in _leaves_by(route) for route in ip.get_default_routes(family))
            ),
        )


def _leaves_by(route: Any) -> Iterator[int]:
    """The interfaces of a route, also of one with several next hops."""
    yield route.get_attr("RTA_OIF")
    for hop in route.get_attr("RTA_MULTIPATH") or ():
        yield hop["oif"]


def check(wanted: HostInterfaceSpec, mtu: int) -> HostInterfaceLink:
    """The interface, fit for a link of this MTU. Raises LabError that says why it is not, and what to do."""
    found = look_up(wanted.name)
    name = found.name
    if found.is_loopback:
        raise LabError(f"interface {name}: a loopback interface leads nowhere: use link: loopback")
    if found.master:
        raise LabError(f"interface {name} is a port of {found.master}: name {found.master} instead")
    if found.default_routes and not wanted.default_route:
        told = f"interface {name} carries this host's {' and '.join(found.default_routes)} default route"
        raise LabError(f"{told}: name another, or say `interface: {{name: {name}, default-route: true}}`")
    if not found.is_up:
        raise LabError(f"interface {name} is down: ip link set {name} up")
    if mtu > found.mtu:
        raise LabError(
            f"interface {name} has an MTU of {found.mtu}, less than the link's {mtu}: set `mtu: {found.mtu}`"
        )
    return found


def check_all(lan: LanSpec, cables: Iterable[CableSpec]) -> None:
    """Every interface that these links lead out by. Raises LabError for the first that is not fit."""
    links: tuple[LanSpec | CableSpec, ...] = (lan, *cables)
    for link in links:
        if link.interface is not None:
            check(link.interface, link.mtu)


def plug(ip: Any, on: HostInterfaceLink, port: Port, number: int) -> None:
    """Give a node its interface, not yet up; to be called in the host's namespace. Raises OSError and NetlinkError.

    `number`: of the lab's ports, for the name of the one on a bridge.
    """
    node = {"ifname": port.name, "net_ns_fd": port.node_fd, "mtu": port.mtu, "address": mac(on, port.identity)}
    if not on.is_bridge:
        ip.link("add", kind="macvlan", macvlan_mode="bridge", link=on.index, **node)
        return
    name = f"tu{os.getpid()}p{number}"
    # A bridge takes the smallest MTU of its ports as its own, and their lowest MAC address: this must be neither.
    ip.link("add", ifname=name, kind="veth", mtu=on.mtu, address=_mac("fe", on, port.identity), peer=node)
    ip.link("set", index=netlink.index_of(ip, name), master=on.index, state="up")


def mac(on: HostInterfaceLink, identity: str) -> str:
    """A MAC address of our own (locally administered) for a node on this interface: the same in every run."""
    return _mac("02", on, identity)


def _mac(first: str, on: HostInterfaceLink, identity: str) -> str:
    digest = hashlib.sha256(f"{socket.gethostname()} {on.name} {identity}".encode()).hexdigest()
    return ":".join((first, *(digest[place : place + 2] for place in range(0, 10, 2))))
