"""What a PUT changes of a peering that is there: which changes there are, and which of them are refused.

All functions raise RefusalError for what cannot be changed, and change nothing themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from simulator.azure.model.errors import ConflictError, Field, FieldName, InvalidError, LocationError, NotSupportedError
from simulator.azure.model.peering import ConnectionRequest, PeeringRequest
from simulator.azure.provider.address_plan import AddressPlan
from simulator.azure.provider.legacy import COMBINED
from simulator.azure.provider.records import LiveConnection, PeeringRecord
from simulator.azure.provider.settings import Settings
from simulator.connection.connection import TransitionRefusedError
from simulator.connection.states import ConnectionEvent, ConnectionState, Conversion, Flow
from simulator.connection.table import INDEX

UPDATES_NOT_SUPPORTED: Final = "Md5AuthenticationKey and MaxPrefix updates are not yet supported"
"""Recorded, of a PUT that changes the peer's address, the MD5 key or the maximum of prefixes."""


class ChangeKind(Enum):
    """Changes that have rules of their own."""

    SESSION = "a session that was added"
    LIMIT = "a maximum of prefixes"
    KEY = "the MD5 key"
    OTHER = "something that has no rule of its own"


@dataclass(frozen=True, slots=True)
class ConnectionChange:
    """One connection as it is asked for now."""

    live: LiveConnection
    request: ConnectionRequest
    described: dict[str, ChangeKind]
    """Each change in words, and its kind; empty: nothing changes."""

    @property
    def event(self) -> ConnectionEvent:
        """Changed limits are an event of their own: the FAQ allows them at any time."""
        only_limits = set(self.described.values()) == {ChangeKind.LIMIT}
        return ConnectionEvent.MAX_PREFIXES_CHANGED if only_limits else ConnectionEvent.MODIFIED


def same_peering(record: PeeringRecord, wanted: PeeringRequest) -> None:
    """Refuses to make another peering of one: of another kind, PeerAsn or place, or one that is being removed."""
    old = record.request
    if wanted.sku != old.sku:
        raise InvalidError(f"is {old.sku}, and the SKU of a peering cannot be changed", Field(FieldName.SKU))
    if _region(wanted.location) != _region(old.location):
        raise LocationError(
            f"The resource '{record.name}' already exists in location '{old.location}'. A resource with the same "
            f"name cannot be created in location '{wanted.location}'. Please select a new resource name.",
            Field(FieldName.LOCATION),
        )
    if all(live.record.state is ConnectionState.PENDING_REMOVE for live in record.connections):
        text = f"{record.name} is PendingRemove: it cannot be changed now. Request it again when it is gone"
        raise ConflictError(text)
    if (wanted.flow, wanted.direct_type) != (old.flow, old.direct_type):
        both_direct = Flow.EXCHANGE not in (wanted.flow, old.flow)
        field = Field(FieldName.DIRECT_TYPE if both_direct else FieldName.KIND)
        raise InvalidError(f"is {_kind(old)}: The kind of a peering cannot be changed", field)
    if wanted.peer_asn.lower() != old.peer_asn.lower():
        text = f"is {old.peer_asn}: The PeerAsn of a peering cannot be changed"
        raise InvalidError(text, Field(FieldName.PEER_ASN))
    if wanted.metro.lower() != old.metro.lower():
        text = f"is {old.metro}: The peeringLocation of a peering cannot be changed"
        raise InvalidError(text, Field(FieldName.METRO))


def changes(
    record: PeeringRecord, wanted: PeeringRequest, address_plan: AddressPlan, settings: Settings
) -> dict[str, ConnectionChange]:
    """What is asked of each connection that is there and wanted, by its id."""
    return {live.id: change(live, each, address_plan, settings) for live, each in matched(record, wanted)}


def matched(record: PeeringRecord, wanted: PeeringRequest) -> Iterator[tuple[LiveConnection, ConnectionRequest]]:
    """Each connection with what is wanted of it. What the mesh added, and nobody names, follows its origin as long as
    that names no address of Microsoft's: who names one means that one alone."""
    named = {connection.identifier for connection in wanted.connections}
    for each in wanted.connections:
        meshed = not any(session.microsoft for session in each.sessions.values())
        for live in record.connections:
            if live.request.identifier == each.identifier:
                yield live, each
            elif meshed and live.request.mesh_of == each.identifier and live.request.identifier not in named:
                yield live, replace(each, identifier=live.request.identifier)


def change(
    live: LiveConnection, wanted: ConnectionRequest, address_plan: AddressPlan, settings: Settings
) -> ConnectionChange:
    """The changed request of a connection, and the changes."""
    old = live.request
    _same_place(old, wanted)
    described: dict[str, ChangeKind] = {}
    request = _sessions(live, wanted, address_plan, described, may_limit=settings.allow_max_prefix_updates)
    if wanted.md5 is not None and wanted.md5 != (old.md5 or ""):
        request = replace(request, md5=wanted.md5)
        described["another MD5 key"] = ChangeKind.KEY
        if not settings.allow_md5_updates:
            raise NotSupportedError(UPDATES_NOT_SUPPORTED, wanted.at(FieldName.MD5_KEY), recorded=True)
    if wanted.peering_service is False and old.peering_service:
        text = "cannot be taken back: contact peering@microsoft.com"
        raise NotSupportedError(text, wanted.at(FieldName.PEERING_SERVICE))
    if wanted.peering_service and not old.peering_service:  # documented; the way back is not
        request = replace(request, peering_service=True)
        described["it is for Peering Service"] = ChangeKind.OTHER
    if wanted.bandwidth and wanted.bandwidth != old.bandwidth:
        if wanted.bandwidth < old.bandwidth and not settings.allow_bandwidth_downgrade:
            text = f"Downgrading bandwidth from {old.bandwidth} to {wanted.bandwidth} not supported"
            raise NotSupportedError(text, wanted.at(FieldName.BANDWIDTH), recorded=True)
        request = replace(request, bandwidth=wanted.bandwidth)
        described[f"bandwidth {wanted.bandwidth} Mbps"] = ChangeKind.OTHER
    made = ConnectionChange(live, request, described)
    if described:
        _must_be_changeable(made)
    return made


def _same_place(old: ConnectionRequest, wanted: ConnectionRequest) -> None:
    if wanted.facility != old.facility:
        text = f"is {old.facility}: The peeringDBFacilityId of a connection cannot be changed"
        raise NotSupportedError(text, wanted.at(FieldName.FACILITY))
    if wanted.provider != old.provider:
        text = f"is {old.provider}, and cannot be changed"
        raise NotSupportedError(text, wanted.at(FieldName.ADDRESS_PROVIDER))


def _sessions(
    live: LiveConnection,
    wanted: ConnectionRequest,
    address_plan: AddressPlan,
    described: dict[str, ChangeKind],
    *,
    may_limit: bool,
) -> ConnectionRequest:
    """The request with the sessions that are wanted: one may be added, none moved or removed."""
    old = request = live.request
    for family, session in wanted.sessions.items():
        before = old.sessions.get(family)
        if before is None:
            if session.peer is None and session.prefix is None:
                continue
            one = replace(old, sessions={family: session}, index=wanted.index)
            request = request.with_session(family, address_plan.beside(old, one, family, live.record.flow))
            described[f"an {family.label} session was added"] = ChangeKind.SESSION
            continue
        for name, asked, there in (
            (FieldName.PEER_ADDRESS, session.peer, before.peer),
            (FieldName.MICROSOFT_ADDRESS, session.microsoft, before.microsoft),
        ):
            if asked is not None and asked != there:
                raise NotSupportedError(UPDATES_NOT_SUPPORTED, wanted.at(name, family), recorded=True)
        if session.prefix is not None and session.prefix != before.prefix:
            text = f"is {before.prefix}, and cannot be changed"
            raise NotSupportedError(text, wanted.at(FieldName.SESSION_PREFIX, family))
        if session.max_prefixes is not None and session.max_prefixes != before.max_prefixes:
            request = request.with_session(family, replace(before, max_prefixes=session.max_prefixes))
            described[f"{family.label} max prefixes {session.max_prefixes}"] = ChangeKind.LIMIT
            if not may_limit:
                raise NotSupportedError(UPDATES_NOT_SUPPORTED, wanted.at(FieldName.LIMIT, family), recorded=True)
    named = any(one.peer or one.prefix for one in wanted.sessions.values())  # limits alone leave no session out
    for family in old.sessions.keys() - wanted.sessions.keys() if named else ():
        text = f"Removing an {family.label} session is not supported: contact peering@microsoft.com"
        raise NotSupportedError(text, wanted.at(FieldName.SESSIONS))
    return request


def _must_be_changeable(made: ConnectionChange) -> None:
    record = made.live.record
    if record.connection.conversion is not Conversion.NONE:
        raise NotSupportedError(COMBINED)
    if (record.state, made.event, record.flow) not in INDEX:
        raise ConflictError(f"{record.id} is {record.state}: it cannot be changed now")


def must_be_removable(live: LiveConnection, now: float) -> None:
    """Refuses what the connection's state does not allow at `now`, in seconds since the epoch."""
    if live.record.connection.conversion is not Conversion.NONE:
        raise NotSupportedError(COMBINED)
    try:
        live.record.connection.decide(ConnectionEvent.DELETED, now)
    except TransitionRefusedError as error:
        raise ConflictError(str(error)) from None


def _region(text: str) -> str:
    """`East US` is `eastus`."""
    return text.replace(" ", "").lower()


def _kind(wanted: PeeringRequest) -> str:
    return "Exchange" if wanted.flow is Flow.EXCHANGE else f"Direct, {wanted.direct_type}"
