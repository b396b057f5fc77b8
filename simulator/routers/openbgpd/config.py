"""bgpd.conf, for OpenBGPD."""

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

_FAMILY = {Family.IPV4: "IPv4", Family.IPV6: "IPv6"}
_INET = {Family.IPV4: "inet", Family.IPV6: "inet6"}
_MD5_KEY_MAX = 79


def render(config: RouterConfig, lab: Path | None = None) -> str:
    """The whole file. Raises LabError for what OpenBGPD has no way to write."""
    require("openbgpd", config.routes)
    return "\n".join(_lines(config, lab)) + "\n"


def control_socket(lab: Path) -> Path:
    """Where bgpctl asks a bgpd of the lab."""
    return lab / "bgpd.sock"


def lab_socket(lab: Path) -> str:
    """The line that a file needs for the lab to be able to ask: the last `socket` of a file counts."""
    return f'# lab only: where bgpctl asks\nsocket "{control_socket(lab)}"'


def _lines(config: RouterConfig, lab: Path | None) -> Iterator[str]:
    groups = _groups(config.routes)
    yield from (f"# {line}" for line in model.heading(config))
    yield "# bgpd refuses a file that others may read: chmod 0600"
    yield f"AS {config.asn}"
    yield f"router-id {config.router_id}"
    yield f"holdtime {config.hold_time}"
    if lab is not None:
        yield "# lab only: redial after a second, and put what is learned into no kernel"
        yield "connect-retry 1"
        yield "fib-update no"
        yield lab_socket(lab)
    yield ""
    yield "# the routes that this router originates, by their attributes"
    for number, routes in enumerate(groups.values(), 1):
        yield f"prefix-set routes-{number} {{"
        yield from (f"\t{route.prefix}" for route in routes)
        yield "}"
    for number, (path, _) in enumerate(groups, 1):
        if path:
            yield f"# routes-{number} have an AS path behind ours: they are a customer's, to be learned from it"
            if lab is not None:
                yield "# lab only: bgpctl network mrt file routes.mrt"
        else:
            yield f"network prefix-set routes-{number}"
    if config.sessions:
        yield ""
        yield 'group "microsoft" {'
        for session in config.sessions:
            yield from (f"\t{line}" for line in _neighbor(config, session))
        yield "}"
    yield ""
    yield from _filters(config, groups)


def _filters(config: RouterConfig, groups: dict[tuple[bool, tuple[str, ...]], list[RouterRoute]]) -> Iterator[str]:
    yield "# the last rule that matches decides (RFC 8212: without any, bgpd takes and sends nothing)"
    yield "deny from any"
    yield "deny to any"
    if config.sessions:
        yield 'allow from group "microsoft"'
        yield f"deny from any AS {model.NEVER}"
        for family in Family:
            yield f"deny from any {_INET[family]} prefixlen > {model.LONGEST[family]}"
            for refusal in model.refusals(config, family):
                longer = " or-longer" if refusal.longer else ""
                yield f"deny from any prefix {refusal.prefix}{longer}\t# {refusal.why}"
        for number in range(1, len(groups) + 1):
            yield f'allow to group "microsoft" prefix-set routes-{number}'
        yield "match to any set nexthop self"
    yield "# on the way out: bgpd itself keeps back a route that has no-export before, and sends only a MED set here"
    for number, (_, settings) in enumerate(groups, 1):
        if settings:
            yield f"match to any prefix-set routes-{number} set {{ {' '.join(settings)} }}"


def _groups(routes: Sequence[RouterRoute]) -> dict[tuple[bool, tuple[str, ...]], list[RouterRoute]]:
    """Routes by what bgpd.conf says of them: whether they have an AS path of their own, and their attribute set."""
    groups: dict[tuple[bool, tuple[str, ...]], list[RouterRoute]] = {}
    for route in routes:
        settings = [f"community {model.numbers(community, 2, route)}" for community in route.communities]
        settings += [f"large-community {model.numbers(community, 3, route)}" for community in route.large_communities]
        settings += [f"ext-community {kind} {text}" for kind, text in model.targets(route)]
        if route.origin:
            settings.append(f"origin {model.ORIGINS[route.origin]}")
        if route.med is not None:
            settings.append(f"med {route.med}")
        groups.setdefault((bool(route.as_path), tuple(settings)), []).append(route)
    return groups


def _neighbor(config: RouterConfig, session: RouterSession) -> Iterator[str]:
    yield f"# {model.label(session)}"
    yield f"neighbor {session.remote.host} {{"
    yield f"\tremote-as {session.remote_as}"
    if session.remote.port != BGP_PORT:
        yield "\t# lab only: where the edge listens"
        yield f"\tport {session.remote.port}"
    # With a local address bgpd signs what it dials but not what it accepts: only where it has a choice.
    if len({other.local_address for other in model.sessions(config, session.family)}) > 1:
        yield f"\tlocal-address {session.local_address}"
    for family, name in _FAMILY.items():
        yield f"\tannounce {name} {'unicast' if family is session.family else 'none'}"
    if session.route_server:
        yield "\t# a route server is not in the path (RFC 7947, 2.2.2)"
    yield f"\tenforce neighbor-as {'no' if session.route_server else 'yes'}"
    if session.max_prefixes is not None:
        yield f"\tmax-prefix {session.max_prefixes}"
    if session.gtsm:
        yield "\tttl-security yes"
    if session.md5 is not None:
        if not 1 <= len(session.md5.encode()) <= _MD5_KEY_MAX:
            raise LabError(f"session {session.name}: OpenBGPD takes an MD5 key of 1 to {_MD5_KEY_MAX} octets")
        # Quoting cannot express every key, hexadecimal can.
        if re.fullmatch(r"[A-Za-z0-9_.-]+", session.md5):
            yield f'\ttcp md5sig password "{session.md5}"'
        else:
            yield f'\ttcp md5sig key "{session.md5.encode().hex()}"'
    yield "}"
