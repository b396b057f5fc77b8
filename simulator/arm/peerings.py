"""peerings: from the client's document to a request, and from a peering to the document that Azure shows."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network
from typing import Any, Final
from uuid import uuid4

from simulator.arm import documents
from simulator.arm.documents import DIRECT_TYPES
from simulator.arm.errors import bad_argument, resource_not_found
from simulator.arm.exchange import ArmAnswer, ArmRequest, Json, envelope, listing, system_data
from simulator.arm.session_states import session_state
from simulator.arm.times import iso
from simulator.connection.states import ConnectionState, Flow
from simulator.provisioning.provider.peerings import TYPE
from simulator.provisioning.provider.records import LiveConnection, PeeringRecord
from simulator.provisioning.provider.requests import ConnectionRequest, PeeringRequest, SessionRequest
from simulator.session.messages import Family

_SUFFIX: Final = {Family.IPV4: "V4", Family.IPV6: "V6"}
_ADDRESS: Final = {Family.IPV4: "IPv4Address", Family.IPV6: "IPv6Address"}
_CLIENTS_LIMIT: Final = {Family.IPV4: 20000, Family.IPV6: 2000}
"""The most that Microsoft's clients let through; production took more, so that the server only warns."""
_VOICE_CONNECTIONS: Final = 2
_IXRS_SKUS: Final = ("Basic_Direct_Free", "Premium_Direct_Free")
"""Of an exchange with route server: Basic in 2020, Premium in today's walkthrough. Others are refused (simulator)."""


# --- in ---


def parse(request: ArmRequest) -> tuple[PeeringRequest, list[str]]:
    """The request in a body, and warnings about what only Microsoft's clients refuse. Raises ArmError."""
    document = documents.read(documents.PeeringDocument, request.body)
    properties = document.properties or documents.PeeringProperties()
    if document.kind not in ("Exchange", "Direct"):
        raise bad_argument(f"kind: '{document.kind or ''}' is neither Exchange nor Direct")
    if document.sku is None or document.sku.name is None:
        raise bad_argument("sku.name: is required, for example Basic_Exchange_Free")
    if not document.location:
        raise bad_argument("location: is required: the Azure region of the metro")
    if properties.peeringLocation is None:
        raise bad_argument("properties.peeringLocation: is required: the metro")
    exchange = document.kind == "Exchange"
    place = "properties.exchange" if exchange else "properties.direct"
    inner = properties.exchange if exchange else properties.direct
    if inner is None or (properties.direct if exchange else properties.exchange) is not None:
        raise bad_argument(f"{place}: is what a peering of kind {document.kind} has, and nothing else")
    if inner.peerAsn is None or inner.peerAsn.id is None:
        raise bad_argument(f"{place}.peerAsn.id: is required: the id of a peerAsns resource")
    if not inner.connections:
        raise bad_argument(f"{place}.connections: at least one is required")
    direct_type = inner.directPeeringType or "Edge" if isinstance(inner, documents.Direct) else ""
    if direct_type and direct_type not in DIRECT_TYPES:
        raise bad_argument(f"{place}.directPeeringType: '{direct_type}' is none of {', '.join(DIRECT_TYPES)}")
    if direct_type == "IxRs" and document.sku.name.lower() not in map(str.lower, _IXRS_SKUS):
        raise bad_argument(f"sku.name: '{document.sku.name}' is none of {', '.join(_IXRS_SKUS)}")
    flow = Flow.EXCHANGE if exchange else Flow.IXRS if direct_type == "IxRs" else Flow.DIRECT
    asn = request.provider.found(inner.peerAsn.id.lower())
    warnings: list[str] = []
    connections = tuple(
        _connection(f"{place}.connections[{number}]", each, flow, direct_type, warnings)
        for number, each in enumerate(_identified(request, inner.connections))
    )
    if direct_type == "Voice" and len(connections) < _VOICE_CONNECTIONS:
        raise bad_argument(f"{place}.connections: a Voice peering needs at least two")
    wanted = PeeringRequest(
        flow=flow,
        asn=asn.document["properties"]["peerAsn"] if asn is not None else 0,
        peer_asn=inner.peerAsn.id,
        metro=properties.peeringLocation,
        direct_type=direct_type,
        connections=connections,
    )
    return wanted, warnings


def _identified(
    request: ArmRequest, connections: list[documents.ConnectionDocument]
) -> Iterable[documents.ConnectionDocument]:
    """A connection without an identifier is the one that has its peer address already, or else a new one."""
    known = request.provider.peering(request.id.key)
    for each in connections:
        identifier = each.connectionIdentifier
        session = each.bgpSession
        if identifier is None and known is not None and session is not None:
            addresses = {session.peerSessionIPv4Address, session.peerSessionIPv6Address} - {None}
            identifier = next(
                (
                    live.request.mesh_of or live.request.identifier
                    for live in known.connections
                    if addresses & {one.peer for one in live.request.sessions.values()}
                ),
                None,
            )
        yield each.model_copy(update={"connectionIdentifier": identifier or str(uuid4()).upper()})


def _connection(
    place: str, document: documents.ConnectionDocument, flow: Flow, direct_type: str, warnings: list[str]
) -> ConnectionRequest:
    if document.peeringDBFacilityId is None or document.peeringDBFacilityId <= 0:
        raise bad_argument(f"{place}.peeringDBFacilityId: must be greater than 0")
    provider = document.sessionAddressProvider or ("Microsoft" if direct_type == "Voice" else "Peer")
    if provider not in ("Microsoft", "Peer"):
        raise bad_argument(f"{place}.sessionAddressProvider: '{provider}' is neither Microsoft nor Peer")
    session = document.bgpSession or documents.BgpSession()
    sessions = {family: one for family in Family if (one := _session(place, session, family, flow)) is not None}
    own_addresses = any(one.peer or one.prefix for one in sessions.values())
    if direct_type == "Voice" and (provider == "Peer" or own_addresses):
        raise bad_argument(f"{place}: a Voice peering takes its session addresses from Microsoft")
    if flow is Flow.IXRS and provider == "Microsoft":
        raise bad_argument(f"{place}.sessionAddressProvider: an exchange with route server brings its own (Peer)")
    if not sessions and not (flow is Flow.DIRECT and provider == "Microsoft"):
        raise bad_argument(f"{place}.bgpSession: an address of the peer is required, IPv4 or IPv6")
    _check_limits(place, sessions, warnings)
    return ConnectionRequest(
        identifier=(document.connectionIdentifier or "").strip("{}").upper(),
        facility=document.peeringDBFacilityId,
        sessions=sessions,
        md5=session.md5AuthenticationKey,
        bandwidth=_bandwidth(place, document.bandwidthInMbps, warnings) if flow is not Flow.EXCHANGE else 0,
        provider=provider,
        peering_service=bool(document.useForPeeringService),
    )


def _session(place: str, session: documents.BgpSession, family: Family, flow: Flow) -> SessionRequest | None:
    suffix, address = _SUFFIX[family], _ADDRESS[family]
    peer = getattr(session, f"peerSession{address}")
    microsoft = getattr(session, f"microsoftSession{address}")
    limit = getattr(session, f"maxPrefixesAdvertised{suffix}")
    prefix = _prefix(place, getattr(session, f"sessionPrefix{suffix}"), family, flow)
    if peer is None and (flow is not Flow.DIRECT or prefix is None):
        if limit is not None and flow is not Flow.DIRECT:
            text = f"MaxPrefixesAdvertised{suffix}:{limit} must be null if PeerSession{address} is null"
            raise bad_argument(f"{place}.bgpSession: {text}")
        if limit is None or flow is not Flow.DIRECT:
            return None
    if limit is not None and limit <= 0:
        raise bad_argument(f"{place}.bgpSession.maxPrefixesAdvertised{suffix}: must be greater than 0 or null")
    return SessionRequest(peer, microsoft, prefix, limit)


def _prefix(place: str, text: str | None, family: Family, flow: Flow) -> Any:
    if text is None:
        return None
    version = 4 if family is Family.IPV4 else 6
    field = f"{place}.bgpSession.sessionPrefix{_SUFFIX[family]}"
    try:
        prefix = ip_network(text.strip(), strict=False)
    except ValueError:
        raise bad_argument(f"{field}: '{text}' is not a prefix") from None
    if prefix.version != version:
        raise bad_argument(f"{field}: '{text}' is no {family.label} prefix")
    if flow is Flow.DIRECT and version == 4 and prefix.prefixlen not in (30, 31):
        raise bad_argument(f"{field}: Invalid Prefix: {text}, must be either /30 or /31")
    if flow is Flow.DIRECT and version == 6 and prefix.prefixlen not in (126, 127):
        raise bad_argument(f"{field}: Invalid Prefix: {text}, must be either /126 or /127")
    return prefix


def _check_limits(place: str, sessions: dict[Family, SessionRequest], warnings: list[str]) -> None:
    for family, session in sessions.items():
        most = _CLIENTS_LIMIT[family]
        if session.max_prefixes is not None and session.max_prefixes > most:
            warnings.append(
                f"{place}.bgpSession.maxPrefixesAdvertised{_SUFFIX[family]}: {session.max_prefixes} is more than "
                f"Microsoft's clients let through ({most})"
            )


def _bandwidth(place: str, mbps: int | None, warnings: list[str]) -> int:
    if mbps is None:
        return 0
    if mbps <= 0:
        raise bad_argument(f"{place}.bandwidthInMbps: must be greater than 0")
    if mbps % 10000:
        warnings.append(f"{place}: Bandwidth {mbps} must have a multiple of 10000.")
    if mbps > 100000:
        warnings.append(f"{place}: Bandwidth:{mbps} is greater than 100000.")
    return mbps


# --- out ---


def render(request: ArmRequest, record: PeeringRecord) -> Json:
    """The peering as Azure shows it: the client's words, and what the service fills in."""
    document, flow = record.resource.document, record.request.flow
    inner = "exchange" if flow is Flow.EXCHANGE else "direct"
    properties = dict(document["properties"])
    theirs = properties[inner]
    connections = [_shown(request, live, theirs["connections"]) for live in record.connections]
    properties[inner] = {
        **theirs,
        "peerAsn": {"id": record.request.peer_asn},
        "connections": connections,
    }
    if flow is not Flow.EXCHANGE:
        properties[inner]["directPeeringType"] = record.request.direct_type
        properties[inner]["useForPeeringService"] = any(_for_service(request, live) for live in record.connections)
    properties["provisioningState"] = "Succeeded"
    shown: Json = {
        **{key: value for key, value in document.items() if key not in ("id", "name", "type")},
        **envelope(record.resource.id, TYPE),
        "sku": _sku(document["sku"]),
        "properties": properties,
    }
    if request.api_version >= "2025-05-01":
        shown |= system_data(iso(record.resource.created), iso(record.resource.changed))
    return shown


def _sku(sku: Json) -> Json:
    """tier, family and size are the parts of the name: Basic_Exchange_Free."""
    parts = str(sku["name"]).split("_")
    return {**sku, **(dict(zip(("tier", "family", "size"), parts, strict=True)) if len(parts) == 3 else {})}


def _shown(request: ArmRequest, live: LiveConnection, theirs: list[Json]) -> Json:
    wanted, record = live.request, live.record
    source = wanted.mesh_of or wanted.identifier
    kept = next(
        (each for each in theirs if str(each.get("connectionIdentifier", "")).strip("{}").upper() == source), {}
    )
    shown: Json = {
        **kept,
        "peeringDBFacilityId": wanted.facility,
        "connectionIdentifier": wanted.identifier,
        "connectionState": record.state.value,
        "bgpSession": _bgp_session(request, live, kept.get("bgpSession") or {}),
    }
    if record.connection.error_message:
        shown["errorMessage"] = record.connection.error_message
    if record.flow is not Flow.EXCHANGE:
        up = record.state in (ConnectionState.ACTIVE, ConnectionState.PENDING_REMOVE)
        shown |= {
            **({"bandwidthInMbps": wanted.bandwidth} if wanted.bandwidth else {}),
            "provisionedBandwidthInMbps": wanted.bandwidth if up else 0,
            "sessionAddressProvider": wanted.provider,
            "useForPeeringService": _for_service(request, live),
            "microsoftTrackingId": wanted.identifier,
        }
        if wanted.provider == "Microsoft" and record.state is ConnectionState.PENDING_APPROVAL:
            del shown["bgpSession"]  # no addresses are allotted before the approval
    return shown


def _for_service(request: ArmRequest, live: LiveConnection) -> bool:
    """useForPeeringService. With a route server it is on once the agreement for it is signed (documented)."""
    if live.record.flow is Flow.IXRS:
        return request.provider.settings.peering_service_agreement
    return live.request.peering_service


def _bgp_session(request: ArmRequest, live: LiveConnection, kept: Json) -> Json:
    shown = dict(kept)
    for family in Family:
        suffix, address = _SUFFIX[family], _ADDRESS[family]
        session = live.request.sessions.get(family)
        shown[f"sessionState{suffix}"] = session_state(request.provider, live, family)
        if session is None:
            continue
        shown |= {
            f"sessionPrefix{suffix}": str(session.prefix),
            f"peerSession{address}": str(session.peer),
            f"microsoftSession{address}": str(session.microsoft),
        }
        if session.max_prefixes is not None:
            shown[f"maxPrefixesAdvertised{suffix}"] = session.max_prefixes
    if live.request.md5 is not None:
        shown["md5AuthenticationKey"] = live.request.md5  # in clear, as Azure echoes it
    return shown


# --- verbs ---


def _every(request: ArmRequest) -> Iterable[PeeringRecord]:
    for resource in request.provider.listed(TYPE, request.subscription, request.group):
        record = request.provider.peering(resource.key)
        if record is not None:
            yield record


def list_all(request: ArmRequest) -> ArmAnswer:
    return listing([render(request, record) for record in _every(request)])


def existing(request: ArmRequest) -> PeeringRecord:
    """The peering that the path names. Raises ArmError 404."""
    record = request.provider.peering(request.id.key)
    if record is None:
        raise resource_not_found(TYPE, request.id.name, request.group)
    return record


def get(request: ArmRequest) -> ArmAnswer:
    return ArmAnswer(200, render(request, existing(request)))


def put(request: ArmRequest) -> ArmAnswer:
    wanted, warnings = parse(request)
    document = documents.without_read_only(request.body)
    inner = document["properties"]["exchange" if wanted.flow is Flow.EXCHANGE else "direct"]
    for kept, connection in zip(inner["connections"], wanted.connections, strict=True):
        kept["connectionIdentifier"] = connection.identifier
    record, created = request.provider.put_peering(str(request.id), document, wanted, warnings)
    headers = {"x-turnup-warning": "; ".join(warnings).encode("ascii", "replace").decode()} if warnings else {}
    return ArmAnswer(201 if created else 200, render(request, record), headers=headers)


def patch(request: ArmRequest) -> ArmAnswer:
    record = existing(request)
    tags = documents.read(documents.TagsDocument, request.body).tags
    if set(request.body) - {"tags"} or tags is None:
        raise bad_argument("tags: is what a PATCH changes, and nothing else")
    request.provider.peerings.patch(record, tags)
    return ArmAnswer(200, render(request, record))


def delete(request: ArmRequest) -> ArmAnswer:
    return ArmAnswer(200 if request.provider.delete_peering(request.id.key) else 204)
