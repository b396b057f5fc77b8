"""The fields of every form but Create a Peering's: a PeerAsn, what is registered at a peering, and Peering Service."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from simulator.azure.rest.documents import ROLES
from simulator.portal.forms.field import SIMULATOR, Choice, FormField, InputKind
from simulator.portal.forms.peering_fields import ANY_NAME, GROUP_FIELDS, NAME, REGION, SUBSCRIPTION

_NO_ROLE: Final = Choice("", "Not said")

PEER_ASN_FIELDS: Final = (
    replace(
        NAME,
        help=f"The resource's name; it {ANY_NAME}",
        section="Project details",
        example="contoso",
    ),
    replace(SUBSCRIPTION, help="The ASN belongs to it. One subscription may have several.", section=""),
    FormField(
        "peer-name",
        "Peer name",
        "Your company's name, as close as possible to its name in PeeringDB. Letters a to z and A to Z, and spaces "
        "(article of 2020).",
        "properties.peerName",
        section="Instance details",
        example="Contoso",
    ),
    FormField(
        "asn",
        "Peer ASN",
        "Your network's public ASN. A lab takes private and documentation ASNs too; Microsoft's own and reserved ones "
        "are refused.",
        "properties.peerAsn",
        InputKind.NUMBER,
        example="64496",
        fixed_later=True,
    ),
    FormField(
        "email",
        "Email address",
        "Of your network operation centre (NOC), which Microsoft writes to.",
        "properties.peerContactDetail[0].email",
        section="Contact",
        example="noc@contoso.example",
        optional=True,
    ),
    FormField(
        "phone",
        "Phone number",
        "Of your NOC.",
        "properties.peerContactDetail[0].phone",
        example="+1 555 0100",
        optional=True,
    ),
    FormField(
        "role",
        "Role",
        "The portal's article names no such field; the API has it.",
        "properties.peerContactDetail[0].role",
        InputKind.SELECT,
        (_NO_ROLE, *(Choice(role, role) for role in ROLES)),
        "Noc",
        source=SIMULATOR,
        optional=True,
    ),
)

REGISTERED_ASN_FIELDS: Final = (
    replace(
        NAME,
        help=f"Of the registration; it {ANY_NAME}",
        section="",
        example="alpha",
    ),
    FormField(
        "asn",
        "ASN",
        "The ASN of a customer behind your route server. Register each once: it has one prefix key, at every location.",
        "properties.asn",
        InputKind.NUMBER,
        example="64501",
    ),
)

REGISTERED_PREFIX_FIELDS: Final = (
    replace(
        NAME,
        help=f"Of the registration; it {ANY_NAME}",
        section="",
        example="alpha-1",
    ),
    FormField(
        "prefix",
        "IPv4 prefix",
        "A public IPv4 prefix. It is registered at one peering only.",
        "properties.prefix",
        example="192.0.2.0/24",
    ),
)

SERVICE_BASICS: Final = (
    SUBSCRIPTION,
    *GROUP_FIELDS,
    replace(NAME, example="contoso-service"),
    replace(
        REGION,
        source=SIMULATOR,
        help="The Azure region of the resource. The article does not ask for it; the API does.",
    ),
)
SERVICE_CONFIGURATION: Final = (
    FormField(
        "provider",
        "Provider",
        "Who provides Peering Service to you: a network with a peering for Peering Service.",
        "properties.peeringServiceProvider",
        InputKind.COMBO,
        section="Configuration",
        example="Contoso",
    ),
    FormField(
        "primary",
        "Provider primary peering location",
        "The metro nearest to your network.",
        "properties.providerPrimaryPeeringLocation",
        InputKind.SELECT,
        optional=True,
    ),
    FormField(
        "backup",
        "Provider backup peering location",
        "Where your traffic goes when the primary location fails. None: over the Internet.",
        "properties.providerBackupPeeringLocation",
        InputKind.SELECT,
        optional=True,
    ),
)

SERVICE_PREFIX_FIELDS: Final = (
    replace(
        NAME,
        help=f"Of the prefix; it {ANY_NAME}",
        section="",
        example="branch-1",
    ),
    FormField(
        "prefix",
        "Prefix",
        "A public IPv4 prefix that your provider announces. It cannot be edited: delete it and make it again.",
        "properties.prefix",
        example="192.0.2.0/24",
    ),
    FormField(
        "key",
        "Prefix key",
        "The key that your provider gave you. It must equal the registered one.",
        "properties.peeringServicePrefixKey",
        example="2f1c3a52-…",
    ),
)
