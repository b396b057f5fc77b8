"""Two policies on one table: what changes is what two whole checks say differently, and nothing else."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from simulator.policy.profiles import PROFILES
from simulator.tables.session_policies import SessionPolicies
from simulator.tables.table_entries import FilePosition, Skipped, TableEntry, TableRoutes, Unreadable
from simulator.tables.tally import Judge
from simulator.tables.verdict_diff import VerdictChange, VerdictDiff
from tests.tables.support import ADDRESSES, PEER4, PEER6, SAMPLES, Sample

RULES = sorted({rule for profile in PROFILES.values() for rule in profile})
STRANGE: tuple[TableEntry, ...] = (
    Unreadable(FilePosition("line", 7), "makes no sense", 2),
    Skipped("KEEPALIVE", 3),
)


def routes_of(sample: Sample) -> TableRoutes:
    return TableRoutes(sample.family, (sample.key,), sample.attributes, PEER6 if ":" in sample.prefix else PEER4)


def cut(sample: Sample) -> TableRoutes:
    return TableRoutes(sample.family, (sample.key,), sample.attributes, PEER4, cut="BIRD")


ENTRIES = st.lists(
    st.one_of(st.sampled_from(STRANGE), st.sampled_from(SAMPLES).map(routes_of), st.sampled_from(SAMPLES).map(cut)),
    max_size=30,
)
POLICIES = st.builds(
    lambda profile, off: SessionPolicies(
        profile,
        settings={rule: False for rule in off if rule in PROFILES[profile]},
        peer_as=1103,
        addresses=ADDRESSES,
        lan=("206.126.236.0/22",),
    ),
    st.sampled_from(sorted(PROFILES)),
    st.sets(st.sampled_from(RULES), max_size=8),
)


@given(ENTRIES, POLICIES, POLICIES)
def test_what_changes_is_what_two_checks_say_differently(
    entries: list[TableEntry], one: SessionPolicies, two: SessionPolicies
) -> None:
    diff = VerdictDiff(Judge(one.session), Judge(two.session))
    found = list(diff.changed(entries))
    expected: list[tuple[TableEntry, bytes, VerdictChange]] = []
    old_judge, new_judge = Judge(one.session), Judge(two.session)
    for entry in entries:
        old = {key: hits.get(key, ()) for routes, hits in old_judge.judge([entry]) for key in routes.keys}
        new = {key: hits.get(key, ()) for routes, hits in new_judge.judge([entry]) for key in routes.keys}
        for key in old.keys() & new.keys():
            before, after = {hit.rule for hit in old[key]}, {hit.rule for hit in new[key]}
            if before != after:
                kind = VerdictChange.OTHER_RULES if before and after else VerdictChange.WON
                expected.append((entry, key, kind if before else VerdictChange.LOST))
    assert Counter((each.key, each.change) for each in found) == Counter((key, change) for _, key, change in expected)
    assert diff.tally.changed == len(expected)
    assert (diff.old.tally, diff.new.tally) == (old_judge.tally, new_judge.tally), "both count the whole file"


@given(ENTRIES, POLICIES)
def test_a_policy_is_itself(entries: list[TableEntry], policy: SessionPolicies) -> None:
    diff = VerdictDiff(Judge(policy.session), Judge(policy.session))
    assert list(diff.changed(entries)) == []
    assert not diff.tally.changed and not diff.tally.begins and not diff.tally.ends


def test_a_rule_that_is_switched_off_ends_and_one_that_is_switched_on_begins() -> None:
    strict = SessionPolicies("exchange", peer_as=1103, addresses=ADDRESSES)
    loose = SessionPolicies("exchange", settings={"as12076": False}, peer_as=1103, addresses=ADDRESSES)
    (only,) = [sample for sample in SAMPLES if sample.rules == ("as12076",)]
    for old, new, change in ((strict, loose, VerdictChange.WON), (loose, strict, VerdictChange.LOST)):
        diff = VerdictDiff(Judge(old.session), Judge(new.session))
        found = list(diff.changed(map(routes_of, SAMPLES)))
        assert [(each.key, each.change) for each in found] == [(only.key, change)]
        assert (diff.tally.ends if change is VerdictChange.WON else diff.tally.begins) == {"as12076": 1}
