"""How a rehearsal and its connections ended: verdicts, how far each got, the causes with their proof, the gate."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from simulator.connection.states import ConnectionState
from simulator.counts import count_of
from simulator.report.model import RehearsedConnection, Report
from simulator.report.proof import of_cause
from simulator.session.states import BgpState
from simulator.views.check import CheckView
from simulator.views.diagnosis import CauseView, diagnosis

ConnectionVerdict = Literal["passed", "warned", "expected", "failed", "incomplete"]


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


def was_active(connection: RehearsedConnection) -> bool:
    """Whether it became Active at any time."""
    return ConnectionState.ACTIVE in (connection.connection_state, *connection.reached)


def verdict(report: Report, connection: RehearsedConnection) -> ConnectionVerdict:
    """How one connection ended, from its checks, the states that it went through, and what was expected."""
    bad = [check for check in connection.checks if connection.fails(check)]
    active = was_active(connection)
    failed = bool(bad or connection.error_message or connection.connection_state is ConnectionState.PROVISIONING_FAILED)
    if (failed or not active) and excused(report, connection):
        return "expected"
    if bad and active and all(excused(report, connection, check) for check in bad):
        return "expected"
    if failed or not active:
        return "failed" if failed else "incomplete"
    return "warned" if any(check.warns for check in connection.checks) else "passed"


def diagnosis_of(report: Report, connection: RehearsedConnection | None = None) -> list[CauseView]:
    """The causes of one connection, or of all: what blocks something first, then what will bite later."""
    causes = [
        replace(cause, proof=of_cause(report, each.id, cause))
        for each in ((connection,) if connection is not None else report.connections)
        for cause in diagnosis(label(each), each.checks)
    ]
    return sorted(causes, key=lambda cause: cause.warns)


def gate_leak(report: Report) -> str:
    """The sentence for NLRI that passed while denied; empty when the gate held."""
    gate = report.gate
    if not (gate.nlri_sent_while_denied or gate.routes_taken_while_denied):
        return ""
    return (
        f"The gate leaked before Active: {gate.nlri_sent_while_denied:,} NLRI sent, "
        f"{count_of(gate.routes_taken_while_denied, 'route')} taken while denied"
    )


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
