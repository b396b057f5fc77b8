"""VyOS 1.4 and later, as `set` commands. Written from VyOS's documentation; not run here."""

from __future__ import annotations

from collections.abc import Iterator

from simulator.routers.base import RouterConfig, RouterSession
from simulator.routers.configs import model
from simulator.session.messages import Family
from simulator.topology.sayable import require

_LIST = {Family.IPV4: "prefix-list", Family.IPV6: "prefix-list6"}
_MATCH = {Family.IPV4: "ip", Family.IPV6: "ipv6"}
_AFI = {Family.IPV4: "ipv4-unicast", Family.IPV6: "ipv6-unicast"}
_ROUTE = {Family.IPV4: "route", Family.IPV6: "route6"}


def render(config: RouterConfig) -> str:
    """The whole configuration. Raises LabError for what VyOS has no way to write."""
    require("vyos", config.routes)
    return "\n".join(_lines(config)) + "\n"


def _lines(config: RouterConfig) -> Iterator[str]:
    yield from (f"# {line}" for line in model.heading(config))
    yield from (f"# {line}" for line in model.customers(config))
    yield "set policy as-path-list MICROSOFT-NEVER rule 10 action permit"
    yield f"set policy as-path-list MICROSOFT-NEVER rule 10 regex '_{model.NEVER}_'"
    for family in model.families(config):
        yield from _prefix_lists(config, family)
        yield from _import(family)
        yield from _export(config, family)
        yield "# blackhole: what is more specific lies behind this router"
        for prefix in model.originated(config, family):
            yield f"set protocols static {_ROUTE[family]} {prefix} blackhole"
    yield f"set protocols bgp system-as {config.asn}"
    yield f"set protocols bgp parameters router-id {config.router_id}"
    for family in model.families(config):
        for prefix in model.originated(config, family):
            yield f"set protocols bgp address-family {_AFI[family]} network {prefix}"
    for session in config.sessions:
        yield from _neighbor(config, session)


def _prefix_lists(config: RouterConfig, family: Family) -> Iterator[str]:
    bits = model.BITS[family]
    name = f"set policy {_LIST[family]} REFUSED-{model.suffix(family)}"
    number = 0
    for refusal in model.refusals(config, family):
        number += 10
        yield f"# {refusal.why}"
        yield f"{name} rule {number} action permit"
        yield f"{name} rule {number} prefix {refusal.prefix}"
        if refusal.longer and not refusal.prefix.endswith(f"/{bits}"):
            yield f"{name} rule {number} le {bits}"
    yield "# too specific (RFC 7454, 6.1.3)"
    yield f"{name} rule {number + 10} action permit"
    yield f"{name} rule {number + 10} prefix {model.DEFAULT[family]}"
    yield f"{name} rule {number + 10} ge {model.LONGEST[family] + 1}"
    for group in model.groups(config, family):
        for index, route in enumerate(group.routes, 1):
            yield f"set policy {_LIST[family]} {group.name} rule {10 * index} action permit"
            yield f"set policy {_LIST[family]} {group.name} rule {10 * index} prefix {route.prefix}"


def _import(family: Family) -> Iterator[str]:
    v = model.suffix(family)
    name = f"set policy route-map FROM-MICROSOFT-{v}"
    yield f"{name} rule 10 action deny"
    yield f"{name} rule 10 match as-path MICROSOFT-NEVER"
    yield f"{name} rule 20 action deny"
    yield f"{name} rule 20 match {_MATCH[family]} address prefix-list REFUSED-{v}"
    yield f"{name} rule 30 action permit"


def _export(config: RouterConfig, family: Family) -> Iterator[str]:
    name = f"set policy route-map TO-MICROSOFT-{model.suffix(family)}"
    groups = model.groups(config, family)
    for number, group in enumerate(groups, 1):
        rule = f"{name} rule {10 * number}"
        yield f"{rule} action permit"
        yield f"{rule} match {_MATCH[family]} address prefix-list {group.name}"
        if group.med is not None:
            yield f"{rule} set metric {group.med}"
        yield from (f"{rule} set community add {community}" for community in group.communities)
        if group.origin:
            yield f"{rule} set origin {group.origin}"
        for kind, texts in model.by_kind(group).items():
            yield f"{rule} set extcommunity {kind} '{' '.join(texts)}'"
        if group.aggregator is not None:
            yield f"{rule} set aggregator as {group.aggregator[0]}"
            yield f"{rule} set aggregator ip {group.aggregator[1]}"
        if group.atomic_aggregate:
            yield f"{rule} set atomic-aggregate"
        yield from (f"{rule} set large-community add {community}" for community in group.large_communities)
    yield f"{name} rule {10 * (len(groups) + 1)} action deny"


def _neighbor(config: RouterConfig, session: RouterSession) -> Iterator[str]:
    peer, v = f"set protocols bgp neighbor {session.remote_address}", model.suffix(session.family)
    family = f"{peer} address-family {_AFI[session.family]}"
    yield f"{peer} remote-as {session.remote_as}"
    yield f"{peer} description '{model.label(session)}'"
    yield f"{peer} update-source {session.local_address}"
    yield f"{peer} timers holdtime {config.hold_time}"
    yield f"{peer} timers keepalive {model.keepalive(config)}"
    if session.md5 is not None:
        quote = "'"
        yield f"{peer} password '{model.plain_key(session, 'VyOS', refused=quote)}'"
    if session.gtsm:
        yield f"{peer} ttl-security hops 1"
    if session.max_prefixes is not None:
        yield f"{family} maximum-prefix {session.max_prefixes}"
    yield f"{family} nexthop-self"
    yield f"{family} route-map import FROM-MICROSOFT-{v}"
    yield f"{family} route-map export TO-MICROSOFT-{v}"
