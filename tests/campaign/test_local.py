"""Each cell has a process of its own: what happens to it is said, and happens to no other."""

from __future__ import annotations

from pathlib import Path

from simulator.campaign.local import LocalCells
from simulator.campaign.model import CellOrder, Ending
from simulator.lab.state import ProcessId
from tests.campaign.odd import ODD, cells_called, left_behind, run_odd


def test_a_cell_that_crashes_is_told_as_such_and_the_others_go_on(tmp_path: Path) -> None:
    found = run_odd(["crash", "pass", "raise", "other"], tmp_path, jobs=2)
    [crash], [broken] = found["crash"], found["raise"]
    assert (crash.ending, broken.ending) == (Ending.CRASHED, Ending.CRASHED)
    assert "was killed by SIGSEGV" in crash.text and "the last words" in crash.detail
    assert "ended with exit status 1" in broken.text and "something nobody thought of" in broken.detail
    assert [found[name][0].ending for name in ("pass", "other")] == [Ending.PASSED] * 2


def test_a_cell_that_hangs_is_ended_at_its_limit_and_says_where_it_was(tmp_path: Path) -> None:
    found = run_odd(["hang", "deaf"], tmp_path, limit=1)
    [hung], [deaf] = found["hang"], found["deaf"]
    assert (hung.ending, deaf.ending) == (Ending.OVERDUE, Ending.OVERDUE)
    assert "not over after 1 s" in hung.text and "odd_nursery.py" in hung.detail


def test_what_a_killed_cell_left_behind_is_taken_down(tmp_path: Path) -> None:
    [left] = run_odd(["leave"], tmp_path)["leave"]
    assert left.ending is Ending.CRASHED
    assert "was killed by SIGKILL" in left.text and "killed a router" in left.detail
    assert ProcessId.of(int((tmp_path / "child").read_text())) is None
    assert left_behind() == []


def test_the_report_of_an_attempt_is_kept_where_it_did_not_pass(tmp_path: Path) -> None:
    first, second = run_odd(["flaky"], tmp_path, jobs=1, repeat=2)["flaky"]
    assert (first.ending, first.report) == (Ending.PASSED, "")
    assert second.ending is Ending.FAILED and (tmp_path / second.report / "report.html").exists()
    assert (second.text, second.detail) == ("not this time", "what was seen")


def test_cells_whose_nursery_is_killed_are_run_again_and_then_told_as_lost(tmp_path: Path) -> None:
    found = run_odd(["orphan", "orphans", "pass"], tmp_path, jobs=1)
    assert [attempt.ending for attempt in found["orphan"]] == [Ending.PASSED]
    assert [attempt.ending for attempt in found["orphans"]] == [Ending.LOST]
    assert [attempt.ending for attempt in found["pass"]] == [Ending.PASSED]
    assert len(list(tmp_path.glob("orphans-*"))) == 3


def test_at_its_end_no_cell_is_left(tmp_path: Path) -> None:
    orders = [CellOrder(cell, 1, 3600) for cell in cells_called(["hang", "after"], tmp_path)]
    with LocalCells(tmp_path / "reports", ODD) as machine:
        assert next(machine.run(orders, 2)).ending is Ending.PASSED
    [hung] = tmp_path.glob("hang-*")
    assert ProcessId.of(int(hung.name.rpartition("-")[2])) is None
