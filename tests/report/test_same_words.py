"""Every face tells the diagnosis in the same words: the sentence, who has to act, what to type."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest

from simulator.cli.event_lines import check_line
from simulator.cli.summary import summary_lines
from simulator.engine.log import CheckEnded
from simulator.engine.rows import row
from simulator.report.html_report import html_report
from simulator.report.json_report import json_report
from simulator.report.junit import junit_xml
from simulator.report.markdown import markdown
from simulator.report.model import Report
from simulator.report.pcap import WirePcap
from simulator.report.troubles import Trouble, troubles
from simulator.views.diagnosis import WHO_ACTS, diagnosis
from tests.cli import pictures
from tests.report import sample
from tests.report.page import Page

CAPTURE = WirePcap("wire.pcap", "speakers", 64, "note")
REPORTS = {
    "failed": sample.failed_report(),
    "two mistakes": sample.two_mistakes_report(),
    "twelve": sample.two_mistakes_report(12),
    "warned": sample.warned_report(),
    "expected": sample.fault_report(),
}


def _terminal(report: Report) -> str:
    return "\n".join(line.plain for line in summary_lines(pictures.console(400), report))


def _markdown(report: Report) -> str:
    return re.sub(r"\\([\\`*_\[\]<>|#])", r"\1", markdown(report))


def _html(report: Report) -> str:
    return html.unescape(Page(html_report(report, CAPTURE)).words)


def _json(report: Report) -> str:
    found = json.loads(json_report(report, CAPTURE))["diagnosis"]
    sides = {side.value: words for side, words in WHO_ACTS.items()}
    return "\n".join(f"{each['text']}\n{sides[each['side']]}\n{each['remedy']}" for each in found)


def _junit(report: Report) -> str:
    root = ET.fromstring(junit_xml(report))
    return "\n".join(each.text or "" for each in root.iter() if each.tag in ("failure", "error", "system-out"))


def _events(report: Report) -> str:
    rows = [row(CheckEnded(1.0, each.id, check)) for each in report.connections for check in each.checks]
    sides = {side.value: words for side, words in WHO_ACTS.items()}
    told = [cause for each in rows for cause in each["diagnosis"]]
    return "\n".join(f"{each['text']}\n{sides[each['side']]}\n{each['remedy']}" for each in told)


FACES: dict[str, Callable[[Report], str]] = {
    "terminal": _terminal,
    "markdown": _markdown,
    "html": _html,
    "json": _json,
    "junit": _junit,
    "events": _events,
}


def flat(text: str) -> str:
    return " ".join(text.split())


def explained(report: Report) -> list[Trouble]:
    return [trouble for trouble in troubles(report) if trouble.cause is not None]


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("name", REPORTS)
def test_every_face_has_every_cause_in_full(name: str, face: str) -> None:
    report = REPORTS[name]
    told = flat(FACES[face](report))
    assert explained(report)
    for trouble in explained(report):
        assert flat(trouble.what) in told
        assert trouble.who in told
        assert flat(trouble.remedy) in told


@pytest.mark.parametrize("face", ["terminal", "markdown", "html", "json"])
@pytest.mark.parametrize("name", ["failed", "two mistakes", "twelve"])
def test_what_failed_stands_in_the_order_of_the_diagnosis(name: str, face: str) -> None:
    told = flat(FACES[face](REPORTS[name]))
    failed = [trouble for trouble in explained(REPORTS[name]) if trouble.kind == "failed"]
    places = [told.index(flat(trouble.what)) for trouble in failed]
    assert len(places) >= 2 and places == sorted(places)


@pytest.mark.parametrize("name", REPORTS)
def test_the_live_view_says_the_cause_and_who_acts_where_a_check_fails(name: str) -> None:
    for connection in REPORTS[name].connections:
        bad = [check for check in connection.checks if check.status.bad]
        told = "\n".join(check_line(check).plain for check in bad)
        for cause in diagnosis(connection.id, connection.checks):
            assert told.count(f"{cause.text} ({WHO_ACTS[cause.side]})") == 1, "in full once, then by its id"


@pytest.mark.parametrize("name", REPORTS)
def test_the_finding_is_the_first_of_the_diagnosis(name: str) -> None:
    data = json.loads(json_report(REPORTS[name], CAPTURE))
    finding = data["finding"]
    (same,) = [each for each in data["diagnosis"] if each["text"] == finding["what"]][:1]
    for key in ("side", "check", "remedy", "remedyLanguage"):
        assert finding[key] == same[key]
    if name in ("failed", "two mistakes", "warned"):
        assert same is data["diagnosis"][0]
