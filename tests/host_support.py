"""A host for tests of links that lead out: a network namespace of its own, with a bridge, NICs and a neighbour."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from simulator.lab.namespace import Namespace
from simulator.lab.netns import NetnsPlace
from tests.lab_support import LAN4, LAN6, v4, v6

OUTSIDE = 9
"""The number of the node that the lab does not run."""


def ip(*words: str) -> str:
    return subprocess.run(["ip", *words], capture_output=True, text=True, check=True).stdout


@dataclass
class Host:
    """A host with the bridge br0, and with eth1, a NIC that leads to nobody but a neighbour, as br0 does."""

    namespace: Namespace
    neighbor: Namespace

    def ip(self, *words: str) -> str:
        return self.namespace.run(lambda: ip(*words))

    def links(self) -> str:
        """Its interfaces, addresses and routes; not what the kernel changes in its own time."""
        parsed = map(_parsed, self.ip("-o", "link").splitlines())
        rows = [f"{row[1]} mtu {row[3]} master {row[4]} {row[5]} {'PROMISC' in row[2]}" for row in parsed]
        return "\n".join([*rows, self.ip("-o", "addr", "show", "scope", "global"), self.ip("route")])

    def enter(self) -> list[str]:
        return ["nsenter", f"--net=/proc/{os.getpid()}/fd/{self.namespace.fd}"]

    @property
    def neighbor_place(self) -> NetnsPlace:
        return NetnsPlace("neighbor", self.neighbor, None, {"wire": (LAN4, LAN6)})


_LINK = re.compile(r"\d+: ([^:@]+)[^:]*: <(.*?)> mtu (\d+)(?:.*? master (\S+))?.*? link/\S+ (\S+)")


def _parsed(row: str) -> re.Match[str]:
    found = _LINK.match(row)
    assert found is not None, row
    return found


@contextmanager
def host_with(leading: str) -> Iterator[Host]:
    """`leading`: which of br0 and eth1 leads to the neighbour, who has the addresses of node 9."""
    host = Host(Namespace(), Namespace())

    def wire() -> None:
        ip("link", "set", "lo", "up")
        ip("link", "add", "br0", "type", "bridge")
        ip("link", "set", "br0", "up")
        for near, far in (("eth1", "wire"), ("eth2", "spare")):
            fd = f"/proc/{os.getpid()}/fd/{host.neighbor.fd}"
            ip("link", "add", near, "type", "veth", "peer", "name", far)
            subprocess.run(["ip", "link", "set", far, "netns", fd], check=True)
            ip("link", "set", near, "up")
        if leading == "br0":
            ip("link", "set", "eth1", "master", "br0")

    def neighbor() -> None:
        ip("link", "set", "wire", "up")
        ip("link", "set", "spare", "up")
        ip("addr", "add", f"{v4(OUTSIDE)}/24", "dev", "wire")
        ip("addr", "add", f"{v6(OUTSIDE)}/64", "dev", "wire", "nodad")

    try:
        host.namespace.run(wire)
        host.neighbor.run(neighbor)
        yield host
    finally:
        host.namespace.close()
        host.neighbor.close()
