"""ARM's errors: status, code, message. Microsoft's own words are quoted; the rest is marked as the simulator's."""

from __future__ import annotations

from typing import Any, Final

from simulator.azure.model.errors import (
    ConflictError,
    Field,
    FieldName,
    InvalidError,
    LocationError,
    NotApprovedError,
    NotSupportedError,
    RefusalError,
    UnknownPeerAsnError,
)
from simulator.azure.rest.api_versions import API_VERSIONS
from simulator.azure.store.lock import StoreBusyError, StoreError
from simulator.session.messages import Family

_FLAT: Final = frozenset(version for version in API_VERSIONS if version <= "2020-04-01")
"""The api-versions whose error body is flat; later ones nest it in `error` (REST specification). An unknown version has
none of its own: it gets the body of today."""
_WITH_TARGET: Final = "2025-05-01"
"""From this api-version on an error names its field in `target` as well (REST specification)."""


class ArmError(Exception):
    """Ends a request with an ARM error body."""

    def __init__(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None, target: str = ""
    ) -> None:
        """`target` is the field of the document that is wrong, if it is one."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}
        self.target = target

    def body(self, api_version: str) -> dict[str, Any]:
        flat = {"code": self.code, "message": self.message}
        if api_version in _FLAT:
            return flat
        if self.target and (api_version >= _WITH_TARGET or api_version not in API_VERSIONS):
            flat["target"] = self.target
        return {"error": flat}


RETRY_SECONDS: Final = 5
"""After which a client may ask again while somebody else holds the database (simulator)."""


def unusable(error: StoreError) -> ArmError:
    """Of a store that cannot be read or written: for now, or any more."""
    if isinstance(error, StoreBusyError):
        text = "Another process holds the lab's database: ask again later. Nothing of this request was done."
        return ArmError(503, "ServiceUnavailable", text, {"Retry-After": str(RETRY_SECONDS)})
    return ArmError(503, "ServiceUnavailable", "The lab's store cannot be used: the lab is stopping.")


_REFUSALS: Final[dict[type[RefusalError], tuple[int, str]]] = {
    InvalidError: (400, "BadArgument"),
    NotApprovedError: (400, "PeerAsnNotApproved"),
    UnknownPeerAsnError: (404, "NotFound"),
    NotSupportedError: (405, "OperationNotSupported"),
    LocationError: (409, "InvalidResourceLocation"),
    ConflictError: (409, "Conflict"),
}
"""Why a request was refused → status and code. 409, and 400 for a PeerAsn that is not Approved, are the simulator's
choice: Microsoft publishes only that these requests fail."""
_N: Final = FieldName
_PATHS: Final[dict[FieldName, str]] = {
    _N.ASN: "properties.peerAsn",
    _N.CUSTOMER_ASN: "properties.asn",
    _N.PREFIX: "properties.prefix",
    _N.KIND: "kind",
    _N.SKU: "sku.name",
    _N.LOCATION: "location",
    _N.DIRECT_TYPE: "properties.direct.directPeeringType",
    _N.PEER_ASN: "properties.{kind}.peerAsn.id",
    _N.METRO: "properties.peeringLocation",
    _N.CONNECTIONS: "properties.{kind}.connections",
    _N.IDENTIFIER: "connectionIdentifier",
    _N.FACILITY: "peeringDBFacilityId",
    _N.BANDWIDTH: "bandwidthInMbps",
    _N.ADDRESS_PROVIDER: "sessionAddressProvider",
    _N.PEERING_SERVICE: "useForPeeringService",
    _N.SESSIONS: "bgpSession",
    _N.SESSION_PREFIX: "bgpSession.sessionPrefixV{version}",
    _N.PEER_ADDRESS: "bgpSession.peerSessionIPv{version}Address",
    _N.MICROSOFT_ADDRESS: "bgpSession.microsoftSessionIPv{version}Address",
    _N.LIMIT: "bgpSession.maxPrefixesAdvertisedV{version}",
    _N.MD5_KEY: "bgpSession.md5AuthenticationKey",
}
"""A field of a request → where a document has it; of a connection's, inside the connection."""
_VERSION: Final = {Family.IPV4: 4, Family.IPV6: 6}


def refused(error: RefusalError, kind: str = "exchange") -> ArmError:
    """A domain's refusal as Azure answers it. `kind`: `exchange` or `direct`, of a peering's document."""
    status, code = _REFUSALS[type(error)]
    if error.field is None:
        return ArmError(status, code, str(error))
    target = path(error.field, kind)
    return ArmError(status, code, str(error) if error.recorded else f"{target}: {error}", target=target)


def path(field: Field, kind: str) -> str:
    """`properties.exchange.connections[0].bgpSession.sessionPrefixV4`."""
    inside = _PATHS[field.name].format(kind=kind, version=_VERSION[field.family] if field.family is not None else "")
    return inside if field.connection is None else f"properties.{kind}.connections[{field.connection}].{inside}"


def bad_argument(message: str, target: str = "") -> ArmError:
    """400 BadArgument, as production answered bad connections (recorded)."""
    return ArmError(400, "BadArgument", message, target=target)


def not_supported(message: str) -> ArmError:
    """405 OperationNotSupported, as production answered changes that it does not make (recorded)."""
    return ArmError(405, "OperationNotSupported", message)


def resource_not_found(type_: str, name: str, group: str) -> ArmError:
    """404 of ARM's gateway, for a resource that was never created (recorded)."""
    return ArmError(
        404,
        "ResourceNotFound",
        f"The Resource '{type_}/{name}' under resource group '{group or '<null>'}' was not found.",
        {"x-ms-failure-cause": "gateway"},
    )


def not_found(message: str = "Resource does not exist.") -> ArmError:
    """404 of the resource provider itself (recorded)."""
    return ArmError(404, "NotFound", message)
