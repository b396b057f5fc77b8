"""The journal has what is done before anybody hears of it: a campaign that ends in whatever way goes on from there."""

from __future__ import annotations

import json
import resource
import signal
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from simulator.campaign.course import CourseOptions, run_course, still_to_do
from simulator.campaign.journal import NAME, PAGES, REPORTS, CampaignJournal, JournalError, read
from simulator.campaign.model import Attempt, CampaignCell, CellKind, CellOrder, Ending
from simulator.campaign.tally import FLAKY, CampaignProgress, CellTally, in_words, tallied, worst_of
from simulator.places.errors import LabError
from tests.campaign.odd import cells_called

CELLS = [CampaignCell(CellKind.TOPOLOGY, f"/labs/{name}.yaml", name) for name in ("one", "two", "three")]
OPTIONS = CourseOptions(repeat=2)


def _passed(order: CellOrder) -> Attempt:
    return Attempt(order.cell.key, order.number, Ending.PASSED, seconds=2.0, host="here")


def _run(directory: Path, stop_after: int = 99, *, resume: bool = False, cells: Sequence[CampaignCell] = CELLS) -> int:
    """How many attempts were made; a KeyboardInterrupt after `stop_after`."""
    made = 0

    def runner(orders: Sequence[CellOrder]) -> Iterator[Attempt]:
        nonlocal made
        for order in orders:
            if made == stop_after:
                raise KeyboardInterrupt
            made += 1
            yield _passed(order)

    with CampaignJournal.open(directory, resume=resume) as journal:
        attempts = list(run_course(cells, OPTIONS, journal, runner, lambda attempt, progress: None))
    assert len({(attempt.cell, attempt.number) for attempt in attempts}) == len(attempts) == 2 * len(cells)
    return made


def test_each_cell_once_before_any_is_repeated() -> None:
    assert [(order.cell.name, order.number) for order in still_to_do(CELLS, (), OPTIONS)] == [
        *((name, 1) for name in ("one", "two", "three")),
        *((name, 2) for name in ("one", "two", "three")),
    ]


@pytest.mark.parametrize("after", range(6))
def test_one_that_was_interrupted_goes_on_and_does_nothing_twice(tmp_path: Path, after: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path, after)
    assert len(read(tmp_path).attempts) == after
    assert _run(tmp_path, resume=True) == 6 - after
    assert read(tmp_path).finished and len(read(tmp_path).attempts) == 6


@pytest.mark.parametrize("torn", [b'{"attempt": {"cell"', b"\xff\xfe", b'{"attempt": {}}\n', b"[]\n"])
def test_a_line_that_cannot_be_read_is_counted_and_what_it_told_is_run_again(tmp_path: Path, torn: bytes) -> None:
    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path, 2)
    with (tmp_path / NAME).open("ab") as file:
        file.write(torn)
    assert read(tmp_path).unreadable == 1
    assert _run(tmp_path, resume=True) == 4
    assert len(read(tmp_path).attempts) == 6


def test_a_file_that_was_edited_is_another_cell(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path, 5)
    edited = [replace(CELLS[0], content="another"), *CELLS[1:]]
    assert _run(tmp_path, resume=True, cells=edited) == 3


def test_a_journal_that_is_not_finished_is_not_written_over(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path, 2)
    with pytest.raises(JournalError, match="--resume goes on with it"):
        CampaignJournal.open(tmp_path, resume=False)
    assert len(read(tmp_path).attempts) == 2


def test_a_finished_one_gives_way_to_a_new_one(tmp_path: Path) -> None:
    assert (_run(tmp_path), _run(tmp_path)) == (6, 6)
    assert len(read(tmp_path).attempts) == 6


def _reports(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.name != NAME)


@pytest.mark.parametrize("finished", [True, False])
def test_what_an_earlier_campaign_left_goes_with_its_journal(tmp_path: Path, finished: bool) -> None:
    """Reports of two campaigns beside one journal would be read as one."""
    left = f"{REPORTS}/0123456789abcdef-1", f"{REPORTS}/0123456789abcdef-2", f"{REPORTS}/mine", "notes"
    for path in left:
        (tmp_path / path).mkdir(parents=True)
    for name in PAGES:
        (tmp_path / name).touch()
    there = _reports(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path, 0)
    assert _reports(tmp_path) == there, "there was no journal: nothing of it is a campaign's"
    if finished:
        _run(tmp_path, resume=True)
    with pytest.raises(LabError), CampaignJournal.open(tmp_path, resume=False, fresh=True) as journal:
        list(run_course(CELLS, OPTIONS, journal, _nowhere, lambda attempt, progress: None))
    assert _reports(tmp_path) == there, "nothing could be begun"
    with CampaignJournal.open(tmp_path, resume=False, fresh=True) as journal:
        journal.plan(CELLS)
    assert _reports(tmp_path) == [REPORTS, f"{REPORTS}/mine", "notes"]
    (tmp_path / left[0]).mkdir()
    with CampaignJournal.open(tmp_path, resume=True) as journal:
        journal.plan(CELLS)
    assert (tmp_path / left[0]).exists(), "of the campaign that is gone on with"


def _nowhere(orders: Sequence[CellOrder]) -> Iterator[Attempt]:
    raise LabError("there is no cluster")


@pytest.mark.parametrize("line", [b"what somebody wrote\n", b'{"attempt": ', b"\n"])
def test_a_journal_whose_plan_cannot_be_read_is_not_written_over_either(tmp_path: Path, line: bytes) -> None:
    (tmp_path / NAME).write_bytes(line)
    with pytest.raises(JournalError, match="--fresh begins again"):
        CampaignJournal.open(tmp_path, resume=False)
    assert (tmp_path / NAME).read_bytes() == line
    with CampaignJournal.open(tmp_path, resume=False, fresh=True) as journal:
        journal.plan([])
        assert (tmp_path / NAME).read_bytes() == b'{"campaign": []}\n'


@pytest.mark.parametrize("ending", list(Ending))
def test_what_was_not_the_cells_own_doing_is_made_again(tmp_path: Path, ending: Ending) -> None:
    """A machine or a file that was gone may be back."""
    with CampaignJournal.open(tmp_path, resume=False) as journal:
        first = still_to_do(CELLS, (), OPTIONS)[0]
        journal.plan(CELLS)
        journal.add(replace(_passed(first), ending=ending))
    assert _run(tmp_path, resume=True) == (6 if ending in (Ending.LOST, Ending.BAD) else 5)


def test_a_journal_that_cannot_be_written_stops_the_campaign_and_keeps_what_it_has(tmp_path: Path) -> None:
    def runner(orders: Sequence[CellOrder]) -> Iterator[Attempt]:
        for number, order in enumerate(orders):
            if number == 2:  # as a full disk has it: a part of a line, and no more
                room = (tmp_path / NAME).stat().st_size + 40
                resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
            yield _passed(order)

    limits, before = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with CampaignJournal.open(tmp_path, resume=False) as journal, pytest.raises(LabError, match="--resume goes on"):
            list(run_course(CELLS, OPTIONS, journal, runner, lambda attempt, progress: None))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert (len(read(tmp_path).attempts), read(tmp_path).unreadable) == (2, 1)
    assert _run(tmp_path, resume=True) == 4


def test_nothing_to_resume_is_told(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="nothing was begun there"):
        CampaignJournal.open(tmp_path / "new", resume=True)


@pytest.mark.parametrize(("resume", "fresh"), [(True, False), (False, True), (False, False)])
def test_two_campaigns_never_write_one_journal(tmp_path: Path, *, resume: bool, fresh: bool) -> None:
    with (
        CampaignJournal.open(tmp_path, resume=False) as journal,
        pytest.raises(JournalError, match="another campaign is running there"),
    ):
        journal.plan(CELLS)
        CampaignJournal.open(tmp_path, resume=resume, fresh=fresh)
    assert read(tmp_path).cells == tuple(CELLS)


def test_an_attempt_is_in_the_journal_before_it_is_told(tmp_path: Path) -> None:
    with CampaignJournal.open(tmp_path, resume=False) as journal:
        seen: list[int] = []

        def told(attempt: Attempt, progress: CampaignProgress) -> None:
            seen.append(len(read(tmp_path).attempts) - progress.done)

        list(run_course(CELLS, OPTIONS, journal, lambda orders: map(_passed, orders), told))
    assert seen == [0] * 6


def test_an_attempt_that_comes_twice_counts_once(tmp_path: Path) -> None:
    def runner(orders: Sequence[CellOrder]) -> Iterator[Attempt]:
        for order in orders:
            yield _passed(order)
            yield replace(_passed(order), ending=Ending.FAILED)

    with CampaignJournal.open(tmp_path, resume=False) as journal:
        attempts = list(run_course(CELLS, OPTIONS, journal, runner, lambda attempt, progress: None))
    assert [attempt.ending for attempt in attempts] == [Ending.PASSED] * 6
    assert len(read(tmp_path).attempts) == 6


def test_what_is_written_is_read_again() -> None:
    values = (("router", "bird"), ("hold", 9))
    cell = CampaignCell(
        CellKind.SCENARIO, "/x", "x", values, (("a", "b"),), "f", "IPv4", (("soak", 0.5),), "d", ("bird",)
    )
    assert CampaignCell.of(json.loads(json.dumps(cell.as_json()))) == cell
    attempt = Attempt(cell.key, 2, Ending.OVERDUE, "why", "seen", 1.5, "here", 12.5, "cells/x")
    assert Attempt.of(json.loads(json.dumps(attempt.as_json()))) == attempt


# --- what it came to ---


def _tallies(*endings: Sequence[Ending]) -> list[CellTally]:
    cells = cells_called([f"cell-{number}" for number in range(len(endings))], Path("/x"))
    attempts = [
        Attempt(cell.key, number, ending)
        for cell, several in zip(cells, endings, strict=True)
        for number, ending in enumerate(several, 1)
    ]
    return tallied(cells, reversed(attempts))


P, F, S, B, L, C = (Ending.PASSED, Ending.FAILED, Ending.SKIPPED, Ending.BAD, Ending.LAB, Ending.CRASHED)


def test_what_did_not_pass_comes_first_and_flaky_ones_after_it() -> None:
    found = _tallies([P, P], [F, P], [S, S], [F, F], [P, C], [L, F])
    assert [(tally.cell.name, tally.outcome) for tally in found] == [
        ("cell-5", "lab failed"),
        ("cell-3", "failed"),
        ("cell-4", FLAKY),
        ("cell-1", FLAKY),
        ("cell-0", "passed"),
        ("cell-2", "skipped"),
    ]
    assert in_words(found) == "6 cells: 1 lab failed, 1 failed, 2 flaky, 1 passed, 1 skipped"


@pytest.mark.parametrize(
    ("endings", "worst"),
    [([[P], [S]], P), ([[P, F]], F), ([[F], [L]], L), ([[B], [L]], B), ([[C, P]], C), ([[]], P)],
)
def test_the_worst_decides(endings: list[list[Ending]], worst: Ending) -> None:
    assert worst_of(_tallies(*endings)) is worst


def test_how_long_it_still_takes() -> None:
    progress = CampaignProgress(10, lanes=2)
    for number in range(4):
        progress.add(Attempt("x", number, Ending.FAILED if number else Ending.PASSED, seconds=3.0))
    assert (progress.done, progress.failed, progress.left, progress.to_go) == (4, 3, 6, 9.0)
    progress.lanes = 20  # the last ones leave most of them empty
    assert progress.to_go == 3.0


def test_what_passed_once_and_could_not_be_played_another_time_is_not_flaky() -> None:
    """It was gone on with where a router is missing: nothing contradicts that it passes."""
    [tally] = _tallies([P, S])
    assert (tally.outcome, tally.is_flaky, worst_of([tally])) == ("passed", False, P)
    assert [one.outcome for one in tallied([tally.cell], tally.attempts)] == ["passed"]
