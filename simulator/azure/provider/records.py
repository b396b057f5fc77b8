"""A peering as the provider holds it: its resource, its request, and its live connections."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulator.azure.provider.requests import ConnectionRequest, PeeringRequest
from simulator.azure.store.store import Resource
from simulator.engine.control import ConnectionRecord


@dataclass(slots=True)
class LiveConnection:
    """One connection: what was asked for, and what became of it."""

    request: ConnectionRequest
    record: ConnectionRecord
    position: int
    """Its place in the peering's document."""

    @property
    def id(self) -> str:
        return self.record.id


@dataclass(slots=True)
class PeeringRecord:
    """One peering."""

    resource: Resource
    request: PeeringRequest
    """As it was completed, without its connections: those are in `connections`."""
    connections: list[LiveConnection] = field(default_factory=list)

    @property
    def key(self) -> str:
        return self.resource.key

    @property
    def name(self) -> str:
        return self.resource.id.rsplit("/", 1)[1]

    def connection(self, identifier: str) -> LiveConnection | None:
        """By connectionIdentifier."""
        wanted = identifier.upper()
        return next((each for each in self.connections if each.request.identifier == wanted), None)
