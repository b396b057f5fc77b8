"""`turnup bench`: measures, and shows rows."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from simulator.bench.figures import FIGURES, TRIALS
from simulator.bench.figures import chosen as chosen_figures
from simulator.bench.growth import Growth, GrowthPoint, GrowthRun, exponents
from simulator.bench.growths import GROWTHS
from simulator.bench.growths import chosen as chosen_growths
from simulator.bench.machine import Machine, machine
from simulator.bench.page import MarkerError, put, tables
from simulator.bench.pictures import growth as draw_growth
from simulator.bench.pictures import ratios
from simulator.bench.record import NAME, Part, RecordError, merged, read
from simulator.bench.record import write as write_record
from simulator.bench.running import BenchRun
from simulator.cli.exit_codes import FAILED, INTERRUPTED, LAB, PASSED, USAGE, fail, warn
from simulator.cli.formats import RowFormat, show
from simulator.cli.link_choice import enter_namespaces

LISTED: Final = (
    ("Id", "figure"),
    ("What is measured", "what"),
    ("Unit", "unit"),
    ("Beside", "beside"),
    ("Aim", "aim"),
)
MEASURED: Final = (
    ("Id", "figure"),
    ("Who", "who"),
    ("Value", "value"),
    ("Unit", "unit"),
    ("Least", "low"),
    ("Most", "high"),
    ("Runs", "runs"),
    ("Disturbed", "disturbed"),
    ("CPU s", "cpuSeconds"),
    ("Others", "foreignCores"),
    ("Ratio", "ratio"),
    ("Aim", "aim"),
    ("Verdict", "verdict"),
    ("Note", "note"),
)

GROWN: Final = (
    ("Growth", "growth"),
    ("Who", "who"),
    ("Size", "size"),
    ("Unit", "unit"),
    ("Seconds", "seconds"),
    ("CPU s", "cpuSeconds"),
    ("Memory MB", "memory"),
    ("Others", "foreignCores"),
    ("Disturbed", "disturbed"),
    ("Note", "note"),
)


def list_figures(how: RowFormat) -> None:
    """`turnup bench list`."""
    code = machine().code
    rows = [
        {
            "figure": figure.id,
            "what": figure.what,
            "unit": figure.unit,
            "beside": [figure.beside_what]
            if figure.beside
            else list(TRIALS[figure.trial].rivals)
            if figure.trial
            else [],
            "aim": figure.aim.told(figure.unit, code) if figure.aim else "",
        }
        for figure in FIGURES
    ]
    show(rows, LISTED, how)


def run(ids: list[str], how: RowFormat, *, quick: bool, repeat: int, write: Path | None) -> int:
    """`turnup bench run`; the exit code."""
    try:
        figures = chosen_figures(ids)
    except KeyError as error:
        fail(USAGE, f"there is no figure {error} (turnup bench list has them)")
    if any(figure.trial and TRIALS[figure.trial].namespaces for figure in figures):
        _need_namespaces()
    here = machine()
    _tell(here.told)
    _check_page(write, Part.FIGURES, quick)
    measuring = BenchRun(figures, TRIALS, quick, 1 if quick else repeat, here.code, _tell)
    found = measuring.measure()
    rows = [each.row() for each in found]
    show(rows, MEASURED, how)
    if measuring.left:
        return _interrupted([figure.id for figure in measuring.left], write)
    if write is not None:
        _write(write, Part.FIGURES, here, rows, [figure.id for figure in FIGURES])
    return FAILED if any(each.failed for each in found) else PASSED


def growth(ids: list[str], how: RowFormat, *, quick: bool, write: Path | None) -> int:
    """`turnup bench growth`; the exit code."""
    try:
        growths = chosen_growths(ids)
    except KeyError as error:
        fail(USAGE, f"there is no growth {error} (there are: {', '.join(each.id for each in GROWTHS)})")
    if any(each.needs_namespaces for each in growths):
        _need_namespaces()
    here = machine()
    _tell(here.told)
    _check_page(write, Part.GROWTH, quick)
    measuring = GrowthRun(growths, quick, _tell)
    found = measuring.measure()
    rows = growth_rows(growths, found, measuring.left)
    show(rows, GROWN, how)
    if measuring.left:
        return _interrupted([each.id for each in measuring.left], write)
    if write is not None:
        _write(write, Part.GROWTH, here, rows, [each.id for each in GROWTHS])
    return FAILED if any(each.failed for each in found) else PASSED


def _interrupted(left: Sequence[str], page: Path | None) -> int:
    """The exit code, after a word on what is missing from what was shown."""
    kept = f"; {page} is as it was" if page is not None else ""
    warn(f"interrupted: not measured to the end: {', '.join(left)}{kept}")
    return INTERRUPTED


def growth_rows(
    growths: Sequence[Growth], found: Sequence[GrowthPoint], left: Sequence[Growth] = ()
) -> list[dict[str, Any]]:
    """The points, and behind those of each growth its exponents: rows without a size. What is `left` half-way has no
    exponents."""
    rows = []
    fitted = exponents(found)
    for each in growths:
        common = {"what": each.what, "unit": each.size}
        rows += [{**point.row(), **common} for point in found if point.growth == each.id]
        for fit in (fit for fit in fitted if fit.growth == each.id and each not in left):
            empty = GrowthPoint(each.id, fit.who, 0, fit.seconds, fit.cpu, fit.memory, note="exponent").row()
            rows.append({**empty, "size": None, **common})
    return rows


def _check_page(page: Path | None, part: Part, quick: bool) -> None:
    """Before anything is measured for it: that takes minutes."""
    if page is None:
        return
    if quick:
        fail(USAGE, "--write is for whole runs: leave --quick out")
    folder = page.with_suffix("")
    try:
        put(page.read_text(encoding="utf-8"), part, "")
        read(folder / NAME)
    except OSError as error:
        fail(USAGE, f"{page}: {error.strerror}")
    except (MarkerError, RecordError) as error:
        fail(USAGE, f"{page}: {error}")
    if folder.exists() and not folder.is_dir():
        fail(USAGE, f"{page}: {folder} is to be the directory of its pictures, and is a file")
    for path in (page, folder if folder.exists() else folder.parent):
        if not os.access(path, os.W_OK):
            fail(USAGE, f"{page}: {path} cannot be written")


def _write(page: Path, part: Part, here: Machine, rows: list[dict[str, Any]], order: Sequence[str]) -> None:
    """The record, the picture and the tables of one part."""
    folder = page.with_suffix("")
    try:
        folder.mkdir(exist_ok=True)
        parts = read(folder / NAME)
        parts[part] = merged(parts[part], part, here, rows, order)
        write_record(folder / NAME, parts)
        picture = folder / f"{part.value}.svg"
        draw = ratios if part is Part.FIGURES else draw_growth
        picture.write_text(draw(parts[part].rows), encoding="utf-8")
        text = put(page.read_text(encoding="utf-8"), part, tables(part, parts[part], f"{folder.name}/{picture.name}"))
        page.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(LAB, f"{error.filename or page}: {error.strerror}")
    _tell(f"{page} written")


def _need_namespaces() -> None:
    """Replace this process by one in a user namespace where only that gives the privilege."""
    if problem := enter_namespaces():
        fail(LAB, problem)


def _tell(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
