"""From a finished rehearsal to the data of its report."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from simulator.engine.control import ConnectionRecord
from simulator.engine.log import ConnectionMoved, EventLog
from simulator.engine.network import Network
from simulator.engine.rows import rows
from simulator.gate import Direction
from simulator.peer.events import BgpStateChanged
from simulator.report.model import (
    CauseReport,
    CheckReport,
    ConnectionReport,
    GateReport,
    Outcome,
    Report,
    Segment,
    SessionReport,
    TimelineEntry,
)
from simulator.session.states import BgpState
from simulator.views.check import CheckView
from simulator.views.session import SessionView
from simulator.views.times import timestamp

if TYPE_CHECKING:
    from simulator.rehearsal.script import Rehearsal


def final_report(rehearsal: Rehearsal, outcome: Outcome) -> Report:
    """Everything that the writers need."""
    assert rehearsal.network is not None and rehearsal.control is not None
    network = rehearsal.network
    tap = network.tap
    capture = rehearsal.capture_file if network.captures else None
    return Report(
        topology=rehearsal.topology.name,
        outcome=outcome,
        started=timestamp(rehearsal.started),
        finished=timestamp(time.time()),
        link=network.kind.value,
        router=dict(rehearsal.versions),
        connections=tuple(_connection(record, rehearsal) for record in rehearsal.control.records.values()),
        gate=_gate(rehearsal.log, network),
        errors=(*rehearsal.errors, *rehearsal.shortfalls),
        events=tuple(rows(rehearsal.log)),
        segments=tuple(
            Segment(o.time, o.source, o.source_port, o.destination, o.destination_port, o.data, o.flags)
            for o in (tap.records if tap else ())
        ),
        capture=str(capture) if capture is not None and capture.exists() else "",
        notes=tuple(
            filter(
                None,
                (
                    "the written pcap is cut: the sessions carried more octets than are kept"
                    if tap and tap.truncated
                    else "",
                    network.quality_problem,
                ),
            )
        ),
    )


def _gate(log: EventLog, network: Network) -> GateReport:
    return GateReport(
        nlri_sent_while_denied=sum(gate.leaked[Direction.OUT] for gate in network.gates),
        routes_taken_while_denied=sum(gate.leaked[Direction.IN] for gate in network.gates),
        nlri_withheld=sum(sum(gate.withheld.values()) for gate in network.gates),
    )


def _connection(record: ConnectionRecord, rehearsal: Rehearsal) -> ConnectionReport:
    history = record.connection.history
    expect = rehearsal.topology.peering(record.peering).expect
    sessions = {plan.id for plan in record.plans}
    return ConnectionReport(
        id=record.id,
        peering=record.peering,
        kind=record.flow.value,
        profile=record.plans[0].profile,
        peer=record.peer.name,
        peer_as=record.peer.asn,
        connection_state=record.state.value,
        reached=tuple(step.target.value for step in history if step.target is not step.source),
        sessions=tuple(
            _session(rehearsal.heights[plan.id], last_state(rehearsal.log, plan.id))
            for plan in record.plans
            if plan.id in rehearsal.heights
        ),
        timeline=tuple(_timeline(rehearsal.log, record.id, sessions)),
        checks=tuple(map(check_report, record.results)),
        error_message=record.connection.error_message,
        expected_state=expect.state,
        expected_failures=tuple(expect.failing_checks),
    )


def last_state(log: EventLog, session: str) -> BgpState:
    """The BGP FSM state in which a session ended."""
    changes = (
        e.transition.target for e in reversed(log.entries) if isinstance(e, BgpStateChanged) and e.session == session
    )
    return next(changes, BgpState.IDLE)


def _session(view: SessionView, ended: BgpState) -> SessionReport:
    return SessionReport(
        id=view.id,
        local_address=str(view.local_address),
        peer_address=str(view.peer_address),
        family="IPv4" if view.family.label == "IPv4" else "IPv6",
        bgp_state=ended.value,
        established_transitions=view.established_transitions,
        received=view.received,
        accepted=view.accepted,
        rejected=view.rejected,
        sent=view.sent,
    )


def _timeline(log: EventLog, connection: str, sessions: set[str]) -> list[TimelineEntry]:
    entries = []
    for event in log.entries:
        if isinstance(event, ConnectionMoved) and event.connection == connection:
            step = event.transition
            entry = TimelineEntry(timestamp(step.time), "connection", step.source.value, step.target.value, step.reason)
            entries.append((step.time, entry))
        elif isinstance(event, BgpStateChanged) and event.session in sessions:
            change = event.transition
            source, target = change.source.value, change.target.value
            entry = TimelineEntry(timestamp(change.time), "bgp", source, target, change.reason, event.session)
            entries.append((change.time, entry))
    entries.sort(key=lambda pair: pair[0])
    return [entry for _, entry in entries]


def check_report(result: CheckView) -> CheckReport:
    """One check as reports show it."""
    causes = tuple(CauseReport(cause.id, cause.text, cause.remedy) for cause in result.causes)
    return CheckReport(
        id=result.id,
        title=result.title,
        status=result.status.value,
        source=result.source,
        blocks=result.blocks.value,
        evidence=result.evidence,
        causes=causes,
        remedy=causes[0].remedy if causes else "",
    )
