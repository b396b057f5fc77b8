"""Cisco IOS XR. Written from Cisco's documentation; not run here."""

from __future__ import annotations

from collections.abc import Iterator

from simulator.routers.base import RouterConfig, RouterSession
from simulator.routers.configs import model
from simulator.routers.configs.prefix_lists import refused
from simulator.session.messages import Family
from simulator.topology.sayable import require

_AFI = {Family.IPV4: "ipv4", Family.IPV6: "ipv6"}


def render(config: RouterConfig) -> str:
    """The whole configuration. Raises LabError for what IOS XR has no way to write."""
    require("iosxr", config.routes)
    return "\n".join(_lines(config)) + "\n"


def _lines(config: RouterConfig) -> Iterator[str]:
    yield from (f"! {line}" for line in model.heading(config))
    yield from (f"! {line}" for line in model.customers(config))
    yield "as-path-set MICROSOFT-NEVER"
    yield f"  ios-regex '_{model.NEVER}_'"
    yield "end-set"
    yield "!"
    for family in model.families(config):
        yield from _policies(config, family)
    for family in model.families(config):
        yield from _statics(config, family)
    yield f"router bgp {config.asn}"
    yield f" bgp router-id {config.router_id}"
    # Enforced unless said otherwise: the command has no positive form.
    if any(session.route_server for session in config.sessions):
        yield " ! a route server is not in the path (RFC 7947, 2.2.2)"
        yield " bgp enforce-first-as disable"
    for family in model.families(config):
        yield f" address-family {_AFI[family]} unicast"
        yield from (f"  network {prefix}" for prefix in model.originated(config, family))
        yield " !"
    for session in config.sessions:
        yield from _neighbor(config, session)
    yield "!"


def _set(name: str, entries: list[str], notes: list[str]) -> Iterator[str]:
    yield f"prefix-set {name}"
    for number, (entry, note) in enumerate(zip(entries, notes, strict=True), 1):
        if note:
            yield f"  # {note}"
        yield f"  {entry}{',' if number < len(entries) else ''}"
    yield "end-set"
    yield "!"


def _policies(config: RouterConfig, family: Family) -> Iterator[str]:
    v = model.suffix(family)
    entries = list(refused(config, family))
    yield from _set(f"REFUSED-{v}", [text for _, text, _ in entries], [why for _, _, why in entries])
    groups = model.groups(config, family)
    for group in groups:
        yield from _set(group.name, [route.prefix for route in group.routes], [""] * len(group.routes))
    yield f"route-policy FROM-MICROSOFT-{v}"
    yield "  # Microsoft: peering policy"
    yield "  if as-path in MICROSOFT-NEVER then"
    yield "    drop"
    yield f"  elseif destination in REFUSED-{v} then"
    yield "    drop"
    yield "  else"
    yield "    pass"
    yield "  endif"
    yield "end-policy"
    yield "!"
    yield f"route-policy TO-MICROSOFT-{v}"
    yield "  # our own and nothing else"
    for group in groups:
        yield f"  if destination in {group.name} then"
        if group.med is not None:
            yield f"    set med {group.med}"
        if group.communities:
            yield f"    set community ({', '.join(group.communities)}) additive"
        for kind, texts in model.by_kind(group).items():
            yield f"    set extcommunity {kind} ({', '.join(texts)}) additive"
        if group.origin:
            yield f"    set origin {group.origin}"
        if group.large_communities:
            yield f"    set large-community ({', '.join(group.large_communities)}) additive"
        yield "    done"
        yield "  endif"
    yield "  drop"
    yield "end-policy"
    yield "!"


def _statics(config: RouterConfig, family: Family) -> Iterator[str]:
    prefixes = model.originated(config, family)
    if prefixes:
        yield "! Null0: what is more specific lies behind this router"
        yield "router static"
        yield f" address-family {_AFI[family]} unicast"
        yield from (f"  {prefix} Null0" for prefix in prefixes)
        yield " !"
        yield "!"


def _neighbor(config: RouterConfig, session: RouterSession) -> Iterator[str]:
    v = model.suffix(session.family)
    yield f" neighbor {session.remote_address}"
    yield f"  remote-as {session.remote_as}"
    yield f"  description {model.label(session)}"
    yield f"  timers {model.keepalive(config)} {config.hold_time}"
    if session.md5 is not None:
        yield f"  password clear {model.plain_key(session, 'IOS XR', refused='?')}"
    if session.gtsm:
        yield "  ttl-security"
    yield f"  address-family {_AFI[session.family]} unicast"
    yield f"   route-policy FROM-MICROSOFT-{v} in"
    if session.max_prefixes is not None:
        yield f"   maximum-prefix {session.max_prefixes} 80"
    yield f"   route-policy TO-MICROSOFT-{v} out"
    yield "   next-hop-self"
    yield "   send-community-ebgp"
    if any(route.extended_communities for route in config.routes):
        yield "   send-extended-community-ebgp"
    yield "  !"
    yield " !"
