"""Between the model and the rows of the store.

A row has every field of a resource by the name that the model gives it, so that nothing is recovered from a client's
document or from the words of a report. A field that a row does not have takes the model's default; a field that is
renamed needs a migration.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from ipaddress import ip_address, ip_network
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from simulator.azure.model.peering import ConnectionRequest, PeeringResource, SessionRequest
from simulator.azure.model.resources import (
    ConnectionMonitorTest,
    Json,
    PeerAsn,
    PeeringService,
    RegisteredAsn,
    RegisteredPrefix,
    Resource,
    ServicePrefix,
)
from simulator.azure.store.lock import StoreError
from simulator.azure.store.store import ResourceRow, SavedTransition
from simulator.connection.connection import ConnectionTransition
from simulator.connection.states import Actor, ConnectionEvent, ConnectionState
from simulator.session.messages import Family

KINDS: Final[tuple[type[Resource], ...]] = (
    PeerAsn,
    PeeringResource,
    RegisteredAsn,
    RegisteredPrefix,
    PeeringService,
    ServicePrefix,
    ConnectionMonitorTest,
)
_ADAPTERS: Final[dict[str, TypeAdapter[Any]]] = {kind.TYPE: TypeAdapter(kind) for kind in KINDS}
_COLUMNS: Final = ("id", "document", "created", "changed")
"""The fields of a resource that have a column of their own."""
_FAMILIES: Final = {family.label: family for family in Family}


def row_of(resource: Resource) -> ResourceRow:
    """A resource as it is kept."""
    fields = _ADAPTERS[resource.TYPE].dump_python(resource, mode="json")
    columns = {name: fields.pop(name) for name in _COLUMNS}
    return ResourceRow(type=resource.TYPE, status=fields, **columns)


def resource_of(row: ResourceRow) -> Resource:
    """The resource that a row is of. Raises StoreError for a row that is of none."""
    columns = {name: getattr(row, name) for name in _COLUMNS}
    try:
        found: Resource = _ADAPTERS[row.type].validate_python({**row.status, **columns})
    except (KeyError, ValidationError) as error:
        what = error.errors()[0]["msg"] if isinstance(error, ValidationError) else f"unknown type {row.type}"
        raise StoreError(f"the store has {row.id}, which cannot be read: {what}") from None
    return found


def connection_row_of(request: ConnectionRequest) -> Json:
    """A connection's request as it is kept."""
    values = asdict(replace(request, sessions={}))
    del values["index"]
    values["sessions"] = {
        family.label: {
            "peer": str(session.peer) if session.peer else None,
            "microsoft": str(session.microsoft) if session.microsoft else None,
            "prefix": str(session.prefix) if session.prefix else None,
            "max_prefixes": session.max_prefixes,
        }
        for family, session in request.sessions.items()
    }
    return values


def connection_of(row: Json) -> ConnectionRequest:
    """The request that a connection's row is of."""
    sessions = {
        _FAMILIES[label]: SessionRequest(
            ip_address(kept["peer"]) if kept["peer"] else None,
            ip_address(kept["microsoft"]) if kept["microsoft"] else None,
            ip_network(kept["prefix"]) if kept["prefix"] else None,
            kept["max_prefixes"],
        )
        for label, kept in row["sessions"].items()
    }
    return ConnectionRequest(**{**row, "sessions": sessions})


def transition_row_of(connection: str, number: int, step: ConnectionTransition) -> SavedTransition:
    """A step of a connection as it is kept; `number` counts from 1 over all its lives."""
    return SavedTransition(
        connection=connection,
        step=number,
        time=step.time,
        source=step.source.value,
        target=step.target.value,
        event=step.event.value,
        actor=step.actor.value,
        reason=step.reason,
        evidence=step.evidence,
        error_message=step.error_message,
    )


def transition_of(saved: SavedTransition) -> ConnectionTransition:
    """The step that a row is of."""
    return ConnectionTransition(
        time=saved.time,
        source=ConnectionState(saved.source),
        target=ConnectionState(saved.target),
        event=ConnectionEvent(saved.event),
        actor=Actor(saved.actor),
        reason=saved.reason,
        evidence=saved.evidence,
        error_message=saved.error_message,
    )
