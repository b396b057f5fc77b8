from __future__ import annotations

from dataclasses import replace

import pytest

from simulator.connection.states import ConnectionState
from simulator.report.findings import furthest_bgp_state, furthest_state, gate_sentence, verdict
from simulator.report.model import GateReport
from simulator.report.outcome import outcome_sentence
from simulator.report.troubles import first_trouble, troubles, troubles_of
from simulator.session.states import BgpState
from simulator.views.check import CheckView
from tests.report import sample


def test_a_passed_rehearsal_has_no_finding() -> None:
    sound = replace(sample.passed_report(), connections=(sample.connection(2),))
    assert first_trouble(sound) is None
    report = sample.passed_report()
    assert outcome_sentence(report) == (
        "All 2 connections reached connection state Active; 20 of 23 checks passed, 1 warned, 2 skipped."
    )


def test_a_failed_rehearsal_names_the_root_and_its_remedy() -> None:
    headline = first_trouble(sample.failed_report())
    assert headline is not None
    assert (headline.where, headline.check) == (("contoso-ashburn/ash-2",), "S1")
    assert headline.what == sample.LOCAL_AS.text
    assert headline.who == "the peer has to act"
    assert (headline.remedy, headline.language) == (sample.REMEDY, "openbgpd")
    assert outcome_sentence(sample.failed_report()) == f"contoso-ashburn/ash-2: {sample.LOCAL_AS.text}"


def test_the_same_failure_elsewhere_is_counted() -> None:
    headline = first_trouble(sample.many_report())
    assert headline is not None
    assert (headline.where, headline.elsewhere) == (("contoso-ashburn/ash-17", "contoso-ashburn/ash-31"), 1)


def test_the_labs_own_error_comes_before_failed_checks() -> None:
    report = replace(sample.failed_report(), outcome="error", errors=("bird died", "then this"))
    headline = first_trouble(report)
    assert headline is not None
    assert headline.what == "bird died"


def test_a_leak_comes_before_failed_checks() -> None:
    report = replace(sample.failed_report(), gate=GateReport(3, 0, 10))
    headline = first_trouble(report)
    assert headline is not None
    assert headline.what == "The gate leaked before Active: 3 NLRI sent, 0 routes taken while denied"


def test_what_blocks_active_comes_before_what_fails_the_rehearsal_and_before_warnings() -> None:
    def bad(id_: str, blocks: str) -> CheckView:
        return sample.check(id_, id_, "failure", "simulator", blocks)

    checks = (bad("W", "warn"), bad("A", "rehearsal"), bad("S", "active"))
    found = troubles_of(sample.failed_report(), replace(sample.connection(1), checks=checks))
    assert [each.check for each in found] == ["S", "A", "W"]


def test_a_failure_comes_before_a_check_that_could_not_run() -> None:
    error = sample.check("D3", "t", "error", "simulator", "active")
    failure = sample.check("S1", "t", "failure", "simulator", "active")
    found = troubles_of(sample.failed_report(), replace(sample.connection(1), checks=(error, failure)))
    assert [each.check for each in found] == ["S1", "D3"]


def test_verdicts() -> None:
    report = sample.failed_report()
    whole = sample.connection(2)
    pending = replace(whole, checks=(), timeline=sample.life(1))
    refused = replace(whole, error_message="IPv4 address is already configured with a different ASN")
    assert verdict(report, whole) == "passed"
    assert verdict(report, sample.connection(1)) == "warned"
    assert verdict(report, sample.failed_connection()) == "failed"
    assert verdict(report, pending) == "incomplete"
    assert verdict(report, replace(pending, connection_state=ConnectionState.PROVISIONING_FAILED)) == "failed"
    assert verdict(report, refused) == "failed"


def test_a_rehearsed_fault_that_came_out_is_no_failure() -> None:
    report = sample.fault_report()
    found = first_trouble(report)
    assert found is not None and found.kind == "warned", "a fault that was wanted is no finding"
    assert verdict(report, report.connections[0]) == "expected"
    assert outcome_sentence(report) == (f"The connection failed as the topology expects: {sample.LOCAL_AS.text}.")


def test_beside_a_real_failure_an_expected_one_is_still_excused() -> None:
    wanted = sample.fault_report().connections[0]
    report = replace(sample.failed_report(), connections=(wanted, sample.failed_connection(3)))
    assert [verdict(report, item) for item in report.connections] == ["expected", "failed"]
    headline = first_trouble(report)
    assert headline is not None
    assert (headline.where, headline.elsewhere) == (("contoso-ashburn/ash-3",), 0)


def test_an_expected_check_that_did_not_fail_excuses_nothing() -> None:
    connection = replace(sample.fault_report().connections[0], expected_failures=("T2",))
    assert verdict(sample.failed_report(), connection) == "failed"


def test_one_expected_check_of_an_active_connection() -> None:
    check = sample.check("A1", "t", "failure", "simulator", "rehearsal")
    connection = replace(sample.connection(2), checks=(check,), expected_failures=("A1",))
    assert verdict(sample.failed_report(), connection) == "expected"
    assert verdict(sample.failed_report(), replace(connection, expected_failures=())) == "failed"


def test_what_was_not_met_comes_after_the_check_that_says_why() -> None:
    report = replace(sample.failed_report(), errors=("ash-2: connection is ProvisioningFailed, expected Active",))
    headline = first_trouble(report)
    assert headline is not None
    assert headline.check == "S1"
    alone = first_trouble(replace(report, connections=(sample.connection(2),)))
    assert alone is not None
    assert alone.what == report.errors[0]


def test_a_connection_that_never_became_active_is_a_finding_without_any_failed_check() -> None:
    stuck = replace(sample.connection(2), timeline=sample.life(1), connection_state=ConnectionState.PENDING_APPROVAL)
    headline = first_trouble(replace(sample.failed_report(), connections=(stuck,)))
    assert headline is not None
    assert "stopped at connection state PendingApproval" in headline.what


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


def test_how_far_a_connection_got_is_told_as_it_stood_then() -> None:
    removed, failed = sample.connection(1), sample.failed_connection()
    assert (removed.connection_state, furthest_state(removed)) == (ConnectionState.NONE, ConnectionState.ACTIVE)
    assert [furthest_bgp_state(removed, each.id) for each in removed.sessions] == [BgpState.ESTABLISHED] * 2
    assert furthest_state(failed) is ConnectionState.PROVISIONING_FAILED
    assert [furthest_bgp_state(failed, each.id) for each in failed.sessions] == [BgpState.ACTIVE, BgpState.ESTABLISHED]
    assert furthest_bgp_state(removed, "no such session") is BgpState.IDLE
    assert furthest_bgp_state(replace(removed, timeline=()), removed.sessions[0].id) is BgpState.IDLE


def test_a_warning_is_the_finding_of_a_rehearsal_that_passed() -> None:
    found = first_trouble(sample.warned_report())
    assert found is not None
    assert (found.kind, found.check) == ("warned", "S3")
    assert found.what.startswith("the hold time agreed is short")


def test_two_mistakes_are_two_and_a_warning_comes_after_them() -> None:
    found = troubles(sample.two_mistakes_report(12))
    assert [(each.kind, each.cause.id if each.cause else each.check) for each in found] == [
        ("failed", "local-as-wrong"),
        ("failed", "two-macs"),
        ("failed", "D3"),
        ("warned", "hold-time-short"),
        ("warned", "prefix-too-long"),
    ]
    assert all(len(each.where) == 12 for each in found), "what came out alike is told once"
    assert [each.who for each in found[:3]] == ["the peer has to act", "the link's operator has to act", ""]


def test_a_check_that_no_cause_explains_is_told_all_the_same() -> None:
    (alone,) = [each for each in troubles(sample.failed_report()) if each.cause is None]
    assert alone.what == "check D3 could not be made: Nothing arrived: the peer's own table holds nothing of ours"
    assert alone.evidence == ("birdc: Unable to connect to server control socket",)
