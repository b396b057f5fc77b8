"""Measurements again and again, until enough of them were taken while nobody else used the CPU. Bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from simulator.bench.reading import BenchError, Reading, Series
from simulator.places.errors import LabError

FOREIGN = 0.5
"""Cores that others may use on average before a measurement counts as disturbed."""
SLACK = 0.05
"""CPU seconds of others that are always permitted: the kernel counts in hundredths, and has work of its own."""

Measure = Callable[[str], Awaitable[Reading]]
"""Measures one contender, by its name. Raises BenchError."""


def judged(reading: Reading, elapsed: float) -> Reading:
    """The reading, marked as disturbed where others used too much CPU in the `elapsed` seconds that it took."""
    return replace(reading, disturbed=reading.foreign * elapsed > FOREIGN * elapsed + SLACK)


@dataclass(frozen=True, slots=True)
class Repeats:
    """How often something is measured."""

    repeat: int = 3
    again: int = 2
    """So often more, at most, where a measurement was disturbed."""
    patience: float = 25.0
    """Seconds after which one contender is not measured once more, however few the measurements are."""


def unless_cancelled() -> None:
    """Raises CancelledError in a task that is being cancelled: what fails there fails for that reason."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def series(
    measure: Measure,
    contenders: Mapping[str, str],
    plan: Repeats,
    now: Callable[[], float],
    tell: Callable[[str, Reading], None] = lambda who, reading: None,
    found: dict[str, Series] | None = None,
) -> dict[str, Series]:
    """Every contender's measurements, in turns so that what changes on the machine meets all of them alike.

    `contenders`: name → why it cannot be measured here, or nothing. Each is measured until `plan.repeat` clean readings
    are there, at most `plan.again` times more than that; one that fails is not tried again. `found` is filled as they
    come, for who has to know of those that there are when this is cancelled.
    """
    found = {} if found is None else found
    found |= {who: Series(problem=problem) for who, problem in contenders.items()}
    spent = dict.fromkeys(contenders, 0.0)

    def wanted(who: str) -> bool:
        mine = found[who]
        if mine.problem or (mine.readings and spent[who] >= plan.patience):
            return False
        return len(mine.clean) < plan.repeat and len(mine.readings) < plan.repeat + plan.again

    while waiting := [who for who in contenders if wanted(who)]:
        for who in waiting:
            began = now()
            try:
                reading = await measure(who)
            except (BenchError, LabError) as error:
                unless_cancelled()
                found[who].problem, found[who].failed = str(error), True
                continue
            finally:
                spent[who] += now() - began
            found[who].readings.append(reading)
            tell(who, reading)
    return found
