"""What the pages of one peering share: how it is found, and its tabs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Response

from simulator.azure.provider.records import LiveConnection, PeeringRecord
from simulator.azure.provider.registrations import for_peering_service
from simulator.connection.states import Flow
from simulator.portal.arm import resource_path
from simulator.portal.overview import peering_path, type_words
from simulator.portal.problems import NO_PROBLEMS, Problems
from simulator.portal.visit import PageError, Visit
from simulator.topology.plan import SessionPlan

PEERING: Final = "/peerings/{subscription}/{group}/{name}"
"""The path of a peering's pages."""


def _always(_record: PeeringRecord) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class PeeringTab:
    """One tab of a peering."""

    text: str
    part: str
    """Below the peering's path; empty: the first."""
    is_shown: Callable[[PeeringRecord], bool] = _always


TABS: Final[list[PeeringTab]] = [
    PeeringTab("Overview", ""),
    PeeringTab("Routes", "routes"),
    PeeringTab("Router configuration", "configuration"),
    PeeringTab("Registered ASNs", "registered-asns", lambda record: record.request.flow is Flow.IXRS),
    PeeringTab("Registered prefixes", "registered-prefixes", for_peering_service),
    PeeringTab("Report", "report"),
]
"""In order."""


def peering_of(visit: Visit) -> PeeringRecord:
    """The peering that the path names. Raises PageError 404."""
    path = visit.path
    key = resource_path(path["subscription"], "peerings", path["name"], group=path["group"]).lower()
    record = visit.provider.peering(key)
    if record is None or not record.connections:
        raise PageError(404, f"There is no peering {path['name']} in resource group {path['group']} (any more).")
    return record


def peering_page(
    visit: Visit,
    record: PeeringRecord,
    part: str,
    template: str,
    *,
    status: int = 200,
    problems: Problems = NO_PROBLEMS,
    **data: Any,
) -> Response:
    """A page of a peering, with its tabs. The template extends `peering_base.html` and fills `tab`."""
    tabs = [
        (tab.text, peering_path(record) + (f"/{tab.part}" if tab.part else ""), tab.part == part)
        for tab in TABS
        if tab.is_shown(record)
    ]
    return visit.page(
        template,
        record.name,
        status=status,
        problems=problems,
        crumbs=[("Peerings", "/"), (record.name, "")],
        record=record,
        type_words=type_words(record),
        path=peering_path(record),
        tabs=tabs,
        **data,
    )


def sessions(record: PeeringRecord) -> Iterator[tuple[LiveConnection, SessionPlan]]:
    """Every session of a peering, with its connection."""
    for live in record.connections:
        for plan in live.record.plans:
            yield live, plan
