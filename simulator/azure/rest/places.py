"""Where Microsoft takes peerings and offers Peering Service, and which of its prefixes are announced there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from simulator.azure.model.resources import Json
from simulator.azure.provider.address_plan import AddressPlan
from simulator.azure.rest import documents
from simulator.azure.rest.arm_request import ArmAnswer, ArmRequest, envelope, listing, paged
from simulator.azure.rest.documents import DIRECT_TYPES
from simulator.azure.rest.errors import bad_argument
from simulator.session.messages import Family
from simulator.topology.as8075 import table
from simulator.topology.locations import ExchangeLocation, FacilityLocation
from simulator.wire import nlri

_OFFERS: Final = [{"offerName": "10Gbps", "valueInMbps": 10000}, {"offerName": "100Gbps", "valueInMbps": 100000}]
"""REST specification's example."""
_PORT: Final = 10000
"""Mbps of an exchange facility where no source tells the real ports: as in the specification's example."""
_COUNTRIES: Final = {
    "AE": "United Arab Emirates",
    "AO": "Angola",
    "AR": "Argentina",
    "AT": "Austria",
    "AU": "Australia",
    "BE": "Belgium",
    "BG": "Bulgaria",
    "BH": "Bahrain",
    "BR": "Brazil",
    "CA": "Canada",
    "CH": "Switzerland",
    "CL": "Chile",
    "CO": "Colombia",
    "CZ": "Czech Republic",
    "DE": "Germany",
    "DK": "Denmark",
    "ES": "Spain",
    "FI": "Finland",
    "FR": "France",
    "GB": "United Kingdom",
    "GR": "Greece",
    "HK": "Hong Kong",
    "HR": "Croatia",
    "HU": "Hungary",
    "ID": "Indonesia",
    "IE": "Ireland",
    "IL": "Israel",
    "IN": "India",
    "IT": "Italy",
    "JP": "Japan",
    "KE": "Kenya",
    "KR": "South Korea",
    "MX": "Mexico",
    "MY": "Malaysia",
    "NG": "Nigeria",
    "NL": "Netherlands",
    "NO": "Norway",
    "NZ": "New Zealand",
    "PH": "Philippines",
    "PL": "Poland",
    "PT": "Portugal",
    "RO": "Romania",
    "RU": "Russia",
    "SA": "Saudi Arabia",
    "SE": "Sweden",
    "SG": "Singapore",
    "TH": "Thailand",
    "TR": "Turkey",
    "TW": "Taiwan",
    "UA": "Ukraine",
    "US": "United States",
    "VN": "Vietnam",
    "ZA": "South Africa",
}
_LIST_OF_NONE: Final = "2025-05-01"
"""From this api-version on an unknown metro has an empty list of prefixes (simulator)."""
_SERVICES: Final = {"51": "AzureCompute", "52": "AzureStorage"}
"""By the first two digits of the second half of an 8069:… community, as recorded (8069:51026, 8069:52026)."""


def named(request: ArmRequest, type_: str, name: str) -> Json:
    """A resource of the subscription that nobody made."""
    path = name.replace(" ", "")
    text = f"/subscriptions/{request.subscription}/providers/Microsoft.Peering/{type_}/{path}"
    return {**envelope(text, f"Microsoft.Peering/{type_}"), "name": name}


# --- peeringLocations ---


def list_all(request: ArmRequest) -> ArmAnswer:
    kind = request.required("kind").lower()
    wanted = request.optional("directPeeringType")
    if wanted and wanted.lower() not in map(str.lower, DIRECT_TYPES):
        raise bad_argument(f"directPeeringType: '{wanted[:40]}' is not one of {', '.join(DIRECT_TYPES)}")
    address_plan = request.provider.address_plan
    if kind == "exchange":
        return listing(list(_by_metro(request, "Exchange", address_plan.exchanges(), _exchange_facility)))
    if kind != "direct":
        raise bad_argument(f"kind: '{kind[:40]}' is neither Exchange nor Direct")
    if wanted.lower() == "ixrs":
        here = [address_plan.exchange] if address_plan.exchange is not None else []
        return listing(list(_by_metro(request, "Direct", here, _route_server)))
    type_ = next((known for known in DIRECT_TYPES if known.lower() == wanted.lower()), "Edge")
    return listing(list(_by_metro(request, "Direct", address_plan.facilities(), lambda place: _facility(place, type_))))


def _by_metro(request: ArmRequest, kind: str, places: Iterable[Any], facility: Callable[[Any], Json]) -> Iterator[Json]:
    metros: dict[str, list[Any]] = {}
    for place in places:
        metros.setdefault(place.metro, []).append(place)
    for metro, here in metros.items():
        inner: Json = {"peeringFacilities": [facility(place) for place in here]}
        if kind == "Direct":
            inner["bandwidthOffers"] = _OFFERS
        properties = {
            kind.lower(): inner,
            "peeringLocation": metro,
            "country": here[0].country,
            "azureRegion": here[0].azure_region,
        }
        yield {**named(request, "peeringLocations", metro), "kind": kind, "properties": properties}


def _exchange_facility(place: ExchangeLocation) -> Json:
    lan = {prefix.version: str(prefix) for prefix in place.lan}
    shown: Json = {
        "exchangeName": place.name,
        "bandwidthInMbps": place.speed_mbps or _PORT,
        "microsoftIPv4Address": ",".join(map(str, place.microsoft_ipv4)),
        "microsoftIPv6Address": ",".join(map(str, place.microsoft_ipv6)),
        "facilityIPv4Prefix": lan.get(4),
        "facilityIPv6Prefix": lan.get(6),
        "peeringDBFacilityId": place.peeringdb_ix,
        "peeringDBFacilityLink": f"https://www.peeringdb.com/ix/{place.peeringdb_ix}",
    }
    return {key: value for key, value in shown.items() if value}


def _facility(place: FacilityLocation, type_: str) -> Json:
    """Nobody publishes which facility takes which type: each takes every one (simulator)."""
    shown: Json = {
        "address": place.name,
        "directPeeringType": type_,
        "peeringDBFacilityId": place.peeringdb_facility,
        "peeringDBFacilityLink": f"https://www.peeringdb.com/fac/{place.peeringdb_facility}",
    }
    return {key: value for key, value in shown.items() if value}


def _route_server(place: ExchangeLocation) -> Json:
    """An exchange with route server is ordered at the exchange itself (simulator: by its own PeeringDB id)."""
    return {
        "address": place.name,
        "directPeeringType": "IxRs",
        "peeringDBFacilityId": place.peeringdb_ix,
        "peeringDBFacilityLink": f"https://www.peeringdb.com/ix/{place.peeringdb_ix}",
    }


def _everywhere(address_plan: AddressPlan) -> list[ExchangeLocation | FacilityLocation]:
    return [*address_plan.exchanges(), *address_plan.facilities()]


def region_of(address_plan: AddressPlan, metro: str) -> str:
    """The Azure region of a metro; empty where nobody knows it."""
    regions = (place.azure_region for place in _everywhere(address_plan) if place.metro.lower() == metro.lower())
    return next(filter(None, regions), "")


# --- Peering Service ---


def _metros(request: ArmRequest) -> dict[str, tuple[str, str]]:
    """Metro → (country, Azure region), of every place that is known."""
    found: dict[str, tuple[str, str]] = {}
    for place in _everywhere(request.provider.address_plan):
        if place.country:
            found.setdefault(place.metro, (_COUNTRIES.get(place.country, place.country), place.azure_region))
    return found


def countries(request: ArmRequest) -> ArmAnswer:
    """Those with a metro where AS8075 meets others (simulator: the real list is longer)."""
    names = sorted({country for country, _ in _metros(request).values()})
    return listing([named(request, "peeringServiceCountries", name) for name in names])


def service_locations(request: ArmRequest) -> ArmAnswer:
    """The metros of a country, or of all (simulator: Microsoft lists states and provinces)."""
    wanted = request.optional("country").strip().lower()
    return listing(
        [
            {
                **named(request, "peeringServiceLocations", metro),
                "properties": {"country": country, "state": metro, "azureRegion": region},
            }
            for metro, (country, region) in sorted(_metros(request).items())
            if not wanted or country.lower() == wanted
        ]
    )


def providers(request: ArmRequest) -> ArmAnswer:
    """Who has a peering for Peering Service in this lab (simulator)."""
    return listing(
        [
            {
                **named(request, "peeringServiceProviders", provider.name),
                "properties": {"serviceProviderName": provider.name, "peeringLocations": list(provider.locations)},
            }
            for provider in request.provider.services.providers()
        ]
    )


def check_availability(request: ArmRequest) -> ArmAnswer:
    """A bare JSON string. Available: the provider has an Active connection at that location (simulator)."""
    wanted = documents.read(documents.AvailabilityInput, request.body)
    provider = request.provider.services.provider(wanted.peeringServiceProvider or "")
    location = (wanted.peeringServiceLocation or "").lower()
    there = provider is not None and location in map(str.lower, provider.locations)
    return ArmAnswer(200, "Available" if there else "Unavailable")


# --- cdnPeeringPrefixes ---


def cdn_prefixes(request: ArmRequest) -> ArmAnswer:
    """AS8069's prefixes at a metro as production had them, where a source knows of any; at the lab's own what the
    topology chose to announce. For a metro that nobody knows the older api-versions answer with the word null
    (recorded), over which the newest SDK stumbles: it gets an empty list."""
    metro = request.required("peeringLocation").strip().lower()
    address_plan = request.provider.address_plan
    known = {place.metro.lower(): place for place in _everywhere(address_plan)}
    if metro not in known:
        return listing([]) if request.api_version >= _LIST_OF_NONE else ArmAnswer(200, None, null=True)
    here = metro == address_plan.metro.lower()
    region = known[metro].azure_region

    def render(row: tuple[str, str]) -> Json:
        prefix, community = row
        name = "CdnPrefix_" + "".join(letter if letter.isalnum() else "_" for letter in prefix)
        properties = {
            "prefix": prefix,
            "azureRegion": region,
            "azureService": _SERVICES.get(community.partition(":")[2][:2], "AzureCompute"),
            "isPrimaryRegion": True,
            "bgpCommunity": community,
        }
        return {**named(request, "cdnPeeringPrefixes", name), "properties": properties}

    chosen = here and request.provider.topology.microsoft.announce is not None
    return paged(request, _announced(request) if chosen else _recorded(metro), render)


def _recorded(metro: str) -> Iterator[tuple[str, str]]:
    """The CDN prefixes of the table that comes with turnup."""
    yield from ((row.prefix, row.community) for row in table().cdn if row.metro.lower() == metro)


def _announced(request: ArmRequest) -> Iterator[tuple[str, str]]:
    """AS8075's IPv4 prefixes in this lab, each with its 8069:… community, if it has one."""
    for route in request.provider.network.edges.announcements(request.provider.topology.edges[0].name):
        community = next((text for text in route.attributes.communities_text if text.startswith("8069:")), "")
        if route.family is Family.IPV4:
            for key in route.keys:
                yield nlri.text(route.family, key), community
