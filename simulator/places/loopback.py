"""The link that needs no privileges: every node has addresses of 127.0.0.0/8 and ::1."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from pathlib import Path
from types import TracebackType

from simulator.addresses import IpAddress
from simulator.places.endpoint import LOOPBACK_HOSTS
from simulator.places.errors import LabError
from simulator.places.link import CableSpec, LanSpec, LinkKind, addresses_by_node, outside_nodes
from simulator.places.place import OutsidePlace
from simulator.places.sandbox import Sandbox

_NO_QUALITY = "the loopback link has no latency, jitter or loss: use link: netns"


@dataclass(slots=True)
class LoopbackPlace:
    """A node on loopback: each of its IPv4 addresses has its own 127.x address; every IPv6 address is ::1.

    IPv6 sessions are therefore told apart by port: each listens on one of its own.
    """

    name: str
    hosts: dict[IpAddress, IpAddress]
    kind: LinkKind = field(default=LinkKind.LOOPBACK, init=False)

    @property
    def port(self) -> int:
        return 0

    def host(self, address: IpAddress) -> IpAddress:
        return self.hosts[address]

    def socket(self, family: socket.AddressFamily, type_: socket.SocketKind, proto: int = 0) -> socket.socket:
        try:
            return socket.socket(family, type_ | socket.SOCK_CLOEXEC, proto)
        except OSError as error:
            if error.errno == errno.EAFNOSUPPORT:
                raise LabError("this machine has no IPv6: enable it (sysctl net.ipv6.conf.lo.disable_ipv6=0)") from None
            raise

    async def spawn(
        self, argv: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None, sandbox: Sandbox | None = None
    ) -> asyncio.subprocess.Process:
        from simulator.places.process import spawn

        return await spawn(argv, log=log, env=env, sandbox=sandbox)

    def tcp_counters(self) -> dict[str, int]:
        return {}


@dataclass(slots=True)
class HostPlace(LoopbackPlace):
    """This machine as it is: every address stands for itself."""

    def host(self, address: IpAddress) -> IpAddress:
        return address


class LoopbackLink:
    """The embedded default: no privileges, no daemons, nothing to clean up."""

    kind = LinkKind.LOOPBACK

    def __init__(self, lan: LanSpec, cables: Sequence[CableSpec] = ()) -> None:
        self._places: dict[str, LoopbackPlace] = {}
        self._outside: dict[str, OutsidePlace] = {}
        outside, number = outside_nodes(lan, cables), 0
        for node, addresses in addresses_by_node(lan, cables).items():
            hosts: dict[IpAddress, IpAddress] = {}
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
