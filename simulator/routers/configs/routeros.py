"""MikroTik RouterOS 7, up to 7.19. Written from MikroTik's documentation; not run here.

RouterOS checks the TTL of what arrives (`remote.ttl`) and sets that of what it sends (`local.ttl`): both are needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from simulator.places.errors import LabError
from simulator.routers.base import RouterConfig, RouterSession
from simulator.routers.configs import model
from simulator.session.messages import Family
from simulator.topology.sayable import require

_AFI = {Family.IPV4: "ip", Family.IPV6: "ipv6"}


def render(config: RouterConfig) -> str:
    """The whole configuration. Raises LabError for what RouterOS has no way to write."""
    require("routeros", config.routes)
    return "\n".join(_lines(config)) + "\n"


def _lines(config: RouterConfig) -> Iterator[str]:
    yield from (f"# {line}" for line in model.heading(config))
    yield from (f"# {line}" for line in model.customers(config))
    yield "# from 7.20 on, as and router-id belong to an entry of /routing/bgp/instance that the connections name"
    for family in model.families(config):
        yield from _own(config, family)
    for family in model.families(config):
        yield from _filters(config, family)
    for session in config.sessions:
        yield from _connection(config, session)


def _own(config: RouterConfig, family: Family) -> Iterator[str]:
    v, word = model.suffix(family).lower(), _AFI[family]
    prefixes = model.originated(config, family)
    yield "# our own prefixes; blackhole: what is more specific lies behind this router"
    yield from (f"/{word}/route/add blackhole dst-address={prefix}" for prefix in prefixes)
    for prefix in prefixes:
        yield f"/{word}/firewall/address-list/add list=microsoft-own-{v} address={prefix}"


def _filters(config: RouterConfig, family: Family) -> Iterator[str]:
    v = model.suffix(family).lower()
    for group in model.groups(config, family):
        name = group.name.lower()
        if group.communities:
            yield f"/routing/filter/community-list/add list={name} communities={','.join(group.communities)}"
        if group.large_communities:
            large = ",".join(group.large_communities)
            yield f"/routing/filter/community-large-list/add list={name} communities={large}"
    yield "# a chain ends with a refusal of what no rule accepted"
    yield from _rule(f"from-microsoft-{v}", f"if (bgp-as-path {model.NEVER}) {{ reject }}", "Microsoft: peering policy")
    for refusal in model.refusals(config, family):
        sign = "in" if refusal.longer else "=="
        yield from _rule(f"from-microsoft-{v}", f"if (dst {sign} {refusal.prefix}) {{ reject }}", refusal.why)
    too_long = f"if (dst-len > {model.LONGEST[family]}) {{ reject }}"
    yield from _rule(f"from-microsoft-{v}", too_long, "too specific (RFC 7454, 6.1.3)")
    for asn in model.remote_asns(config):
        yield from _rule(f"from-microsoft-{v}", f"if (bgp-as-path ^{asn}) {{ accept }}", "the first AS is the neighbor")
    for group in model.groups(config, family):
        name = group.name.lower()
        actions = [f"set bgp-out-med {group.med}"] if group.med is not None else []
        actions += [f"append bgp-communities {name}"] if group.communities else []
        actions += [f"append bgp-large-communities {name}"] if group.large_communities else []
        for route in group.routes:
            done = "; ".join([*actions, "accept"])
            yield from _rule(f"to-microsoft-{v}", f"if (dst == {route.prefix}) {{ {done} }}", "our own")
    yield from _rule(f"to-microsoft-{v}", "reject", "nothing else")


def _rule(chain: str, rule: str, why: str) -> Iterator[str]:
    yield f'/routing/filter/rule/add chain={chain} rule="{rule}" comment="{why}"'


def _connection(config: RouterConfig, session: RouterSession) -> Iterator[str]:
    v = model.suffix(session.family).lower()
    name = re.sub(r"[^A-Za-z0-9.-]", "-", session.name)
    hold, alive = (f"{seconds}s" if seconds else "infinity" for seconds in (config.hold_time, model.keepalive(config)))
    words = [
        f"/routing/bgp/connection/add name=microsoft-{name}",
        f"as={config.asn} router-id={config.router_id} address-families={_AFI[session.family]}",
        f"local.role=ebgp local.address={session.local_address}",
        f"remote.address={session.remote_address} remote.as={session.remote_as}",
        f"hold-time={hold} keepalive-time={alive} nexthop-choice=force-self",
        f"input.filter=from-microsoft-{v} output.filter-chain=to-microsoft-{v} output.network=microsoft-own-{v}",
    ]
    if model.learned(config):
        words.append("output.redistribute=bgp")
    if session.max_prefixes is not None:
        words.append(f"input.limit-process-routes-{session.family.label.lower()}={session.max_prefixes}")
    if session.md5 is not None:
        words.append(f'tcp-md5-key="{_key(session)}"')
    if session.gtsm:
        words.append("local.ttl=255 remote.ttl=255")
    yield " \\\n    ".join(words)


def _key(session: RouterSession) -> str:
    key = model.plain_key(session, "RouterOS")
    if re.search(r'["\\$?]', key):
        raise LabError(f'session {session.name}: write the MD5 key for RouterOS without " \\ $ and ?')
    return key
