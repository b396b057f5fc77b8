"""connectionMonitorTests of a peering service, and the monitor's initialisation."""

from __future__ import annotations

from simulator.arm import documents
from simulator.arm.exchange import ArmAnswer, ArmRequest, Json, envelope, listing, shown_system_data
from simulator.arm.services import found, service
from simulator.provisioning.provider.services import TEST
from simulator.provisioning.store.store import Resource


def _render(request: ArmRequest, resource: Resource) -> Json:
    """No agent is ever connected in a lab, so that no test has run: not successful, and without a path (simulator)."""
    properties = {**resource.document["properties"], "isTestSuccessful": False, "path": []}
    properties["provisioningState"] = "Succeeded"
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
