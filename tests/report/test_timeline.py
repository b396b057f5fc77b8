from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.connection.states import ConnectionState
from simulator.report.layout import MAX_COLUMNS, SHRINKABLE_WIDTH, in_order
from simulator.report.model import RehearsedConnection
from simulator.report.timeline import Drawing, Lane, draw
from simulator.session.states import BgpState
from simulator.views.connection import ShutGate, StepView
from simulator.views.states import group_of, label_of
from tests.report import sample


def drawn(connection: RehearsedConnection) -> tuple[Drawing, ...]:
    return draw(connection, sample.at(0), sample.at(sample.FINISH))


def words(lane: Lane) -> list[str]:
    return [bar.title.split("\n")[0].split(" for ")[0] for bar in lane.bars]


def test_one_lane_for_the_connection_one_for_the_gate_one_per_session() -> None:
    (drawing,) = drawn(sample.connection(1))
    assert [(lane.kind, lane.name) for lane in drawing.lanes] == [
        ("connection", "Connection state"),
        ("gate", "Gate"),
        ("bgp", "BGP FSM · IPv4"),
        ("bgp", "BGP FSM · IPv6"),
    ]
    connection, gate, first, _ = drawing.lanes
    assert words(connection) == [f"Connection: {state}" for state in ("None", *(new for _, _, new, _ in sample.LIFE))]
    assert words(first) == [f"BGP: {state}" for state in ("Idle", *(new for _, _, new, _ in sample.FSM))]
    assert [bar.lines for bar in gate.bars] == [("shut",), ("open",), ("shut",)]


def test_the_gate_is_open_exactly_where_the_connection_is_active() -> None:
    (drawing,) = drawn(sample.connection(1))
    active = next(bar for bar in drawing.lanes[0].bars if bar.lines[0] == "Connection")
    (opened,) = drawing.open_spans
    assert (opened.x, opened.width) == (active.x, active.width)
    assert active.lines == ("Connection", "Active", "43.8 s")


@pytest.mark.parametrize(("gates", "whose", "word"), [(0, 2, "open"), (1, 2, "partly open"), (2, 2, "shut")])
def test_a_gate_that_is_shut_while_the_connection_is_active_is_drawn_shut(gates: int, whose: int, word: str) -> None:
    made = sample.connection(1)
    assert len(made.sessions) == whose
    active = next(step.time for step in made.timeline if step.to is ConnectionState.ACTIVE)
    shut = [ShutGate(each.id, active + 5, active + 9) for each in made.sessions[:gates]]
    (drawing,) = draw(made, sample.at(0), sample.at(sample.FINISH), shut)
    gate = drawing.lanes[1]
    between = [f"Gate {word}", "Gate open"] if gates else []
    assert words(gate) == ["Gate shut", "Gate open", *between, "Gate shut"]
    assert len(drawing.open_spans) == (2 if gates else 1)
    if gates:
        assert gate.bars[2].title.split("\n")[0] == f"Gate {word} for 4.00 s"
        assert "to be validated" in gate.bars[2].title and gate.bars[2].css == "gate-shut"
    assert all(before.x + before.width == pytest.approx(after.x) for before, after in pairwise(gate.bars))


def test_bgp_active_is_never_drawn_as_the_connections_active() -> None:
    rows = drawn(sample.failed_connection())
    assert all(not row.open_spans for row in rows)
    bars = [bar for row in rows for lane in row.lanes if lane.kind == "bgp" for bar in lane.bars]
    assert {bar.css for bar in bars if bar.lines == ("BGP Active",)} == {"b-dial"}
    assert ("Active",) not in {bar.lines for bar in bars}
    assert group_of(BgpState.ACTIVE) is not group_of(ConnectionState.ACTIVE)
    assert label_of(ConnectionState.ACTIVE) == "Connection Active"


def test_lanes_have_no_holes_and_every_label_fits() -> None:
    for connection in (sample.connection(1), sample.failed_connection()):
        for row in drawn(connection):
            for lane in row.lanes:
                assert lane.bars[0].x == 0
                assert lane.bars[-1].x + lane.bars[-1].width == pytest.approx(row.width)
                for left, right in pairwise(lane.bars):
                    assert right.x == pytest.approx(left.x + left.width)
                for bar in lane.bars:
                    assert all(len(line) * 6 <= bar.width for line in bar.lines)


def test_tick_labels_do_not_overlap_and_carry_real_times() -> None:
    (drawing,) = drawn(sample.connection(1))
    labelled = [tick for tick in drawing.ticks if tick.label]
    assert labelled[0].label == "01:58:12.204"
    assert labelled[-1].label == "01:59:48.704"
    assert all(right.x - left.x >= 60 for left, right in pairwise(labelled))


def test_reasons_are_in_the_tooltips() -> None:
    (drawing,) = drawn(sample.connection(1))
    assert any("because all blocking checks passed" in bar.title for bar in drawing.lanes[0].bars)


def test_entries_of_both_axes_are_merged_by_time() -> None:
    entries = sample.connection(1).timeline
    ordered = in_order(entries)
    assert [entry.time for entry in ordered] == sorted(entry.time for entry in entries)
    assert {entry.axis for entry in ordered[:6]} == {"connection", "bgp"}


def test_changes_outside_of_the_rehearsals_time_widen_the_axis() -> None:
    early, late = sample.moved(-5, "None", "PendingApproval", ""), sample.moved(500, "PendingApproval", "Approved", "")
    (drawing,) = drawn(replace(sample.connection(1), timeline=(early, late)))
    assert [tick.label for tick in drawing.ticks if tick.label] == ["01:58:07.204", "02:06:32.204"]


def test_a_long_timeline_is_broken_into_rows_and_its_middle_left_out_aloud() -> None:
    changes = tuple(
        sample.changed(n / 10, "Idle" if n % 2 else "Connect", "Connect" if n % 2 else "Idle", "", "s")
        for n in range(2000)
    )
    rows = drawn(replace(sample.connection(1), timeline=(*sample.life(), *changes)))
    assert len(rows) > 2
    assert all(row.width <= SHRINKABLE_WIDTH for row in rows)
    assert sum(len(row.ticks) for row in rows) <= MAX_COLUMNS + 2 * len(rows)
    assert [row.gap.label for row in rows if row.gap] == ["1,886 moments not drawn"]


def test_without_any_change_the_lanes_show_the_final_states() -> None:
    (drawing,) = drawn(replace(sample.connection(1), timeline=()))
    assert words(drawing.lanes[0]) == ["Connection: None"]
    assert words(drawing.lanes[2]) == ["BGP: Idle"]


TIMES = st.floats(-10, 200).map(sample.at)
OF_CONNECTION = st.builds(
    StepView,
    time=TIMES,
    from_=st.sampled_from(ConnectionState),
    to=st.sampled_from(ConnectionState),
    reason=st.text(max_size=20),
)
OF_SESSION = st.builds(
    StepView,
    time=TIMES,
    from_=st.sampled_from(BgpState),
    to=st.sampled_from(BgpState),
    reason=st.text(max_size=20),
    session=st.sampled_from(["", "IPv4:192.0.2.1", "other"]),
)


@given(st.lists(OF_CONNECTION | OF_SESSION, max_size=150))
def test_any_timeline_can_be_drawn(entries: list[StepView]) -> None:
    rows = drawn(replace(sample.connection(1), timeline=tuple(entries)))
    assert rows
    for row in rows:
        assert row.width > 0
        assert all(bar.width > 0 and bar.x >= 0 for lane in row.lanes for bar in lane.bars)
        assert all(bar.x + bar.width <= row.width + 0.01 for lane in row.lanes for bar in lane.bars)
