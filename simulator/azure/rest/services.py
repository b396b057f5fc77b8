"""peeringServices and their prefixes: Peering Service, seen by the customer."""

from __future__ import annotations

from typing import TypeVar

from simulator.azure.model.resources import Json, PeeringService, PrefixEvent, PrefixState, Resource, ServicePrefix
from simulator.azure.rest import documents
from simulator.azure.rest.arm_request import ArmAnswer, ArmRequest, listing, missing, shown_system_data
from simulator.azure.rest.errors import bad_argument, resource_not_found
from simulator.azure.rest.times import iso

R = TypeVar("R", bound=Resource)


def found(request: ArmRequest, kind: type[R]) -> R:
    """What the path names. Raises ArmError 404."""
    resource = request.provider.found(request.id.key, kind)
    if resource is None:
        raise missing(request)
    return resource


def service(request: ArmRequest) -> PeeringService:
    """The service that the path begins with. Raises ArmError 404."""
    key = request.id.key if len(request.names) == 1 else request.id.parent.key
    resource = request.provider.found(key, PeeringService)
    if resource is None:
        raise resource_not_found(PeeringService.TYPE, request.names[0], request.group)
    return resource


def _render(request: ArmRequest, service: PeeringService) -> Json:
    return service.to_document() | shown_system_data(request, service)


def list_all(request: ArmRequest) -> ArmAnswer:
    services = request.provider.listed(PeeringService, request.subscription, request.group)
    return listing([_render(request, each) for each in services])


def get(request: ArmRequest) -> ArmAnswer:
    return ArmAnswer(200, _render(request, found(request, PeeringService)))


def put(request: ArmRequest) -> ArmAnswer:
    """Any provider and any location may be named: a prefix tells whether they are there (simulator)."""
    wanted = documents.read(documents.ServiceDocument, request.body)
    if not wanted.location:
        raise bad_argument("location: is required: an Azure region")
    document = documents.without_read_only(request.body)
    document["properties"] = document.get("properties") or {}
    made, created = request.provider.services.put(PeeringService.from_document(str(request.id), document))
    return ArmAnswer(201 if created else 200, _render(request, made))


def patch(request: ArmRequest) -> ArmAnswer:
    known = found(request, PeeringService)
    tags = documents.read(documents.TagsDocument, request.body).tags
    if set(request.body) - {"tags"} or tags is None:
        raise bad_argument("tags: is what a PATCH changes, and nothing else")
    return ArmAnswer(200, _render(request, request.provider.services.patch(known, tags)))


def delete(request: ArmRequest) -> ArmAnswer:
    """A service, or what is below one."""
    request.provider.monitor.forget(request.id.key)
    return ArmAnswer(200 if request.provider.services.delete(request.id.key) else 204)


# --- prefixes ---


def _render_prefix(request: ArmRequest, prefix: ServicePrefix) -> Json:
    body = prefix.to_document()
    if request.optional("$expand").lower() == "events":
        body["properties"]["events"] = [_event(event) for event in prefix.events]
    return body | shown_system_data(request, prefix)


def _event(event: PrefixEvent) -> Json:
    """The fields are published, what stands in them is not (simulator)."""
    failed = event.state is PrefixState.FAILED
    return {
        "eventTimestamp": iso(event.time),
        "eventType": "PrefixValidation",
        "eventSummary": f"Prefix validation: {event.state.value}",
        "eventLevel": "Error" if failed else "Informational",
        "eventDescription": event.text,
    }


def list_prefixes(request: ArmRequest) -> ArmAnswer:
    below = request.provider.unit.below(service(request).key, ServicePrefix)
    return listing([_render_prefix(request, prefix) for prefix in below])


def get_prefix(request: ArmRequest) -> ArmAnswer:
    service(request)
    return ArmAnswer(200, _render_prefix(request, found(request, ServicePrefix)))


def put_prefix(request: ArmRequest) -> ArmAnswer:
    """Pending at first (recorded), then Verified or Failed. A later PUT validates again."""
    parent = service(request)
    documents.read(documents.ServicePrefixDocument, request.body)
    document = documents.without_read_only(request.body)
    wanted = ServicePrefix.from_document(str(request.id), document)
    prefix, created = request.provider.services.put_prefix(parent, wanted)
    return ArmAnswer(201 if created else 200, _render_prefix(request, prefix))
