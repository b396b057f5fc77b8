"""The judges of the rules that look at a prefix alone."""

from __future__ import annotations

from netaddr import IPNetwork

from simulator.policy.prefixes import PrefixSet
from simulator.policy.registries import DOCUMENTATION, MARTIANS, REACHABLE
from simulator.policy.rule import Parameters, PolicyContext, PrefixJudge, PrefixTest
from simulator.session.messages import Family

_MARTIANS = PrefixSet(MARTIANS)
_BOGONS = PrefixSet(MARTIANS + DOCUMENTATION)
_EXCEPTED = {str(IPNetwork(prefix)) for prefix, _ in REACHABLE}
_MARTIANS_BUT = PrefixSet(MARTIANS + REACHABLE)
_BOGONS_BUT = PrefixSet(MARTIANS + DOCUMENTATION + REACHABLE)


def _bounds(parameters: Parameters) -> tuple[int, int]:
    ipv4, ipv6 = parameters["ipv4"], parameters["ipv6"]
    if not 0 <= ipv4 <= 32:
        raise ValueError(f"ipv4 is a prefix length, 0 to 32, not {ipv4}")
    if not 0 <= ipv6 <= 128:
        raise ValueError(f"ipv6 is a prefix length, 0 to 128, not {ipv6}")
    return ipv4, ipv6


def too_long(context: PolicyContext, parameters: Parameters) -> PrefixTest:
    ipv4, ipv6 = _bounds(parameters)
    registered = context.data.registered_prefixes if parameters["registered"] else None

    def judge(family: Family, key: bytes) -> str | None:
        if key[0] <= (ipv4 if family is Family.IPV4 else ipv6):
            return None
        return None if registered is not None and registered.covers(family, key) else f"/{key[0]}"

    return PrefixTest(judge, longest=(ipv4, ipv6))


def too_short(context: PolicyContext, parameters: Parameters) -> PrefixTest:
    ipv4, ipv6 = _bounds(parameters)
    return PrefixTest(
        lambda family, key: f"/{key[0]}" if 0 < key[0] < (ipv4 if family is Family.IPV4 else ipv6) else None,
        shortest=(ipv4, ipv6),
    )


def default_route(context: PolicyContext, parameters: Parameters) -> PrefixTest:
    return PrefixTest(lambda family, key: None if key[0] else "/0", shortest=(1, 1))


def _covered_by(members: PrefixSet) -> PrefixJudge:
    def judge(family: Family, key: bytes) -> str | None:
        found = members.covering(family, key)
        return f"within {found[0]}, {found[1]}" if found else None

    return judge


def bogon_prefix(context: PolicyContext, parameters: Parameters) -> PrefixTest:
    documentation = parameters["documentation"]
    members = _BOGONS_BUT if documentation else _MARTIANS_BUT

    def judge(family: Family, key: bytes) -> str | None:
        found = members.covering(family, key)
        return None if found is None or found[0] in _EXCEPTED else f"within {found[0]}, {found[1]}"

    return PrefixTest(judge, members=_BOGONS if documentation else _MARTIANS)


def exchange_lan(context: PolicyContext, parameters: Parameters) -> PrefixTest | None:
    if not context.lan:
        return None
    members = PrefixSet((prefix, "the exchange LAN") for prefix in context.lan)
    return PrefixTest(_covered_by(members), members=members)


def microsoft_prefix(context: PolicyContext, parameters: Parameters) -> PrefixTest | None:
    return PrefixTest(_covered_by(context.own), members=context.own) if context.own else None
