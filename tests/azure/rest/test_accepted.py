"""What the published examples and production accepted is accepted, and reads back as it was sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.azure.rest.api_versions import API_VERSIONS
from simulator.azure.rest.errors import ArmError
from tests.azure.rest.plain import (
    AT_ONCE,
    GROUP,
    ROOT,
    connections,
    direct_body,
    exchange_body,
    plain_lab,
    route_server_body,
)
from tests.topologies import mixed

PEERING = f"{GROUP}/peerings/p"
NO_IPV6 = {"peerSessionIPv6Address": None}


@pytest.mark.parametrize("limit", [100, 0, 2**31 - 1])
@pytest.mark.parametrize("make", ["exchange", "route server", "direct"])
async def test_a_limit_without_a_session_of_its_family(tmp_path: Path, make: str, limit: int) -> None:
    bodies = {
        "exchange": exchange_body(peerSessionIPv6Address=None, maxPrefixesAdvertisedV6=limit),
        "route server": route_server_body(
            bgpSession={"peerSessionIPv4Address": "206.126.239.200", "maxPrefixesAdvertisedV6": limit}
        ),
        "direct": direct_body(bgpSession={"sessionPrefixV4": "198.51.100.4/30", "maxPrefixesAdvertisedV6": limit}),
    }
    async with plain_lab(tmp_path, mixed()) as lab:
        await lab.asn()
        made = await lab.put(PEERING, bodies[make])
        assert made.status_code == 201, made.text
        for each in connections(await lab.get(PEERING)):
            assert each["bgpSession"]["maxPrefixesAdvertisedV6"] == limit
            assert each["bgpSession"]["sessionStateV6"] == "None"
        again = await lab.put(PEERING, bodies[make])
        assert again.status_code == 200, again.text
        families = {plan.family.label for found in lab.provider.control.records.values() for plan in found.plans}
        assert families == {"IPv4"}


@pytest.mark.parametrize(
    "text",
    [
        "CE4953340E944E5181648116D6CD284D",
        "ce4953340e944e5181648116d6cd284d",
        "ce495334-0e94-4e51-8164-8116d6cd284d",
        "{CE495334-0E94-4E51-8164-8116D6CD284D}",
    ],
)
async def test_a_guid_is_echoed_as_it_was_sent_and_is_the_same_in_every_spelling(tmp_path: Path, text: str) -> None:
    async with plain_lab(tmp_path, settings=AT_ONCE.model_copy(update={"mesh": False})) as lab:
        await lab.asn()
        body = exchange_body()
        connections(body)[0]["connectionIdentifier"] = text
        assert (await lab.put(PEERING, body)).status_code == 201
        assert [each["connectionIdentifier"] for each in connections(await lab.get(PEERING))] == [text]
        other = exchange_body(peerSessionIPv4Address="206.126.239.201", peerSessionIPv6Address=None)
        taken = await lab.put(f"{GROUP}/peerings/q", other)
        assert taken.status_code == 400 and "is already being used in peering." in taken.json()["error"]["message"]
        assert (await lab.put(PEERING, exchange_body())).status_code == 200  # the same connection, spelled otherwise


async def test_rp_unbilled_prefixes_of_a_cdn_peering(tmp_path: Path) -> None:
    async with plain_lab(tmp_path, mixed()) as lab:
        await lab.asn()
        for name, type_, status in (("cdn", "Cdn", 200), ("edge", "Edge", 405)):
            path = f"{GROUP}/peerings/{name}"
            assert (await lab.put(path, direct_body(type_))).status_code == 201
            answer = await lab.call("GET", f"{path}/rpUnbilledPrefixes")
            assert answer.status_code == status, answer.text
            await lab.call("DELETE", path)
            for _ in range(100):
                if (await lab.call("GET", path)).status_code == 404:
                    break
                await lab.provider.log.next_event(0.05)


@pytest.mark.parametrize("sent", [True, False, None])
@pytest.mark.parametrize("agreed", [True, False])
async def test_use_for_peering_service_is_kept_and_takes_effect_with_the_agreement(
    tmp_path: Path, sent: bool | None, agreed: bool
) -> None:
    settings = AT_ONCE.model_copy(update={"peering_service_agreement": agreed})
    async with plain_lab(tmp_path, settings=settings) as lab:
        await lab.asn()
        assert (await lab.put(PEERING, route_server_body(useForPeeringService=sent))).status_code == 201
        shown = await lab.get(PEERING)
        kept = agreed if sent is None else sent
        assert [each["useForPeeringService"] for each in connections(shown)] == [kept]
        assert shown["properties"]["direct"]["useForPeeringService"] is (kept and agreed)


async def test_a_looking_glass_of_another_region_is_answered_by_the_labs_edge(tmp_path: Path) -> None:
    async with plain_lab(tmp_path) as lab:
        asked = {"command": "Traceroute", "sourceType": "AzureRegion", "sourceLocation": "West US"}
        for address in ("0.0.0.0", "::", "206.126.239.200"):
            query = "&".join(f"{name}={value}" for name, value in {**asked, "destinationIP": address}.items())
            answer = await lab.client.post(f"{ROOT}/lookingGlass?api-version=2025-05-01&{query}")
            assert answer.status_code == 200, answer.text
            assert answer.json()["command"] == "Traceroute"
            assert answer.json()["output"].startswith(
                "West US: this lab has no edge there, so that ash-edge-1 was asked\n"
            )


async def test_an_md5_key_may_be_empty(tmp_path: Path) -> None:
    async with plain_lab(tmp_path) as lab:
        await lab.asn()
        body = exchange_body(md5AuthenticationKey="")
        assert (await lab.put(PEERING, body)).status_code == 201
        assert all(
            each["bgpSession"].get("md5AuthenticationKey", "") == "" for each in connections(await lab.get(PEERING))
        )
        assert (await lab.put(PEERING, body)).status_code == 200
        await lab.active(PEERING)


async def test_a_limit_alone_leaves_out_no_session_that_microsoft_addressed(tmp_path: Path) -> None:
    found = mixed()
    found["peerings"][-1]["connections"][0]["session-address-provider"] = "Microsoft"
    body = direct_body(sessionAddressProvider="Microsoft", bgpSession={"maxPrefixesAdvertisedV4": 1000})
    async with plain_lab(tmp_path, found) as lab:
        await lab.asn()
        assert (await lab.put(PEERING, body)).status_code == 201
        for _ in range(2):
            again = await lab.put(PEERING, body)
            assert again.status_code == 200, again.text
        families = {plan.family.label for each in lab.provider.control.records.values() for plan in each.plans}
        assert families == {"IPv4", "IPv6"}


async def test_the_counts_of_a_2022_example_are_kept(tmp_path: Path) -> None:
    counts = {f"accepted{what}CountV{number}": 0 for what in ("PrefixesSent", "BestPath") for number in (4, 6)}
    async with plain_lab(tmp_path) as lab:
        await lab.asn()
        assert (await lab.put(PEERING, exchange_body(**counts), "2022-10-01")).status_code == 201
        shown = await lab.get(PEERING, "2022-10-01")
        assert connections(shown)[0]["bgpSession"].items() >= counts.items() and "systemData" not in shown


async def test_tags_may_be_called_as_a_read_only_field_is(tmp_path: Path) -> None:
    tags = {"path": "a", "etag": "b", "errorMessage": "c", "events": ""}
    async with plain_lab(tmp_path) as lab:
        path = f"{GROUP}/peeringServices/s"
        assert (await lab.put(path, {"location": "eastus", "tags": tags})).json()["tags"] == tags
        assert (await lab.get(path))["tags"] == tags
        assert (await lab.call("PATCH", path, {"tags": {"path": "d"}})).json()["tags"] == {"path": "d"}


@pytest.mark.parametrize("version", [*API_VERSIONS, "", "1999-01-01", "2019-01-01", "2020-04-02", "9999-01-01", "x"])
def test_an_error_is_flat_in_the_versions_that_had_it_so_and_nested_in_every_other(version: str) -> None:
    body = ArmError(400, "BadArgument", "why", target="field").body(version)
    if version in API_VERSIONS and version <= "2020-04-01":
        assert body == {"code": "BadArgument", "message": "why"}
    else:
        assert body["error"].items() >= {"code": "BadArgument", "message": "why"}.items()
        assert ("target" in body["error"]) is (version not in API_VERSIONS or version == "2025-05-01")


async def test_the_error_of_an_unknown_version_is_nested(tmp_path: Path) -> None:
    async with plain_lab(tmp_path) as lab:
        for version in ("1999-01-01", "2019-01-01", "2018-12-31-preview", "latest"):
            answer = await lab.call("GET", f"{ROOT}/peerAsns", version=version)
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidResourceType")
