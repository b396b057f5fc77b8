"""receivedRoutes and rpUnbilledPrefixes: exactly what the peer's router announced, page by page, by filter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from tests.azure.rest.support import GROUP, PEER4, PEER6, Lab, serving
from tests.topologies import document

ANNOUNCED = {
    ("192.0.2.0/24", PEER4, "64496"),
    ("198.51.100.0/24", PEER4, "64496"),
    ("203.0.113.0/24", PEER4, "64496 64500"),
    ("2001:db8::/32", PEER6, "64496"),
    ("2001:db8:100::/48", PEER6, "64496 64500"),
}


async def routes(lab: Lab, name: str = "contoso", **filters: Any) -> list[Any]:
    return await lab.all(lab.client.received_routes.list_by_peering, GROUP, name, **filters)


def prefixes(found: list[Any]) -> set[str]:
    return {route.prefix for route in found}


async def test_they_are_what_the_router_announces_on_every_session(tmp_path: Path) -> None:
    async with serving(tmp_path) as lab:
        await lab.exchange()
        found = await routes(lab)
        assert len(found) == 2 * len(ANNOUNCED)  # two edges
        assert {(route.prefix, route.next_hop, route.as_path) for route in found} == ANNOUNCED
        assert {(route.rpki_validation_state, route.trust_anchor) for route in found} == {("Unknown", "None")}
        assert {route.origin_as_validation_state for route in found} == {"Unknown"}
        assert all(route.received_timestamp.endswith("Z") for route in found)


async def test_filters_match_exactly(tmp_path: Path) -> None:
    async with serving(tmp_path) as lab:
        await lab.exchange()
        assert prefixes(await routes(lab, prefix="192.0.2.0/24")) == {"192.0.2.0/24"}
        assert await routes(lab, prefix="192.0.2.0/25") == []
        behind = {"203.0.113.0/24", "2001:db8:100::/48"}
        assert prefixes(await routes(lab, as_path="64496 64500")) == behind
        assert prefixes(await routes(lab, as_path="64500")) == behind
        assert await routes(lab, as_path="6450") == []
        assert await routes(lab, rpki_validation_state="Valid") == []
        with pytest.raises(HttpResponseError, match="not one of Valid, Invalid, Unknown"):
            await routes(lab, rpki_validation_state="perhaps")
        with pytest.raises(HttpResponseError, match="host bits"):
            await routes(lab, prefix="192.0.2.1/24")


async def test_validation_states_come_from_the_data_files(tmp_path: Path) -> None:
    vrp, irr = tmp_path / "vrp.json", tmp_path / "irr.json"
    roas = [
        {"asn": 64496, "prefix": "192.0.2.0/24", "maxLength": 24},
        {"asn": 64999, "prefix": "198.51.100.0/24", "maxLength": 24},
    ]
    vrp.write_text(json.dumps({"roas": roas}))
    irr.write_text(json.dumps({"AS-CONTOSO": [64496]}))
    found = document()
    found["policy"]["data"] = {"vrp": str(vrp), "irr": str(irr)}
    async with serving(tmp_path, found) as lab:
        await lab.exchange()
        states = {route.prefix: route.rpki_validation_state for route in await routes(lab)}
        assert states["192.0.2.0/24"] == "Valid"
        assert states["198.51.100.0/24"] == "Invalid"
        assert states["203.0.113.0/24"] == "Unknown"
        assert prefixes(await routes(lab, rpki_validation_state="invalid")) == {"198.51.100.0/24"}
        behind = await routes(lab, origin_as_validation_state="Invalid")
        assert prefixes(behind) == {"203.0.113.0/24", "2001:db8:100::/48"}


async def test_a_long_table_comes_in_pages(tmp_path: Path) -> None:
    found = document()
    found["peers"][0]["announce"] = [{"generate": {"within": "41.0.0.0/8", "length": 24, "count": 1203}}]
    async with serving(tmp_path, found) as lab:
        await lab.route_server()
        pages = await lab.do(
            lambda: [
                [route.prefix for route in page]
                for page in lab.client.received_routes.list_by_peering(GROUP, "ixrs").by_page()
            ]
        )
        assert [len(page) for page in pages] == [500, 500, 500, 500, 406]
        assert len({prefix for page in pages for prefix in page}) == 1203
        one = await routes(lab, "ixrs", skip_token="2400")
        assert len(one) == 6
        with pytest.raises(HttpResponseError, match="skipToken"):
            await routes(lab, "ixrs", skip_token="-1")


async def test_of_a_peering_that_is_not_there_or_has_no_session(tmp_path: Path) -> None:
    async with serving(tmp_path) as lab:
        with pytest.raises(ResourceNotFoundError):
            await routes(lab, "nobody")


async def test_unbilled_are_the_prefixes_that_no_peering_service_has(tmp_path: Path) -> None:
    found = document()
    found["peers"][0]["announce"] = [{"prefixes": ["198.51.100.0/25", "198.51.100.128/25", "192.0.2.0/24"]}]
    found["policy"]["rules"] = {"bogon-prefix": {"documentation": False}, "bogon-asn": {"documentation": False}}
    async with serving(tmp_path, found) as lab:
        await lab.route_server()
        unbilled = await lab.all(lab.client.rp_unbilled_prefixes.list, GROUP, "ixrs")
        assert sorted(each.prefix for each in unbilled) == ["192.0.2.0/24", "198.51.100.0/25", "198.51.100.128/25"]
        assert {(each.azure_region, each.peer_asn) for each in unbilled} == {("eastus", 64496)}
        whole = await lab.all(lab.client.rp_unbilled_prefixes.list, GROUP, "ixrs", consolidate=True)
        assert [each.prefix for each in whole] == ["192.0.2.0/24", "198.51.100.0/24"]


async def test_an_exchange_peering_bills_nobody(tmp_path: Path) -> None:
    async with serving(tmp_path) as lab:
        await lab.exchange()
        with pytest.raises(HttpResponseError) as refused:
            await lab.all(lab.client.rp_unbilled_prefixes.list, GROUP, "contoso")
        assert refused.value.status_code == 405
