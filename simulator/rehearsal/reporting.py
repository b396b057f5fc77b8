"""From a finished rehearsal to the data of its report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from simulator.engine.control import ConnectionRecord, ControlPlane
from simulator.engine.log import ConnectionMoved, EventLog
from simulator.engine.network import Network
from simulator.engine.rows import rows
from simulator.engine.views import connection_view, placed
from simulator.gate import Direction
from simulator.peer.events import BgpStateChanged
from simulator.rehearsal.ledger import Ledger
from simulator.report.model import GateReport, RehearsalOutcome, RehearsedConnection, Report
from simulator.session.states import BgpState
from simulator.topology.expect import Expect
from simulator.topology.schema import Topology
from simulator.views.connection import StepView
from simulator.views.session import SessionView


class Reported(Protocol):
    """What a report is made of: a script that was played, or a recording of one."""

    topology: Topology
    log: EventLog
    versions: dict[str, str]

    @property
    def network(self) -> Network: ...

    @property
    def control(self) -> ControlPlane: ...


def final_report(
    script: Reported,
    ledger: Ledger,
    started: float,
    finished: float,
    capture_file: Path | None = None,
    more: Iterable[str] = (),
) -> Report:
    """Everything that the writers need. `started`, `finished`: seconds since the epoch; `more`: what else did not come
    out as expected."""
    errors = (*ledger.errors, *ledger.shortfalls, *more)
    outcome: RehearsalOutcome = "error" if ledger.errors else "failed" if errors else "passed"
    best_views = ledger.best_views
    network, log = script.network, script.log
    records, steps = script.control.records.values(), _Steps(log)
    tap = network.tap
    capture = capture_file if network.captures.running else None
    return Report(
        topology=script.topology.name,
        outcome=outcome,
        started=started,
        finished=finished,
        link=network.kind.value,
        router=dict(script.versions),
        connections=tuple(_connection(record, script, best_views, steps) for record in records),
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


def _connection(
    record: ConnectionRecord, script: Reported, best_views: Mapping[str, SessionView], steps: _Steps
) -> RehearsedConnection:
    try:
        expect = script.topology.peering(record.peering).expect
    except LookupError:  # of a request, and nobody expects anything of it
        expect = Expect()
    sessions = (
        replace(placed(best_views[plan.id], plan), bgp_state=steps.last_state(plan.id))
        for plan in record.plans
        if plan.id in best_views
    )
    view = connection_view(record, sessions, steps.timeline(record))
    forbidden = dict.fromkeys(check.id for check in view.checks if check.warns and not expect.permits(check.id))
    return RehearsedConnection.of(view, expect.state, expect.failing_checks, forbidden)


class _Steps:
    """What happened to each connection and to each session, out of one walk through the log."""

    def __init__(self, log: EventLog) -> None:
        self._of: dict[str, list[tuple[float, int, StepView]]] = {}
        self._last: dict[str, BgpState] = {}
        for number, event in enumerate(log.entries):
            if isinstance(event, ConnectionMoved):
                self._add(event.connection, number, StepView.of_connection(event.transition))
            elif isinstance(event, BgpStateChanged):
                self._add(event.session, number, StepView.of_session(event.session, event.transition))
                self._last[event.session] = event.transition.target

    def _add(self, name: str, number: int, step: StepView) -> None:
        self._of.setdefault(name, []).append((step.time, number, step))

    def last_state(self, session: str) -> BgpState:
        """The BGP FSM state in which a session ended."""
        return self._last.get(session, BgpState.IDLE)

    def timeline(self, record: ConnectionRecord) -> tuple[StepView, ...]:
        """What happened to a connection and to its sessions, in order."""
        names = (record.id, *(plan.id for plan in record.plans))
        return tuple(step for *_, step in sorted(step for name in names for step in self._of.get(name, ())))
