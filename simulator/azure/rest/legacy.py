"""legacyPeerings: peerings that run without an Azure resource. A PUT of one as a peering converts it."""

from __future__ import annotations

from simulator.azure.model.resources import AsnState, Json, PeerAsn
from simulator.azure.rest.arm_request import ArmAnswer, ArmRequest, listing
from simulator.azure.rest.documents import DIRECT_TYPES
from simulator.azure.rest.errors import bad_argument
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
        raise bad_argument(f"directPeeringType: '{type_[:40]}' is not one of {', '.join(DIRECT_TYPES)}")
    provider, found = request.provider, list[Json]()
    for peer_asn in provider.listed(PeerAsn, request.subscription):
        if peer_asn.state is not AsnState.APPROVED or (asn and peer_asn.asn != int(asn)):
            continue
        flow = Flow.EXCHANGE if kind == "exchange" else Flow.DIRECT
        for record in provider.peerings.legacy.listed(peer_asn, metro, flow):
            if flow is Flow.EXCHANGE or type_ in ("", record.request.direct_type.lower()):
                found.append(render(request, record))
    return listing(found)
