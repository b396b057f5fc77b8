"""All peerings of a subscription, with both states of each."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from fastapi import Response

from simulator.azure.model.peering import PeeringResource
from simulator.azure.model.resources import PeerAsn
from simulator.azure.provider.provider import Provider
from simulator.azure.provider.records import PeeringRecord
from simulator.azure.rest.ids import parse
from simulator.connection.states import ConnectionState, Flow
from simulator.engine.awaited import awaited, trouble
from simulator.engine.control import ConnectionRecord
from simulator.portal.paging import paged, sorting
from simulator.portal.visit import PortalPage, Visit
from simulator.session.states import BgpState

_SIZE: Final = 50
NOT_CONFIGURED: Final = "not configured"
"""Of a BGP session that Microsoft's edge does not have yet, or not any more."""
_ATTENTION: Final = (
    ConnectionState.PROVISIONING_FAILED,
    ConnectionState.EXTERNAL_BLOCKER,
    ConnectionState.PENDING_APPROVAL,
    ConnectionState.APPROVED,
)
"""In which somebody has to act, the worst first; shown before the others."""


@dataclass(frozen=True, slots=True)
class PeeringRow:
    """One peering of the list."""

    name: str
    group: str
    path: str
    asn: int
    peer: str
    type: str
    metro: str
    connections: int
    states: list[tuple[ConnectionState, int]]
    bgp: list[tuple[BgpState | None, int]]
    """None: not configured."""
    waits: str
    since: float
    """When the last of its connections came into its state."""

    @property
    def bgp_words(self) -> set[str]:
        return {state.value if state is not None else NOT_CONFIGURED for state, _ in self.bgp}


def peering_path(record: PeeringRecord) -> str:
    """Its page."""
    return _path_of(record.resource.id)


@functools.lru_cache(1024)
def _path_of(id_: str) -> str:
    found = parse(id_)
    return "/peerings/" + "/".join(quote(part, safe="") for part in (found.subscription, found.group, found.name))


def subscriptions(provider: Provider) -> list[str]:
    """Those that have something; `lab` where none has."""
    ids = (resource.id for kind in (PeeringResource, PeerAsn) for resource in provider.unit.all(kind))
    named = {name.lower(): name for name in (parse(each).subscription for each in ids)}
    return sorted(named.values()) or ["lab"]


def chosen_subscription(visit: Visit) -> str:
    """The one that the query names, else the first."""
    return visit.query("subscription") or subscriptions(visit.provider)[0]


def type_words(record: PeeringRecord) -> str:
    """The peering's type as the portal's documents say it."""
    match record.request.flow:
        case Flow.EXCHANGE:
            return "Exchange"
        case Flow.IXRS:
            return "Direct, AS8075 (with exchange route server)"
        case _:
            return f"Direct, {record.request.direct_type}"


def bgp_states(provider: Provider, records: Iterable[ConnectionRecord]) -> Iterator[BgpState | None]:
    """The BGP FSM state of every session; None: not configured."""
    edges = provider.network.edges
    for record in records:
        for plan in record.plans:
            yield edges.bgp_state(plan) if edges.is_provisioned(plan) else None


def _row(provider: Provider, record: PeeringRecord, peers: dict[int, str]) -> PeeringRow:
    connections = [live.record for live in record.connections]
    states = Counter(each.connection.shown_state for each in connections)
    worst = min(connections, key=_urgency)
    bgp = Counter(bgp_states(provider, connections))
    return PeeringRow(
        name=record.name,
        group=parse(record.resource.id).group,
        path=peering_path(record),
        asn=record.request.asn,
        peer=peers.get(record.request.asn, ""),
        type=type_words(record),
        metro=record.request.metro,
        connections=len(connections),
        states=sorted(states.items(), key=lambda each: list(ConnectionState).index(each[0])),
        bgp=sorted(bgp.items(), key=lambda each: list(BgpState).index(each[0]) if each[0] is not None else -1),
        waits=awaited(worst).what,
        since=max((each.connection.entered for each in connections), default=0.0),
    )


def _urgency(record: ConnectionRecord) -> tuple[int, int]:
    state = record.connection.shown_state
    at = _ATTENTION.index(state) if state in _ATTENTION else len(_ATTENTION)
    return at, 0 if state is not ConnectionState.ACTIVE or trouble(record) is not None else 1


_SORTS: Final = {
    "name": lambda row: (row.name.lower(), row.group.lower()),
    "asn": lambda row: (row.asn, row.name.lower()),
    "metro": lambda row: (row.metro.lower(), row.name.lower()),
    "since": lambda row: (-row.since, row.name.lower()),
}


async def overview(visit: Visit) -> Response:
    provider, subscription = visit.provider, chosen_subscription(visit)
    resources = provider.listed(PeeringResource, subscription)
    found = [provider.peering(resource.key) for resource in resources]
    records = [record for record in found if record is not None and record.connections]
    peers = {asn.asn: asn.peer_name for asn in provider.listed(PeerAsn, subscription)}
    everything = [_row(provider, record, peers) for record in records]
    filters = {name: visit.query(name) for name in ("state", "bgp", "metro", "asn", "find")}
    shown = [row for row in everything if _passes(row, filters)]
    column, descending, key = sorting(visit, _SORTS, "name")
    shown.sort(key=key, reverse=descending)
    states = Counter(state for row in everything for state, _ in row.states)
    return visit.page(
        "overview.html",
        "Peerings",
        subscription=subscription,
        subscriptions=subscriptions(provider),
        page=paged(visit, shown, _SIZE),
        total=len(everything),
        states=sorted(states.items(), key=lambda each: list(ConnectionState).index(each[0])),
        filters=filters,
        filtered=any(filters.values()),
        sort=("-" if descending else "") + column,
        state_options=[(each.value, each.value) for each in ConnectionState if each is not ConnectionState.NONE],
        bgp_options=[(each, each) for each in (NOT_CONFIGURED, *(state.value for state in BgpState))],
        metro_options=[(each, each) for each in sorted({row.metro for row in everything})],
        asn_options=[(str(each), f"AS{each}") for each in sorted({row.asn for row in everything})],
    )


def _passes(row: PeeringRow, filters: dict[str, str]) -> bool:
    text = filters["find"].lower()
    return (
        (not filters["state"] or any(state.value == filters["state"] for state, _ in row.states))
        and (not filters["bgp"] or filters["bgp"] in row.bgp_words)
        and (not filters["metro"] or row.metro == filters["metro"])
        and (not filters["asn"] or str(row.asn) == filters["asn"].upper().removeprefix("AS"))
        and (not text or text in row.name.lower() or text in row.group.lower() or text in row.peer.lower())
    )


PAGES: Final = (PortalPage("GET", "/", overview),)
