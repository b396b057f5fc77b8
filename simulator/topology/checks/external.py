"""What a schema cannot say of routers that the lab does not run, and of the interfaces that lead to them."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from simulator.places.endpoint import LOOPBACK_HOSTS
from simulator.topology.kinds import LANGUAGES
from simulator.topology.problem import Path, Problem
from simulator.topology.schema import ConnectionChoice, Peer, Topology
from simulator.topology.suggest import did_you_mean

_ONLY_EXTERNAL = {"address", "port", "format"}


def external_problems(topology: Topology) -> Iterator[Problem]:
    """Of a topology that has no other problem."""
    addresses: dict[IPv4Address | None, list[str]] = {}
    for peer in topology.peers:
        if peer.is_external:
            addresses.setdefault(peer.router_choice.address, []).append(peer.name)
    for index, peer in enumerate(topology.peers):
        yield from _router_problems(peer, ("peers", index, "router"), addresses)
    for index, peering in enumerate(topology.peerings):
        external = topology.peer(peering.peer).is_external
        if external and peering.peer_side.model_fields_set:
            text = f"the router of '{peering.peer}' is external: make the mistake in its own configuration"
            yield Problem(("peerings", index, "peer-side"), text)
        for position, choice in enumerate(peering.connections or ()):
            if choice.interface is not None and not external:
                text = f"the router of '{peering.peer}' is the lab's own: only a router: external needs an interface"
                yield Problem(("peerings", index, "connections", position, "interface"), text)
    yield from unreachable(topology, topology.link)


def unreachable(topology: Topology, link: str) -> Iterator[Problem]:
    """External routers that nothing leads to on a link of this kind."""
    if link == "interface" and not _interfaces(topology):
        text = "link: interface has none: name a bridge or NIC of this host as `interface` of the exchange"
        yield Problem(("link",), f"{text}, or of a Direct connection")
        return
    direct = _direct_of(topology)
    for index, peer in enumerate(topology.peers):
        if not peer.is_external:
            continue
        if link == "netns":
            text = f"nothing outside reaches the lab's namespaces, and the router of '{peer.name}' is external"
            yield Problem(("peers", index, "router"), f"{text}: use link: interface, or loopback for a process here")
        missing = f"nothing leads to the external router of '{peer.name}': name a bridge or NIC as `interface`"
        if link == "interface" and peer.addresses and topology.exchange and not topology.exchange.interface:
            yield Problem(("exchange",), missing)
        for where, choice in direct.get(peer.name, ()) if link == "interface" else ():
            if choice.interface is None:
                yield Problem(where, missing)


def _direct_of(topology: Topology) -> dict[str, list[tuple[Path, ConnectionChoice]]]:
    """The Direct connections of each peer, and where they are in the file."""
    found: dict[str, list[tuple[Path, ConnectionChoice]]] = {}
    for number, peering in enumerate(topology.peerings):
        for position, choice in enumerate((peering.connections or ()) if peering.is_direct else ()):
            found.setdefault(peering.peer, []).append((("peerings", number, "connections", position), choice))
    return found


def _interfaces(topology: Topology) -> list[object]:
    choices = [choice.interface for peering in topology.peerings for choice in peering.connections or ()]
    found = [*choices, topology.exchange.interface if topology.exchange is not None else None]
    return [interface for interface in found if interface is not None]


def _router_problems(peer: Peer, where: Path, taken: dict[IPv4Address | None, list[str]]) -> Iterator[Problem]:
    choice = peer.router_choice
    told = sorted(choice.model_fields_set & _ONLY_EXTERNAL)
    if told and not peer.is_external:
        yield Problem((*where, told[0]), f"only a router: external has that, and this one is '{choice.kind}'")
        return
    if choice.format is not None and choice.format not in LANGUAGES:
        hint = did_you_mean(choice.format, LANGUAGES)
        yield Problem(
            (*where, "format"),
            f"there is no format '{choice.format}'{hint} (one of {', '.join(LANGUAGES)})",
        )
    address = choice.address
    if address is None:
        return
    if not address.is_loopback or address in LOOPBACK_HOSTS:
        text = f"{address} is not to be had: use one of 127.0.0.0/8, but not of {LOOPBACK_HOSTS}"
        yield Problem((*where, "address"), f"{text}, where the lab's own are")
    same = next((name for name in taken.get(address, [])[:2] if name != peer.name), None)
    if same is not None:
        yield Problem((*where, "address"), f"{address} is the address of the router of '{same}' as well")
