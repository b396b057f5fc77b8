"""A campaign's course: what is still to do, run, noted and told, one attempt after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from simulator.campaign.journal import CampaignJournal
from simulator.campaign.model import Attempt, CampaignCell, CellOrder, Ending
from simulator.campaign.tally import CampaignProgress

_NOT_ITS_OWN: Final = (Ending.LOST, Ending.BAD)
"""What says nothing of the cell: its machine, or its file, was gone. A campaign that goes on makes it again."""

Runner = Callable[[Sequence[CellOrder]], Iterator[Attempt]]
"""Runs orders, on this machine or on many, and tells each as it is over."""


@dataclass(frozen=True, slots=True)
class CourseOptions:
    """How each cell is run."""

    repeat: int = 1
    limit: float = 300
    """Seconds that an attempt may take."""
    require: bool = False
    """A router or a privilege that is missing fails a cell."""


def still_to_do(cells: Iterable[CampaignCell], done: Iterable[Attempt], options: CourseOptions) -> list[CellOrder]:
    """What no attempt was noted of; each cell once, before any is repeated."""
    made = {(attempt.cell, attempt.number) for attempt in done}
    listed = list(cells)
    return [
        CellOrder(cell, number, options.limit, options.require)
        for number in range(1, options.repeat + 1)
        for cell in listed
        if (cell.key, number) not in made
    ]


def run_course(
    cells: Sequence[CampaignCell],
    options: CourseOptions,
    journal: CampaignJournal,
    runner: Runner,
    told: Callable[[Attempt, CampaignProgress], None],
    *,
    lanes: Callable[[], int] = lambda: 1,
) -> Iterator[Attempt]:
    """Yield every attempt, those that the journal has first. Raises JournalError, and LabError of the runner.

    `lanes`: attempts at once, as the runner has it now. Each is in the journal before it is
    told. One that comes a second time counts once.
    """
    keys = {cell.key for cell in cells}
    earlier = {
        (attempt.cell, attempt.number): attempt
        for attempt in journal.found.attempts
        if attempt.cell in keys and attempt.number <= options.repeat and attempt.ending not in _NOT_ITS_OWN
    }
    orders = still_to_do(cells, earlier.values(), options)
    progress = CampaignProgress(len(orders) + len(earlier))
    for attempt in earlier.values():
        progress.add(attempt)
        yield attempt
    running = runner(orders)  # where there is no cluster nothing is begun, and nothing noted
    journal.plan(cells)
    made = set(earlier)
    for attempt in running:
        if (attempt.cell, attempt.number) in made:
            continue
        made.add((attempt.cell, attempt.number))
        journal.add(attempt)
        progress.add(attempt)
        progress.lanes = lanes()
        told(attempt, progress)
        yield attempt
    journal.finish()
