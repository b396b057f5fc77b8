"""What there is to choose from: subscriptions, groups, PeerAsns, regions, metros, facilities, as the API lists them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from simulator.azure.model.resources import AsnState, Json, PeerAsn
from simulator.azure.provider.provider import Provider
from simulator.azure.rest import ids
from simulator.portal.arm import ask, resource_path
from simulator.portal.forms.field import Choice
from simulator.portal.forms.peering_fields import USES, Use

DEFAULT_SUBSCRIPTION = "lab"
"""Of a lab in which nobody has made anything yet: what the command line takes, too."""


@dataclass(frozen=True, slots=True)
class OrderPlace:
    """Where a connection can be ordered."""

    number: int
    """Its PeeringDB id."""
    name: str
    metro: str
    region: str
    """The Azure region; empty: not known."""


def subscriptions(provider: Provider) -> list[str]:
    """Those that have a resource, in the case in which they were written first; the default one is there always."""
    found = {DEFAULT_SUBSCRIPTION: DEFAULT_SUBSCRIPTION}
    for scope in _scopes(provider):
        found.setdefault(scope.subscription.lower(), scope.subscription)
    return sorted(found.values())


def groups(provider: Provider, subscription: str) -> list[str]:
    """The resource groups of a subscription."""
    found: dict[str, str] = {}
    for scope in _scopes(provider):
        if scope.group and scope.subscription.lower() == subscription.lower():
            found.setdefault(scope.group.lower(), scope.group)
    return sorted(found.values())


def region_of_group(provider: Provider, subscription: str, group: str) -> str:
    """The region of what is in a group: that of its first resource, which has one (simulator: in Azure a group has a
    region of its own). Empty: of none."""
    start = f"/subscriptions/{subscription}/resourcegroups/{group}/".lower()
    for resource in provider.unit.resources.values():
        if resource.key.startswith(start) and isinstance(resource.document.get("location"), str):
            return str(resource.document["location"])
    return ""


def _scopes(provider: Provider) -> Iterator[ids.ResourceId]:
    return (ids.parse(resource.id) for resource in provider.unit.resources.values())


def peer_asns(provider: Provider, subscription: str) -> list[Choice]:
    """Every PeerAsn of a subscription: one that is not Approved can be picked, and is refused, as in the portal."""
    found = []
    for asn in provider.listed(PeerAsn, subscription):
        approved = asn.state is AsnState.APPROVED
        words = "" if approved else f" · {asn.state.value}: it cannot be chosen yet"
        found.append(Choice(asn.id, f"AS{asn.asn} · {asn.name}{words}"))
    return found


async def facilities(provider: Provider, use: Use) -> list[OrderPlace]:
    """Where connections for a use can be ordered, as the API lists it: the lab's own places first. They stay the same
    as long as the lab runs, so that they are asked for once."""
    known = _PLACES.setdefault(provider, {})
    if use not in known:
        words = USES[use]
        query = {"kind": words.peering_type} | ({"directPeeringType": words.direct_type} if words.direct_type else {})
        answer = await ask(provider, "GET", resource_path(DEFAULT_SUBSCRIPTION, "peeringLocations"), **query)
        known[use] = list(_read(answer.body["value"], words.inner))
    return known[use]


_PLACES: WeakKeyDictionary[Provider, dict[Use, list[OrderPlace]]] = WeakKeyDictionary()


def _read(locations: Iterable[Json], inner: str) -> Iterator[OrderPlace]:
    for location in locations:
        properties = location["properties"]
        for each in properties[inner]["peeringFacilities"]:
            yield OrderPlace(
                each.get("peeringDBFacilityId", 0),
                each.get("exchangeName") or each.get("address") or "",
                properties["peeringLocation"],
                properties.get("azureRegion") or "",
            )


async def facility_names(provider: Provider, use: Use) -> dict[str, str]:
    """Each facility's PeeringDB id with its name."""
    places = await facilities(provider, use)
    return {str(each.number): f"{each.name or 'Facility'} ({each.number})" for each in places}


async def facility_choices(provider: Provider, use: Use, metro: str) -> list[Choice]:
    """The facilities of a metro for a use; all where the metro has none."""
    places = await facilities(provider, use)
    here = [each for each in places if each.metro.lower() == metro.lower()] or places
    return [Choice(str(each.number), f"{each.name or 'Facility'} ({each.number})", group=each.metro) for each in here]


async def metros(provider: Provider) -> list[Choice]:
    """Every metro, the lab's own first."""
    own = own_metros(provider)
    names = dict.fromkeys(own)
    for use in (Use.EXCHANGE, Use.DIRECT):
        names |= dict.fromkeys(each.metro for each in await facilities(provider, use))
    rest = sorted(set(names) - set(own))
    return [
        *(Choice(name, name, group="In this lab") for name in own),
        *(Choice(name, name, group="Elsewhere: no edge of AS8075 is there in this lab") for name in rest),
    ]


def own_metros(provider: Provider) -> list[str]:
    """Where AS8075 has edges in this lab."""
    plan, topology = provider.address_plan, provider.topology
    found = [plan.metro] if plan.exchange is not None else []
    circuits = (choice for peering in topology.peerings if peering.is_direct for choice in topology.choices(peering))
    return list(dict.fromkeys([*found, *(plan.metro_of(choice) for choice in circuits)])) or [plan.metro]


async def regions(provider: Provider) -> list[Choice]:
    """The Azure regions of every metro that is known, the nearest to the lab first."""
    places = [each for use in (Use.EXCHANGE, Use.DIRECT) for each in await facilities(provider, use)]
    own = own_metros(provider)
    near = [each.region for each in places if each.region and each.metro in own]
    rest = sorted({each.region for each in places if each.region} - set(near))
    names = dict.fromkeys([*near, *(["eastus"] if not near else []), *rest])
    return [Choice(name, name) for name in names]


async def region_choice(provider: Provider) -> str:
    """The region that a form begins with."""
    return (await regions(provider))[0].value
