"""What a peering request asks for, as plain data: made from a client's document, kept in the store."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from simulator.azure.model.errors import Field, FieldName
from simulator.connection.states import Flow
from simulator.places.endpoint import Address
from simulator.session.messages import Family

Json = dict[str, Any]
Prefix = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """One address family of a connection."""

    peer: Address | None
    microsoft: Address | None = None
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

    def to_json(self) -> Json:
        values = asdict(replace(self, sessions={}))
        del values["index"]
        values["sessions"] = {
            family.label: {
                "peer": str(session.peer) if session.peer else None,
                "microsoft": str(session.microsoft) if session.microsoft else None,
                "prefix": str(session.prefix) if session.prefix else None,
                "max_prefixes": session.max_prefixes,
            }
            for family, session in self.sessions.items()
        }
        return values

    @classmethod
    def from_json(cls, values: Json) -> ConnectionRequest:
        families = {family.label: family for family in Family}
        sessions = {
            families[label]: SessionRequest(
                ip_address(kept["peer"]) if kept["peer"] else None,
                ip_address(kept["microsoft"]) if kept["microsoft"] else None,
                ip_network(kept["prefix"]) if kept["prefix"] else None,
                kept["max_prefixes"],
            )
            for label, kept in values["sessions"].items()
        }
        return cls(**{**values, "sessions": sessions})


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
    connections: tuple[ConnectionRequest, ...] = ()
