"""The seam between a lab and the machine: where a node's sockets live and which real addresses carry its sessions.

A `Place` is one node (edge, peer, probe host) on the exchange LAN. Speakers and router adapters only ever ask their
place; they do not know whether it is a loopback address or a network namespace.
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

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class LinkKind(Enum):
    """How the nodes of a lab are joined."""

    LOOPBACK = "loopback"
    """No privileges: 127.0.0.0/8 and ::1, ports of the kernel's choice."""
    NETNS = "netns"
    """A network namespace a node, veth pairs, a bridge as the exchange LAN: real addresses and port 179."""


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
class NodeSpec:
    """One node on the LAN: its name and its LAN addresses with prefix lengths."""

    name: str
    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class LanSpec:
    """The exchange LAN: its prefixes and the nodes attached to it."""

    prefixes: tuple[Network, ...]
    nodes: tuple[NodeSpec, ...]
    mtu: int = 1500

    def prefix_of(self, address: Address) -> Network:
        """The LAN prefix that holds `address`. Raises LookupError when none does."""
        for prefix in self.prefixes:
            if address in prefix:
                return prefix
        raise LookupError(f"{address} is in none of the LAN prefixes")


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
        self, argv: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None
    ) -> asyncio.subprocess.Process:
        """Start a child process in this place; it cannot outlive this process. Output goes to `log`."""

    def tcp_counters(self) -> dict[str, int]:
        """The kernel's TcpExt counters of this place (`TCPMD5NotFound`, …); empty where they are not its own."""


class Link(Protocol):
    """The lab's link: builds the places on entry and removes every trace on exit."""

    kind: LinkKind

    def place(self, node: str) -> Place: ...

    async def __aenter__(self) -> Link: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


@dataclass(slots=True)
class LoopbackPlace:
    """A node on loopback: each LAN IPv4 address has its own 127.x address; every IPv6 address is ::1.

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
        self, argv: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None
    ) -> asyncio.subprocess.Process:
        from simulator.lab.process import spawn

        return await spawn(argv, log=log, env=env)

    def tcp_counters(self) -> dict[str, int]:
        return {}


@dataclass(slots=True)
class HostPlace(LoopbackPlace):
    """This machine as it is: every address stands for itself."""

    def host(self, address: Address) -> Address:
        return address


class LoopbackLink:
    """The embedded default: no privileges, no daemons, nothing to clean up."""

    kind = LinkKind.LOOPBACK

    def __init__(self, lan: LanSpec) -> None:
        self._places: dict[str, LoopbackPlace] = {}
        number = 0
        for node in lan.nodes:
            hosts: dict[Address, Address] = {}
            for address in node.addresses:
                if address.version == 6:
                    hosts[address] = IPv6Address("::1")
                else:
                    number += 1
                    hosts[address] = IPv4Address("127.75.80.0") + number
            self._places[node.name] = LoopbackPlace(node.name, hosts)

    def place(self, node: str) -> LoopbackPlace:
        return self._places[node]

    async def __aenter__(self) -> LoopbackLink:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        return None
