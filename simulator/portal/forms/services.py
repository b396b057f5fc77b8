"""A customer's peering services and their prefixes; and the list of a subscription's PeerAsns."""

from __future__ import annotations

from typing import Final

from fastapi import Response

from simulator.azure.model.resources import Json, PeerAsn, PeeringService, ServicePrefix
from simulator.azure.rest.ids import ResourceId, parse
from simulator.counts import count_of
from simulator.portal.arm import ask
from simulator.portal.forms.field import Filled, fill, taken
from simulator.portal.forms.known import subscriptions
from simulator.portal.forms.resource import (
    SERVICE_BASE,
    confirmation,
    document,
    page_of,
    put_below,
    resource_id,
    unconfirmed,
)
from simulator.portal.forms.resource_fields import SERVICE_PREFIX_FIELDS
from simulator.portal.problems import NO_PROBLEMS, Problems
from simulator.portal.visit import PortalPage, Visit

_LIST: Final = ("Peering Services", "/peering-services")


def _chosen(visit: Visit) -> tuple[str, list[str]]:
    known = subscriptions(visit.provider)
    return (visit.query("subscription") if visit.query("subscription") in known else known[0]), known


# --- PeerAsns ---


async def asns(visit: Visit) -> Response:
    subscription, known = _chosen(visit)
    return visit.page(
        "forms/asns.html",
        "Peer ASNs",
        lead="A peering can be requested only on an ASN with ValidationState Approved.",
        subscription=subscription,
        subscriptions=known,
        rows=visit.provider.listed(PeerAsn, subscription),
    )


# --- services ---


async def services(visit: Visit) -> Response:
    subscription, known = _chosen(visit)
    found = visit.provider.listed(PeeringService, subscription)
    return visit.page(
        "forms/services.html",
        "Peering Services",
        lead="Peering Service as a customer has it: which provider, where, and for which prefixes.",
        subscription=subscription,
        subscriptions=known,
        rows=[(each, page_of(parse(each.id)), visit.provider.unit.below(each.key, ServicePrefix)) for each in found],
    )


async def show(visit: Visit) -> Response:
    return await _page(visit, {}, NO_PROBLEMS)


async def _page(visit: Visit, values: dict[str, str], problems: Problems, status: int = 200) -> Response:
    resource = resource_id(visit, "peeringServices")
    found = await document(visit, resource)
    answer = await ask(visit.provider, "GET", f"{resource}/prefixes", **{"$expand": "events"})
    return visit.page(
        "forms/service.html",
        resource.name,
        status=status,
        problems=problems,
        crumbs=[_LIST, (resource.name, "")],
        resource=resource,
        service=found["properties"],
        prefixes=answer.body["value"],
        filled=Filled(SERVICE_PREFIX_FIELDS, values),
        warnings=NO_PROBLEMS,
        base=page_of(resource),
    )


async def add_prefix(visit: Visit) -> Response:
    resource = resource_id(visit, "peeringServices")
    values = taken(SERVICE_PREFIX_FIELDS, dict(visit.form.pairs))
    body = fill({"properties": {}}, SERVICE_PREFIX_FIELDS, values)
    problems = await put_below(visit, resource, "prefixes", SERVICE_PREFIX_FIELDS, body)
    if problems:
        return await _page(visit, values, problems, 400)
    return visit.go(page_of(resource), f"{values['name']} is queued for validation")


def _prefix(visit: Visit) -> tuple[ResourceId, ResourceId]:
    resource = resource_id(visit, "peeringServices")
    return resource, resource.child("prefixes", visit.path["below"])


async def validate(visit: Visit) -> Response:
    """A prefix is validated again when it is written again (simulator)."""
    resource, below = _prefix(visit)
    known = await document(visit, below)
    wanted: Json = {name: known["properties"].get(name) for name in ("prefix", "peeringServicePrefixKey")}
    await ask(visit.provider, "PUT", str(below), {"properties": wanted})
    return visit.go(page_of(resource), f"{below.name} is queued for validation again")


async def ask_delete_prefix(visit: Visit) -> Response:
    resource, below = _prefix(visit)
    known = await document(visit, below)
    return confirmation(
        visit,
        "Delete prefix",
        [_LIST, (resource.name, page_of(resource)), ("Delete prefix", "")],
        [f"{below.name}: {known['properties']['prefix']}.", "A prefix cannot be edited: delete it and make it again."],
        "Delete",
        back=page_of(resource),
        typed=False,
    )


async def delete_prefix(visit: Visit) -> Response:
    resource, below = _prefix(visit)
    await ask(visit.provider, "DELETE", str(below))
    return visit.go(page_of(resource), f"{below.name} is deleted")


async def ask_delete(visit: Visit) -> Response:
    return await _delete_page(visit, NO_PROBLEMS)


async def _delete_page(visit: Visit, problems: Problems, status: int = 200) -> Response:
    resource = resource_id(visit, "peeringServices")
    await document(visit, resource)
    count = len(visit.provider.unit.below(resource.key, ServicePrefix))
    return confirmation(
        visit,
        f"Delete {resource.name}",
        [_LIST, (resource.name, page_of(resource)), ("Delete", "")],
        [f"The peering service {resource.name} has {count_of(count, 'prefix', 'prefixes')}, deleted with it."],
        "Delete",
        back=page_of(resource),
        problems=problems,
        status=status,
    )


async def delete(visit: Visit) -> Response:
    resource = resource_id(visit, "peeringServices")
    if problems := unconfirmed(visit):
        return await _delete_page(visit, problems, 400)
    await ask(visit.provider, "DELETE", str(resource))
    return visit.go("/peering-services", f"{resource.name} is deleted")


_PREFIX: Final = f"{SERVICE_BASE}/prefixes/{{below}}"
PAGES: Final = (
    PortalPage("GET", "/asns", asns),
    PortalPage("GET", "/peering-services", services),
    PortalPage("GET", SERVICE_BASE, show),
    PortalPage("POST", SERVICE_BASE, add_prefix),
    PortalPage("POST", f"{_PREFIX}/validate", validate),
    PortalPage("GET", f"{_PREFIX}/delete", ask_delete_prefix),
    PortalPage("POST", f"{_PREFIX}/delete", delete_prefix),
    PortalPage("GET", f"{SERVICE_BASE}/delete", ask_delete),
    PortalPage("POST", f"{SERVICE_BASE}/delete", delete),
)
