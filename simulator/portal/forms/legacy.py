"""Legacy peerings: which there are, and how one is put into a form that converts it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fastapi import Response

from simulator.azure.model.resources import Json, PeerAsn
from simulator.azure.provider.provider import Provider
from simulator.azure.rest.documents import without_read_only
from simulator.portal.arm import ask, resource_path
from simulator.portal.forms.drafts import Draft, DraftConnection, drafts
from simulator.portal.forms.field import values_of
from simulator.portal.forms.known import DEFAULT_SUBSCRIPTION, own_metros, region_choice, subscriptions
from simulator.portal.forms.peering_fields import CONNECTION_FIELDS, USES, Use, use_of, use_of_document
from simulator.portal.visit import PageError, PortalPage, Visit


@dataclass(frozen=True, slots=True)
class LegacyPeering:
    """One that runs without an Azure resource."""

    document: Json
    """As the API lists it."""
    use: Use
    metro: str

    @property
    def name(self) -> str:
        return str(self.document.get("name") or "")

    @property
    def connections(self) -> list[Json]:
        return list(self.document["properties"][USES[self.use].inner]["connections"])

    @property
    def peer_asn(self) -> str:
        return str(self.document["properties"][USES[self.use].inner]["peerAsn"]["id"])


async def listed(provider: Provider, subscription: str, peer_asn: str = "") -> list[LegacyPeering]:
    """The legacy peerings of a subscription's Approved PeerAsns; of one of them."""
    found = []
    for metro in own_metros(provider):
        for kind in ("Exchange", "Direct"):
            path = resource_path(subscription, "legacyPeerings")
            answer = await ask(provider, "GET", path, peeringLocation=metro, kind=kind)
            found += [LegacyPeering(each, use_of_document(each), metro) for each in answer.body["value"]]
    return [each for each in found if peer_asn.lower() in ("", each.peer_asn.lower())]


async def legacy_documents(provider: Provider, draft: Draft) -> list[LegacyPeering]:
    """What can be converted with a draft: the legacy peerings of its PeerAsn, metro and type that it does not have."""
    asn = provider.found(draft.values.get("peer-asn", "").lower(), PeerAsn)
    if draft.kind != "peering" or asn is None:
        return []
    metro, use = draft.values.get("metro", "").lower(), use_of(draft.values)
    has = {each.identifier for each in draft.connections}
    return [
        each
        for each in await listed(provider, asn.id.split("/")[2], asn.id)
        if each.use is use
        and metro in ("", each.metro.lower())
        and not has >= {one["connectionIdentifier"] for one in each.connections}
    ]


async def take_legacy(provider: Provider, draft: Draft) -> None:
    """Put the legacy connections that a draft may convert into it. They are converted as they run."""
    for each in await legacy_documents(provider, draft):
        _take(draft, each)


def _take(draft: Draft, legacy: LegacyPeering) -> None:
    draft.values["metro"] = legacy.metro
    fields = CONNECTION_FIELDS[legacy.use]
    there = {each.identifier for each in draft.connections}
    for one in legacy.connections:
        if one["connectionIdentifier"] not in there:
            kept = without_read_only(one)
            draft.connections.append(DraftConnection(one["connectionIdentifier"], values_of(fields, kept), kept))


async def show(visit: Visit) -> Response:
    """Every legacy peering of a subscription."""
    known = subscriptions(visit.provider)
    subscription = visit.query("subscription") if visit.query("subscription") in known else known[0]
    return visit.page(
        "forms/legacy.html",
        "Convert a legacy peering",
        crumbs=[("Peerings", "/"), ("Convert a legacy peering", "")],
        lead="A peering that was made before it was an Azure resource is converted as it runs: its sessions stay up, "
        "and nothing about it can be changed in the same step.",
        subscription=subscription,
        subscriptions=known,
        legacy=await listed(visit.provider, subscription),
        asns=visit.provider.listed(PeerAsn, subscription),
        circuits=[each.name for each in visit.provider.topology.peerings if each.legacy],
    )


async def convert(visit: Visit) -> Response:
    """Begin Create a Peering with all that the legacy peering says."""
    subscription = visit.form["subscription"] or DEFAULT_SUBSCRIPTION
    chosen = visit.form["legacy"]
    legacy = next((each for each in await listed(visit.provider, subscription) if each.document["id"] == chosen), None)
    if legacy is None:
        raise PageError(404, "This legacy peering is not there any more: it was converted, or it is gone.")
    words = USES[legacy.use]
    region = await region_choice(visit.provider)
    values = {
        "subscription": subscription,
        "name": legacy.name,
        "peer-asn": legacy.peer_asn,
        "peering-type": words.peering_type,
        "network": words.network,
        "sku": str(legacy.document["sku"]["name"]).split("_")[0],
        "group-choice": "new",
        "region": region,
    }
    draft = drafts(visit.provider).new("peering", values)
    _take(draft, legacy)
    drafts(visit.provider).save(draft)
    return visit.go(f"/create/{draft.id}/basics", f"{legacy.name} is taken over into this form: say where it belongs")


PAGES: Final = (PortalPage("GET", "/legacy", show), PortalPage("POST", "/legacy", convert))
