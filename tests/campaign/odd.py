"""Cells that end oddly, and a state directory of one's own for them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from simulator.campaign.course import CourseOptions, still_to_do
from simulator.campaign.local import LocalCells
from simulator.campaign.model import Attempt, CampaignCell, CellKind

ODD = ("-m", "tests.campaign.odd_nursery")


def cells_called(names: Sequence[str], directory: Path) -> list[CampaignCell]:
    return [CampaignCell(CellKind.TOPOLOGY, str(directory), name, (("number", n),)) for n, name in enumerate(names)]


def run_odd(
    names: Sequence[str],
    directory: Path,
    *,
    jobs: int = 4,
    repeat: int = 1,
    limit: float = 60,
    nursery: Sequence[str] = ODD,
) -> dict[str, list[Attempt]]:
    """By name, the attempts of each cell."""
    cells = cells_called(names, directory)
    orders = still_to_do(cells, (), CourseOptions(repeat, limit))
    by_key = {cell.key: cell.name for cell in cells}
    found: dict[str, list[Attempt]] = {name: [] for name in names}
    with LocalCells(directory / "reports", nursery) as machine:
        for attempt in machine.run(orders, jobs):
            found[by_key[attempt.cell]].append(attempt)
    return found


def left_behind() -> list[str]:
    """What is in the state directory."""
    return sorted(entry.name for entry in Path(os.environ["TURNUP_STATE_DIR"]).iterdir())
