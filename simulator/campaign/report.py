"""The campaign's report: campaign.html, campaign.json and junit.xml, what did not pass first in each."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

import simulator
from simulator.campaign.journal import PAGES
from simulator.campaign.model import CampaignCell, Ending
from simulator.campaign.tally import FLAKY, CellTally, counts, hosts, in_words, worst_of
from simulator.counts import count_of
from simulator.report.environment import environment
from simulator.report.text import clip, dump_json, xml_safe
from simulator.report.writer import ReportError

HTML, JSON, JUNIT = PAGES
_MESSAGE: Final = 500
_MARKS: Final = {
    Ending.PASSED.value: ("passed", "✓"),
    Ending.FAILED.value: ("failed", "✕"),
    FLAKY: ("warned", "≈"),
    Ending.SKIPPED.value: ("skipped", "–"),
    **{each.value: ("error", "!") for each in (Ending.BAD, Ending.LAB, Ending.CRASHED, Ending.OVERDUE, Ending.LOST)},
}
"""Outcome → css class and icon."""
_WORDS: Final = {
    "passed": ("passed", "✓", "Passed"),
    "failed": ("failed", "✕", "Failed"),
    "error": ("error", "!", "Error"),
}
_JUNIT: Final = {
    Ending.FAILED.value: "failure",
    FLAKY: "failure",
    Ending.SKIPPED.value: "skipped",
    Ending.PASSED.value: "",
}
"""Outcome → element; any other is an error."""


@dataclass(frozen=True, slots=True)
class CampaignReport:
    """All that a report tells of a campaign."""

    tallies: Sequence[CellTally]
    unfit: Sequence[tuple[CampaignCell, str]] = ()
    lacks: Sequence[str] = ()
    """What machines lack, one line each."""
    left: int = 0
    """Attempts that were not made: it was interrupted."""

    @property
    def outcome(self) -> str:
        worst = worst_of(self.tallies)
        return "passed" if worst.fine and not self.left else "failed" if worst is Ending.FAILED else "error"

    @property
    def sentence(self) -> str:
        return in_words(self.tallies, self.left)


def write_campaign(directory: Path, report: CampaignReport) -> Path:
    """Write all three; returns the page's path. Raises ReportError."""
    for name, content in (
        (JUNIT, campaign_junit(report)),
        (JSON, dump_json(as_document(report), 2).encode() + b"\n"),
        (HTML, page(report).encode()),
    ):
        fresh = directory / f".{name}.{os.getpid()}"
        try:
            fresh.write_bytes(content)
            fresh.replace(directory / name)
        except OSError as error:
            with suppress(OSError):
                fresh.unlink()
            raise ReportError(f"{directory / name}: {error.strerror}") from None
    return directory / HTML


def as_document(report: CampaignReport) -> dict[str, Any]:
    """campaign.json, as plain data."""
    attempts = [attempt for tally in report.tallies for attempt in tally.attempts]
    return {
        "turnup": simulator.__version__,
        "outcome": report.outcome,
        "counts": counts(report.tallies),
        "left": report.left,
        "cells": [tally.as_row() | {"each": [one.as_json() for one in tally.attempts]} for tally in report.tallies],
        "unfit": [{"cell": str(cell), "text": why} for cell, why in report.unfit],
        "lacks": list(report.lacks),
        "hosts": [
            {"host": host, "attempts": count, "seconds": round(seconds, 3)}
            for host, (count, seconds) in hosts(attempts).items()
        ],
    }


def campaign_junit(report: CampaignReport) -> bytes:
    """junit.xml: a suite a file, a test case a cell."""
    root = ET.Element("testsuites", name="turnup campaign")
    by_file = sorted(report.tallies, key=lambda tally: (tally.cell.label, tally.cell.file))
    for (name, file), group in groupby(by_file, lambda tally: (tally.cell.label, tally.cell.file)):
        found = list(group)
        suite = ET.SubElement(root, "testsuite", name=xml_safe(name), file=xml_safe(file))
        for tally in found:
            _case(suite, tally)
        kinds = Counter(_JUNIT.get(tally.outcome, "error") for tally in found)
        suite.set("tests", str(len(found)))
        for key, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            suite.set(key, str(kinds[kind]))
        suite.set("time", f"{sum(tally.seconds for tally in found):.3f}")
    ET.indent(root)
    out = io.BytesIO()
    ET.ElementTree(root).write(out, encoding="utf-8", xml_declaration=True)
    return out.getvalue() + b"\n"


def _case(suite: ET.Element, tally: CellTally) -> None:
    case = ET.SubElement(suite, "testcase", classname=xml_safe(tally.cell.label), name=xml_safe(str(tally.cell)))
    case.set("time", f"{tally.seconds:.3f}")
    if not (kind := _JUNIT.get(tally.outcome, "error")):
        return
    times = f"passed {tally.passed} of {count_of(len(tally.attempts), 'time')}: " if tally.is_flaky else ""
    message = xml_safe(clip(f"{times}{tally.worst.text}", _MESSAGE))
    element = ET.SubElement(case, kind, message=message, type=tally.outcome)
    element.text = xml_safe(tally.worst.detail)


def page(report: CampaignReport) -> str:
    """campaign.html."""
    css, icon, word = _WORDS[report.outcome]
    attempts = [attempt for tally in report.tallies for attempt in tally.attempts]
    bad = [tally for tally in report.tallies if not tally.worst.ending.fine]
    columns, grid = _grid(report.tallies)
    return (
        environment("simulator.campaign")
        .get_template(HTML)
        .render(
            css=css,
            icon=icon,
            word="Interrupted" if report.left else word,
            sentence=report.sentence,
            tallies=report.tallies,
            began=min((attempt.began for attempt in attempts if attempt.began), default=0.0),
            seconds=sum(attempt.seconds for attempt in attempts),
            bad=bad,
            fine=report.tallies[len(bad) :],
            columns=columns,
            grid=grid,
            marks=_MARKS,
            unfit=report.unfit,
            lacks=report.lacks,
            hosts=hosts(attempts),
        )
    )


def _grid(tallies: Sequence[CellTally]) -> tuple[list[str], list[tuple[str, Mapping[str, list[Any]]]]]:
    """A row a file, a column a router with its security and family; in each the outcomes with their counts."""
    by: dict[str, dict[str, list[str]]] = {}
    for tally in tallies:
        cell = tally.cell
        values = [str(value) for key, value in cell.values if key in ("router", "family", "security")]
        column = "-".join(values) or "as it stands"
        by.setdefault(cell.label, {}).setdefault(column, []).append(tally.outcome)
    columns = sorted({column for row in by.values() for column in row})
    return columns, [
        (
            name,
            {column: [(*_MARKS[each], n, each) for each, n in Counter(found).items()] for column, found in row.items()},
        )
        for name, row in sorted(by.items())
    ]
