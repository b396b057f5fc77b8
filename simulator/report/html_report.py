"""report.html: one file, no script, no request; everything in it but the template is untrusted text."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from .clock import clock, duration, seconds_between
from .findings import (
    Finding,
    Verdict,
    connection_finding,
    fails,
    first_finding,
    gate_leak,
    gate_sentence,
    gate_tested,
    label,
    outcome_sentence,
    verdict,
    warns,
)
from .marks import MARKS, mark_of
from .model import CheckReport, ConnectionReport, Report, TimelineEntry
from .palette import BGP_GROUPS, CONNECTION_GROUPS, group_of
from .pcap import Capture
from .text import clip, one_line, visible
from .timeline import Drawing, draw, in_order

_ALL_OPEN = 3
"""With more connections than this, the sound ones are folded so that the broken one is not scrolled past."""
_ROWS = 1000
"""State changes listed per connection; the rest is in events.jsonl."""
_TEXT_LIMIT = 20_000
"""Characters of one text; a log that was poured into a reason must not make a page that no browser opens."""

_VERDICT_WORDS: dict[Verdict, tuple[str, str]] = {
    "failed": ("✕", "failed"),
    "incomplete": ("!", "never Active"),
    "warned": ("▲", "passed with warnings"),
    "passed": ("✓", "passed"),
}
_OUTCOME_WORDS = {"passed": ("✓", "Passed"), "failed": ("✕", "Failed"), "error": ("!", "Error")}


@dataclass(frozen=True, slots=True)
class CheckGroup:
    """Checks that ended alike."""

    css: str
    icon: str
    title: str
    checks: tuple[CheckReport, ...]
    folded: bool


@dataclass(frozen=True, slots=True)
class Section:
    """One connection as the template wants it."""

    anchor: str
    name: str
    connection: ConnectionReport
    verdict: Verdict
    icon: str
    words: str
    finding: Finding | None
    drawings: tuple[Drawing, ...]
    changes: list[TimelineEntry]
    groups: tuple[CheckGroup, ...]
    counts: str
    folded: bool


def html_report(report: Report, capture: Capture) -> bytes:
    """The whole file, as UTF-8."""
    sections = [_section(number, item, report) for number, item in enumerate(report.connections, 1)]
    # Broken ones first: nobody scrolls at 2 a.m. The anchors keep the topology's numbering.
    sections.sort(key=lambda section: list(_VERDICT_WORDS).index(section.verdict))
    finding = first_finding(report)
    icon, word = _OUTCOME_WORDS[report.outcome]
    page = (
        _environment()
        .get_template("report.html")
        .render(
            report=report,
            capture=capture,
            icon=icon,
            word=word,
            sentence=outcome_sentence(report),
            finding=finding,
            finding_anchor=next((s.anchor for s in sections if finding and s.name == finding.where), ""),
            gate_sentence=gate_sentence(report),
            gate_word="leaked" if gate_leak(report) else "held" if gate_tested(report) else "untested",
            lasted=duration(seconds_between(report.started, report.finished)),
            sections=sections,
            tally=Counter(section.verdict for section in sections),
            connection_groups=CONNECTION_GROUPS,
            bgp_groups=BGP_GROUPS,
            marks=MARKS,
            rows=_ROWS,
        )
    )
    return page.encode("utf-8", errors="replace")


def _section(number: int, connection: ConnectionReport, report: Report) -> Section:
    result = verdict(connection)
    icon, words = _VERDICT_WORDS[result]
    return Section(
        anchor=f"c{number}",
        name=label(connection),
        connection=connection,
        verdict=result,
        icon=icon,
        words=words,
        finding=connection_finding(connection),
        drawings=draw(connection, report.started, report.finished),
        changes=in_order(connection.timeline),
        groups=_groups(connection.checks),
        counts=_counts(connection.checks),
        folded=len(report.connections) > _ALL_OPEN and result in ("passed", "warned"),
    )


def _groups(checks: tuple[CheckReport, ...]) -> tuple[CheckGroup, ...]:
    """Worst first; what is sound is folded as soon as something is not."""
    trouble = any(fails(check) for check in checks)
    kinds = (
        ("failure", "✕", "Failed", lambda c: fails(c) and c.status == "failure", False),
        ("error", "!", "Could not run", lambda c: fails(c) and c.status == "error", False),
        ("warn", "▲", "Warnings, which block nothing", warns, False),
        ("unset", "○", "Not run", lambda c: c.status == "unset", trouble),
        ("skipped", "–", "Skipped", lambda c: c.status == "skipped", trouble),
        ("success", "✓", "Passed", lambda c: c.status == "success", trouble),
    )
    groups = (
        CheckGroup(css, icon, title, tuple(check for check in checks if test(check)), folded)
        for css, icon, title, test, folded in kinds
    )
    return tuple(group for group in groups if group.checks)


def _counts(checks: tuple[CheckReport, ...]) -> str:
    words = {"failure": "failed", "error": "could not run", "warn": "warned", "success": "passed"}
    tally = Counter("warn" if warns(check) else check.status for check in checks)
    parts = [f"{tally[key]} {words.get(key, key)}" for key in (*words, "skipped") if tally[key]]
    if tally["unset"]:
        parts.append(f"{tally['unset']} not run")
    return ", ".join(parts) or "no checks"


def _shown(value: Any) -> Any:
    """Every expression of the template passes here, before it is escaped."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return visible(clip(value, _TEXT_LIMIT))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__),
        # By name endings Jinja would leave the included .svg alone.
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"clock": clock, "one_line": one_line}
    environment.globals |= {"group_of": group_of, "mark_of": mark_of}
    return environment
