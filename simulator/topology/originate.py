"""What a node announces: from the topology's notation to routes for a speaker or for a real router."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from itertools import islice
from typing import TYPE_CHECKING

from simulator.rib.announcement import Announcement
from simulator.session.messages import Family
from simulator.topology.announce import Announce, Generate, PrefixList
from simulator.topology.route import RouterRoute
from simulator.topology.schema import Node
from simulator.wire import nlri
from simulator.wire.path_attributes import AsSegment, PathAttributes, SegmentKind

if TYPE_CHECKING:
    from simulator.wire.route_syntax import ParsedRoute


def prefixes_of(entry: PrefixList) -> Iterator[str]:
    """Every prefix of a list, in order. Raises ValueError when `generate` asks for more than there are."""
    yield from map(str, entry.prefixes)
    if entry.generate is not None:
        family, keys = _generated(entry.generate)
        yield from (nlri.text(family, key) for key in keys)


def _keys_of(entry: PrefixList) -> Iterator[tuple[Family, bytes]]:
    """The same as keys."""
    yield from (nlri.key(str(prefix)) for prefix in entry.prefixes)
    if entry.generate is not None:
        family, keys = _generated(entry.generate)
        yield from ((family, key) for key in keys)


def _generated(asked: Generate) -> tuple[Family, Iterator[bytes]]:
    """Counted, not parsed: there may be a full table of them. Raises ValueError."""
    within, length, count = asked.within, asked.length, asked.count
    longest = within.max_prefixlen
    if not within.prefixlen <= length <= longest:
        raise ValueError(f"generate: length {length} is not between /{within.prefixlen} of {within} and /{longest}")
    if count > 1 << (length - within.prefixlen):
        raise ValueError(
            f"generate: {within} has {1 << (length - within.prefixlen)} prefixes of /{length}, not {count}"
        )
    first, octets, head = int(within.network_address) >> (longest - length), (length + 7) // 8, bytes((length,))
    padding = octets * 8 - length
    keys = (head + (number << padding).to_bytes(octets, "big") for number in range(first, first + count))
    return Family.IPV4 if within.version == 4 else Family.IPV6, keys


def _attributes(entry: PrefixList) -> PathAttributes:
    return PathAttributes(
        as_path=(AsSegment(SegmentKind.SEQUENCE, tuple(entry.as_path)),) if entry.as_path else (),
        med=entry.med,
        communities=tuple(a << 16 | b for a, b in (_numbers(text, 0xFFFF) for text in entry.communities)),
        large_communities=tuple(
            (a, b, c) for a, b, c in (_numbers(text, 0xFFFFFFFF) for text in entry.large_communities)
        ),
    )


def _numbers(community: str, most: int) -> list[int]:
    numbers = [int(part) for part in community.split(":")]
    if max(numbers) > most:
        raise ValueError(f"community {community}: each part is at most {most}")
    return numbers


def announcements(entries: Announce, node: Node) -> list[Announcement]:
    """Routes for a speaker. Raises ValueError for bad route syntax or bad prefixes, naming the offending text."""
    grouped: dict[tuple[Family, PathAttributes], list[bytes]] = {}
    for entry in entries:
        if isinstance(entry, str):
            from simulator.wire.route_syntax import parse_routes  # ExaBGP, whose import takes long, reads them

            for route in parse_routes([entry], next_hop_v4=_v4(node), next_hop_v6=_v6(node)):
                grouped.setdefault((route.family, advertised(route, node.addresses)), []).append(route.key)
        else:
            attributes = _attributes(entry)
            for family, key in _keys_of(entry):
                grouped.setdefault((family, attributes), []).append(key)
    return [Announcement(family, attributes, tuple(keys)) for (family, attributes), keys in grouped.items()]


_MOST_MEANT = 1000
"""So many prefixes are compared with what comes."""


def prefixes_meant(entries: Announce, node: Node, family: Family) -> frozenset[str]:
    """The prefixes of a family that `announce` names; empty where it makes up very many. Raises ValueError."""
    generated = any(not isinstance(entry, str) and entry.generate is not None for entry in entries)
    if generated or len(entries) > _MOST_MEANT:
        return frozenset()
    found = {nlri.text(route.family, key) for route in announcements(entries, node) for key in route.keys}
    six = family is Family.IPV6
    return frozenset(each for each in found if (":" in each) is six) if len(found) <= _MOST_MEANT else frozenset()


def first_prefixes(entries: Announce, node: Node, family: Family, most: int) -> tuple[str, ...]:
    """The first prefixes of a family that `announcements` makes, at most so many, each once.

    It stops there: a validation asks at every look, and there may be a full table. Raises ValueError like
    `announcements`.
    """
    return tuple(dict.fromkeys(islice(_prefixes(entries, node, family), most)))


def _prefixes(entries: Announce, node: Node, family: Family) -> Iterator[str]:
    version = 4 if family is Family.IPV4 else 6
    for entry in entries:
        if isinstance(entry, str):
            routes = announcements([entry], node)
            yield from (nlri.text(each.family, key) for each in routes if each.family is family for key in each.keys)
        elif entry.generate is not None and entry.generate.within.version == version:
            yield from (prefix for prefix in prefixes_of(entry) if (":" in prefix) == (version == 6))
        else:
            yield from (str(prefix) for prefix in entry.prefixes if prefix.version == version)


def advertised(route: ParsedRoute, own: Sequence[IPv4Address | IPv6Address]) -> PathAttributes:
    """The attributes of a route line for the export side, which knows the session's own address: NEXT_HOP only where
    it is another. Raises ValueError for what no external peer is sent.
    """
    path = route.attributes
    if path.local_pref is not None:
        raise ValueError("local-preference is not sent to an external peer (RFC 4271 5.1.5): leave it out")
    return replace(path, next_hop=None) if route.next_hop_self or path.next_hop in own else path


def _v4(node: Node) -> IPv4Address:
    # Only a placeholder for `next-hop self`, which the export side completes.
    return node.ipv4 or IPv4Address("192.0.2.1")


def _v6(node: Node) -> IPv6Address:
    return node.ipv6 or IPv6Address("2001:db8::1")


def router_routes(routes: Sequence[Announcement]) -> tuple[RouterRoute, ...]:
    """The same routes for a real router's configuration."""
    return tuple(_router_routes(routes))


def _router_routes(routes: Iterable[Announcement]) -> Iterator[RouterRoute]:
    for route in routes:
        path = route.attributes
        for key in route.keys:
            yield RouterRoute(
                nlri.text(route.family, key),
                as_path=tuple(_path(path)),
                communities=path.communities_text,
                large_communities=tuple(":".join(map(str, parts)) for parts in path.large_communities),
                med=path.med,
                origin=path.origin,
                next_hop=None if path.next_hop is None else str(path.next_hop),
                atomic_aggregate=path.atomic_aggregate,
                aggregator=None if path.aggregator is None else (path.aggregator[0], str(path.aggregator[1])),
                extended_communities=path.extended_communities,
                otc=path.otc,
                unknown=path.unknown,
                partial=path.partial,
            )


def _path(path: PathAttributes) -> Iterator[int | AsSegment]:
    for segment in path.as_path:
        if segment.kind is SegmentKind.SEQUENCE:
            yield from segment.asns
        else:
            yield segment
