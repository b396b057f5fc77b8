"""The session policy as assertions: the verdicts of `turnup policy check`, and failures that teach."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.policy.verdict import RouteOutcome
from simulator.tables.session_policies import SessionPolicies
from simulator.testing.offline import OfflinePolicy, turnup_policy
from simulator.testing.route import AnnouncedRoute
from tests.tables.support import ADDRESSES, FILES, SAMPLES, Sample, exabgp
from tests.users_pytest import users_pytest

ROOT = Path(__file__).parents[2]
POLICY = OfflinePolicy(SessionPolicies("exchange", peer_as=1103, addresses=ADDRESSES))
DATA: dict[str, Any] = {"peer_as": 1103, "peer_addresses": ["192.0.2.1", "2001:db8::1"]}


def route_of(sample: Sample) -> AnnouncedRoute:
    return AnnouncedRoute(
        sample.prefix, sample.path, sample.communities, sample.large, next_hop=sample.hop, med=sample.med
    )


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"{sample.prefix} {sample.path}")
def test_the_verdicts_are_those_of_a_table(sample: Sample) -> None:
    found = POLICY.verdict(route_of(sample))
    assert {hit.rule for hit in found.hits} == set(sample.rules)
    if sample.rules:
        for rule in sample.rules:
            POLICY.rejects(route_of(sample), rule=rule)
        with pytest.raises(AssertionError, match="should be accepted"):
            POLICY.accepts(route_of(sample))
    else:
        assert POLICY.accepts(route_of(sample)).outcome is RouteOutcome.ACCEPT
        with pytest.raises(AssertionError, match="should be rejected, and exchange accepts it"):
            POLICY.rejects(route_of(sample))


@given(st.sampled_from(SAMPLES), st.sampled_from(SAMPLES))
def test_one_question_changes_nothing_for_the_next(first: Sample, then: Sample) -> None:
    policy = OfflinePolicy(SessionPolicies("exchange", peer_as=1103, addresses=ADDRESSES))
    policy.verdict(route_of(first))
    assert policy.verdict(route_of(then)) == POLICY.verdict(route_of(then))


@pytest.mark.parametrize("name", FILES)
def test_routes_of_a_file_are_judged_as_they_stand(name: str, tmp_path: Path) -> None:
    (tmp_path / "table").write_bytes(FILES[name][1](SAMPLES))
    policy = turnup_policy("exchange", **DATA)
    found = {
        route.prefix: {hit.rule for hit in policy.verdict(route).hits} for route in policy.routes(tmp_path / "table")
    }
    assert found == {sample.prefix: set(sample.rules) for sample in SAMPLES}


def test_a_file_with_something_unreadable_is_no_list_of_routes(tmp_path: Path) -> None:
    (tmp_path / "table").write_bytes(exabgp(SAMPLES) + b"route nonsense\n")
    with pytest.raises(ValueError, match="table: line 15"):
        POLICY.routes(tmp_path / "table")
    with pytest.raises(ValueError, match="there is no such file"):
        POLICY.routes(tmp_path / "nowhere")


def test_a_failure_names_rule_source_and_remedy() -> None:
    with pytest.raises(AssertionError) as failure:
        POLICY.accepts("41.0.0.0/25", as_path="1103 174")
    text = str(failure.value)
    assert text.startswith("41.0.0.0/25 path 1103 174 should be accepted, and exchange rejects it:")
    assert "prefix-too-long: the prefix is longer than the Internet accepts (/25) [RFC 7454 §6.1.3]" in text
    assert "to mend it: announce the aggregate (/24 or shorter)" in text
    assert "transit-free-asn" in text and "{" not in text


def test_a_rule_that_had_nothing_to_judge_by_is_named() -> None:
    with pytest.raises(AssertionError, match=r"rpki-invalid \(which did not judge: there is no vrp data\)"):
        POLICY.rejects("41.0.0.0/16", rule="rpki-invalid")


def test_the_peer_s_own_path_and_next_hop_are_taken_where_none_is_given() -> None:
    POLICY.accepts("41.0.0.0/16")
    POLICY.rejects("41.0.0.0/16", as_path=[3356, 1103], rule="first-as")
    POLICY.rejects("41.0.0.0/16", next_hop="192.0.2.77", rule="next-hop")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: POLICY.rejects("41.0.0.0/16", rule="bogon"), "has no rule 'bogon'"),
        (lambda: POLICY.accepts("41.0.0.0/8/8"), "write it as address/length"),
        (lambda: POLICY.accepts("41.0.0.0/16", communities="1:2"), "communities is a list"),
        (lambda: POLICY.accepts(AnnouncedRoute("41.0.0.0/16"), as_path="1"), "has its attributes already"),
        (lambda: turnup_policy("exchang"), "no policy profile 'exchang'"),
        (lambda: turnup_policy("exchange", vrp=["nowhere.json"]), "nowhere.json"),
    ],
)
def test_a_question_that_makes_no_sense_is_no_verdict(call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()


def test_what_is_left_out_of_a_data_file_is_a_warning(tmp_path: Path) -> None:
    roas = [
        {"asn": 1103, "prefix": "41.0.0.0/16", "maxLength": 16},
        {"asn": 1, "prefix": "41.0.0.0/16", "maxLength": 99},
    ]
    (tmp_path / "vrps.json").write_text(json.dumps({"roas": roas}))
    with pytest.warns(UserWarning, match="vrps.json"):
        policy = turnup_policy("exchange", vrp=[tmp_path / "vrps.json"], **DATA)
    policy.accepts("41.0.0.0/16", as_path="1103")
    policy.rejects("41.0.0.0/16", as_path="1103 1136", rule="rpki-invalid")


_USER = """
import pytest
from simulator.testing.offline import turnup_policy as make

POLICY = make("exchange", peer_as=1103)


@pytest.fixture(scope="session")
def policy(turnup_policy):
    return turnup_policy("exchange", topology=TOPOLOGY)


def test_ours(policy):
    policy.accepts("41.0.0.0/16", as_path="64496")


@pytest.mark.parametrize("route", POLICY.routes("announcements.txt"), ids=str)
def test_all(route):
    POLICY.accepts(route)
"""


def test_a_users_project_fails_for_a_leak_and_passes_without(tmp_path: Path) -> None:
    topology = ROOT / "topologies" / "exchange.yaml"
    (tmp_path / "test_policy.py").write_text(_USER.replace("TOPOLOGY", repr(str(topology))))
    (tmp_path / "announcements.txt").write_text(
        "route 41.1.0.0/16 next-hop self as-path [ 1103 ]\nroute 41.2.0.0/16 next-hop self as-path [ 1103 174 ]\n"
    )
    leaking = users_pytest(tmp_path)
    assert leaking.returncode == 1, leaking.stdout
    assert "test_all[41.2.0.0/16 path 1103 174]" in leaking.stdout and "transit-free-asn" in leaking.stdout
    assert "offline.py" not in leaking.stdout, "the failure points at the user's own line"
    (tmp_path / "announcements.txt").write_text("route 41.1.0.0/16 next-hop self as-path [ 1103 ]\n")
    clean = users_pytest(tmp_path)
    assert (clean.returncode, "2 passed" in clean.stdout) == (0, True), clean.stdout


def test_who_does_not_use_it_imports_nothing_of_it() -> None:
    code = "import sys, simulator.testing.plugin; print([m for m in sys.modules if m.startswith('simulator.')])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['simulator.compiled', 'simulator.testing', 'simulator.testing.plugin']"
