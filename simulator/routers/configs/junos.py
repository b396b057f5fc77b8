"""Junos, as `load merge terminal` reads it. Written from Juniper's documentation; not run here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from simulator.places.errors import LabError
from simulator.routers.base import RouterConfig, RouterSession
from simulator.routers.configs import model
from simulator.session.messages import Family
from simulator.topology.sayable import require

_TARGETS = {"rt": "target", "soo": "origin"}
_INET = {Family.IPV4: "inet", Family.IPV6: "inet6"}


class _Text:
    """Lines, indented by the blocks that they stand in."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._depth = 0

    def say(self, *lines: str) -> None:
        self.lines += (f"{'    ' * self._depth}{line}" for line in lines)

    @contextmanager
    def block(self, name: str) -> Iterator[None]:
        self.say(f"{name} {{")
        self._depth += 1
        yield
        self._depth -= 1
        self.say("}")


def render(config: RouterConfig) -> str:
    """The whole configuration. Raises LabError for what Junos has no way to write."""
    require("junos", config.routes)
    text = _Text()
    text.say(*(f"/* {line} */" for line in model.heading(config)))
    text.say(*(f"/* {line} */" for line in model.customers(config)))
    _routing(text, config)
    with text.block("policy-options"):
        text.say(f'as-path MICROSOFT-NEVER ".* {model.NEVER} .*";')
        first = "|".join(map(str, model.remote_asns(config)))
        text.say(f'as-path FROM-MICROSOFT "({first}) .*";')
        for family in model.families(config):
            _communities(text, config, family)
        for family in model.families(config):
            _import(text, config, family)
            _export(text, config, family)
    with text.block("protocols"), text.block("bgp"):
        for family in model.families(config):
            _group(text, config, family)
    if any(session.gtsm for session in config.sessions):
        _gtsm(text, config)
    return "\n".join(text.lines) + "\n"


def _routing(text: _Text, config: RouterConfig) -> None:
    with text.block("routing-options"):
        text.say(f"router-id {config.router_id};", f"autonomous-system {config.asn};")
        text.say("/* our own prefixes; discard: what is more specific lies behind this router */")
        four, six = model.originated(config, Family.IPV4), model.originated(config, Family.IPV6)
        if four:
            with text.block("static"):
                text.say(*(f"route {prefix} discard;" for prefix in four))
        if six:
            with text.block("rib inet6.0"), text.block("static"):
                text.say(*(f"route {prefix} discard;" for prefix in six))


def _communities(text: _Text, config: RouterConfig, family: Family) -> None:
    for group in model.groups(config, family):
        members = [*group.communities, *(f"large:{large}" for large in group.large_communities)]
        members += [f"{_TARGETS[kind]}:{_four_octets(text)}" for kind, text in group.targets]
        if members:
            text.say(f"community {group.name} members [ {' '.join(members)} ];")


def _import(text: _Text, config: RouterConfig, family: Family) -> None:
    with text.block(f"policy-statement FROM-MICROSOFT-{model.suffix(family)}"):
        with text.block("term never"):
            text.say("/* Microsoft: peering policy */", "from as-path MICROSOFT-NEVER;", "then reject;")
        with text.block("term refused"):
            with text.block("from"):
                for refusal in model.refusals(config, family):
                    text.say(f"/* {refusal.why} */")
                    text.say(f"route-filter {refusal.prefix} {'orlonger' if refusal.longer else 'exact'};")
                too_long = f"/{model.LONGEST[family] + 1}-/{model.BITS[family]}"
                text.say("/* too specific (RFC 7454, 6.1.3) */")
                text.say(f"route-filter {model.DEFAULT[family]} prefix-length-range {too_long};")
            text.say("then reject;")
        with text.block("term first-as"):
            text.say("from as-path FROM-MICROSOFT;", "then accept;")
        text.say("then reject;")


def _export(text: _Text, config: RouterConfig, family: Family) -> None:
    with text.block(f"policy-statement TO-MICROSOFT-{model.suffix(family)}"):
        for group in model.groups(config, family):
            with text.block(f"term {group.name}"):
                with text.block("from"):
                    text.say(*(f"route-filter {route.prefix} exact;" for route in group.routes))
                with text.block("then"):
                    if group.med is not None:
                        text.say(f"metric {group.med};")
                    if group.origin:
                        text.say(f"origin {group.origin};")
                    if group.communities or group.large_communities or group.targets:
                        text.say(f"community add {group.name};")
                    text.say("next-hop self;", "accept;")
        text.say("/* nothing else: neither what other neighbors announce nor what is internal */", "then reject;")


def _group(text: _Text, config: RouterConfig, family: Family) -> None:
    with text.block(f"group MICROSOFT-{model.suffix(family)}"):
        text.say("type external;", f"hold-time {config.hold_time};")
        text.say(f"import FROM-MICROSOFT-{model.suffix(family)};", f"export TO-MICROSOFT-{model.suffix(family)};")
        for session in model.sessions(config, family):
            with text.block(f"neighbor {session.remote_address}"):
                text.say(f'description "{model.label(session)}";', f"local-address {session.local_address};")
                text.say(f"peer-as {session.remote_as};")
                if session.md5 is not None:
                    text.say(f'authentication-key "{_key(session)}";')
                if session.gtsm:
                    text.say("ttl 255;")
                with text.block(f"family {_INET[family]}"), text.block("unicast"):
                    if session.max_prefixes is not None:
                        with text.block("prefix-limit"):
                            text.say(f"maximum {session.max_prefixes};", "teardown 80 idle-timeout 60;")


def _key(session: RouterSession) -> str:
    key = session.md5 or ""
    if not 1 <= len(key) <= 80 or not key.isascii() or not key.isprintable() or '"' in key or "\\" in key:
        raise LabError(
            f'session {session.name}: Junos takes an MD5 key of 1 to 80 printable ASCII characters without " and \\'
        )
    return key


def _gtsm(text: _Text, config: RouterConfig) -> None:
    """`ttl 255` only sends it; what arrives is checked by a filter (RFC 5082 §3)."""
    text.say("/* TTL security: bind these as input filters to the interface of the sessions, for example */")
    text.say("/* set interfaces et-0/0/0 unit 0 family inet filter input MICROSOFT-GTSM-V4 */")
    with text.block("firewall"):
        for family in model.families(config):
            _filter(text, [session for session in model.sessions(config, family) if session.gtsm], family)


def _filter(text: _Text, sessions: list[RouterSession], family: Family) -> None:
    if not sessions:
        return
    with (
        text.block(f"family {_INET[family]}"),
        text.block(f"filter MICROSOFT-GTSM-{model.suffix(family)}"),
    ):
        with text.block("term from-afar"):
            with text.block("from"):
                with text.block("source-address"):
                    text.say(*(f"{session.remote_address}/{model.BITS[family]};" for session in sessions))
                if family is Family.IPV4:
                    text.say("protocol tcp;", "ttl-except 255;")
                else:
                    text.say("next-header tcp;", "hop-limit-except 255;")
                text.say("port bgp;")
            text.say("then discard;")
        with text.block("term rest"):
            text.say("then accept;")


def _four_octets(text: str) -> str:
    """Junos marks an ASN of four octets with an L."""
    head, _, local = text.partition(":")
    return f"{head}L:{local}" if head.isdecimal() and int(head) > 0xFFFF else text
