from __future__ import annotations

from dataclasses import replace

import pytest

from simulator.report.findings import (
    connection_finding,
    first_finding,
    gate_sentence,
    outcome_sentence,
    verdict,
)
from simulator.report.model import CheckReport, GateReport

from . import sample


def test_a_passed_rehearsal_has_no_finding() -> None:
    report = sample.passed_report()
    assert first_finding(report) is None
    assert outcome_sentence(report) == (
        "All 2 connections reached connection state Active; 20 of 23 checks passed, 1 warned, 2 skipped."
    )


def test_a_failed_rehearsal_names_the_root_and_its_remedy() -> None:
    finding = first_finding(sample.failed_report())
    assert finding is not None
    assert (finding.where, finding.check) == ("contoso-ashburn/ash-2", "S1")
    assert finding.cause == "the peer's router uses local AS 64511 on this session"
    assert finding.remedy == sample.REMEDY
    assert outcome_sentence(sample.failed_report()) == (
        "contoso-ashburn/ash-2: S1 failed: OPEN carries the ASN of the PeerAsn"
    )


def test_the_same_failure_elsewhere_is_counted() -> None:
    finding = first_finding(sample.many_report())
    assert finding is not None
    assert (finding.where, finding.elsewhere) == ("contoso-ashburn/ash-17", 1)


def test_the_labs_own_error_comes_before_failed_checks() -> None:
    report = replace(sample.failed_report(), outcome="error", errors=("bird died", "then this"))
    finding = first_finding(report)
    assert finding is not None
    assert finding.what == "bird died"


def test_a_leak_comes_before_failed_checks() -> None:
    report = replace(sample.failed_report(), gate=GateReport(3, 0, 10))
    finding = first_finding(report)
    assert finding is not None
    assert finding.what == "The gate leaked before Active: 3 NLRI sent, 0 routes taken while denied"


def test_what_blocks_active_comes_before_what_fails_the_rehearsal_and_before_warnings() -> None:
    def bad(id_: str, blocks: str) -> CheckReport:
        return CheckReport(id_, id_, "failure", "simulator", blocks)  # type: ignore[arg-type]

    checks = (bad("W", "warn"), bad("A", "rehearsal"), bad("S", "active"))
    finding = connection_finding(replace(sample.connection(1), checks=checks))
    assert finding is not None
    assert finding.check == "S"


def test_a_failure_comes_before_a_check_that_could_not_run() -> None:
    error = CheckReport("D3", "t", "error", "simulator", "active")
    failure = CheckReport("S1", "t", "failure", "simulator", "active")
    finding = connection_finding(replace(sample.connection(1), checks=(error, failure)))
    assert finding is not None
    assert finding.check == "S1"


def test_verdicts() -> None:
    report = sample.failed_report()
    whole = sample.connection(2)
    pending = replace(whole, checks=(), reached=("None", "PendingApproval"))
    refused = replace(whole, error_message="IPv4 address is already configured with a different ASN")
    assert verdict(report, whole) == "passed"
    assert verdict(report, sample.connection(1)) == "warned"
    assert verdict(report, sample.failed_connection()) == "failed"
    assert verdict(report, pending) == "incomplete"
    assert verdict(report, replace(pending, connection_state="ProvisioningFailed")) == "failed"
    assert verdict(report, refused) == "failed"


def test_a_rehearsed_fault_that_came_out_is_no_failure() -> None:
    report = sample.fault_report()
    assert first_finding(report) is None
    assert verdict(report, report.connections[0]) == "expected"
    assert outcome_sentence(report) == (
        "The connection failed as the topology expects: S1 failed: OPEN carries the ASN of the PeerAsn."
    )


def test_beside_a_real_failure_an_expected_one_is_still_excused() -> None:
    wanted = sample.fault_report().connections[0]
    report = replace(sample.failed_report(), connections=(wanted, sample.failed_connection(3)))
    assert [verdict(report, item) for item in report.connections] == ["expected", "failed"]
    finding = first_finding(report)
    assert finding is not None
    assert (finding.where, finding.elsewhere) == ("contoso-ashburn/ash-3", 0)


def test_an_expected_check_that_did_not_fail_excuses_nothing() -> None:
    connection = replace(sample.fault_report().connections[0], expected_failures=("T2",))
    assert verdict(sample.failed_report(), connection) == "failed"


def test_one_expected_check_of_an_active_connection() -> None:
    check = CheckReport("A1", "t", "failure", "simulator", "rehearsal")
    connection = replace(sample.connection(2), checks=(check,), expected_failures=("A1",))
    assert verdict(sample.failed_report(), connection) == "expected"
    assert verdict(sample.failed_report(), replace(connection, expected_failures=())) == "failed"


def test_what_was_not_met_comes_after_the_check_that_says_why() -> None:
    report = replace(sample.failed_report(), errors=("ash-2: connection is ProvisioningFailed, expected Active",))
    finding = first_finding(report)
    assert finding is not None
    assert finding.check == "S1"
    alone = first_finding(replace(report, connections=(sample.connection(2),)))
    assert alone is not None
    assert alone.what == report.errors[0]


def test_a_connection_that_never_became_active_is_a_finding_without_any_failed_check() -> None:
    stuck = replace(sample.connection(2), reached=("None", "PendingApproval"), connection_state="PendingApproval")
    finding = first_finding(replace(sample.failed_report(), connections=(stuck,)))
    assert finding is not None
    assert "stopped at connection state PendingApproval" in finding.what


@pytest.mark.parametrize(
    ("gate", "sentence"),
    [
        (GateReport(0, 0, 1234), "No NLRI passed before Active: 0 sent, 0 taken; 1,234 withheld."),
        (
            GateReport(1, 20000, 5),
            "The gate leaked before Active: 1 NLRI sent, 20,000 routes taken while denied; 5 NLRI withheld.",
        ),
    ],
)
def test_the_gates_sentence(gate: GateReport, sentence: str) -> None:
    assert gate_sentence(replace(sample.passed_report(), gate=gate)) == sentence


def test_a_gate_that_nothing_ran_up_against_did_not_hold() -> None:
    assert gate_sentence(sample.broken_report()).startswith("Not put to the test")
