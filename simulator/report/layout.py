"""The time axis of a timeline: which column each change stands in, and how wide the columns are.

The axis is spaced by events, then stretched by the square root of the time between them: life-cycle steps lie
milliseconds apart and soaks minutes, and every bar must hold its label. Ticks carry the true times.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from math import sqrt
from typing import Protocol

from simulator.connection.states import ConnectionState
from simulator.report.model import RehearsedConnection
from simulator.session.states import BgpState
from simulator.views.connection import Axis, StepView
from simulator.views.states import label_of

MAX_COLUMNS = 120
"""Beyond this many moments the middle is left out of the drawing, never out of the data."""
TARGET_WIDTH = 1040
"""Pixels that a short timeline is stretched to: the page's text width without the lane names."""
SHRINKABLE_WIDTH = 1.2 * TARGET_WIDTH
"""Up to here a timeline is shrunk into the page; beyond, its text would be too small, and it goes on in another row."""

_MIN_GAP = 10
_BREAK_WIDTH = 150
_CHAR, _PADDING = 6.9, 14
_TWO_LINES = re.compile(r"(?<=[a-z])(?=[A-Z])| ")


State = ConnectionState | BgpState


class Columns(Protocol):
    """Anything that reaches from one column to another."""

    @property
    def first(self) -> int: ...

    @property
    def last(self) -> int: ...


@dataclass(frozen=True, slots=True)
class StateSpan:
    """One state of one lane between two columns."""

    state: State
    first: int
    last: int
    reason: str
    then: State | None
    """The state that follows; None for the last one."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A laid out timeline before it is cut into rows."""

    connection: RehearsedConnection
    times: list[float]
    lanes: dict[tuple[Axis, str], list[StateSpan]]
    places: list[float]
    hidden: range
    strong: set[int]
    """Columns in which the connection changes."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The part of the time axis that one row shows."""

    times: list[float]
    places: list[float]
    first: int
    last: int

    def x(self, column: int) -> float:
        return self.places[min(max(column, self.first), self.last)] - self.places[self.first]

    def shows(self, span: Columns) -> bool:
        return span.first < self.last and span.last > self.first

    def place(self, span: Columns) -> tuple[float, float]:
        return self.x(span.first), self.x(span.last) - self.x(span.first)


def lay_out(connection: RehearsedConnection, started: float, finished: float, moments: Iterable[float] = ()) -> Plan:
    """Give every change of a connection its place; `moments`: more times that need a column."""
    timed = [(column[0].time, column) for column in _columns(in_order(connection.timeline))]
    timed += [(time, []) for time in {*moments}.difference(time for time, _ in timed)]
    timed.sort(key=lambda each: each[0])
    columns = [column for _, column in timed]
    times = _with_ends([time for time, _ in timed], started, finished)
    hidden = _hidden(len(times))
    lanes = {key: _seen(spans, hidden) for key, spans in _spans(connection, columns, len(times) - 1).items()}
    places = _places(times, [span for spans in lanes.values() for span in spans], hidden)
    strong = {number for number, column in enumerate(columns, 1) if any(entry.axis == "connection" for entry in column)}
    return Plan(connection, times, lanes, places, hidden, strong)


def in_order(timeline: Iterable[StepView]) -> list[StepView]:
    """By time, both axes together."""
    return sorted(timeline, key=lambda step: step.time)


def _columns(entries: list[StepView]) -> list[list[StepView]]:
    """Entries by moment; two changes of one lane never share a column."""
    columns: list[list[StepView]] = []
    for entry in entries:
        here = columns[-1] if columns and columns[-1][0].time == entry.time else None
        if here is None or any((other.axis, other.session) == (entry.axis, entry.session) for other in here):
            columns.append([entry])
        else:
            here.append(entry)
    return columns


def _with_ends(times: list[float], started: float, finished: float) -> list[float]:
    """The columns' times with the rehearsal's start before and its end after them."""
    return [min([started, *times]), *times, max([finished, *times])]


def _spans(
    connection: RehearsedConnection, columns: list[list[StepView]], end: int
) -> dict[tuple[Axis, str], list[StateSpan]]:
    """The states of every lane, from column 0 to the last."""
    lanes: dict[tuple[Axis, str], list[tuple[int, StepView]]] = {("connection", ""): []}
    for session in connection.sessions:
        lanes["bgp", session.id] = []
    for number, column in enumerate(columns, 1):
        for entry in column:
            session_id = entry.session if entry.axis == "bgp" else ""
            lanes.setdefault((entry.axis, session_id), []).append((number, entry))
    final = {session.id: session.bgp_state for session in connection.sessions}
    result: dict[tuple[Axis, str], list[StateSpan]] = {}
    for key, changes in lanes.items():
        if not changes:
            state: State = connection.connection_state if key[0] == "connection" else final[key[1]]
            result[key] = [StateSpan(state, 0, end, "no change was recorded", None)]
            continue
        spans = [StateSpan(changes[0][1].from_, 0, changes[0][0], "", changes[0][1].to)]
        for (number, entry), (following, next_entry) in pairwise(changes):
            spans.append(StateSpan(entry.to, number, following, entry.reason, next_entry.to))
        spans.append(StateSpan(changes[-1][1].to, changes[-1][0], end, changes[-1][1].reason, None))
        result[key] = spans
    return result


def _hidden(count: int) -> range:
    """The columns that are left out: none, or the middle; its first and last stay as the sides of the break."""
    if count <= MAX_COLUMNS:
        return range(0)
    return range(MAX_COLUMNS // 2, count - MAX_COLUMNS // 2)


def _seen(spans: list[StateSpan], hidden: range) -> list[StateSpan]:
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


def rows(places: list[float], hidden: range) -> list[tuple[int, int]]:
    """First and last column of each row."""
    end = len(places) - 1
    if places[end] <= SHRINKABLE_WIDTH:
        return [(0, end)]
    cut: list[tuple[int, int]] = []
    first = 0
    while first < end:
        last = first + 1
        while last < end and places[last + 1] - places[first] <= TARGET_WIDTH:
            last += 1
        if last in hidden[1:-1] and hidden[0] > first:
            last = hidden[0]
        cut.append((first, last))
        first = last
    return cut


def _places(times: list[float], spans: list[StateSpan], hidden: range) -> list[float]:
    """The x of every column: labels fit first, then what is left of the target width goes by time."""
    ending: dict[int, list[tuple[int, float]]] = {}
    for span in spans:
        ending.setdefault(span.last, []).append((span.first, label_width(span.state)))
    places = [0.0]
    for number in range(1, len(times)):
        inside = number in hidden and number - 1 in hidden
        least = places[-1] + (0 if inside else _MIN_GAP)
        if hidden and number == hidden[-1]:
            least = places[hidden[0]] + _BREAK_WIDTH
        places.append(max([least, *(places[first] + width for first, width in ending.get(number, ()))]))
    slack = TARGET_WIDTH - places[-1]
    gaps = [sqrt(after - before) for before, after in pairwise(times)]
    if slack <= 0:
        return places
    total = sum(gaps)
    added = 0.0
    for number, gap in enumerate(gaps, 1):
        added += slack * (gap / total if total else 1 / len(gaps))
        places[number] += added
    return places


def label_lines(state: State) -> tuple[str, ...]:
    """The label in lines: a connection state's camel case parts (`Provisioning`, `Completed`) may stand on two."""
    whole = label_of(state)
    head, *rest = _TWO_LINES.split(whole) if isinstance(state, ConnectionState) else [whole]
    return (head, "".join(rest)) if rest else (head,)


def label_width(state: State) -> float:
    return max(map(len, label_lines(state))) * _CHAR + _PADDING
