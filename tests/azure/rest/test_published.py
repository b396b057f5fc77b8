"""Every published example is sent to a lab, and the answer compared with the published one, field by field.

What differs has to be in `published_differences.toml`, with its reason, and what is there has to differ.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.azure.rest import published as spec
from tests.azure.rest.plain import plain_lab
from tests.azure.rest.published_labs import (
    BY_HAND,
    Call,
    Lab,
    Prepare,
    all_active,
    approved_asn,
    conflict_and_active,
    direct_lab,
    example_asn_approved,
    exchange_lab,
    judged,
    legacy_up,
    made_again,
    monitored,
    named_asn,
    named_prefix,
    named_service_prefix,
    named_test,
    nothing,
    numbered_asns,
    numbered_prefixes,
    numbered_service_prefixes,
    numbered_tests,
    route_server_lab,
    service_judged,
)

TABLE = tomllib.loads(Path(__file__).with_name("published_differences.toml").read_text(encoding="utf-8"))
EVERYWHERE = TABLE["everywhere"]["field"]
SUB, PEERING, SERVICE = spec.SUB, spec.PEERING, spec.SERVICE
ASN, PREFIX = f"{PEERING}/registeredAsns", f"{PEERING}/registeredPrefixes"
TESTS, PREFIXES = f"{SERVICE}/connectionMonitorTests", f"{SERVICE}/prefixes"


def _listed(*bodies: Any) -> Any:
    return {"value": list(bodies)}


def _gone(name: str, path: str, before: Prepare = nothing) -> list[Call]:
    return [Call(name, "DELETE", path, 200, before=before), Call(name, "DELETE", path, 204)]


def _twice(name: str, path: str, asked: Any, body200: Any, body201: Any, before: Prepare = nothing) -> list[Call]:
    return [
        Call(name, "PUT", path, 201, body201, asked),
        Call(name, "PUT", path, 200, body200, asked, before=before),
    ]


EXCHANGE = [
    *_twice(
        "CreateExchangePeering",
        PEERING,
        spec.EXCHANGE_ASKED,
        spec.EXCHANGE_200,
        spec.EXCHANGE_201,
        conflict_and_active,
    ),
    Call("GetPeering", "GET", PEERING, 200, spec.EXCHANGE_ACTIVE, before=made_again),
    Call("ListPeeringsByResourceGroup", "GET", f"{spec.RG}/peerings", 200, _listed(spec.EXCHANGE_ACTIVE)),
    Call("ListPeeringsBySubscription", "GET", f"{SUB}/peerings", 200, _listed(spec.EXCHANGE_ACTIVE)),
    Call("UpdatePeeringTags", "PATCH", PEERING, 200, spec.EXCHANGE_ACTIVE | spec.TAGS, spec.TAGS),
    Call(
        "ListExchangePeeringLocations",
        "GET",
        f"{SUB}/peeringLocations",
        200,
        _listed(*spec.EXCHANGE_LOCATIONS),
        query={"kind": "Exchange"},
    ),
    *_gone("DeletePeering", PEERING)[:1],
    Call("DeletePeering", "DELETE", f"{PEERING}2", 204),
]
DIRECT = [
    *_twice("CreateDirectPeering", PEERING, spec.DIRECT_ASKED, spec.DIRECT_200, spec.DIRECT_201, conflict_and_active),
    Call(
        "ListDirectPeeringLocations",
        "GET",
        f"{SUB}/peeringLocations",
        200,
        _listed(*spec.DIRECT_LOCATIONS),
        query={"kind": "Direct"},
    ),
]
LEGACY = [
    Call(
        "ListLegacyPeerings",
        "GET",
        f"{SUB}/legacyPeerings",
        200,
        _listed(spec.LEGACY),
        query={"peeringLocation": "peeringLocation0", "kind": "Exchange", "directPeeringType": "Edge"},
        before=legacy_up,
    )
]
_PREFIX = {"properties": {"prefix": "10.22.20.0/24"}}
ROUTE_SERVER = [
    *_twice("CreatePeeringWithExchangeRouteServer", PEERING, spec.IXRS_ASKED, spec.IXRS_200, spec.IXRS_201, all_active),
    *_twice(
        "CreateRegisteredAsn",
        f"{ASN}/registeredAsnName",
        {"properties": {"asn": 65000}},
        spec.registered_asn("registeredAsnName"),
        spec.registered_asn("registeredAsnName"),
    ),
    Call(
        "GetRegisteredAsn",
        "GET",
        f"{ASN}/registeredAsnName0",
        200,
        spec.registered_asn("registeredAsnName0"),
        before=numbered_asns,
    ),
    Call(
        "ListRegisteredAsnsByPeering",
        "GET",
        ASN,
        200,
        _listed(
            spec.registered_asn("registeredAsnName0"),
            {
                **spec.registered_asn("registeredAsnName1"),
                "properties": {"asn": 65001, "provisioningState": "Failed"},
            },
            spec.registered_asn("registeredAsnName2", 65002),
        ),
    ),
    *_twice(
        "CreateRegisteredPrefix",
        f"{PREFIX}/registeredPrefixName",
        _PREFIX,
        spec.registered_prefix("registeredPrefixName", "10.22.20.0/24", "Verified"),
        spec.registered_prefix("registeredPrefixName", "10.22.20.0/24", "Pending", key=False),
        judged,
    ),
    Call(
        "GetRegisteredPrefix",
        "GET",
        f"{PREFIX}/registeredPrefixName",
        200,
        spec.registered_prefix("registeredPrefixName", "10.22.20.0/24", "Verified"),
    ),
    Call(
        "ListRegisteredPrefixesByPeering",
        "GET",
        PREFIX,
        200,
        _listed(
            *(spec.registered_prefix(f"registeredPrefixName{n}", f"10.22.2{n}.0/24", "Verified") for n in (0, 1)),
            spec.registered_prefix("registeredPrefixName2", "10.22.22.0/24", "Pending", key=False),
        ),
        before=numbered_prefixes,
    ),
    Call(
        "ValidateRegisteredPrefix",
        "POST",
        f"{PREFIX}/registeredPrefixName/validate",
        200,
        spec.registered_prefix("registeredPrefixName", "10.22.20.0/24", "Pending"),
        before=named_prefix,
    ),
    Call(
        "GetPeeringReceivedRoutes",
        "GET",
        f"{PEERING}/receivedRoutes",
        200,
        _listed(spec.ROUTE),
        query={"prefix": "1.1.1.0/24", "asPath": "123 456"},
    ),
    Call(
        "ListRpUnbilledPrefixes",
        "GET",
        f"{PEERING}/rpUnbilledPrefixes",
        200,
        _listed(spec.UNBILLED),
        query={"consolidate": "true"},
    ),
    *_gone("DeleteRegisteredAsn", f"{ASN}/registeredAsnName", named_asn),
    *_gone("DeleteRegisteredPrefix", f"{PREFIX}/registeredPrefixName"),
    Call(
        "CheckServiceProviderAvailability",
        "POST",
        f"{SUB}/checkServiceProviderAvailability",
        200,
        "Available",
        {
            "peeringServiceLocation": "peeringLocation0",
            "peeringServiceProvider": "Contoso",
        },
    ),
    Call("ListPeeringServiceProviders", "GET", f"{SUB}/peeringServiceProviders", 200, _listed(*spec.providers())),
]
_FIRST = "connectionMonitorTestName"
SERVICES = [
    *_twice(
        "CreatePeerAsn",
        f"{SUB}/peerAsns/peerAsnName",
        spec.PEER_ASN_ASKED,
        spec.peer_asn("Pending"),
        spec.peer_asn("Pending"),
    ),
    Call(
        "ListPeerAsnsBySubscription",
        "GET",
        f"{SUB}/peerAsns",
        200,
        _listed(spec.peer_asn("Approved")),
        before=example_asn_approved,
    ),
    Call("GetPeerAsn", "GET", f"{SUB}/peerAsns/peerAsnName", 200, spec.peer_asn("Approved")),
    *_gone("DeletePeerAsn", f"{SUB}/peerAsns/peerAsnName"),
    *_twice("CreatePeeringService", SERVICE, spec.SERVICE_ASKED, spec.service(False), spec.service(False)),
    Call("GetPeeringService", "GET", SERVICE, 200, spec.service(), before=monitored),
    Call("ListPeeringServicesByResourceGroup", "GET", f"{spec.RG}/peeringServices", 200, _listed(spec.service())),
    Call("ListPeeringServicesBySubscription", "GET", f"{SUB}/peeringServices", 200, _listed(spec.service())),
    Call("UpdatePeeringServiceTags", "PATCH", SERVICE, 200, spec.service() | spec.TAGS, spec.TAGS),
    *_twice(
        "CreatePeeringServicePrefix",
        f"{PREFIXES}/peeringServicePrefixName",
        spec.SERVICE_PREFIX_ASKED,
        spec.service_prefix("peeringServicePrefixName", "192.168.1.0/24", "Failed", "None", **spec.NOT_ANNOUNCED),
        spec.service_prefix("peeringServicePrefixName", "192.168.1.0/24", "Failed", "None", **spec.NOT_ANNOUNCED),
        service_judged,
    ),
    Call(
        "GetPeeringServicePrefix",
        "GET",
        f"{PREFIXES}/peeringServicePrefixName",
        200,
        spec.service_prefix("peeringServicePrefixName", "192.168.1.0/24", "Verified", "ViaServiceProvider"),
        before=service_judged,
    ),
    Call(
        "ListPrefixesByPeeringService",
        "GET",
        PREFIXES,
        200,
        _listed(
            *(
                spec.service_prefix(
                    f"peeringServicePrefixName{n}", f"192.168.{n}.0/24", "Verified", "ViaServiceProvider"
                )
                for n in (1, 2)
            )
        ),
        before=numbered_service_prefixes,
    ),
    *_gone("DeletePeeringServicePrefix", f"{PREFIXES}/peeringServicePrefixName", named_service_prefix),
    *_twice(
        "CreateOrUpdateConnectionMonitorTest",
        f"{TESTS}/{_FIRST}",
        {"properties": spec.monitor_asked()},
        spec.monitor_test(_FIRST, False, []),
        spec.monitor_test(_FIRST, False, []),
    ),
    Call("GetConnectionMonitorTest", "GET", f"{TESTS}/{_FIRST}", 200, spec.monitor_test(_FIRST, True, spec.HOPS)),
    Call(
        "ListConnectionMonitorTestsByPeeringService",
        "GET",
        TESTS,
        200,
        _listed(
            spec.monitor_test(f"{_FIRST}1", True, spec.HOPS),
            spec.monitor_test(f"{_FIRST}2", False, spec.HOPS, "Example Destination 2"),
        ),
        before=numbered_tests,
    ),
    *_gone("DeleteConnectionMonitorTest", f"{TESTS}/{_FIRST}", named_test),
    *_gone("DeletePeeringService", SERVICE),
    Call("InitializeConnectionMonitor", "POST", f"{SUB}/initializeConnectionMonitor", 200),
    Call(
        "ListPeeringServiceCountriesBySubscription",
        "GET",
        f"{SUB}/peeringServiceCountries",
        200,
        _listed(*spec.countries()),
    ),
    Call(
        "ListPeeringServiceLocationsBySubscription",
        "GET",
        f"{SUB}/peeringServiceLocations",
        200,
        _listed(*spec.service_locations()),
    ),
    Call(
        "ListCdnPeeringPrefixes",
        "GET",
        f"{SUB}/cdnPeeringPrefixes",
        200,
        _listed(spec.CDN),
        query={"peeringLocation": "peeringLocation0"},
    ),
    Call(
        "LookingGlassInvokeCommand",
        "POST",
        f"{SUB}/lookingGlass",
        200,
        spec.LOOKING_GLASS,
        query={
            "command": "Traceroute",
            "sourceType": "AzureRegion",
            "sourceLocation": "West US",
            "destinationIP": "0.0.0.0",
        },
    ),
    Call("ListPeeringOperations", "GET", "/providers/Microsoft.Peering/operations", 200, _listed(*spec.operations())),
]
LABS: dict[str, tuple[Lab, list[Call]]] = {
    "exchange": (exchange_lab(), EXCHANGE),
    "direct": (direct_lab(), DIRECT),
    "legacy": (exchange_lab(legacy=True), LEGACY),
    "route server": (route_server_lab(), ROUTE_SERVER),
    "services": (exchange_lab(), SERVICES),
}


def differing(published: Any, ours: Any, way: str = "") -> Iterator[str]:
    """The fields that differ; `+field` is one that is not published, `-field` one that is not answered."""
    if isinstance(published, dict) and isinstance(ours, dict):
        for name in sorted(published.keys() | ours.keys()):
            here = f"{way}.{name}".lstrip(".")
            if name not in ours or name not in published:
                yield f"{'-' if name in published else '+'}{here}"
            else:
                yield from differing(published[name], ours[name], here)
    elif isinstance(published, list) and isinstance(ours, list):
        for number, (theirs, mine) in enumerate(zip(published, ours, strict=False)):
            yield from differing(theirs, mine, f"{way}[{number}]")
        if len(published) != len(ours):
            yield f"{'-' if len(published) > len(ours) else '+'}{way}[]"
    elif published != ours:
        yield way


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(re.escape(text).replace(r"\*", ".*").replace(r"\?", ".") + r"\Z")


ROWS = [([_pattern(text) for text in row["fields"]], row) for row in TABLE["difference"]]


def _known(example: str, field: str) -> bool:
    return any(example in row["in"] and any(each.match(field) for each in patterns) for patterns, row in ROWS)


@pytest.mark.parametrize("name", list(LABS))
async def test_an_example_is_answered_as_published_but_for_what_the_table_says(tmp_path: Path, name: str) -> None:
    found, calls = LABS[name]
    differences: dict[str, set[str]] = {}
    async with plain_lab(tmp_path, found, BY_HAND) as lab:
        if name != "services":
            await approved_asn(lab)
        for call in calls:
            answer = await call.send(lab)
            assert answer.status_code == call.status, (call.name, answer.status_code, answer.text)
            ours = answer.json() if answer.content else None
            fields = (field for field in differing(call.body, ours) if not field.endswith(EVERYWHERE))
            differences.setdefault(call.name, set()).update(f"{call.status} {field}" for field in fields)
    unknown = [f"{example}: {field}" for example, fields in differences.items() for field in fields]
    assert [each for each in unknown if not _known(*each.split(": ", 1))] == []
    idle = [
        f"{example}: {pattern.pattern}"
        for patterns, row in ROWS
        for example in row["in"]
        if example in differences
        for pattern in patterns
        if not any(map(pattern.match, differences[example]))
    ]
    assert idle == [], "rows of the table that nothing differs by"


def test_every_example_is_sent_and_in_the_table() -> None:
    sent: dict[str, list[int]] = {}
    for _, calls in LABS.values():
        for call in calls:
            sent.setdefault(call.name, []).append(call.status)
    assert sent == TABLE["examples"] and len(sent) == 48
    assert {example for _, row in ROWS for example in row["in"]} <= sent.keys()
