"""bird.conf, for BIRD 2."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from simulator.places.endpoint import BGP_PORT
from simulator.places.errors import LabError
from simulator.routers.base import RouterConfig, RouterSession
from simulator.routers.configs import model
from simulator.session.messages import Family
from simulator.topology.route import RouterRoute
from simulator.topology.sayable import require

_CHANNELS = {Family.IPV4: "ipv4", Family.IPV6: "ipv6"}
_MED = "turnup_med"


def render(config: RouterConfig, lab: Path | None = None) -> str:
    """The whole file. Raises LabError for what BIRD has no way to write."""
    require("bird", config.routes)
    return "\n".join(_lines(config, lab)) + "\n"


def protocol_names(sessions: Sequence[RouterSession]) -> dict[str, str]:
    """Session name to protocol name: what BIRD's symbols do not allow is replaced, what then collides is numbered."""
    names: dict[str, str] = {}
    for session in sessions:
        stem = name = "bgp_" + re.sub(r"[^A-Za-z0-9_.:-]", "_", session.name)[:48]
        number = 1
        while name in names.values():
            number += 1
            name = f"{stem}_{number}"
        names[session.name] = name
    return names


def _lines(config: RouterConfig, lab: Path | None) -> Iterator[str]:
    names = protocol_names(config.sessions)
    yield from (f"# {line}" for line in model.heading(config))
    for line in model.customers(config):
        yield f"# {line}"
        yield "#   its static route below is for the rehearsal: leave it out where that session brings it"
    if lab is not None:
        yield "# lab only: what BIRD says goes to the lab, with times to the microsecond"
        yield "log stderr all;"
        yield 'timeformat protocol "%Y-%m-%dT%H:%M:%S.%3f";'
    yield f"router id {config.router_id};"
    if any(route.med is not None for route in config.routes):
        yield "# BIRD sends an external neighbor only a MED that the export filter set"
        yield f"attribute int {_MED};"
    yield ""
    yield "# learns the interfaces and their addresses"
    yield "protocol device { }"
    if lab is not None:
        yield ""
        yield "# lab only: what is learned goes into the kernel, for the host behind this router"
        for family in Family:
            v = model.suffix(family).lower()
            channel = f"{_CHANNELS[family]} {{ import none; export where source = RTS_BGP; }};"
            yield f"protocol kernel kernel_{v} {{ {channel} }}"
    for family in Family:
        yield ""
        yield from _policy(config, family)
    for session in config.sessions:
        yield ""
        yield from _session(config, session, names[session.name], lab)


def _policy(config: RouterConfig, family: Family) -> Iterator[str]:
    v, routes = model.suffix(family).lower(), model.own(config, family)
    yield f"# the {family.label} routes that this router originates; unreachable: what is more specific lies behind it"
    yield f"protocol static static_{v} {{"
    yield f"\t{_CHANNELS[family]};"
    for route in routes:
        yield f"\troute {route.prefix} unreachable{_attributes(route)};"
    yield "}"
    if not model.sessions(config, family):
        return
    yield f"filter from_microsoft_{v} {{"
    yield f"\tif bgp_path ~ [= * {model.NEVER} * =] then reject;"
    yield f"\tif net.len > {model.LONGEST[family]} then reject;"
    for refusal in model.refusals(config, family):
        yield f"\tif net ~ [ {refusal.prefix}{'+' if refusal.longer else ''} ] then reject;\t# {refusal.why}"
    yield "\taccept;"
    yield "}"
    if routes:
        yield f"define OWN_{v.upper()} = ["
        yield ",\n".join(f"\t{route.prefix}" for route in routes)
        yield "];"
    yield f"filter to_microsoft_{v} {{"
    if routes:
        yield f"\tif !(net ~ OWN_{v.upper()}) then reject;"
        if any(route.med is not None for route in config.routes):
            yield f"\tif defined({_MED}) then bgp_med = {_MED};"
        yield "\taccept;"
    else:
        yield f"\treject;\t# there is no {family.label} prefix of our own"
    yield "}"


def _attributes(route: RouterRoute) -> str:
    statements = [f"bgp_path.prepend({asn});" for asn in reversed(route.asns)]
    if route.origin:
        statements.append(f"bgp_origin = ORIGIN_{model.ORIGINS[route.origin].upper()};")
    for community in route.communities:
        statements.append(f"bgp_community.add(({model.numbers(community, 2, route).replace(':', ', ')}));")
    for community in route.large_communities:
        statements.append(f"bgp_large_community.add(({model.numbers(community, 3, route).replace(':', ', ')}));")
    for value in route.extended_communities:
        statements.append(f"bgp_ext_community.add((generic, 0x{value[:4].hex()}, 0x{value[4:].hex()}));")
    if route.otc is not None:
        statements.append(f"bgp_otc = {route.otc};")
    if route.med is not None:
        statements.append(f"{_MED} = {route.med};")
    return f" {{ {' '.join(statements)} }}" if statements else ""


def _session(config: RouterConfig, session: RouterSession, name: str, lab: Path | None) -> Iterator[str]:
    v = model.suffix(session.family).lower()
    yield f"protocol bgp '{name}' {{"
    yield f"\tlocal {session.local_address} as {config.asn};"
    yield f"\tneighbor {session.remote.host} as {session.remote_as};"
    if session.remote.port != BGP_PORT:
        yield "\t# lab only: where the edge listens"
        yield f"\tneighbor port {session.remote.port};"
    yield f"\thold time {config.hold_time};"
    if session.route_server:
        yield "\t# a route server is not in the path (RFC 7947, 2.2.2)"
    yield f"\tenforce first as {'off' if session.route_server else 'on'};"
    if lab is not None:
        yield "\t# lab only: dial and redial after a second"
        yield "\tconnect delay time 1;"
        yield "\tconnect retry time 1;"
        yield "\terror wait time 1, 1;"
    if session.md5 is not None:
        if '"' in session.md5 or not session.md5.isprintable():
            raise LabError(f"session {session.name}: BIRD cannot write an MD5 key with quotes or control characters")
        yield f'\tpassword "{session.md5}";'
    if session.gtsm:
        yield "\tttl security on;"
    yield f"\t{_CHANNELS[session.family]} {{"
    yield f"\t\timport filter from_microsoft_{v};"
    if session.max_prefixes is not None:
        yield f"\t\timport limit {session.max_prefixes} action disable;"
    yield f"\t\texport filter to_microsoft_{v};"
    yield "\t\tnext hop self;"
    yield "\t};"
    yield "}"
