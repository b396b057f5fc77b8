"""What the peer's router needs: the configuration that `turnup config` prints, for the sessions of this peering."""

from __future__ import annotations

import asyncio
from typing import Final
from weakref import WeakKeyDictionary

from fastapi import Response

from simulator.azure.provider.provider import Provider
from simulator.azure.provider.records import PeeringRecord
from simulator.engine.peer_config import agreed_session, router_config
from simulator.places.errors import LabError
from simulator.portal.peering_frame import PEERING, peering_of, peering_page, sessions
from simulator.portal.visit import PageError, PortalPage, Visit
from simulator.routers.base import RouterConfig
from simulator.routers.configs.registry import FORMATS

_NAMES: Final = {
    "bird": "BIRD 2",
    "frr": "FRRouting",
    "openbgpd": "OpenBGPD",
    "gobgp": "GoBGP",
    "exabgp": "ExaBGP",
    "junos": "Junos",
    "iosxr": "IOS XR",
    "ios": "IOS and IOS XE",
    "eos": "Arista EOS",
    "routeros": "MikroTik RouterOS 7",
    "vyos": "VyOS",
}


_Text = tuple[str, str]
"""(text, why there is no text)."""
_KEPT: Final = 8
"""Texts of a lab, the last that were asked for."""
_TEXTS: WeakKeyDictionary[Provider, dict[object, _Text]] = WeakKeyDictionary()


def _text(format_: str, config: RouterConfig) -> _Text:
    try:
        return FORMATS[format_](config), ""
    except LabError as error:
        return "", str(error)


def _format(visit: Visit, record: PeeringRecord) -> str:
    peer = record.connections[0].record.peer
    wanted = visit.query("format") or peer.router_choice.format or peer.router_kind
    return wanted if wanted in FORMATS else "bird"


async def _written(visit: Visit, record: PeeringRecord, format_: str) -> _Text:
    """The peer's side of every session, as it was agreed; of an external router by what really carries them.

    A peer of 20,000 prefixes takes half a second: sessions do not wait for it, and who looks again neither. What it
    announces is of the topology, and stays; the sessions are what can be another.
    """
    provider = visit.provider
    mine = [plan for _, plan in sessions(record)]
    peer = record.connections[0].record.peer
    if peer.is_external and peer.name in provider.versions:
        return await asyncio.to_thread(_text, format_, provider.network.peers.configuration(peer))
    agreed = tuple(agreed_session(plan, provider.topology.microsoft.asn) for plan in mine)
    key = (peer.name, format_, agreed)
    kept = _TEXTS.setdefault(provider, {})
    found = kept.pop(key, None)
    if found is None:
        found = await asyncio.to_thread(lambda: _text(format_, router_config(peer, agreed, mine)))
    kept[key] = found
    while len(kept) > _KEPT:
        del kept[next(iter(kept))]
    return found


async def configuration(visit: Visit) -> Response:
    record = peering_of(visit)
    format_ = _format(visit, record)
    text, why = await _written(visit, record, format_)
    return peering_page(
        visit,
        record,
        "configuration",
        "router_config.html",
        format=format_,
        formats=[(name, _NAMES.get(name, name)) for name in FORMATS],
        text=text,
        why=why,
        peer=record.connections[0].record.peer,
        plans=[plan for _, plan in sessions(record)],
        microsoft=visit.provider.topology.microsoft.asn,
    )


async def download(visit: Visit) -> Response:
    record = peering_of(visit)
    format_ = _format(visit, record)
    text, why = await _written(visit, record, format_)
    if why:
        raise PageError(409, why)
    headers = {
        "Content-Disposition": f'attachment; filename="{record.name}.{format_}.conf"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return Response(text.encode(), 200, headers, media_type="text/plain; charset=utf-8")


PAGES: Final = (
    PortalPage("GET", f"{PEERING}/configuration", configuration),
    PortalPage("GET", f"{PEERING}/configuration/file", download),
)
