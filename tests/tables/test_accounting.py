"""What goes in comes out: each route of a file is judged, unreadable, or taken back by it, whatever the damage."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.tables.bird_text import read_bird
from simulator.tables.input_formats import READERS
from simulator.tables.json_lines import read_json_lines
from simulator.tables.mrt_reader import read_mrt
from simulator.tables.route_lines import read_route_lines
from simulator.tables.session_policies import SessionPolicies
from simulator.tables.table_entries import TableReader
from simulator.tables.tally import Judge, Tally
from tests.tables.router_outputs import OUTPUTS
from tests.tables.support import SAMPLES, bird, exabgp, json_lines, mrt_rib, mrt_updates, verdicts

MRT_HEADER = 12


def counted(read: TableReader, data: bytes) -> Tally:
    judge = Judge(SessionPolicies("exchange").session)
    for _ in judge.judge(read((data,))):
        pass
    return judge.tally


def accounted(tally: Tally) -> int:
    return tally.routes + tally.unreadable + tally.taken_back


def damaged(data: st.DataObject, octets: bytes, first: int, last: int, never: bytes = b"") -> bytes:
    """Some octets between these become others; none of `never` comes or goes, which would be another file."""
    found = bytearray(octets)
    allowed = [value for value in range(256) if value not in never]
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(first, last - 1))
        if found[at] not in never:
            found[at] = data.draw(st.sampled_from(allowed))
    return bytes(found)


LINES = {
    "exabgp": (read_route_lines, [exabgp([sample]) for sample in SAMPLES], b"\n#;"),
    "json": (read_json_lines, [json_lines([sample]) for sample in SAMPLES], b"\n"),
}


@pytest.mark.parametrize(("read", "lines", "never"), LINES.values(), ids=LINES)
@given(data=st.data())
def test_each_line_is_accounted_for(read: TableReader, lines: list[bytes], never: bytes, data: st.DataObject) -> None:
    """A line can say that it is more routes than it was (`split`) or another event, never that it is nothing."""
    whole, at = b"".join(lines), data.draw(st.integers(0, len(lines) - 1))
    start = sum(map(len, lines[:at]))
    tally = counted(read, damaged(data, whole, start, start + len(lines[at]) - 1, never))
    assert accounted(tally) + sum(tally.skipped.values()) - tally.taken_back >= len(lines)


@given(data=st.data())
def test_each_route_of_bird_is_accounted_for(data: st.DataObject) -> None:
    """The line that a route begins with may be anything: it is one route more or less, and that is told."""
    blocks = [bird([sample]).partition(b"Table master4:\n")[2] for sample in SAMPLES]
    at = data.draw(st.integers(0, len(blocks) - 1))
    head, _, rest = blocks[at].partition(b"\n")
    blocks[at] = damaged(data, head, 0, head.index(b"["), b"\n\r\x0b\x0c\x1c\x1d\x1e\x85 \t") + b"\n" + rest
    assert accounted(counted(read_bird, b"".join(blocks))) == len(blocks)


WRITERS = {"bird": (read_bird, bird)} | {
    name: (READERS[format_], write) for name, (format_, write) in OUTPUTS.items() if name != "gobgp"
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_line_that_is_missing_moves_nothing_from_route_to_route(name: str) -> None:
    """Without the line that a route begins with, what is below it is not taken for the route above."""
    read, write = WRITERS[name]
    lines = write(SAMPLES).splitlines(keepends=True)
    for at in range(len(lines)):
        found, tally = verdicts(read((b"".join(lines[:at] + lines[at + 1 :]),)))
        assert tally.unreadable or (tally.routes, len(found)) == (len(SAMPLES), len(SAMPLES)), lines[at]


def test_a_path_of_bird_that_is_missing_is_told() -> None:
    lines = bird(SAMPLES[:1]).splitlines(keepends=True)
    assert counted(read_bird, b"".join(line for line in lines if b"BGP.as_path" not in line)).unreadable == 1


@given(st.integers(1, 12))
def test_a_table_that_stands_to_the_right_is_read_as_it_is(indent: int) -> None:
    text = b"".join(b" " * indent + line for line in bird(SAMPLES).splitlines(keepends=True)[2:])
    tally = counted(read_bird, text)
    assert (tally.routes, tally.unreadable) == (len(SAMPLES), 0)


@given(data=st.data())
def test_each_record_of_a_table_is_accounted_for(data: st.DataObject) -> None:
    octets = mrt_rib(SAMPLES)
    index = MRT_HEADER + int.from_bytes(octets[8:12], "big")
    starts = [index]
    while starts[-1] < len(octets):
        starts.append(starts[-1] + MRT_HEADER + int.from_bytes(octets[starts[-1] + 8 : starts[-1] + 12], "big"))
    at = data.draw(st.integers(0, len(starts) - 2))
    tally = counted(read_mrt, damaged(data, octets, starts[at] + MRT_HEADER, starts[at + 1]))
    assert accounted(tally) == len(SAMPLES)


@given(data=st.data())
def test_each_update_is_accounted_for(data: st.DataObject) -> None:
    """Damage can make an UPDATE one that announces nothing, and is right; the others are all there."""
    records = [mrt_updates([sample]) for sample in SAMPLES]
    at = data.draw(st.integers(0, len(records) - 1))
    records[at] = damaged(data, records[at], MRT_HEADER, len(records[at]))
    tally = counted(read_mrt, b"".join(records))
    assert accounted(tally) >= len(SAMPLES) - 1
    assert accounted(tally) >= len(SAMPLES) or not tally.unreadable


@pytest.mark.parametrize("event", [{"event": "route"}, {"prefix": 7}, [], "text", None])
def test_what_is_no_route_in_json_lines_is_told(event: object) -> None:
    assert counted(read_json_lines, json.dumps(event).encode()).unreadable == 1
