"""A run of `turnup bench`: every trial that the chosen figures need, once; then the rows."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from simulator.bench.figure import Figure, FigureRow, Trial, outcomes
from simulator.bench.guard import Repeats, series
from simulator.bench.machine import missing
from simulator.bench.reading import OURS, BenchError, Reading, Series
from simulator.bench.stage import BenchStage
from simulator.places.errors import LabError

LEAKS: Final = "P10"
ENOUGH: Final = 270.0
"""Seconds after which everything that is left is measured once: a whole run has to end within ten minutes."""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class BenchRun:
    """What a user asks for."""

    figures: Sequence[Figure]
    trials: Mapping[str, Trial]
    quick: bool
    repeat: int
    code: str
    """`pure` or `compiled`."""
    tell: Tell
    found: dict[str, dict[str, Series]] = field(default_factory=dict)
    """By trial, by contender."""

    def measure(self) -> list[FigureRow]:
        """Everything; what fails is a row that says so."""
        began = time.monotonic()
        needed = {figure.trial for figure in self.figures}
        names = [name for name in self.trials if name in needed]
        for number, name in enumerate(names, 1):
            ids = ", ".join(figure.id for figure in self.figures if figure.trial == name)
            once = time.monotonic() - began > ENOUGH
            self.tell(f"{number} of {len(names)}: {ids}{', once: it is late' if once else ''}")
            self.found[name] = asyncio.run(self._tried(self.trials[name], once))
        return [row for figure in self.figures for row in self._rows(figure)]

    async def _tried(self, trial: Trial, once: bool) -> dict[str, Series]:
        lacking = next((problem for need in trial.needs if (problem := missing(need))), "")
        contenders = {who: lacking or missing(who) for who in trial.contenders}
        plan = Repeats(min(self.repeat, trial.repeat), patience=trial.patience)
        if self.quick or once:
            plan = Repeats(1, again=0)
        if lacking:
            return {who: Series(problem=problem) for who, problem in contenders.items()}
        with tempfile.TemporaryDirectory(prefix="tb-") as name:
            try:
                async with trial.work(BenchStage(Path(name), self.quick)) as measure:
                    return await series(measure, contenders, plan, time.monotonic, self._told)
            except (BenchError, LabError) as error:
                self.tell(f"  failed: {error}")
                return {who: Series(problem=str(error), failed=True) for who in contenders}

    def _told(self, who: str, reading: Reading) -> None:
        values = ", ".join(f"{name} {value:.4g}" for name, value in reading.values.items())
        doubt = ": disturbed" if reading.disturbed else ""
        self.tell(f"  {who}: {values} [{reading.cpu:.2f} s of CPU, others {reading.foreign:.2f} cores{doubt}]")

    def _rows(self, figure: Figure) -> list[FigureRow]:
        if figure.id == LEAKS:
            return [leaks(figure, self.found.values(), self.code)]
        return outcomes(figure, self.found[figure.trial], self.code)


def leaks(figure: Figure, found: Iterable[Mapping[str, Series]], code: str) -> FigureRow:
    """The row of P10: what leaked in everything that was measured."""
    readings = [reading for each in found for reading in each[OURS].readings]
    total = sum(reading.leaked for reading in readings)
    aim = figure.aim.told(figure.unit, code) if figure.aim is not None else ""
    verdict = "" if not readings else f"failed: {total} routes leaked" if total else "reached"
    value = float(total) if readings else None
    return FigureRow(figure.id, figure.what, OURS, value, figure.unit, runs=len(readings), aim=aim, verdict=verdict)
