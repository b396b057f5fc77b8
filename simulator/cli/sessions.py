"""Sessions on a terminal: what needs someone first, and as many as there is room for; the others are counted."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from rich.console import Console
from rich.text import Text

from simulator.cli.paragraphs import Grid, joined, paragraph
from simulator.connection.states import ConnectionState
from simulator.session.states import BgpState
from simulator.views.states import CONNECTION_GROUPS, group_of, style_of

_BAD = "c-bad"
_ORDER = {css: place for place, css in enumerate((_BAD, "c-work", "c-wait", "c-leave", "c-none", "c-active"))}
assert _ORDER.keys() == {group.css for group in CONNECTION_GROUPS}
_KINDS_COUNTED = 4


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One session with both of its states."""

    connection: str
    neighbor: str
    peer_as: int
    edge: str
    state: ConnectionState
    bgp: BgpState
    counts: tuple[int, ...]
    gate_open: bool | None = None
    """None where the table does not tell."""

    @property
    def needs_someone(self) -> bool:
        """The connection failed or is blocked, or it is Active and its session is not up."""
        down = self.state is ConnectionState.ACTIVE and self.bgp is not BgpState.ESTABLISHED
        return down or group_of(self.state).css == _BAD

    @property
    def policy(self) -> Text:
        """DENY ALL is what has to be before Active: it is red only where something is wrong."""
        if self.gate_open:
            return Text("lifted", "bold green")
        return Text("DENY ALL", "bold red" if self.needs_someone else "dim")


def session_lines(
    console: Console, rows: Sequence[SessionRow], counts: Sequence[tuple[str, str]], most: int
) -> list[Text]:
    """A table of at most `most` lines, and of one session at least.

    `counts`: of each count its heading, and its short name.
    """
    ordered = sorted(rows, key=lambda row: (not row.needs_someone, _ORDER[group_of(row.state).css]))
    if not ordered:
        return []
    heading, blocks = _blocks(console, ordered, counts)
    room, heights = most - len(heading), list(accumulate(map(len, blocks)))
    shown, counted = max(1, bisect_right(heights, room)), list[Text]()
    while shown < len(blocks):
        counted = _counted(console, ordered[shown:])
        if shown == 1 or heights[shown - 1] + len(counted) <= room:
            break
        shown -= 1
    return [*heading, *(line for block in blocks[:shown] for line in block), *counted]


def _blocks(
    console: Console, rows: Sequence[SessionRow], counts: Sequence[tuple[str, str]]
) -> tuple[list[Text], list[list[Text]]]:
    """The heading and each row's lines: in columns where the terminal is wide enough for all that tells rows apart."""
    with_policy = any(row.gate_open is not None for row in rows)
    one_edge = len({row.neighbor for row in rows}) == len(rows)
    for place in (("AS", "Edge"), ("Edge",), *(((),) if one_edge else ())):
        headings = ["Neighbor", *place, "Connection", "BGP", *(["Policy"] if with_policy else [])]
        headings += [name if place else short.capitalize() for name, short in counts]
        cells = [
            [
                Text(row.neighbor),
                *([Text(str(row.peer_as))] if "AS" in place else []),
                *([Text(row.edge)] if "Edge" in place else []),
                _state(row.state),
                _state(row.bgp),
                *([row.policy] if with_policy else []),
                *(Text(str(count)) for count in row.counts),
            ]
            for row in rows
        ]
        grid = Grid(headings, cells, len(counts))
        if grid.width <= console.width:
            return [grid.heading()], [[line] for line in grid.lines()]
    blocks, last = [], ""
    for row in rows:
        block: list[Text] = []
        if row.connection != last:
            block += _beside(console, Text(row.connection, "bold"), [Text.assemble("connection ", _state(row.state))])
        last = row.connection
        told = [Text.assemble("BGP ", _state(row.bgp)), *((row.policy,) if with_policy else ())]
        told += [Text(", ".join(f"{short} {count}" for (_, short), count in zip(counts, row.counts, strict=True)))]
        blocks.append(block + _beside(console, Text(f"  {row.neighbor}"), told))
    return [], blocks


def _beside(console: Console, head: Text, parts: Sequence[Text]) -> list[Text]:
    """Parts in a line, as many as it takes; no part is broken."""
    lines = [head]
    for part in parts:
        if lines[-1].cell_len + 2 + part.cell_len <= console.width:
            lines[-1] = joined((lines[-1], part))
        else:
            lines.append(Text.assemble("    ", part))
    return lines


def _counted(console: Console, rows: Sequence[SessionRow]) -> list[Text]:
    kinds = Counter((row.state, row.bgp) for row in rows).most_common()
    words = [
        Text.assemble(f"{number} ", _state(state), "/", _state(bgp)) for (state, bgp), number in kinds[:_KINDS_COUNTED]
    ]
    if others := sum(number for _, number in kinds[_KINDS_COUNTED:]):
        words.append(Text(f"{others} in other states"))
    noun = "session" if len(rows) == 1 else "sessions"
    return paragraph(console, Text.assemble(f"and {len(rows)} {noun} more (connection/BGP): ", Text(", ").join(words)))


def _state(state: ConnectionState | BgpState) -> Text:
    return Text(state.value, style_of(state))
