"""The drawing of a two-axis timeline: lanes of state bars, the gate between them, ticks with true times."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from enum import Enum
from itertools import pairwise

from simulator.connection.states import ConnectionState
from simulator.report.layout import Frame, Plan, StateSpan, label_lines, label_width, lay_out, rows
from simulator.report.model import RehearsedConnection
from simulator.report.text import clip, one_line
from simulator.views.connection import ShutGate
from simulator.views.states import axis_of, group_of
from simulator.views.times import clock, day, duration

_TICK_WIDTH = 86
_TOP, _CONNECTION_HEIGHT, _GATE_HEIGHT, _BGP_HEIGHT, _SPACE, _AXIS_HEIGHT = 4, 56, 20, 26, 10, 36


@dataclass(frozen=True, slots=True)
class Bar:
    """One state on one lane."""

    x: float
    width: float
    lines: tuple[str, ...]
    """The label; a connection's bar is tall enough for two lines and the time that the state lasted."""
    css: str
    title: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One axis: the connection, its gate, or one BGP session."""

    kind: str
    """`connection`, `gate` or `bgp`."""
    name: str
    detail: str
    y: float
    height: float
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """A moment on the time axis; `label` is empty where there is no room for one."""

    x: float
    label: str
    offset: str
    anchor: str
    strong: bool


@dataclass(frozen=True, slots=True)
class Break:
    """Where the drawing leaves moments out."""

    x: float
    width: float
    label: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """A whole timeline, ready for the template."""

    width: float
    height: float
    lanes: tuple[Lane, ...]
    ticks: tuple[Tick, ...]
    open_spans: tuple[Bar, ...]
    """Where the gate is open, to be shaded across all lanes."""
    axis_y: float
    date: str
    summary: str
    gap: Break | None = None


def draw(
    connection: RehearsedConnection, started: float, finished: float, shut: Collection[ShutGate] = ()
) -> tuple[Drawing, ...]:
    """Draw one connection's timeline: one row, or several like lines of text when it is long.

    `shut`: where gates were shut though the connection was Active.
    """
    ends = [end for each in shut for end in (each.since, each.until) if end is not None and started <= end <= finished]
    plan = lay_out(connection, started, finished, ends)
    return tuple(_row(plan, first, last, shut) for first, last in rows(plan.places, plan.hidden))


def _row(plan: Plan, first: int, last: int, shut: Collection[ShutGate]) -> Drawing:
    """One row of the drawing, from column `first` to column `last`."""
    frame = Frame(plan.times, plan.places, first, last)
    y = float(_TOP)
    lanes: list[Lane] = []
    sessions = {session.id: session for session in plan.connection.sessions}
    gate: tuple[Bar, ...] = ()
    for (axis, key), spans in plan.lanes.items():
        bars = tuple(_bar(span, frame) for span in spans if frame.shows(span))
        if axis == "connection":
            lanes.append(Lane("connection", "Connection state", "peering life cycle", y, _CONNECTION_HEIGHT, bars))
            y += _CONNECTION_HEIGHT + 4
            gate = tuple(_gate_bar(span, frame) for span in _gate(spans, plan, shut) if frame.shows(span))
            lanes.append(Lane("gate", "Gate", "", y, _GATE_HEIGHT, gate))
            y += _GATE_HEIGHT + _SPACE
            continue
        session = sessions.get(key)
        name = f"BGP FSM · {session.family.label}" if session else "BGP FSM"
        lanes.append(Lane("bgp", name, str(session.peer_address) if session else key, y, _BGP_HEIGHT, bars))
        y += _BGP_HEIGHT + _SPACE
    gap = None
    if plan.hidden and first <= plan.hidden[0] and plan.hidden[-1] <= last:
        left, right = frame.x(plan.hidden[0]), frame.x(plan.hidden[-1])
        gap = Break(left, right - left, f"{len(plan.hidden) - 2:,} moments not drawn")
    reached = ", ".join(span.state.value for span in plan.lanes["connection", ""][:40])
    return Drawing(
        width=frame.x(last),
        height=y + _AXIS_HEIGHT,
        lanes=tuple(lanes),
        ticks=tuple(_ticks(plan, frame)),
        open_spans=tuple(bar for bar in gate if bar.css == "gate-open"),
        axis_y=y,
        date=day(plan.times[first]),
        summary=one_line(f"Timeline of connection {plan.connection.id}: connection state {reached}"),
        gap=gap,
    )


def _bar(span: StateSpan, frame: Frame) -> Bar:
    start, end = frame.times[span.first], frame.times[span.last]
    lasted = duration(end - start)
    title = [f"{axis_of(span.state)}: {span.state.value} for {lasted}"]
    title.append(f"from {clock(start)} to {clock(end)}")
    if span.reason:
        title.append(f"because {one_line(span.reason, 300)}")
    if span.then is not None:
        title.append(f"then {axis_of(span.then)}: {span.then.value}")
    x, width = frame.place(span)
    lines = label_lines(span.state)
    if width + 1 < label_width(span.state):
        lines = ()  # a piece that a row's end cut off; the other piece is the longer one and says it
    elif isinstance(span.state, ConnectionState):
        lines = (*lines, lasted)
    return Bar(x, width, lines, group_of(span.state).css, clip("\n".join(title), 600))


class GateKind(Enum):
    """How a connection's gate stands: the word for it, the rest of its CSS class, and why."""

    OPEN = "open", "open", "connection Active: NLRI passes"
    SHUT = "shut", "shut", "connection not Active: no NLRI passes"
    WAITING = "shut", "shut", "connection Active, its sessions still to be validated: no NLRI passes"
    PARTLY = "partly open", "shut", "connection Active, some sessions still to be validated: NLRI passes on the others"


@dataclass(frozen=True, slots=True)
class GateSpan:
    """How the gate stood between two columns."""

    kind: GateKind
    first: int
    last: int


def _gate(spans: list[StateSpan], plan: Plan, shut: Collection[ShutGate]) -> list[GateSpan]:
    """Shut in every state but Active, and in that one where `shut` says so; neighbours of one kind become one."""
    runs: list[GateSpan] = []
    for span in spans:
        for first, last in _parts(span, shut):
            kind = _kind(span, plan.times[first], len(plan.connection.sessions), shut)
            if runs and runs[-1].kind is kind and runs[-1].last == first:
                runs[-1] = replace(runs[-1], last=last)
            else:
                runs.append(GateSpan(kind, first, last))
    return runs


def _parts(span: StateSpan, shut: Collection[ShutGate]) -> Iterable[tuple[int, int]]:
    return pairwise(range(span.first, span.last + 1)) if shut else [(span.first, span.last)]


def _kind(span: StateSpan, time: float, sessions: int, shut: Collection[ShutGate]) -> GateKind:
    if span.state is not ConnectionState.ACTIVE:
        return GateKind.SHUT
    waiting = {each.session for each in shut if each.since <= time and (each.until is None or time < each.until)}
    if not waiting:
        return GateKind.OPEN
    return GateKind.WAITING if len(waiting) >= sessions else GateKind.PARTLY


def _gate_bar(span: GateSpan, frame: Frame) -> Bar:
    lasted = duration(frame.times[span.last] - frame.times[span.first])
    word, css, why = span.kind.value
    x, width = frame.place(span)
    lines = (word,) if width > (40 if len(word) < 5 else 90) else ()
    return Bar(x, width, lines, f"gate-{css}", f"Gate {word} for {lasted}\n{why}")


def _ticks(plan: Plan, frame: Frame) -> Iterable[Tick]:
    """A line for every moment, and its time wherever there is room; changes of the connection go first."""
    ends = (frame.first, frame.last)
    visible_columns = [n for n in range(frame.first, frame.last + 1) if n not in plan.hidden[1:-1]]
    taken: list[tuple[float, float]] = []
    labelled: set[int] = set()
    for number in sorted(visible_columns, key=lambda n: (n not in ends, n not in plan.strong, n)):
        shift = 0.0 if number == frame.first else 1.0 if number == frame.last else 0.5
        left = frame.x(number) - shift * _TICK_WIDTH
        if all(left >= end or left + _TICK_WIDTH <= begin for begin, end in taken):
            taken.append((left, left + _TICK_WIDTH))
            labelled.add(number)
    for number in visible_columns:
        since = plan.times[number] - plan.times[0]
        yield Tick(
            x=frame.x(number),
            label=clock(plan.times[number]) if number in labelled else "",
            offset="start" if number == 0 else f"+{duration(since)}",
            anchor="start" if number == frame.first else "end" if number == frame.last else "middle",
            strong=number in plan.strong or number in ends,
        )
