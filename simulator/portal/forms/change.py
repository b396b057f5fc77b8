"""What is asked of a peering that is there: add or edit a connection, delete one, delete the peering."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from fastapi import Response

from simulator.azure.model.errors import RefusalError
from simulator.azure.model.resources import Json
from simulator.azure.provider.changes import UPDATES_NOT_SUPPORTED
from simulator.azure.provider.records import PeeringRecord
from simulator.azure.rest.errors import ArmError
from simulator.azure.rest.ids import ResourceId
from simulator.azure.rest.review import ReviewFault, review
from simulator.counts import count_of
from simulator.portal.arm import ask
from simulator.portal.forms.connections import begin_with, title_of
from simulator.portal.forms.drafts import new_identifier
from simulator.portal.forms.field import ENABLED, Filled, FormField, field_of, fill, sentence, split, taken, values_of
from simulator.portal.forms.known import facility_choices
from simulator.portal.forms.peering_fields import CONNECTION_FIELDS, USES, Use, use_of_document
from simulator.portal.forms.resource import (
    confirmation,
    document,
    page_of,
    peering_crumbs,
    peering_of,
    unconfirmed,
    version_of,
)
from simulator.portal.peering_frame import PEERING
from simulator.portal.problems import NO_PROBLEMS, Problems
from simulator.portal.visit import PageError, PortalPage, Visit

_FIXED: Final = "cannot be changed: delete the connection and add another"
_MOVED: Final = "This peering was changed since you opened this page. What you typed is still here: look at it again."
_MOVED_BEFORE_DELETION: Final = (
    "This peering was changed since you opened this page. Nothing is deleted: look at it again."
)
_GONE: Final = "This connection was deleted since you opened this page: nothing is saved."
_NOT_UPDATED: Final = (
    ". Delete the connection and add another; or let this lab take it, at Microsoft's desk under Delays and rules"
)
"""What to do about what production refused (simulator)."""
_IN_PROVISIONING: Final = (
    "If you delete it when the connection state is ProvisioningStarted or ProvisioningCompleted, "
    "the operation will fail."
)


class EditedConnection:
    """One connection of a peering's document, or a new one."""

    def __init__(self, document: Json, identifier: str) -> None:
        """Raises PageError for what can be no connectionIdentifier."""
        self.document = document
        self.use = use_of_document(document)
        self.fields = CONNECTION_FIELDS[self.use]
        self.identifier = _identifier(identifier)
        self.all: list[Json] = document["properties"][USES[self.use].inner]["connections"]
        known = (number for number, each in enumerate(self.all) if _is(each, self.identifier))
        self.index = next(known, len(self.all))
        self.is_new = self.index == len(self.all)
        self.now: Json = {} if self.is_new else self.all[self.index]

    @property
    def fixed(self) -> dict[str, str]:
        """The fields that the API does not change once they are there, with the reason."""
        if self.is_new:
            return {}
        values = values_of(self.fields, self.now)
        found = {each.name: _FIXED for each in self.fields if each.fixed_later}
        for version in (4, 6):
            names = [f"{what}-{version}" for what in ("prefix", "peer", "microsoft")]
            if any(values.get(name) for name in names):
                found |= dict.fromkeys(names, _FIXED)
        if values.get("peering-service") == ENABLED:
            found["peering-service"] = "cannot be taken back: contact peering@microsoft.com"
        return found

    def free(self) -> list[FormField]:
        return [each for each in self.fields if each.name not in self.fixed]

    def changed(self, typed: dict[str, str]) -> Json:
        """The peering's document with what was typed."""
        values = values_of(self.fields, self.now) | typed
        made = fill({**_copied(self.now), "connectionIdentifier": self.identifier}, self.free(), values)
        return self._with([*self.all[: self.index], made, *self.all[self.index + 1 :]])

    def without(self) -> Json:
        """The peering's document without it."""
        return self._with([*self.all[: self.index], *self.all[self.index + 1 :]])

    def _with(self, connections: list[Json]) -> Json:
        inner = USES[self.use].inner
        properties = self.document["properties"]
        return {**self.document, "properties": {**properties, inner: {**properties[inner], "connections": connections}}}


def _copied(connection: Json) -> Json:
    return {**connection, **({"bgpSession": dict(connection["bgpSession"])} if connection.get("bgpSession") else {})}


def _identifier(text: str) -> str:
    try:
        return str(UUID(text)).upper()
    except ValueError:
        raise PageError(404, "There is no such connection.") from None


def _is(connection: Json, identifier: str) -> bool:
    return str(connection.get("connectionIdentifier", "")).upper() == identifier


# --- add, edit ---


async def new_connection(visit: Visit) -> Response:
    """A connection has its identifier from the start: saved twice it is one."""
    resource, _ = peering_of(visit)
    return visit.go(f"{page_of(resource)}/connections/{new_identifier()}")


async def show_connection(visit: Visit) -> Response:
    resource, _ = peering_of(visit)
    edited = EditedConnection(await document(visit, resource), visit.path["identifier"])
    return await _connection_page(visit, resource, edited, None, NO_PROBLEMS)


async def _connection_page(
    visit: Visit,
    resource: ResourceId,
    edited: EditedConnection,
    typed: dict[str, str] | None,
    problems: Problems,
    status: int = 200,
) -> Response:
    metro = str(edited.document["properties"]["peeringLocation"])
    choices = {"facility": await facility_choices(visit.provider, edited.use, metro)}
    values = begin_with(edited.fields, choices["facility"]) if edited.is_new else values_of(edited.fields, edited.now)
    title = f"Add connection: {title_of(edited.use)}" if edited.is_new else f"Edit connection: {title_of(edited.use)}"
    _, record = peering_of(visit)
    return visit.page(
        "forms/change.html",
        title,
        status=status,
        problems=problems,
        crumbs=peering_crumbs(resource, "Add connection" if edited.is_new else "Edit connection"),
        lead=f"{edited.use.value}, at {metro}.",
        filled=Filled(edited.fields, values | (typed or {}), choices),
        fixed=edited.fixed,
        warnings=NO_PROBLEMS,
        as_of=version_of(record),
        edits=not edited.is_new,
        back=page_of(resource),
        delete="" if edited.is_new else f"{page_of(resource)}/connections/{edited.identifier}/delete",
    )


async def save_connection(visit: Visit) -> Response:
    resource, record = peering_of(visit)
    edited = EditedConnection(await document(visit, resource), visit.path["identifier"])
    typed = taken(edited.free(), dict(visit.form.pairs))
    if not edited.is_new and edited.changed(typed) == edited.document:
        return visit.go(page_of(resource), "The connection is as you asked")  # sent twice, or nothing was changed
    if edited.is_new and visit.form["edits"]:
        raise PageError(409, _GONE)
    if not edited.is_new and visit.form["as-of"] != version_of(record):
        return await _connection_page(visit, resource, edited, typed, Problems.at("", _MOVED), 409)
    body = edited.changed(typed)
    found = review(visit.provider, resource, body)
    problems = _at_fields(edited, found.faults)
    if not problems:
        try:
            await ask(visit.provider, "PUT", str(resource), body)
        except ArmError as error:
            problems = Problems.of(error)
    if problems:
        return await _connection_page(visit, resource, edited, typed, problems, 400)
    said = "The connection is requested" if edited.is_new else "The connection is changed"
    return visit.go(page_of(resource), said)


def _at_fields(edited: EditedConnection, faults: tuple[ReviewFault, ...]) -> Problems:
    texts: dict[str, tuple[str, ...]] = {}
    for fault in faults:
        index, inside = split(fault.target)
        name = field_of(inside, edited.fields) if index == edited.index else ""
        text = sentence(edited.fields, name, fault.text)
        if fault.text == UPDATES_NOT_SUPPORTED:
            text += _NOT_UPDATED
        texts[name] = (*texts.get(name, ()), text)
    found = Problems(texts, next((each.code for each in faults), ""))
    return found.ordered([each.name for each in edited.fields])


# --- delete ---


async def ask_delete_connection(visit: Visit) -> Response:
    return await _delete_connection_page(visit, NO_PROBLEMS)


async def _delete_connection_page(visit: Visit, problems: Problems, status: int = 200) -> Response:
    resource, record = peering_of(visit)
    edited = _existing(await document(visit, resource), visit.path["identifier"])
    refusal = ""
    if len(edited.all) == 1:
        refusal = "It is the only connection of this peering: delete the peering instead."
    elif faults := review(visit.provider, resource, edited.without()).faults:
        refusal = faults[0].text
    state = edited.now.get("connectionState", "")
    return confirmation(
        visit,
        "Delete connection",
        peering_crumbs(resource, "Delete connection"),
        [
            f"The connection {_named(edited)} of {resource.name} is {state}.",
            "Its routes are withdrawn and its BGP sessions closed; until then its connection state is PendingRemove.",
            _IN_PROVISIONING,
        ],
        "Delete",
        back=page_of(resource),
        refusal=refusal,
        as_of=version_of(record),
        problems=problems,
        status=status,
    )


def _existing(found: Json, identifier: str) -> EditedConnection:
    edited = EditedConnection(found, identifier)
    if edited.is_new:
        raise PageError(404, "There is no such connection: it was removed already.")
    return edited


def _named(edited: EditedConnection) -> str:
    values = values_of(edited.fields, edited.now)
    session = edited.now.get("bgpSession") or {}
    shown = [values.get(name) for name in ("peer-4", "prefix-4", "peer-6", "prefix-6")]
    theirs = next((each for each in shown if each), edited.identifier)
    ours = session.get("microsoftSessionIPv4Address") or session.get("microsoftSessionIPv6Address")
    return f"{theirs} to {ours}" if ours and edited.use is not Use.DIRECT else str(theirs)


def _moved(visit: Visit, record: PeeringRecord) -> Problems:
    """Whether the peering is another than that which the person saw before the deletion."""
    if "as-of" not in visit.form or visit.form["as-of"] == version_of(record):
        return NO_PROBLEMS
    return Problems.at("", _MOVED_BEFORE_DELETION)


async def delete_connection(visit: Visit) -> Response:
    resource, record = peering_of(visit)
    edited = _existing(await document(visit, resource), visit.path["identifier"])
    if problems := _moved(visit, record):
        return await _delete_connection_page(visit, problems, 409)
    if problems := unconfirmed(visit):
        return await _delete_connection_page(visit, problems, 400)
    try:
        await ask(visit.provider, "PUT", str(resource), edited.without())
    except ArmError as error:
        return await _delete_connection_page(visit, Problems({"": (error.message,)}, error.code), error.status)
    return visit.go(page_of(resource), f"The connection {_named(edited)} is being removed")


async def ask_delete_peering(visit: Visit) -> Response:
    return await _delete_peering_page(visit, NO_PROBLEMS)


async def _delete_peering_page(visit: Visit, problems: Problems, status: int = 200) -> Response:
    resource, record = peering_of(visit)
    refusal = ""
    try:
        visit.provider.peerings.removable(record)
    except RefusalError as error:
        refusal = str(error)
    states = ", ".join(dict.fromkeys(live.record.connection.shown_state.value for live in record.connections))
    return confirmation(
        visit,
        f"Delete {resource.name}",
        peering_crumbs(resource, "Delete"),
        [
            f"The peering {resource.name} has {count_of(len(record.connections), 'connection')}: {states}.",
            "Its connection state becomes PendingRemove: every route is withdrawn at once, then every BGP "
            "session is closed. What is registered at it goes too.",
            _IN_PROVISIONING,
            "In Azure's portal a peering cannot be deprovisioned: its articles say to write to Microsoft peering, and "
            "PowerShell deletes it. This button is the simulator's choice.",
        ],
        "Delete",
        back=page_of(resource),
        refusal=refusal,
        as_of=version_of(record),
        problems=problems,
        status=status,
    )


async def delete_peering(visit: Visit) -> Response:
    resource, record = peering_of(visit)
    if problems := _moved(visit, record):
        return await _delete_peering_page(visit, problems, 409)
    if problems := unconfirmed(visit):
        return await _delete_peering_page(visit, problems, 400)
    try:
        await ask(visit.provider, "DELETE", str(resource))
    except ArmError as error:
        return await _delete_peering_page(visit, Problems({"": (error.message,)}, error.code), error.status)
    return visit.go("/", f"{resource.name} is being removed")


_CONNECTION: Final = f"{PEERING}/connections/{{identifier}}"
PAGES: Final = (
    PortalPage("GET", f"{PEERING}/connections/new", new_connection),
    PortalPage("GET", _CONNECTION, show_connection),
    PortalPage("POST", _CONNECTION, save_connection),
    PortalPage("GET", f"{_CONNECTION}/delete", ask_delete_connection),
    PortalPage("POST", f"{_CONNECTION}/delete", delete_connection),
    PortalPage("GET", f"{PEERING}/delete", ask_delete_peering),
    PortalPage("POST", f"{PEERING}/delete", delete_peering),
)
