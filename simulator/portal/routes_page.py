"""The routes of a peering's sessions: received, would-be rejected with their rules, accepted, sent; page by page."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network
from typing import Final, TypeVar

from fastapi import Response

from simulator.engine.edges import Edges
from simulator.portal.paging import paged, sorting
from simulator.portal.peering_frame import PEERING, peering_of, peering_page, sessions
from simulator.portal.problems import NO_PROBLEMS, Problems
from simulator.portal.route_order import COLUMNS, RouteOrder, RouteQuery
from simulator.portal.visit import PageError, PortalPage, Visit
from simulator.session.messages import Family
from simulator.topology.plan import SessionPlan
from simulator.views.session import SessionView
from simulator.wire import nlri

_SIZE: Final = 100
SHOWN: Final = {
    "received": "Received",
    "rejected": "Would be rejected",
    "accepted": "Accepted",
    "sent": "Sent to the peer",
}
"""Which routes: the query's word → the page's."""


T = TypeVar("T")
Filter = Callable[[bytes], bool]


async def routes(visit: Visit) -> Response:
    record = peering_of(visit)
    edges = visit.provider.network.edges
    plans = [plan for _, plan in sessions(record) if edges.is_provisioned(plan)]
    views = [edges.view(plan) for plan in plans]
    session = visit.query("session")
    at = next((n for n, plan in enumerate(plans) if plan.id == session), None)
    if session and at is None and not any(plan.id == session for _, plan in sessions(record)):
        raise PageError(404, f"This peering has no session {session}.")
    if at is None:
        at = next((n for n, view in enumerate(views) if view.received), 0)
    shown = visit.query("show", "received")
    shown = shown if shown in SHOWN else "received"
    plan, view = (plans[at], views[at]) if plans else (None, None)
    found: RouteOrder | None = None
    problems = NO_PROBLEMS
    rule, asked = visit.query("rule"), visit.query("find")
    column, descending, _ = sorting(visit, dict(COLUMNS), "prefix")
    if plan is not None:
        is_near, problems = _read("find", problems, lambda: _near(asked, plan.family))
        asn, problems = _read("asn", problems, lambda: _asn(visit.query("asn")))
        if not problems:
            wanted = RouteQuery(shown, asked, asn, rule, column, descending)
            found = await visit.memory.orders.find(plan, wanted, is_near)
    return peering_page(
        visit,
        record,
        "routes",
        "routes.html",
        problems=problems,
        session=plan,
        session_view=view,
        session_options=[(each.id, _session_words(each)) for each in plans],
        shown=shown,
        counts=_counts(view, edges, plan),
        page=paged(visit, found if found is not None else [], _SIZE),
        rules=found.rules.most_common() if found is not None else [],
        filters={name: visit.query(name) for name in ("find", "asn", "rule")},
        sort=("-" if descending else "") + column,
        prefix_text=lambda key: nlri.text(plan.family, key) if plan is not None else "",
    )


def _session_words(plan: SessionPlan) -> str:
    return f"{plan.family.label} {plan.peer_address} at {plan.edge.name} ({plan.connection})"


def _counts(view: SessionView | None, edges: Edges, plan: SessionPlan | None) -> dict[str, int]:
    if view is None or plan is None:
        return dict.fromkeys(SHOWN, 0)
    return {"received": view.received, "rejected": view.rejected, "accepted": view.accepted, "sent": view.sent}


def _read(field: str, problems: Problems, reader: Callable[[], T]) -> tuple[T | None, Problems]:
    """What a field of the filter says; where that makes no sense, the problem besides."""
    try:
        return reader(), problems
    except ValueError as error:
        return None, problems | Problems.at(field, str(error))


def _asn(text: str) -> int | None:
    """Raises ValueError for text that is no ASN."""
    digits = text.upper().removeprefix("AS")
    if text and (not digits.isdecimal() or len(digits) > 10):
        raise ValueError(f"'{text}' is no ASN")
    return int(digits) if text else None


def _near(text: str, family: Family) -> Filter | None:
    """The prefixes that cover this one, and those inside it; None: all. Raises ValueError for what is no prefix."""
    if not text:
        return None
    try:
        wanted = ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"'{text}' is no prefix or address, such as 192.0.2.0/24 or 2001:db8::1") from None
    if (wanted.version == 4) is not (family is Family.IPV4):
        return lambda _key: False
    value, bits, width = int(wanted.network_address), wanted.prefixlen, wanted.max_prefixlen

    def near(key: bytes) -> bool:
        octets, shorter = key[1:], min(key[0], bits)
        own = int.from_bytes(octets, "big") << (width - 8 * len(octets))
        return own >> (width - shorter) == value >> (width - shorter)

    return near


PAGES: Final = (PortalPage("GET", f"{PEERING}/routes", routes),)
