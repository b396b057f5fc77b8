"""FRR's JSON: `show bgp ipv4 unicast json`, `… detail json`, one prefix of it, and what a neighbor sends and is sent.

FRR has no word for Only to Customer in any of them, and without `detail` none for communities.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final

from simulator.tables import router_notation
from simulator.tables.json_stream import JsonPath
from simulator.tables.missing_attributes import COMMUNITIES, OTC, MissingAttributes
from simulator.tables.notation import number
from simulator.tables.router_json import Dialect, Object, PrefixObject, Route, one_or_more, read
from simulator.tables.table_entries import TableEntry
from simulator.wire.path_attributes import PathAttributes

TABLES: Final = frozenset({"routes", "receivedRoutes", "advertisedRoutes", "filteredRoutes"})
_LEGENDS: Final = frozenset({"bgpStatusCodes", "bgpOriginCodes", "flags", "advertisedTo", "paths", "[]"})
"""Containers that hold no table."""
_PREFIX: Final = re.compile(r"[0-9A-Fa-f.:]+/\d+")
_DETAIL: Final = MissingAttributes(OTC, "FRR shows it nowhere: give an MRT dump (`dump bgp routes-mrt`)")
_BRIEF: Final = MissingAttributes(
    COMMUNITIES | OTC,
    "FRR's table does not show it: give `show bgp ipv4 unicast detail json`, or an MRT dump",
)


def read_frr(chunks: Iterable[bytes]) -> Iterator[TableEntry]:
    """Every path of every prefix, of every address family and VRF that the file has."""
    return read(Dialect(_walk, _Splitter().split, _route), chunks)


def _walk(path: JsonPath) -> bool:
    if not path or path[-1] in TABLES:
        return True
    # An address family or a VRF holds a table; a prefix with its paths is a value.
    if len(path) > 2 or path[-1] in _LEGENDS or not TABLES.isdisjoint(path):
        return False
    return _PREFIX.fullmatch(path[-1]) is None


class _Splitter:
    def __init__(self) -> None:
        self._prefix = ""
        """The one that was asked for: it stands in front of its paths."""

    def split(self, path: JsonPath, value: Any) -> Iterator[PrefixObject] | None:
        name = path[-1] if path else ""
        if len(path) > 1 and path[-2] in TABLES:
            return one_or_more(name, value["paths"] if isinstance(value, dict) and "paths" in value else value)
        if name == "prefix":
            self._prefix = value
        if name == "paths":
            return one_or_more(self._prefix, value)
        if _PREFIX.fullmatch(name):
            raise ValueError(f"{name}: a prefix outside of a table")
        return None


def _route(told: Object) -> Route:
    given = told.get("aspath")
    detailed = isinstance(given, dict)
    text = given.get("string", "") if isinstance(given, dict) else told.get("path", "")
    hop, link_local = _next_hops(told)
    aggregator = None
    if "aggregatorAs" in told:
        aggregator = number(str(told["aggregatorAs"]), "aggregator"), IPv4Address(told["aggregatorId"])
    path = PathAttributes(
        origin=router_notation.origin(told.get("origin", told.get("bgpOriginCode"))),
        as_path=router_notation.as_path("" if text == "Local" else text),
        next_hop=hop,
        link_local=link_local,
        med=router_notation.whole(told.get("metric", told.get("med")), "MED"),
        local_pref=router_notation.whole(told.get("locPrf"), "local preference"),
        atomic_aggregate=bool(told.get("atomicAggregate")),
        aggregator=aggregator,
        communities=router_notation.communities(_strings(told, "community")),
        large_communities=router_notation.large_communities(_strings(told, "largeCommunity")),
        extended_communities=router_notation.extended_communities(_strings(told, "extendedCommunity")),
    )
    best = told.get("bestpath", told.get("appliedStatusSymbols", {}).get(">", False))
    chosen = bool(best.get("overall")) if isinstance(best, dict) else bool(best)
    peer = told.get("peer", {}).get("peerId") if detailed else told.get("peerId")
    return Route(path, peer, best=chosen, lacks=_DETAIL if detailed else _BRIEF)


def _strings(told: Object, name: str) -> list[str]:
    """`{"string": "64496:1 64496:2", "list": […]}`."""
    given = told.get(name)
    return str(given["string"]).split() if given else []


def _next_hops(told: Object) -> tuple[IPv4Address | IPv6Address | None, IPv6Address | None]:
    """The global one, and IPv6's link-local one where there is one."""
    hop, link_local = None, None
    for given in told.get("nexthops") or [{"ip": told[name]} for name in _HOPS if name in told]:
        found = router_notation.address(given["ip"])
        if isinstance(found, IPv6Address) and found.is_link_local and (hop is not None or given.get("scope") is None):
            link_local = found
        elif hop is None:
            hop = found
    if hop is None:
        hop = link_local
    return (None if hop is None or hop.is_unspecified else hop), link_local


_HOPS: Final = ("nextHop", "nextHopGlobal", "nextHopLocal")
