"""peerings: from the client's document to a request, and from a peering to the document that Azure shows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Final
from uuid import UUID, uuid4

from simulator.azure.model.errors import RefusalError
from simulator.azure.model.peering import ConnectionRequest, PeeringRequest, PeeringResource, SessionRequest
from simulator.azure.model.resources import Json, PeerAsn
from simulator.azure.provider.records import LiveConnection, PeeringRecord
from simulator.azure.rest import documents
from simulator.azure.rest.arm_request import ArmAnswer, ArmRequest, envelope, listing, system_data
from simulator.azure.rest.documents import DIRECT_SKUS, EXCHANGE_SKUS
from simulator.azure.rest.errors import bad_argument, refused, resource_not_found
from simulator.azure.rest.session_states import session_state
from simulator.azure.rest.times import iso
from simulator.connection.states import ConnectionState, Flow
from simulator.policy.max_prefix import MICROSOFTS_LIMITS
from simulator.session.messages import Family

_SUFFIX: Final = {Family.IPV4: "V4", Family.IPV6: "V6"}
_ADDRESS: Final = {Family.IPV4: "IPv4Address", Family.IPV6: "IPv6Address"}
_CLIENTS_BANDWIDTH: Final = 100_000
_BANDWIDTH_STEP: Final = 10_000
"""Mbps that Microsoft's clients let through; production took 200,000, so that the server only warns."""
_VOICE_CONNECTIONS: Final = 2
_IXRS_SKUS: Final = ("Basic_Direct_Free", "Premium_Direct_Free")
"""Of an exchange with route server: Basic in 2020, Premium in today's walkthrough. Others are refused (simulator)."""
_LENGTHS: Final = {Family.IPV4: (30, 31), Family.IPV6: (126, 127)}
"""Of a Direct session's prefix: IPv4 by Microsoft's clients, IPv6 as seen in recordings."""


# --- in ---


def parse(request: ArmRequest) -> tuple[PeeringRequest, list[str]]:
    """The request in a body, and warnings about what only Microsoft's clients refuse. Raises ArmError."""
    document = documents.read(documents.PeeringDocument, request.body)
    properties = document.properties
    exchange = document.kind == "Exchange"
    place = "properties.exchange" if exchange else "properties.direct"
    inner = properties.exchange if exchange else properties.direct
    if inner is None or (properties.direct if exchange else properties.exchange) is not None:
        text = f"is what a peering of kind {document.kind} has, and nothing else"
        raise bad_argument(f"{place}: {text}", place)
    direct_type = inner.directPeeringType or "Edge" if isinstance(inner, documents.DirectDocument) else ""
    skus = _IXRS_SKUS if direct_type == "IxRs" else DIRECT_SKUS if direct_type else EXCHANGE_SKUS
    if document.sku.name not in skus:
        raise bad_argument(f"sku.name: '{document.sku.name}' is not one of {', '.join(skus)}", "sku.name")
    flow = Flow.EXCHANGE if exchange else Flow.IXRS if direct_type == "IxRs" else Flow.DIRECT
    asn = request.provider.found(inner.peerAsn.id.lower(), PeerAsn)
    warnings: list[str] = []
    connections = tuple(
        _connection(index, f"{place}.connections[{index}]", each, flow, direct_type, warnings)
        for index, each in enumerate(_identified(request, inner.connections))
    )
    if direct_type == "Voice" and len(connections) < _VOICE_CONNECTIONS:
        raise bad_argument(
            f"{place}.connections: are too few: a Voice peering needs at least two", f"{place}.connections"
        )
    wanted = PeeringRequest(
        flow=flow,
        asn=asn.asn if asn is not None else 0,
        peer_asn=inner.peerAsn.id,
        metro=properties.peeringLocation,
        direct_type=direct_type,
        sku=document.sku.name,
        location=document.location,
        connections=connections,
    )
    return wanted, warnings


def _identified(
    request: ArmRequest, connections: list[documents.ConnectionDocument]
) -> Iterable[documents.ConnectionDocument]:
    """A connection without an identifier is the one that has its addresses already, or else a new one."""
    record = request.provider.peering(request.id.key)
    known = record.connections if record is not None else []
    there = [live for live in known if live.record.state is not ConnectionState.PENDING_REMOVE]
    taken = {guid(each.connectionIdentifier) for each in connections}
    for each in connections:
        identifier = each.connectionIdentifier or _known(each.bgpSession, there, taken) or str(uuid4())
        taken.add(guid(identifier))
        yield each.model_copy(update={"connectionIdentifier": identifier})


def _known(session: documents.BgpSessionDocument | None, there: list[LiveConnection], taken: set[str]) -> str | None:
    """The identifier of the connection with these addresses; of several with one edge each, the one that it names."""
    if session is None:
        return None
    peers = {session.peerSessionIPv4Address, session.peerSessionIPv6Address} - {None}
    ours = {session.microsoftSessionIPv4Address, session.microsoftSessionIPv6Address} - {None}
    links = {session.sessionPrefixV4, session.sessionPrefixV6} - {None}
    alive = {live.request.identifier for live in there}
    for live in there:
        sessions = live.request.sessions.values()
        at_link = live.record.flow is Flow.DIRECT and links & {one.prefix for one in sessions}
        if not at_link and not peers & {one.peer for one in sessions}:
            continue
        if ours and not ours & {one.microsoft for one in sessions}:
            continue
        origin = live.request.mesh_of
        found = origin if origin in alive and not ours else live.request.identifier
        if found not in taken:
            return found
    return None


def guid(text: object) -> str:
    """A connectionIdentifier as the provider tells connections apart, whatever its case, braces and dashes."""
    try:
        return str(UUID(str(text))).upper()
    except ValueError:
        return ""


def _connection(
    index: int, place: str, document: documents.ConnectionDocument, flow: Flow, direct_type: str, warnings: list[str]
) -> ConnectionRequest:
    provider = document.sessionAddressProvider or ("Microsoft" if direct_type == "Voice" else "Peer")
    session = document.bgpSession or documents.BgpSessionDocument()
    found = ((family, _session(place, session, family, flow, provider)) for family in Family)
    sessions = {family: one for family, one in found if one is not None}
    own_addresses = any(one.peer or one.prefix for one in sessions.values())
    if direct_type == "Voice" and (provider == "Peer" or own_addresses):
        text = "a Voice peering takes its session addresses from Microsoft"
        raise bad_argument(f"{place}.sessionAddressProvider: {text}", f"{place}.sessionAddressProvider")
    if flow is Flow.IXRS and provider == "Microsoft":
        text = "an exchange with route server brings its own (Peer)"
        raise bad_argument(f"{place}.sessionAddressProvider: {text}", f"{place}.sessionAddressProvider")
    if not sessions and not (flow is Flow.DIRECT and provider == "Microsoft"):
        text = "a session prefix" if flow is Flow.DIRECT else "an address of the peer"
        raise bad_argument(f"{place}.bgpSession: {text} is required, IPv4 or IPv6", f"{place}.bgpSession")
    warnings += _beyond_clients(place, document, flow)
    return ConnectionRequest(
        identifier=guid(document.connectionIdentifier),
        facility=document.peeringDBFacilityId,
        sessions=sessions,
        md5=session.md5AuthenticationKey,
        bandwidth=(document.bandwidthInMbps or 0) if flow is not Flow.EXCHANGE else 0,
        provider=provider,
        peering_service=document.useForPeeringService,
        index=index,
    )


def _session(
    place: str, session: documents.BgpSessionDocument, family: Family, flow: Flow, provider: str
) -> SessionRequest | None:
    """One family's session; None where the document names no address for it. Its limit alone asks for none: the
    specification's own example has such a limit."""
    suffix, address = _SUFFIX[family], _ADDRESS[family]
    peer = getattr(session, f"peerSession{address}")
    microsoft = getattr(session, f"microsoftSession{address}")
    limit = getattr(session, f"maxPrefixesAdvertised{suffix}")
    prefix = getattr(session, f"sessionPrefix{suffix}")
    has_address = peer is not None or (flow is Flow.DIRECT and prefix is not None)
    if limit == 0 and has_address:
        field = f"{place}.bgpSession.maxPrefixesAdvertised{suffix}"
        raise bad_argument(f"{field}: must be greater than 0 or null", field)
    if flow is Flow.DIRECT and prefix is not None and prefix.prefixlen not in _LENGTHS[family]:
        field = f"{place}.bgpSession.sessionPrefix{suffix}"
        lengths = " or ".join(f"/{length}" for length in _LENGTHS[family])
        raise bad_argument(f"{field}: Invalid Prefix: {prefix}, must be either {lengths}", field)
    if not has_address:
        given_later = flow is Flow.DIRECT and provider == "Microsoft" and limit
        return SessionRequest(None, None, None, limit) if given_later else None
    return SessionRequest(peer, microsoft, prefix, limit)


def _beyond_clients(place: str, document: documents.ConnectionDocument, flow: Flow) -> Iterator[str]:
    """Values that Microsoft's clients refuse; production took them, so that the server only warns."""
    session, mbps = document.bgpSession or documents.BgpSessionDocument(), document.bandwidthInMbps
    for family, most in MICROSOFTS_LIMITS.items():
        name = f"maxPrefixesAdvertised{_SUFFIX[family]}"
        limit = getattr(session, name)
        if limit is not None and limit > most:
            yield f"{place}.bgpSession.{name}: {limit} is more than Microsoft's clients let through ({most})"
    if mbps is not None and flow is not Flow.EXCHANGE:
        if mbps % _BANDWIDTH_STEP:
            yield f"{place}: Bandwidth {mbps} must have a multiple of {_BANDWIDTH_STEP}."
        if mbps > _CLIENTS_BANDWIDTH:
            yield f"{place}: Bandwidth:{mbps} is greater than {_CLIENTS_BANDWIDTH}."


# --- out ---


def render(request: ArmRequest, record: PeeringRecord) -> Json:
    """The peering as Azure shows it: the client's words, and what the service fills in."""
    asked, document = record.request, record.resource.document
    kind, inner = ("Exchange", "exchange") if asked.flow is Flow.EXCHANGE else ("Direct", "direct")
    properties = {"peeringLocation": asked.metro, **record.resource.properties}
    theirs = properties.get(inner) or {}
    connections = [_shown(request, live, theirs.get("connections") or []) for live in record.connections]
    properties[inner] = {
        **theirs,
        "peerAsn": {"id": asked.peer_asn},
        "connections": connections,
    }
    if asked.flow is not Flow.EXCHANGE:
        properties[inner]["directPeeringType"] = asked.direct_type
        properties[inner]["useForPeeringService"] = any(_for_service(request, live) for live in record.connections)
    properties["provisioningState"] = "Succeeded"
    shown: Json = {
        "kind": kind,
        "location": asked.location,
        **{key: value for key, value in document.items() if key not in ("id", "name", "type")},
        **envelope(record.resource.id, PeeringResource.TYPE),
        "sku": _sku({**(document.get("sku") or {}), "name": asked.sku}),
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
    words = {guid(each.get("connectionIdentifier")): each for each in theirs}
    source = wanted.identifier if wanted.identifier in words else wanted.mesh_of
    kept = words.get(source, {})
    written = kept.get("connectionIdentifier") if source == wanted.identifier else None
    shown: Json = {
        **kept,
        "peeringDBFacilityId": wanted.facility,
        "connectionIdentifier": written or wanted.identifier,  # as it was sent (recorded)
        "connectionState": record.connection.shown_state.value,
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
            "useForPeeringService": _marked(request, live),
            "microsoftTrackingId": wanted.identifier,
        }
        if wanted.provider == "Microsoft" and record.state is ConnectionState.PENDING_APPROVAL:
            del shown["bgpSession"]  # no addresses are allotted before the approval
    return shown


def _marked(request: ArmRequest, live: LiveConnection) -> bool:
    """A connection's useForPeeringService, as it was sent. Where an exchange with route server says nothing it is set
    with the agreement for Peering Service (documented)."""
    said = live.request.peering_service
    if said is None and live.record.flow is Flow.IXRS:
        return request.provider.settings.peering_service_agreement
    return bool(said)


def _for_service(request: ArmRequest, live: LiveConnection) -> bool:
    """Whether it takes effect: with a route server, once the agreement for Peering Service is signed (documented)."""
    agreed = live.record.flow is not Flow.IXRS or request.provider.settings.peering_service_agreement
    return agreed and _marked(request, live)


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
    if live.request.md5:
        shown["md5AuthenticationKey"] = live.request.md5  # in clear, as Azure echoes it
    return shown


# --- verbs ---


def _every(request: ArmRequest) -> Iterable[PeeringRecord]:
    for resource in request.provider.listed(PeeringResource, request.subscription, request.group):
        record = request.provider.peering(resource.key)
        if record is not None:
            yield record


def list_all(request: ArmRequest) -> ArmAnswer:
    return listing([render(request, record) for record in _every(request)])


def existing(request: ArmRequest) -> PeeringRecord:
    """The peering that the path names. Raises ArmError 404."""
    record = request.provider.peering(request.id.key)
    if record is None:
        raise resource_not_found(PeeringResource.TYPE, request.id.name, request.group)
    return record


def get(request: ArmRequest) -> ArmAnswer:
    return ArmAnswer(200, render(request, existing(request)))


def check(request: ArmRequest) -> list[str]:
    """Raise what `put` would raise, but for the state of the PeerAsn; its warnings. Nothing changes."""
    wanted, warnings = parse(request)
    with _refused_at(wanted.flow):
        request.provider.peerings.check(PeeringResource(id=str(request.id), request=wanted))
    return warnings


@contextlib.contextmanager
def _refused_at(flow: Flow) -> Iterator[None]:
    """A refusal names the field of this kind's document."""
    try:
        yield
    except RefusalError as error:
        raise refused(error, "exchange" if flow is Flow.EXCHANGE else "direct") from None


def put(request: ArmRequest) -> ArmAnswer:
    wanted, warnings = parse(request)
    document = documents.without_read_only(request.body)
    known = request.provider.peering(request.id.key)
    inner = document["properties"]["exchange" if wanted.flow is Flow.EXCHANGE else "direct"]
    for kept, connection in zip(inner["connections"], wanted.connections, strict=True):
        if not guid(kept.get("connectionIdentifier")):
            kept["connectionIdentifier"] = connection.identifier
    if known is not None:
        inner["connections"] += _being_removed(known, wanted)
    with _refused_at(wanted.flow):
        resource = PeeringResource(id=str(request.id), document=document, request=wanted)
        record, created = request.provider.put_peering(resource, warnings)
    headers = {"x-turnup-warning": "; ".join(warnings).encode("ascii", "replace").decode()} if warnings else {}
    return ArmAnswer(201 if created else 200, render(request, record), headers=headers)


def _being_removed(known: PeeringRecord, wanted: PeeringRequest) -> list[Json]:
    """The client's words about connections that it names no longer: they are shown until these are gone."""
    there = {live.request.mesh_of or live.request.identifier for live in known.connections}
    gone = there - {connection.identifier for connection in wanted.connections}
    inner = "exchange" if known.request.flow is Flow.EXCHANGE else "direct"
    before = known.resource.properties[inner]["connections"]
    return [each for each in before if guid(each["connectionIdentifier"]) in gone]


def patch(request: ArmRequest) -> ArmAnswer:
    record = existing(request)
    tags = documents.read(documents.TagsDocument, request.body).tags
    if set(request.body) - {"tags"} or tags is None:
        raise bad_argument("tags: is what a PATCH changes, and nothing else")
    request.provider.peerings.patch(record, tags)
    return ArmAnswer(200, render(request, record))


def delete(request: ArmRequest) -> ArmAnswer:
    return ArmAnswer(200 if request.provider.delete_peering(request.id.key) else 204)
