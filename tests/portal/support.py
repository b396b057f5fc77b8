"""A lab with peerings for the portal's tests, and what a page shows as plain text."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from html import unescape
from typing import Any

from simulator.azure.model.resources import PeerAsn
from simulator.azure.provider.provider import Provider
from simulator.connection.states import ConnectionState
from simulator.portal.arm import ask, resource_path
from simulator.portal.csrf import COOKIE
from tests.serving.support import Served

IPV4, IPV6 = "206.126.239.200", "2001:504:0:2:0:6:4496:1"
ASN_PATH = resource_path("lab", "peerAsns", "contoso")
PAGE = "/peerings/lab/rg/contoso-ashburn"


def text_of(html: str) -> str:
    """What a reader sees: no tags, one blank between words."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", html))).strip()


async def put_asn(
    provider: Provider, asn: int = 64496, name: str = "contoso", peer: str = "Contoso", *, approved: bool = True
) -> None:
    contacts = [{"role": "Noc", "email": "noc@contoso.example", "phone": "+1"}]
    properties = {"peerAsn": asn, "peerName": peer, "peerContactDetail": contacts}
    path = resource_path("lab", "peerAsns", name)
    await ask(provider, "PUT", path, {"properties": properties})
    made = provider.found(path.lower(), PeerAsn)
    if approved and made is not None and made.pending:
        provider.asns.approve(made)


def exchange_document(*sessions: dict[str, Any], asn: str = ASN_PATH) -> dict[str, Any]:
    connections = [{"peeringDBFacilityId": 1, "bgpSession": session} for session in sessions]
    return {
        "sku": {"name": "Basic_Exchange_Free"},
        "kind": "Exchange",
        "location": "eastus",
        "properties": {
            "peeringLocation": "Ashburn",
            "exchange": {"peerAsn": {"id": asn}, "connections": connections},
        },
    }


BOTH_FAMILIES = {"peerSessionIPv4Address": IPV4, "peerSessionIPv6Address": IPV6}


async def put_peering(provider: Provider, name: str = "contoso-ashburn", *sessions: dict[str, Any]) -> None:
    document = exchange_document(*(sessions or (BOTH_FAMILIES,)))
    await ask(provider, "PUT", resource_path("lab", "peerings", name, group="rg"), document)


async def until(provider: Provider, holds: Callable[[], bool]) -> None:
    """Wait, event by event."""
    async with asyncio.timeout(60):
        while not holds():
            await provider.log.next_event(1)


async def until_all(provider: Provider, state: ConnectionState) -> None:
    """Until every connection is in a state."""
    await until(provider, lambda: all(record.state is state for record in provider.control.records.values()))


async def send(lab: Served, path: str, **fields: str | list[str]) -> Any:
    """A form, as a browser of this portal sends it."""
    if COOKIE not in lab.client.cookies:
        await lab.client.get("/")
    return await lab.client.post(path, data={"csrf": lab.client.cookies[COOKIE], **fields})
