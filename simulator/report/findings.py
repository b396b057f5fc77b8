"""What went wrong first, in words: the headline of every face of a report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from .model import CheckReport, ConnectionReport, Report

Verdict = Literal["passed", "warned", "expected", "failed", "incomplete"]

_RANK = {"active": 0, "rehearsal": 1, "warn": 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, why (most likely), and what to type about it."""

    what: str
    where: str = ""
    """`peering/connection`; empty for the rehearsal itself."""
    check: str = ""
    evidence: str = ""
    cause: str = ""
    remedy: str = ""
    elsewhere: int = 0
    """On how many other connections the same check failed."""


def label(connection: ConnectionReport) -> str:
    """The name by which a connection is called everywhere in a report."""
    prefix = f"{connection.peering}/"
    # The default id of a connection starts with its peering's name already.
    return connection.id if not connection.peering or connection.id.startswith(prefix) else prefix + connection.id


def fails(check: CheckReport) -> bool:
    """Whether the check ended badly and that counts: what only warns does not."""
    return check.status in ("failure", "error") and check.blocks != "warn"


def warns(check: CheckReport) -> bool:
    return check.status in ("failure", "error") and check.blocks == "warn"


def excused(report: Report, connection: ConnectionReport, check: CheckReport | None = None) -> bool:
    """Whether a failure here, of this check if one is given, is what the topology wanted to see."""
    if report.outcome == "passed" or (check and check.id in connection.expected_failures):
        return True
    failed = {item.id for item in connection.checks if fails(item)}
    came = connection.expected_state in (connection.connection_state, *connection.reached)
    return connection.expected_state != "Active" and came and failed.issuperset(connection.expected_failures)


def verdict(report: Report, connection: ConnectionReport) -> Verdict:
    """How one connection ended, from its checks, the states that it went through, and what was expected."""
    bad = [check for check in connection.checks if fails(check)]
    active = "Active" in (connection.connection_state, *connection.reached)
    failed = bool(bad or connection.error_message or connection.connection_state == "ProvisioningFailed")
    if (failed or not active) and excused(report, connection):
        return "expected"
    if bad and active and all(excused(report, connection, check) for check in bad):
        return "expected"
    if failed or not active:
        return "failed" if failed else "incomplete"
    return "warned" if any(warns(check) for check in connection.checks) else "passed"


def first_finding(report: Report) -> Finding | None:
    """The one thing to look at first: a leak, else the lab's own error, else the check that blocks hardest."""
    if leak := gate_leak(report):
        return Finding(what=leak)
    error = Finding(what=report.errors[0]) if report.errors else None
    if report.outcome == "error" and error:
        return error
    if report.outcome == "passed":
        return None
    # When the outcome is `failed`, the errors are expectations that were not met: the failed check says why.
    return _worst(report) or error or _never_active(report)


def gate_leak(report: Report) -> str:
    """The sentence for NLRI that passed while denied; empty when the gate held."""
    gate = report.gate
    if not (gate.nlri_sent_while_denied or gate.routes_taken_while_denied):
        return ""
    return (
        f"The gate leaked before Active: {gate.nlri_sent_while_denied:,} NLRI sent, "
        f"{gate.routes_taken_while_denied:,} routes taken while denied"
    )


def connection_finding(connection: ConnectionReport) -> Finding | None:
    """What is wrong with this connection, hardest block first; warnings last."""
    bad = [check for check in connection.checks if fails(check) or warns(check)]
    # A sort is stable: within one rank the order of the catalogue stays, and that runs from cause to symptom.
    bad.sort(key=lambda check: (_RANK.get(check.blocks, 0), check.status == "error"))
    if bad and (fails(bad[0]) or not connection.error_message):
        return _of_check(connection, bad[0])
    if connection.error_message:
        return Finding(what=connection.error_message, where=label(connection))
    return None


def _of_check(connection: ConnectionReport, check: CheckReport) -> Finding:
    cause = check.causes[0] if check.causes else None
    words = "could not run" if check.status == "error" else "warns" if check.blocks == "warn" else "failed"
    return Finding(
        what=f"{check.id} {words}: {check.title}",
        where=label(connection),
        check=check.id,
        evidence=check.evidence[0] if check.evidence else "",
        cause=cause.text if cause else "",
        remedy=(cause.remedy if cause else "") or check.remedy,
    )


def _worst(report: Report) -> Finding | None:
    """What is wrong with the first connection that failed, and how many others fail alike."""
    failed = [connection for connection in report.connections if verdict(report, connection) == "failed"]
    findings = [finding for connection in failed if (finding := connection_finding(connection))]
    if findings:
        same = sum(1 for finding in findings if finding.check and finding.check == findings[0].check)
        return replace(findings[0], elsewhere=max(0, same - 1))
    return None


def _never_active(report: Report) -> Finding | None:
    for connection in report.connections:
        if verdict(report, connection) in ("failed", "incomplete"):
            words = f"never became Active, it stopped at connection state {connection.connection_state}"
            return Finding(what=f"The connection {words}", where=label(connection))
    return None


def gate_tested(report: Report) -> bool:
    """Whether anything could have passed: a gate that nothing ran up against did not prove that it holds."""
    sessions = [session for connection in report.connections for session in connection.sessions]
    return report.gate.nlri_withheld > 0 or any(session.established_transitions for session in sessions)


def gate_sentence(report: Report) -> str:
    """The gate's counters in one plain sentence."""
    gate = report.gate
    if leak := gate_leak(report):
        return f"{leak}; {gate.nlri_withheld:,} NLRI withheld."
    if not gate_tested(report):
        return "Not put to the test: no session came up. 0 sent, 0 taken; 0 withheld."
    return f"No NLRI passed before Active: 0 sent, 0 taken; {gate.nlri_withheld:,} withheld."


def outcome_sentence(report: Report) -> str:
    """The rehearsal in one sentence, as a terminal or a mail subject would say it."""
    finding = first_finding(report)
    if finding is None:
        return _passed_sentence(report) if report.outcome == "passed" else f"The rehearsal ended as {report.outcome}."
    where = f"{finding.where}: " if finding.where else ""
    more = f" (and on {finding.elsewhere} more)" if finding.elsewhere else ""
    return f"{where}{finding.what}{more}"


def _passed_sentence(report: Report) -> str:
    count = len(report.connections)
    if not count:
        return "Passed, but the topology had no connection to rehearse."
    checks = [check for connection in report.connections for check in connection.checks]
    tallies = (
        (sum(warns(check) for check in checks), "warned"),
        (sum(check.status == "skipped" for check in checks), "skipped"),
    )
    passed = sum(check.status == "success" for check in checks)
    tail = "".join(f", {number} {word}" for number, word in tallies if number)
    wanted = [connection for connection in report.connections if verdict(report, connection) == "expected"]
    if wanted:
        finding = connection_finding(wanted[0])
        which = (
            "The connection" if count == 1 else label(wanted[0]) if len(wanted) == 1 else f"{len(wanted)} connections"
        )
        return f"{which} failed as the topology expects{f': {finding.what}' if finding else ''}."
    which = "The connection" if count == 1 else f"All {count} connections"
    return f"{which} reached connection state Active; {passed} of {len(checks)} checks passed{tail}."
