"""What a lab joins: its nodes, the exchange LAN, the cables of Direct connections, and what they do to frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address

from simulator.addresses import IpAddress, IpNetwork


class LinkKind(Enum):
    """How the nodes of a lab are joined."""

    LOOPBACK = "loopback"
    """No privileges: 127.0.0.0/8 and ::1, ports of the kernel's choice."""
    NETNS = "netns"
    """A network namespace a node, veth pairs, a bridge as the exchange LAN: real addresses and port 179."""
    INTERFACE = "interface"
    """As netns, and what the topology says leads out over a bridge or a NIC of this host, to a router there."""


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


@dataclass(frozen=True, slots=True)
class OutsideSpec:
    """Of a node that the lab does not run: where it really is on loopback, if known."""

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
    addresses: tuple[IpAddress, ...]
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


def _prefix_of(address: IpAddress, prefixes: tuple[IpNetwork, ...], what: str) -> IpNetwork:
    for prefix in prefixes:
        if address in prefix:
            return prefix
    raise LookupError(f"{address} is in none of the {what} prefixes")


@dataclass(frozen=True, slots=True)
class LanSpec:
    """The exchange LAN: its prefixes and the nodes attached to it. Without nodes there is no LAN."""

    prefixes: tuple[IpNetwork, ...]
    nodes: tuple[NodeSpec, ...]
    mtu: int = 1500
    interface: HostInterfaceSpec | None = None
    """What the LAN is joined with, on a link of kind `interface`."""

    def prefix_of(self, address: IpAddress) -> IpNetwork:
        """The LAN prefix that holds `address`. Raises LookupError when none does."""
        return _prefix_of(address, self.prefixes, "LAN")


@dataclass(frozen=True, slots=True)
class CableSpec:
    """A Direct connection's link: two nodes and nobody else."""

    name: str
    prefixes: tuple[IpNetwork, ...]
    ends: tuple[NodeSpec, NodeSpec]
    mtu: int = 1500
    quality: Quality = PERFECT
    interface: HostInterfaceSpec | None = None
    """What leads to the far end, on a link of kind `interface`."""

    def prefix_of(self, address: IpAddress) -> IpNetwork:
        """The cable's prefix that holds `address`. Raises LookupError when none does."""
        return _prefix_of(address, self.prefixes, "cable's")


def addresses_by_node(lan: LanSpec, cables: Sequence[CableSpec]) -> dict[str, list[IpAddress]]:
    """Every node of a lab with all of its addresses, in the order of their mention."""
    found: dict[str, list[IpAddress]] = {}
    for node in (*lan.nodes, *(end for cable in cables for end in cable.ends)):
        found.setdefault(node.name, []).extend(node.addresses)
    return found


def outside_nodes(lan: LanSpec, cables: Sequence[CableSpec]) -> dict[str, OutsideSpec]:
    """The nodes that the lab does not run."""
    nodes = (*lan.nodes, *(end for cable in cables for end in cable.ends))
    return {node.name: node.outside for node in nodes if node.outside is not None}


INTERFACE = "lan"
"""The name of a node's interface on the exchange LAN, and of the bridge in the namespace of the LAN itself."""
CABLE = "pni"
"""The nth cable of a lab (from 1) is the interface `pni<n>` at both of its ends (a private network interconnect)."""
