"""The seam between a lab and the machine: where a node's sockets live and which real addresses carry its sessions.

A `Place` is one node (edge, peer, probe host). Speakers and router adapters only ever ask their place; they do not know
whether it is a loopback address or a network namespace, nor which of its links carries a session.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol

from simulator.addresses import IpAddress
from simulator.places.errors import LabError
from simulator.places.link import LinkKind
from simulator.places.sandbox import Sandbox


class Place(Protocol):
    """Where one node lives."""

    name: str
    kind: LinkKind

    @property
    def port(self) -> int:
        """The port to listen on: 179, or 0 for one of the kernel's choice."""

    def host(self, address: IpAddress) -> IpAddress:
        """What really carries the topology's `address`: itself in a namespace, 127.x or ::1 on loopback."""

    def socket(self, family: socket.AddressFamily, type_: socket.SocketKind, proto: int = 0) -> socket.socket:
        """A new socket that lives in this place."""

    async def spawn(
        self, argv: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None, sandbox: Sandbox | None = None
    ) -> asyncio.subprocess.Process:
        """Start a child process in this place; it cannot outlive this process. Output goes to `log`.

        With a `sandbox` it has mounts of its own.
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
class OutsidePlace:
    """Where a node is that the lab does not run: its addresses and its port are known, and nothing can be done there.

    Its port is the one that it listens on, or 0 where that was not told.
    """

    name: str
    hosts: dict[IpAddress, IpAddress]
    port: int
    kind: LinkKind

    def host(self, address: IpAddress) -> IpAddress:
        """Raises KeyError for an address that it has neither in the topology nor really."""
        return address if address in self.hosts.values() else self.hosts[address]

    def socket(self, family: socket.AddressFamily, type_: socket.SocketKind, proto: int = 0) -> socket.socket:
        raise LabError(f"{self.name} is not in this lab: nothing can be opened there")

    async def spawn(
        self, argv: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None, sandbox: Sandbox | None = None
    ) -> asyncio.subprocess.Process:
        raise LabError(f"{self.name} is not in this lab: nothing can be started there")

    def tcp_counters(self) -> dict[str, int]:
        return {}
