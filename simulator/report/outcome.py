"""A rehearsal in one sentence, as a terminal's last line or a mail's subject has it."""

from __future__ import annotations

from simulator.counts import count_of
from simulator.report.findings import label, verdict
from simulator.report.model import Report
from simulator.report.troubles import first_trouble, troubles
from simulator.views.check import Status


def outcome_sentence(report: Report) -> str:
    """What failed first, and where; of a rehearsal that passed, its counts and what will bite later."""
    if report.outcome == "passed":
        return _passed_sentence(report)
    first = first_trouble(report)
    if first is None or first.kind == "warned":
        return f"The rehearsal ended as {report.outcome}."
    where = f"{first.where[0]}: " if first.where else ""
    more = f" (and on {first.elsewhere} more)" if first.elsewhere else ""
    return f"{where}{first.what}{more}"


def _passed_sentence(report: Report) -> str:
    count = len(report.connections)
    if not count:
        return "Passed, but the topology had no connection to rehearse."
    found = troubles(report)
    wanted = [connection for connection in report.connections if verdict(report, connection) == "expected"]
    if wanted:
        first = next((each for each in found if each.kind == "expected"), None)
        which = (
            "The connection"
            if count == 1
            else label(wanted[0])
            if len(wanted) == 1
            else count_of(len(wanted), "connection")
        )
        return f"{which} failed as the topology expects{f': {first.what}' if first else ''}."
    checks = [check for connection in report.connections for check in connection.checks]
    tallies = (
        (sum(check.warns for check in checks), "warned"),
        (sum(check.status is Status.SKIPPED for check in checks), "skipped"),
    )
    passed = sum(check.status is Status.SUCCESS for check in checks)
    tail = "".join(f", {number} {word}" for number, word in tallies if number)
    which = "The connection" if count == 1 else f"All {count_of(count, 'connection')}"
    return f"{which} reached connection state Active; {passed} of {count_of(len(checks), 'check')} passed{tail}."
