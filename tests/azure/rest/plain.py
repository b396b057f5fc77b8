"""Plain JSON over the ASGI application, without a socket: for what no SDK would send."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx

from simulator.azure.provider.provider import Provider
from simulator.azure.provider.settings import Settings
from simulator.azure.rest.app import ArmApp
from simulator.azure.store.store import Store
from simulator.places.link import LinkKind
from tests.lab_support import eventually
from tests.topologies import build, document

Json = Any
AT_ONCE = Settings(removal=0, prefix_validation=0)
ROOT = "/subscriptions/lab/providers/Microsoft.Peering"
GROUP = "/subscriptions/lab/resourceGroups/rg/providers/Microsoft.Peering"
PEER_ASN = f"{ROOT}/peerAsns/contoso"
NEWEST = "2025-05-01"


class PlainLab:
    """A running lab and a client that sends whatever it is given."""

    def __init__(self, provider: Provider, client: httpx.AsyncClient) -> None:
        self.provider = provider
        self.client = client

    async def call(self, verb: str, path: str, body: Json = None, version: str = NEWEST) -> httpx.Response:
        """One request. Without a body where it is None."""
        answer = await self.client.request(verb, path, json=body, params={"api-version": version})
        assert answer.status_code < 500, (verb, path, answer.text)
        return answer

    async def put(self, path: str, body: Json, version: str = NEWEST) -> httpx.Response:
        return await self.call("PUT", path, body, version)

    async def get(self, path: str, version: str = NEWEST) -> Json:
        return (await self.call("GET", path, version=version)).json()

    async def asn(self, number: int = 64496, name: str = "contoso") -> None:
        """An Approved PeerAsn."""
        path = f"{ROOT}/peerAsns/{name}"
        made = await self.put(path, {"properties": {"peerAsn": number, "peerName": name}})
        assert made.status_code in (200, 201), made.text
        await eventually(lambda: self.get(path), lambda asn: asn["properties"]["validationState"] == "Approved")

    async def active(self, path: str) -> Json:
        """Wait until every connection of a peering is Active."""
        return await eventually(lambda: self.get(path), lambda peering: set(states(peering)) == {"Active"}, 30)


def connections(peering: Json) -> list[Json]:
    properties = peering["properties"]
    return list((properties.get("exchange") or properties["direct"])["connections"])


def states(peering: Json) -> list[str]:
    return [each["connectionState"] for each in connections(peering)]


@contextlib.asynccontextmanager
async def plain_lab(
    directory: Path, found: dict[str, Any] | None = None, settings: Settings = AT_ONCE
) -> AsyncIterator[PlainLab]:
    """The shipped exchange, or another topology, behind the API."""
    store = Store.open(f"sqlite:///{directory}/turnup.db")
    try:
        topology = build(document() if found is None else found)
        async with Provider(topology, LinkKind.LOOPBACK, store, settings) as provider:
            transport = httpx.ASGITransport(ArmApp(provider))
            async with httpx.AsyncClient(transport=transport, base_url="http://lab") as client:
                yield PlainLab(provider, client)
            assert not provider.failure.done(), provider.failure
    finally:
        store.close()


# --- documents that are taken ---


def exchange_body(**session: Any) -> Json:
    """Of the shipped exchange."""
    connection = {
        "peeringDBFacilityId": 1,
        "connectionIdentifier": "CE495334-0E94-4E51-8164-8116D6CD284D",
        "bgpSession": {
            "peerSessionIPv4Address": "206.126.239.200",
            "peerSessionIPv6Address": "2001:504:0:2:0:6:4496:1",
            **session,
        },
    }
    inner = {"peerAsn": {"id": PEER_ASN}, "connections": [connection]}
    return peering_body("Exchange", "Basic_Exchange_Free", inner)


def route_server_body(**connection: Any) -> Json:
    """An exchange with route server, at the shipped exchange."""
    whole = {
        "peeringDBFacilityId": 1,
        "connectionIdentifier": "5F4CB5C7-6B43-4444-9338-9ABC72606C16",
        "bandwidthInMbps": 10000,
        "sessionAddressProvider": "Peer",
        "useForPeeringService": True,
        "bgpSession": {"peerSessionIPv4Address": "206.126.239.200"},
        **connection,
    }
    inner = {"peerAsn": {"id": PEER_ASN}, "directPeeringType": "IxRs", "connections": [whole]}
    return peering_body("Direct", "Premium_Direct_Free", inner)


def direct_body(type_: str = "Edge", **connection: Any) -> Json:
    """A private link of the topology `mixed`."""
    whole = {
        "peeringDBFacilityId": 99999,
        "connectionIdentifier": "8AB00818-D533-4504-A25A-03A17F61201C",
        "bandwidthInMbps": 10000,
        "sessionAddressProvider": "Peer",
        "bgpSession": {"sessionPrefixV4": "198.51.100.4/30"},
        **connection,
    }
    inner = {"peerAsn": {"id": PEER_ASN}, "directPeeringType": type_, "connections": [whole]}
    return peering_body("Direct", "Basic_Direct_Free", inner)


def peering_body(kind: str, sku: str, inner: Json) -> Json:
    return {
        "sku": {"name": sku},
        "kind": kind,
        "location": "eastus",
        "properties": {"peeringLocation": "Ashburn", kind.lower(): inner},
    }
