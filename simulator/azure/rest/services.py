"""peeringServices and their prefixes: Peering Service, seen by the customer."""

from __future__ import annotations

from simulator.azure.provider.services import PREFIX, TYPE
from simulator.azure.rest import documents
from simulator.azure.rest.errors import bad_argument, resource_not_found
from simulator.azure.rest.exchange import ArmAnswer, ArmRequest, Json, envelope, listing, missing, shown_system_data
from simulator.azure.rest.times import iso
from simulator.azure.store.store import Resource


def found(request: ArmRequest) -> Resource:
    """What the path names. Raises ArmError 404."""
    resource = request.provider.found(request.id.key)
    if resource is None:
        raise missing(request)
    return resource


def service(request: ArmRequest) -> Resource:
    """The service that the path begins with. Raises ArmError 404."""
    key = request.id.key if len(request.names) == 1 else request.id.parent.key
    resource = request.provider.found(key)
    if resource is None:
        raise resource_not_found(TYPE, request.names[0], request.group)
    return resource


def render(request: ArmRequest, resource: Resource) -> Json:
    document = resource.document
    return {
        **document,
        **envelope(resource.id, resource.type),
        "properties": {**(document.get("properties") or {}), "provisioningState": "Succeeded"},
        **shown_system_data(request, resource),
    }


def list_all(request: ArmRequest) -> ArmAnswer:
    resources = request.provider.listed(TYPE, request.subscription, request.group)
    return listing([render(request, resource) for resource in resources])


def get(request: ArmRequest) -> ArmAnswer:
    return ArmAnswer(200, render(request, found(request)))


def put(request: ArmRequest) -> ArmAnswer:
    """Any provider and any location may be named: a prefix tells whether they are there (simulator)."""
    wanted = documents.read(documents.ServiceDocument, request.body)
    if not wanted.location:
        raise bad_argument("location: is required: an Azure region")
    document = documents.without_read_only(request.body)
    document["properties"] = document.get("properties") or {}
    resource, created = request.provider.services.put(TYPE, str(request.id), document)
    return ArmAnswer(201 if created else 200, render(request, resource))


def patch(request: ArmRequest) -> ArmAnswer:
    resource = found(request)
    tags = documents.read(documents.TagsDocument, request.body).tags
    if set(request.body) - {"tags"} or tags is None:
        raise bad_argument("tags: is what a PATCH changes, and nothing else")
    return ArmAnswer(200, render(request, request.provider.services.patch(resource, tags)))


def delete(request: ArmRequest) -> ArmAnswer:
    """A service, or what is below one."""
    request.provider.monitor.forget(request.id.key)
    return ArmAnswer(200 if request.provider.services.delete(request.id.key) else 204)


# --- prefixes ---


def _prefix(request: ArmRequest, resource: Resource) -> Json:
    status = resource.status
    properties = {
        **resource.document["properties"],
        "prefixValidationState": status["prefixValidationState"],
        "learnedType": status["learnedType"],
        "provisioningState": "Succeeded",
    }
    if "errorMessage" in status:
        properties["errorMessage"] = status["errorMessage"]
    if request.optional("$expand").lower() == "events":
        properties["events"] = [_event(event) for event in status["events"]]
    body = {**envelope(resource.id, resource.type), "properties": properties}
    return body | shown_system_data(request, resource)


def _event(event: Json) -> Json:
    """The fields are published, what stands in them is not (simulator)."""
    failed = event["state"] == "Failed"
    return {
        "eventTimestamp": iso(event["time"]),
        "eventType": "PrefixValidation",
        "eventSummary": f"Prefix validation: {event['state']}",
        "eventLevel": "Error" if failed else "Informational",
        "eventDescription": event["text"],
    }


def list_prefixes(request: ArmRequest) -> ArmAnswer:
    below = request.provider.books.below(service(request).key, PREFIX)
    return listing([_prefix(request, resource) for resource in below])


def get_prefix(request: ArmRequest) -> ArmAnswer:
    service(request)
    return ArmAnswer(200, _prefix(request, found(request)))


def put_prefix(request: ArmRequest) -> ArmAnswer:
    """Pending at first (recorded), then Verified or Failed. A later PUT validates again."""
    parent = service(request)
    documents.read(documents.ServicePrefixDocument, request.body)
    document = documents.without_read_only(request.body)
    resource, created = request.provider.services.put_prefix(parent, str(request.id), document)
    return ArmAnswer(201 if created else 200, _prefix(request, resource))
