"""What has to hold of peerings and their connections."""

from __future__ import annotations

from collections.abc import Iterator

from simulator.topology.checks.direct import direct_problems, prefix_problems
from simulator.topology.checks.nodes import link_problems
from simulator.topology.problem import Path, Problem
from simulator.topology.schema import ConnectionChoice, Node, Peering, Topology
from simulator.topology.suggest import MOST_HINTS, choose


def peering_problems(topology: Topology) -> Iterator[Problem]:
    """Peerings whose names, peers, edges or addresses do not fit together."""
    peers, edges = {peer.name for peer in topology.peers}, {edge.name for edge in topology.edges}
    known_peers, known_edges, wrong = sorted(peers), sorted(edges), 0
    names: set[str] = set()
    used: dict[tuple[str, str], str] = {}
    ids: set[str] = set()
    for index, peering in enumerate(topology.peerings):
        where: Path = ("peerings", index)
        if peering.name in names:
            yield Problem((*where, "name"), f"two peerings are called '{peering.name}'")
        names.add(peering.name)
        if peering.peer not in peers:
            wrong += 1
            yield Problem((*where, "peer"), choose("peer", peering.peer, known_peers, hint=wrong < MOST_HINTS))
            continue
        unknown = [c.edge for c in peering.connections or () if c.edge not in edges]
        for position, choice in enumerate(peering.connections or ()):
            if choice.edge in unknown:
                wrong += 1
                yield Problem(
                    (*where, "connections", position, "edge"),
                    choose("edge", choice.edge, known_edges, hint=wrong < MOST_HINTS),
                )
        if unknown:
            continue
        if peering.is_direct and not peering.connections:
            yield Problem(
                (*where, "connections"), "a Direct peering needs `connections`: each an edge and its prefixes"
            )
            continue
        if peering.connections is not None and not peering.connections:
            yield Problem(
                (*where, "connections"), "a peering needs a connection: omit `connections` for one to every edge"
            )
        if not peering.is_direct and topology.exchange is None:
            yield Problem(where, "an Exchange peering needs the `exchange` section; or is it kind: Direct?")
            continue
        if peering.peer_side.halves is not None and (not peering.is_direct or topology.link == "loopback"):
            text = "only the links of a Direct peering have halves, and only link: netns has real ones"
            yield Problem((*where, "peer-side", "halves"), text)
        if not peering.families:
            yield Problem((*where, "families"), "a peering needs at least one of IPv4 and IPv6")
        choices = topology.choices(peering)
        for position, (identifier, edge) in enumerate(topology.connections(peering)):
            spot = (*where, "connections", position) if peering.connections is not None else where
            if choices[position].families == []:
                yield Problem((*spot, "families"), "a connection needs at least one of IPv4 and IPv6")
            if identifier in ids and not (peering.is_ixrs and position):
                yield Problem(spot, f"ConnectionIdentifier:{identifier} is already being used in peering.")
            ids.add(identifier)
            if peering.is_direct:
                yield from link_problems(choices[position], spot)
                yield from direct_problems(peering, choices[position], spot)
                continue
            pair = (peering.peer, edge.name)
            if pair in used:
                text = f"duplicate connection: '{peering.peer}' to '{edge.name}' is already in {used[pair]}"
                yield Problem(spot, f"{text} (Microsoft: Connection are not unique)")
            used[pair] = peering.name
            yield from _connection_problems(topology, peering, choices[position], edge, spot)
        for position, choice in enumerate(() if peering.is_direct else peering.connections or ()):
            misplaced = sorted(name.replace("_", "-") for name in choice.model_fields_set - {"edge", "id", "families"})
            if misplaced:
                text = f"{', '.join(misplaced)}: only a Direct connection has that, not an {peering.kind} one"
                yield Problem((*where, "connections", position), text)
    yield from prefix_problems(topology)


def _connection_problems(
    topology: Topology, peering: Peering, choice: ConnectionChoice, edge: Node, where: Path
) -> Iterator[Problem]:
    peer = topology.peer(peering.peer)
    for family in peering.families_of(choice):
        for node, side in ((edge, "edge"), (peer, "peer")):
            if node.address(family) is None:
                text = f"{side} '{node.name}' has no {family.label} address for the {family.label} session"
                yield Problem(where, f"{text}: give it one, or set `families` of the peering")
