"""registeredAsns and registeredPrefixes: what a provider of Peering Service registers below its peering."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Final

from simulator.azure.provider.peerings import TYPE as PEERING_TYPE
from simulator.azure.provider.records import PeeringRecord
from simulator.azure.provider.registrations import ASN_TYPE, NOT_THIS_TYPE, PREFIX_TYPE, for_peering_service
from simulator.azure.rest import documents
from simulator.azure.rest.errors import bad_argument, not_supported, resource_not_found
from simulator.azure.rest.exchange import ArmAnswer, ArmRequest, Json, envelope, listing, missing, shown_system_data
from simulator.azure.rest.peerings import existing as existing_peering
from simulator.azure.store.store import Resource
from simulator.connection.states import Flow

_SHOWN: Final = ("prefixValidationState", "peeringServicePrefixKey", "errorMessage")


def _render(request: ArmRequest, resource: Resource) -> Json:
    properties = {**resource.document["properties"]}
    properties |= {name: resource.status[name] for name in _SHOWN if name in resource.status}
    properties["provisioningState"] = "Succeeded"
    body = {**envelope(resource.id, resource.type), "properties": properties}
    return body | shown_system_data(request, resource)


def _peering(request: ArmRequest) -> PeeringRecord:
    """The parent. Raises ArmError 404 where there is none, 405 where it is not for Peering Service (recorded)."""
    record = _parent(request)
    right = record.request.flow is Flow.IXRS if request.types[-1] == "registeredAsns" else for_peering_service(record)
    if not right:
        raise not_supported(NOT_THIS_TYPE)
    return record


def _parent(request: ArmRequest) -> PeeringRecord:
    key = request.id.key if len(request.names) == 1 else request.id.parent.key
    record = request.provider.peering(key)
    if record is None:
        raise resource_not_found(PEERING_TYPE, request.names[0], request.group)
    return record


def _found(request: ArmRequest) -> Resource:
    _peering(request)
    resource = request.provider.found(request.id.key)
    if resource is None:
        raise missing(request)
    return resource


def list_all(request: ArmRequest) -> ArmAnswer:
    type_ = ASN_TYPE if request.types[-1] == "registeredAsns" else PREFIX_TYPE
    record = existing_peering(request)
    _peering(request)
    return listing([_render(request, each) for each in request.provider.books.below(record.key, type_)])


def get(request: ArmRequest) -> ArmAnswer:
    return ArmAnswer(200, _render(request, _found(request)))


def put_asn(request: ArmRequest) -> ArmAnswer:
    """Refused before the peering has an Active connection; one ASN has one key (documented)."""
    record = _peering(request)
    wanted = documents.read(documents.RegisteredAsnDocument, request.body)
    resource, created = request.provider.registrations.put_asn(
        record, str(request.id), _words(request), wanted.properties.asn
    )
    return ArmAnswer(201 if created else 200, _render(request, resource))


def put_prefix(request: ArmRequest) -> ArmAnswer:
    """Pending at first, without a key (REST specification's example); then Verified or Failed."""
    record = _peering(request)
    wanted = documents.read(documents.RegisteredPrefixDocument, request.body).properties.prefix
    try:
        prefix = IPv4Network(wanted.strip())
    except ValueError:
        # A client's words; that it is IPv4 is documented.
        raise bad_argument(f"Unrecognized routePrefix {wanted[:100]}", "properties.prefix") from None
    document = _words(request)
    document["properties"]["prefix"] = str(prefix)
    resource, created = request.provider.registrations.put_prefix(record, str(request.id), document, prefix)
    return ArmAnswer(201 if created else 200, _render(request, resource))


def _words(request: ArmRequest) -> Json:
    """The client's words: the key is the service's here, though a peering service's prefix brings one."""
    document: Json = documents.without_read_only(request.body)
    document["properties"].pop("peeringServicePrefixKey", None)
    return document


def validate(request: ArmRequest) -> ArmAnswer:
    """Pending in the answer, as in the REST specification's example; the outcome is there at a later GET."""
    return ArmAnswer(200, _render(request, request.provider.registrations.validate(_found(request))))


def delete(request: ArmRequest) -> ArmAnswer:
    record = request.provider.peering(request.id.parent.key)
    there = record is not None and request.provider.registrations.delete(record, request.id.key)
    return ArmAnswer(200 if there else 204)
