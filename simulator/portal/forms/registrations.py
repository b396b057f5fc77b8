"""Registered ASNs with their prefix keys, and registered prefixes, of a peering."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from fastapi import Response

from simulator.azure.model.resources import Json
from simulator.azure.provider.records import PeeringRecord
from simulator.azure.provider.registrations import NOT_ACTIVE
from simulator.azure.rest.errors import ArmError
from simulator.connection.states import ConnectionState
from simulator.portal.arm import ask
from simulator.portal.forms.field import Filled, FormField, fill, taken
from simulator.portal.forms.resource import (
    confirmation,
    page_of,
    peering_crumbs,
    peering_of,
    put_below,
)
from simulator.portal.forms.resource_fields import REGISTERED_ASN_FIELDS, REGISTERED_PREFIX_FIELDS
from simulator.portal.peering_frame import PEERING, peering_page
from simulator.portal.problems import NO_PROBLEMS, Problems
from simulator.portal.visit import PageAnswer, PortalPage, Visit


@dataclass(frozen=True, slots=True)
class RegisteredKind:
    """What can be registered."""

    type: str
    part: str
    """Of the page's address."""
    title: str
    one: str
    several: str
    add: str
    fields: tuple[FormField, ...]
    lead: str
    empty: str
    property: str


ASNS: Final = RegisteredKind(
    "registeredAsns",
    "registered-asns",
    "Registered ASNs",
    "registered ASN",
    "registered ASNs",
    "Add registered ASN",
    REGISTERED_ASN_FIELDS,
    "An exchange with a route server registers its customers' ASNs, not their prefixes. Give each customer its prefix "
    "key: it is valid for all of that customer's prefixes.",
    "No customer's ASN is registered yet: no customer's route is let through.",
    "asn",
)
PREFIXES: Final = RegisteredKind(
    "registeredPrefixes",
    "registered-prefixes",
    "Registered prefixes",
    "registered prefix",
    "registered prefixes",
    "Add registered prefix",
    REGISTERED_PREFIX_FIELDS,
    "A prefix is queued for validation: it has to be announced on every session of the peering, with the community "
    "8075:8007 and a short path.",
    "No prefix is registered yet.",
    "prefix",
)


def _refusal(record: PeeringRecord) -> str:
    """Why nothing can be registered yet; what the API answers then."""
    active = any(live.record.state is ConnectionState.ACTIVE for live in record.connections)
    return "" if active else NOT_ACTIVE


async def _page(
    visit: Visit, kind: RegisteredKind, values: dict[str, str], problems: Problems, status: int = 200
) -> Response:
    resource, record = peering_of(visit)
    refusal, rows = _refusal(record), list[Json]()
    try:
        answer = await ask(visit.provider, "GET", f"{resource}/{kind.type}")
        rows = answer.body["value"]
    except ArmError as error:  # of another type
        refusal = error.message
    return peering_page(
        visit,
        record,
        kind.part,
        "forms/registered.html",
        status=status,
        problems=problems,
        kind=kind,
        rows=rows,
        refusal=refusal,
        filled=Filled(kind.fields, values),
        warnings=NO_PROBLEMS,
        base=f"{page_of(resource)}/{kind.part}",
    )


async def show(kind: RegisteredKind, visit: Visit) -> Response:
    return await _page(visit, kind, {}, NO_PROBLEMS)


async def add(kind: RegisteredKind, visit: Visit) -> Response:
    resource, _ = peering_of(visit)
    values = taken(kind.fields, dict(visit.form.pairs))
    body = fill({"properties": {}}, kind.fields, values)
    if kind is PREFIXES:
        body["properties"].setdefault("prefix", "")
    problems = await put_below(visit, resource, kind.type, kind.fields, body)
    if problems:
        return await _page(visit, kind, values, problems, 400)
    said = f"{values['name']} is registered" if kind is ASNS else f"{values['name']} is queued for validation"
    return visit.go(f"{page_of(resource)}/{kind.part}", said)


async def validate(visit: Visit) -> Response:
    """Judge a prefix again, by what every session holds then."""
    resource, _ = peering_of(visit)
    below = resource.child(PREFIXES.type, visit.path["below"])
    await ask(visit.provider, "POST", f"{below}/validate")
    return visit.go(f"{page_of(resource)}/{PREFIXES.part}", f"{below.name} is queued for validation again")


async def ask_delete(kind: RegisteredKind, visit: Visit) -> Response:
    resource, _ = peering_of(visit)
    below = resource.child(kind.type, visit.path["below"])
    answer = await ask(visit.provider, "GET", str(below))
    what = answer.body["properties"][kind.property]
    return confirmation(
        visit,
        f"Delete {kind.one}",
        peering_crumbs(resource, f"Delete {kind.one}"),
        [
            f"{below.name}: {'AS' if kind is ASNS else ''}{what}.",
            "What was let through because of it is judged again at once, and its prefix key is no longer valid.",
        ],
        "Delete",
        back=f"{page_of(resource)}/{kind.part}",
        typed=False,
    )


async def delete(kind: RegisteredKind, visit: Visit) -> Response:
    resource, _ = peering_of(visit)
    below = resource.child(kind.type, visit.path["below"])
    await ask(visit.provider, "DELETE", str(below))
    return visit.go(f"{page_of(resource)}/{kind.part}", f"{below.name} is not registered any more")


def _pages(kind: RegisteredKind) -> list[PortalPage]:
    base = f"{PEERING}/{kind.part}"
    bound: Callable[..., PageAnswer] = partial
    return [
        PortalPage("GET", base, bound(show, kind)),
        PortalPage("POST", base, bound(add, kind)),
        PortalPage("GET", f"{base}/{{below}}/delete", bound(ask_delete, kind)),
        PortalPage("POST", f"{base}/{{below}}/delete", bound(delete, kind)),
    ]


PAGES: Final = (
    *_pages(ASNS),
    *_pages(PREFIXES),
    PortalPage("POST", f"{PEERING}/{PREFIXES.part}/{{below}}/validate", validate),
)
