"""The seam between a lab and the machine: where a node's sockets live and which real addresses carry its sessions.

A `Place` is one node (edge, peer, probe host). Speakers and router adapters only ever ask their place; they do not know
whether it is a loopback address or a network namespace, nor which of its links carries a session.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from types import TracebackType
from typing import Protocol

from simulator.lab.cell import Cell

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class LinkKind(Enum):
    """How the nodes of a lab are joined."""

    LOOPBACK = "loopback"
    """No privileges: 127.0.0.0/8 and ::1, ports of the kernel's choice."""
    NETNS = "netns"
    """A network namespace a node, veth pairs, a bridge as the exchange LAN: real addresses and port 179."""
    INTERFACE = "interface"
    """As netns, and what the topology says leads out over a bridge or a NIC of this host, to a router there."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address and a port that really carry a session."""

    host: Address
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if self.host.version == 6 else f"{self.host}:{self.port}"


class LabError(Exception):
    """The lab itself failed: no privilege, a missing daemon, a port in use. One line: what, where, what to do."""


@dataclass(frozen=True, slots=True)
class Quality:
    """What a link does to the frames that cross it, in each direction."""

    latency: float = 0.0
    """Milliseconds, one way."""
    jitter: float = 0.0
    """Milliseconds by which the latency varies."""
    loss: float = 0.0
    """Percent of the frames, at random."""

    @property
    def is_perfect(self) -> bool:
        return not (self.latency or self.jitter or self.loss)

    def __str__(self) -> str:
        named = (("latency", self.latency, "ms"), ("jitter", self.jitter, "ms"), ("loss", self.loss, "%"))
        return ", ".join(f"{name} {value:g} {unit}" for name, value, unit in named if value) or "as it is"


PERFECT = Quality()

LOOPBACK_HOSTS = IPv4Network("127.75.80.0/20")
"""What stands for the IPv4 addresses of a topology on loopback, one after the other."""

_NO_QUALITY = "the loopback link has no latency, jitter or loss: use link: netns"


@dataclass(frozen=True, slots=True)
class OutsideSpec:
    """Of a node that the lab does not run: where it really is on loopback, as far as that was told."""

    address: IPv4Address | None = None
    """Its IPv4 address there; one of the lab's choice where None."""
    port: int = 0
    """Where it listens; 0: it only calls."""


@dataclass(frozen=True, slots=True)
class HostInterfaceSpec:
    """A bridge or NIC of this host by which a link leads out of the lab."""

    name: str
    default_route: bool = False
    """Take it although the host's default route goes over it."""


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """One node at a link: its name, and what it is on that link."""

    name: str
    addresses: tuple[Address, ...]
    quality: Quality = PERFECT
    """Of its own access to a LAN; a cable has one of its own."""
    mtu: int | None = None
    """Octets; the link's where None."""
    outside: OutsideSpec | None = None
    """Of a node that the lab does not run."""
    interface: str = ""
    """What it calls its interface there; the lab's name for it where empty."""
    vrf: str = ""
    """The VRF that the interface is in; none where empty."""


def _prefix_of(address: Address, prefixes: tuple[Network, ...], what: str) -> Network:
    for prefix in prefixes:
        if address in prefix:
            return prefix
    raise LookupError(f"{address} is in none of the {what} prefixes")


@dataclass(frozen=True, slots=True)
class LanSpec:
    """The exchange LAN: its prefixes and the nodes attached to it. Without nodes there is none."""

    prefixes: tuple[Network, ...]
    nodes: tuple[NodeSpec, ...]
    mtu: int = 1500
    interface: HostInterfaceSpec | None = None
    """What the LAN is joined with, on a link of kind `interface`."""

    def prefix_of(self, address: Address) -> Network:
        """The LAN prefix that holds `address`. Raises LookupError when none does."""
        return _prefix_of(address, self.prefixes, "LAN")


@dataclass(frozen=True, slots=True)
class CableSpec:
    """A Direct connection's link: two nodes and nobody else."""

    name: str
    prefixes: tuple[Network, ...]
    ends: tuple[NodeSpec, NodeSpec]
    mtu: int = 1500
    quality: Quality = PERFECT
    interface: HostInterfaceSpec | None = None
    """What leads to the far end, on a link of kind `interface`."""

    def prefix_of(self, address: Address) -> Network:
        """The cable's prefix that holds `address`. Raises LookupError when none does."""
        return _prefix_of(address, self.prefixes, "cable's")


def addresses_by_node(lan: LanSpec, cables: Sequence[CableSpec]) -> dict[str, list[Address]]:
    """Every node of a lab with all of its addresses, in the order of their mention."""
    found: dict[str, list[Address]] = {}
    for node in (*lan.nodes, *(end for cable in cables for end in cable.ends)):
        found.setdefault(node.name, []).extend(node.addresses)
    return found


def outside_nodes(lan: LanSpec, cables: Sequence[CableSpec]) -> dict[str, OutsideSpec]:
    """The nodes that the lab does not run."""
    nodes = (*lan.nodes, *(end for cable in cables for end in cable.ends))
    return {node.name: node.outside for node in nodes if node.outside is not None}


class Place(Protocol):
    """Where one node lives."""

    name: str
    kind: LinkKind

    @property
    def port(self) -> int:
        """The port to listen on: 179, or 0 for one of the kernel's choice."""

    def host(self, address: Address) -> Address:
        """What really carries the topology's `address`: itself in a namespace, 127.x or ::1 on loopback."""

    def socket(self, family: socket.AddressFamily, type_: socket.SocketKind, proto: int = 0) -> socket.socket:
        """A new socket that lives in this place."""

    async def spawn(
        self, argv: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None, cell: Cell | None = None
    ) -> asyncio.subprocess.Process:
        """Start a child process in this place; it cannot outlive this process. Output goes to `log`.

        With a `cell` it has mounts of its own.
        """

    def tcp_counters(self) -> dict[str, int]:
        """The kernel's TcpExt counters of this place (`TCPMD5NotFound`, …); empty where they are not its own."""


class Link(Protocol):
    """The lab's link: builds the places on entry and removes every trace on exit."""

    kind: LinkKind
    quality_problem: str
    """Why latency, jitter or loss that was asked for is not there, in one line; empty where all is as asked."""

    def place(self, node: str) -> Place:
        """The place of a node of the lab's own. Raises KeyError for a name that it does not have."""

    def outside(self, node: str) -> OutsidePlace | None:
        """Where a node is that the lab does not run; None for others."""

    async def __aenter__(self) -> Link: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


@dataclass(slots=True)
class LoopbackPlace:
    """A node on loopback: each of its IPv4 addresses has its own 127.x address; every IPv6 address is ::1.

    IPv6 sessions are therefore told apart by port: each listens on one of its own.
    """

    name: str
    hosts: dict[Address, Address]
    kind: LinkKind = field(default=LinkKind.LOOPBACK, init=False)

    @property
    def port(self) -> int:
        return 0

    def host(self, address: Address) -> Address:
        return self.hosts[address]

    def socket(self, family: socket.AddressFamily, type_: socket.SocketKind, proto: int = 0) -> socket.socket:
        try:
            return socket.socket(family, type_ | socket.SOCK_CLOEXEC, proto)
        except OSError as error:
            if error.errno == errno.EAFNOSUPPORT:
                raise LabError("this machine has no IPv6: enable it (sysctl net.ipv6.conf.lo.disable_ipv6=0)") from None
            raise

    async def spawn(
        self, argv: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None, cell: Cell | None = None
    ) -> asyncio.subprocess.Process:
        from simulator.lab.process import spawn

        return await spawn(argv, log=log, env=env, cell=cell)

    def tcp_counters(self) -> dict[str, int]:
        return {}


@dataclass(slots=True)
class HostPlace(LoopbackPlace):
    """This machine as it is: every address stands for itself."""

    def host(self, address: Address) -> Address:
        return address


@dataclass(slots=True)
class OutsidePlace:
    """Where a node is that the lab does not run: its addresses and its port are known, and nothing can be done there.

    Its port is the one that it listens on, or 0 where that was not told.
    """

    name: str
    hosts: dict[Address, Address]
    port: int
    kind: LinkKind

    def host(self, address: Address) -> Address:
        """Raises KeyError for an address that it has neither in the topology nor really."""
        return address if address in self.hosts.values() else self.hosts[address]

    def socket(self, family: socket.AddressFamily, type_: socket.SocketKind, proto: int = 0) -> socket.socket:
        raise LabError(f"{self.name} is not in this lab: nothing can be opened there")

    async def spawn(
        self, argv: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None, cell: Cell | None = None
    ) -> asyncio.subprocess.Process:
        raise LabError(f"{self.name} is not in this lab: nothing can be started there")

    def tcp_counters(self) -> dict[str, int]:
        return {}


class LoopbackLink:
    """The embedded default: no privileges, no daemons, nothing to clean up."""

    kind = LinkKind.LOOPBACK

    def __init__(self, lan: LanSpec, cables: Sequence[CableSpec] = ()) -> None:
        self._places: dict[str, LoopbackPlace] = {}
        self._outside: dict[str, OutsidePlace] = {}
        outside, number = outside_nodes(lan, cables), 0
        for node, addresses in addresses_by_node(lan, cables).items():
            hosts: dict[Address, Address] = {}
            for address in addresses:
                if address.version == 6:
                    hosts[address] = IPv6Address("::1")
                else:
                    number += 1
                    told = outside[node].address if node in outside else None
                    hosts[address] = told or LOOPBACK_HOSTS[number]
            if node in outside:
                self._outside[node] = OutsidePlace(node, hosts, outside[node].port, self.kind)
            else:
                self._places[node] = LoopbackPlace(node, hosts)
        asked = [node.quality for node in lan.nodes] + [cable.quality for cable in cables]
        self.quality_problem = "" if all(quality.is_perfect for quality in asked) else _NO_QUALITY

    def place(self, node: str) -> LoopbackPlace:
        return self._places[node]

    def outside(self, node: str) -> OutsidePlace | None:
        return self._outside.get(node)

    async def __aenter__(self) -> LoopbackLink:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        return None
