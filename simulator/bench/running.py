"""A run of `turnup bench`: every trial that the chosen figures need, once; then the rows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from simulator.bench.figure import Figure, FigureRow, Trial, outcomes
from simulator.bench.guard import Repeats, series, unless_cancelled
from simulator.bench.machine import missing
from simulator.bench.reading import OURS, BenchError, Reading, Series
from simulator.bench.stage import BenchStage
from simulator.lab.interruption import uninterrupted
from simulator.places.errors import LabError
from simulator.places.scratch import scratch

LEAKS: Final = "P10"
ENOUGH: Final = 270.0
"""Seconds after which everything that is left is measured once: a whole run has to end within ten minutes."""

INTERRUPTED: Final = "interrupted"

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
    left: list[Figure] = field(default_factory=list)
    """What was not measured to its end, because a signal interrupted it."""

    def measure(self) -> list[FigureRow]:
        """Everything; what fails is a row that says so, and so is what is left when a signal interrupts it."""
        needed = {figure.trial for figure in self.figures}
        waiting = [name for name in self.trials if name in needed]
        try:
            self._measure(waiting)
        except KeyboardInterrupt:
            self.left.extend(figure for figure in self.figures if figure.trial in waiting)
        return [row for figure in self.figures for row in self._rows(figure)]

    def _measure(self, waiting: list[str]) -> None:
        """Trial after trial; one that has come to its end waits no more."""
        began, names = time.monotonic(), tuple(waiting)
        for number, name in enumerate(names, 1):
            ids = ", ".join(figure.id for figure in self.figures if figure.trial == name)
            once = time.monotonic() - began > ENOUGH
            self.tell(f"{number} of {len(names)}: {ids}{', once: it is late' if once else ''}")
            found = self.found.setdefault(name, {})
            if not asyncio.run(uninterrupted(self._tried(self.trials[name], once, found))):
                raise KeyboardInterrupt
            waiting.remove(name)

    async def _tried(self, trial: Trial, once: bool, found: dict[str, Series]) -> None:
        """Into `found`."""
        lacking = next((problem for need in trial.needs if (problem := missing(need))), "")
        contenders = {who: lacking or missing(who) for who in trial.contenders}
        plan = Repeats(min(self.repeat, trial.repeat), patience=trial.patience)
        if self.quick or once:
            plan = Repeats(1, again=0)
        if lacking:
            found |= {who: Series(problem=problem) for who, problem in contenders.items()}
            return
        try:
            with scratch("tb-") as folder:
                async with trial.work(BenchStage(folder, self.quick)) as measure:
                    await series(measure, contenders, plan, time.monotonic, self._told, found)
        except (BenchError, LabError) as error:
            unless_cancelled()
            self.tell(f"  failed: {error}")
            found |= {who: Series(problem=str(error), failed=True) for who in contenders}

    def _told(self, who: str, reading: Reading) -> None:
        values = ", ".join(f"{name} {value:.4g}" for name, value in reading.values.items())
        doubt = ": disturbed" if reading.disturbed else ""
        self.tell(f"  {who}: {values} [{reading.cpu:.2f} s of CPU, others {reading.foreign:.2f} cores{doubt}]")

    def _rows(self, figure: Figure) -> list[FigureRow]:
        if figure.id == LEAKS:
            return [leaks(figure, self.found.values(), self.code)]
        if figure not in self.left:
            return outcomes(figure, self.found[figure.trial], self.code)
        return self._interrupted(figure)

    def _interrupted(self, figure: Figure) -> list[FigureRow]:
        """What there is of it, which is judged by nothing."""
        found = self.found.get(figure.trial, {})
        ours, *others = outcomes(figure, {OURS: Series(), **found}, self.code)
        verdict = f"{'not measured' if ours.value is None else 'not judged'}: {INTERRUPTED}"
        return [ours if ours.failed else replace(ours, verdict=verdict), *others]


def leaks(figure: Figure, found: Iterable[Mapping[str, Series]], code: str) -> FigureRow:
    """The row of P10: what leaked in everything that was measured."""
    readings = [reading for each in found if OURS in each for reading in each[OURS].readings]
    total = sum(reading.leaked for reading in readings)
    aim = figure.aim.told(figure.unit, code) if figure.aim is not None else ""
    verdict = "" if not readings else f"failed: {total} routes leaked" if total else "reached"
    value = float(total) if readings else None
    return FigureRow(figure.id, figure.what, OURS, value, figure.unit, runs=len(readings), aim=aim, verdict=verdict)
