"""peerAsns: the ASN that a subscription may peer with, once Microsoft approved it."""

from __future__ import annotations

from typing import Final

from simulator.azure.model.resources import PeerAsn
from simulator.azure.rest import documents
from simulator.azure.rest.arm_request import ArmAnswer, ArmRequest, listing
from simulator.azure.rest.errors import not_found

NOT_THERE: Final = "PeerAsn does not exist with the given name"
"""Recorded."""


def list_all(request: ArmRequest) -> ArmAnswer:
    return listing([asn.to_document() for asn in request.provider.listed(PeerAsn, request.subscription)])


def get(request: ArmRequest) -> ArmAnswer:
    asn = request.provider.found(request.id.key, PeerAsn)
    if asn is None:
        raise not_found(NOT_THERE)
    return ArmAnswer(200, asn.to_document())


def _wanted(request: ArmRequest) -> PeerAsn:
    documents.read(documents.PeerAsnDocument, request.body)
    return PeerAsn.from_document(str(request.id), documents.without_read_only(request.body))


def check(request: ArmRequest) -> list[str]:
    """Raise what `put` would raise; its warnings. Nothing changes."""
    request.provider.asns.check(_wanted(request))
    return []


def put(request: ArmRequest) -> ArmAnswer:
    asn, created = request.provider.asns.put(_wanted(request))
    return ArmAnswer(201 if created else 200, asn.to_document())


def delete(request: ArmRequest) -> ArmAnswer:
    return ArmAnswer(200 if request.provider.asns.delete(request.id.key) else 204)
