"""From a finished rehearsal to the data of its report."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from simulator.engine.control import ConnectionRecord
from simulator.engine.log import ConnectionMoved, EventLog
from simulator.engine.network import Network
from simulator.engine.rows import rows
from simulator.engine.views import connection_view, placed
from simulator.gate import Direction
from simulator.peer.events import BgpStateChanged
from simulator.rehearsal.script import Script
from simulator.report.model import GateReport, RehearsalOutcome, RehearsedConnection, Report
from simulator.session.states import BgpState
from simulator.views.connection import StepView
from simulator.views.session import SessionView


def final_report(
    script: Script,
    outcome: RehearsalOutcome,
    started: float,
    best_views: Mapping[str, SessionView],
    errors: tuple[str, ...],
    capture_file: Path | None,
) -> Report:
    """Everything that the writers need. `best_views`: each session as it is to be shown."""
    network, log = script.network, script.log
    tap = network.tap
    capture = capture_file if network.captures.running else None
    return Report(
        topology=script.topology.name,
        outcome=outcome,
        started=started,
        finished=time.time(),
        link=network.kind.value,
        router=dict(script.versions),
        connections=tuple(_connection(record, script, best_views) for record in script.control.records.values()),
        gate=_gate(network),
        errors=errors,
        events=tuple(rows(log)),
        segments=tuple(tap.records if tap else ()),
        capture=str(capture) if capture is not None and capture.exists() else "",
        notes=tuple(
            filter(
                None,
                (
                    "the written pcap is cut: the sessions carried more octets than are kept"
                    if tap and tap.truncated
                    else "",
                    network.site.quality_problem,
                ),
            )
        ),
    )


def _gate(network: Network) -> GateReport:
    return GateReport(
        nlri_sent_while_denied=sum(gate.leaked[Direction.OUT] for gate in network.edges.gates),
        routes_taken_while_denied=sum(gate.leaked[Direction.IN] for gate in network.edges.gates),
        nlri_withheld=sum(sum(gate.withheld.values()) for gate in network.edges.gates),
    )


def _connection(record: ConnectionRecord, script: Script, best_views: Mapping[str, SessionView]) -> RehearsedConnection:
    expect = script.topology.peering(record.peering).expect
    sessions = (
        replace(placed(best_views[plan.id], plan), bgp_state=last_state(script.log, plan.id))
        for plan in record.plans
        if plan.id in best_views
    )
    timeline = _timeline(script.log, record.id, {plan.id for plan in record.plans})
    view = connection_view(record, sessions, timeline)
    forbidden = dict.fromkeys(check.id for check in view.checks if check.warns and not expect.permits(check.id))
    return RehearsedConnection.of(view, expect.state, expect.failing_checks, forbidden)


def last_state(log: EventLog, session: str) -> BgpState:
    """The BGP FSM state in which a session ended."""
    changes = (
        e.transition.target for e in reversed(log.entries) if isinstance(e, BgpStateChanged) and e.session == session
    )
    return next(changes, BgpState.IDLE)


def _timeline(log: EventLog, connection: str, sessions: set[str]) -> tuple[StepView, ...]:
    """What happened to a connection and to its sessions, in order."""
    steps = []
    for event in log.entries:
        if isinstance(event, ConnectionMoved) and event.connection == connection:
            steps.append(StepView.of_connection(event.transition))
        elif isinstance(event, BgpStateChanged) and event.session in sessions:
            steps.append(StepView.of_session(event.session, event.transition))
    return tuple(sorted(steps, key=lambda step: step.time))
