"""connectionMonitorTests of a peering service, and the monitor's initialisation."""

from __future__ import annotations

from simulator.azure.model.resources import ConnectionMonitorTest, Json
from simulator.azure.rest import documents
from simulator.azure.rest.arm_request import ArmAnswer, ArmRequest, listing, shown_system_data
from simulator.azure.rest.services import found, service


def _render(request: ArmRequest, test: ConnectionMonitorTest) -> Json:
    """What the last run came to; one that has not run is not successful (REST specification's example)."""
    outcome = request.provider.monitor.outcome(test.key)
    return test.to_document(outcome.successful, outcome.path) | shown_system_data(request, test)


def list_all(request: ArmRequest) -> ArmAnswer:
    below = request.provider.unit.below(service(request).key, ConnectionMonitorTest)
    return listing([_render(request, test) for test in below])


def get(request: ArmRequest) -> ArmAnswer:
    service(request)
    return ArmAnswer(200, _render(request, found(request, ConnectionMonitorTest)))


def put(request: ArmRequest) -> ArmAnswer:
    service(request)
    documents.read(documents.MonitorTestDocument, request.body)
    document = documents.without_read_only(request.body)
    test, created = request.provider.services.put(ConnectionMonitorTest.from_document(str(request.id), document))
    request.provider.monitor.follow(test)
    return ArmAnswer(201 if created else 200, _render(request, test))


def initialize(request: ArmRequest) -> ArmAnswer:
    """200 without a body: versions of the specification disagree on 200 and 204, and the clients take 200."""
    request.provider.unit.add_event(
        request.provider.clock.now(),
        "connection-monitor",
        f"/subscriptions/{request.subscription}",
        {"reason": "the subscription initialised the connection monitor"},
    )
    return ArmAnswer(200)
