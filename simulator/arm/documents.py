"""The documents that clients PUT, as far as the server has to understand them. Unknown fields are kept, never read.

Read-only fields from the client are ignored: a client that sends back what it got sends them too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from simulator.arm.errors import ArmError, bad_argument

Json = dict[str, Any]

DIRECT_TYPES: Final = ("Edge", "Transit", "Cdn", "Internal", "Ix", "IxRs", "Voice", "EdgeZoneForOperators", "PeerProp")
"""DirectPeeringType (REST specification)."""

READ_ONLY: Final = frozenset(
    {
        "connectionState",
        "errorMessage",
        "sessionStateV4",
        "sessionStateV6",
        "provisioningState",
        "provisionedBandwidthInMbps",
        "microsoftTrackingId",
        "validationState",
        "prefixValidationState",
        "learnedType",
        "events",
        "isTestSuccessful",
        "path",
        "systemData",
        "etag",
        "eTag",
        "connectedAgents",
        "prefixesToAccesslist",
    }
)
"""Fields that only the service writes (REST specification, `readOnly: true`), wherever they stand."""


def _blank_is_none(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


def _trimmed_address(value: object) -> object:
    """Spaces around an address are trimmed, as production did (recorded)."""
    if isinstance(value, str):
        value = value.strip()
        for host in ("/32", "/128"):
            value = value.removesuffix(host)
    return _blank_is_none(value)


def _strict_int(value: object) -> object:
    if isinstance(value, bool) or (value is not None and not isinstance(value, int)):
        raise ValueError("must be an integer")
    return value


V4 = Annotated[IPv4Address | None, BeforeValidator(_trimmed_address)]
V6 = Annotated[IPv6Address | None, BeforeValidator(_trimmed_address)]
Text = Annotated[str | None, BeforeValidator(_blank_is_none)]
Int = Annotated[int | None, BeforeValidator(_strict_int)]
Asn = Annotated[int, BeforeValidator(_strict_int), Field(ge=1, le=4294967295)]
Identifier = Annotated[
    str,
    StringConstraints(pattern=r"^\{?[0-9A-Fa-f]{8}-([0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}\}?$"),
]


class Document(BaseModel):
    """Unknown fields stay; names are Azure's."""

    model_config = ConfigDict(extra="allow", frozen=True)


class SubResource(Document):
    id: Text = None


class BgpSession(Document):
    sessionPrefixV4: Text = None
    sessionPrefixV6: Text = None
    microsoftSessionIPv4Address: V4 = None
    microsoftSessionIPv6Address: V6 = None
    peerSessionIPv4Address: V4 = None
    peerSessionIPv6Address: V6 = None
    maxPrefixesAdvertisedV4: Int = None
    maxPrefixesAdvertisedV6: Int = None
    md5AuthenticationKey: Text = Field(default=None, repr=False)


class ConnectionDocument(Document):
    peeringDBFacilityId: Int = None
    connectionIdentifier: Annotated[Identifier | None, BeforeValidator(_blank_is_none)] = None
    bgpSession: BgpSession | None = None
    bandwidthInMbps: Int = None
    sessionAddressProvider: Text = None
    useForPeeringService: bool | None = None


class Direct(Document):
    connections: list[ConnectionDocument] | None = None
    peerAsn: SubResource | None = None
    directPeeringType: Text = None


class Exchange(Document):
    connections: list[ConnectionDocument] | None = None
    peerAsn: SubResource | None = None


class Sku(Document):
    name: Text = None


class PeeringProperties(Document):
    direct: Direct | None = None
    exchange: Exchange | None = None
    peeringLocation: Text = None


class PeeringDocument(Document):
    sku: Sku | None = None
    kind: Text = None
    location: Text = None
    tags: dict[str, str] | None = None
    properties: PeeringProperties | None = None


class ContactDetail(Document):
    role: Text = None
    email: Text = None
    phone: Text = None


class PeerAsnProperties(Document):
    peerAsn: Asn
    peerContactDetail: list[ContactDetail] | None = None
    peerName: Text = None


class PeerAsnDocument(Document):
    properties: PeerAsnProperties


class RegisteredAsnProperties(Document):
    asn: Asn


class RegisteredAsnDocument(Document):
    properties: RegisteredAsnProperties


class RegisteredPrefixProperties(Document):
    prefix: str


class RegisteredPrefixDocument(Document):
    properties: RegisteredPrefixProperties


class ServiceProperties(Document):
    peeringServiceLocation: Text = None
    peeringServiceProvider: Text = None
    providerPrimaryPeeringLocation: Text = None
    providerBackupPeeringLocation: Text = None


class ServiceDocument(Document):
    location: Text = None
    sku: Sku | None = None
    tags: dict[str, str] | None = None
    properties: ServiceProperties | None = None


class ServicePrefixProperties(Document):
    prefix: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    peeringServicePrefixKey: Text = None


class ServicePrefixDocument(Document):
    properties: ServicePrefixProperties


class MonitorTestProperties(Document):
    sourceAgent: Text = None
    destination: Text = None
    destinationPort: Annotated[int | None, BeforeValidator(_strict_int), Field(ge=1, le=65535)] = None
    testFrequencyInSec: Annotated[int | None, BeforeValidator(_strict_int), Field(ge=1, le=86400)] = None


class MonitorTestDocument(Document):
    properties: MonitorTestProperties


class AvailabilityInput(Document):
    peeringServiceLocation: Text = None
    peeringServiceProvider: Text = None


class TagsDocument(Document):
    tags: dict[str, str] | None = None


D = TypeVar("D", bound=Document)


def read(model: type[D], body: object) -> D:
    """Check a body. Raises ArmError 400 that names the first field that is wrong."""
    if not isinstance(body, dict):
        raise ArmError(400, "InvalidRequestContent", "The request content is not a JSON object.")
    try:
        return model.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        place = re.sub(r"\.(\d+)\b", r"[\1]", ".".join(map(str, first["loc"])))
        raise bad_argument(f"{place}: {first['msg']}") from None


def without_read_only(value: Any) -> Any:
    """The client's own words: every read-only field taken out, at every depth."""
    if isinstance(value, Mapping):
        return {key: without_read_only(item) for key, item in value.items() if key not in READ_ONLY}
    if isinstance(value, list):
        return [without_read_only(item) for item in value]
    return value
