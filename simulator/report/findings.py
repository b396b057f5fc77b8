"""What went wrong first, in words: the headline of every face of a report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from simulator.connection.states import ConnectionState
from simulator.report.model import RehearsedConnection, Report
from simulator.session.states import BgpState
from simulator.views.check import Blocks, CheckView, Status
from simulator.views.diagnosis import CauseView, Proof, diagnosis

ConnectionVerdict = Literal["passed", "warned", "expected", "failed", "incomplete"]

_ORDER = list(Blocks)
"""Hardest block first."""


@dataclass(frozen=True, slots=True)
class Headline:
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


def label(connection: RehearsedConnection) -> str:
    """The name by which a connection is called everywhere in a report."""
    prefix = f"{connection.peering}/"
    # The default id of a connection starts with its peering's name already.
    return connection.id if not connection.peering or connection.id.startswith(prefix) else prefix + connection.id


def furthest_state(connection: RehearsedConnection) -> ConnectionState:
    """Active where the connection became so: that it was removed afterwards is how a rehearsal ends."""
    active = ConnectionState.ACTIVE
    return active if active in connection.reached else connection.connection_state


def furthest_bgp_state(connection: RehearsedConnection, session: str) -> BgpState:
    """A session's BGP state when its connection had got furthest: as it left Active, or came into its last state."""
    furthest = furthest_state(connection)
    ends = [
        step.time
        for step in connection.timeline
        if step.axis == "connection"
        and (step.from_ if furthest is ConnectionState.ACTIVE else step.to) is furthest
        and step.to is not step.from_
    ]
    found = BgpState.IDLE
    for step in connection.timeline:
        if isinstance(step.to, BgpState) and step.session == session and (not ends or step.time < ends[-1]):
            found = step.to
    return found


def excused(report: Report, connection: RehearsedConnection, check: CheckView | None = None) -> bool:
    """Whether a failure here, of this check if one is given, is what the topology wanted to see."""
    if report.outcome == "passed" or (check and check.id in connection.expected_failures):
        return True
    failed = {item.id for item in connection.checks if connection.fails(item)}
    came = connection.expected_state in (connection.connection_state, *connection.reached)
    return (
        connection.expected_state is not ConnectionState.ACTIVE
        and came
        and failed.issuperset(connection.expected_failures)
    )


def verdict(report: Report, connection: RehearsedConnection) -> ConnectionVerdict:
    """How one connection ended, from its checks, the states that it went through, and what was expected."""
    bad = [check for check in connection.checks if connection.fails(check)]
    active = ConnectionState.ACTIVE in (connection.connection_state, *connection.reached)
    failed = bool(bad or connection.error_message or connection.connection_state is ConnectionState.PROVISIONING_FAILED)
    if (failed or not active) and excused(report, connection):
        return "expected"
    if bad and active and all(excused(report, connection, check) for check in bad):
        return "expected"
    if failed or not active:
        return "failed" if failed else "incomplete"
    return "warned" if any(check.warns for check in connection.checks) else "passed"


def first_headline(report: Report) -> Headline | None:
    """The one thing to look at first: a leak, else the lab's own error, else the check that blocks hardest."""
    if leak := gate_leak(report):
        return Headline(what=leak)
    error = Headline(what=report.errors[0]) if report.errors else None
    if report.outcome == "error" and error:
        return error
    if report.outcome == "passed":
        return None
    # When the outcome is `failed`, the errors are expectations that were not met: the failed check says why.
    return _worst(report) or error or _never_active(report)


def diagnosis_of(report: Report) -> list[CauseView]:
    """The causes of all connections: what blocks something first, then what will bite later."""
    causes = [
        replace(cause, proof=Proof(events=_lines(report, each.id, cause)))
        for each in report.connections
        for cause in diagnosis(label(each), each.checks)
    ]
    return sorted(causes, key=lambda cause: cause.warns)


def _lines(report: Report, connection: str, cause: CauseView) -> tuple[int, ...]:
    """The lines of events.jsonl on which the cause's checks ended, and the NOTIFICATIONs of its sessions stand."""
    return tuple(
        number
        for number, row in enumerate(report.events, 1)
        if (row.get("event") == "check" and row.get("connection") == connection and row.get("check") in cause.explains)
        or (row.get("event") == "notification" and row.get("session") in cause.sessions)
    )


def first_warning(report: Report) -> Headline | None:
    """Of a rehearsal that passed: what will bite later, where no topology expects it."""
    warned = (each for each in report.connections if verdict(report, each) == "warned")
    return next((headline for each in warned if (headline := connection_headline(each)) is not None), None)


def gate_leak(report: Report) -> str:
    """The sentence for NLRI that passed while denied; empty when the gate held."""
    gate = report.gate
    if not (gate.nlri_sent_while_denied or gate.routes_taken_while_denied):
        return ""
    return (
        f"The gate leaked before Active: {gate.nlri_sent_while_denied:,} NLRI sent, "
        f"{gate.routes_taken_while_denied:,} routes taken while denied"
    )


def connection_headline(connection: RehearsedConnection) -> Headline | None:
    """What is wrong with this connection, hardest block first; warnings last."""
    bad = [check for check in connection.checks if check.status.bad]
    # A sort is stable: within one rank the order of the catalogue stays, and that runs from cause to symptom.
    bad.sort(key=lambda check: (_ORDER.index(check.blocks), check.status is Status.ERROR))
    causes = {cause.check: cause for cause in reversed(diagnosis(label(connection), bad))}
    if bad and (connection.fails(bad[0]) or not connection.error_message):
        # A check that could not run has no cause: the first one that has tells more.
        first = next((check for check in bad if check.id in causes and check.fails is bad[0].fails), bad[0])
        return _of_check(connection, first, causes.get(first.id))
    if connection.error_message:
        return Headline(what=connection.error_message, where=label(connection))
    return None


def _of_check(connection: RehearsedConnection, check: CheckView, cause: CauseView | None) -> Headline:
    words = "could not run" if check.status is Status.ERROR else "warns" if check.blocks is Blocks.WARN else "failed"
    return Headline(
        what=f"{check.id} {words}: {check.title}",
        where=label(connection),
        check=check.id,
        evidence=((cause.evidence if cause else ()) or check.evidence or ("",))[0],
        cause=cause.text if cause else "",
        remedy=cause.remedy if cause else check.remedy,
    )


def _worst(report: Report) -> Headline | None:
    """What is wrong with the first connection that failed, and how many others fail alike."""
    failed = [connection for connection in report.connections if verdict(report, connection) == "failed"]
    headlines = [headline for connection in failed if (headline := connection_headline(connection))]
    if headlines:
        same = sum(1 for headline in headlines if headline.check and headline.check == headlines[0].check)
        return replace(headlines[0], elsewhere=max(0, same - 1))
    return None


def _never_active(report: Report) -> Headline | None:
    for connection in report.connections:
        if verdict(report, connection) in ("failed", "incomplete"):
            words = f"never became Active, it stopped at connection state {connection.connection_state}"
            return Headline(what=f"The connection {words}", where=label(connection))
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
    headline = first_headline(report)
    if headline is None:
        return _passed_sentence(report) if report.outcome == "passed" else f"The rehearsal ended as {report.outcome}."
    where = f"{headline.where}: " if headline.where else ""
    more = f" (and on {headline.elsewhere} more)" if headline.elsewhere else ""
    return f"{where}{headline.what}{more}"


def _passed_sentence(report: Report) -> str:
    count = len(report.connections)
    if not count:
        return "Passed, but the topology had no connection to rehearse."
    checks = [check for connection in report.connections for check in connection.checks]
    tallies = (
        (sum(check.warns for check in checks), "warned"),
        (sum(check.status is Status.SKIPPED for check in checks), "skipped"),
    )
    passed = sum(check.status is Status.SUCCESS for check in checks)
    tail = "".join(f", {number} {word}" for number, word in tallies if number)
    wanted = [connection for connection in report.connections if verdict(report, connection) == "expected"]
    if wanted:
        headline = connection_headline(wanted[0])
        which = (
            "The connection" if count == 1 else label(wanted[0]) if len(wanted) == 1 else f"{len(wanted)} connections"
        )
        return f"{which} failed as the topology expects{f': {headline.what}' if headline else ''}."
    which = "The connection" if count == 1 else f"All {count} connections"
    return f"{which} reached connection state Active; {passed} of {len(checks)} checks passed{tail}."
