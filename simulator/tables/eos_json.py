"""EOS: `show ip bgp | json`, `show ip bgp detail | json`, `show bgp ipv6 unicast | json`: VRF → prefix → paths."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address
from typing import Any, Final

from simulator.tables import router_notation
from simulator.tables.json_stream import JsonPath
from simulator.tables.missing_attributes import COMMUNITIES, OTC, MissingAttributes
from simulator.tables.notation import number
from simulator.tables.router_json import Dialect, Object, PrefixObject, Route, one_or_more, read
from simulator.tables.table_entries import TableEntry
from simulator.wire.path_attributes import PathAttributes

_TABLE: Final = "bgpRouteEntries"
_DETAIL: Final = MissingAttributes(OTC, "EOS shows it nowhere")
_BRIEF: Final = MissingAttributes(COMMUNITIES | OTC, "EOS's table does not show it: give `show ip bgp detail | json`")
_AGGREGATED: Final = re.compile(r"\s*\(aggregated by (?P<asn>[\d.]+) (?P<address>[\d.]+)\)")
_ORIGIN: Final = re.compile(r"\s*\b([ie])$|\s*\?$")


def read_eos(chunks: Iterable[bytes]) -> Iterator[TableEntry]:
    """Every path of every prefix of every VRF; without `routeDetail` there are no communities."""
    return read(Dialect(_walk, _split, _route), chunks)


def _walk(path: JsonPath) -> bool:
    return not path or path[-1] in ("vrfs", _TABLE, "result", "[]") or (len(path) > 1 and path[-2] == "vrfs")


def _split(path: JsonPath, value: Any) -> Iterator[PrefixObject] | None:
    if len(path) < 2 or path[-2] != _TABLE:
        return None
    return one_or_more(path[-1], value["bgpRoutePaths"])


def _route(told: Object) -> Route:
    detail, kind = told.get("routeDetail"), told.get("routeType", {})
    text = str(told["asPathEntry"].get("asPath") or "")
    fields: dict[str, Any] = {}
    if aggregated := _AGGREGATED.search(text):
        fields["aggregator"] = number(aggregated["asn"], "aggregator"), IPv4Address(aggregated["address"])
        text = _AGGREGATED.sub("", text)
    given = detail if isinstance(detail, dict) else {}
    origin = given.get("origin", kind.get("origin", told.get("routeOrigin")))
    ending = _ORIGIN.search(text)
    if origin is None:
        origin = ending[0] if ending else "incomplete"
    peer = told.get("peerEntry") or given.get("peerEntry") or {}
    path = PathAttributes(
        origin=router_notation.origin(origin),
        as_path=router_notation.as_path(_ORIGIN.sub("", text).replace("Local", "")),
        next_hop=router_notation.next_hop(told["nextHop"]) if told.get("nextHop") else None,
        med=router_notation.whole(told.get("med"), "MED"),
        local_pref=router_notation.whole(told.get("localPreference"), "local preference"),
        atomic_aggregate=bool(kind.get("atomicAggregator")),
        communities=router_notation.communities(map(str, given.get("communityList", ()))),
        large_communities=router_notation.large_communities(map(str, given.get("largeCommunityList", ()))),
        extended_communities=router_notation.extended_communities(map(str, given.get("extCommunityList", ()))),
        **fields,
    )
    return Route(path, peer.get("peerAddr"), best=bool(kind.get("active")), lacks=_DETAIL if given else _BRIEF)
