"""registeredAsns and registeredPrefixes: what a provider of Peering Service registers below its peering."""

from __future__ import annotations

from simulator.azure.model.peering import PeeringResource
from simulator.azure.model.resources import Json, RegisteredAsn, RegisteredPrefix
from simulator.azure.provider.records import PeeringRecord
from simulator.azure.provider.registrations import NOT_THIS_TYPE, for_peering_service
from simulator.azure.rest import documents
from simulator.azure.rest.arm_request import ArmAnswer, ArmRequest, listing, shown_system_data
from simulator.azure.rest.errors import bad_argument, not_supported, resource_not_found
from simulator.azure.rest.peerings import existing as existing_peering
from simulator.azure.rest.services import found
from simulator.connection.states import Flow


def _render(request: ArmRequest, resource: RegisteredAsn | RegisteredPrefix) -> Json:
    return resource.to_document() | shown_system_data(request, resource)


def _peering(request: ArmRequest) -> PeeringRecord:
    """The parent. Raises ArmError 404 when it is missing, 405 when it is not for Peering Service (recorded)."""
    record = _parent(request)
    right = record.request.flow is Flow.IXRS if request.types[-1] == "registeredAsns" else for_peering_service(record)
    if not right:
        raise not_supported(NOT_THIS_TYPE)
    return record


def _parent(request: ArmRequest) -> PeeringRecord:
    key = request.id.key if len(request.names) == 1 else request.id.parent.key
    record = request.provider.peering(key)
    if record is None:
        raise resource_not_found(PeeringResource.TYPE, request.names[0], request.group)
    return record


def _kind(request: ArmRequest) -> type[RegisteredAsn] | type[RegisteredPrefix]:
    return RegisteredAsn if request.types[-1] == "registeredAsns" else RegisteredPrefix


def list_all(request: ArmRequest) -> ArmAnswer:
    record = existing_peering(request)
    _peering(request)
    return listing([_render(request, each) for each in request.provider.unit.below(record.key, _kind(request))])


def get(request: ArmRequest) -> ArmAnswer:
    _peering(request)
    return ArmAnswer(200, _render(request, found(request, _kind(request))))


def put_asn(request: ArmRequest) -> ArmAnswer:
    """Refused before the peering has an Active connection; one ASN has one key (documented)."""
    record = _peering(request)
    documents.read(documents.RegisteredAsnDocument, request.body)
    wanted = RegisteredAsn.from_document(str(request.id), _words(request))
    asn, created = request.provider.registrations.put_asn(record, wanted)
    return ArmAnswer(201 if created else 200, _render(request, asn))


def put_prefix(request: ArmRequest) -> ArmAnswer:
    """Pending at first, without a key (REST specification's example); then Verified or Failed."""
    record = _peering(request)
    text = documents.read(documents.RegisteredPrefixDocument, request.body).properties.prefix
    try:
        wanted = RegisteredPrefix.from_document(str(request.id), _words(request))
    except ValueError:
        # A client's words; that it is IPv4 is documented.
        raise bad_argument(f"Unrecognized routePrefix {text[:100]}", "properties.prefix") from None
    prefix, created = request.provider.registrations.put_prefix(record, wanted)
    return ArmAnswer(201 if created else 200, _render(request, prefix))


def _words(request: ArmRequest) -> Json:
    """The client's words: the key is the service's here, though a peering service's prefix brings one."""
    document: Json = documents.without_read_only(request.body)
    document["properties"].pop("peeringServicePrefixKey", None)
    return document


def validate(request: ArmRequest) -> ArmAnswer:
    """Pending in the answer, as in the REST specification's example; the outcome is there at a later GET."""
    _peering(request)
    prefix = request.provider.registrations.validate(found(request, RegisteredPrefix))
    return ArmAnswer(200, _render(request, prefix))


def delete(request: ArmRequest) -> ArmAnswer:
    record = request.provider.peering(request.id.parent.key)
    there = record is not None and request.provider.registrations.delete(record, request.id.key)
    return ArmAnswer(200 if there else 204)
