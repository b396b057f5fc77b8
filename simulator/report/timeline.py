"""The drawing of a two-axis timeline: lanes of state bars, the gate between them, ticks with true times."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from .clock import clock, duration, parse_time, seconds_between
from .layout import Frame, Plan, Span, label_lines, label_width, lay_out, rows
from .model import Axis, ConnectionReport
from .palette import AXIS_NAME, group_of
from .text import clip, one_line

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


def draw(connection: ConnectionReport, started: str, finished: str) -> tuple[Drawing, ...]:
    """Draw one connection's timeline: one row, or several like lines of text when it is long."""
    plan = lay_out(connection, started, finished)
    return tuple(_row(plan, first, last) for first, last in rows(plan.places, plan.hidden))


def _row(plan: Plan, first: int, last: int) -> Drawing:
    """One row of the drawing, from column `first` to column `last`."""
    frame = Frame(plan.times, plan.places, first, last)
    y = float(_TOP)
    lanes: list[Lane] = []
    sessions = {session.id: session for session in plan.connection.sessions}
    gate: tuple[Bar, ...] = ()
    for (axis, key), spans in plan.lanes.items():
        bars = tuple(_bar(axis, span, frame) for span in spans if frame.shows(span))
        if axis == "connection":
            lanes.append(Lane("connection", "Connection state", "peering life cycle", y, _CONNECTION_HEIGHT, bars))
            y += _CONNECTION_HEIGHT + 4
            gate = tuple(_gate_bar(span, frame) for span in _gate(spans) if frame.shows(span))
            lanes.append(Lane("gate", "Gate", "", y, _GATE_HEIGHT, gate))
            y += _GATE_HEIGHT + _SPACE
            continue
        session = sessions.get(key)
        name = f"BGP FSM · {session.family}" if session else "BGP FSM"
        lanes.append(Lane("bgp", name, session.peer_address if session else key, y, _BGP_HEIGHT, bars))
        y += _BGP_HEIGHT + _SPACE
    gap = None
    if plan.hidden and first <= plan.hidden[0] and plan.hidden[-1] <= last:
        left, right = frame.x(plan.hidden[0]), frame.x(plan.hidden[-1])
        gap = Break(left, right - left, f"{len(plan.hidden) - 2:,} moments not drawn")
    moment = parse_time(plan.times[first])
    reached = ", ".join(span.state for span in plan.lanes["connection", ""][:40])
    return Drawing(
        width=frame.x(last),
        height=y + _AXIS_HEIGHT,
        lanes=tuple(lanes),
        ticks=tuple(_ticks(plan, frame)),
        open_spans=tuple(bar for bar in gate if bar.css == "gate-open"),
        axis_y=y,
        date=f"{moment:%Y-%m-%d}" if moment else "",
        summary=one_line(f"Timeline of connection {plan.connection.id}: connection state {reached}"),
        gap=gap,
    )


def _bar(axis: Axis, span: Span, frame: Frame) -> Bar:
    start, end = frame.times[span.first], frame.times[span.last]
    lasted = duration(seconds_between(start, end))
    title = [f"{AXIS_NAME[axis]}: {clip(span.state, 60)}" + (f" for {lasted}" if lasted else "")]
    title.append(f"from {clock(start)} to {clock(end)}")
    if span.reason:
        title.append(f"because {one_line(span.reason, 300)}")
    if span.ends:
        title.append(f"then {AXIS_NAME[axis]}: {clip(span.ends, 60)}")
    x, width = frame.place(span)
    lines = label_lines(axis, span.state)
    if width + 1 < label_width(axis, span.state):
        lines = ()  # a piece that a row's end cut off; the other piece is the longer one and says it
    elif lasted and axis == "connection":
        lines = (*lines, lasted)
    return Bar(x, width, lines, group_of(axis, span.state), clip("\n".join(title), 600))


def _gate(spans: list[Span]) -> list[Span]:
    """Open while the connection is Active, shut in every other state: neighbours of one kind become one."""
    runs: list[Span] = []
    for span in spans:
        word = "open" if span.state == "Active" else "shut"
        if runs and runs[-1].state == word and runs[-1].last == span.first:
            runs[-1] = replace(runs[-1], last=span.last)
        else:
            runs.append(Span(word, span.first, span.last, "", ""))
    return runs


def _gate_bar(span: Span, frame: Frame) -> Bar:
    lasted = duration(seconds_between(frame.times[span.first], frame.times[span.last]))
    why = "connection Active: NLRI passes" if span.state == "open" else "connection not Active: no NLRI passes"
    x, width = frame.place(span)
    title = f"Gate {span.state}" + (f" for {lasted}" if lasted else "") + f"\n{why}"
    return Bar(x, width, (span.state,) if width > 40 else (), f"gate-{span.state}", title)


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
        since = seconds_between(plan.times[0], plan.times[number])
        yield Tick(
            x=frame.x(number),
            label=clock(plan.times[number]) if number in labelled else "",
            offset="start" if number == 0 else f"+{duration(since)}" if since is not None else "",
            anchor="start" if number == frame.first else "end" if number == frame.last else "middle",
            strong=number in plan.strong or number in ends,
        )
