"""A session's routes as `birdc show route all` prints them: operators know it, `turnup policy check` reads it back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from simulator.counts import count_of
from simulator.policy.verdict import RouteOutcome
from simulator.tables import notation
from simulator.tables.json_lines import common_json, route_row
from simulator.tables.received_routes import ReceivedRoute, SessionTable
from simulator.wire.path_attributes import PathAttributes

_ORIGINS = (("IGP", "i"), ("EGP", "e"), ("Incomplete", "?"))
_DONE = {RouteOutcome.ACCEPT: "accepted", RouteOutcome.REJECT: "rejected", RouteOutcome.WITHHOLD: "withheld"}
"""A verdict, as what became of the routes that have it."""


def text(table: SessionTable, routes: Iterable[ReceivedRoute], clock: Callable[[float], str]) -> Iterator[str]:
    """Lines. `clock` writes a time, without blanks at its ends."""
    counts = {outcome: sum(held.verdict.outcome is outcome for held in table.routes) for outcome in RouteOutcome}
    found = ", ".join(f"{count:,} {_DONE[outcome]}" for outcome, count in counts.items() if count)
    yield (
        f"Table {table.session}: {table.peer}, connection {table.connection_state}, BGP {table.bgp_state}: "
        f"{count_of(len(table.routes), 'route')}{f': {found}' if found else ''}"
    )
    if table.since is None and table.last_error:
        yield f"\tlast error: {table.last_error}"
    for held in routes:
        path, taken = held.path, held.verdict.outcome is RouteOutcome.ACCEPT
        mark = f"[{f'AS{path.origin_as}' if path.origin_as is not None else ''}{_ORIGINS[path.origin][1]}]"
        best = "* " if taken else ""
        yield f"{held.prefix:<20} unicast [{table.session} {clock(held.time)}] {best}(100) {mark}"
        if path.next_hop is not None:
            yield f"\tvia {path.next_hop} on {table.edge}"
        yield "\tType: BGP univ"
        yield from (f"\tBGP.{name}: {value}" for name, value in attribute_lines(path))
        yield f"\tturnup.verdict: {held.verdict.outcome.value}"
        yield from (f"\tturnup.rule: {hit}" for hit in held.verdict.hits)


def attribute_lines(path: PathAttributes) -> Iterator[tuple[str, str]]:
    """(name, value) of each attribute, in BIRD's names and notation; what is not there is not named."""
    yield "origin", _ORIGINS[path.origin][0]
    yield "as_path", path.as_path_text
    if path.next_hop is not None:
        yield "next_hop", f"{path.next_hop}{f' {path.link_local}' if path.link_local else ''}"
    if path.med is not None:
        yield "med", str(path.med)
    if path.local_pref is not None:
        yield "local_pref", str(path.local_pref)
    if path.atomic_aggregate:
        yield "atomic_aggr", ""
    if path.aggregator is not None:
        yield "aggregator", f"{path.aggregator[1]} AS{path.aggregator[0]}"
    if path.communities:
        yield "community", " ".join(f"({value >> 16},{value & 0xFFFF})" for value in path.communities)
    if path.large_communities:
        yield "large_community", " ".join(f"({a}, {b}, {c})" for a, b, c in path.large_communities)
    if path.extended_communities:
        parts = map(notation.extended_parts, path.extended_communities)
        yield "ext_community", " ".join(f"({', '.join(part)})" for part in parts)
    if path.otc is not None:
        yield "otc", str(path.otc)


def rows(
    table: SessionTable, routes: Iterable[ReceivedRoute], clock: Callable[[float], str]
) -> Iterator[dict[str, Any]]:
    """The same as flat objects, under the names that `turnup edge --json` uses."""
    peer = replace(table.peer, local=table.edge_address)
    for held in routes:
        yield {
            "event": "route",
            "time": clock(held.time),
            "session": table.session,
            "connection": table.connection,
            "connectionState": table.connection_state,
            "bgpState": table.bgp_state,
            "edge": table.edge,
            **route_row(held.family, held.key, held.verdict, common_json(held.path, peer)),
        }


def session_row(table: SessionTable, clock: Callable[[float], str]) -> dict[str, Any]:
    """A session as one flat object, also when it has no routes."""
    return {
        "event": "session",
        "session": table.session,
        "connection": table.connection,
        "connectionState": table.connection_state,
        "bgpState": table.bgp_state,
        "edge": table.edge,
        "peer": str(table.peer.address),
        "peerAs": table.peer.asn,
        "family": table.family.label,
        "established": None if table.since is None else clock(table.since),
        "lastError": table.last_error,
        "received": len(table.routes),
        "accepted": sum(not held.verdict.hits for held in table.routes),
        "rejected": sum(bool(held.verdict.hits) for held in table.routes),
    }
