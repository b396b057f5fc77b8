"""peerAsns: the ASN that a subscription may peer with, once Microsoft approved it."""

from __future__ import annotations

from typing import Final

from simulator.azure.provider.asns import TYPE
from simulator.azure.rest import documents
from simulator.azure.rest.errors import not_found
from simulator.azure.rest.exchange import ArmAnswer, ArmRequest, Json, envelope, listing
from simulator.azure.store.store import Resource

NOT_THERE: Final = "PeerAsn does not exist with the given name"
"""Recorded."""


def render(resource: Resource) -> Json:
    properties = resource.document["properties"]
    shown = {**properties, "validationState": resource.status["validationState"]}
    if resource.status.get("errorMessage"):
        shown["errorMessage"] = resource.status["errorMessage"]
    return {**envelope(resource.id, TYPE), "properties": shown}


def list_all(request: ArmRequest) -> ArmAnswer:
    return listing([render(resource) for resource in request.provider.listed(TYPE, request.subscription)])


def get(request: ArmRequest) -> ArmAnswer:
    resource = request.provider.found(request.id.key)
    if resource is None:
        raise not_found(NOT_THERE)
    return ArmAnswer(200, render(resource))


def put(request: ArmRequest) -> ArmAnswer:
    wanted = documents.read(documents.PeerAsnDocument, request.body).properties
    document = documents.without_read_only(request.body)
    resource, created = request.provider.asns.put(str(request.id), document, wanted.peerAsn)
    return ArmAnswer(201 if created else 200, render(resource))


def delete(request: ArmRequest) -> ArmAnswer:
    return ArmAnswer(200 if request.provider.asns.delete(request.id.key) else 204)
