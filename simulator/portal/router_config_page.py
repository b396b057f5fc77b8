"""What the peer's router needs: the configuration that `turnup config` prints, for the sessions of this peering."""

from __future__ import annotations

import asyncio
from typing import Final
from weakref import WeakKeyDictionary

from fastapi import Response
from markupsafe import escape

from simulator.azure.provider.provider import Provider
from simulator.azure.provider.records import PeeringRecord
from simulator.engine.peer_config import agreed_session, router_config
from simulator.places.errors import LabError
from simulator.portal.peering_frame import PEERING, peering_of, peering_page, sessions
from simulator.portal.visit import PageError, PortalPage, Visit
from simulator.report.text import visible
from simulator.routers.base import RouterConfig
from simulator.routers.configs.registry import FORMATS
from simulator.topology.announce import PrefixList
from simulator.topology.schema import Peer

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
_SHOWN: Final = 300
"""Routes of a configuration that a page shows: a file has them all (simulator)."""
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


def _shortened(peer: Peer) -> tuple[Peer, int]:
    """The same with the first few of its routes, and how many it has; itself where it has no more."""
    entries: list[str | PrefixList] = []
    left, total = _SHOWN, 0
    for entry in peer.announce:
        generated = entry.generate.count if isinstance(entry, PrefixList) and entry.generate is not None else 0
        count = len(entry.prefixes) + generated if isinstance(entry, PrefixList) else 1
        total += count
        if left <= 0:
            continue
        if isinstance(entry, PrefixList) and count > left:
            more = left - len(entry.prefixes)
            generate = entry.generate.model_copy(update={"count": more}) if entry.generate and more > 0 else None
            entry = entry.model_copy(update={"prefixes": entry.prefixes[:left], "generate": generate})
        entries.append(entry)
        left -= count
    return (peer, total) if total <= _SHOWN else (peer.model_copy(update={"announce": entries}), total)


async def _written(visit: Visit, record: PeeringRecord, format_: str, peer: Peer) -> _Text:
    """The peer's side of every session, as it was agreed; of an external router by what really carries them.

    A peer of 20,000 prefixes takes half a second: sessions do not wait for it, and who looks again neither. What it
    announces is of the topology, and stays; the sessions are what can be another.
    """
    provider = visit.provider
    mine, whole = [plan for _, plan in sessions(record)], record.connections[0].record.peer
    if peer.is_external and peer.name in provider.versions:
        return await asyncio.to_thread(lambda: _text(format_, provider.network.peers.configuration(peer)))
    agreed = tuple(agreed_session(plan, provider.topology.microsoft.asn) for plan in mine)
    key = (peer.name, peer is whole, format_, agreed)
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
    whole = record.connections[0].record.peer
    peer, routes = _shortened(whole)
    text, why = await _written(visit, record, format_, peer)
    return peering_page(
        visit,
        record,
        "configuration",
        "router_config.html",
        format=format_,
        formats=[(name, _NAMES.get(name, name)) for name in FORMATS],
        text=escape(visible(text)),  # whole: what is cut cannot be pasted
        why=why,
        routes=routes,
        shown=_SHOWN if peer is not whole else 0,
        plans=[plan for _, plan in sessions(record)],
        microsoft=visit.provider.topology.microsoft.asn,
    )


async def download(visit: Visit) -> Response:
    record = peering_of(visit)
    format_ = _format(visit, record)
    text, why = await _written(visit, record, format_, record.connections[0].record.peer)
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
