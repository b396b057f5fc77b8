"""Birdwatcher's JSON, as Alice-LG's birdwatcher source decodes it: one document for each endpoint that it asks.

Where Alice wants text it gets text (AS paths, MED, local preference), where it wants numbers, numbers. What the policy
rejects is `filtered`, with the Euro-IX reason as a large community (ASN:1101:x), for Alice's `rejection_reasons`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simulator.policy.rules import RULES
from simulator.policy.verdict import RouteOutcome
from simulator.tables import notation
from simulator.tables.received_routes import ReceivedRoute, SessionTable
from simulator.wire.path_attributes import PathAttributes

_FUNCTION = 1101
"""Euro-IX's function for the reason of a rejection."""
OTHER_REASON = 100
"""Of what is no rule of the policy, as a prefix limit."""
OWN_REASONS = {
    "microsoft-prefix": 101,
    "as-set": 102,
    "as-path-loop": 103,
    "as12076": 104,
    "otc": 105,
    "maps-community-missing": 106,
    "maps-as-path-too-long": 107,
    "maps-private-asn": 108,
    "maps-prepending": 109,
    "registered-prefix": 110,
    "registered-origin": 111,
    "long-prefix-as-path": 112,
}
"""Rules that the Euro-IX vocabulary has no reason for → the simulator's, far above those that it has (1 to 15)."""
_ORIGINS = ("IGP", "EGP", "Incomplete")


@dataclass(frozen=True, slots=True)
class TimeFormats:
    """How times are written: Alice's `servertime` (RFC 3339) and `servertime_short` (`2006-01-02 15:04:05`), in UTC."""

    now: float
    long: Callable[[float], str]
    short: Callable[[float], str]


def names(tables: Sequence[SessionTable]) -> dict[str, str]:
    """Session → its name as a BIRD protocol, which is a part of URLs: letters, digits and underscores."""
    found: dict[str, str] = {}
    for table in tables:
        name = base = re.sub(r"\W", "_", table.session, flags=re.ASCII)
        number = 1
        while name in found.values():
            number += 1
            name = f"{base}_{number}"
        found[table.session] = name
    return found


def envelope(version: str, times: TimeFormats) -> dict[str, Any]:
    """What every document starts with."""
    return {
        "api": {
            "Version": version,
            "result_from_cache": False,
            "cache_status": {
                "cached_at": {"date": times.long(times.now), "timezone_type": "UTC", "timezone": "UTC"},
                "orig_ttl": 0,
            },
        },
        "ttl": times.long(times.now),
    }


def documents(
    tables: Sequence[SessionTable], version: str, router_id: str, times: TimeFormats
) -> dict[str, dict[str, Any]]:
    """Every endpoint's path → its document, for all of these sessions."""
    head = envelope(version, times)
    protocols = protocols_bgp(tables, times)
    found: dict[str, dict[str, Any]] = {
        "status": {**head, "status": _status(version, router_id, times)},
        "protocols/bgp": {**head, "protocols": protocols},
        "protocols/short": {**head, "protocols": _short(protocols)},
    }
    for table in tables:
        name = names(tables)[table.session]
        accepted = [held for held in table.routes if not held.verdict.hits]
        rejected = [held for held in table.routes if held.verdict.hits]
        for kind, held in (("protocol", accepted), ("filtered", rejected), ("noexport", ())):
            listed = routes(table, name, held, times)
            found[f"routes/{kind}/{name}"] = {**head, "routes": listed, "routes_count": len(listed)}
    return found


def union(
    tables: Sequence[SessionTable], shown: Mapping[str, Sequence[ReceivedRoute]], version: str, times: TimeFormats
) -> dict[str, Any]:
    """One document with the protocols and the routes of all sessions: `shown` has those of each session."""
    listed = [
        entry for table in tables for entry in routes(table, names(tables)[table.session], shown[table.session], times)
    ]
    return {
        **envelope(version, times),
        "protocols": protocols_bgp(tables, times),
        "routes": listed,
        "routes_count": len(listed),
    }


def _status(version: str, router_id: str, times: TimeFormats) -> dict[str, Any]:
    now = times.short(times.now)
    return {
        "current_server": now,
        "last_reboot": now,
        "last_reconfig": now,
        "message": "Daemon is up and running",
        "router_id": router_id,
        "version": version,
    }


def protocols_bgp(tables: Sequence[SessionTable], times: TimeFormats) -> dict[str, dict[str, Any]]:
    """`/protocols/bgp`. What is withheld counts as imported: it is what the policy accepts."""
    found = {}
    for table in tables:
        name = names(tables)[table.session]
        rejected = sum(bool(held.verdict.hits) for held in table.routes)
        taken = sum(held.verdict.outcome is RouteOutcome.ACCEPT for held in table.routes)
        up = table.since is not None
        found[name] = {
            "protocol": name,
            "bird_protocol": "BGP",
            "table": "master4" if table.peer.address.version == 4 else "master6",
            "state": "up" if up else "start",
            "state_changed": times.short(table.since if table.since is not None else times.now),
            "connection": table.bgp_state,
            "bgp_state": table.bgp_state,
            "description": f"{table.session}: peering connection {table.connection_state}",
            "neighbor_address": str(table.peer.address),
            "neighbor_as": table.peer.asn,
            "neighbor_id": str(table.peer.identifier),
            "local_as": table.edge_as,
            "source_address": str(table.edge_address),
            "last_error": table.last_error,
            "routes": {
                "imported": len(table.routes) - rejected,
                "filtered": rejected,
                "exported": table.sent,
                "preferred": taken,
            },
            "route_changes": {},
        }
    return found


def _short(protocols: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        name: {
            "proto": "BGP",
            "table": protocol["table"],
            "state": protocol["state"],
            "since": protocol["state_changed"],
            "info": protocol["bgp_state"],
        }
        for name, protocol in protocols.items()
    }


def routes(table: SessionTable, name: str, held: Iterable[ReceivedRoute], times: TimeFormats) -> list[dict[str, Any]]:
    """`/routes/protocol/NAME` and its like."""
    return [
        {
            "network": entry.prefix,
            "gateway": "" if entry.path.next_hop is None else str(entry.path.next_hop),
            "interface": table.edge,
            "metric": 100,
            "from_protocol": name,
            "learnt_from": str(table.peer.address),
            "age": times.short(entry.time),
            "primary": entry.verdict.outcome is RouteOutcome.ACCEPT,
            "type": ["BGP", "univ"],
            "bgp": _bgp(table, entry),
            "verdict": entry.verdict.outcome.value,
            "reasons": [str(hit) for hit in entry.verdict.hits],
            "reject_reasons": _reasons(table, entry),
            "as_path_text": entry.path.as_path_text,
            "neighbor_as": table.peer.asn,
            "source_address": str(table.edge_address),
        }
        for entry in held
    ]


def _bgp(table: SessionTable, held: ReceivedRoute) -> dict[str, Any]:
    path = held.path
    found: dict[str, Any] = {
        "origin": _ORIGINS[path.origin],
        "as_path": _as_path(path),
        "next_hop": " ".join(str(hop) for hop in (path.next_hop, path.link_local) if hop is not None),
        "local_pref": "100" if path.local_pref is None else str(path.local_pref),
        "communities": [[value >> 16, value & 0xFFFF] for value in path.communities],
        "large_communities": [list(value) for value in path.large_communities] + _reasons(table, held),
        "ext_communities": [list(notation.extended_parts(value)) for value in path.extended_communities],
    }
    if path.med is not None:
        found["med"] = str(path.med)
    if path.atomic_aggregate:
        found["atomic_aggr"] = ""
    if path.aggregator is not None:
        found["aggregator"] = f"{path.aggregator[1]} AS{path.aggregator[0]}"
    if path.otc is not None:
        found["otc"] = str(path.otc)
    return found


def _as_path(path: PathAttributes) -> list[str]:
    """Numbers as text; Alice takes no braces, so the members of a set stand one after the other."""
    return [str(asn) for asn in path.asns]


def _reasons(table: SessionTable, held: ReceivedRoute) -> list[list[int]]:
    """The reject reasons, each once, in the edge's name; what is rejected has one at least."""
    found: list[list[int]] = []
    for hit in held.verdict.hits:
        reason = [table.edge_as, *reason_of(hit.rule)]
        if reason not in found:
            found.append(reason)
    return found


def reason_of(rule: str) -> tuple[int, int]:
    """Euro-IX's number for a rule that its vocabulary knows, else the simulator's."""
    if rule in RULES and (euro_ix := RULES[rule].euro_ix):
        first, second = map(int, euro_ix.split(":"))
        return first, second
    return _FUNCTION, OWN_REASONS.get(rule, OTHER_REASON)
