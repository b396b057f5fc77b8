"""`gobgp global rib -j` and `gobgp neighbor ADDRESS adj-in -j`: prefix → routes, their attributes by type code."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final

from simulator.tables import router_notation
from simulator.tables.json_stream import JsonPath
from simulator.tables.notation import number, segment
from simulator.tables.router_json import Dialect, Object, PrefixObject, Route, one_or_more, read
from simulator.tables.table_entries import TableEntry
from simulator.wire.path_attributes import AsSegment, PathAttributes, SegmentKind

_OTC: Final = 35


def read_gobgp(chunks: Iterable[bytes]) -> Iterator[TableEntry]:
    """GoBGP's JSON has everything of a session, except IPv6's second next hop."""
    return read(Dialect(lambda path: not path, _split, _route), chunks)


def _split(path: JsonPath, value: Any) -> Iterator[PrefixObject]:
    return one_or_more(path[-1], value)


def _route(told: Object) -> Route:
    fields: dict[str, Any] = {}
    for attribute in told["attrs"]:
        code = attribute["type"]
        if (reader := _READERS.get(code)) is not None:
            name, take = reader
            fields[name] = take(attribute)
        elif "value" in attribute and "flags" in attribute:
            raw = base64.b64decode(attribute["value"], validate=True)
            if code == _OTC and len(raw) == 4:
                fields["otc"] = int.from_bytes(raw, "big")
            elif attribute["flags"] & 0x40:
                fields["unknown"] = (*fields.get("unknown", ()), (attribute["flags"], code, raw))
    return Route(PathAttributes(**fields), told.get("neighbor-ip"), best=bool(told.get("best")))


def _as_path(attribute: Object) -> tuple[AsSegment, ...]:
    found: list[AsSegment] = []
    for part in attribute["as_paths"]:
        found += segment(SegmentKind(part["segment_type"]), (number(str(asn), "ASN") for asn in part["asns"]))
    return tuple(found)


def _aggregator(attribute: Object) -> tuple[int, IPv4Address]:
    return number(str(attribute["as"]), "aggregator"), IPv4Address(attribute["address"])


def _next_hop(attribute: Object) -> IPv4Address | IPv6Address | None:
    return router_notation.next_hop(attribute["nexthop"])


def _large(attribute: Object) -> tuple[tuple[int, int, int], ...]:
    names = ("ASN", "LocalData1", "LocalData2")
    return router_notation.large_communities(
        ":".join(str(value[name]) for name in names) for value in attribute["value"]
    )


def _communities(attribute: Object) -> tuple[int, ...]:
    return tuple(number(str(value), "community") for value in attribute["communities"])


def _extended(attribute: Object) -> tuple[bytes, ...]:
    return tuple(map(_extended_community, attribute["value"]))


def _extended_community(told: Object) -> bytes:
    kind, subtype, value = told.get("type"), told.get("subtype"), told.get("value")
    if kind in (0, 1, 2) and isinstance(subtype, int) and 0 <= subtype < 256 and isinstance(value, str):
        found = router_notation.route_target(value, subtype)
        return bytes((kind,)) + found[1:]
    return router_notation.extended_community(repr(sorted(told.items())))


def _origin(attribute: Object) -> int:
    return number(str(attribute["value"]), "origin", 2)


_READERS: Final[dict[int, tuple[str, Callable[[Object], Any]]]] = {
    1: ("origin", _origin),
    2: ("as_path", _as_path),
    3: ("next_hop", _next_hop),
    4: ("med", lambda attribute: number(str(attribute["metric"]), "MED")),
    5: ("local_pref", lambda attribute: number(str(attribute["value"]), "local preference")),
    6: ("atomic_aggregate", lambda attribute: True),
    7: ("aggregator", _aggregator),
    8: ("communities", _communities),
    14: ("next_hop", _next_hop),
    16: ("extended_communities", _extended),
    32: ("large_communities", _large),
}
"""Type code → field of PathAttributes, and how GoBGP's object for it is read."""
