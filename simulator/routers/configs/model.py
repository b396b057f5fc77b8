"""What the peer's side says whatever the router: which routes it refuses, which it announces, and with what.

Each format (one module, one line in `simulator.routers.configs.registry`) only writes this down in its own language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from simulator.places.errors import LabError
from simulator.routers.base import RouterConfig, RouterSession
from simulator.session.messages import Family
from simulator.topology.route import RouterRoute
from simulator.topology.sayable import target

NEVER = 12076
"""The AS from which nobody shall accept routes, wherever in the path it stands (Microsoft: peering policy)."""
LONGEST = {Family.IPV4: 24, Family.IPV6: 48}
"""Longer prefixes are too specific for the Internet (RFC 7454 §6.1.3)."""
DEFAULT = {Family.IPV4: "0.0.0.0/0", Family.IPV6: "::/0"}
BITS = {Family.IPV4: 32, Family.IPV6: 128}

ORIGINS = ("", "egp", "incomplete")
"""By the number of ORIGIN; IGP goes without saying."""

WELL_KNOWN = {
    "graceful-shutdown": "65535:0",
    "blackhole": "65535:666",
    "no-export": "65535:65281",
    "no-advertise": "65535:65282",
    "no-export-subconfed": "65535:65283",
    "local-as": "65535:65283",
    "no-peer": "65535:65284",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Prefixes that are never taken from the neighbor."""

    prefix: str
    longer: bool
    """And everything within it."""
    why: str


@dataclass(frozen=True, slots=True)
class Group:
    """Routes of one family that are announced with the same attributes."""

    name: str
    """`OWN-V4-1`: unique in the configuration."""
    routes: tuple[RouterRoute, ...]
    communities: tuple[str, ...]
    """As numbers: `65535:65281`."""
    large_communities: tuple[str, ...]
    med: int | None
    origin: str = ""
    """`egp` or `incomplete`; empty for IGP, which is what a router originates with."""
    targets: tuple[tuple[str, str], ...] = ()
    """Extended communities: (`rt` or `soo`, `64496:100`)."""
    aggregator: tuple[int, str] | None = None
    atomic_aggregate: bool = False


def suffix(family: Family) -> str:
    """`V4` or `V6`, for names."""
    return "V4" if family is Family.IPV4 else "V6"


def families(config: RouterConfig) -> tuple[Family, ...]:
    """The families that have a session."""
    return tuple(family for family in Family if any(found.family is family for found in config.sessions))


def sessions(config: RouterConfig, family: Family) -> tuple[RouterSession, ...]:
    return tuple(found for found in config.sessions if found.family is family)


def remote_asns(config: RouterConfig) -> tuple[int, ...]:
    return tuple(dict.fromkeys(found.remote_as for found in config.sessions))


def family_of(prefix: str) -> Family:
    return Family.IPV6 if ":" in prefix else Family.IPV4


def is_member(config: RouterConfig) -> bool:
    """Whether its sessions are with the route servers of an exchange, and not with Microsoft itself."""
    return any(session.route_server for session in config.sessions)


def own(config: RouterConfig, family: Family) -> tuple[RouterRoute, ...]:
    """The routes to announce, each prefix once."""
    return tuple({route.prefix: route for route in config.routes if family_of(route.prefix) is family}.values())


def refusals(config: RouterConfig, family: Family) -> tuple[Refusal, ...]:
    """What is refused by prefix; what is too specific (`LONGEST`) and the AS path (`NEVER`) come on top."""
    found = [Refusal(DEFAULT[family], False, "the default route (RFC 7454, 6.1.6)")]
    found += [
        Refusal(lan, True, "the LAN of the session itself (RFC 7454, 6.1.5)")
        for lan in config.lan
        if family_of(lan) is family
    ]
    mine = _collapsed(route.prefix for route in own(config, family) if route.prefix != DEFAULT[family])
    found += [Refusal(prefix, True, "our own prefixes (RFC 7454, 6.1.4)") for prefix in mine]
    return tuple(found)


def _collapsed(prefixes: Iterator[str]) -> list[str]:
    networks = [ip_network(prefix) for prefix in prefixes]
    four = collapse_addresses(found for found in networks if isinstance(found, IPv4Network))
    six = collapse_addresses(found for found in networks if isinstance(found, IPv6Network))
    return [str(found) for found in (*four, *six)]


def groups(config: RouterConfig, family: Family) -> tuple[Group, ...]:
    """What is announced, by its attributes. Raises LabError for text that is not a community."""
    found: dict[Group, list[RouterRoute]] = {}
    for route in own(config, family):
        of = Group(
            "",
            (),
            communities=tuple(numbers(text, 2, route) for text in route.communities),
            large_communities=tuple(numbers(text, 3, route) for text in route.large_communities),
            med=route.med,
            origin=ORIGINS[route.origin],
            targets=targets(route),
            aggregator=route.aggregator,
            atomic_aggregate=route.atomic_aggregate,
        )
        found.setdefault(of, []).append(route)
    return tuple(
        replace(of, name=f"OWN-{suffix(family)}-{number}", routes=tuple(routes))
        for number, (of, routes) in enumerate(found.items(), 1)
    )


def targets(route: RouterRoute) -> tuple[tuple[str, str], ...]:
    """Its extended communities that are route targets or origins. A language without the others has refused them."""
    return tuple(found for found in map(target, route.extended_communities) if found is not None)


def by_kind(group: Group) -> dict[str, list[str]]:
    """`rt` → every route target, and `soo` → every route origin, where there are any."""
    found: dict[str, list[str]] = {}
    for kind, text in group.targets:
        found.setdefault(kind, []).append(text)
    return found


def originated(config: RouterConfig, family: Family) -> tuple[str, ...]:
    """The prefixes that begin here."""
    return tuple(route.prefix for route in own(config, family) if not route.as_path)


def learned(config: RouterConfig) -> tuple[RouterRoute, ...]:
    """The routes of customers: they have an AS path behind ours, and come from sessions that are not shown here."""
    return tuple(route for family in Family for route in own(config, family) if route.as_path)


def numbers(community: str, count: int, route: RouterRoute) -> str:
    """`65535:65281` for `no-export`. Raises LabError for what is no community of `count` numbers."""
    text = WELL_KNOWN.get(community.lower(), community) if count == 2 else community
    parts = text.split(":")
    if len(parts) != count or not all(part.isdecimal() for part in parts):
        raise LabError(f"route {route.prefix}: {community!r} is no community of {count} numbers")
    return text


def heading(config: RouterConfig) -> Iterator[str]:
    """What stands first in every file, without the comment sign."""
    origin = "an exchange's route servers" if is_member(config) else "Microsoft"
    yield f"{config.name}, AS{config.asn}: the peer's side of its BGP sessions with {origin}. Written by turnup"
    yield f"in:  nothing with AS{NEVER} in its path (Microsoft: peering policy), no default route, none of our own"
    yield "     prefixes nor of the LAN's, and nothing longer than /24 and /48 (RFC 7454, 6.1)"
    yield "out: our own prefixes and nothing else, with ourselves as next hop"


def customers(config: RouterConfig) -> Iterator[str]:
    """Tells of the routes that begin elsewhere, one line an AS, without the comment sign."""
    found: dict[str, list[str]] = {}
    for route in learned(config):
        first = route.as_path[0]
        origin = f"AS{first}" if isinstance(first, int) else f"a neighbor whose path begins with {first}"
        if len(route.asns) != len(route.as_path):
            origin += f", with the path {path_text(route)},"
        found.setdefault(origin, []).append(route.prefix)
    for origin, prefixes in found.items():
        more = f" and {len(prefixes) - 4} more" if len(prefixes) > 4 else ""
        yield f"a customer's, to be learned from {origin} on a session of its own: {', '.join(prefixes[:4])}{more}"


def path_text(route: RouterRoute) -> str:
    """`64500 {64501 64502}`."""
    return " ".join(map(str, route.as_path))


def label(session: RouterSession) -> str:
    """The session's name for a comment or a description: one line of printable ASCII without quotes."""
    return re.sub(r"[^ !#-&(-~]", "_", session.name)[:60]


def plain_key(session: RouterSession, title: str, limit: int = 80, refused: str = "") -> str:
    """The MD5 key where a language has no quoting to rely on. Raises LabError for one that it cannot write."""
    assert session.md5 is not None
    if not re.fullmatch(rf"[!-~]{{1,{limit}}}", session.md5) or any(sign in session.md5 for sign in refused):
        without = f", without {' '.join(refused)}" if refused else ""
        raise LabError(
            f"session {session.name}: {title} takes an MD5 key of 1 to {limit} ASCII characters without blanks{without}"
        )
    return session.md5


def keepalive(config: RouterConfig) -> int:
    """A third of the hold time, as RFC 4271 §10 suggests. In seconds."""
    return config.hold_time // 3
