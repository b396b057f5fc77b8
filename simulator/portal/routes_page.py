"""The routes of a peering's sessions: received, would-be rejected with their rules, accepted, sent; page by page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from ipaddress import ip_network
from typing import Any, Final, NamedTuple

from fastapi import Response

from simulator.engine.edges import Edges
from simulator.policy.verdict import Hits
from simulator.portal.paging import paged, sorting
from simulator.portal.peering_frame import PEERING, peering_of, peering_page, sessions
from simulator.portal.problems import NO_PROBLEMS, Problems
from simulator.portal.visit import PageError, PortalPage, Visit
from simulator.session.messages import Family
from simulator.topology.plan import SessionPlan
from simulator.views.session import SessionView
from simulator.wire import nlri
from simulator.wire.path_attributes import PathAttributes

_SIZE: Final = 100
SHOWN: Final = {
    "received": "Received",
    "rejected": "Would be rejected",
    "accepted": "Accepted",
    "sent": "Sent to the peer",
}
"""Which routes: the query's word → the page's."""


class ShownRoute(NamedTuple):
    """One route, as little of it as a list needs: a table has many, and a page shows few."""

    key: bytes
    path: PathAttributes
    hits: Hits


Filter = Callable[[bytes, PathAttributes], bool]


async def routes(visit: Visit) -> Response:
    record = peering_of(visit)
    edges = visit.provider.network.edges
    plans = [plan for _, plan in sessions(record) if edges.is_provisioned(plan)]
    views = [edges.view(plan) for plan in plans]
    wanted = visit.query("session")
    at = next((n for n, plan in enumerate(plans) if plan.id == wanted), None)
    if wanted and at is None and not any(plan.id == wanted for _, plan in sessions(record)):
        raise PageError(404, f"This peering has no session {wanted}.")
    if at is None:
        at = next((n for n, view in enumerate(views) if view.received), 0)
    shown = visit.query("show", "received")
    shown = shown if shown in SHOWN else "received"
    plan, view = (plans[at], views[at]) if plans else (None, None)
    found: list[ShownRoute] = []
    problems = NO_PROBLEMS
    if plan is not None:
        try:
            passes = _filter(visit, plan.family)
        except ValueError as error:
            problems = Problems.at("find", str(error))
        else:
            found = _found(edges, plan, shown, passes)
    rule = visit.query("rule")
    rules = Counter(rule for route in found if route.hits for rule in {hit.rule for hit in route.hits})
    if rule:
        found = [route for route in found if any(hit.rule == rule for hit in route.hits)]
    column, descending, key = sorting(visit, _SORTS, "prefix")
    found.sort(key=key, reverse=descending)
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
        page=paged(visit, found, _SIZE),
        rules=rules.most_common(),
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


def _filter(visit: Visit, family: Family) -> Filter | None:
    """What the query asks for; None: everything. Raises ValueError for text that is no prefix, address or ASN."""
    tests: list[Filter] = []
    if text := visit.query("find"):
        tests.append(_near(text, family))
    if text := visit.query("asn"):
        digits = text.upper().removeprefix("AS")
        if not digits.isdecimal() or len(digits) > 10:
            raise ValueError(f"'{text}' is no ASN")
        asn = int(digits)
        tests.append(lambda _key, path: asn in path.asns)
    if not tests:
        return None
    return lambda key, path: all(test(key, path) for test in tests)


def _near(text: str, family: Family) -> Filter:
    """The prefixes that cover this one, and those inside it."""
    try:
        wanted = ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"'{text}' is no prefix or address, such as 192.0.2.0/24 or 2001:db8::1") from None
    if (wanted.version == 4) is not (family is Family.IPV4):
        return lambda _key, _path: False
    value, bits, width = int(wanted.network_address), wanted.prefixlen, wanted.max_prefixlen

    def near(key: bytes, _path: PathAttributes) -> bool:
        octets, shorter = key[1:], min(key[0], bits)
        own = int.from_bytes(octets, "big") << (width - 8 * len(octets))
        return own >> (width - shorter) == value >> (width - shorter)

    return near


def _found(edges: Edges, plan: SessionPlan, shown: str, passes: Filter | None) -> list[ShownRoute]:
    if shown == "sent":
        own = dict.fromkeys(edges.announced(plan))
        announced = [each for each in edges.announcements(plan.edge.name) if each.family is plan.family]
        found = [ShownRoute(key, each.attributes, ()) for each in announced for key in each.keys if key in own]
    else:
        held = edges.routes(plan)
        found = [
            ShownRoute(route.key, route.attributes.path, route.hits)
            for route in held
            if shown == "received" or bool(route.hits) is (shown == "rejected")
        ]
    if passes is not None:
        found = [route for route in found if passes(route.key, route.path)]
    return found


def _by_prefix(route: ShownRoute) -> tuple[bytes, int]:
    return route.key[1:], route.key[0]


_SORTS: Final[dict[str, Callable[[ShownRoute], Any]]] = {
    "prefix": _by_prefix,
    "origin": lambda route: (route.path.origin_as or 0, _by_prefix(route)),
    "length": lambda route: (route.path.path_length, _by_prefix(route)),
    "rule": lambda route: (route.hits[0].rule if route.hits else "~", _by_prefix(route)),
}

PAGES: Final = (PortalPage("GET", f"{PEERING}/routes", routes),)
