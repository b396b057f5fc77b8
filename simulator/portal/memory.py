"""What the portal keeps between two requests: the walkthrough, and how each session's BGP FSM and gate moved."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Final

from markupsafe import Markup

from simulator.azure.provider.provider import Provider
from simulator.connection.states import ConnectionState
from simulator.engine.control import ConnectionRecord
from simulator.engine.log import ConnectionMoved, Event
from simulator.peer.events import BgpStateChanged, GateMoved
from simulator.portal.route_order import RouteOrders
from simulator.portal.walkthrough import Walkthrough
from simulator.session.states import BgpState
from simulator.session.table import STARTED
from simulator.views.connection import ShutGate, StepView

_STEPS_KEPT: Final = 400
"""Of each session; older ones stay in the event log."""
_EVENT: Final = "bgp-state"
_GATE: Final = {"gate-lifted": True, "gate-denied": False}
_WITH_IT: Final = 1.0
"""Seconds: what moves so soon after its connection became Active, or another of its gates, is drawn to move with it."""


class PortalMemory:
    """The store has it all; a session's steps are read from there once, and followed from then on."""

    def __init__(self, provider: Provider) -> None:
        self._unit = provider.unit
        self.walkthrough = Walkthrough(provider)
        self.picture: tuple[object, Markup] | None = None
        """Of the lab: what it shows, and it."""
        self.orders = RouteOrders(provider.network.edges)
        self._steps: dict[str, deque[StepView]] = {}
        self._moves: dict[str, deque[tuple[float, bool]]] = {}
        provider.log.subscribe(self._take)

    def _take(self, event: Event) -> None:
        if isinstance(event, ConnectionMoved) and event.transition.target is ConnectionState.NONE:
            for moves in (self._steps, self._moves):  # nobody can look at a connection that is gone
                for session in [each for each in moves if each.startswith(f"{event.connection}/")]:
                    del moves[session]
        elif isinstance(event, BgpStateChanged) and event.session in self._steps:
            self._steps[event.session].append(StepView.of_session(event.session, event.transition))
        elif isinstance(event, GateMoved) and event.session in self._moves:
            self._moves[event.session].append((event.time, event.is_open))

    def bgp_steps(self, session: str) -> tuple[StepView, ...]:
        """The newest changes of a session's BGP FSM state, oldest first; those before a restart too."""
        if session not in self._steps:
            self._unit.flush()
            rows = self._unit.store.newest(_EVENT, session, _STEPS_KEPT)
            self._steps[session] = deque((_step(session, each.row, each.time) for each in rows), _STEPS_KEPT)
        return tuple(_joined(self._steps[session]))

    def shut_gates(self, record: ConnectionRecord) -> tuple[ShutGate, ...]:
        """Where gates of a connection were shut while it was Active: after a restart, or until another validation."""
        became = [step.time for step in record.connection.history if step.target is ConnectionState.ACTIVE]
        found = [each for plan in record.plans for each in _shut(plan.id, self._gate_moves(plan.id))]
        begun = _together((each.since for each in found), min)
        ended = _together((each.until for each in found if each.until is not None), max)
        return tuple(
            replace(each, since=begun[each.since], until=None if each.until is None else ended[each.until])
            for each in found
            if each.until is None or not any(each.since <= time <= each.until <= time + _WITH_IT for time in became)
        )

    def _gate_moves(self, session: str) -> list[tuple[float, bool]]:
        """When a session's gate opened (True) and shut, oldest first. One that is configured again is shut."""
        if session not in self._moves:
            self._unit.flush()
            rows = [each for name in _GATE for each in self._unit.store.newest(name, session, _STEPS_KEPT)]
            rows.sort(key=lambda each: each.seq)
            self._moves[session] = deque(
                ((_time(each.row, each.time), _GATE[each.event]) for each in rows), _STEPS_KEPT
            )
        steps = self.bgp_steps(session)
        again = [(before.time, False) for before, step in pairwise(steps) if step.reason.startswith(STARTED)]
        return sorted([*self._moves[session], *again])


def _together(times: Iterable[float], chosen: Callable[[list[float]], float]) -> dict[float, float]:
    """Each time → the one that is drawn for it and for those beside it: one session after the other moved."""
    runs: list[list[float]] = []
    for time in sorted(times):
        if runs and time - runs[-1][0] <= _WITH_IT:
            runs[-1].append(time)
        else:
            runs.append([time])
    return {time: chosen(run) for run in runs for time in run}


def _shut(session: str, moves: list[tuple[float, bool]]) -> Iterator[ShutGate]:
    """What lies between the moves; before the first lift the gate was shut, or its session not there."""
    since: float | None = 0.0 if not moves or moves[0][1] else None
    for time, is_open in moves:
        if is_open and since is not None:
            yield ShutGate(session, since, time)
        if is_open:
            since = None
        elif since is None:
            since = time
    if since is not None:
        yield ShutGate(session, since, None)


def _joined(steps: Iterable[StepView]) -> Iterator[StepView]:
    """A lab that was killed told of no end: where two steps do not join, one stands between them."""
    before: StepView | None = None
    for step in steps:
        if before is not None and before.to is not step.from_:
            yield StepView(step.time, before.to, step.from_, "the lab was stopped and started again", step.session)
        yield step
        before = step


def _step(session: str, row: dict[str, str], written: float) -> StepView:
    states = BgpState(row["from"]), BgpState(row["to"])
    return StepView(_time(row, written), *states, row.get("reason", ""), session)


def _time(row: dict[str, str], written: float) -> float:
    return datetime.fromisoformat(row["time"]).timestamp() if "time" in row else written
