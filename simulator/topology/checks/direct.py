"""What a schema cannot say of Direct peerings: prefix lengths, families, prefixes that overlap."""

from __future__ import annotations

from bisect import bisect_left, insort
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
    taken = _Taken()
    for lan in topology.lan.prefixes:
        taken.add(lan, "the exchange LAN's")
    for index, peering in enumerate(topology.peerings):
        for position, choice in enumerate(peering.connections or () if peering.is_direct else ()):
            for family in Family:
                prefix = choice.prefix(family)
                if prefix is None:
                    continue
                owner = taken.overlapping(prefix)
                if owner is not None:
                    where = ("peerings", index, "connections", position, family.label.lower())
                    yield Problem(where, f"{prefix} overlaps with {owner}: every connection needs a prefix of its own")
                taken.add(prefix, f"the connection to '{choice.edge}' in '{peering.name}':")


_Key = tuple[int, int, int]
"""IP version, first address, prefix length: sorted, what a prefix covers follows it."""


class _Taken:
    """Prefixes that are taken, each with its owner. Two prefixes overlap where one covers the other."""

    def __init__(self) -> None:
        self._owners: dict[_Key, str] = {}
        self._sorted: list[_Key] = []
        self._lengths: set[int] = set()

    def add(self, prefix: IPv4Network | IPv6Network, whose: str) -> None:
        key = (prefix.version, int(prefix.network_address), prefix.prefixlen)
        if key not in self._owners:
            self._owners[key] = f"{whose} {prefix}"
            insort(self._sorted, key)
            self._lengths.add(prefix.prefixlen)

    def overlapping(self, prefix: IPv4Network | IPv6Network) -> str | None:
        """Whose prefix covers this one or lies in it."""
        version, first, width = prefix.version, int(prefix.network_address), prefix.max_prefixlen
        for length in sorted(self._lengths):
            if length <= prefix.prefixlen:
                covering = (version, first >> (width - length) << (width - length), length)
                if covering in self._owners:
                    return self._owners[covering]
        at = bisect_left(self._sorted, (version, first, 0))
        if at < len(self._sorted) and self._sorted[at] <= (version, int(prefix.broadcast_address), width):
            return self._owners[self._sorted[at]]
        return None
