"""legacyPeerings: peerings that run without an Azure resource. A PUT of one as a peering converts it."""

from __future__ import annotations

from simulator.azure.provider.asns import APPROVED
from simulator.azure.provider.asns import TYPE as ASN_TYPE
from simulator.azure.rest.documents import DIRECT_TYPES
from simulator.azure.rest.errors import bad_argument
from simulator.azure.rest.exchange import ArmAnswer, ArmRequest, Json, listing
from simulator.azure.rest.peerings import render
from simulator.connection.states import Flow


def list_all(request: ArmRequest) -> ArmAnswer:
    """Those of the subscription's Approved PeerAsns (simulator): whose ASN it is not sees no keys of others."""
    metro, kind = request.required("peeringLocation"), request.required("kind").lower()
    if kind not in ("exchange", "direct"):
        raise bad_argument(f"kind: '{kind[:40]}' is neither Exchange nor Direct")
    asn, type_ = request.optional("asn"), request.optional("directPeeringType").lower()
    if asn and not (asn.isascii() and asn.isdigit() and len(asn) <= 10):
        raise bad_argument(f"asn: '{asn[:40]}' is not an ASN")
    if type_ and type_ not in map(str.lower, DIRECT_TYPES):
        raise bad_argument(f"directPeeringType: '{type_[:40]}' is none of {', '.join(DIRECT_TYPES)}")
    provider, found = request.provider, list[Json]()
    for resource in provider.listed(ASN_TYPE, request.subscription):
        number = resource.document["properties"]["peerAsn"]
        if resource.status["validationState"] != APPROVED or (asn and number != int(asn)):
            continue
        flow = Flow.EXCHANGE if kind == "exchange" else Flow.DIRECT
        for record in provider.peerings.legacy.listed(resource, metro, flow):
            if flow is Flow.EXCHANGE or type_ in ("", record.request.direct_type.lower()):
                found.append(render(request, record))
    return listing(found)
