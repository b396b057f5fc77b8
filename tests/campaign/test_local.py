"""Each cell has a process of its own: what happens to it is said, and happens to no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from simulator.campaign.local import LocalCells
from simulator.campaign.model import CellOrder, Ending
from simulator.lab.state import ProcessId
from tests.campaign.odd import ODD, cells_called, left_behind, run_odd


def test_a_cell_that_crashes_is_told_as_such_and_the_others_go_on(tmp_path: Path) -> None:
    found = run_odd(["crash", "pass", "raise", "other"], tmp_path, jobs=2)
    [crash], [broken] = found["crash"], found["raise"]
    assert (crash.ending, broken.ending) == (Ending.CRASHED, Ending.CRASHED)
    assert crash.text.endswith(" its process was killed by SIGSEGV: Fatal Python error: Segmentation fault")
    assert "the last words" in crash.detail
    assert "Traceback" in broken.detail and "something nobody thought of" in broken.detail
    assert [found[name][0].ending for name in ("pass", "other")] == [Ending.PASSED] * 2


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("raise", "ended with an error: ValueError: something nobody thought of and more of it (tests/campaign/odd_"),
        ("cancelled", "ended with an error: asyncio.exceptions.CancelledError (tests/campaign/odd_nursery.py, li"),
        ("terminated", "was interrupted by SIGTERM: tests/campaign/odd_nursery.py, line "),
        ("rehearsing", "was interrupted by SIGHUP: at the second step"),
        ("exits", "ended with exit status 7: the last words"),
        ("crash", "was killed by SIGSEGV: Fatal Python error: Segmentation fault"),
    ],
)
def test_the_line_of_a_crash_says_why(tmp_path: Path, name: str, told: str) -> None:
    [crash] = run_odd([name], tmp_path)[name]
    assert crash.ending is Ending.CRASHED and "\n" not in crash.text
    assert re.sub(r"^after [\d.]+ s its process ", "", crash.text).startswith(told)


def test_a_cell_that_hangs_is_ended_at_its_limit_and_says_where_it_was(tmp_path: Path) -> None:
    found = run_odd(["hang", "deaf"], tmp_path, limit=1)
    [hung], [deaf] = found["hang"], found["deaf"]
    assert (hung.ending, deaf.ending) == (Ending.OVERDUE, Ending.OVERDUE)
    where = r"tests/campaign/odd_nursery.py, line \d+"
    assert re.fullmatch(rf"it was not over after 1 s \(--time-limit\): {where}", hung.text)
    assert "most recent call first" in hung.detail
    assert deaf.text == "it was not over after 1 s (--time-limit): where it was is not known"
    assert "its process did not end by itself, and was killed by SIGKILL after" in deaf.detail


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


def test_a_report_that_cannot_be_kept_is_said_and_the_others_go_on(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file is in the way")
    found = run_odd(["flaky", "pass"], tmp_path, jobs=1, repeat=2)
    assert [attempt.ending for attempt in found["flaky"]] == [Ending.PASSED, Ending.FAILED]
    assert f"its report could not be kept in {tmp_path / 'reports'}: " in found["flaky"][1].text
    assert (found["flaky"][1].report, found["pass"][1].ending) == ("", Ending.PASSED)


def test_many_at_once_whose_answers_are_long_do_not_block_one_another(tmp_path: Path) -> None:
    """Orders and answers together are more than the two pipes hold."""
    found = run_odd([f"{'loud' if number % 2 else 'pass'}" for number in range(2)], tmp_path, jobs=120, repeat=60)
    assert {attempt.ending for attempt in found["loud"]} == {Ending.FAILED}
    assert (len(found["loud"]), len(found["pass"])) == (60, 60)


def test_a_cell_for_which_no_process_can_be_begun_says_so_and_the_others_go_on(tmp_path: Path) -> None:
    found = run_odd(["hang"] * 4 + ["pass"] * 30, tmp_path, jobs=40, limit=3, nursery=(*ODD, "24"))
    endings = [attempt.ending for attempts in found.values() for attempt in attempts]
    assert len(endings) == 34 and Ending.PASSED in endings
    assert all("Too many open files" in each.text for each in found["pass"] if each.ending is not Ending.PASSED)


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
