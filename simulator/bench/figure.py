"""What a figure is: a row of the table of figures, and what was measured of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from simulator.bench.reading import OURS, Series
from simulator.bench.stage import Work


@dataclass(frozen=True, slots=True)
class Trial:
    """Something that is measured; it may give several figures."""

    work: Work
    rivals: tuple[str, ...] = ()
    """Who does the same work in the same run."""
    needs: tuple[str, ...] = ()
    """Programs without which nobody can be measured."""
    namespaces: bool = True
    """It needs network namespaces."""
    repeat: int = 99
    """At most so often."""
    patience: float = 25.0
    """Seconds after which nobody is measured once more."""

    @property
    def contenders(self) -> tuple[str, ...]:
        return (OURS, *self.rivals)


@dataclass(frozen=True, slots=True)
class Aim:
    """At most so much."""

    limit: float
    compiled: float | None = None
    """Where compiled code runs, if that is another one."""
    ratio: bool = True
    """Of the ratio to the fastest other; else of the value itself."""

    def of(self, code: str) -> float:
        return self.compiled if code == "compiled" and self.compiled is not None else self.limit

    def told(self, unit: str, code: str) -> str:
        return f"≤ {self.of(code):g} {'×' if self.ratio else unit}"


@dataclass(frozen=True, slots=True)
class Figure:
    """A row of the table of figures."""

    id: str
    what: str
    unit: str
    trial: str
    """Of the table of trials."""
    quantity: str
    """Of its readings."""
    aim: Aim | None = None
    beside: str = ""
    """Another quantity of turnup's own readings that it is compared with, in place of others' values."""
    beside_what: str = ""


@dataclass(frozen=True, slots=True)
class FigureRow:
    """What was measured of one figure and one contender; None where nothing was."""

    figure: str
    what: str
    who: str
    value: float | None
    unit: str
    low: float | None = None
    high: float | None = None
    runs: int = 0
    disturbed: int = 0
    """How many of the runs."""
    cpu: float | None = None
    """CPU seconds of the run with the median value."""
    foreign: float | None = None
    """Cores that others used in that run."""
    ratio: float | None = None
    """turnup's value to this one's; on turnup's own row to the least of the others."""
    aim: str = ""
    verdict: str = ""
    note: str = ""

    @property
    def failed(self) -> bool:
        return self.verdict.startswith("failed")

    def row(self) -> dict[str, Any]:
        """With the keys of every row of turnup's."""
        cells = {name: getattr(self, name) for name in self.__slots__}
        names = {"cpu": "cpuSeconds", "foreign": "foreignCores"}
        return {names.get(name, name): _rounded(value) for name, value in cells.items()}


def _rounded(value: Any) -> Any:
    return float(f"{value:.4g}") if isinstance(value, float) else value


_ALWAYS: Final = ("B", "MB")
"""Units of what others cannot disturb."""
NOT_JUDGED: Final = "not judged: others used the CPU"


def outcomes(figure: Figure, found: Mapping[str, Series], code: str) -> list[FigureRow]:
    """The rows of one figure: turnup's, then those of the others."""
    return list(_outcomes(figure, found, code))


def _outcomes(figure: Figure, found: Mapping[str, Series], code: str) -> Iterator[FigureRow]:
    ours, mine = found[OURS], found[OURS].median(figure.quantity)
    others = {who: each.median(figure.quantity) for who, each in found.items() if who != OURS and not figure.beside}
    own = ours.median(figure.beside) if figure.beside else None
    least = min([value for value in (*others.values(), own) if value is not None], default=None)
    ratio = mine / least if mine is not None and least else None
    told = figure.aim.told(figure.unit, code) if figure.aim is not None else ""
    yield _outcome(figure, OURS, ours, ratio, told, _verdict(figure, found, mine, ratio, code))
    if figure.beside:
        yield FigureRow(figure.id, figure.what, figure.beside_what, own, figure.unit, ratio=ratio)
    for who, value in others.items():
        problem = found[who].problem
        verdict = f"{'failed' if found[who].failed else 'skipped'}: {problem}" if problem else ""
        yield _outcome(figure, who, found[who], mine / value if mine is not None and value else None, "", verdict)


def _outcome(figure: Figure, who: str, found: Series, ratio: float | None, aim: str, verdict: str) -> FigureRow:
    value, values = found.median(figure.quantity), found.values(figure.quantity)
    if value is None:
        return FigureRow(figure.id, figure.what, who, None, figure.unit, aim=aim, verdict=verdict)
    middle = next(reading for reading in found.counted if reading.values.get(figure.quantity) == value)
    return FigureRow(
        figure.id,
        figure.what,
        who,
        value,
        figure.unit,
        low=min(values),
        high=max(values),
        runs=len(found.readings),
        disturbed=len(found.readings) - len(found.clean),
        cpu=middle.cpu,
        foreign=middle.foreign,
        ratio=ratio,
        aim=aim,
        verdict=verdict,
        note=middle.note,
    )


def _verdict(figure: Figure, found: Mapping[str, Series], mine: float | None, ratio: float | None, code: str) -> str:
    ours = found[OURS]
    if ours.problem:
        return f"{'failed' if ours.failed else 'skipped'}: {ours.problem}"
    agreed = {who: {reading.agreed for reading in each.readings} - {-1} for who, each in found.items()}
    if len(set().union(*agreed.values())) > 1:
        told = ", ".join(f"{who} {sorted(counts)}" for who, counts in agreed.items())
        return f"failed: not the same work was done: {told}"
    if figure.aim is None:
        return ""
    judged = ratio if figure.aim.ratio else mine
    if judged is None:
        return "not judged: nothing to compare with"
    judging = found.values() if figure.aim.ratio and not figure.beside else [ours]
    if figure.unit not in _ALWAYS and any(each.readings and not each.clean for each in judging):
        return NOT_JUDGED
    return "reached" if judged <= figure.aim.of(code) else "missed"
