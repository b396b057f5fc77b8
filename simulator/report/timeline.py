"""Where everything of a two-axis timeline goes: columns of events, lanes of state bars, the gate between them.

The axis is spaced by events, then stretched by the square root of the time between them: life-cycle steps lie
milliseconds apart and soaks minutes, and every bar must hold its label. Ticks carry the true times.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from math import sqrt

from .clock import clock, duration, parse_time, seconds_between
from .model import Axis, ConnectionReport, TimelineEntry
from .palette import AXIS_NAME, group_of, lane_label
from .text import clip, one_line, visible

MAX_COLUMNS = 120
"""Beyond this many moments the middle is left out of the drawing, never out of the data."""
TARGET_WIDTH = 1040
"""Pixels that a short timeline is stretched to: the page's text width without the lane names."""
SHRINKABLE_WIDTH = 1.2 * TARGET_WIDTH
"""Up to here a timeline is shrunk into the page; beyond, its text would be too small, and it goes on in another row."""

_MIN_GAP = 10
_BREAK_WIDTH = 150
_CHAR, _PADDING = 6.9, 14
_LABEL_LIMIT = 26
_TICK_WIDTH = 86
_TOP, _CONNECTION_HEIGHT, _GATE_HEIGHT, _BGP_HEIGHT, _SPACE, _AXIS_HEIGHT = 4, 56, 20, 26, 10, 36
_TWO_LINES = re.compile(r"(?<=[a-z])(?=[A-Z])| ")


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


@dataclass(frozen=True, slots=True)
class _Span:
    """One state of one lane between two columns."""

    state: str
    first: int
    last: int
    reason: str
    ends: str


@dataclass(frozen=True, slots=True)
class _Plan:
    """A laid out timeline before it is cut into rows."""

    connection: ConnectionReport
    times: list[str]
    lanes: dict[tuple[Axis, str], list[_Span]]
    places: list[float]
    hidden: range
    strong: set[int]
    """Columns in which the connection changes."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """The part of the time axis that one row shows."""

    times: list[str]
    places: list[float]
    first: int
    last: int

    def x(self, column: int) -> float:
        return self.places[min(max(column, self.first), self.last)] - self.places[self.first]

    def shows(self, span: _Span) -> bool:
        return span.first < self.last and span.last > self.first

    def place(self, span: _Span) -> tuple[float, float]:
        return self.x(span.first), self.x(span.last) - self.x(span.first)


def draw(connection: ConnectionReport, started: str, finished: str) -> tuple[Drawing, ...]:
    """Lay out the timeline of one connection: one row, or several like lines of text when it is long."""
    columns = _columns(in_order(connection.timeline))
    times = _with_ends([column[0].time for column in columns], started, finished)
    hidden = _hidden(len(times))
    lanes = {key: _seen(spans, hidden) for key, spans in _spans(connection, columns, len(times) - 1).items()}
    places = _places(times, [(key[0], span) for key, spans in lanes.items() for span in spans], hidden)
    strong = {number for number, column in enumerate(columns, 1) if any(entry.axis == "connection" for entry in column)}
    plan = _Plan(connection, times, lanes, places, hidden, strong)
    return tuple(_row(plan, first, last) for first, last in _rows(places, hidden))


def in_order(timeline: Iterable[TimelineEntry]) -> list[TimelineEntry]:
    """By time, both axes together; as given when a time cannot be read."""
    entries = list(timeline)
    moments = [moment for entry in entries if (moment := parse_time(entry.time)) is not None]
    if len(moments) < len(entries):
        return entries
    return [entries[index] for index in sorted(range(len(entries)), key=moments.__getitem__)]


def _columns(entries: list[TimelineEntry]) -> list[list[TimelineEntry]]:
    """Entries by moment; two changes of one lane never share a column."""
    columns: list[list[TimelineEntry]] = []
    for entry in entries:
        here = columns[-1] if columns and columns[-1][0].time == entry.time else None
        if here is None or any((other.axis, other.session) == (entry.axis, entry.session) for other in here):
            columns.append([entry])
        else:
            here.append(entry)
    return columns


def _with_ends(times: list[str], started: str, finished: str) -> list[str]:
    """The columns' times with the rehearsal's start before and its end after them."""
    first = started if not times or seconds_between(started, times[0]) is not None else times[0]
    last = finished if not times or seconds_between(times[-1], finished) is not None else times[-1]
    return [first, *times, last]


def _spans(
    connection: ConnectionReport, columns: list[list[TimelineEntry]], end: int
) -> dict[tuple[Axis, str], list[_Span]]:
    """The states of every lane, from column 0 to the last."""
    lanes: dict[tuple[Axis, str], list[tuple[int, TimelineEntry]]] = {("connection", ""): []}
    for session in connection.sessions:
        lanes["bgp", session.id] = []
    for number, column in enumerate(columns, 1):
        for entry in column:
            session_id = entry.session if entry.axis == "bgp" else ""
            lanes.setdefault((entry.axis, session_id), []).append((number, entry))
    final = {session.id: session.bgp_state for session in connection.sessions}
    result: dict[tuple[Axis, str], list[_Span]] = {}
    for key, changes in lanes.items():
        if not changes:
            state = connection.connection_state if key[0] == "connection" else final[key[1]]
            result[key] = [_Span(state, 0, end, "no change was recorded", "")]
            continue
        spans = [_Span(changes[0][1].from_, 0, changes[0][0], "", changes[0][1].to)]
        for (number, entry), (following, next_entry) in pairwise(changes):
            spans.append(_Span(entry.to, number, following, entry.reason, next_entry.to))
        spans.append(_Span(changes[-1][1].to, changes[-1][0], end, changes[-1][1].reason, ""))
        result[key] = spans
    return result


def _hidden(count: int) -> range:
    """The columns that are left out: none, or the middle; its first and last stay as the sides of the break."""
    if count <= MAX_COLUMNS:
        return range(0)
    return range(MAX_COLUMNS // 2, count - MAX_COLUMNS // 2)


def _seen(spans: list[_Span], hidden: range) -> list[_Span]:
    """The spans without their hidden parts."""
    cut = (
        replace(
            span,
            first=hidden[-1] if span.first in hidden else span.first,
            last=hidden[0] if span.last in hidden else span.last,
        )
        for span in spans
    )
    return [span for span in cut if span.first < span.last]


def _rows(places: list[float], hidden: range) -> list[tuple[int, int]]:
    """First and last column of each row."""
    end = len(places) - 1
    if places[end] <= SHRINKABLE_WIDTH:
        return [(0, end)]
    rows: list[tuple[int, int]] = []
    first = 0
    while first < end:
        last = first + 1
        while last < end and places[last + 1] - places[first] <= TARGET_WIDTH:
            last += 1
        if last in hidden[1:-1] and hidden[0] > first:
            last = hidden[0]
        rows.append((first, last))
        first = last
    return rows


def _places(times: list[str], spans: list[tuple[Axis, _Span]], hidden: range) -> list[float]:
    """The x of every column: labels fit first, then what is left of the target width goes by time."""
    ending: dict[int, list[tuple[int, float]]] = {}
    for axis, span in spans:
        ending.setdefault(span.last, []).append((span.first, _label_width(axis, span.state)))
    places = [0.0]
    for number in range(1, len(times)):
        inside = number in hidden and number - 1 in hidden
        least = places[-1] + (0 if inside else _MIN_GAP)
        if hidden and number == hidden[-1]:
            least = places[hidden[0]] + _BREAK_WIDTH
        places.append(max([least, *(places[first] + width for first, width in ending.get(number, ()))]))
    slack = TARGET_WIDTH - places[-1]
    gaps = [sqrt(seconds_between(before, after) or 0.0) for before, after in pairwise(times)]
    if slack <= 0:
        return places
    total = sum(gaps)
    added = 0.0
    for number, gap in enumerate(gaps, 1):
        added += slack * (gap / total if total else 1 / len(gaps))
        places[number] += added
    return places


def _lines(axis: Axis, state: str) -> tuple[str, ...]:
    """The label in lines: a connection state's camel case parts (`Provisioning`, `Completed`) may stand on two."""
    whole = lane_label(axis, clip(visible(state), _LABEL_LIMIT))
    head, *rest = _TWO_LINES.split(whole) if axis == "connection" else [whole]
    return (head, "".join(rest)) if rest else (head,)


def _label_width(axis: Axis, state: str) -> float:
    return max(map(len, _lines(axis, state))) * _CHAR + _PADDING


def _row(plan: _Plan, first: int, last: int) -> Drawing:
    """One row of the drawing, from column `first` to column `last`."""
    frame = _Frame(plan.times, plan.places, first, last)
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


def _bar(axis: Axis, span: _Span, frame: _Frame) -> Bar:
    start, end = frame.times[span.first], frame.times[span.last]
    lasted = duration(seconds_between(start, end))
    title = [f"{AXIS_NAME[axis]}: {span.state}" + (f" for {lasted}" if lasted else "")]
    title.append(f"from {clock(start)} to {clock(end)}")
    if span.reason:
        title.append(f"because {one_line(span.reason, 300)}")
    if span.ends:
        title.append(f"then {AXIS_NAME[axis]}: {span.ends}")
    x, width = frame.place(span)
    lines = _lines(axis, span.state)
    if width + 1 < _label_width(axis, span.state):
        lines = ()  # a piece that a row's end cut off; the other piece is the longer one and says it
    elif lasted and axis == "connection":
        lines = (*lines, lasted)
    return Bar(x, width, lines, group_of(axis, span.state), clip("\n".join(title), 600))


def _gate(spans: list[_Span]) -> list[_Span]:
    """Open while the connection is Active, shut in every other state: neighbours of one kind become one."""
    runs: list[_Span] = []
    for span in spans:
        word = "open" if span.state == "Active" else "shut"
        if runs and runs[-1].state == word and runs[-1].last == span.first:
            runs[-1] = replace(runs[-1], last=span.last)
        else:
            runs.append(_Span(word, span.first, span.last, "", ""))
    return runs


def _gate_bar(span: _Span, frame: _Frame) -> Bar:
    lasted = duration(seconds_between(frame.times[span.first], frame.times[span.last]))
    why = "connection Active: NLRI passes" if span.state == "open" else "connection not Active: no NLRI passes"
    x, width = frame.place(span)
    title = f"Gate {span.state}" + (f" for {lasted}" if lasted else "") + f"\n{why}"
    return Bar(x, width, (span.state,) if width > 40 else (), f"gate-{span.state}", title)


def _ticks(plan: _Plan, frame: _Frame) -> Iterable[Tick]:
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
