"""Arista EOS. Written from Arista's documentation; not run here."""

from __future__ import annotations

from collections.abc import Iterator

from simulator.routers.base import RouterConfig, RouterSession
from simulator.routers.configs import model
from simulator.routers.configs.prefix_lists import WORD, refused, route_maps
from simulator.session.messages import Family
from simulator.topology.sayable import require


def render(config: RouterConfig) -> str:
    """The whole configuration. Raises LabError for what EOS has no way to write."""
    require("eos", config.routes)
    return "\n".join(_lines(config)) + "\n"


def _lines(config: RouterConfig) -> Iterator[str]:
    yield from (f"! {line}" for line in model.heading(config))
    yield from (f"! {line}" for line in model.customers(config))
    if Family.IPV4 in model.families(config):
        yield "ip routing"
    if Family.IPV6 in model.families(config):
        yield "ipv6 unicast-routing"
    yield f"ip as-path access-list MICROSOFT-NEVER permit _{model.NEVER}_ any"
    for family in model.families(config):
        yield "!"
        yield from _prefix_lists(config, family)
        yield "!"
        yield from route_maps(config, family, "MICROSOFT-NEVER")
    yield "!"
    yield "! Null0: what is more specific lies behind this router"
    for family in model.families(config):
        for prefix in model.originated(config, family):
            yield f"{WORD[family]} route {prefix} Null0"
    yield "!"
    yield f"router bgp {config.asn}"
    yield f"   router-id {config.router_id}"
    yield "   no bgp default ipv4-unicast"
    for session in config.sessions:
        yield from _neighbor(config, session)
    for family in model.families(config):
        yield "   !"
        yield f"   address-family {'ipv4' if family is Family.IPV4 else 'ipv6'}"
        for session in model.sessions(config, family):
            peer, v = f"      neighbor {session.remote_address}", model.suffix(family)
            yield f"{peer} activate"
            yield f"{peer} route-map FROM-MICROSOFT-{v} in"
            yield f"{peer} route-map TO-MICROSOFT-{v} out"
        for prefix in model.originated(config, family):
            yield f"      network {prefix}"
    yield "!"


def _prefix_lists(config: RouterConfig, family: Family) -> Iterator[str]:
    """EOS opens a list and numbers what stands in it."""
    yield f"{WORD[family]} prefix-list REFUSED-{model.suffix(family)}"
    for number, text, why in refused(config, family):
        yield f"   ! {why}"
        yield f"   seq {number} permit {text}"
    for group in model.groups(config, family):
        yield "!"
        yield f"{WORD[family]} prefix-list {group.name}"
        for number, route in enumerate(group.routes, 1):
            yield f"   seq {5 * number} permit {route.prefix}"


def _neighbor(config: RouterConfig, session: RouterSession) -> Iterator[str]:
    peer = f"   neighbor {session.remote_address}"
    yield f"{peer} remote-as {session.remote_as}"
    yield f"{peer} description {model.label(session)}"
    yield f"{peer} enforce-first-as"
    yield f"{peer} next-hop-self"
    yield f"{peer} timers {model.keepalive(config)} {config.hold_time}"
    extended = " extended" if any(route.extended_communities for route in config.routes) else ""
    yield f"{peer} send-community standard{extended} large"
    if session.md5 is not None:
        yield f"{peer} password {model.plain_key(session, 'EOS', refused='?')}"
    if session.gtsm:
        yield f"{peer} ttl maximum-hops 1"
    if session.max_prefixes is not None:
        yield f"{peer} maximum-routes {session.max_prefixes} warning-limit 80 percent"
