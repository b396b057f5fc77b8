"""Cisco IOS and IOS XE. Written from Cisco's documentation; not run here."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

from simulator.routers.base import RouterConfig, RouterSession
from simulator.routers.configs import model
from simulator.routers.configs.prefix_lists import prefix_lists, route_maps
from simulator.session.messages import Family
from simulator.topology.sayable import require

_PATHS = "120"
"""The AS path list: IOS numbers them, 1 to 500."""


def render(config: RouterConfig) -> str:
    """The whole configuration. Raises LabError for what IOS has no way to write."""
    require("ios", config.routes)
    return "\n".join(_lines(config)) + "\n"


def _lines(config: RouterConfig) -> Iterator[str]:
    yield from (f"! {line}" for line in model.heading(config))
    yield from (f"! {line}" for line in model.customers(config))
    if any(route.large_communities for route in config.routes):
        yield "! large communities need IOS XE 17.4 or later"
    yield "ip bgp-community new-format"
    yield f"ip as-path access-list {_PATHS} permit _{model.NEVER}_"
    for family in model.families(config):
        yield "!"
        yield from prefix_lists(config, family)
        yield "!"
        yield from route_maps(config, family, _PATHS)
    yield "!"
    yield from _statics(config)
    yield f"router bgp {config.asn}"
    yield f" bgp router-id {config.router_id}"
    yield " bgp enforce-first-as"
    yield " no bgp default ipv4-unicast"
    for session in config.sessions:
        yield from _neighbor(config, session)
    for family in model.families(config):
        yield " !"
        yield f" address-family {'ipv4' if family is Family.IPV4 else 'ipv6'}"
        for prefix in model.originated(config, family):
            network = IPv4Network(prefix) if family is Family.IPV4 else None
            where = f"{network.network_address} mask {network.netmask}" if network is not None else prefix
            yield f"  network {where}"
        for session in model.sessions(config, family):
            yield from _activation(session)
        yield " exit-address-family"
    yield "!"


def _statics(config: RouterConfig) -> Iterator[str]:
    yield "! Null0: what is more specific lies behind this router"
    for prefix in model.originated(config, Family.IPV4):
        network = IPv4Network(prefix)
        yield f"ip route {network.network_address} {network.netmask} Null0"
    for prefix in model.originated(config, Family.IPV6):
        yield f"ipv6 route {prefix} Null0"
    yield "!"


def _neighbor(config: RouterConfig, session: RouterSession) -> Iterator[str]:
    peer = f" neighbor {session.remote_address}"
    yield f"{peer} remote-as {session.remote_as}"
    yield f"{peer} description {model.label(session)}"
    yield f"{peer} timers {model.keepalive(config)} {config.hold_time}"
    if session.md5 is not None:
        yield f"{peer} password {model.plain_key(session, 'IOS', refused='?')}"
    if session.gtsm:
        yield f"{peer} ttl-security hops 1"


def _activation(session: RouterSession) -> Iterator[str]:
    peer, v = f"  neighbor {session.remote_address}", model.suffix(session.family)
    yield f"{peer} activate"
    yield f"{peer} next-hop-self"
    yield f"{peer} send-community both"
    yield f"{peer} route-map FROM-MICROSOFT-{v} in"
    yield f"{peer} route-map TO-MICROSOFT-{v} out"
    if session.max_prefixes is not None:
        yield f"{peer} maximum-prefix {session.max_prefixes} 80"
