"""The rules of the session policy: each has an id, a source, parameters and one sentence that explains it.

Attribute rules look at a path's attributes, once for each distinct set; prefix rules look at a prefix, once for each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from simulator.policy.prefixes import PrefixSet
from simulator.policy.registries import BOGON_ASNS, DOCUMENTATION, DOCUMENTATION_ASNS, MARTIANS
from simulator.policy.verdict import Hit
from simulator.session.messages import Family
from simulator.wire.attributes import PathAttributes, SegmentKind

MICROSOFT_AS = 8075


@dataclass(frozen=True, slots=True)
class PolicyContext:
    """What the rules know of the session that they judge for."""

    peer_as: int | None
    """None: whoever the peer turns out to be (its ASN is then not checked)."""
    peer_address: str
    """The peer's session address: the only next hop that it may announce."""
    local_as: int = MICROSOFT_AS
    lan: tuple[str, ...] = ()
    """The exchange LAN's prefixes."""


PrefixJudge = Callable[[Family, bytes], str | None]
AttributeJudge = Callable[[PathAttributes], str | None]
"""Both return the offending value, or None when the route passes."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. Exactly one of `prefix` and `attributes` builds its judge from the context and the parameters."""

    id: str
    euro_ix: str
    """The Euro-IX large-community reject id (RS:1101:x); empty where the vocabulary has none."""
    source: str
    explanation: str
    parameters: dict[str, Any] = field(default_factory=dict)
    prefix: Callable[[PolicyContext, dict[str, Any]], PrefixJudge] | None = None
    attributes: Callable[[PolicyContext, dict[str, Any]], AttributeJudge] | None = None

    def hit(self, value: str) -> Hit:
        return Hit(self.id, value, self.explanation)


def _too_long(context: PolicyContext, parameters: dict[str, Any]) -> PrefixJudge:
    ipv4, ipv6 = int(parameters["ipv4"]), int(parameters["ipv6"])
    return lambda family, key: f"/{key[0]}" if key[0] > (ipv4 if family is Family.IPV4 else ipv6) else None


def _too_short(context: PolicyContext, parameters: dict[str, Any]) -> PrefixJudge:
    ipv4, ipv6 = int(parameters["ipv4"]), int(parameters["ipv6"])
    return lambda family, key: f"/{key[0]}" if 0 < key[0] < (ipv4 if family is Family.IPV4 else ipv6) else None


def _default_route(context: PolicyContext, parameters: dict[str, Any]) -> PrefixJudge:
    return lambda family, key: "/0" if key[0] == 0 else None


def _covered_by(members: PrefixSet) -> PrefixJudge:
    def judge(family: Family, key: bytes) -> str | None:
        found = members.covering(family, key)
        return f"within {found[0]}, {found[1]}" if found else None

    return judge


def _bogon_prefix(context: PolicyContext, parameters: dict[str, Any]) -> PrefixJudge:
    covered = _covered_by(PrefixSet(MARTIANS + (DOCUMENTATION if parameters["documentation"] else ())))
    return lambda family, key: covered(family, key) if key[0] else None


def _exchange_lan(context: PolicyContext, parameters: dict[str, Any]) -> PrefixJudge:
    return _covered_by(PrefixSet((prefix, "the exchange LAN") for prefix in context.lan))


def _path_length(context: PolicyContext, parameters: dict[str, Any]) -> AttributeJudge:
    limit = int(parameters["limit"])
    return lambda path: f"{path.path_length} ASNs" if path.path_length > limit else None


def _empty_path(context: PolicyContext, parameters: dict[str, Any]) -> AttributeJudge:
    return lambda path: "AS_PATH is empty" if not path.as_path else None


def _as_set(context: PolicyContext, parameters: dict[str, Any]) -> AttributeJudge:
    sets = (SegmentKind.SET, SegmentKind.CONFED_SET)
    return lambda path: path.as_path_text if any(part.kind in sets for part in path.as_path) else None


def _loop(context: PolicyContext, parameters: dict[str, Any]) -> AttributeJudge:
    return lambda path: path.as_path_text if context.local_as in path.asns else None


def _first_as(context: PolicyContext, parameters: dict[str, Any]) -> AttributeJudge:
    peer = context.peer_as

    def judge(path: PathAttributes) -> str | None:
        if peer is None or not path.as_path or path.first_as == peer:
            return None
        return (
            f"{path.as_path_text}, peer is AS{peer}"
            if path.first_as is None
            else f"AS{path.first_as}, peer is AS{peer}"
        )

    return judge


def _bogon_asn(context: PolicyContext, parameters: dict[str, Any]) -> AttributeJudge:
    bogons = BOGON_ASNS + (DOCUMENTATION_ASNS if parameters["documentation"] else ())

    def judge(path: PathAttributes) -> str | None:
        for asn in path.asns:
            for block, label in bogons:
                if asn in block:
                    return f"AS{asn}, {label}"
        return None

    return judge


def _expressroute_asn(context: PolicyContext, parameters: dict[str, Any]) -> AttributeJudge:
    refused = int(parameters["asn"])
    return lambda path: path.as_path_text if refused in path.asns else None


def _next_hop(context: PolicyContext, parameters: dict[str, Any]) -> AttributeJudge:
    allowed = context.peer_address
    return lambda path: None if str(path.next_hop) == allowed else f"{path.next_hop}, peer is {allowed}"


RULES: dict[str, Rule] = {
    rule.id: rule
    for rule in (
        Rule(
            "prefix-too-long",
            "1101:1",
            "RFC 7454 §6.1.3",
            "the prefix is longer than the Internet accepts",
            {"ipv4": 24, "ipv6": 48},
            prefix=_too_long,
        ),
        Rule(
            "prefix-too-short",
            "1101:2",
            "simulator",
            "the prefix is shorter than any allocation",
            {"ipv4": 8, "ipv6": 16},
            prefix=_too_short,
        ),
        Rule(
            "default-route",
            "1101:2",
            "RFC 7454 §6.1.4",
            "a default route is not a peering route",
            prefix=_default_route,
        ),
        Rule(
            "bogon-prefix",
            "1101:3",
            "RFC 6890, RFC 8190",
            "the prefix is special-purpose space",
            {"documentation": True},
            prefix=_bogon_prefix,
        ),
        Rule(
            "exchange-lan",
            "1101:3",
            "RFC 7454 §6.1.5",
            "the exchange LAN must not be announced over it",
            prefix=_exchange_lan,
        ),
        Rule(
            "bogon-asn",
            "1101:4",
            "RFC 7607, RFC 6996, RFC 7300",
            "the AS path holds an ASN that does not belong on the Internet",
            {"documentation": True},
            attributes=_bogon_asn,
        ),
        Rule(
            "as-path-too-long", "1101:5", "simulator", "the AS path is too long", {"limit": 50}, attributes=_path_length
        ),
        Rule(
            "as-path-empty",
            "1101:6",
            "RFC 4271 §5.1.2",
            "an external peer's AS path is not empty",
            attributes=_empty_path,
        ),
        Rule("first-as", "1101:7", "RFC 4271 §6.3", "the first AS in the path is not the peer's", attributes=_first_as),
        Rule(
            "next-hop",
            "1101:8",
            "RFC 7454 §6.1.6",
            "the next hop is not the session's peer address",
            attributes=_next_hop,
        ),
        Rule("as-set", "", "RFC 9774", "AS_SET must not be used", attributes=_as_set),
        Rule("as-path-loop", "", "RFC 4271 §9.1.2", "our own AS is in the path", attributes=_loop),
        Rule(
            "as12076",
            "",
            "Microsoft's peering policy",
            "routes from AS12076 (ExpressRoute) must never cross a peering",
            {"asn": 12076},
            attributes=_expressroute_asn,
        ),
    )
}
"""Every rule by id, in the order in which verdicts name them."""
