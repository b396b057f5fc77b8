"""What went wrong first, in words: the headline of every face of a report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from .model import CheckReport, ConnectionReport, Report

Verdict = Literal["passed", "warned", "failed", "incomplete"]

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
    return f"{connection.peering}/{connection.id}" if connection.peering else connection.id


def fails(check: CheckReport) -> bool:
    """Whether the check ended badly and that counts: what only warns does not."""
    return check.status in ("failure", "error") and check.blocks != "warn"


def warns(check: CheckReport) -> bool:
    return check.status in ("failure", "error") and check.blocks == "warn"


def verdict(connection: ConnectionReport) -> Verdict:
    """How one connection ended, from its checks and the states that it went through."""
    if connection.error_message or any(fails(check) for check in connection.checks):
        return "failed"
    if connection.connection_state == "ProvisioningFailed":
        return "failed"
    if "Active" not in (connection.connection_state, *connection.reached):
        return "incomplete"
    return "warned" if any(warns(check) for check in connection.checks) else "passed"


def first_finding(report: Report) -> Finding | None:
    """The one thing to look at first: the lab's own error, then a leak, then failures, hardest block first."""
    if report.errors:
        return Finding(what=report.errors[0])
    if leak := gate_leak(report):
        return Finding(what=leak)
    if report.outcome == "passed":
        return None
    return _worst(report)


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
    """The first failed connection's finding, else the first connection that never became Active."""
    failed = [connection for connection in report.connections if verdict(connection) == "failed"]
    findings = [finding for connection in failed if (finding := connection_finding(connection))]
    if findings:
        same = sum(1 for finding in findings if finding.check and finding.check == findings[0].check)
        return replace(findings[0], elsewhere=max(0, same - 1))
    for connection in report.connections:
        if verdict(connection) in ("failed", "incomplete"):
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
    count = len(report.connections)
    noun = "connection" if count == 1 else "connections"
    finding = first_finding(report)
    if finding is None and report.outcome == "passed":
        if not count:
            return "Passed, but the topology had no connection to rehearse."
        active = sum("Active" in (item.connection_state, *item.reached) for item in report.connections)
        checks = [check for item in report.connections for check in item.checks]
        passed = sum(check.status == "success" for check in checks)
        warnings = sum(warns(check) for check in checks)
        which = (
            f"The {noun}" if count == 1 else f"All {count} {noun}" if active == count else f"{active} of {count} {noun}"
        )
        skipped = sum(check.status == "skipped" for check in checks)
        tail = f", {warnings} warning{'' if warnings == 1 else 's'}" if warnings else ""
        tail += f", {skipped} skipped" if skipped else ""
        return f"{which} reached connection state Active; {passed} of {len(checks)} checks passed{tail}."
    if finding is None:
        return f"The rehearsal ended as {report.outcome} and gave no reason."
    where = f"{finding.where}: " if finding.where else ""
    more = f" (and on {finding.elsewhere} more)" if finding.elsewhere else ""
    return f"{where}{finding.what}{more}"
