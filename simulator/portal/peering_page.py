"""A peering: its connections with both states, the life cycle, what it waits for, the diagnosis, the timeline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from fastapi import Response

from simulator.azure.provider.provider import Provider
from simulator.azure.provider.records import LiveConnection, PeeringRecord
from simulator.connection.states import Actor, ConnectionState
from simulator.engine.awaited import Awaited, awaited
from simulator.engine.verbs import VERBS
from simulator.engine.views import connection_view, session_view
from simulator.portal.desk_frame import refusal
from simulator.portal.life_cycle import LifeCycle, life_cycle
from simulator.portal.memory import PortalMemory
from simulator.portal.overview import peering_path
from simulator.portal.paging import paged
from simulator.portal.peering_frame import PEERING, peering_of, peering_page
from simulator.portal.visit import PageError, PortalPage, Visit
from simulator.report.marks import mark_of
from simulator.report.model import RehearsedConnection
from simulator.report.timeline import Drawing, draw
from simulator.views.check import CheckView, Status
from simulator.views.connection import ConnectionView, StepView
from simulator.views.diagnosis import CauseView, diagnosis
from simulator.views.session import SessionView

_SIZE: Final = 50
_LAST_CHANGES: Final = 60
WHO: Final = {Actor.PEER: "you, the peer", Actor.MICROSOFT: "Microsoft", Actor.AUTOMATION: "Microsoft's automation"}
_ORDER: Final = (Status.FAILURE, Status.ERROR, Status.UNSET, Status.SKIPPED, Status.SUCCESS)


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """One connection of the table."""

    live: LiveConnection
    state: ConnectionState
    since: float
    sessions: list[tuple[SessionView, bool]]
    """Each with whether it is configured."""
    waits: Awaited
    who: str
    due: float | None
    """When that happens by itself, in seconds since the epoch."""
    may_notify: bool


@dataclass(frozen=True, slots=True)
class ConnectionDetail:
    """All of one connection."""

    row: ConnectionRow
    view: ConnectionView
    cycle: LifeCycle
    causes: tuple[CauseView, ...]
    checks: list[tuple[CheckView, str, str]]
    """Each with the tag and the meaning of who says that it has to be; the worst first."""
    drawings: tuple[Drawing, ...]
    changes: list[StepView]

    @property
    def troubled(self) -> list[tuple[CheckView, str, str]]:
        """The checks that did not hold."""
        return [each for each in self.checks if not each[0].holds]

    @property
    def sound(self) -> list[tuple[CheckView, str, str]]:
        """The others."""
        return [each for each in self.checks if each[0].holds]


def connection_row(provider: Provider, live: LiveConnection) -> ConnectionRow:
    record = live.record
    history = record.connection.history
    since = record.connection.last_step.time if history else 0.0
    waits, edges = awaited(record), provider.network.edges
    told = waits.who is Actor.PEER and not refusal(provider, record, VERBS["notify"])
    return ConnectionRow(
        live=live,
        state=record.connection.shown_state,
        since=record.connection.entered,
        sessions=[(session_view(provider.network, plan), edges.is_provisioned(plan)) for plan in record.plans],
        waits=waits,
        who=WHO[waits.who] if waits.who is not None else "nobody",
        due=provider.settings.due(waits.delay, since) if waits.delay else None,
        may_notify=told,
    )


def connection_detail(provider: Provider, memory: PortalMemory, row: ConnectionRow) -> ConnectionDetail:
    record, now = row.live.record, provider.clock.now()
    history = list(record.connection.history)
    steps = [StepView.of_connection(step) for step in history]
    steps += [step for plan in record.plans for step in memory.bgp_steps(plan.id)]
    steps.sort(key=lambda step: step.time)
    view = connection_view(record, (session for session, _ in row.sessions), steps)
    began = steps[0].time if steps else now
    drawn = RehearsedConnection.of(view, ConnectionState.ACTIVE.value, (), ())
    checks = sorted(view.checks, key=lambda check: (not check.stops, _ORDER.index(check.status)))
    return ConnectionDetail(
        row=row,
        view=view,
        cycle=life_cycle(record.flow, row.state, history, now, row.since),
        causes=diagnosis(record.id, view.checks),
        checks=[(check, mark_of(check.source).tag, mark_of(check.source).meaning) for check in checks],
        drawings=draw(drawn, began, now, memory.shut_gates(record)),
        changes=steps[: -_LAST_CHANGES - 1 : -1],
    )


def _urgency(row: ConnectionRow) -> tuple[bool, bool, bool]:
    """First what the peer has to act on, then what has failed, then what is not Active."""
    return (
        row.waits.who is not Actor.PEER,
        row.state is not ConnectionState.PROVISIONING_FAILED,
        row.state is ConnectionState.ACTIVE,
    )


async def peering(visit: Visit) -> Response:
    record = peering_of(visit)
    rows = [connection_row(visit.provider, live) for live in record.connections]
    wanted = visit.query("connection")
    chosen = next((row for row in rows if row.live.id == wanted), None) or min(rows, key=_urgency)
    return peering_page(
        visit,
        record,
        "",
        "peering.html",
        page=paged(visit, rows, _SIZE),
        chosen=connection_detail(visit.provider, visit.memory, chosen),
        actions=_actions(rows),
    )


def _actions(rows: list[ConnectionRow]) -> dict[str, Any]:
    return {"notify": sum(row.may_notify for row in rows), "all": len(rows)}


async def notify(visit: Visit) -> Response:
    """The peer says that it is configured: of one connection, or of every one that waits for that."""
    record = peering_of(visit)
    wanted = visit.form["connection"]
    mine = [live for live in record.connections if not wanted or live.id == wanted]
    if not mine:
        raise PageError(404, f"There is no connection {wanted} (any more).")
    told = []
    for live in mine:
        row = connection_row(visit.provider, live)
        if wanted or row.may_notify:
            await visit.provider.operate(live.record, "notify")
            told.append(live.id)
    if not told:
        raise PageError(409, "No connection waits for your notification.")
    named = f"{', '.join(told[:3])} {'is' if len(told) == 1 else 'are'}"
    return visit.go(_back(visit, record), f"Microsoft is notified: {named} configured at your side")


def _back(visit: Visit, record: PeeringRecord) -> str:
    wanted = visit.form["connection"]
    return peering_path(record) + (f"?connection={quote(wanted)}" if wanted else "")


PAGES: Final = (
    PortalPage("GET", PEERING, peering),
    PortalPage("POST", f"{PEERING}/notify", notify),
)
