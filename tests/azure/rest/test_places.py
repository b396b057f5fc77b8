"""peeringLocations, Peering Service's places and providers, cdnPeeringPrefixes."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from azure.core.exceptions import HttpResponseError

from simulator.azure.rest.api_versions import API_VERSIONS
from simulator.topology.as8075 import table
from simulator.topology.locations import embedded
from tests.azure.rest.support import SUBSCRIPTION, Lab, m, serving, told
from tests.topologies import document


async def test_exchange_locations_hold_the_lab_and_the_real_world(tmp_path: Path) -> None:
    async with serving(tmp_path) as lab:
        found = {each.name: each for each in await lab.all(lab.client.peering_locations.list, kind="Exchange")}
        assert set(found) == {place.metro for place in embedded().exchanges}
        ashburn = found["Ashburn"]
        assert ashburn.id == f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Peering/peeringLocations/Ashburn"
        assert (ashburn.country, ashburn.azure_region, ashburn.direct) == ("US", "eastus", None)
        here = {each.peering_db_facility_id: each for each in ashburn.exchange.peering_facilities}[1]
        assert here.microsoft_i_pv4_address == "206.126.236.17,206.126.236.148"
        assert here.microsoft_i_pv6_address == "2001:504:0:2::8075:1,2001:504:0:2::8075:2"
        assert (here.facility_i_pv4_prefix, here.facility_i_pv6_prefix) == ("206.126.236.0/22", "2001:504:0:2::/64")
        assert here.peering_db_facility_link == "https://www.peeringdb.com/ix/1"
        seattle = {each.exchange_name: each for each in found["Seattle"].exchange.peering_facilities}
        assert len(seattle) == sum(place.metro == "Seattle" for place in embedded().exchanges) == 4
        assert seattle["SIX"].bandwidth_in_mbps == 100000


async def test_direct_locations_have_offers_and_the_type_that_was_asked_for(tmp_path: Path) -> None:
    async with serving(tmp_path) as lab:
        found = {each.name: each for each in await lab.all(lab.client.peering_locations.list, kind="Direct")}
        seattle = found["Seattle"].direct
        assert [(offer.offer_name, offer.value_in_mbps) for offer in seattle.bandwidth_offers] == [
            ("10Gbps", 10000),
            ("100Gbps", 100000),
        ]
        assert {each.peering_db_facility_id for each in seattle.peering_facilities} == {71, 86}
        assert {each.direct_peering_type for each in seattle.peering_facilities} == {"Edge"}
        voice = await lab.all(lab.client.peering_locations.list, kind="Direct", direct_peering_type="Voice")
        assert {each.direct.peering_facilities[0].direct_peering_type for each in voice} == {"Voice"}
        (ixrs,) = await lab.all(lab.client.peering_locations.list, kind="Direct", direct_peering_type="IxRs")
        assert [each.peering_db_facility_id for each in ixrs.direct.peering_facilities] == [1]


@pytest.mark.parametrize("options", [{"kind": "Both"}, {"kind": "Direct", "direct_peering_type": "Sideways"}])
async def test_what_no_location_is_of_is_refused(tmp_path: Path, options: dict[str, str]) -> None:
    async with serving(tmp_path) as lab:
        with pytest.raises(HttpResponseError) as refused:
            await lab.all(lab.client.peering_locations.list, **options)
        assert told(refused)[:2] == (400, "BadArgument")


async def test_countries_and_their_locations(tmp_path: Path) -> None:
    async with serving(tmp_path) as lab:
        countries = {each.name for each in await lab.all(lab.client.peering_service_countries.list)}
        assert {"United States", "Netherlands", "Japan"} <= countries
        assert not any(len(name) == 2 for name in countries)  # every code of the embedded list has its name
        dutch = await lab.all(lab.client.peering_service_locations.list, country="Netherlands")
        assert [(each.name, each.state, each.azure_region) for each in dutch] == [
            ("Amsterdam", "Amsterdam", "westeurope")
        ]
        everywhere = await lab.all(lab.client.peering_service_locations.list)
        assert {each.country for each in everywhere} == countries


async def availability(lab: Lab, location: str, provider: str) -> str:
    wanted = m.CheckServiceProviderAvailabilityInput(
        peering_service_location=location, peering_service_provider=provider
    )
    found = await lab.do(lab.client.check_service_provider_availability, wanted)
    return str(getattr(found, "value", found))


async def test_a_provider_is_who_has_a_peering_for_peering_service(tmp_path: Path) -> None:
    async with serving(tmp_path) as lab:
        assert await lab.all(lab.client.peering_service_providers.list) == []
        assert await availability(lab, "Ashburn", "contoso") == "Unavailable"
        await lab.route_server()
        (provider,) = await lab.all(lab.client.peering_service_providers.list)
        assert (provider.service_provider_name, provider.peering_locations) == ("contoso", ["Ashburn"])
        assert await availability(lab, "ashburn", "Contoso") == "Available"
        assert await availability(lab, "Seattle", "contoso") == "Unavailable"


async def test_cdn_prefixes_are_what_microsoft_announces_here(tmp_path: Path) -> None:
    found = document()
    compute = {"prefixes": ["20.33.0.0/16"], "communities": ["8069:51026"]}
    storage = {"prefixes": ["52.96.0.0/12"], "communities": ["8069:52026"]}
    found["microsoft"]["announce"] = [compute, storage, {"prefixes": ["2603:1000::/24"]}]
    async with serving(tmp_path, found) as lab:
        listed = await lab.all(lab.client.cdn_peering_prefixes.list, peering_location="Ashburn")
        assert [(each.name, each.prefix, each.azure_service, each.bgp_community) for each in listed] == [
            ("CdnPrefix_20_33_0_0_16", "20.33.0.0/16", "AzureCompute", "8069:51026"),
            ("CdnPrefix_52_96_0_0_12", "52.96.0.0/12", "AzureStorage", "8069:52026"),
        ]
        recorded = await lab.all(lab.client.cdn_peering_prefixes.list, peering_location="Seattle")
        assert {(each.prefix, each.bgp_community, each.azure_region) for each in recorded} >= {
            ("20.157.110.0/24", "8069:51026", "westus2"),
            ("20.47.62.0/23", "8069:52026", "westus2"),
        }
        assert len(recorded) == len(table().cdn)
        assert await lab.all(lab.client.cdn_peering_prefixes.list, peering_location="Amsterdam") == []
    del found["microsoft"]["announce"]
    (tmp_path / "default").mkdir()
    async with serving(tmp_path / "default", found) as lab:
        assert await lab.all(lab.client.cdn_peering_prefixes.list, peering_location="Ashburn") == []


async def test_an_unknown_metro_has_no_prefixes_and_was_answered_with_null_before_2025(tmp_path: Path) -> None:
    """The word null is what production answered: the SDK's pager stumbles over it."""
    async with serving(tmp_path) as lab:
        assert await lab.all(lab.client.cdn_peering_prefixes.list, peering_location="Atlantis") == []
        url = f"{lab.url}/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Peering/cdnPeeringPrefixes"
        async with httpx.AsyncClient() as client:
            for version in API_VERSIONS:
                answer = await client.get(url, params={"api-version": version, "peeringLocation": "Atlantis"})
                assert answer.json() == (None if version < "2025-05-01" else {"value": []})
