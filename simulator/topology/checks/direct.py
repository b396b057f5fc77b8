"""What a schema cannot say of Direct peerings: prefix lengths, families, prefixes that overlap."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network

from simulator.session.messages import Family
from simulator.topology.problem import Path, Problem
from simulator.topology.schema import ConnectionChoice, Peering, Topology
from simulator.topology.segments import LENGTHS


def direct_problems(peering: Peering, choice: ConnectionChoice, where: Path) -> Iterator[Problem]:
    """Of one connection, at `where` in the file."""
    if not choice.prefixes:
        yield Problem(where, f"the connection to '{choice.edge}' has no prefix: give it ipv4, ipv6 or both")
        return
    for family in Family:
        prefix, (long, longer) = choice.prefix(family), LENGTHS[family]
        if prefix is not None and prefix.prefixlen not in (long, longer):
            text = f"Invalid Prefix: {prefix}, must be either /{long} or /{longer}"
            yield Problem((*where, family.label.lower()), text)
    for family in peering.families_of(choice):
        if choice.prefix(family) is None:
            text = f"the connection to '{choice.edge}' has no {family.label} prefix for the {family.label} session"
            yield Problem(where, f"{text}: give it one, or set `families` of the peering")


def prefix_problems(topology: Topology) -> Iterator[Problem]:
    """Prefixes of Direct connections that overlap with one another or with the exchange LAN."""
    taken: list[tuple[IPv4Network | IPv6Network, str]] = [
        (prefix, "the exchange LAN's") for prefix in topology.lan.prefixes
    ]
    for index, peering in enumerate(topology.peerings):
        for position, choice in enumerate(peering.connections or () if peering.is_direct else ()):
            for family in Family:
                prefix = choice.prefix(family)
                if prefix is None:
                    continue
                owner = next((f"{whose} {other}" for other, whose in taken if _overlap(prefix, other)), None)
                if owner is not None:
                    where = ("peerings", index, "connections", position, family.label.lower())
                    yield Problem(where, f"{prefix} overlaps with {owner}: every connection needs a prefix of its own")
                taken.append((prefix, f"the connection to '{choice.edge}' in '{peering.name}':"))


def _overlap(one: IPv4Network | IPv6Network, other: IPv4Network | IPv6Network) -> bool:
    return one.version == other.version and one.overlaps(other)
