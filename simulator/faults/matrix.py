"""The table: every fault with every router on every family, in parallel, and as people read it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import active_children, get_context
from typing import Final, TypeVar

from simulator.counts import count_of
from simulator.faults.cell import HEALTHY, CellResult, FaultCell, run
from simulator.faults.schema import FAMILIES, ROUTERS, RehearsedFault
from simulator.faults.verdict import CellVerdict, Outcome
from simulator.lab.interruption import end_with
from simulator.places.errors import LabError

_T = TypeVar("_T")
_R = TypeVar("_R")

BASES: Final = {"exchange": ROUTERS, "direct": ROUTERS, "route-server": ("simulated",), "route-server-bird": ("bird",)}
"""Base → the routers that it is rehearsed with, without any fault."""


def jobs_by_default() -> int:
    """Rehearsals at once: each waits most of its time."""
    return 3 * (os.cpu_count() or 1)


def cells_of(
    faults: Iterable[tuple[str, RehearsedFault]], routers: Sequence[str], families: Sequence[str]
) -> list[FaultCell]:
    """Every cell of some faults, by name or path, those that do not apply too."""
    return [
        FaultCell(name, router, family)
        for name, _ in faults
        for router in routers or ROUTERS
        for family in families or FAMILIES
    ]


def healthy_cells(routers: Sequence[str] = ()) -> list[FaultCell]:
    """Every base with every router, without a fault."""
    return [
        FaultCell(HEALTHY, router, base)
        for base, kinds in BASES.items()
        for router in kinds
        if router in (routers or kinds)
    ]


def run_all(cells: Sequence[FaultCell], jobs: int, told: Callable[[CellResult], None]) -> list[CellResult]:
    """Run cells, at most `jobs` at once, each told when it is over; in the order of `cells`. Ctrl-C ends all labs."""
    return pooled(run, cells, jobs, told, lambda cell, why: CellResult(cell, Outcome(CellVerdict.ERROR, detail=why)))


def pooled(
    function: Callable[[_T], _R],
    items: Sequence[_T],
    jobs: int,
    told: Callable[[_R], None],
    failed: Callable[[_T, str], _R],
) -> list[_R]:
    """A function of each item, in processes; `failed` makes a result of one that raised."""
    found: dict[int, _R] = {}
    with ProcessPoolExecutor(max(1, jobs), get_context("spawn"), _begin_worker, (os.getpid(),)) as pool:
        try:
            running = {pool.submit(_unless_interrupted, function, item): number for number, item in enumerate(items)}
            for future in as_completed(running):
                number = running[future]
                error = future.exception()
                if isinstance(error, KeyboardInterrupt):  # a terminal's Ctrl-C, which the worker had first
                    raise error
                why = str(error) if isinstance(error, LabError) else repr(error)
                result = future.result() if error is None else failed(items[number], why)
                found[number] = result
                told(result)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in active_children():  # a terminal's Ctrl-C reaches them; a signal to this process does not
                worker.terminate()
            raise
    return [found[number] for number in range(len(items))]


_interrupted = False


def _interrupt(number: int, frame: object) -> None:
    """Once: what takes the lab down is not to be interrupted again."""
    global _interrupted
    if not _interrupted:
        _interrupted = True
        raise KeyboardInterrupt


def _unless_interrupted(function: Callable[[_T], _R], item: _T) -> _R:
    """A worker that was interrupted takes no more: items may wait in its pipe, where nobody can cancel them."""
    global _interrupted
    if _interrupted:
        raise KeyboardInterrupt
    try:
        return function(item)
    except KeyboardInterrupt:  # what heeds signals itself, in an event loop, raises it when its lab is down
        _interrupted = True
        raise


def _begin_worker(parent: int) -> None:
    """A worker takes its lab down when its parent dies, however it dies."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    end_with(parent)


MARKS: Final = {
    CellVerdict.FIRST: "first",
    CellVerdict.EXTRA: "**extra**",
    CellVerdict.FOUND: "**found**",
    CellVerdict.MISSED: "**missed**",
    CellVerdict.INAPPLICABLE: "—",
    CellVerdict.ERROR: "**error**",
}


def markdown(results: Sequence[CellResult], faults: dict[str, RehearsedFault]) -> str:
    """The table for docs/diagnosis.md: a row a fault, a column a router; what does not apply has a note below."""
    by = {(each.cell.fault, each.cell.router, each.cell.family): each.outcome for each in results}
    lines = [f"| fault | who acts | cause | {' | '.join(ROUTERS)} |", f"|---|---|---|{'---|' * len(ROUTERS)}"]
    notes: dict[str, int] = {}
    for name, fault in faults.items():
        cells = []
        for router in ROUTERS:
            outcomes = [(family, by.get((name, router, family))) for family in FAMILIES]
            cells.append(_both(outcomes, notes))
        lines.append(f"| `{name}`: {fault.title} | {fault.side} | {_causes(fault)} | {' | '.join(cells)} |")
    lines += ["", *(f"{number}. {text}" for text, number in notes.items())]
    return "\n".join([*_summary(results), "", *lines])


def _causes(fault: RehearsedFault) -> str:
    if fault.pair:
        return " and ".join(f"`{name}`" for name in fault.pair)
    named = ", ".join(f"`{each.cause}`" for each in fault.expect.causes)
    return named or f"refused: {fault.expect.refused}"


def _both(outcomes: Iterable[tuple[str, Outcome | None]], notes: dict[str, int]) -> str:
    """The two families of a router, in one word where they are alike."""
    words: dict[str, list[str]] = {}
    for family, outcome in outcomes:
        if outcome is None:
            word = ""
        elif outcome.verdict is CellVerdict.INAPPLICABLE:
            word = f"— [{notes.setdefault(outcome.detail, len(notes) + 1)}]"
        else:
            word = MARKS[outcome.verdict]
        words.setdefault(word, []).append(family)
    if len(words) == 1:
        return next(iter(words))
    return ", ".join(f"{'/'.join(families)} {word}".strip() for word, families in words.items())


def _summary(results: Sequence[CellResult]) -> Iterator[str]:
    tried = [each for each in results if each.outcome.verdict is not CellVerdict.INAPPLICABLE]
    faulty = [each for each in tried if each.cell.fault != HEALTHY]
    sound = [each for each in tried if each.cell.fault == HEALTHY]
    first = sum(each.outcome.verdict is CellVerdict.FIRST for each in faulty)
    clean = sum(each.outcome.verdict is CellVerdict.FIRST for each in sound)
    yield (
        f"{count_of(len({each.cell.fault for each in faulty}), 'fault')}, {count_of(len(faulty), 'cell')}: "
        f"the right cause first and alone in {first}. {len(sound)} healthy labs: no finding in {clean}."
    )
