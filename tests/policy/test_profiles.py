"""What each profile has, what a topology may change in it, and that judging many is judging each."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.policy import pages
from simulator.policy.policy import PROFILES, Policy, PolicyError, check_settings, verdict
from simulator.policy.registries import DOCUMENTATION, MARTIANS, REACHABLE
from simulator.policy.rules import RULES
from simulator.policy.verdict import Hit, RouteOutcome, Verdict
from simulator.session.messages import Family
from simulator.wire import nlri
from tests.examples import examples
from tests.policy.support import DATA, LAN, OWN, PREFIX, V4, V6, context, fired, key, path

PREFIXES = {"prefix-too-long", "prefix-too-short", "default-route", "bogon-prefix", "microsoft-prefix"}
PATHS = {
    *("bogon-asn", "as-path-too-long", "as-path-empty", "link-local-next-hop", "next-hop", "as-set", "as-path-loop"),
    *("as12076", "transit-free-asn", "otc", "too-many-communities"),
}
ORIGINS = {"rpki-invalid", "rpki-unknown", "irr-prefix", "irr-origin"}
MAPS = {"maps-community-missing", "maps-as-path-too-long", "maps-private-asn", "maps-prepending"}
REGISTERED = {"registered-prefix", "registered-origin"}


def test_what_each_profile_has() -> None:
    common = PREFIXES | PATHS | ORIGINS
    assert set(PROFILES) == {"exchange", "direct", "ixrs", "peering-service"}
    assert set(PROFILES["exchange"]) == common | {"exchange-lan", "first-as"}
    assert set(PROFILES["direct"]) == common | {"first-as"}
    registered = {"exchange-lan", "long-prefix-as-path", "maps-community-missing"} | REGISTERED
    assert set(PROFILES["ixrs"]) == common | registered
    assert set(PROFILES["peering-service"]) == common | {"first-as"} | MAPS | REGISTERED
    assert set().union(*PROFILES.values()) == set(RULES), "a rule that no profile has is no rule"


@pytest.mark.parametrize("profile", PROFILES)
def test_profiles_give_parameters_that_their_rules_know(profile: str) -> None:
    check_settings(profile, PROFILES[profile])
    off = {name for name, setting in PROFILES[profile].items() if setting is False}
    maps = {"maps-community-missing"} if profile == "ixrs" else set()
    assert off == {"rpki-unknown"} | maps, "Microsoft may refuse what is not signed, and does not say that it does"


def test_sources_tell_microsofts_word_from_good_practice_and_from_this_labs_choice() -> None:
    microsoft = {name for name, rule in RULES.items() if rule.source.startswith("Microsoft")}
    ours = {name for name, rule in RULES.items() if rule.source == "simulator"}
    after = {name for name, rule in RULES.items() if rule.source.startswith("simulator, after Microsoft")}
    assert microsoft == ORIGINS | {"as12076", "registered-origin", "long-prefix-as-path"}
    assert after == MAPS | {"registered-prefix"}, "what is said of a prefix's validation is chosen for a session"
    chosen = {"prefix-too-short", "as-path-too-long", "transit-free-asn", "too-many-communities"}
    assert ours == chosen, "a rule that this lab chose for itself is named here"
    assert all(RULES[name].source.startswith("RFC ") for name in set(RULES) - microsoft - ours - after)


def test_the_euro_ix_vocabulary_is_used_up() -> None:
    ids = {rule.euro_ix for rule in RULES.values() if rule.euro_ix}
    # 11, "prefix not in origin AS", is about route objects that bgpq4's lists do not have.
    assert ids == {f"1101:{number}" for number in range(1, 16) if number != 11}
    assert all(rule.arouteserver in {None, *range(1, 16)} for rule in RULES.values())


def test_explanations_complete_a_sentence() -> None:
    for rule in RULES.values():
        assert rule.explanation[0].islower() or rule.explanation.startswith(("AS_SET", "Peering Service")), rule.id
        assert not rule.explanation.endswith(".")
    assert pages.rules().count("\n") == len(RULES) + 1


def test_a_rule_that_is_off_in_the_profile_can_be_switched_on() -> None:
    route = path(V4)
    assert fired(Policy("exchange", context(V4, data=DATA)), V4, "20.8.0.0/16", route) == ["irr-prefix"]
    on = Policy("exchange", context(V4, data=DATA), {"rpki-unknown": True, "irr-prefix": False})
    assert fired(on, V4, "20.8.0.0/16", route) == ["rpki-unknown"]


def test_the_topologys_parameters_go_before_the_profiles() -> None:
    route = path(V4, next_hop=path(V4).next_hop)
    there = Policy("ixrs", context(V4, peer_address="206.126.236.1"))
    assert fired(there, V4, PREFIX[V4], route) == []
    here = Policy("ixrs", context(V4, peer_address="206.126.236.1"), {"next-hop": {"lan": False}})
    assert fired(here, V4, PREFIX[V4], route) == ["next-hop"]


@pytest.mark.parametrize(
    ("profile", "given", "message"),
    [
        ("direct", {"exchange-lan": False}, "profile 'direct' has no rule 'exchange-lan'"),
        ("ixrs", {"first-as": True}, "profile 'ixrs' has no rule 'first-as'"),
        (
            "exchange",
            {"prefix-too-long": {"ipv4": 33}},
            "rule 'prefix-too-long': ipv4 is a prefix length, 0 to 32, not 33",
        ),
        ("exchange", {"prefix-too-short": {"ipv6": 129}}, "ipv6 is a prefix length, 0 to 128, not 129"),
        ("exchange", {"as-path-too-long": {"limit": -1}}, "limit is a number from 0, not -1"),
        ("exchange", {"too-many-communities": {"limit": -1}}, "limit is a number from 0, not -1"),
        ("ixrs", {"long-prefix-as-path": {"limit": -1}}, "limit is a number from 0, not -1"),
        (
            "exchange",
            {"otc": {"role": "friend"}},
            "role is one of provider, rs, rs-client, customer, peer, not 'friend'",
        ),
        ("exchange", {"transit-free-asn": {"asns": 174}}, "'asns' is list, not 174"),
        ("exchange", {"transit-free-asn": {"asns": ["AS174"]}}, "'asns' is a list of int, not of 'AS174'"),
        ("peering-service", {"maps-community-missing": {"community": "8075"}}, "written as 8075:8007, not '8075'"),
        ("peering-service", {"maps-community-missing": {"community": "8075:65536"}}, "written as 8075:8007"),
    ],
)
def test_a_parameter_that_makes_no_sense(profile: str, given: dict[str, Any], message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        check_settings(profile, given)


def test_verdicts_name_every_rule_and_what_denial_makes_of_them() -> None:
    policy = Policy("exchange", context(V4, data=DATA))
    good, bad = path(V4), path(V4, 12076, 174)
    assert policy.verdict(V4, key(PREFIX[V4]), good, denied=True) == Verdict(RouteOutcome.WITHHOLD)
    assert policy.verdict(V4, key(PREFIX[V4]), good, denied=False) == Verdict(RouteOutcome.ACCEPT)
    for denied in (True, False):
        told = policy.verdict(V4, key("10.0.0.0/25"), bad, denied=denied)
        assert told.outcome is RouteOutcome.REJECT
        assert [hit.rule for hit in told.hits] == [
            *("prefix-too-long", "bogon-prefix", "irr-prefix", "as12076", "transit-free-asn", "irr-origin"),
        ]
    assert verdict((Hit("a", "b", "c"),), denied=True).outcome is RouteOutcome.REJECT


def test_values_tell_what_is_wrong() -> None:
    policy = Policy("exchange", context(V4, data=DATA), {"rpki-unknown": True})

    def values(prefix: str, *asns: int) -> dict[str, str]:
        return {h.rule: h.value for h in policy.verdict(V4, key(prefix), path(V4, *asns), denied=False).hits}

    assert values("20.1.0.0/19")["rpki-invalid"] == "20.1.0.0/19 from AS3321, VRPs: AS3321 20.1.0.0/16-18"
    assert values("20.8.0.0/16")["rpki-unknown"] == "20.8.0.0/16 from AS3321, no VRP covers it"
    assert values("20.8.0.0/16")["irr-prefix"] == "20.8.0.0/16 is not in the peer's prefix list"
    assert values(PREFIX[V4], 3334)["irr-origin"] == "AS3334 is not in the peer's as-set"
    assert values("13.64.0.0/16")["microsoft-prefix"] == "within 13.64.0.0/11, Microsoft"
    assert values(PREFIX[V4], 174)["transit-free-asn"] == "AS174 in 3321 174"


def test_other_data_is_another_policy() -> None:
    before = Policy("exchange", context(V4), {"irr-prefix": False})
    after = before.with_data(DATA)
    assert fired(before, V4, "20.1.0.0/19", path(V4)) == []
    assert fired(after, V4, "20.1.0.0/19", path(V4)) == ["rpki-invalid"]
    assert after.profile == before.profile and after.settings == before.settings and after.taking == before.taking


BASES = [prefix for prefix, _ in (*MARTIANS, *REACHABLE, *DOCUMENTATION, *OWN)] + [*LAN, *PREFIX.values()]


@st.composite
def keys(draw: st.DrawFn, family: Family) -> bytes:
    """Near what some rule is about, a little longer or shorter."""
    known = [k for f, k in map(nlri.key, BASES) if f is family]
    base = draw(st.one_of(st.sampled_from(known), st.just(b"\0")))
    length = draw(st.integers(0, family.max_length))
    size = family.max_length // 8
    value = int.from_bytes(base[1:].ljust(size, b"\0"), "big")
    value ^= draw(st.integers(0, 3)) << max(family.max_length - max(length, 1) - draw(st.integers(0, 2)), 0)
    value = value >> (family.max_length - length) << (family.max_length - length)
    return bytes((length,)) + value.to_bytes(size + 1, "big")[1:][: (length + 7) // 8]


@settings(max_examples=examples(300), deadline=None)
@given(data=st.data(), family=st.sampled_from(Family), profile=st.sampled_from(sorted(PROFILES)))
def test_judging_many_is_asking_every_rule_about_each(data: st.DataObject, family: Family, profile: str) -> None:
    off = data.draw(st.sets(st.sampled_from(sorted(PROFILES[profile])), max_size=6))
    given_: dict[str, Any] = {"rpki-unknown": True, **dict.fromkeys(off, False)}
    policy = Policy(profile, context(family, data=DATA), given_)
    route = path(family, *data.draw(st.sampled_from([(), (3333,), (3334, 5)])))
    asked = data.draw(st.lists(keys(family), max_size=12))
    expected: dict[bytes, list[str]] = {}
    for k in asked:
        names = [rule.id for rule, test in policy._prefix if test.judge(family, k) is not None]
        names += [rule.id for rule, judge in policy._route if list(judge(family, [k], route))]
        if names:
            expected[k] = names
    found = policy.judge_prefixes(family, asked, route)
    assert {k: [hit.rule for hit in hits] for k, hits in found.items()} == expected
    assert {k: hits for k in asked if (hits := policy.judge_prefix(family, k, route))} == found


def test_nothing_is_asked_about_an_ordinary_prefix() -> None:
    policy = Policy("exchange", context(V6))
    assert policy._screen(V6)[32][0x2A] == 0 and policy._screen(V6)[49][0x2A] == 1
    assert policy._screen(V4)[24][20] == 0 and policy._screen(V4)[24][13] == 1
