"""The report: what did not pass first, in the page, in JSON and in JUnit; untrusted text does no harm."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

from simulator.campaign.model import Attempt, CampaignCell, CellKind, Ending
from simulator.campaign.report import CampaignReport, as_document, write_campaign
from simulator.campaign.tally import tallied

CRASH = "after 1.0 s its process ended with an error: ValueError (simulator/x.py, line 3)"
EVIL = "<script>alert(1)</script>\x1b[31m\x00"
CELLS = [
    CampaignCell(CellKind.TOPOLOGY, "/labs/a.yaml", "a", (("router", "bird"),)),
    CampaignCell(CellKind.TOPOLOGY, "/labs/a.yaml", "a", (("router", "frr"),)),
    CampaignCell(CellKind.SCENARIO, "/labs/b.scenario.yaml", "b"),
    CampaignCell(CellKind.FAULT, "/labs/a.yaml", "a", (), fault="wrong-remote-as", on="IPv4"),
]
ATTEMPTS = [
    Attempt(CELLS[0].key, 1, Ending.PASSED, seconds=1.0, host="one", began=1.0),
    Attempt(CELLS[0].key, 2, Ending.FAILED, EVIL, EVIL, 3.0, "two", 1.0, "cells/x"),
    Attempt(CELLS[1].key, 1, Ending.PASSED, seconds=1.0, host="one"),
    Attempt(CELLS[2].key, 1, Ending.CRASHED, CRASH, "Traceback\nValueError", seconds=1.0, host="one"),
    Attempt(CELLS[3].key, 1, Ending.SKIPPED, "BIRD is not installed", host="two"),
]
REPORT = CampaignReport(tallied(CELLS, ATTEMPTS), [(CELLS[1], "it does not fit")], ["two: BIRD is not installed"])


def test_what_did_not_pass_is_first_everywhere(tmp_path: Path) -> None:
    page = write_campaign(tmp_path, REPORT).read_text()
    assert page.index("b.scenario</td>") < page.index("a[bird]") < page.index("a[frr]")
    document = json.loads((tmp_path / "campaign.json").read_text())
    assert [cell["outcome"] for cell in document["cells"]] == ["crashed", "flaky", "passed", "skipped"]
    assert document["cells"][1] | {"passed": 1, "attempts": 2, "seconds": 2.0} == document["cells"][1]
    assert document["hosts"] == [
        {"host": "one", "attempts": 3, "seconds": 3.0},
        {"host": "two", "attempts": 2, "seconds": 3.0},
    ]
    assert document["outcome"] == "error"


def test_page_and_junit_say_of_a_crash_what_the_terminal_says(tmp_path: Path) -> None:
    page = write_campaign(tmp_path, REPORT).read_text()
    [error] = ET.fromstring((tmp_path / "junit.xml").read_bytes()).iter("error")
    assert CRASH in page and "Traceback\nValueError" in page
    assert (error.get("message"), error.text) == (CRASH, "Traceback\nValueError")


def test_junit_has_a_suite_a_file_and_a_case_a_cell(tmp_path: Path) -> None:
    write_campaign(tmp_path, REPORT)
    root = ET.fromstring((tmp_path / "junit.xml").read_bytes())
    suites = {
        suite.get("name"): {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} for suite in root
    }
    assert suites == {
        "a": {"tests": "3", "failures": "1", "errors": "0", "skipped": "1"},
        "b.scenario": {"tests": "1", "failures": "0", "errors": "1", "skipped": "0"},
    }
    [flaky] = root.iter("failure")
    assert flaky.get("type") == "flaky" and str(flaky.get("message")).startswith("passed 1 of 2 times: ")


def test_untrusted_text_is_shown_and_does_nothing(tmp_path: Path) -> None:
    page = write_campaign(tmp_path, REPORT).read_text()
    assert "<script" not in page and "&lt;script&gt;" in page and "\x1b" not in page


def test_one_that_was_interrupted_says_how_much_is_left() -> None:
    interrupted = CampaignReport(tallied(CELLS[1:2], ATTEMPTS), left=3)
    assert as_document(interrupted) | {"left": 3, "outcome": "error"} == as_document(interrupted)
    assert interrupted.sentence == "1 cell: 1 passed; 3 attempts not made"
