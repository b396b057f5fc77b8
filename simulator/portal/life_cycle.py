"""The drawing of a connection's life cycle: every step on the way to Active, which is done, and which is now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from simulator.connection.connection import ConnectionTransition
from simulator.connection.states import ConnectionState, Flow
from simulator.report.layout import label_lines
from simulator.views.states import group_of
from simulator.views.times import duration

S = ConnectionState
_WAY: Final = (
    S.PENDING_APPROVAL,
    S.APPROVED,
    S.PROVISIONING_STARTED,
    S.PROVISIONING_COMPLETED,
    S.VALIDATING,
    S.ACTIVE,
    S.PENDING_REMOVE,
)
"""The order in which Microsoft's walkthroughs tell it. Direct peerings have no Approved: their approval starts the
provisioning."""
_WIDTH, _GAP, _HEIGHT, _ASIDE = 128.0, 24.0, 54.0, 104.0


@dataclass(frozen=True, slots=True)
class LifeStep:
    """One box."""

    state: ConnectionState
    x: float
    y: float
    lines: tuple[str, ...]
    css: str
    word: str
    """`done`, `now`, `ahead` or `aside`."""
    note: str
    """How long it lasted, or lasts."""
    title: str
    since: float = 0.0
    """When it was entered, of the step that is now, in seconds since the epoch; 0: not known."""


@dataclass(frozen=True, slots=True)
class LifeCycle:
    """The whole drawing."""

    steps: tuple[LifeStep, ...]
    arrows: tuple[tuple[float, float, float, float, str], ...]
    """x1, y1, x2, y2, and `done` or `ahead`."""
    width: float
    height: float
    summary: str


def life_cycle(
    flow: Flow, state: ConnectionState, history: list[ConnectionTransition], now: float, since: float = 0.0
) -> LifeCycle:
    """Draw it. `state` is what the resource shows, `since` when it came into that, in seconds since the epoch."""
    way = [each for each in _WAY if each is not S.APPROVED or flow is Flow.EXCHANGE]
    entered, spent = _times(history, now)
    if since:
        entered[state] = since
    aside = state not in way and state is not S.NONE
    reached = max((way.index(each) for each in entered if each in way), default=-1) if aside else -1
    at = way.index(state) if state in way else reached
    steps = []
    for number, each in enumerate(way):
        word = "now" if each is state else "done" if number <= at and each in entered else "ahead"
        steps.append(_step(each, number * (_WIDTH + _GAP), 0, word, entered, spent, now))
    arrows = [
        (step.x + _WIDTH, _HEIGHT / 2, step.x + _WIDTH + _GAP, _HEIGHT / 2, "done" if number < at else "ahead")
        for number, step in enumerate(steps[:-1])
    ]
    if aside:
        x = max(at, 0) * (_WIDTH + _GAP)
        steps.append(_step(state, x, _ASIDE, "now", entered, spent, now))
        arrows.append((x + _WIDTH / 2, _HEIGHT + 20, x + _WIDTH / 2, _ASIDE, "done"))
    told = ", ".join(f"{step.state.value} {_SAID[step.word]}" for step in steps)
    return LifeCycle(
        tuple(steps),
        tuple(arrows),
        len(way) * (_WIDTH + _GAP) - _GAP,
        (_ASIDE if aside else 0) + _HEIGHT + 20,
        f"Life cycle: {told}",
    )


_SAID: Final = {"done": "is done", "now": "is the current step", "ahead": "is ahead"}


def _times(history: list[ConnectionTransition], now: float) -> tuple[dict[S, float], dict[S, float]]:
    """When each state was last entered, and how long it lasted in all, since the connection last began."""
    begins = [number for number, step in enumerate(history) if step.source is S.NONE]
    mine = history[begins[-1] :] if begins else history
    moves = [step for step in mine if step.source is not step.target]
    entered: dict[S, float] = {}
    spent: dict[S, float] = {}
    for step, end in zip(moves, [*(each.time for each in moves[1:]), now], strict=False):
        entered[step.target] = step.time
        spent[step.target] = spent.get(step.target, 0.0) + end - step.time
    return entered, spent


def _step(
    state: S, x: float, y: float, word: str, entered: dict[S, float], spent: dict[S, float], now: float
) -> LifeStep:
    since = entered.get(state, 0.0) if word == "now" else 0.0
    note = duration(spent.get(state)) if word == "done" else duration(now - since) if since else ""
    title = f"Connection {state.value}: {group_of(state).meaning}"
    return LifeStep(state, x, y, label_lines(state), group_of(state).css, word, note, title, since)
