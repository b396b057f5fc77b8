"""exabgp.conf, for ExaBGP 5. It is no router: it has no import policy and no prefix limit, and forwards nothing."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

from simulator.places.endpoint import BGP_PORT
from simulator.places.errors import LabError
from simulator.routers.base import RouterConfig, RouterSession
from simulator.routers.configs import model
from simulator.session.messages import Family
from simulator.topology.route import RouterRoute
from simulator.topology.sayable import require
from simulator.wire.path_attributes import AsSegment

_FAMILY = {Family.IPV4: "ipv4 unicast", Family.IPV6: "ipv6 unicast"}
_MD5_KEY_MAX = 80


def events(lab: Path) -> Path:
    """Where the lab's helper writes what ExaBGP tells it."""
    return lab / "events.jsonl"


def render(config: RouterConfig, lab: Path | None = None) -> str:
    """The whole file. Raises LabError for what ExaBGP has no way to write."""
    require("exabgp", config.routes)
    return "\n".join(_lines(config, lab)) + "\n"


def _lines(config: RouterConfig, lab: Path | None) -> Iterator[str]:
    yield f"# {config.name}, AS{config.asn}: the peer's side of its BGP sessions with Microsoft. Written by turnup"
    yield "# out: the routes below and nothing else, with ourselves as next hop"
    yield f"# in:  ExaBGP takes whatever comes, AS{model.NEVER} in the path included, without a limit. It puts"
    yield "#      nothing anywhere: the reader of its API has to filter and to count"
    yield from (f"# {line}" for line in model.customers(config))
    yield "# it dials and does not listen: of two calls that cross, ExaBGP may close one that the other end has up"
    if lab is not None:
        yield ""
        yield from _helper(events(lab))
    for session in config.sessions:
        yield ""
        yield from _neighbor(config, session, lab)


def _helper(path: Path) -> Iterator[str]:
    if re.search(r"['\"\\\n]", str(path)):
        raise LabError(f"{path}: ExaBGP cannot write a path with quotes or backslashes")
    yield "# lab only: writes every event to a file; its output stays open and silent: what it said were commands"
    yield "process events {"
    yield f"\trun /bin/sh -c 'exec cat 3>&1 >$0' '{path}';"
    yield "\tencoder json;"
    yield "\trespawn false;"
    yield "}"


def _neighbor(config: RouterConfig, session: RouterSession, lab: Path | None) -> Iterator[str]:
    yield f"# {model.label(session)}"
    yield f"neighbor {session.remote.host} {{"
    yield f"\trouter-id {config.router_id};"
    yield f"\tlocal-address {session.local_address};"
    yield f"\tlocal-as {config.asn};"
    yield f"\tpeer-as {session.remote_as};"
    yield f"\thold-time {config.hold_time};"
    if session.remote.port != BGP_PORT:
        yield "\t# lab only: where the edge listens"
        yield f"\tconnect {session.remote.port};"
    if session.gtsm:
        yield "\tincoming-ttl 255;"
        yield "\toutgoing-ttl 255;"
    if session.md5 is not None:
        yield from _md5(session, session.md5)
    yield f"\tfamily {{ {_FAMILY[session.family]}; }}"
    yield "\tcapability { route-refresh enable; }"
    yield "\tadj-rib-in false;"
    yield "\tadj-rib-out true;"
    if lab is not None:
        yield "\t# lab only: tell the helper everything"
        yield "\tapi {"
        yield "\t\tprocesses [ events ];"
        yield "\t\tneighbor-changes;"
        yield "\t\tfsm;"
        yield "\t\treceive { parsed; update; notification; }"
        yield "\t\tsend { parsed; update; notification; }"
        yield "\t}"
    yield "\tstatic {"
    for route in model.own(config, session.family):
        hop = route.next_hop or session.local_address
        yield f"\t\troute {route.prefix} next-hop {hop}{_attributes(config, route)};"
    yield "\t}"
    yield "}"


def _md5(session: RouterSession, key: str) -> Iterator[str]:
    if not 1 <= len(key.encode()) <= _MD5_KEY_MAX:
        raise LabError(f"session {session.name}: ExaBGP takes an MD5 key of 1 to {_MD5_KEY_MAX} octets")
    # Quoting cannot express every key, base64 can.
    if re.fullmatch(r"[A-Za-z0-9_.-]+", key):
        yield f'\tmd5-password "{key}";'
    else:
        yield "\tmd5-base64 true;"
        yield f'\tmd5-password "{b64encode(key.encode()).decode()}";'


def _attributes(config: RouterConfig, route: RouterRoute) -> str:
    text = ""
    if route.as_path:
        # With a path of its own ExaBGP does not add its AS.
        text += f" as-path {_path(route, config.asn)}"
    if route.origin:
        text += f" origin {model.ORIGINS[route.origin]}"
    if route.atomic_aggregate:
        text += " atomic-aggregate"
    if route.aggregator is not None:
        text += f" aggregator ( {route.aggregator[0]}:{route.aggregator[1]} )"
    if route.extended_communities:
        text += f" extended-community [ {' '.join(f'0x{value.hex()}' for value in route.extended_communities)} ]"
    if route.otc is not None:
        text += f" attribute [ 0x23 0xc0 0x{route.otc:08x} ]"
    for flags, code, value in route.unknown:
        text += f" attribute [ 0x{code:02x} 0x{flags:02x} 0x{value.hex()} ]"
    if route.med is not None:
        text += f" med {route.med}"
    for name, communities in (("community", route.communities), ("large-community", route.large_communities)):
        for community in communities:
            if not re.fullmatch(r"[A-Za-z0-9:_-]+", community):
                raise LabError(f"route {route.prefix}: {community!r} is no community")
        if communities:
            text += f" {name} [ {' '.join(communities)} ]"
    return text


def _path(route: RouterRoute, own: int) -> str:
    """`[ 64496 64500 ] ( 64501 64502 )`: an AS_SET is in parentheses."""
    text = f"[ {own}"
    sequence = True
    for part in route.as_path:
        if isinstance(part, AsSegment):
            text += (" ]" if sequence else "") + f" ( {' '.join(map(str, part.asns))} )"
        else:
            text += f" {part}" if sequence else f" [ {part}"
        sequence = not isinstance(part, AsSegment)
    return text + (" ]" if sequence else "")
