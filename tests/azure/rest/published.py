"""The published examples of the REST specification, api-version 2025-05-01: what is asked, and what is answered.

Written anew from the specification's `examples`, with its values. Where a file has unresolved merge markers its newer
half counts. Labs are built so that their addresses, ASNs and names are those of the examples.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

SUB = "/subscriptions/subId/providers/Microsoft.Peering"
RG = "/subscriptions/subId/resourceGroups/rgName/providers/Microsoft.Peering"
PEERING = f"{RG}/peerings/peeringName"
SERVICE = f"{RG}/peeringServices/peeringServiceName"
ONE, TWO = "CE495334-0E94-4E51-8164-8116D6CD284D", "CDD8E673-CB07-47E6-84DE-3739F778762B"
PEER, MICROSOFT = "5F4CB5C7-6B43-4444-9338-9ABC72606C16", "8AB00818-D533-4504-A25A-03A17F61201C"
ZERO = "00000000-0000-0000-0000-000000000000"
KEY = {"md5AuthenticationKey": "test-md5-auth-key"}
LIMITS = {"maxPrefixesAdvertisedV4": 1000, "maxPrefixesAdvertisedV6": 100}
ASN = {"peerAsn": {"id": f"{SUB}/peerAsns/myAsn1"}}
TAKEN = "IPv4 address is already configured with a different ASN"
TAGS = {"tags": {"tag0": "value0", "tag1": "value1"}}


def _states(word: str) -> Json:
    return {"sessionStateV4": word, "sessionStateV6": word}


def _resource(path: str, type_: str = "", **more: Any) -> Json:
    shown = {"id": path, "name": path.rsplit("/", 1)[1], **more}
    return shown | ({"type": f"Microsoft.Peering/{type_}"} if type_ else {})


def _sku(name: str) -> Json:
    return {"name": name, **dict(zip(("tier", "family", "size"), name.split("_"), strict=True))}


def _probe(protocol: str = "ICMP", **more: Any) -> Json:
    return {"connectivityProbes": [{"endpoint": "192.168.0.1", "azureRegion": "eastus", "protocol": protocol, **more}]}


def _peering(kind: str, sku: Any, inner: Json, probe: Json, **more: Any) -> Json:
    properties = {kind.lower(): {**ASN, **inner}, "peeringLocation": "peeringLocation0", **probe, **more}
    return {"sku": sku, "kind": kind, "location": "eastus", "properties": properties}


# --- Exchange ---


def _exchange_connection(number: int, shown: Json | None = None, session: Json | None = None) -> Json:
    addresses = {"peerSessionIPv4Address": f"192.168.2.{number}", "peerSessionIPv6Address": f"fd00::{number}"}
    return {
        "peeringDBFacilityId": 99999,
        "connectionIdentifier": (ONE, TWO)[number - 1],
        "bgpSession": {**addresses, **LIMITS, **KEY, **(session or {})},
        **(shown or {}),
    }


def _exchange_shown(number: int, state: str, session: str, **more: Any) -> Json:
    ours = {
        "microsoftSessionIPv4Address": f"192.168.3.{number}",
        "microsoftSessionIPv6Address": f"fd00::1:{number}",
    }
    return _exchange_connection(number, {"connectionState": state, **more}, {**ours, **_states(session)})


def _exchange(*connections: Json, probe: Json | None = None) -> Json:
    shown = _peering(
        "Exchange",
        _sku("Basic_Exchange_Free"),
        {"connections": list(connections)},
        _probe() if probe is None else probe,
        provisioningState="Succeeded",
    )
    return _resource(PEERING, "peerings", **shown)


EXCHANGE_ASKED = _peering(
    "Exchange",
    {"name": "Basic_Exchange_Free"},
    {"connections": [_exchange_connection(1), _exchange_connection(2)]},
    _probe(),
)
EXCHANGE_201 = _exchange(*(_exchange_shown(number, "PendingApproval", "PendingAdd") for number in (1, 2)))
EXCHANGE_200 = _exchange(
    _exchange_shown(1, "ProvisioningFailed", "Established", errorMessage=TAKEN),
    _exchange_shown(2, "Active", "Established"),
)
EXCHANGE_ACTIVE = _exchange(
    *(_exchange_shown(number, "Active", "Established") for number in (1, 2)),
    probe=_probe(prefixesToAccesslist=["104.44.0.0/28"]),
)

# --- Direct ---


def _direct_connection(number: int, session: Json | None, **shown: Any) -> Json:
    return {
        "bandwidthInMbps": 10000,
        "sessionAddressProvider": ("Peer", "Microsoft")[number - 1],
        "useForPeeringService": number == 2,
        "peeringDBFacilityId": 99999,
        "connectionIdentifier": (PEER, MICROSOFT)[number - 1],
        **({"bgpSession": session} if session is not None else {}),
        **shown,
    }


def _link(number: int, **more: Any) -> Json:
    prefixes = {
        "sessionPrefixV4": f"192.168.{number - 1}.0/31",
        "sessionPrefixV6": ("fd00::0/127", "fd00::2/127")[number - 1],
    }
    return {**prefixes, **LIMITS, **KEY, **more}


def _direct_shown(number: int, session: Json | None, state: str, bandwidth: int, **more: Any) -> Json:
    return _direct_connection(
        number,
        session,
        connectionState=state,
        provisionedBandwidthInMbps=bandwidth,
        microsoftTrackingId=f"test-microsoft-reference-id-{number}",
        **more,
    )


def _direct(*connections: Json) -> Json:
    inner = {"connections": list(connections), "directPeeringType": "Edge", "useForPeeringService": True}
    shown = _peering("Direct", _sku("Basic_Direct_Free"), inner, _probe(), provisioningState="Succeeded")
    return _resource(PEERING, "peerings", **shown)


DIRECT_ASKED = _peering(
    "Direct",
    {"name": "Basic_Direct_Free"},
    {"connections": [_direct_connection(1, _link(1)), _direct_connection(2, None)], "directPeeringType": "Edge"},
    _probe(),
)
DIRECT_201 = _direct(
    _direct_shown(1, _link(1, **_states("PendingAdd")), "PendingApproval", 0),
    _direct_shown(2, None, "PendingApproval", 0),
)
DIRECT_200 = _direct(
    _direct_shown(1, _link(1, **_states("Established")), "ProvisioningFailed", 10000, errorMessage=TAKEN),
    _direct_shown(2, _link(2, **_states("Established")), "Active", 10000),
)

# --- with an exchange's route server ---


def _ixrs(session: Json, shown: Json, **more: Any) -> Json:
    connection = {
        "bandwidthInMbps": 10000,
        "sessionAddressProvider": "Peer",
        "useForPeeringService": True,
        "peeringDBFacilityId": 99999,
        "connectionIdentifier": PEER,
        "bgpSession": {
            "sessionPrefixV4": "192.168.0.0/24",
            "microsoftSessionIPv4Address": "192.168.0.123",
            "peerSessionIPv4Address": "192.168.0.234",
            **LIMITS,
            **session,
        },
        **shown,
    }
    return {"connections": [connection], "directPeeringType": "IxRs", **more}


def _ixrs_shown(state: str, session: str, bandwidth: int) -> Json:
    connection = {"connectionState": state, "provisionedBandwidthInMbps": bandwidth}
    inner = _ixrs(_states(session), connection, useForPeeringService=True)
    shown = _peering("Direct", _sku("Premium_Direct_Free"), inner, _probe("TCP"), provisioningState="Succeeded")
    return _resource(PEERING, "peerings", **shown)


IXRS_ASKED = _peering("Direct", {"name": "Premium_Direct_Free"}, _ixrs({}, {}), _probe("TCP"))
IXRS_201 = _ixrs_shown("PendingApproval", "PendingAdd", 0)
IXRS_200 = _ixrs_shown("Active", "Established", 10000)


def registered_asn(name: str, asn: int = 65000, **properties: Any) -> Json:
    shown = {"asn": asn, "peeringServicePrefixKey": ZERO, "provisioningState": "Succeeded", **properties}
    return _resource(f"{PEERING}/registeredAsns/{name}", "registeredAsns", properties=shown)


def registered_prefix(name: str, prefix: str, state: str, key: bool = True) -> Json:
    shown = {"prefix": prefix, "prefixValidationState": state, "provisioningState": "Succeeded"}
    shown |= {"peeringServicePrefixKey": ZERO} if key else {}
    return _resource(f"{PEERING}/registeredPrefixes/{name}", "registeredPrefixes", properties=shown)


ROUTE = {
    "prefix": "1.1.1.0/24",
    "nextHop": "127.0.0.1",
    "asPath": "123 456",
    "originAsValidationState": "Valid",
    "rpkiValidationState": "Valid",
    "trustAnchor": "Arin",
    "receivedTimestamp": "2020-04-05 03:39:20",
}
UNBILLED = {"prefix": "192.168.1.0/24", "azureRegion": "West US", "peerAsn": 65000}

# --- PeerAsns and Peering Service ---

_CONTACTS = [
    {"role": role, "email": f"{name}@contoso.com", "phone": f"+1 (234) 567-89{last}"}
    for role, name, last in (("Noc", "noc", "99"), ("Policy", "abc", "00"), ("Technical", "xyz", "00"))
]
PEER_ASN_ASKED: Json = {"properties": {"peerAsn": 65000, "peerContactDetail": _CONTACTS, "peerName": "Contoso"}}


def peer_asn(state: str) -> Json:
    properties = {**PEER_ASN_ASKED["properties"], "validationState": state}
    return _resource(f"{SUB}/peerAsns/peerAsnName", "peerAsns", properties=properties)


_PLACES = {
    "peeringServiceLocation": "state1",
    "peeringServiceProvider": "serviceProvider1",
    "providerPrimaryPeeringLocation": "peeringLocation1",
    "providerBackupPeeringLocation": "peeringLocation2",
}
SERVICE_ASKED: Json = {"location": "eastus", "properties": _PLACES}


def service(monitored: bool = True, **more: Any) -> Json:
    workspace = {"workspaceID": ZERO, "key": "key", "connectedAgents": ["Agent1", "Agent2"]}
    properties: Json = {**_PLACES, "provisioningState": "Succeeded"}
    properties |= {"logAnalyticsWorkspaceProperties": workspace} if monitored else {}
    return _resource(SERVICE, "peeringServices", location="eastus", properties=properties, **more)


def service_prefix(name: str, prefix: str, state: str, learned: str, **more: Any) -> Json:
    properties = {
        "prefix": prefix,
        "prefixValidationState": state,
        "learnedType": learned,
        "peeringServicePrefixKey": ZERO,
        "provisioningState": "Succeeded",
        **more,
    }
    return _resource(f"{SERVICE}/prefixes/{name}", properties=properties)


SERVICE_PREFIX_ASKED = {"properties": {"prefix": "192.168.1.0/24", "peeringServicePrefixKey": ZERO}}
NOT_ANNOUNCED = {"errorMessage": "Prefix is not announced by the service provider to Microsoft."}


def monitor_asked(destination: str = "Example Destination") -> Json:
    return {
        "sourceAgent": "Example Source Agent",
        "destination": destination,
        "destinationPort": 443,
        "testFrequencyInSec": 30,
    }


def monitor_test(name: str, successful: bool, path: list[str], destination: str = "Example Destination") -> Json:
    shown = {"isTestSuccessful": successful, "path": path, "provisioningState": "Succeeded"}
    properties = {**monitor_asked(destination), **shown}
    return _resource(f"{SERVICE}/connectionMonitorTests/{name}", properties=properties)


HOPS = ["source", "hop1", "hop2", "destination"]

# --- places ---


def _location(number: int, kind: str, inner: Json) -> Json:
    properties = {kind.lower(): inner, "peeringLocation": f"peeringLocation{number}", "country": f"country{number}"}
    path = f"{SUB}/peeringLocations/peeringLocation{number}"
    return _resource(path, "peeringLocations", kind=kind, properties=properties)


def _facility(address: str, type_: str) -> Json:
    link = "https://www.peeringdb.com/fac/99999"
    return {
        "address": address,
        "directPeeringType": type_,
        "peeringDBFacilityId": 99999,
        "peeringDBFacilityLink": link,
    }


def _exchange_facility(name: str, lan4: str, lan6: str, ours4: str, ours6: str) -> Json:
    return {
        "exchangeName": name,
        "bandwidthInMbps": 10000,
        "microsoftIPv4Address": ours4,
        "microsoftIPv6Address": ours6,
        "facilityIPv4Prefix": lan4,
        "facilityIPv6Prefix": lan6,
        "peeringDBFacilityId": 99999,
        "peeringDBFacilityLink": "https://www.peeringdb.com/ix/99999",
    }


_OFFERS = [{"offerName": "10Gbps", "valueInMbps": 10000}, {"offerName": "100Gbps", "valueInMbps": 100000}]
DIRECT_LOCATIONS = [
    _location(
        1,
        "Direct",
        {
            "bandwidthOffers": _OFFERS,
            "peeringFacilities": [_facility("address1", "Edge"), _facility("address3", "Cdn")],
        },
    ),
    _location(2, "Direct", {"bandwidthOffers": _OFFERS, "peeringFacilities": [_facility("address2", "Edge")]}),
]
EXCHANGE_LOCATIONS = [
    _location(
        1,
        "Exchange",
        {
            "peeringFacilities": [
                _exchange_facility("name1", "192.168.128.0/17", "fd00::1000:0/98", "192.168.131.1", "fd00::1:1"),
                _exchange_facility("name3", "192.168.0.0/17", "fd00::0/98", "192.168.2.2", "fd00::2"),
            ]
        },
    ),
    _location(
        2,
        "Exchange",
        {"peeringFacilities": [_exchange_facility("name2", "192.168.0.0/16", "fd00::0/98", "192.168.2.1", "fd00::2")]},
    ),
]
LEGACY = {
    **EXCHANGE_ACTIVE,
    "id": f"{SUB}/peerings/peeringName",
    "location": "centralus",
    "properties": {
        **EXCHANGE_ACTIVE["properties"],
        "exchange": {**EXCHANGE_ACTIVE["properties"]["exchange"], "peerAsn": {"id": "65000"}},
    },
}
CDN = _resource(
    f"{SUB}/cdnPeeringPrefixes/CdnPrefix_192_168_1_0_24",
    "cdnPeeringPrefixes",
    properties={
        "prefix": "192.168.1.0/24",
        "azureRegion": "West Central US",
        "azureService": "AzureCompute",
        "isPrimaryRegion": False,
        "bgpCommunity": "0000:0000",
    },
)
LOOKING_GLASS = {
    "command": "Traceroute",
    "output": "traceroute to 0.0.0.0, 64 hops max, 52 bytes packets\n 1 West US (1.1.1.1) 0.111ms 0.222ms 0.333ms",
}


def countries() -> list[Json]:
    return [_resource(f"{SUB}/peeringServiceCountries/country{n}", "peeringServiceCountries") for n in (1, 2)]


def service_locations() -> list[Json]:
    return [
        _resource(
            f"{SUB}/peeringServiceLocations/peeringServiceLocation{number}",
            "peeringServiceLocations",
            properties={"country": f"country{number}", "state": f"state{number}"},
        )
        for number in (1, 2)
    ]


def providers() -> list[Json]:
    return [
        _resource(
            f"{SUB}/peeringServiceProviders/peeringServiceProvider{number}",
            "peeringServiceProviders",
            properties={
                "serviceProviderName": f"peeringServiceProvider{number}",
                "peeringLocations": ["peeringLocation1", "peeringLocation2"],
            },
        )
        for number in (1, 2)
    ]


# --- operations ---

_CRUD = ("write", "read", "delete")
_READ_FIRST = ("read", "write", "delete")
_OPERATIONS = (
    ("peerAsns", "PeerAsn", _CRUD),
    ("peeringLocations", "PeeringLocation", ("read",)),
    ("legacyPeerings", "LegacyPeering", ("read",)),
    ("peerings", "Peering", _CRUD),
    ("peeringServiceLocations", "PeeringServiceLocations", ("read",)),
    ("peeringServiceProviders", "PeeringServiceProviders", ("read",)),
    ("peeringServices", "PeeringServices", _READ_FIRST),
    ("peeringServices/prefixes", "PeeringServicePrefixes", _READ_FIRST),
    ("peerings/registeredPrefixes", "RegisteredPrefixes", _READ_FIRST),
    ("peerings/registeredAsns", "RegisteredAsns", _READ_FIRST),
    ("peerings/receivedRoutes", "PeeringReceivedRoutes", ("read",)),
    ("peeringServices/connectionMonitorTests", "Peering Service Connection Monitor Tests", _READ_FIRST),
)
_ODD = {
    ("peeringServices", "write", "operation"): "Write PeeringService",
    ("peeringServices/connectionMonitorTests", "read", "description"): (
        "Read any Peering Service Connection Monitor Tests"
    ),
    ("peeringServices/connectionMonitorTests", "delete", "description"): (
        "Delete any Peering Service Connection Monitor Tests"
    ),
}


def operations() -> list[Json]:
    found = [
        {
            "name": "Microsoft.Peering/register/action",
            "display": {
                "provider": "Microsoft.Peering",
                "resource": "Peering Resource Provider",
                "operation": "Registers the Peering Resource Provider",
                "description": "Registers the subscription for the Peering Resource Provider and enables the creation "
                "of peerings",
            },
            "isDataAction": False,
        }
    ]
    for path, what, verbs in _OPERATIONS:
        for verb in verbs:
            resource = path.rsplit("/", 1)[-1]
            words = {"operation": f"{verb.capitalize()} {what}", "description": f"{verb.capitalize()} any {resource}"}
            words |= {name: _ODD[(path, verb, name)] for name in words if (path, verb, name) in _ODD}
            display = {"provider": "Microsoft.Peering", "resource": resource, **words}
            found.append({"name": f"Microsoft.Peering/{path}/{verb}", "display": display, "isDataAction": False})
    return found
