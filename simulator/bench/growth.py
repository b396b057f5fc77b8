"""How time and memory grow with the size: points, and the exponent of the line through them (log-log)."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from simulator.bench.guard import unless_cancelled
from simulator.bench.machine import missing
from simulator.bench.reading import OURS, BenchError, Reading
from simulator.bench.stage import QUICK, BenchStage, Work
from simulator.lab.interruption import uninterrupted
from simulator.places.errors import LabError
from simulator.places.scratch import scratch

PATIENCE: Final = 480.0
"""Seconds for all growths that are asked for, so that the whole ends within ten minutes: each may take its share of
what is left, all its contenders together, and a point that would take longer is left out."""


@dataclass(frozen=True, slots=True)
class Growth:
    """A row of the table of growths."""

    id: str
    what: str
    size: str
    """What grows, in the plural."""
    points: tuple[int, ...]
    work: Callable[[int], Work]
    """Of a size."""
    rivals: tuple[str, ...] = ()
    needs_namespaces: bool = False


@dataclass(frozen=True, slots=True)
class GrowthPoint:
    """One point; without a value it was not measured, and `note` says why."""

    growth: str
    who: str
    size: int
    seconds: float | None = None
    """Elapsed."""
    cpu: float | None = None
    """CPU seconds."""
    memory: float | None = None
    """Resident, MB (10^6 octets)."""
    foreign: float | None = None
    """Cores that others used."""
    disturbed: bool = False
    note: str = ""
    failed: bool = False

    def row(self) -> dict[str, Any]:
        """With the keys of every row of turnup's."""
        names = {"cpu": "cpuSeconds", "foreign": "foreignCores"}
        cells = {names.get(name, name): getattr(self, name) for name in self.__slots__}
        return {name: float(f"{value:.4g}") if isinstance(value, float) else value for name, value in cells.items()}


def exponent(points: Sequence[tuple[float, float]]) -> float | None:
    """The slope of the line through the logarithms, by least squares: 1 is linear, 2 quadratic.

    None for fewer than two sizes. Points that are not above zero have no logarithm and are left out.
    """
    logs = [(math.log(size), math.log(value)) for size, value in points if size > 0 and value > 0]
    if len({x for x, _ in logs}) < 2:
        return None
    middle = sum(x for x, _ in logs) / len(logs)
    height = sum(y for _, y in logs) / len(logs)
    return sum((x - middle) * (y - height) for x, y in logs) / sum((x - middle) ** 2 for x, _ in logs)


def upper(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points of the last power of ten, where constants no longer count."""
    most = max((size for size, _ in points), default=0)
    return [(size, value) for size, value in points if size * 10 >= most]


@dataclass(frozen=True, slots=True)
class Exponents:
    """Of one contender of one growth; None where too few points were measured."""

    growth: str
    who: str
    seconds: float | None
    cpu: float | None
    memory: float | None
    """Of what is above the memory of the smallest point."""


def exponents(points: Sequence[GrowthPoint]) -> list[Exponents]:
    """For every growth and contender, in the order of the points, of the last power of ten of sizes."""
    found = []
    for growth, who in dict.fromkeys((point.growth, point.who) for point in points):
        mine = [point for point in points if (point.growth, point.who) == (growth, who) and point.memory is not None]
        base = min((point.memory or 0 for point in mine), default=0)
        found.append(
            Exponents(
                growth,
                who,
                exponent(upper([(point.size, point.seconds or 0) for point in mine])),
                exponent(upper([(point.size, point.cpu or 0) for point in mine])),
                exponent(upper([(point.size, (point.memory or 0) - base) for point in mine])),
            )
        )
    return found


def expected(measured: Sequence[tuple[int, float]], size: int) -> float:
    """Seconds that the next point will take, by the last one and by how it grew; at least in proportion."""
    if not measured:
        return 0.0
    last, seconds = measured[-1]
    slope = 1.0
    if len(measured) > 1 and measured[-2][1] > 0:
        slope = math.log(seconds / measured[-2][1]) / math.log(last / measured[-2][0]) if seconds > 0 else 0.0
    return seconds * math.pow(size / last, min(max(slope, 0.0), 3.0))


async def grown(
    growth: Growth, quick: bool, now: Callable[[], float], tell: Callable[[str], None], patience: float
) -> AsyncIterator[GrowthPoint]:
    """Every point of every contender, from the smallest; a quick run stops at a tenth of the greatest."""
    sizes = [size for size in growth.points if not quick or size * QUICK <= growth.points[-1]]
    began = now()
    problems = {who: missing(who) for who in (OURS, *growth.rivals)}
    took: Mapping[str, list[tuple[int, float]]] = {who: [] for who in problems}
    for size in sizes:
        for who, problem in problems.items():
            if problem:
                yield GrowthPoint(growth.id, who, size, note=problem)
                continue
            wait, left = expected(took[who], size), patience - (now() - began)
            if wait > left:
                problems[who] = f"left out: about {wait:.0f} s, of {max(left, 0):.0f} s that are left"
                yield GrowthPoint(growth.id, who, size, note=problems[who])
                continue
            start = now()
            found = await _point(growth, who, size)
            took[who].append((size, now() - start))
            if found.failed:
                problems[who] = "left out after a failure"
            tell(f"  {size} {growth.size}: {who} {_told(found)}")
            yield found


async def _point(growth: Growth, who: str, size: int) -> GrowthPoint:
    try:
        with scratch("tb-") as folder:
            async with growth.work(size)(BenchStage(folder)) as measure:
                return point(growth.id, who, size, await measure(who))
    except (BenchError, LabError) as error:
        unless_cancelled()
        return GrowthPoint(growth.id, who, size, note=str(error), failed=True)


def point(growth: str, who: str, size: int, reading: Reading) -> GrowthPoint:
    """What a reading says of a size."""
    values = reading.values
    return GrowthPoint(
        growth,
        who,
        size,
        values["seconds"],
        reading.cpu,
        values["memory"],
        reading.foreign,
        reading.disturbed,
        f"{reading.leaked} routes leaked" if reading.leaked else "",
        failed=bool(reading.leaked),
    )


def _told(found: GrowthPoint) -> str:
    if found.seconds is None:
        return f"failed: {found.note}"
    doubt = "; disturbed" if found.disturbed else ""
    return f"{found.seconds:.3g} s, {found.cpu:.3g} s of CPU, {found.memory:.0f} MB{doubt}"


@dataclass(frozen=True, slots=True)
class GrowthRun:
    """What a user asks for."""

    growths: Sequence[Growth]
    quick: bool
    tell: Callable[[str], None]
    now: Callable[[], float] = time.monotonic
    points: list[GrowthPoint] = field(default_factory=list)
    left: list[Growth] = field(default_factory=list)
    """What was not measured to its end, because a signal interrupted it."""

    def measure(self) -> list[GrowthPoint]:
        """All of these, one after the other, or as far as a signal lets it come."""
        self.left.extend(self.growths)
        with contextlib.suppress(KeyboardInterrupt):
            self._measure()
        return self.points

    def _measure(self) -> None:
        began, count = self.now(), len(self.growths)
        for number, growth in enumerate(self.growths):
            self.tell(f"{number + 1} of {count}: {growth.id}: {growth.what}")
            share = (PATIENCE - (self.now() - began)) / (count - number)
            if not asyncio.run(uninterrupted(self._grown(growth, share))):
                raise KeyboardInterrupt
            self.left.pop(0)

    async def _grown(self, growth: Growth, patience: float) -> None:
        async for found in grown(growth, self.quick, self.now, self.tell, patience):
            self.points.append(found)
