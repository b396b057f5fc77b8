"""Create a Peering: the fields of its steps, in the words of Microsoft's documents.

The order and the labels are those of the portal articles of 2024 (exchange, direct, exchange with route server) and of
the walkthroughs beside them; what only the article of 2020 has is said in the field's help.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from simulator.azure.model.resources import Json
from simulator.azure.rest.documents import DIRECT_TYPES
from simulator.portal.forms.field import ENABLED, SIMULATOR, Choice, FormField, InputKind, Values, fill, put

ROUTE_SERVER_NETWORK: Final = "AS8075 (with exchange route server)"
VOICE_NETWORK: Final = "AS8075 (with Voice)"
EDGE_NETWORK: Final = "AS8075"
NEW_GROUP: Final = "new"
EXISTING_GROUP: Final = "existing"


class Use(Enum):
    """What a peering is for: each has fields of its own."""

    EXCHANGE = "Exchange"
    DIRECT = "Direct"
    ROUTE_SERVER = "Direct, with exchange route server"
    VOICE = "Direct, with Voice"


@dataclass(frozen=True, slots=True)
class UseWords:
    """A use in the portal's words, and in the API's."""

    peering_type: str
    network: str
    """Empty: not asked."""
    direct_type: str
    """directPeeringType; empty for an Exchange peering."""

    @property
    def inner(self) -> str:
        """The part of the document that is the kind's."""
        return self.peering_type.lower()


USES: Final[Mapping[Use, UseWords]] = {
    Use.EXCHANGE: UseWords("Exchange", "", ""),
    Use.DIRECT: UseWords("Direct", EDGE_NETWORK, "Edge"),
    Use.ROUTE_SERVER: UseWords("Direct", ROUTE_SERVER_NETWORK, "IxRs"),
    Use.VOICE: UseWords("Direct", VOICE_NETWORK, "Voice"),
}


OTHER_TYPES: Final = tuple(each for each in DIRECT_TYPES if all(each != words.direct_type for words in USES.values()))
"""Of Direct peerings, in the API alone: no article has a Microsoft network for them. Each has the fields of the
ordinary one (simulator)."""


def use_of(values: Values) -> Use:
    """What the values of the Configuration step ask for. A network that nobody knows is the ordinary one."""
    if values.get("peering-type") != "Direct":
        return Use.EXCHANGE
    network = values.get("network")
    return next((use for use, words in USES.items() if words.network and words.network == network), Use.DIRECT)


def use_of_document(document: Json) -> Use:
    """What a peering is for. A type that the portal does not offer has the fields of the ordinary one."""
    if document.get("kind") == "Exchange":
        return Use.EXCHANGE
    type_ = (document["properties"].get("direct") or {}).get("directPeeringType")
    return next((use for use, words in USES.items() if words.direct_type and words.direct_type == type_), Use.DIRECT)


SUBSCRIPTION: Final = FormField(
    "subscription",
    "Subscription",
    "Select your Azure subscription. In the lab a subscription is just a name.",
    kind=InputKind.COMBO,
    section="Project Details",
    fixed_later=True,
)
ANY_NAME: Final = "can be anything you choose: letters, digits, _ - . without blanks."
"""What is said of every name that a person gives."""
NAME: Final = FormField(
    "name",
    "Name",
    f"Name corresponds to the resource name and {ANY_NAME}",
    section="Instance details",
    example="contoso-ashburn",
    fixed_later=True,
)
GROUP_FIELDS: Final = (
    FormField(
        "group-choice",
        "Resource Group",
        "You can either choose an existing resource group from the list or create a new group.",
        kind=InputKind.RADIO,
        choices=(Choice(EXISTING_GROUP, "Existing"), Choice(NEW_GROUP, "Create new")),
        default=NEW_GROUP,
    ),
    FormField(
        "group",
        "Existing resource group",
        "The groups of the chosen subscription.",
        kind=InputKind.SELECT,
        when=("group-choice", (EXISTING_GROUP,)),
    ),
    FormField(
        "new-group",
        "New resource group",
        "Its name. It is made together with the resource.",
        example="peering-rg",
        when=("group-choice", (NEW_GROUP,)),
    ),
)
REGION: Final = FormField(
    "region",
    "Region",
    "Region is auto-selected if you chose an existing resource group; a new one needs the Azure region where you want "
    "the resource to reside. It is independent of the location where you want to peer with Microsoft.",
    "location",
    InputKind.SELECT,
    when=("group-choice", (NEW_GROUP,)),
)
PEER_ASN: Final = FormField(
    "peer-asn",
    "Peer ASN",
    "You can only choose an ASN with ValidationState as Approved before you submit a peering request. If you just "
    "submitted your PeerAsn request, wait for 12 hours or so for the ASN association to be approved. If you don't see "
    "the ASN you need, check that you selected the correct subscription.",
    kind=InputKind.SELECT,
    fixed_later=True,
)
BASICS: Final = (SUBSCRIPTION, *GROUP_FIELDS, NAME, REGION, PEER_ASN)

PEERING_TYPE: Final = FormField(
    "peering-type",
    "Peering type",
    "Exchange: over the LAN of an Internet exchange. Direct: over a private cable, and for an exchange's route server.",
    "kind",
    InputKind.RADIO,
    (Choice("Exchange", "Exchange"), Choice("Direct", "Direct")),
    "Exchange",
    section="Configuration",
)
NETWORK: Final = FormField(
    "network",
    "Microsoft network",
    "AS8075 for a private interconnect. AS8075 (with exchange route server) if you run an exchange and its route "
    "server peers with Microsoft (the article of 2020 writes it without brackets). AS8075 (with Voice) for Azure "
    "Communications Services. The others are the API's directPeeringType; no article says who may ask for them, and "
    "here they are turned up as AS8075 is.",
    "properties.direct.directPeeringType",
    InputKind.RADIO,
    (
        *(Choice(words.network, words.network) for words in USES.values() if words.network),
        *(Choice(each, each, "in the API alone") for each in OTHER_TYPES),
    ),
    EDGE_NETWORK,
    when=("peering-type", ("Direct",)),
)
SKU: Final = FormField(
    "sku",
    "SKU",
    "Basic Free for an Exchange and an ordinary Direct peering: don't select Premium Free, it is reserved for special "
    "applications. With Voice: Premium Free. With exchange route server both are taken: the article of 2020 says Basic "
    "Free, the walkthrough of 2024 Premium Free.",
    "sku.name",
    InputKind.RADIO,
    (Choice("Basic", "Basic Free"), Choice("Premium", "Premium Free")),
    "Basic",
)
METRO: Final = FormField(
    "metro",
    "Metro",
    "Select the Metro location where you want to set up peering. All connections of one peering are in one metro.",
    "properties.peeringLocation",
    InputKind.SELECT,
)
CONFIGURATION: Final = (PEERING_TYPE, NETWORK, SKU, METRO)
CONNECTIONS: Final = "connections"
"""The place in the page that lists a peering's connections."""
CONNECTIONS_PART: Final = FormField(CONNECTIONS, "Peering connections", "")

_FACILITY: Final = FormField(
    "facility",
    "Peering facility",
    "Select the appropriate physical location for the peering. The number is its id in PeeringDB.",
    "peeringDBFacilityId",
    InputKind.NUMBER,
    section="Connection",
    fixed_later=True,
)
_PEER = ("provider", ("Peer",))
_PROVIDER: Final = FormField(
    "provider",
    "Session Address Provider",
    "Who supplies the addresses of the BGP session. Microsoft takes longer, and the request can be denied for lack of "
    "subnets.",
    "sessionAddressProvider",
    InputKind.RADIO,
    (Choice("Peer", "Peer"), Choice("Microsoft", "Microsoft")),
    "Peer",
    fixed_later=True,
)
_ROUTE_SERVERS_PROVIDER: Final = replace(
    _PROVIDER, help="Select Peer: an exchange with route server brings the addresses of its own LAN."
)
_VOICES_PROVIDER: Final = replace(
    _PROVIDER,
    help="Microsoft: with Voice the addresses are Microsoft's, and your own are refused.",
    default="Microsoft",
)
_LIMIT_HELP: Final = (
    "How many prefixes you may announce on the session before Microsoft ends it. {} Empty: {} (simulator's default)."
)


def _limit(version: int, most: str, otherwise: str) -> FormField:
    return FormField(
        f"limit-{version}",
        f"Maximum advertised IPv{version} addresses",
        _LIMIT_HELP.format(most, otherwise),
        f"bgpSession.maxPrefixesAdvertisedV{version}",
        InputKind.NUMBER,
        optional=True,
        section="Prefix limits" if version == 4 else "",
        example="1000" if version == 4 else "100",
    )


_LIMITS: Final = (
    _limit(4, "It can be up to 20000.", "20000"),
    _limit(6, "Microsoft's clients let 2000 through.", "2000"),
)


def _session_prefix(version: int, help_: str, example: str) -> FormField:
    return FormField(
        f"prefix-{version}",
        f"Session IPv{version} prefix",
        help_,
        f"bgpSession.sessionPrefixV{version}",
        optional=True,
        when=_PEER,
        example=example,
        section=f"IPv{version} session",
    )


def _address(version: int, whose: str, label: str, help_: str, example: str, section: str = "") -> FormField:
    return FormField(
        f"{whose}-{version}",
        label,
        help_,
        f"bgpSession.{whose}SessionIPv{version}Address",
        optional=True,
        example=example,
        section=section,
    )


_MD5: Final = FormField(
    "md5",
    "BGP authentication key (MD5)",
    "The key of TCP-MD5 (RFC 2385), the same as on your router. Empty: none. No article names this field of the API, "
    "and Microsoft's peering policy says that MD5 is not supported.",
    "bgpSession.md5AuthenticationKey",
    InputKind.SECRET,
    source=SIMULATOR,
    optional=True,
    section="Authentication",
)
_BANDWIDTH: Final = FormField(
    "bandwidth",
    "Total bandwidth",
    "10 to 100 Gbps, in steps of 10. (The portal has a slider here.)",
    "bandwidthInMbps",
    InputKind.SLIDER,
    tuple(Choice(str(mbps), f"{mbps // 1000} Gbps") for mbps in range(10_000, 100_001, 10_000)),
    default="10000",
    section="Port",
)
_SERVICE: Final = FormField(
    "peering-service",
    "Use for Peering Service",
    "Disabled by default. It can be enabled later, and not taken back in the portal.",
    "useForPeeringService",
    InputKind.RADIO,
    (Choice(ENABLED, "Enabled"), Choice("Disabled", "Disabled")),
    "Disabled",
)

CONNECTION_FIELDS: Final[Mapping[Use, tuple[FormField, ...]]] = {
    Use.EXCHANGE: (
        _FACILITY,
        _address(
            4,
            "peer",
            "IPv4 address",
            "Your router's address in the exchange's LAN: Microsoft's BGP neighbour.",
            "206.126.239.200",
            "BGP session",
        ),
        _address(
            6,
            "peer",
            "IPv6 address",
            "Your router's IPv6 address in the exchange's LAN. It can be added later, and not be removed.",
            "2001:504:0:2:0:6:4496:1",
        ),
        *_LIMITS,
        _MD5,
    ),
    Use.DIRECT: (
        _FACILITY,
        _PROVIDER,
        _session_prefix(4, "A /30 or /31 of yours, with its mask: the link to Microsoft's edge.", "198.51.100.4/30"),
        _session_prefix(6, "A /126 or /127 of yours, with its mask.", "2001:db8:2::/127"),
        *_LIMITS,
        _BANDWIDTH,
        _SERVICE,
        _MD5,
    ),
    Use.ROUTE_SERVER: (
        _FACILITY,
        _ROUTE_SERVERS_PROVIDER,
        _session_prefix(4, "Provided by you, the exchange: the IPv4 prefix of its LAN.", "203.0.113.0/24"),
        _address(
            4,
            "peer",
            "Peer session IPv4 address",
            "Selected by you for the route server, out of the session IPv4 prefix.",
            "203.0.113.1",
        ),
        _address(
            4,
            "microsoft",
            "Microsoft session IPv4 address",
            "The address of Microsoft's router, allocated out of the session IPv4 prefix. Empty: that of the first "
            "edge at the exchange. The sessions with the other edges are made from one pair of addresses.",
            "203.0.113.75",
        ),
        _session_prefix(6, "Session IPv6 is optional at this time.", "2001:db8:ffff::/64"),
        _address(6, "peer", "Peer session IPv6 address", "The route server's IPv6 address.", "2001:db8:ffff::1"),
        _address(
            6,
            "microsoft",
            "Microsoft session IPv6 address",
            "The IPv6 address of Microsoft's router. Empty: that of the first edge.",
            "2001:db8:ffff::75",
        ),
        *_LIMITS,
        _BANDWIDTH,
        replace(
            _SERVICE,
            help="Disabled by default (2020, 2024). It can be enabled once the exchange provider has signed a Peering "
            "Service Agreement with Microsoft; the walkthrough of October 2024 has it on from the start.",
        ),
        _MD5,
    ),
    Use.VOICE: (
        _FACILITY,
        _VOICES_PROVIDER,
        *_LIMITS,
        _BANDWIDTH,
        replace(_SERVICE, help="Enabled: a Voice peering is for Peering Service.", default=ENABLED),
        _MD5,
    ),
}
"""Each in the order of its article."""


def document(values: Values, connections: list[tuple[str, Values]], kept: Mapping[str, Json]) -> Json:
    """The document of a request. `connections`: the identifier and the values of each; `kept`, by identifier: what a
    legacy connection has besides, which runs and is converted as it is."""
    use = use_of(values)
    words = USES[use]
    made: Json = {}
    fill(made, (METRO,), values)
    put(made, "location", values.get("region") or None)
    made["kind"] = words.peering_type
    made["sku"] = {"name": f"{values.get('sku', '')}_{words.peering_type}_Free"}
    inner: Json = {
        "connections": [connection(use, identifier, each, kept.get(identifier)) for identifier, each in connections]
    }
    if words.direct_type:
        network = values.get("network", "")
        inner["directPeeringType"] = network if network in OTHER_TYPES else words.direct_type
    put(inner, "peerAsn.id", values.get("peer-asn") or None)
    made.setdefault("properties", {})[words.inner] = inner
    return made


def connection(use: Use, identifier: str, values: Values, kept: Json | None = None) -> Json:
    """One connection of a document: the values over what it had."""
    return fill({**(kept or {}), "connectionIdentifier": identifier}, CONNECTION_FIELDS[use], values)


def place_of_target(target: str) -> str:
    """The name of the field, or of the other place of the first two steps, that an error's target is about; empty: of
    none. What is inside of a connection has fields of its own."""
    for path, name in _PLACES.items():
        if target == path or target.startswith(f"{path}."):
            return name
    return ""


_PLACES: Final = {
    "location": "region",
    "kind": "peering-type",
    "sku": "sku",
    "properties.peeringLocation": "metro",
    "properties.direct.directPeeringType": "network",
    **{f"properties.{kind}.peerAsn": "peer-asn" for kind in ("exchange", "direct")},
    **{f"properties.{kind}.connections": CONNECTIONS for kind in ("exchange", "direct")},
    **{f"properties.{kind}": "peering-type" for kind in ("exchange", "direct")},
}
"""Where an error is shown, by its target's beginning: the longest first."""
