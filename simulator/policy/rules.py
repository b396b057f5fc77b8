"""Every rule of the session policy: id, source, parameters, one sentence, and who judges by it."""

from __future__ import annotations

from simulator.policy import attribute_rules, prefix_rules, route_rules
from simulator.policy.registries import TRANSIT_FREE_ASNS
from simulator.policy.rule import MICROSOFT_AS, SIMULATOR, PolicyContext, Rule

__all__ = ["MICROSOFT_AS", "RULES", "PolicyContext", "Rule"]

_POLICY = "Microsoft's peering policy"
_OF_A_REGISTERED_PREFIX = f"{SIMULATOR}, after Microsoft's registered prefix requirements"
"""Microsoft says it of the validation of a registered prefix; that a session refuses the route is our choice."""
_ROUTE_SERVER = "Microsoft's exchange route server walkthrough"

_RULES = (
    Rule(
        id="prefix-too-long",
        euro_ix="1101:1",
        arouteserver=13,
        source="RFC 7454 §6.1.3",
        explanation="the prefix is longer than the Internet accepts",
        parameters={"ipv4": 24, "ipv6": 48, "registered": False},
        prefix=prefix_rules.too_long,
    ),
    Rule(
        id="prefix-too-short",
        euro_ix="1101:2",
        arouteserver=13,
        source=SIMULATOR,
        explanation="the prefix is shorter than any allocation",
        parameters={"ipv4": 8, "ipv6": 16},
        prefix=prefix_rules.too_short,
    ),
    Rule(
        id="default-route",
        euro_ix="1101:2",
        arouteserver=13,
        source="RFC 7454 §6.1.6",
        explanation="a default route is not a peering route",
        prefix=prefix_rules.default_route,
    ),
    Rule(
        id="bogon-prefix",
        euro_ix="1101:3",
        arouteserver=2,
        source="RFC 6890, RFC 8190",
        explanation="the prefix is special-purpose space",
        parameters={"documentation": True},
        prefix=prefix_rules.bogon_prefix,
    ),
    Rule(
        id="exchange-lan",
        euro_ix="1101:3",
        arouteserver=3,
        source="RFC 7454 §6.1.5",
        explanation="the exchange LAN must not be announced over it",
        prefix=prefix_rules.exchange_lan,
    ),
    Rule(
        id="microsoft-prefix",
        arouteserver=3,
        source="RFC 7454 §6.1.4",
        explanation="the prefix is one that Microsoft itself announces",
        prefix=prefix_rules.microsoft_prefix,
    ),
    Rule(
        id="bogon-asn",
        euro_ix="1101:4",
        arouteserver=7,
        source="RFC 7607, RFC 6996, RFC 7300",
        explanation="the AS path holds an ASN that does not belong on the Internet",
        parameters={"documentation": True},
        attributes=attribute_rules.bogon_asn,
    ),
    Rule(
        id="as-path-too-long",
        euro_ix="1101:5",
        arouteserver=1,
        source=SIMULATOR,
        explanation="the AS path is too long",
        parameters={"limit": 50},
        attributes=attribute_rules.path_length,
    ),
    Rule(
        id="as-path-empty",
        euro_ix="1101:6",
        arouteserver=1,
        source="RFC 4271 §5.1.2",
        explanation="an external peer's AS path is not empty",
        attributes=attribute_rules.empty_path,
    ),
    Rule(
        id="first-as",
        euro_ix="1101:7",
        arouteserver=6,
        source="RFC 4271 §6.3",
        explanation="the first AS in the path is not the peer's",
        attributes=attribute_rules.first_as,
    ),
    Rule(
        id="link-local-next-hop",
        euro_ix="1101:8",
        arouteserver=5,
        source="RFC 2545 §3",
        explanation="the IPv6 next hop has no global address",
        attributes=attribute_rules.link_local_next_hop,
    ),
    Rule(
        id="next-hop",
        euro_ix="1101:8",
        arouteserver=5,
        source="RFC 7454 §10",
        explanation="the next hop is not an address that this session may announce",
        parameters={"lan": False},
        attributes=attribute_rules.next_hop,
    ),
    Rule(
        id="as-set",
        source="RFC 9774",
        explanation="AS_SET must not be used",
        attributes=attribute_rules.as_set,
    ),
    Rule(
        id="as-path-loop",
        source="RFC 4271 §9.1.2",
        explanation="our own AS is in the path",
        attributes=attribute_rules.loop,
    ),
    Rule(
        id="as12076",
        arouteserver=7,
        source=_POLICY,
        explanation="routes from AS12076 (ExpressRoute) must never cross a peering",
        parameters={"asn": 12076},
        attributes=attribute_rules.refused_asn,
    ),
    Rule(
        id="transit-free-asn",
        euro_ix="1101:14",
        arouteserver=8,
        source=SIMULATOR,
        explanation="a network that buys no transit is in the path behind the peer, so that it is a leak",
        parameters={"asns": list(TRANSIT_FREE_ASNS)},
        attributes=attribute_rules.transit_free,
    ),
    Rule(
        id="otc",
        source="RFC 9234 §5",
        explanation="the Only to Customer attribute shows that it was leaked",
        parameters={"role": "peer"},
        attributes=attribute_rules.otc,
    ),
    Rule(
        id="too-many-communities",
        euro_ix="1101:15",
        source=SIMULATOR,
        explanation="it carries too many communities",
        parameters={"limit": 100},
        attributes=attribute_rules.many_communities,
    ),
    Rule(
        id="maps-community-missing",
        source=_OF_A_REGISTERED_PREFIX,
        explanation="the MAPS community is missing",
        parameters={"community": "8075:8007"},
        attributes=attribute_rules.community_missing,
    ),
    Rule(
        id="maps-as-path-too-long",
        source=_OF_A_REGISTERED_PREFIX,
        explanation="the AS path is too long for Peering Service",
        parameters={"limit": 3},
        attributes=attribute_rules.path_length,
    ),
    Rule(
        id="maps-private-asn",
        source=_OF_A_REGISTERED_PREFIX,
        explanation="Peering Service allows no private ASN in the path",
        attributes=attribute_rules.private_asn,
    ),
    Rule(
        id="maps-prepending",
        source=_OF_A_REGISTERED_PREFIX,
        explanation="Peering Service allows no prepending",
        attributes=attribute_rules.prepending,
    ),
    Rule(
        id="rpki-invalid",
        euro_ix="1101:13",
        arouteserver=14,
        source=f"{_POLICY}, RFC 6811",
        explanation="its origin is RPKI invalid",
        needs="vrp",
        route=route_rules.rpki_invalid,
    ),
    Rule(
        id="rpki-unknown",
        euro_ix="1101:12",
        source=f"{_POLICY}, RFC 6811",
        explanation="no VRP covers the prefix",
        needs="vrp",
        route=route_rules.rpki_unknown,
    ),
    Rule(
        id="irr-prefix",
        euro_ix="1101:9",
        arouteserver=12,
        source=_POLICY,
        explanation="the prefix is not registered in the IRR for this peer",
        needs="irr",
        route=route_rules.irr_prefix,
    ),
    Rule(
        id="irr-origin",
        euro_ix="1101:10",
        arouteserver=9,
        source=_POLICY,
        explanation="the origin AS is not in the peer's as-set",
        needs="irr",
        attributes=attribute_rules.irr_origin,
    ),
    Rule(
        id="registered-prefix",
        source=_OF_A_REGISTERED_PREFIX,
        explanation="the prefix is not one of the peering's registered prefixes",
        needs="registered-prefixes",
        route=route_rules.registered_prefix,
    ),
    Rule(
        id="registered-origin",
        source=_ROUTE_SERVER,
        explanation="the origin AS is not one of the peering's registered ASNs",
        needs="registered-asns",
        attributes=attribute_rules.registered_origin,
    ),
    Rule(
        id="long-prefix-as-path",
        source=_ROUTE_SERVER,
        explanation="a prefix longer than /24 must have an AS path shorter than 4",
        parameters={"ipv4": 24, "ipv6": 48, "limit": 3},
        route=route_rules.long_prefix_path,
    ),
)

RULES: dict[str, Rule] = {rule.id: rule for rule in _RULES}
"""Every rule by id."""
