"""A peering as the provider holds it: its resource, its request, and its live connections."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from simulator.azure.model.peering import ConnectionRequest, PeeringRequest, PeeringResource
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

    resource: PeeringResource
    connections: list[LiveConnection] = field(default_factory=list)

    @property
    def key(self) -> str:
        return self.resource.key

    @property
    def name(self) -> str:
        return self.resource.name

    @property
    def request(self) -> PeeringRequest:
        """As it was completed, without its connections: those are in `connections`."""
        return self.resource.request

    def connection(self, identifier: str) -> LiveConnection | None:
        """By connectionIdentifier."""
        wanted = identifier.upper()
        return next((each for each in self.connections if each.request.identifier == wanted), None)


class PeeringIndex:
    """Every peering of every subscription, and whose each connection is."""

    def __init__(self) -> None:
        self.records: dict[str, PeeringRecord] = {}
        """By key."""
        self.owners: dict[str, PeeringRecord] = {}
        """By connection."""
        self._when_forgotten: list[Callable[[PeeringRecord], None]] = []

    def owner(self, connection: str) -> PeeringRecord | None:
        return self.owners.get(connection)

    def live(self, connection: str) -> LiveConnection | None:
        owner = self.owners.get(connection)
        return next((each for each in owner.connections if each.id == connection), None) if owner else None

    def sisters(self, record: PeeringRecord) -> Iterator[PeeringRecord]:
        """The peerings of the same PeerAsn, this one with them."""
        asn = record.request.peer_asn.lower()
        return (each for each in self.records.values() if each.request.peer_asn.lower() == asn)

    def when_forgotten(self, call: Callable[[PeeringRecord], None]) -> None:
        """Call this with every peering that is gone, with all that was registered at it."""
        self._when_forgotten.append(call)

    def forget(self, record: PeeringRecord) -> None:
        """The last connection of a peering is gone."""
        del self.records[record.key]
        for call in self._when_forgotten:
            call(record)
