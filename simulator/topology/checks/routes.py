"""What has to hold of announced routes: their syntax, and that the node's router has a way to say them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from simulator.topology.announce import Announce
from simulator.topology.originate import announcements, router_routes
from simulator.topology.problem import Path, Problem
from simulator.topology.sayable import unsayable
from simulator.topology.schema import Node, Topology
from simulator.topology.suggest import in_route


def announcement_problems(topology: Topology) -> Iterator[Problem]:
    """Routes that nobody could announce."""
    anywhere = Node(name="any")
    sections: list[tuple[Path, Announce]] = [(("microsoft", "announce"), topology.microsoft.announce or [])]
    sections += [(("peers", index, "announce"), peer.announce) for index, peer in enumerate(topology.peers)]
    sections += [(("customers", index, "announce"), each.announce) for index, each in enumerate(topology.customers)]
    for where, entries in sections:
        for index, entry in enumerate(entries):
            try:
                announcements([entry], anywhere)
            except ValueError as error:
                hint = in_route(entry) if isinstance(entry, str) else ""
                yield Problem((*where, index), f"{error}{hint}")


def unsayable_problems(topology: Topology, formats: Mapping[str, str]) -> Iterator[Problem]:
    """Routes that a peer's router has no way to announce."""
    for section, nodes in (("peers", topology.peers), ("customers", topology.customers)):
        for at, node in enumerate(nodes):
            choice = node.router_choice
            # What is in a file of the user's own is announced from there, where it can hold routes.
            if node.name not in formats and choice.config is not None and node.router_abilities.routes_from_file:
                continue
            language = formats.get(node.name) or choice.format or choice.kind
            for index, entry in enumerate(node.announce):
                if isinstance(entry, str):
                    # The routes of a line have the same attributes.
                    for route in router_routes(announcements([entry], node))[:1]:
                        reason = unsayable(language, route)
                        if reason is not None:
                            yield Problem((section, at, "announce", index), reason)
