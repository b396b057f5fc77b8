"""What has to hold of the names that routers have for their interfaces and VRFs."""

from __future__ import annotations

from collections.abc import Iterator

from simulator.places.link import CABLE, INTERFACE
from simulator.topology.problem import Path, Problem
from simulator.topology.schema import ConnectionChoice, Peer, Topology

_Cable = tuple[int, Path, ConnectionChoice]
"""A Direct connection: its number in the file, its place, and what the file says of it."""

_RESERVED = ("lo", "all", "default")


def name_problems(topology: Topology) -> Iterator[Problem]:
    """A router has each name once, and a router that is no real one has none of its own."""
    cables = _cables(topology)
    for section, peers in (("peers", topology.peers), ("customers", topology.customers)):
        for index, peer in enumerate(peers):
            yield from _names(peer, (section, index), cables.get(peer.name, []))


def _cables(topology: Topology) -> dict[str, list[_Cable]]:
    """The Direct connections of each peer, numbered through the file as their interfaces are."""
    found: dict[str, list[_Cable]] = {}
    number = 0
    for position, peering in enumerate(topology.peerings):
        for place, choice in enumerate(peering.connections or () if peering.is_direct else ()):
            number += 1
            spot = ("peerings", position, "connections", place)
            found.setdefault(peering.peer, []).append((number, spot, choice))
    return found


def _names(peer: Peer, where: Path, cables: list[_Cable]) -> Iterator[Problem]:
    interfaces: dict[str, str] = {}
    vrfs: list[tuple[Path, str]] = []
    told: list[tuple[Path, str]] = []
    if peer.addresses:
        interfaces[peer.interface or INTERFACE] = "on the exchange LAN"
    for key, name in (("interface", peer.interface), ("vrf", peer.vrf)):
        if name is not None:
            told.append(((*where, key), name))
    if peer.vrf is not None:
        vrfs.append(((*where, "vrf"), peer.vrf))
    for number, spot, choice in cables:
        name = choice.peer_interface or f"{CABLE}{number}"
        if name in interfaces:
            text = f"the router of '{peer.name}' has an interface {name} {interfaces[name]}: each needs its own name"
            yield Problem((*spot, "peer-interface") if choice.peer_interface else spot, text)
        interfaces[name] = f"to '{choice.edge}'"
        for key, given in (("peer-interface", choice.peer_interface), ("peer-vrf", choice.peer_vrf)):
            if given is not None:
                told.append(((*spot, key), given))
        if choice.peer_vrf is not None:
            vrfs.append(((*spot, "peer-vrf"), choice.peer_vrf))
    for spot, name in told:
        if peer.is_external:
            yield Problem(
                spot, f"the router of '{peer.name}' is external: its interfaces have the names that they have"
            )
        elif name in _RESERVED:
            yield Problem(spot, f"the kernel has a use of its own for the name {name}: use another one")
    for spot, name in vrfs:
        if peer.router_abilities.is_played:
            yield Problem(spot, "only a real router has VRFs: name one, such as kind: frr with its config")
        elif name in interfaces:
            yield Problem(spot, f"{name} is the name of an interface of '{peer.name}' as well")
