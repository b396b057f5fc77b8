from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.report.junit import junit_xml
from simulator.report.model import GateReport, Report
from tests.examples import examples
from tests.report import sample


def parsed(report: Report) -> ET.Element:
    return ET.fromstring(junit_xml(report))


def case(root: ET.Element, classname: str, start: str) -> ET.Element:
    (found,) = [
        item
        for item in root.iter("testcase")
        if item.get("classname") == classname and item.get("name", "").startswith(start)
    ]
    return found


def bad(root: ET.Element) -> int:
    return sum(1 for _ in root.iter("failure")) + sum(1 for _ in root.iter("error"))


def test_a_suite_per_connection_and_a_case_per_check() -> None:
    report = sample.failed_report()
    root = parsed(report)
    assert [suite.get("name") for suite in root] == ["contoso-ashburn/ash-1", "contoso-ashburn/ash-2", "rehearsal"]
    assert [suite.get("tests") for suite in root] == [str(len(item.checks)) for item in report.connections] + ["1"]
    assert root.get("tests") == str(sum(1 for _ in root.iter("testcase")))
    second = root[1]
    assert [second.get(name) for name in ("failures", "errors", "skipped")] == ["2", "1", "2"]
    assert root.get("time") == "96.500"


def test_a_failure_carries_cause_evidence_and_remedy() -> None:
    failure = case(parsed(sample.failed_report()), "contoso-ashburn.ash-2", "S1 ").find("failure")
    assert failure is not None
    message = failure.get("message") or ""
    assert message.startswith(
        f"{sample.LOCAL_AS.text} (the peer has to act); type (openbgpd): neighbor 192.0.2.254 {{ ⏎ "
    )
    assert "; and two devices answer for 192.0.2.2 (the link's operator has to act); do: find the second" in message
    assert failure.get("type") == "S1"
    assert failure.text is not None
    assert "evidence: OPEN from 192.0.2.2: AS64511" in failure.text
    assert sample.REMEDY in failure.text


def test_error_skipped_and_unset() -> None:
    root = parsed(sample.failed_report())
    error = case(root, "contoso-ashburn.ash-2", "D3 ").find("error")
    skipped = case(root, "contoso-ashburn.ash-2", "S6 ").find("skipped")
    unset = case(root, "contoso-ashburn.ash-2", "R1 ").find("skipped")
    assert error is not None and error.get("message") == (
        "check D3 could not be made: Nothing arrived: the peer's own table holds nothing of ours: "
        "birdc: Unable to connect to server control socket"
    )
    assert skipped is not None and skipped.get("message") == "the connection is not redundant"
    assert unset is not None and unset.get("message") == "not run"


def test_a_warning_passes_and_says_so() -> None:
    root = parsed(sample.passed_report())
    assert bad(root) == 0
    out = case(root, "contoso-ashburn.ash-1", "R3 ").find("system-out")
    assert out is not None and out.text is not None
    assert out.text.startswith("warning: failure, does not block")


def test_the_labs_own_errors_are_errors() -> None:
    root = parsed(sample.broken_report())
    assert [error.get("message") for error in root.iter("error")] == list(sample.broken_report().errors)
    assert (root.get("errors"), root.get("failures")) == ("2", "0")
    assert case(root, "rehearsal", "gate").find("skipped") is not None


def test_a_rehearsed_fault_is_green_and_says_so() -> None:
    root = parsed(sample.fault_report())
    assert bad(root) == 0
    out = case(root, "contoso-ashburn.ash-2", "S1 ").find("system-out")
    assert out is not None and out.text is not None
    assert out.text.startswith("expected: failure, as the topology wants")
    assert "local-as-wrong" in out.text


def test_expectations_that_were_not_met_are_failures() -> None:
    root = parsed(replace(sample.failed_report(), errors=("1,000 routes accepted, expected 1,243",)))
    assert case(root, "rehearsal", "failure 1").find("failure") is not None


def test_a_remedy_is_told_in_the_message_and_in_lines_to_copy() -> None:
    first = sample.failed_connection().checks[0]
    connection = replace(sample.failed_connection(), checks=(first,))
    content = junit_xml(replace(sample.failed_report(), connections=(connection,)))
    assert content.count(b"local-as 64496;") == 2
    assert content.count(sample.REMEDY.encode()) == 1


def test_a_leak_is_a_failure() -> None:
    root = parsed(replace(sample.passed_report(), outcome="failed", gate=GateReport(1, 0, 0)))
    assert case(root, "rehearsal", "gate").find("failure") is not None


@pytest.mark.parametrize(("outcome", "kind"), [("failed", "failure"), ("error", "error")])
def test_no_file_is_green_when_the_outcome_is_not(outcome: str, kind: str) -> None:
    report = replace(sample.passed_report(), outcome=outcome)  # type: ignore[arg-type]
    assert case(parsed(report), "rehearsal", "outcome").find(kind) is not None


@pytest.mark.parametrize("text", sample.HOSTILE, ids=range(len(sample.HOSTILE)))
def test_hostile_strings_stay_text(text: str) -> None:
    root = parsed(sample.hostile_report(text))
    tags = {element.tag for element in root.iter()}
    assert tags <= {"testsuites", "testsuite", "testcase", "failure", "error", "skipped", "system-out"}


def test_illegal_characters_are_stripped_and_the_rest_kept() -> None:
    content = junit_xml(sample.hostile_report("\x00a\x1bb\ufffec\ud800d\x85"))
    assert "evidence: abcd\x85" in content.decode("utf-8")


@settings(max_examples=examples(60))
@given(st.text(alphabet=st.characters()))
def test_any_text_is_well_formed(text: str) -> None:
    ET.fromstring(junit_xml(sample.hostile_report(text)))
