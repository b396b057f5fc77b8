"""What comes of a case: what holds, what does not and how that is told, what must not happen, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.scenarios.load import load
from simulator.scenarios.play import PlayOptions, play, recording_of
from simulator.scenarios.results import CaseOutcome, CaseResult

_HEAD = """name: x
proves: Something.
changes:
  times: {soak: 0.1, deadline: 10}
  microsoft: {announce: [{prefixes: [13.64.0.0/11]}]}
  peering: {connections: [{edge: ash-edge-1}], families: [IPv4]}
  peer: {announce: [{prefixes: [192.0.2.0/24, 10.0.0.0/24]}]}
steps:
"""
_UP = "- request\n- approve\n- notify\n- wait: {connection-state: Active}\n- expect: {router-has: 13.64.0.0/11}\n"
_FIRST = _HEAD.count("\n") + 1
"""The line of the first step."""


def played(steps: str, tmp_path: Path, options: PlayOptions | None = None) -> CaseResult:
    file = tmp_path / "x.scenario.yaml"
    file.write_text(_HEAD + steps)
    return play(load(file).cases[0], options or PlayOptions())


def failure(steps: str, tmp_path: Path) -> str:
    """Its first line, without the directory."""
    result = played(steps, tmp_path)
    assert result.outcome is CaseOutcome.FAILED, result
    return result.text.replace(f"{tmp_path}/", "")


def test_what_holds_passes_and_its_steps_are_kept(tmp_path: Path) -> None:
    steps = """- expect:
    connection-state: [Active, Validating]
    bgp-state: Established
    gate: open
    established-times: 1
    accepts: {prefix: 192.0.2.0/24, as-path: [64496]}
    rejects: 10.0.0.0/24
    received: 2
    rejected: 1
    sent: 1
    router-has: 13.64.0.0/11
    router-lacks: 20.0.0.0/11
    lacks: 198.51.100.0/24
"""
    result = played(_UP + steps, tmp_path)
    assert (result.outcome, result.text) == (CaseOutcome.PASSED, "")
    assert [step.target for step in result.steps][-2:] == ["Validating", "Active"]


WRONG = {
    "state": ("connection-state: Validating", "nothing more comes by itself (contoso-ashburn/ash-edge-1 waits for this: nothing: traffic is allowed): the connection is Active"),
    "error message": ("error-message: taken", "its errorMessage is ''"),
    "failing": ("failing: T1", "the checks that failed are"),
    "diagnosis": ("diagnosis: md5-missing", "the first cause is bogon-prefix"),
    "no diagnosis": ("diagnosis: none", "the first cause is bogon-prefix (peer has to act)"),
    "bgp state": ("bgp-state: Idle", "BGP is Established"),
    "gate": ("gate: shut", "the gate is open"),
    "times": ("established-times: 2", "it came up 1 time"),
    "notification": ("notification: 6/2", "no NOTIFICATION was exchanged"),
    "accepts": ("accepts: 10.0.0.0/24", "10.0.0.0/24 is refused by bogon-prefix: the prefix is special-purpose space (within 10.0.0.0/8, private use, RFC 1918) [RFC 6890, RFC 8190]"),
    "accepts with a path": ("accepts: {prefix: 192.0.2.0/24, as-path: [64496, 64500]}", "192.0.2.0/24 has the AS path 64496"),
    "accepts with a community": ("accepts: {prefix: 192.0.2.0/24, communities: ['8075:8007']}", "192.0.2.0/24 lacks the community 8075:8007"),
    "accepts what is not there": ("accepts: 198.51.100.0/24", "198.51.100.0/24 is not announced"),
    "withholds": ("withholds: 192.0.2.0/24", "192.0.2.0/24 is accepted: the gate is open"),
    "rejects": ("rejects: 192.0.2.0/24", "no rule refuses 192.0.2.0/24"),
    "rejects by another rule": ("rejects: {prefix: 10.0.0.0/24, rule: otc}", "10.0.0.0/24 is refused by bogon-prefix"),
    "lacks": ("lacks: 192.0.2.0/24", "192.0.2.0/24 is announced"),
    "received": ("received: 3", "there are 2"),
    "router has": ("router-has: 20.0.0.0/11", "contoso does not hold 20.0.0.0/11 (it holds 1 prefix)"),
    "router lacks": ("router-lacks: 13.64.0.0/11", "contoso holds 13.64.0.0/11"),
    "event": ("event: prefix-limit", "events since the last step is so"),
    "no session of the family": ("accepts: '2001:db8::/32'", "there is no connection or session of that kind here"),
}  # fmt: skip
# ruff: noqa: E501 - a row is an expectation and what is seen instead


@pytest.mark.parametrize(("expected", "seen"), WRONG.values(), ids=WRONG)
def test_what_does_not_hold_fails_with_its_line_and_with_what_was_seen(
    expected: str, seen: str, tmp_path: Path
) -> None:
    told = failure(f"{_UP}- expect: {{{expected}}}\n  within: 0.2\n", tmp_path)
    assert told.startswith(f"x.scenario.yaml:{_FIRST + 5}: expect ")
    assert seen in told


def test_a_failure_has_the_rule_the_remedy_and_the_last_events_of_both_axes(tmp_path: Path) -> None:
    told = played(f"{_UP}- expect: {{accepts: 10.0.0.0/24}}\n  within: 0.1\n", tmp_path).detail
    detail = " ".join(told.split())  # it is laid out for 80 columns
    assert "connection Active, BGP Established, gate open" in detail
    assert "10.0.0.0/24 path 64496: bogon-prefix: " in detail
    assert "to mend it, the peer has to act: do not announce" in detail
    assert "Validating → Active: the end-to-end validation passed" in detail
    assert "OpenConfirm → Established: KEEPALIVE received" in detail
    assert "--report DIR keeps the report" in detail


def test_the_report_lies_where_the_failure_says(tmp_path: Path) -> None:
    options = PlayOptions(report=str(tmp_path / "reports"))
    result = played(f"{_UP}- expect: {{bgp-state: Idle}}\n  within: 0.1\n", tmp_path, options)
    assert result.report == str(tmp_path / "reports" / "x")
    assert result.report in result.detail
    assert {"report.html", "events.jsonl", "wire.pcap"} <= {path.name for path in Path(result.report).iterdir()}


def test_what_can_no_longer_come_is_not_waited_for(tmp_path: Path) -> None:
    told = failure("- request\n- reject\n- wait: {connection-state: Active}\n  within: 600\n", tmp_path)
    assert (
        "nothing more comes by itself (contoso-ashburn/ash-edge-1 waits for this: the peer deletes the request" in told
    )


def test_a_refusal_is_expected_in_its_words(tmp_path: Path) -> None:
    assert played("- approve:\n  refused: does not apply to .* None\n", tmp_path).outcome is CaseOutcome.PASSED
    assert "approve was refused: contoso-ashburn/ash-edge-1: 'approved' does not apply" in failure(
        "- approve\n", tmp_path
    )
    told = failure("- approve:\n  refused: no such peering\n", tmp_path)
    assert "was to be refused with 'no such peering', and was with: " in told
    assert "request was to be refused, and was done" in failure("- request:\n  refused: .\n", tmp_path)


def test_what_must_not_happen_ends_the_case(tmp_path: Path) -> None:
    steps = f"{_UP}- meanwhile:\n    never:\n    - {{gate: shut}}\n  steps:\n  - deny\n  - revalidate\n"
    told = failure(steps, tmp_path)
    assert told.startswith(f"x.scenario.yaml:{_FIRST + 7}: must not happen, and did: ")
    assert "gate shut" in told


@pytest.mark.parametrize("state", ["ProvisioningStarted", "ProvisioningCompleted"])
def test_a_state_that_is_left_at_once_is_seen_all_the_same(state: str, tmp_path: Path) -> None:
    steps = f"- request\n- approve\n- meanwhile: {{never: {{connection-state: {state}}}}}\n  steps: [notify, {{wait: {{connection-state: Active}}}}]\n"
    assert f"connection-state {state}" in failure(steps, tmp_path)


def test_what_holds_already_must_not_either(tmp_path: Path) -> None:
    steps = "- meanwhile: {never: {connection-state: None}}\n  steps: [request]\n"
    assert "must not happen, and did" in failure(steps, tmp_path)


def test_all_of_what_must_not_happen_together_has_to(tmp_path: Path) -> None:
    steps = "- meanwhile: {never: {connection-state: Active, gate: shut}}\n  steps:\n  - deny\n  - revalidate\n"
    assert played(_UP + steps, tmp_path).outcome is CaseOutcome.PASSED


def test_a_fault_is_put_into_a_lab_that_runs_named_and_taken_out(tmp_path: Path) -> None:
    steps = """- announce: 41.0.0.0/16
- fault: bogons
- wait: {rejects: 10.1.0.0/16, accepts: 41.0.0.0/16, diagnosis: {first: bogon-prefix, side: peer}}
- mend
- wait: {lacks: 10.1.0.0/16, accepts: 41.0.0.0/16, rejected: 1}
- expect: {established-times: 1}
"""
    result = played(_UP + steps, tmp_path)
    assert result.outcome is CaseOutcome.PASSED, result.detail


def test_what_a_fault_changed_is_not_changed_by_another_hand(tmp_path: Path) -> None:
    for step, why in (
        ("announce: 41.0.0.0/16", "has the fault bogons, which changed its router: mend it before"),
        ("fault: {name: transit-leak}", "transit-leak: bogons (f1) is there already"),
        ("mend: {name: bogons, family: IPv6}", "has not the fault bogons: there is nothing to mend"),
    ):
        result = played(f"{_UP}- fault: {{name: bogons, family: IPv4}}\n- {step}\n", tmp_path)
        assert result.outcome is CaseOutcome.LAB
        assert why in result.text


def test_a_lab_that_fails_is_no_failed_expectation(tmp_path: Path) -> None:
    result = played("- kill\n", tmp_path)
    assert result.outcome is CaseOutcome.LAB
    assert "the router of contoso does not run" in result.text


def test_a_recording_that_a_full_disk_ends_is_said_and_takes_no_verdict(tmp_path: Path) -> None:
    result = played("- request\n", tmp_path, PlayOptions(record=str(tmp_path)))
    assert (result.outcome, result.recording) == (CaseOutcome.PASSED, "")
    file = recording_of(result.case, str(tmp_path))
    file.unlink()
    file.symlink_to("/dev/full")
    result = played("- request\n", tmp_path, PlayOptions(record=str(tmp_path)))
    assert result.outcome is CaseOutcome.PASSED
    assert result.recording == f"{file}: No space left on device: the recording ends here"
