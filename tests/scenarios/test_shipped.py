"""The scenarios that come with turnup: each passes with BIRD and FRR, and together they cover the life cycle and the
policy, by the tables of both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator.connection.states import Flow
from simulator.connection.table import TABLE, Row
from simulator.policy.rules import RULES
from simulator.recording.file import RecordingReader
from simulator.recording.player import RecordingPlayer
from simulator.scenarios.conditions import Conditions
from simulator.scenarios.load import LoadedScenario, load, plan
from simulator.scenarios.model import PlannedStep, ScenarioCase
from simulator.scenarios.play import PlayOptions, play_all, recording_of
from simulator.scenarios.results import CaseOutcome, CaseResult, TakenStep
from simulator.scenarios.shipped import shipped
from tests.lab_support import require_bird, require_program

SCENARIOS = [load(file) for file in shipped().values()]
_NAMES = [scenario.name for scenario in SCENARIOS]
IN_CI = ("simulated", "bird", "frr")


FAMILY = {"bird": "IPv4", "frr": "IPv6", "simulated": "IPv4"}
"""Of a scenario that is played with one family at a time."""


def _is_in_ci(case: ScenarioCase) -> bool:
    router, family = case.variant.get("router"), case.variant.get("family")
    return router in IN_CI and family in (None, FAMILY[router])


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where each case that is played leaves its recording."""
    return tmp_path_factory.mktemp("recordings")


@pytest.fixture(scope="module")
def played(recordings: Path) -> list[CaseResult]:
    require_bird()
    require_program("vtysh")
    cases = [case for scenario in SCENARIOS for case in scenario.cases if _is_in_ci(case)]
    options = PlayOptions(record=str(recordings))
    return play_all(cases, options, 6, lambda result: None)  # most of a lab's time is waiting


@pytest.mark.privileged
@pytest.mark.router
@pytest.mark.xdist_group("scenarios")
@pytest.mark.timeout(300)
def test_every_scenario_passes_with_bird_and_frr(played: list[CaseResult]) -> None:
    assert [result.detail or result.text for result in played if result.outcome is not CaseOutcome.PASSED] == []
    for scenario in SCENARIOS:
        routers = {result.case.variant.get("router") for result in played if result.case.name == scenario.name}
        assert {"bird", "frr"} <= routers, scenario.name


@pytest.mark.privileged
@pytest.mark.router
@pytest.mark.xdist_group("scenarios")
def test_every_recording_of_a_scenario_comes_out_as_it_was_recorded(played: list[CaseResult], recordings: Path) -> None:
    files = {str(result.case): recording_of(result.case, str(recordings)) for result in played}
    found = {name: RecordingPlayer(RecordingReader(file)).play() for name, file in files.items()}
    told = {name: [*map(str, each.differences)] for name, each in found.items()}
    assert {name: why for name, why in told.items() if why} == {}
    assert [name for name, each in found.items() if each.cut_off or each.tampered or each.result is None] == []


def _taken(row: Row, steps: set[TakenStep]) -> bool:
    flows = [flow for flow in Flow if flow in row.flows]
    wanted = (row.source.value, row.event.value, row.target.value)
    return any(TakenStep(flow.value, *wanted) in steps for flow in flows)


@pytest.mark.privileged
@pytest.mark.router
@pytest.mark.xdist_group("scenarios")
def test_every_step_of_the_life_cycle_is_taken_by_a_scenario(played: list[CaseResult]) -> None:
    steps = {step for result in played if result.outcome is CaseOutcome.PASSED for step in result.steps}
    missing = [f"{row.source} × {row.event} → {row.target}" for row in TABLE if not _taken(row, steps)]
    assert missing == []


def _looked_at(steps: tuple[PlannedStep, ...]) -> Iterator[Conditions]:
    for step in steps:
        if isinstance(step.argument, Conditions):
            yield step.argument
        yield from _looked_at(step.steps)


def _rules(scenario: LoadedScenario, directory: Path) -> set[str]:
    """Every rule that a scenario expects to refuse a route, with each router that CI plays."""
    found = set()
    for case in scenario.cases:
        if _is_in_ci(case):
            for conditions in _looked_at(plan(scenario, case, directory).steps):
                found |= {route.rule for route in conditions.rejects or () if route.rule is not None}
    return found


def test_every_rule_of_the_policy_is_expected_by_a_scenario(tmp_path: Path) -> None:
    expected: set[str] = set().union(*(_rules(scenario, tmp_path) for scenario in SCENARIOS))
    assert set(RULES) - expected == set()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=_NAMES)
def test_a_scenario_begins_with_what_it_is_about_and_proves_something(scenario: LoadedScenario) -> None:
    text = scenario.file.read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert scenario.proves.endswith(".")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=_NAMES)
def test_every_case_of_the_long_matrix_is_valid(scenario: LoadedScenario, tmp_path: Path) -> None:
    for case in scenario.cases:
        plan(scenario, case, tmp_path)
