"""Why a request is refused, in the domain's words. `azure/rest/errors.py` says what Azure's surface makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from simulator.session.messages import Family


class FieldName(Enum):
    """A field of a request, by the domain's name for it."""

    ASN = "the ASN of a PeerAsn"
    CUSTOMER_ASN = "a registered ASN"
    PREFIX = "a registered prefix, or one of a peering service"
    KIND = "the kind of a peering"
    SKU = "the SKU of a peering"
    LOCATION = "the Azure region of a peering"
    DIRECT_TYPE = "the type of a Direct peering"
    PEER_ASN = "the PeerAsn of a peering"
    METRO = "the metro of a peering"
    CONNECTIONS = "the connections of a peering"
    IDENTIFIER = "a connection's identifier"
    FACILITY = "a connection's facility"
    BANDWIDTH = "a connection's bandwidth"
    ADDRESS_PROVIDER = "who provides a connection's addresses"
    PEERING_SERVICE = "whether a connection is for Peering Service"
    SESSIONS = "a connection's sessions"
    SESSION_PREFIX = "a session's prefix"
    PEER_ADDRESS = "the peer's address of a session"
    MICROSOFT_ADDRESS = "Microsoft's address of a session"
    LIMIT = "the maximum of prefixes of a session"
    MD5_KEY = "a connection's MD5 key"


@dataclass(frozen=True, slots=True)
class Field:
    """Which field of a request is wrong."""

    name: FieldName
    connection: int | None = None
    """The index of the connection in the request; None: of no connection, or of one that the request does not have."""
    family: Family | None = None
    """Of a session's field."""


class RefusalError(Exception):
    """A request is not granted, and nothing has changed."""

    def __init__(self, message: str, field: Field | None = None, *, recorded: bool = False) -> None:
        """`field`: the one that is wrong, where one is. `recorded`: the message is Microsoft's own, so that the
        field's name is not put before it."""
        super().__init__(message)
        self.field = field
        self.recorded = recorded


class InvalidError(RefusalError):
    """A value that cannot be had here."""


class NotApprovedError(RefusalError):
    """The PeerAsn is not Approved."""


class UnknownPeerAsnError(RefusalError):
    """There is no such PeerAsn."""


class NotSupportedError(RefusalError):
    """A change that Microsoft does not make."""


class LocationError(RefusalError):
    """The resource is in another Azure region."""


class ConflictError(RefusalError):
    """The state of a resource, or another resource, stands in the way."""
