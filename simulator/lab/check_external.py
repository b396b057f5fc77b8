"""What a schema cannot say of routers that the lab does not run, and of the interfaces that lead to them."""

from __future__ import annotations

from collections.abc import Iterator

from simulator.lab.link import LOOPBACK_HOSTS
from simulator.lab.problem import Path, Problem
from simulator.lab.topology import Peer, Topology
from simulator.routers.configs.registry import FORMATS

_TOLD = {"address", "port", "format"}


def external_problems(topology: Topology) -> Iterator[Problem]:
    """Of a topology that has no other problem."""
    for index, peer in enumerate(topology.peers):
        yield from _router_problems(topology, peer, ("peers", index, "router"))
    for index, peering in enumerate(topology.peerings):
        where: Path = ("peerings", index)
        external = topology.peer(peering.peer).is_external
        if external and peering.peer_side.model_fields_set:
            text = f"the router of '{peering.peer}' is external: make the mistake in its own configuration"
            yield Problem((*where, "peer-side"), text)
        for position, choice in enumerate(topology.choices(peering) if peering.is_direct else ()):
            spot = (*where, "connections", position)
            if choice.interface is not None and not external:
                text = f"the router of '{peering.peer}' is the lab's own: only a router: external needs an interface"
                yield Problem((*spot, "interface"), text)
            elif external and topology.link == "interface" and choice.interface is None:
                text = f"nothing leads to the external router of '{peering.peer}': name the bridge or NIC as `interface`"
                yield Problem(spot, text)
    yield from _link_problems(topology)


def _router_problems(topology: Topology, peer: Peer, where: Path) -> Iterator[Problem]:
    choice = peer.router_choice
    if not peer.is_external:
        told = sorted(choice.model_fields_set & _TOLD)
        if told:
            yield Problem((*where, told[0]), f"only a router: external has that, and this one is '{choice.kind}'")
        return
    if choice.format is not None and choice.format not in FORMATS:
        yield Problem((*where, "format"), f"there is no format '{choice.format}' (one of {', '.join(FORMATS)})")
    if topology.link == "netns":
        text = "nothing outside reaches the lab's namespaces: use link: interface, or loopback for a process here"
        yield Problem(where, text)
    if topology.link == "interface":
        if peer.addresses and topology.exchange is not None and topology.exchange.interface is None:
            text = f"nothing leads to the external router of '{peer.name}': name the bridge or NIC as `interface`"
            yield Problem(("exchange",), text)
        for key in sorted(choice.model_fields_set & {"address", "port"}):
            yield Problem((*where, key), "only for link: loopback: on an interface the router has its real addresses")
        return
    if choice.address is not None and (not choice.address.is_loopback or choice.address in LOOPBACK_HOSTS):
        text = f"{choice.address} is not to be had: use an address of 127.0.0.0/8 outside of {LOOPBACK_HOSTS}"
        yield Problem((*where, "address"), f"{text}, where the lab's own are")
    for other in topology.peers:
        if other.name == peer.name:
            break
        if choice.address is not None and other.is_external and other.router_choice.address == choice.address:
            yield Problem((*where, "address"), f"{choice.address} is already where the router of '{other.name}' is")


def _link_problems(topology: Topology) -> Iterator[Problem]:
    direct = [choice for peering in topology.peerings for choice in peering.connections or ()]
    exchange = topology.exchange
    used = [choice.interface for choice in direct] + [exchange.interface if exchange is not None else None]
    if topology.link == "interface" and not any(used):
        text = "link: interface needs to know which: name a bridge or NIC as `interface` of the exchange"
        yield Problem(("link",), f"{text}, or of a Direct connection")
    if topology.link != "interface" and exchange is not None and exchange.interface is not None:
        yield Problem(("exchange", "interface"), "only link: interface leads out over an interface of this host")
    for index, peering in enumerate(topology.peerings):
        for position, choice in enumerate(peering.connections or ()):
            if topology.link != "interface" and choice.interface is not None:
                where = ("peerings", index, "connections", position, "interface")
                yield Problem(where, "only link: interface leads out over an interface of this host")
    if topology.link != "loopback" and topology.link != "auto" and topology.microsoft.port is not None:
        yield Problem(("microsoft", "port"), "only for link: loopback: elsewhere BGP is on port 179")
