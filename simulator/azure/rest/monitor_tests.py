"""connectionMonitorTests of a peering service, and the monitor's initialisation."""

from __future__ import annotations

from simulator.azure.provider.monitor import TEST
from simulator.azure.rest import documents
from simulator.azure.rest.exchange import ArmAnswer, ArmRequest, Json, envelope, listing, shown_system_data
from simulator.azure.rest.services import found, service
from simulator.azure.store.store import Resource


def _render(request: ArmRequest, resource: Resource) -> Json:
    """What the last run came to; one that has not run is not successful (REST specification's example)."""
    outcome = request.provider.monitor.outcome(resource.key)
    properties = {
        **resource.document["properties"],
        "isTestSuccessful": outcome.successful,
        "path": list(outcome.path),
        "provisioningState": "Succeeded",
    }
    body = {**envelope(resource.id, resource.type), "properties": properties}
    return body | shown_system_data(request, resource)


def list_all(request: ArmRequest) -> ArmAnswer:
    below = request.provider.books.below(service(request).key, TEST)
    return listing([_render(request, resource) for resource in below])


def get(request: ArmRequest) -> ArmAnswer:
    service(request)
    return ArmAnswer(200, _render(request, found(request)))


def put(request: ArmRequest) -> ArmAnswer:
    service(request)
    documents.read(documents.MonitorTestDocument, request.body)
    document = documents.without_read_only(request.body)
    resource, created = request.provider.services.put(TEST, str(request.id), document)
    request.provider.monitor.follow(resource)
    return ArmAnswer(201 if created else 200, _render(request, resource))


def initialize(request: ArmRequest) -> ArmAnswer:
    """200 without a body: versions of the specification disagree on 200 and 204, and the clients take 200."""
    request.provider.books.tell(
        request.provider.clock.now(),
        "connection-monitor",
        f"/subscriptions/{request.subscription}",
        {"reason": "the subscription initialised the connection monitor"},
    )
    return ArmAnswer(200)
