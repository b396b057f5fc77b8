"""gobgpd.toml, for GoBGP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from simulator.places.endpoint import BGP_PORT
from simulator.routers.base import RouterConfig, RouterSession
from simulator.routers.configs import model
from simulator.session.messages import Family
from simulator.topology.route import RouterRoute
from simulator.topology.sayable import require

FAMILIES = {Family.IPV4: "ipv4", Family.IPV6: "ipv6"}


def render(config: RouterConfig, lab: Path | None = None) -> str:
    """The whole file. Raises LabError for what GoBGP has no way to write."""
    require("gobgp", config.routes)
    return "\n".join(_lines(config, lab)) + "\n"


def _lines(config: RouterConfig, lab: Path | None) -> Iterator[str]:
    yield from (f"# {line}" for line in model.heading(config))
    yield from (f"# {line}" for line in model.customers(config))
    yield "# GoBGP's file holds no routes: they are given to it once it runs"
    if lab is not None:
        yield "# lab only: gobgp mrt inject global routes.mrt"
    else:
        yield from (f"#   {command(route)}" for family in Family for route in model.own(config, family))
    yield "[global.config]"
    yield f"  as = {config.asn}"
    yield f'  router-id = "{config.router_id}"'
    yield "[global.apply-policy.config]"
    yield '  import-policy-list = ["from-microsoft"]'
    yield '  default-import-policy = "accept-route"'
    yield '  export-policy-list = ["to-microsoft"]'
    yield '  default-export-policy = "reject-route"'
    yield ""
    yield "[[defined-sets.bgp-defined-sets.as-path-sets]]"
    yield '  as-path-set-name = "microsoft-never"'
    yield f'  as-path-list = ["_{model.NEVER}_"]'
    for family in Family:
        yield from _refused(config, family)
    yield ""
    yield "[[policy-definitions]]"
    yield '  name = "from-microsoft"'
    yield from _statement("microsoft-never", "reject-route", external=True, paths="microsoft-never")
    for family in Family:
        yield from _statement(f"refused-{FAMILIES[family]}", "reject-route", external=True, prefixes=True)
    yield "# what this router originates and has learned from nobody, whatever else it holds"
    yield "[[policy-definitions]]"
    yield '  name = "to-microsoft"'
    yield from _statement("own", "accept-route", external=False)
    for session in config.sessions:
        yield ""
        yield from _neighbor(config, session, lab)


def _refused(config: RouterConfig, family: Family) -> Iterator[str]:
    bits = model.BITS[family]
    yield "[[defined-sets.prefix-sets]]"
    yield f'  prefix-set-name = "refused-{FAMILIES[family]}"'
    for refusal in model.refusals(config, family):
        length = int(refusal.prefix.rpartition("/")[2])
        yield f"  # {refusal.why}"
        yield from _prefix(refusal.prefix, length, bits if refusal.longer else length)
    yield "  # too specific (RFC 7454, 6.1.3)"
    yield from _prefix(model.DEFAULT[family], model.LONGEST[family] + 1, bits)


def _prefix(prefix: str, first: int, last: int) -> Iterator[str]:
    yield "  [[defined-sets.prefix-sets.prefix-list]]"
    yield f'    ip-prefix = "{prefix}"'
    yield f'    masklength-range = "{first}..{last}"'


def _statement(name: str, what: str, *, external: bool, paths: str = "", prefixes: bool = False) -> Iterator[str]:
    yield "  [[policy-definitions.statements]]"
    yield f'    name = "{name}"'
    if prefixes:
        yield "    [policy-definitions.statements.conditions.match-prefix-set]"
        yield f'      prefix-set = "{name}"'
    yield "    [policy-definitions.statements.conditions.bgp-conditions]"
    yield f'      route-type = "{"external" if external else "local"}"'
    if paths:
        yield "    [policy-definitions.statements.conditions.bgp-conditions.match-as-path-set]"
        yield f'      as-path-set = "{paths}"'
    yield "    [policy-definitions.statements.actions]"
    yield f'      route-disposition = "{what}"'
    if not external:
        yield "    [policy-definitions.statements.actions.bgp-actions]"
        yield '      set-next-hop = "self"'


def command(route: RouterRoute) -> str:
    """What originates a route on a GoBGP that runs. Raises LabError for text that is not a community."""
    words = ["gobgp global rib add", route.prefix, f"origin {model.ORIGINS[route.origin] or 'igp'}"]
    if route.as_path:
        words.append(f'aspath "{model.path_text(route)}"')
    if route.communities:
        words.append("community " + ",".join(model.numbers(text, 2, route) for text in route.communities))
    if route.large_communities:
        words.append("large-community " + ",".join(model.numbers(text, 3, route) for text in route.large_communities))
    if route.med is not None:
        words.append(f"med {route.med}")
    if route.aggregator is not None:
        words.append(f"aggregator {route.aggregator[0]}:{route.aggregator[1]}")
    words.append(f"-a {FAMILIES[model.family_of(route.prefix)]}")
    return " ".join(words)


def _neighbor(config: RouterConfig, session: RouterSession, lab: Path | None) -> Iterator[str]:
    yield "[[neighbors]]"
    yield "  [neighbors.config]"
    yield f'    neighbor-address = "{session.remote_address}"'
    yield f"    peer-as = {session.remote_as}"
    yield f'    description = "{model.label(session)}"'
    if session.md5 is not None:
        yield f"    auth-password = {json.dumps(session.md5, ensure_ascii=False)}"
    yield "  [neighbors.transport.config]"
    yield f'    local-address = "{session.local_address}"'
    if session.remote.port != BGP_PORT:
        yield "    # lab only: where the edge listens"
        yield f"    remote-port = {session.remote.port}"
    yield "  [neighbors.timers.config]"
    yield f"    hold-time = {config.hold_time}"
    yield f"    keepalive-interval = {model.keepalive(config)}"
    if lab is not None:
        yield "    # lab only: redial after a second; GoBGP yet takes 7.5 s for its first dial, 30 s after an end"
        yield "    connect-retry = 1"
    if session.gtsm:
        yield "  [neighbors.ttl-security.config]"
        yield "    enabled = true"
        yield "    ttl-min = 255"
    yield "  # each session only has its own family"
    yield "  [[neighbors.afi-safis]]"
    yield "    [neighbors.afi-safis.config]"
    yield f'      afi-safi-name = "{FAMILIES[session.family]}-unicast"'
    if session.max_prefixes is not None:
        yield "    [neighbors.afi-safis.prefix-limit.config]"
        yield f"      max-prefixes = {session.max_prefixes}"
