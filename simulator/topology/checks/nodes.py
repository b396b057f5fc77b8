"""What has to hold of edges, peers and customers: names, addresses on the exchange LAN, routers."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

from netaddr import IPAddress, IPNetwork

from simulator.topology.kinds import KINDS
from simulator.topology.links import LinkQuality
from simulator.topology.problem import Path, Problem
from simulator.topology.schema import Peer, Topology
from simulator.topology.suggest import choose


def node_problems(topology: Topology) -> Iterator[Problem]:
    """Names that two nodes have, addresses that are not the exchange's, routers that cannot run."""
    names: dict[str, str] = {}
    taken: dict[IPv4Address | IPv6Address, str] = {}
    lan = topology.lan
    if topology.exchange is not None and not lan.prefixes:
        yield Problem(("exchange", "lan"), "the exchange LAN needs an ipv4 or an ipv6 prefix")
    for section, nodes in (("edges", topology.edges), ("peers", topology.peers), ("customers", topology.customers)):
        for index, node in enumerate(nodes):
            where: Path = (section, index)
            if node.name in names:
                yield Problem((*where, "name"), f"the name '{node.name}' is already used in {names[node.name]}")
            names[node.name] = section
            yield from link_problems(node, where)
            if not node.addresses and node.model_fields_set & _OF_THE_LAN:
                told = ", ".join(sorted(node.model_fields_set & _OF_THE_LAN))
                text = f"{told}: '{node.name}' has no interface on the exchange LAN: give it to the Direct connection"
                yield Problem(where, text)
            for key, address, prefix in (("ipv4", node.ipv4, lan.ipv4), ("ipv6", node.ipv6, lan.ipv6)):
                if address is None:
                    continue
                problem = _address_problem(str(address), str(prefix) if prefix else None, topology)
                if problem:
                    yield Problem((*where, key), problem)
                elif address in taken:
                    yield Problem((*where, key), f"{address} is already the address of '{taken[address]}'")
                taken[address] = node.name
    for index, peer in enumerate(topology.peers):
        if peer.router_kind not in KINDS:
            yield Problem(("peers", index, "router"), choose("router", peer.router_kind, KINDS))
        elif not peer.router_abilities.on_loopback and topology.link == "loopback":
            text = f"router '{peer.router_kind}' needs real addresses and port 179: use link: netns"
            yield Problem(("peers", index, "router"), text)
    networks: list[tuple[str, list[Peer]]] = [("peers", topology.peers), ("customers", [*topology.customers])]
    for section, peers in networks:
        for index, peer in enumerate(peers):
            if peer.hold_time in (1, 2):
                yield Problem((section, index, "hold-time"), "a hold time is 0 or at least 3 seconds (RFC 4271 §4.2)")
            if peer.asn == topology.microsoft.asn:
                text = f"AS{peer.asn} is Microsoft's own: a peering is between two ASes"
                yield Problem((section, index, "asn"), text)


def own_file_problems(topology: Topology, needed: bool) -> Iterator[Problem]:
    """Configuration files of the user's own for routers that take none; and, where `needed`, that are not there."""
    nodes: list[tuple[str, list[Peer]]] = [("peers", topology.peers), ("customers", [*topology.customers])]
    for section, peers in nodes:
        for index, peer in enumerate(peers):
            config, text = peer.router_choice.config, ""
            if config is None:
                continue
            if peer.is_external:
                text = "an external router has its own configuration: turnup does not start it"
            elif peer.router_abilities.is_played:
                text = "the simulated router has no configuration file: name a real router, such as kind: bird"
            elif needed and not config.is_file():
                text = f"there is no file {config}"
            if text:
                yield Problem((section, index, "router", "config"), text)


def unlinked_problems(topology: Topology) -> Iterator[Problem]:
    """Nodes that nothing leads to. Told alone: it is what follows from most other mistakes."""
    direct = {
        name
        for peering in topology.peerings
        if peering.is_direct
        for name in (peering.peer, *(choice.edge for choice in topology.choices(peering)))
    }
    for section, nodes in (("edges", topology.edges), ("peers", topology.peers)):
        for index, node in enumerate(nodes):
            if not node.addresses and node.name not in direct:
                text = f"'{node.name}' has no address on an exchange LAN and no Direct connection"
                yield Problem((section, index), f"{text}: give it one, or leave it out")


_OF_THE_LAN = {*LinkQuality.model_fields, "mtu", "interface", "vrf"}


def link_problems(quality: LinkQuality, where: Path) -> Iterator[Problem]:
    """What a link cannot do to frames."""
    if quality.jitter > quality.latency:
        text = f"a jitter of {quality.jitter:g} ms is more than the latency of {quality.latency:g} ms that it varies"
        yield Problem((*where, "jitter"), text)


def _address_problem(address: str, prefix: str | None, topology: Topology) -> str | None:
    if topology.exchange is None:
        return f"{address} is on no exchange: add the `exchange` section, or leave it to the Direct connections"
    if prefix is None:
        return f"{address} has no LAN prefix to lie in: the exchange has none of that family"
    network, host = IPNetwork(prefix), IPAddress(address)
    if host not in network:
        return f"{address} is outside the exchange LAN {prefix}: use an address that the exchange assigned"
    if (
        network.version == 4
        and network.prefixlen < 31
        and host in (IPAddress(network.first, 4), IPAddress(network.last, 4))
    ):
        return f"{address} is the network or broadcast address of {prefix}"
    if network.version == 6 and int(host) == network.first:
        return f"{address} is the subnet-router anycast address of {prefix}"
    return None
