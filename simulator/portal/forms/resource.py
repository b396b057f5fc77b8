"""What the pages of one resource share: its id out of the path, its document, a confirmation, errors at fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote

from fastapi import Response

from simulator.azure.model.resources import Json
from simulator.azure.provider.records import PeeringRecord
from simulator.azure.rest.documents import (
    Document,
    RegisteredAsnDocument,
    RegisteredPrefixDocument,
    ServicePrefixDocument,
    faults,
)
from simulator.azure.rest.errors import ArmError
from simulator.azure.rest.ids import NAME_RULE, ResourceId, name_fault
from simulator.portal.arm import ask
from simulator.portal.forms.field import FormField, field_of, sentence
from simulator.portal.peering_frame import peering_of as found_peering
from simulator.portal.problems import NO_PROBLEMS, Problems
from simulator.portal.visit import Visit

YES: Final = "yes"
"""What the portal of 2024 has typed before it deletes."""
SERVICE_BASE: Final = "/peering-services/{subscription}/{group}/{name}"


def resource_id(visit: Visit, type_: str) -> ResourceId:
    """The resource that a page is about."""
    path = visit.path
    return ResourceId(path["subscription"], path["group"], (type_,), (path["name"],))


def page_of(resource: ResourceId) -> str:
    """The page of a peering or a peering service."""
    base = "/peerings" if resource.types[0] == "peerings" else "/peering-services"
    return base + "".join(
        f"/{quote(each, safe='')}" for each in (resource.subscription, resource.group, resource.names[0])
    )


def peering_crumbs(resource: ResourceId, here: str) -> list[tuple[str, str]]:
    return [("Peerings", "/"), (resource.names[0], page_of(resource)), (here, "")]


def peering_of(visit: Visit) -> tuple[ResourceId, PeeringRecord]:
    """The peering that a page is about. Raises PageError 404."""
    resource = resource_id(visit, "peerings")
    return resource, found_peering(visit)


async def document(visit: Visit, resource: ResourceId, **query: str) -> Json:
    """A resource as the API shows it. Raises ArmError."""
    answer = await ask(visit.provider, "GET", str(resource), **query)
    return dict(answer.body)


def problems_at(error: ArmError, fields: Sequence[FormField]) -> Problems:
    """An ARM error, at the input that it is about."""
    text = error.message.removeprefix(f"{error.target}: ")
    name = field_of(error.target, fields)
    return Problems({name: (sentence(fields, name, text),)}, error.code)


async def put_below(
    visit: Visit, parent: ResourceId, type_: str, fields: tuple[FormField, ...], body: Json
) -> Problems:
    """PUT a new resource below another, by the name that the form has. What is wrong with it, if something is; of a
    name that cannot be, together with what is wrong with the document. Sent twice it is one."""
    name = visit.form["name"]
    if fault := name_fault(type_, name) if name else f"Name is required: {NAME_RULE}":
        problems = Problems({"name": (fault,)}, "InvalidResourceName")
        for error in faults(_DOCUMENTS[type_], body):
            problems |= problems_at(error, fields)
        return problems
    child = parent.child(type_, name)
    there = visit.provider.unit.resources.get(child.key)
    try:
        if there is not None and not await _is_the_same(visit, child, body):
            return Problems(
                {"name": (f"{name} is there already: choose another name, or delete that one.",)}, "Conflict"
            )
        await ask(visit.provider, "PUT", str(child), body)
    except ArmError as error:
        return problems_at(error, fields)
    return NO_PROBLEMS


async def _is_the_same(visit: Visit, resource: ResourceId, body: Json) -> bool:
    """Whether a resource is what a body asks for."""
    shown = (await document(visit, resource))["properties"]
    return all(str(shown.get(name)) == str(value) for name, value in body["properties"].items())


_DOCUMENTS: Final[Mapping[str, type[Document]]] = {
    "registeredAsns": RegisteredAsnDocument,
    "registeredPrefixes": RegisteredPrefixDocument,
    "prefixes": ServicePrefixDocument,
}
"""What a PUT of each takes."""


def version_of(record: PeeringRecord) -> str:
    """Another one after each change, and for another peering of the same name: a page of an older one is stale."""
    return f"{record.resource.created}-{record.resource.changed}"


def confirmation(
    visit: Visit,
    title: str,
    crumbs: list[tuple[str, str]],
    sentences: list[str],
    button: str,
    *,
    back: str,
    refusal: str = "",
    typed: bool = True,
    as_of: str = "",
    problems: Problems = NO_PROBLEMS,
    status: int = 200,
) -> Response:
    """Ask before something is deleted. `refusal`: why it cannot be; then the button is there, and inactive. `as_of`:
    the version of what is shown."""
    return visit.page(
        "forms/confirm.html",
        title,
        status=status,
        problems=problems,
        crumbs=crumbs,
        sentences=sentences,
        button=button,
        back=back,
        refusal=refusal,
        typed=typed,
        as_of=as_of,
    )


def unconfirmed(visit: Visit) -> Problems:
    """What is missing before a deletion."""
    if visit.form["confirm"].lower() == YES:
        return NO_PROBLEMS
    return Problems.at("confirm", f'Type "{YES}" to delete.')
