"""`bgpctl -j show rib`, also `detail`, `in`, `out` and of one neighbor: the routes are an array.

Only `detail` has communities and the attributes that OpenBGPD has no column for; and a route that has none of them
looks the same in both. So a few routes wait until one shows which it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any, Final

from simulator.tables import router_notation
from simulator.tables.json_stream import JsonPath
from simulator.tables.missing_attributes import COMMUNITIES, NOTHING, OTC, MissingAttributes
from simulator.tables.notation import number
from simulator.tables.router_json import Dialect, Object, PrefixObject, Route, read
from simulator.tables.table_entries import TableEntry, TableRoutes
from simulator.wire.path_attributes import PathAttributes

_WAITING: Final = 20_000
"""Routes that wait; in a table of the Internet one of the first dozen has a community."""
_BRIEF: Final = MissingAttributes(COMMUNITIES | OTC, "no route shows it: give `bgpctl -j show rib detail`")
_ONLY_IN_DETAIL: Final = ("communities", "large_communities", "extended_communities", "attributes")


def read_openbgpd(chunks: Iterable[bytes]) -> Iterator[TableEntry]:
    """Every route; IPv6's second next hop is nowhere in it."""
    waiting: list[TableEntry] = []
    entries = read(Dialect(lambda path: path in ((), ("rib",)), _split, _route), chunks)
    for entry in entries:
        waiting.append(entry)
        detailed = isinstance(entry, TableRoutes) and entry.lacks is NOTHING
        if detailed or len(waiting) >= _WAITING:
            yield from _told(waiting, detailed)
            yield from _told(entries, detailed)
            return
    yield from waiting


def _told(entries: Iterable[TableEntry], detailed: bool) -> Iterator[TableEntry]:
    for entry in entries:
        yield replace(entry, lacks=NOTHING) if detailed and isinstance(entry, TableRoutes) else entry


def _split(path: JsonPath, value: Any) -> Iterator[PrefixObject] | None:
    if path != ("rib", "[]"):
        return None
    return iter([(value["prefix"], value)])


def _route(told: Object) -> Route:
    fields: dict[str, Any] = {}
    for attribute in told.get("attributes", ()):
        match attribute["type"]:
            case "Atomic Aggregate":
                fields["atomic_aggregate"] = True
            case "Aggregator":
                fields["aggregator"] = number(str(attribute["AS"]), "aggregator"), IPv4Address(attribute["router_id"])
            case "OTC":
                fields["otc"] = number(str(attribute["as"]), "OTC")
    path = PathAttributes(
        origin=router_notation.origin(told["origin"]),
        as_path=router_notation.as_path(told["aspath"]),
        next_hop=router_notation.next_hop(told["exit_nexthop"]),
        med=router_notation.whole(told.get("metric"), "MED") or None,  # it prints 0 for no MED
        local_pref=router_notation.whole(told.get("localpref"), "local preference"),
        communities=router_notation.communities(told.get("communities", ())),
        large_communities=router_notation.large_communities(told.get("large_communities", ())),
        extended_communities=router_notation.extended_communities(told.get("extended_communities", ())),
        **fields,
    )
    lacks = NOTHING if any(name in told for name in _ONLY_IN_DETAIL) else _BRIEF
    neighbor = told.get("neighbor", {})
    return Route(path, neighbor.get("remote_addr"), best=bool(told.get("best")), lacks=lacks)
