"""The documents that clients PUT, as far as the server has to understand them. Unknown fields are kept, never read.

Read-only fields from the client are ignored: a client that sends back what it got sends them too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Final, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from simulator.azure.model.resources import Json
from simulator.azure.rest.errors import ArmError, bad_argument
from simulator.azure.rest.fields import (
    P4,
    P6,
    V4,
    V6,
    AsnField,
    Email,
    Guid,
    Host,
    LimitField,
    Md5,
    Positive,
    Region,
    Required,
    Tags,
    Text,
    between,
    one_of,
)

DIRECT_TYPES: Final = ("Edge", "Transit", "Cdn", "Internal", "Ix", "IxRs", "Voice", "EdgeZoneForOperators", "PeerProp")
"""DirectPeeringType (REST specification)."""
EXCHANGE_SKUS: Final = ("Basic_Exchange_Free", "Premium_Exchange_Metered")
DIRECT_SKUS: Final = ("Basic_Direct_Free", "Premium_Direct_Free", "Premium_Direct_Metered", "Premium_Direct_Unlimited")
"""By kind (REST specification of 2019-08-01-preview, the last one to name them all)."""
ROLES: Final = ("Noc", "Policy", "Technical", "Service", "Escalation", "Other")
"""Of a PeerAsn's contact (REST specification)."""
PROTOCOLS: Final = ("None", "ICMP", "TCP")
"""Of a connectivity probe (REST specification)."""

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


class Document(BaseModel):
    """Unknown fields stay; names are Azure's."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)


class SubResource(Document):
    id: Annotated[Required, Field(description="the id of a peerAsns resource")]


class BgpSessionDocument(Document):
    sessionPrefixV4: P4 = None
    sessionPrefixV6: P6 = None
    microsoftSessionIPv4Address: V4 = None
    microsoftSessionIPv6Address: V6 = None
    peerSessionIPv4Address: V4 = None
    peerSessionIPv6Address: V6 = None
    maxPrefixesAdvertisedV4: LimitField = None
    maxPrefixesAdvertisedV6: LimitField = None
    md5AuthenticationKey: Md5 = Field(default=None, repr=False)


class ConnectionDocument(Document):
    peeringDBFacilityId: Annotated[Positive, Field(description="the PeeringDB id of the facility or the exchange")]
    connectionIdentifier: Guid = None
    bgpSession: BgpSessionDocument | None = None
    bandwidthInMbps: Positive | None = None
    sessionAddressProvider: Annotated[Text, one_of("Microsoft", "Peer")] = None
    useForPeeringService: bool | None = None


ConnectionDocuments = Annotated[
    list[ConnectionDocument], Field(min_length=1, max_length=100, description="at least one connection")
]
"""Nobody publishes how many a peering may have: 100 is the simulator's."""


class DirectDocument(Document):
    connections: ConnectionDocuments
    peerAsn: Annotated[SubResource, Field(description="an Approved PeerAsn of the subscription")]
    directPeeringType: Annotated[Text, one_of(*DIRECT_TYPES)] = None


class ExchangeDocument(Document):
    connections: ConnectionDocuments
    peerAsn: Annotated[SubResource, Field(description="an Approved PeerAsn of the subscription")]


class Sku(Document):
    name: Annotated[
        Required, one_of(*EXCHANGE_SKUS, *DIRECT_SKUS), Field(description="for example Basic_Exchange_Free")
    ]


class ConnectivityProbe(Document):
    endpoint: Host = None
    azureRegion: Text = None
    protocol: Annotated[Text, one_of(*PROTOCOLS)] = None


class PeeringProperties(Document):
    peeringLocation: Annotated[Required, Field(description="the metro where you want to peer, as Ashburn")]
    direct: DirectDocument | None = None
    exchange: ExchangeDocument | None = None
    connectivityProbes: Annotated[list[ConnectivityProbe], Field(max_length=100)] | None = None


class PeeringDocument(Document):
    kind: Annotated[Required, one_of("Exchange", "Direct"), Field(description="Exchange or Direct")]
    sku: Annotated[Sku, Field(description="for example Basic_Exchange_Free")]
    location: Annotated[Region, Field(description="an Azure region, as eastus")]
    tags: Tags = None
    properties: Annotated[PeeringProperties, Field(description="peeringLocation, and exchange or direct")]


class ContactDetail(Document):
    role: Annotated[Text, one_of(*ROLES)] = None
    email: Email = None
    phone: Text = None


class PeerAsnProperties(Document):
    peerAsn: Annotated[AsnField, Field(description="the number of your network's public AS")]
    peerContactDetail: Annotated[list[ContactDetail], Field(max_length=100)] | None = None
    peerName: Text = None


class PeerAsnDocument(Document):
    properties: Annotated[PeerAsnProperties, Field(description="peerAsn, peerName, peerContactDetail")]


class RegisteredAsnProperties(Document):
    asn: Annotated[AsnField, Field(description="the customer's ASN")]


class RegisteredAsnDocument(Document):
    properties: Annotated[RegisteredAsnProperties, Field(description="the asn")]


class RegisteredPrefixProperties(Document):
    prefix: Annotated[str, StringConstraints(max_length=100), Field(description="an IPv4 prefix")]


class RegisteredPrefixDocument(Document):
    properties: Annotated[RegisteredPrefixProperties, Field(description="the prefix")]


class LogAnalyticsWorkspace(Document):
    workspaceID: Text = None
    key: Text = Field(default=None, repr=False)


class ServiceProperties(Document):
    peeringServiceLocation: Text = None
    peeringServiceProvider: Text = None
    providerPrimaryPeeringLocation: Text = None
    providerBackupPeeringLocation: Text = None
    logAnalyticsWorkspaceProperties: LogAnalyticsWorkspace | None = None


class ServiceSku(Document):
    name: Text = None


class ServiceDocument(Document):
    location: Annotated[Region, Field(description="an Azure region, as eastus")]
    sku: ServiceSku | None = None
    tags: Tags = None
    properties: ServiceProperties | None = None


class ServicePrefixProperties(Document):
    prefix: Annotated[str, StringConstraints(min_length=1, max_length=100), Field(description="an IPv4 prefix")]
    peeringServicePrefixKey: Text = None


class ServicePrefixDocument(Document):
    properties: Annotated[ServicePrefixProperties, Field(description="the prefix and its key")]


class MonitorTestProperties(Document):
    sourceAgent: Text = None
    destination: Text = None
    destinationPort: Annotated[int, between(1, 65535)] | None = None
    testFrequencyInSec: Annotated[int, between(1, 86400)] | None = None


class MonitorTestDocument(Document):
    properties: Annotated[MonitorTestProperties, Field(description="the agent, the destination, how often")]


class AvailabilityInput(Document):
    peeringServiceLocation: Text = None
    peeringServiceProvider: Text = None


class TagsDocument(Document):
    tags: Tags = None


D = TypeVar("D", bound=Document)

_PLACE_LIMIT: Final = 200
"""Characters of a field's path in a refusal."""
_WORDS: Final = {
    "string_type": "must be a text",
    "is_instance_of": "must be a text",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "string_too_long": "is longer than {max_length} characters",
    "string_too_short": "must not be empty",
    "too_long": "has more than {max_length} entries",
    "too_short": "must have at least {min_length} entry",
}
"""What pydantic finds, in words that follow the field's name."""


def read(model: type[D], body: object) -> D:
    """Check a body. Raises ArmError 400 that names the first field that is wrong."""
    if not isinstance(body, dict):
        raise ArmError(400, "InvalidRequestContent", "The request content is not a JSON object.")
    try:
        return model.model_validate(without_read_only(body))
    except ValidationError as error:
        raise _faults(model, error)[0] from None


def faults(model: type[Document], body: Json) -> list[ArmError]:
    """Every field that is wrong; `read` raises the first."""
    try:
        model.model_validate(without_read_only(body))
    except ValidationError as error:
        return _faults(model, error)
    return []


def _faults(model: type[Document], error: ValidationError) -> list[ArmError]:
    found = [(place(each["loc"]), each) for each in error.errors(include_url=False)]
    return [bad_argument(f"{field}: {_refusal(model, each)}", field) for field, each in found]


def _refusal(model: type[BaseModel], found: Any) -> str:
    loc = found["loc"]
    if found["type"] == "missing" or (found["input"] is None and isinstance(loc[-1], str)):
        what = _described(model, loc)
        return f"is required: {what}" if what else "is required"
    words = _WORDS.get(found["type"])
    return words.format(**found.get("ctx", {})) if words else str(found["msg"])


def place(loc: Iterable[int | str]) -> str:
    """`properties.exchange.connections[0].bgpSession`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return "".join(parts).lstrip(".")[:_PLACE_LIMIT]


def _described(model: type[BaseModel], loc: Iterable[int | str]) -> str:
    """What a field is, as its model says."""
    known: list[type[BaseModel]] = [model]
    words = ""
    for part in loc:
        if isinstance(part, str):
            field = next((each.model_fields[part] for each in known if part in each.model_fields), None)
            if field is None:
                return ""
            words, known = field.description or "", list(_models(field.annotation))
    return words


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that an annotation is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def without_read_only(value: Any) -> Any:
    """The client's own words: every read-only field taken out, at every depth. A tag may have any name."""
    if isinstance(value, Mapping):
        return {
            key: item if key == "tags" else without_read_only(item)
            for key, item in value.items()
            if key not in READ_ONLY
        }
    if isinstance(value, list):
        return [without_read_only(item) for item in value]
    return value
