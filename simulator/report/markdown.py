"""A summary in Markdown, as CI systems show it beside a build."""

from __future__ import annotations

from simulator.report.findings import furthest_state, gate_sentence, label, outcome_sentence, verdict
from simulator.report.model import Report


def markdown(report: Report) -> str:
    """A headline, a table of the connections, and each check that did not hold with its remedy."""
    lines = [
        f"## turnup: {_cell(report.topology)} {report.outcome}",
        "",
        _cell(outcome_sentence(report)),
        "",
        "| Connection | State | Verdict | Accepted | Rejected |",
        "|---|---|---|--:|--:|",
    ]
    for connection in report.connections:
        counts = [sum(getattr(each, name) for each in connection.sessions) for name in ("accepted", "rejected")]
        cells = (label(connection), furthest_state(connection), verdict(report, connection), *counts)
        lines.append(f"| {' | '.join(_cell(str(cell)) for cell in cells)} |")
    lines += ["", _cell(gate_sentence(report))]
    bad = [(connection, check) for connection in report.connections for check in connection.checks if check.status.bad]
    if bad:
        lines += ["", "| Connection | Check | Evidence | Remedy |", "|---|---|---|---|"]
    for connection, check in bad:
        evidence = check.evidence[0] if check.evidence else ""
        cells = (label(connection), f"{check.id} {check.title}", evidence, check.remedy)
        lines.append(f"| {' | '.join(_cell(cell) for cell in cells)} |")
    lines += [f"* {_cell(error)}" for error in ("", *report.errors) if error]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """What Markdown takes as text, in one line."""
    for mark in "\\`*_[]<>|#":
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())
