"""From a topology to its links: the exchange LAN, and a cable for every Direct connection, with who has which address.

Microsoft publishes two answers for the halves of a prefix. Its FAQ gives the peer the first address (+0) and Microsoft
the second (+1). Production, in the recordings of the public PowerShell module's tests, gave the peer the second (+1)
and Microsoft the third (+2) of every /30 and /126, where +0 is no host address. A topology chooses by `halves`; the
default is what was recorded. For a /31 and a /127 both agree with RFC 3021 and RFC 6164: there are only +0 and +1.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from simulator.addresses import IpAddress
from simulator.places.link import CableSpec, HostInterfaceSpec, LanSpec, NodeSpec, OutsideSpec
from simulator.session.messages import Family
from simulator.topology.links import HostInterface
from simulator.topology.schema import ConnectionChoice, Node, Peer, Peering, PeerSide, Topology

LENGTHS = {Family.IPV4: (30, 31), Family.IPV6: (126, 127)}
"""The prefix lengths of a Direct session: /30 and /31 by Microsoft's clients; /126 and /127 as seen in recordings.
The clients also take shorter IPv6 prefixes; the simulator does not."""


@dataclass(frozen=True, slots=True)
class Halves:
    """Who has which address of a session's prefix."""

    peer: IpAddress
    microsoft: IpAddress


def halves(prefix: IPv4Network | IPv6Network, rule: str = "recorded") -> Halves:
    """The two addresses of a Direct session's prefix, by `recorded` or `faq` (see above)."""
    point_to_point = prefix.prefixlen == prefix.max_prefixlen - 1
    first = 0 if point_to_point or rule == "faq" else 1
    return Halves(prefix[first], prefix[first + 1])


def session_addresses(choice: ConnectionChoice, family: Family, side: PeerSide | None = None) -> Halves | None:
    """The addresses of a Direct connection's session, as agreed or as `side` has it; None without such a prefix."""
    prefix = choice.prefix(family)
    rule = (side.halves if side is not None else None) or choice.halves
    return halves(prefix, rule) if prefix is not None else None


def lan_of(topology: Topology) -> LanSpec:
    """The exchange LAN with all nodes that have an address on it."""
    if topology.exchange is None:
        return LanSpec((), ())
    nodes = (node for node in (*topology.edges, *topology.peers, *topology.customers) if node.addresses)
    exchange = topology.exchange
    return LanSpec(exchange.lan.prefixes, tuple(map(_on_lan, nodes)), exchange.mtu, _leading_out(exchange.interface))


def _on_lan(node: Node) -> NodeSpec:
    names = (node.interface or "", node.vrf or "") if isinstance(node, Peer) else ("", "")
    return NodeSpec(node.name, node.addresses, node.quality, node.mtu, _outside(node), *names)


def _outside(node: Node) -> OutsideSpec | None:
    if not isinstance(node, Peer) or not node.is_external:
        return None
    return OutsideSpec(node.router_choice.address, node.router_choice.port or 0)


def _leading_out(interface: HostInterface | str | None) -> HostInterfaceSpec | None:
    if isinstance(interface, HostInterface):
        return HostInterfaceSpec(interface.name, interface.default_route)
    return HostInterfaceSpec(interface) if interface is not None else None


def cables_of(topology: Topology) -> tuple[CableSpec, ...]:
    """The cable of every Direct connection, in the order of the file."""
    return tuple(
        _cable(name, topology, peering, choice)
        for peering in topology.peerings
        if peering.is_direct
        for choice, (name, _) in zip(topology.choices(peering), topology.connections(peering), strict=True)
    )


def _cable(name: str, topology: Topology, peering: Peering, choice: ConnectionChoice) -> CableSpec:
    agreed = (session_addresses(choice, family) for family in Family)
    taken = (session_addresses(choice, family, peering.peer_side) for family in Family)
    edge = NodeSpec(choice.edge, tuple(pair.microsoft for pair in agreed if pair is not None))
    theirs = tuple(pair.peer for pair in taken if pair is not None)
    outside = _outside(topology.peer(peering.peer))
    name, vrf = choice.peer_interface or "", choice.peer_vrf or ""
    peer = NodeSpec(peering.peer, theirs, outside=outside, interface=name, vrf=vrf)
    out = _leading_out(choice.interface)
    return CableSpec(name, choice.prefixes, (edge, peer), choice.mtu, choice.quality, out)
