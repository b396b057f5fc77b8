"""frr.conf (or bgpd.conf), for FRR."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from simulator.places.endpoint import BGP_PORT
from simulator.places.errors import LabError
from simulator.routers.base import RouterConfig, RouterSession
from simulator.routers.configs import model
from simulator.session.messages import Family
from simulator.topology.route import RouterRoute
from simulator.topology.sayable import require

_AFI = {Family.IPV4: "ipv4", Family.IPV6: "ipv6"}
_LIST = {Family.IPV4: "ip", Family.IPV6: "ipv6"}

_KEPT_AT_HOME = {"no-export": "65535:65281", "no-advertise": "65535:65282", "local-AS": "65535:65283"}
"""A route that has one of these before the export policy is never sent: they are added by it."""


def render(config: RouterConfig, lab: Path | None = None) -> str:
    """The whole file. Raises LabError for what FRR has no way to write."""
    require("frr", config.routes)
    return "\n".join(_lines(config, lab)) + "\n"


def _lines(config: RouterConfig, lab: Path | None) -> Iterator[str]:
    maps, tags, networks = _originated(config.routes, "ORIGINATE")
    yield from (f"! {line}" for line in model.heading(config))
    for line in model.customers(config):
        yield f"! {line}"
        yield "!   its network line is for the rehearsal: leave it out where that session brings it, with set tag 1"
    yield "frr defaults traditional"
    yield "!"
    yield "! what each route of our own is originated with; maps first: one that a neighbor waits for comes 5 s late"
    yield from _maps(maps)
    yield "!"
    yield f"bgp as-path access-list MICROSOFT-NEVER seq 5 permit _{model.NEVER}_"
    for family in Family:
        yield "!"
        yield from _import(config, family)
    yield "!"
    yield "! out goes what has a tag: no neighbor can give one, only this router"
    for tag in sorted(tags):
        yield from _export(tag)
    yield "route-map TO-MICROSOFT deny 100"
    yield "!"
    yield f"router bgp {config.asn}"
    yield f" bgp router-id {config.router_id}"
    yield f" timers bgp {model.keepalive(config)} {config.hold_time}"
    yield " ! each session only has its own family"
    yield " no bgp default ipv4-unicast"
    yield " ! a network is announced without a route to it: there need be nothing behind this router"
    yield " no bgp network import-check"
    for session in config.sessions:
        yield from _neighbor(session, lab)
    for family in Family:
        yield " !"
        yield f" address-family {_AFI[family]} unicast"
        yield from networks[family]
        for session in model.sessions(config, family):
            yield from _activation(session)
        yield " exit-address-family"


def render_change(config: RouterConfig, more: Iterable[RouterRoute], gone: Iterable[str], number: int) -> str:
    """The lines for a bgpd that runs, so that it announces other routes; `number`: of the change, for its names.

    Raises LabError for what FRR has no way to write.
    """
    routes = tuple(more)
    require("frr", routes)
    maps, tags, networks = _originated(routes, f"ORIGINATE-{number}")
    lines = [*_maps(maps), *(line for tag in sorted(tags) for line in _export(tag)), f"router bgp {config.asn}"]
    for family in Family:
        withdrawn = [f"  no network {prefix}" for prefix in gone if model.family_of(prefix) is family]
        lines += [f" address-family {_AFI[family]} unicast", *withdrawn, *networks[family], " exit-address-family"]
    return "\n".join(lines) + "\n"


_Networks = dict[Family, list[str]]


def _originated(routes: Iterable[RouterRoute], names: str) -> tuple[dict[tuple[str, ...], str], set[int], _Networks]:
    """The maps by their entries, the tags that the export policy lets out, and the network lines."""
    maps: dict[tuple[str, ...], str] = {}
    tags: set[int] = set()
    networks: _Networks = {family: [] for family in Family}
    for route in routes:
        tag, settings = _attributes(route)
        tags.add(tag)
        name = maps.setdefault((f"set tag {tag}", *settings), f"{names}-{len(maps) + 1}")
        networks[model.family_of(route.prefix)].append(f"  network {route.prefix} route-map {name}")
    return maps, tags, networks


def _maps(maps: dict[tuple[str, ...], str]) -> Iterator[str]:
    for entries, name in maps.items():
        yield f"route-map {name} permit 10"
        yield from (f" {entry}" for entry in entries)


def _export(tag: int) -> Iterator[str]:
    yield f"route-map TO-MICROSOFT permit {tag}"
    yield f" match tag {tag}"
    kept = [name for bit, name in enumerate(_KEPT_AT_HOME) if tag - 1 & 1 << bit]
    if kept:
        yield f" set community {' '.join(kept)} additive"


def _import(config: RouterConfig, family: Family) -> Iterator[str]:
    v, word = model.suffix(family), _LIST[family]
    number = 0
    for refusal in model.refusals(config, family):
        number += 5
        longer = f" le {model.BITS[family]}" if refusal.longer and not _is_host(refusal.prefix, family) else ""
        yield f"! {refusal.why}"
        yield f"{word} prefix-list REFUSED-{v} seq {number} permit {refusal.prefix}{longer}"
    yield "! too specific (RFC 7454, 6.1.3)"
    too_long = f"{model.DEFAULT[family]} ge {model.LONGEST[family] + 1}"
    yield f"{word} prefix-list REFUSED-{v} seq {number + 5} permit {too_long}"
    yield f"route-map FROM-MICROSOFT-{v} deny 10"
    yield " match as-path MICROSOFT-NEVER"
    yield f"route-map FROM-MICROSOFT-{v} deny 20"
    yield f" match {word} address prefix-list REFUSED-{v}"
    yield f"route-map FROM-MICROSOFT-{v} permit 30"


def _is_host(prefix: str, family: Family) -> bool:
    return prefix.endswith(f"/{model.BITS[family]}")


def _neighbor(session: RouterSession, lab: Path | None) -> Iterator[str]:
    peer = f" neighbor {session.remote_address}"
    yield " !"
    yield f"{peer} remote-as {session.remote_as}"
    yield f"{peer} description {model.label(session)}"
    yield f"{peer} update-source {session.local_address}"
    if session.route_server:
        yield " ! a route server is not in the path (RFC 7947, 2.2.2)"
        yield f" no{peer} enforce-first-as"
    else:
        yield f"{peer} enforce-first-as"
    if session.md5 is not None:
        if not re.fullmatch(r"[!-~]{1,80}", session.md5):
            raise LabError(f"session {session.name}: FRR cannot write an MD5 key with blanks or beyond ASCII")
        yield f"{peer} password {session.md5}"
    if session.gtsm:
        yield f"{peer} ttl-security hops 1"
    if session.remote.port != BGP_PORT:
        yield " ! lab only: where the edge listens"
        yield f"{peer} port {session.remote.port}"
    if lab is not None:
        yield " ! lab only: dial, redial and announce at once"
        yield f"{peer} timers connect 1"
        yield f"{peer} advertisement-interval 0"


def _activation(session: RouterSession) -> Iterator[str]:
    peer = f"  neighbor {session.remote_address}"
    yield f"{peer} activate"
    yield f"{peer} next-hop-self"
    yield f"{peer} route-map FROM-MICROSOFT-{model.suffix(session.family)} in"
    yield f"{peer} route-map TO-MICROSOFT out"
    if session.max_prefixes is not None:
        yield f"{peer} maximum-prefix {session.max_prefixes}"


def _attributes(route: RouterRoute) -> tuple[int, list[str]]:
    """The route's tag, which tells the export policy what to add, and what it is originated with."""
    tag = 1
    settings: list[str] = []
    if route.as_path:
        settings.append(f"set as-path prepend {' '.join(map(str, route.asns))}")
    if route.origin:
        settings.append(f"set origin {model.ORIGINS[route.origin]}")
    if route.aggregator is not None:
        settings.append(f"set aggregator as {route.aggregator[0]} {route.aggregator[1]}")
    if route.atomic_aggregate:
        settings.append("set atomic-aggregate")
    communities = []
    for community in route.communities:
        numbers = model.numbers(community, 2, route)
        if numbers in _KEPT_AT_HOME.values():
            tag += 1 << list(_KEPT_AT_HOME.values()).index(numbers)
        else:
            communities.append(numbers)
    if communities:
        settings.append(f"set community {' '.join(communities)}")
    if route.large_communities:
        large = " ".join(model.numbers(community, 3, route) for community in route.large_communities)
        settings.append(f"set large-community {large}")
    for kind in ("rt", "soo"):
        values = [text for found, text in model.targets(route) if found == kind]
        if values:
            settings.append(f"set extcommunity {kind} {' '.join(values)}")
    if route.med is not None:
        settings.append(f"set metric {route.med}")
    return tag, settings
