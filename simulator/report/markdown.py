"""A summary in Markdown, as CI systems show it beside a build."""

from __future__ import annotations

from collections.abc import Iterator

from simulator.report.findings import furthest_state, gate_sentence, label, verdict
from simulator.report.model import Report
from simulator.report.outcome import outcome_sentence
from simulator.report.troubles import Trouble, troubles, unmet
from simulator.views.diagnosis import to_do

_MARKS = {"failed": "✗", "expected": "◆", "warned": "▲"}


def markdown(report: Report) -> str:
    """A headline, the diagnosis, and a table of the connections."""
    lines = [f"## turnup: {_cell(report.topology)} {report.outcome}", "", _cell(outcome_sentence(report)), ""]
    for trouble in troubles(report):
        lines += _diagnosis(trouble)
    lines += ["| Connection | State | Verdict | Accepted | Rejected |", "|---|---|---|--:|--:|"]
    for connection in report.connections:
        counts = [sum(getattr(each, name) for each in connection.sessions) for name in ("accepted", "rejected")]
        cells = (label(connection), furthest_state(connection), verdict(report, connection), *counts)
        lines.append(f"| {' | '.join(_cell(str(cell)) for cell in cells)} |")
    lines += ["", _cell(gate_sentence(report))]
    lines += [f"* {_cell(error)}" for error in ("", *unmet(report)) if error]
    return "\n".join(lines) + "\n"


def _diagnosis(trouble: Trouble) -> Iterator[str]:
    where = (
        f"{trouble.where[0]}{f' and {trouble.elsewhere} more' if trouble.elsewhere else ''}: " if trouble.where else ""
    )
    yield f"{_MARKS[trouble.kind]} {_cell(where)}**{_cell(trouble.what)}**"
    yield ""
    if trouble.who:
        yield f"* {_cell(trouble.who)}"
    yield from (f"* seen: {_cell(line)}" for line in trouble.seen[: max(1, len(trouble.each))])
    for remedy, language, place in trouble.remedies:
        yield f"* {to_do(remedy, language)}{f', for {_cell(place)}' if place else ''}:"
        yield ""
        yield from (f"      {line}" for line in remedy.splitlines())
    yield from (f"* proof: {_cell(line)}" for line in trouble.proofs)
    yield ""


def _cell(text: str) -> str:
    """What Markdown takes as text, in one line."""
    for mark in "\\`*_[]<>|#":
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())
