"""What makes no sense is refused at its field, with an ARM error, and nothing is stored."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from simulator.azure.provider.asn_space import not_routed
from simulator.azure.provider.changes import UPDATES_NOT_SUPPORTED
from simulator.azure.provider.peerings import NOT_UNIQUE
from tests.azure.rest.plain import (
    GROUP,
    NEWEST,
    ROOT,
    PlainLab,
    direct_body,
    exchange_body,
    peering_body,
    plain_lab,
    route_server_body,
)
from tests.topologies import build, document, mixed

PEERING = f"{GROUP}/peerings/p"
CONNECTION = "properties.exchange.connections[0]"
SESSION = f"{CONNECTION}.bgpSession"


def changed(body: Any, path: str, value: Any) -> Any:
    """A copy with another value at a path like `properties.exchange.connections[0].bgpSession`."""
    made = copy.deepcopy(body)
    *way, last = path.replace("[", ".").replace("]", "").split(".")
    inner = made
    for step in way:
        inner = inner[int(step)] if step.isdigit() else inner.setdefault(step, {})
    inner[int(last) if last.isdigit() else last] = value
    return made


def at_exchange(path: str, *values: Any) -> list[tuple[Any, str]]:
    return [(changed(exchange_body(), path, value), path) for value in values]


def at_link(path: str, *values: Any) -> list[tuple[Any, str]]:
    return [(changed(direct_body(), path, value), path) for value in values]


def probes(name: str, *values: Any) -> list[tuple[Any, str]]:
    place = "properties.connectivityProbes"
    return [(changed(exchange_body(), place, [{name: value}]), f"{place}[0].{name}") for value in values]


PEER4, PEER6 = f"{SESSION}.peerSessionIPv4Address", f"{SESSION}.peerSessionIPv6Address"
LINK = "properties.direct.connections[0]"
PEERINGS = [
    *at_exchange("properties.peeringLocation", "Atlantis", "Seattle", None, "", 7, "x" * 1000),
    *at_exchange(f"{CONNECTION}.peeringDBFacilityId", 2, 11, 0, -1, 2**31, 10**30, 1.0, "1", True, None),
    *at_exchange("sku.name", "Gold", "Basic_Direct_Free", "basic_exchange_free", "", None, 7),
    *at_exchange("kind", "exchange", "Other", "", None, 7, []),
    *at_exchange("location", "", None, 7, "east/us", "x" * 100),
    *at_exchange("tags", [], "x", 7, {str(number): "" for number in range(51)}, {"x" * 513: ""}, {"x": "y" * 257}),
    *at_exchange(
        "tags", *({name: "v"} for name in ("", "a<b", "a>b", "a%b", "a&b", "a\\b", "a?b", "a/b", "a\x1b", "\x9b"))
    ),
    *at_exchange("tags.a", None, 1, {}),
    *at_exchange(PEER4, "206.126.236.17", "206.126.236.148", "206.126.236.0", "206.126.239.255"),
    *at_exchange(PEER4, "192.0.2.1", "224.0.0.1", "0.0.0.0", "127.0.0.1", "255.255.255.255"),
    *at_exchange(PEER4, "::1", "x", 7, [], "206.126.239.200/31", "206.126.239.0200", "1" * 100_000),
    *at_exchange(
        PEER6, "2001:504:0:2::8075:1", "2001:504:0:2::", "ff02::1", "::", "::1", "fe80::1%eth0", "206.126.239.9"
    ),
    *at_exchange(f"{SESSION}.microsoftSessionIPv4Address", "206.126.236.99", "192.0.2.1", 7),
    *at_exchange(
        f"{SESSION}.sessionPrefixV4", "198.51.100.0/24", "x", "206.126.236.0", "206.126.236.0/255.255.252.0", 7
    ),
    *at_exchange(f"{SESSION}.sessionPrefixV6", "206.126.236.0/22", "2001:db8::/64"),
    *at_exchange(f"{SESSION}.maxPrefixesAdvertisedV4", 0, -1, 2**31, 2**63, 10**30, 1.5, "1000", True, [], {}),
    *at_exchange(f"{SESSION}.maxPrefixesAdvertisedV6", 0, -1, 2**31),
    *at_exchange(f"{SESSION}.md5AuthenticationKey", "k" * 81, "é" * 41, "a b", "\n", "ключ", 7, [], "x" * 100_000),
    *at_exchange(f"{CONNECTION}.connectionIdentifier", "x", "CE495334", "CE495334-0E94-4E51-8164-8116D6CD284", 5, []),
    *at_exchange(f"{CONNECTION}.useForPeeringService", "true", 1, [], "x"),
    *at_exchange(f"{CONNECTION}.bandwidthInMbps", 0, -1, 2**31, "10000", 1.5),
    *at_exchange(f"{CONNECTION}.sessionAddressProvider", "Nobody", "peer", 7),
    *at_exchange(SESSION, [], "x", 7),
    *at_exchange(CONNECTION, None, [], "x", 7),
    *at_exchange("properties.exchange.connections", None, [], {}, "x", 7, [{}] * 101),
    *at_exchange("properties.exchange.peerAsn", None, {}, [], "x"),
    *at_exchange("properties.exchange.peerAsn.id", None, "", "x", 7, PEERING, "/" * 1000),
    *at_exchange("properties.exchange", None, [], "x"),
    *at_exchange("properties.connectivityProbes", {}, "x", 7, [None], ["x"], [7], [{}] * 101),
    *probes("protocol", "UDP", "icmp", 7, [], {}),
    *probes("endpoint", 7, [], {}, "a b", "x" * 300),
    *probes("azureRegion", 7, [], {}, "x" * 300),
    *at_exchange("properties", None, [], "x", 7),
    *at_exchange("sku", None, [], "x", 7),
    *at_link(f"{LINK}.peeringDBFacilityId", 86, 1),
    *at_link("properties.peeringLocation", "Atlantis", "Seattle"),
    *at_link("sku.name", "Basic_Exchange_Free", "Premium_Exchange_Metered", "Gold"),
    *at_link("properties.direct.directPeeringType", "Other", "edge", 7, []),
    *at_link(f"{LINK}.bgpSession.sessionPrefixV4", "198.51.100.8/30", "198.51.100.0/24", "x"),
    *at_link(f"{LINK}.bgpSession.peerSessionIPv4Address", "198.51.100.6", "198.51.100.4", "0.0.0.0"),
    *at_link(f"{LINK}.bgpSession.microsoftSessionIPv4Address", "198.51.100.5"),
    *at_link(f"{LINK}.sessionAddressProvider", "Microsoft"),
    *at_link(f"{LINK}.bgpSession", {}),
]
"""(document, the field that is wrong)"""
DOCUMENTS = [
    (
        f"{ROOT}/peerAsns/x",
        {"properties": {"peerAsn": 64496}},
        "properties.peerAsn",
        (0, 23456, 65535, 8075, 12076, 8068),
    ),
    (
        f"{ROOT}/peerAsns/x",
        {"properties": {"peerAsn": 64496}},
        "properties.peerAsn",
        (4294967295, 70000, -1, "1", 1.0, None),
    ),
    (
        f"{ROOT}/peerAsns/x",
        {"properties": {"peerAsn": 64496}},
        "properties.peerName",
        (7, [], "x" * 300, "\x1b[31m", "a\nb"),
    ),
    (
        f"{ROOT}/peerAsns/x",
        {"properties": {"peerAsn": 64496}},
        "properties.peerContactDetail",
        ({}, "x", 7, [None], [7]),
    ),
    (
        f"{ROOT}/peerAsns/x",
        {"properties": {"peerAsn": 64496, "peerContactDetail": [{}]}},
        "properties.peerContactDetail[0].email",
        ("x", 7, "a b@c", "x" * 300, "a@b\x1b", "a@b\x7f"),
    ),
    (
        f"{ROOT}/peerAsns/x",
        {"properties": {"peerAsn": 64496, "peerContactDetail": [{}]}},
        "properties.peerContactDetail[0].role",
        ("Boss", 7, "noc"),
    ),
    (f"{GROUP}/peeringServices/x", {"location": "eastus"}, "location", (None, "", 7)),
    (f"{GROUP}/peeringServices/x", {"location": "eastus"}, "sku", ("x", 7, [])),
    (f"{GROUP}/peeringServices/x", {"location": "eastus"}, "properties.peeringServiceProvider", (7, [], "x" * 300)),
    (f"{GROUP}/peeringServices/x", {"location": "eastus"}, "properties.logAnalyticsWorkspaceProperties", ("x", 7, [])),
    (
        f"{GROUP}/peeringServices/x",
        {"location": "eastus"},
        "properties.logAnalyticsWorkspaceProperties.workspaceID",
        (7, [], {}),
    ),
    (f"{GROUP}/peeringServices/s/prefixes/x", {"properties": {}}, "properties.prefix", (None, "", 7, [], "x" * 101)),
    (
        f"{GROUP}/peeringServices/s/prefixes/x",
        {"properties": {"prefix": "192.0.2.0/24"}},
        "properties.peeringServicePrefixKey",
        (7, [], "x" * 300),
    ),
    (
        f"{GROUP}/peeringServices/s/connectionMonitorTests/x",
        {"properties": {}},
        "properties.destinationPort",
        (0, -1, 65536, "443", 1.5, True),
    ),
    (
        f"{GROUP}/peeringServices/s/connectionMonitorTests/x",
        {"properties": {}},
        "properties.testFrequencyInSec",
        (0, -1, 86401, 10**30, "30"),
    ),
    (f"{GROUP}/peeringServices/s/connectionMonitorTests/x", {"properties": {}}, "properties.sourceAgent", (7, [])),
]


async def refused(lab: PlainLab, path: str, body: Any, field: str, status: tuple[int, ...] = (400,)) -> str | None:
    """What is wrong with the answer; None: it refuses the field, and nothing changed."""
    before = dict(lab.provider.unit.resources)
    answer = await lab.put(path, body)
    value = repr(body)[:200]
    if answer.status_code not in status:
        return f"{field}: {answer.status_code} for {value} {answer.text[:200]}"
    error = answer.json()["error"]
    target = error.get("target", "")
    if not (target.startswith(field) or field.startswith(target)) or not target:
        return f"{field}: target {target!r} for {value}: {error['message'][:200]}"
    told = error["message"].startswith(f"{target}: ") or error["message"] in RECORDED
    if not told:
        return f"{field}: {error['message'][:200]}"
    if "\n" in error["message"] or len(error["message"]) > 800:
        return f"{field}: no line: {error['message'][:900]}"
    if lab.provider.unit.resources != before:
        return f"{field}: something was stored"
    return None


RECORDED = {NOT_UNIQUE, UPDATES_NOT_SUPPORTED, "PeerAsn does not exist with the given name"}
"""Words of production, which do not begin with the field."""
OTHER = "00000000-0000-0000-0000-000000008075"


async def test_a_peering_is_refused_at_the_field_that_is_wrong(tmp_path: Path) -> None:
    async with plain_lab(tmp_path, mixed()) as lab:
        await lab.asn()
        assert (await lab.put(f"{GROUP}/peerings/good", exchange_body())).status_code == 201, "the rest is right"
        await lab.call("DELETE", f"{GROUP}/peerings/good")
        assert (await lab.put(f"{GROUP}/peerings/good-too", direct_body(connectionIdentifier=OTHER))).status_code == 201
        found = [await refused(lab, PEERING, body, field, (400, 404)) for body, field in PEERINGS]
        assert [each for each in found if each] == []


async def test_every_other_document_is_refused_at_the_field_that_is_wrong(tmp_path: Path) -> None:
    async with plain_lab(tmp_path) as lab:
        assert (await lab.put(f"{GROUP}/peeringServices/s", {"location": "eastus"})).status_code == 201
        found = [
            await refused(lab, path, changed(body, field, value), field)
            for path, body, field, values in DOCUMENTS
            for value in values
        ]
        assert [each for each in found if each] == []


@pytest.mark.parametrize(
    ("path", "value", "status"),
    [
        ("sku.name", "Premium_Exchange_Metered", 400),
        ("location", "westus", 409),
        ("properties.peeringLocation", "Seattle", 400),
        ("kind", "Direct", 400),
        (f"{CONNECTION}.peeringDBFacilityId", 11, 405),
        (f"{CONNECTION}.sessionAddressProvider", "Microsoft", 405),
        (f"{SESSION}.sessionPrefixV4", "198.51.100.0/24", 405),
        (PEER4, "206.126.239.201", 405),
        (f"{SESSION}.microsoftSessionIPv4Address", "206.126.236.148", 405),
    ],
)
async def test_what_a_peering_is_cannot_be_changed(tmp_path: Path, path: str, value: Any, status: int) -> None:
    async with plain_lab(tmp_path) as lab:
        await lab.asn()
        await lab.put(PEERING, exchange_body())
        body = changed(exchange_body(), path, value)
        field = "properties.direct" if path == "kind" else "sku.name" if path == "kind" else path
        assert await refused(lab, PEERING, body, field, (status,)) is None
        same = changed(exchange_body(), "location", "East US")
        assert (await lab.put(PEERING, same)).status_code == 200


async def test_a_direct_peering_becomes_no_other_type_and_takes_nothing_back(tmp_path: Path) -> None:
    async with plain_lab(tmp_path, mixed()) as lab:
        await lab.asn()
        assert (await lab.put(PEERING, direct_body(useForPeeringService=True))).status_code == 201
        field = "properties.direct.directPeeringType"
        assert await refused(lab, PEERING, direct_body("Cdn"), field) is None
        field = f"{LINK}.useForPeeringService"
        assert await refused(lab, PEERING, direct_body(useForPeeringService=False), field, (405,)) is None
        exchange = exchange_body()["properties"]["exchange"]
        answer = await lab.put(PEERING, peering_body("Exchange", "Basic_Exchange_Free", exchange))
        assert answer.status_code == 400 and "sku.name" in answer.text


NOBODYS = (0, 8068, 8069, 8075, 12076, 23456, 65535, 65552, 131071, 4294967295)
PRIVATE = (64512, 65534, 4200000000, 4294967294)
DOCUMENTATION = (64496, 64511, 65536, 65551)


@pytest.mark.parametrize(
    ("rule", "wrong", "right"),
    [
        ({"documentation": False}, (*NOBODYS, *PRIVATE), (*DOCUMENTATION, 3356, 397212)),
        (True, (*NOBODYS, *PRIVATE, *DOCUMENTATION), (3356, 397212)),
        ({}, (*NOBODYS, *PRIVATE, *DOCUMENTATION), (3356,)),
        (False, NOBODYS, (*PRIVATE, *DOCUMENTATION, 3356)),
    ],
)
def test_an_asn_is_registered_only_if_routes_can_come_from_it(
    rule: Any, wrong: tuple[int, ...], right: tuple[int, ...]
) -> None:
    """A lab that takes documentation or private ASNs in its paths takes them here as well."""
    found = document()
    found["policy"]["rules"]["bogon-asn"] = rule
    lab = build(found)
    assert all(not_routed(asn, lab) for asn in wrong)
    assert not any(not_routed(asn, lab) for asn in right)


async def test_a_registered_asn_is_refused_at_its_field(tmp_path: Path) -> None:
    path = f"{PEERING}/registeredAsns/x"
    async with plain_lab(tmp_path) as lab:
        await lab.asn()
        assert (await lab.put(PEERING, route_server_body())).status_code == 201
        await lab.active(PEERING)
        wrong: tuple[Any, ...] = (*NOBODYS, *PRIVATE, -1, 1 << 32, 1.0, "64496", None, True, [])
        for asn in wrong:
            assert await refused(lab, path, {"properties": {"asn": asn}}, "properties.asn") is None
        assert (await lab.put(path, {"properties": {"asn": 64496}})).status_code == 201
        assert await refused(lab, path, {"properties": {"asn": 64497}}, "properties.asn") is None
        prefixes: tuple[Any, ...] = ("x", "2001:db8::/32", "192.0.2.1/24", "", None, 7, [])
        for prefix in prefixes:
            body, path = {"properties": {"prefix": prefix}}, f"{PEERING}/registeredPrefixes/x"
            answer = await lab.put(path, body)
            assert (answer.status_code, answer.json()["error"]["target"]) == (400, "properties.prefix"), prefix


NAMES = ("..", ".", "%2e%2e", "%2E", "a" * 64, "a b", "a%2fb", "%00", "é", "x%0a", "*", "<x>")


async def test_a_name_that_no_resource_can_have_is_refused(tmp_path: Path) -> None:
    async with plain_lab(tmp_path) as lab:
        await lab.asn()
        for name in NAMES:
            for kind, body in (
                (f"{ROOT}/peerAsns", {"properties": {"peerAsn": 64496}}),
                (f"{GROUP}/peerings", exchange_body()),
                (f"{GROUP}/peeringServices", {"location": "eastus"}),
            ):
                answer = await lab.put(f"{kind}/{name}", body)
                assert answer.status_code in (400, 404, 405), (name, answer.text)
                assert answer.json()["error"]["code"]
        for group in ("..", "%2e%2e", "a.", "a" * 91):
            path = f"/subscriptions/lab/resourceGroups/{group}/providers/Microsoft.Peering/peeringServices/s"
            answer = await lab.put(path, {"location": "eastus"})
            assert answer.status_code in (400, 404), (group, answer.text)
        for path in (f"{ROOT}/peerAsns/", f"{GROUP}/peerings/", f"{GROUP}/peerings//registeredAsns/x"):
            assert (await lab.put(path, {})).status_code in (404, 405)
        assert list(lab.provider.unit.resources) == [f"{ROOT}/peerAsns/contoso".lower()]


async def test_an_encoded_slash_parts_no_names(tmp_path: Path) -> None:
    """Clients encode what they are given as a name: `a/b` must not lead to the b of an a."""
    async with plain_lab(tmp_path) as lab:
        await lab.asn()
        await lab.put(PEERING, exchange_body())
        for path in (
            f"{PEERING}%2f",
            f"{GROUP}/peerings%2Fp",
            f"{GROUP}/peerings/p%2FregisteredAsns",
            f"{PEERING}%252f",
        ):
            answer = await lab.call("GET", path)
            assert answer.status_code in (400, 404), (path, answer.text)
        for path in (PEERING, f"{PEERING}/", PEERING.upper(), f"{GROUP}/%70eerings/%70"):
            assert (await lab.get(path))["name"] == "p"


async def test_who_names_no_subscription_sees_nobodys(tmp_path: Path) -> None:
    """A variable that was never set must not list, or create, what is in the others."""
    async with plain_lab(tmp_path) as lab:
        await lab.asn()
        for scope in ("/subscriptions/", "/subscriptions/%20", "/subscriptions//resourceGroups/rg"):
            answer = await lab.call("GET", f"{scope}/providers/Microsoft.Peering/peerings")
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidResourceName"), scope
        for verb, path in (("GET", "peerings"), ("PUT", "peeringServices/s")):
            whole = f"/subscriptions/lab/resourceGroups//providers/Microsoft.Peering/{path}"
            assert (await lab.call(verb, whole, {"location": "eastus"})).status_code == 400
        assert (await lab.call("GET", "/subscriptions//providers/Microsoft.Peering/peerAsns")).status_code == 400


async def test_a_byte_order_mark_is_no_part_of_a_document(tmp_path: Path) -> None:
    """RFC 8259 §8.1: a reader may ignore it, and files written on Windows have it."""
    async with plain_lab(tmp_path) as lab:
        content = json.dumps({"properties": {"peerAsn": 64496}}).encode("utf-8-sig")
        answer = await lab.client.put(f"{ROOT}/peerAsns/x", params={"api-version": NEWEST}, content=content)
        assert answer.status_code == 201, answer.text


async def test_a_route_server_has_one_connection_to_all_edges(tmp_path: Path) -> None:
    async with plain_lab(tmp_path) as lab:
        await lab.asn()
        field = "properties.direct.connections[0].bgpSession.microsoftSessionIPv4Address"
        one, two = (changed(route_server_body(), field, edge) for edge in ("206.126.236.17", "206.126.236.148"))
        (second,) = two["properties"]["direct"]["connections"]
        both = [*one["properties"]["direct"]["connections"], {**second, "connectionIdentifier": OTHER}]
        body = changed(one, "properties.direct.connections", both)
        answer = await lab.put(PEERING, body)
        assert answer.status_code == 400, answer.text
        assert answer.json()["error"]["message"].startswith(f"properties.direct.connections: {NOT_UNIQUE}")
        assert (await lab.put(PEERING, one)).status_code == 201
