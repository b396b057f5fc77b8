"""A peering: what a request asks for, as plain data, and the resource that it becomes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network, IPv6Network
from typing import ClassVar

from simulator.addresses import IpAddress
from simulator.azure.model.errors import Field, FieldName
from simulator.azure.model.resources import NAMESPACE, Resource
from simulator.connection.states import Flow
from simulator.session.messages import Family

Prefix = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """One address family of a connection."""

    peer: IpAddress | None
    microsoft: IpAddress | None = None
    prefix: Prefix | None = None
    max_prefixes: int | None = None


@dataclass(frozen=True, slots=True)
class ConnectionRequest:
    """One connection of a peering request."""

    identifier: str
    """The GUID that the client chose, in upper case as Azure shows it."""
    facility: int
    sessions: dict[Family, SessionRequest] = field(default_factory=dict)
    md5: str | None = field(default=None, repr=False)
    bandwidth: int = 0
    """Mbps; 0 for an Exchange connection."""
    provider: str = "Peer"
    """sessionAddressProvider: who supplies the addresses."""
    peering_service: bool | None = None
    """useForPeeringService; None where the request does not say."""
    mesh_of: str = ""
    """The identifier of the connection that the mesh was made from; empty for one that the client wrote."""
    index: int | None = field(default=None, compare=False, repr=False)
    """Its index in the request, for refusals. It is not kept."""

    def at(self, name: FieldName, family: Family | None = None) -> Field:
        """A field of it, or of its session of a family."""
        return Field(name, self.index, family)

    def with_session(self, family: Family, session: SessionRequest) -> ConnectionRequest:
        return replace(self, sessions={**self.sessions, family: session})


@dataclass(frozen=True, slots=True)
class PeeringRequest:
    """A peering as it is asked for."""

    flow: Flow
    asn: int
    peer_asn: str
    """The ARM id of the PeerAsn."""
    metro: str
    """peeringLocation."""
    direct_type: str = ""
    """directPeeringType; empty for an Exchange peering."""
    sku: str = ""
    """`Basic_Exchange_Free`."""
    location: str = ""
    """The Azure region, as it was written."""
    connections: tuple[ConnectionRequest, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PeeringResource(Resource):
    """A peering that was requested. Its connections, and what became of them, are in `PeeringRecord`."""

    TYPE: ClassVar[str] = f"{NAMESPACE}/peerings"

    request: PeeringRequest
    """As it was completed, without its connections."""
