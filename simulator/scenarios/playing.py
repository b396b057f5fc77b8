"""Take the steps of a case, one after the other, and look whether what is expected holds."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from simulator.connection.connection import TransitionRefusedError
from simulator.connection.states import ConnectionEvent, ConnectionState
from simulator.connection.table import INDEX
from simulator.engine.awaited import awaited, awaits_notification
from simulator.engine.control import ConnectionRecord
from simulator.engine.log import ConnectionMoved, Event
from simulator.gate import Direction
from simulator.peer.events import BgpStateChanged
from simulator.scenarios.acting import ACTS
from simulator.scenarios.conditions import ConditionKind, Conditions, asked
from simulator.scenarios.model import PlannedCase, PlannedStep
from simulator.scenarios.seeing import CONNECTION, LAB, SESSION, SLOW, of_family, router_has, text_of, traffic
from simulator.scenarios.stage import Stage
from simulator.scenarios.steps import Awaits
from simulator.scenarios.values import Subject
from simulator.session.states import BgpState
from simulator.topology.plan import SessionPlan

SOON: Final = 5.0
"""Seconds in which an expectation has to hold where it does not say (simulator)."""
_LOOK: Final = 0.2
"""Seconds until what no event tells is looked at again."""
_NEEDS_A_PEER: Final = frozenset({BgpState.OPEN_CONFIRM, BgpState.ESTABLISHED})
"""BGP states that no session comes to without a router at its other end."""
_AUTOMATIC: Final = (
    ConnectionEvent.PROVISIONED,
    ConnectionEvent.PROVISIONING_FAILED,
    ConnectionEvent.VALIDATION_STARTED,
    ConnectionEvent.VALIDATION_PASSED,
    ConnectionEvent.VALIDATION_FAILED,
)
"""What comes without anybody's word."""


class ExpectationError(Exception):
    """An expectation did not hold, or something happened that must not: one line, and which connections it is about."""

    def __init__(self, line: int, text: str, subject: Subject) -> None:
        super().__init__(text)
        self.line = line
        self.subject = subject


@dataclass(slots=True)
class _Watch:
    """What must not be, while a group's steps are taken."""

    stage: Stage
    never: Sequence[tuple[int, Conditions]]
    happened: list[ExpectationError] = field(default_factory=list)

    def look(self, event: Event | None = None) -> None:
        """Look at everything now; `event`: what has just happened."""
        for line, conditions in self.never:
            for seen in _held(self.stage, conditions, event):
                if len(self.happened) < 1:
                    self.happened.append(ExpectationError(line, f"must not happen, and did: {seen}", conditions))

    def require(self) -> None:
        if self.happened:
            raise self.happened[0]


class Player:
    """Plays one case on its stage."""

    def __init__(self, planned: PlannedCase, stage: Stage, before_step: Callable[[], None]) -> None:
        """`before_step` is called before each step that does something."""
        self._planned = planned
        self._before_step = before_step
        self._stage = stage
        self._watches: list[_Watch] = []
        self._step = planned.steps[0]
        stage.log.subscribe(self._heard)

    @property
    def where(self) -> str:
        """The step that it is at: its place in the file, its name, and what it waits for."""
        step, wanted = self._step, list[str]()
        if isinstance(step.argument, Awaits) and step.argument.seconds is not None:
            wanted.append(f"{step.argument.seconds:g} s")
        if isinstance(step.argument, Conditions):
            wanted += [f"{kind.name}: {shown(value)}" for kind, value in asked(step.argument)]
        return f"{self._planned.where(step.line)}: {step.name} {', '.join(wanted)}".rstrip()

    def _heard(self, event: Event) -> None:
        """Looked at once all that follows from the event is done: a step is logged before its gates follow."""
        loop = asyncio.get_running_loop()
        for watch in self._watches:
            loop.call_soon(watch.look, event)

    async def play(self) -> None:
        """Raises ExpectationError, and LabError."""
        await self._steps(self._planned.steps)
        leaked = [sum(gates.leaked[direction] for gates in self._stage.network.edges.gates) for direction in Direction]
        if any(leaked):
            text = f"{sum(leaked)} NLRI passed a gate that was shut"
            raise ExpectationError(self._planned.steps[-1].line, text, Subject())

    async def _steps(self, steps: Sequence[PlannedStep]) -> None:
        for step in steps:
            self._step = step
            if step.steps:
                async with self._watching(step):
                    await self._steps(step.steps)
            elif step.name in ACTS:
                await self._act(step)
            else:
                await self._look(step)
            await asyncio.sleep(0)  # what has just happened is looked at
            for watch in self._watches:
                watch.look()
                watch.require()

    @contextlib.asynccontextmanager
    async def _watching(self, step: PlannedStep) -> AsyncIterator[None]:
        watch = _Watch(self._stage, step.never)
        watch.look()
        watch.require()
        self._watches.append(watch)
        try:
            yield
        finally:
            self._watches.remove(watch)

    # --- steps that do something ---

    async def _act(self, step: PlannedStep) -> None:
        stage, subject = self._stage, step.argument
        assert isinstance(subject, Subject)
        self._before_step()
        stage.since = len(stage.log.entries)
        words = " ".join(filter(None, (step.name, getattr(subject, "name", None), subject.of)))
        stage.script.say(
            f"{self._planned.case.name}, line {step.line}: {words}{f' ({step.note})' if step.note else ''}"
        )
        try:
            await ACTS[step.name](stage, subject)
        except TransitionRefusedError as error:
            if step.refused is None:
                raise ExpectationError(step.line, f"{words} was refused: {error}", subject) from None
            if not re.search(step.refused, str(error)):
                text = f"{words} was to be refused with {step.refused!r}, and was with: {error}"
                raise ExpectationError(step.line, text, subject) from None
            return
        if step.refused is not None:
            raise ExpectationError(step.line, f"{words} was to be refused, and was done", subject)

    # --- steps that look ---

    async def _look(self, step: PlannedStep) -> None:
        conditions = step.argument
        assert isinstance(conditions, Conditions)
        if isinstance(conditions, Awaits) and conditions.seconds is not None:
            await asyncio.sleep(conditions.seconds)
            return
        waits = step.name == "wait"
        within = step.within if step.within is not None else SOON + (self._stage.topology.deadline if waits else 0)
        if told := await until_seen(self._stage, conditions, within, self._require):
            raise ExpectationError(step.line, f"{step.name} {told}", conditions)

    def _require(self) -> None:
        for watch in self._watches:
            watch.require()


async def until_seen(
    stage: Stage, conditions: Conditions, within: float, meanwhile: Callable[[], None] = lambda: None
) -> str:
    """Wait until all that is expected holds, at most `within` seconds; what did not, in words, empty where it did.

    `meanwhile` is called at each look. Raises what it raises, and what ended the workflow.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + within
    while (seen := await _seen(stage, conditions)) is not None:
        meanwhile()
        stuck = _stuck(stage, conditions)
        left = until - loop.time()
        if stuck or left <= 0:
            return f"{seen[0]}: {stuck or f'after {within:g} s'}: {seen[1]}"
        stage.script.require_running()
        await stage.log.next_event(min(left, _LOOK))
    return ""


def _stuck(stage: Stage, conditions: Conditions) -> str:
    """Why no time brings about what is expected; empty where it may come."""
    if conditions.traffic == "passes" and stage.traffic is None:
        return "nothing to wait for"
    if conditions.bgp_state is not None and set(conditions.bgp_state) <= _NEEDS_A_PEER:
        for name in stage.routers(conditions):
            if end := stage.end_of_router(name):
                return f"no router is there to talk to ({end})"
    for record in stage.connections(conditions):
        wanted = conditions.connection_state
        if wanted is None:
            unmade = not any(stage.network.edges.is_provisioned(plan) for plan in record.plans)
            if conditions.bgp_state is None or not unmade or BgpState.IDLE in conditions.bgp_state:
                continue
            wanted = [ConnectionState.PROVISIONING_COMPLETED]  # before it there are no sessions
        if not _may_come(record, wanted, by_hand=stage.by_hand):
            requested = record.state is not ConnectionState.NONE
            waits = awaited(record).what if requested else "the peer requests the peering"
            return f"nothing more comes by itself ({record.id} waits for this: {waits})"
    return ""


def _may_come(record: ConnectionRecord, wanted: Sequence[ConnectionState], *, by_hand: bool) -> bool:
    """Whether Microsoft's automation alone leads to one of these states."""
    seen: set[ConnectionState] = set()
    waiting = [record.state]
    while waiting:
        state = waiting.pop()
        if state in wanted:
            return True
        if state in seen or _rests(record, state, by_hand=by_hand):
            continue
        seen.add(state)
        rows = (INDEX.get((state, event, record.flow)) for event in _AUTOMATIC)
        waiting += [row.target for row in rows if row is not None]
    return False


def _rests(record: ConnectionRecord, state: ConnectionState, *, by_hand: bool) -> bool:
    """Whether it stays in a state until somebody says something."""
    if state is ConnectionState.VALIDATING:
        return state is record.state and record.connection.denied
    if by_hand:
        return True
    return state is record.state is ConnectionState.PROVISIONING_STARTED and awaits_notification(record)


# --- what is seen ---


def _judged(stage: Stage, conditions: Conditions) -> Iterator[tuple[str, str]]:
    """(what is expected, what is seen) of each connection and session that is not as it should be."""
    for kind, value in asked(conditions):
        words = f"{kind.name}: {shown(value)}"
        if kind.name in CONNECTION:
            judge = CONNECTION[kind.name]
            found = [(record.id, judge(value, record)) for record in stage.connections(conditions)]
        elif kind.name in SESSION:
            look = SESSION[kind.name]
            found = [
                (plan.id, look(stage, value, plan))
                for _, plan in stage.sessions(conditions)
                if of_family(kind, value, plan.family)
            ]
        elif kind.name in LAB:
            found = [("", LAB[kind.name](stage, value, conditions))]
        else:
            continue
        if not found:
            yield words, "there is no connection or session of that kind here"
        yield from ((f"{words} of {name}" if name else words, seen) for name, seen in found if seen)


async def _seen(stage: Stage, conditions: Conditions) -> tuple[str, str] | None:
    """The first thing that is not as expected; None where all is."""
    for found in _judged(stage, conditions):
        return found
    for kind, value in asked(conditions):
        for _, plan in stage.sessions(conditions) if kind.name in SLOW else ():
            if kind.name == "traffic":
                seen = await traffic(stage, value, plan)
            else:
                seen = await router_has(stage, value, plan, wanted=kind.name == "router-has")
            if seen:
                return f"{kind.name}: {shown(value)} of {plan.id}", seen
    return None


def _held(stage: Stage, conditions: Conditions, event: Event | None) -> Iterator[str]:
    """Of expectations that must never hold: each connection or session of which all of them do."""
    wanted = asked(conditions)
    of_connections, of_sessions, of_lab = (
        [(kind, value) for kind, value in wanted if kind.name in table] for table in (CONNECTION, SESSION, LAB)
    )
    if of_lab and (event is None or not all(re.search(value, text_of(event)) for _, value in of_lab)):
        return
    words = ", ".join(f"{kind.name} {shown(value)}" for kind, value in wanted)
    for record in stage.connections(conditions):
        if not all(
            _became(value, record.id, event) or not CONNECTION[kind.name](value, record)
            for kind, value in of_connections
        ):
            continue
        plans = [plan for _, plan in stage.sessions(conditions) if plan.connection == record.id]
        held = [plan.id for plan in plans if _holds_of(stage, plan, of_sessions, event)]
        yield from (f"{name}: {words}" for name in (held if of_sessions else [record.id]))


def _holds_of(
    stage: Stage, plan: SessionPlan, wanted: Sequence[tuple[ConditionKind, Any]], event: Event | None
) -> bool:
    return all(
        of_family(kind, value, plan.family)
        and (_became(value, plan.id, event) or not SESSION[kind.name](stage, value, plan))
        for kind, value in wanted
    )


def _became(value: Any, name: str, event: Event | None) -> bool:
    """Whether an event is that a connection or session came to one of these states: it may have left it again."""
    if not isinstance(value, list):
        return False
    if isinstance(event, ConnectionMoved) and event.connection == name:
        return event.transition.target in value
    return isinstance(event, BgpStateChanged) and event.session == name and event.transition.target in value


def shown(value: Any) -> str:
    """What is expected, in words; of several states one has to be, of other things each."""
    if isinstance(value, list):
        states = all(isinstance(each, Enum) for each in value)
        return (" or " if states else ", ").join(map(str, value))
    return str(getattr(value, "first", None) or value)
