"""`turnup bench`: measures, and shows rows."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from simulator.bench.figure import FigureRow
from simulator.bench.figures import FIGURES, TRIALS
from simulator.bench.figures import chosen as chosen_figures
from simulator.bench.machine import machine
from simulator.bench.running import BenchRun
from simulator.cli.exit_codes import FAILED, LAB, PASSED, USAGE, fail
from simulator.cli.formats import RowFormat, show
from simulator.lab.privilege import MARK, netns_problem, reexec_in_userns, userns_problem

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
    _need_namespaces()
    here = machine()
    _tell(here.told)
    found = BenchRun(figures, TRIALS, quick, 1 if quick else repeat, here.code, _tell).measure()
    show([outcome.row() for outcome in found], MEASURED, how)
    return FAILED if any(map(_is_failure, found)) else PASSED


def _is_failure(outcome: FigureRow) -> bool:
    return outcome.failed


def _need_namespaces() -> None:
    """Replace this process by one in a user namespace where only that gives the privilege."""
    problem = netns_problem()
    if problem is None:
        return
    if MARK not in os.environ and userns_problem() is None:
        reexec_in_userns(sys.argv[1:])
    fail(LAB, f"network namespaces are needed: {problem}: run as root")


def _tell(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
