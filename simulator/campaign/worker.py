"""What a machine of a cluster does: say what it has, and play one cell with the files that come with it.

A worker's process keeps its nursery: its next cell is there in milliseconds.
"""

from __future__ import annotations

import atexit
import hashlib
import io
import platform
import shutil
import socket
import tarfile
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import simulator
from simulator.campaign.local import LocalCells, remove_leftovers
from simulator.campaign.model import Attempt, CampaignCell, CellOrder
from simulator.campaign.nursery import not_kept
from simulator.campaign.parcel import Parcel, here
from simulator.lab.privilege import netns_problem
from simulator.lab.state import LabState
from simulator.scenarios.needs import PROGRAMS, missing

MOST_OF_A_REPORT: Final = 20_000_000
"""Octets of a packed report that are sent back (simulator)."""


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """What a machine has."""

    host: str
    version: str
    """Of turnup, with a digest of its sources."""
    lacks: tuple[tuple[str, str], ...] = ()
    """What a cell may need → why it is not there."""


@cache
def version() -> str:
    """turnup's here: cells are played by the same sources everywhere, or results could not be compared."""
    told = hashlib.sha256()
    root = Path(simulator.__file__).parent
    for path in sorted(root.rglob("*")):
        if path.suffix in (".py", ".yaml") and path.is_file():
            told.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    python = ".".join(platform.python_version_tuple()[:2])
    return f"{simulator.__version__} ({told.hexdigest()[:12]}, Python {python})"


def facts() -> dict[str, Any]:
    """This machine's, as plain data: another version's classes need not be known here."""
    found = {kind: why for kind in PROGRAMS if (why := missing(kind))}
    if problem := netns_problem():
        found["namespaces"] = f"network namespaces: {problem}"
    return {"host": socket.gethostname(), "version": version(), "lacks": sorted(found.items())}


@dataclass(slots=True)
class _Bench:
    """What the cells of this process share."""

    state: LabState
    cells: LocalCells

    @property
    def reports(self) -> Path:
        return self.state.directory / "r"

    def lay(self, parcel: Parcel) -> Path:
        """The directory in which a parcel lies."""
        directory = self.state.directory / parcel.digest
        if not directory.exists():
            fresh = Path(tempfile.mkdtemp(dir=self.state.directory))
            parcel.unpack(fresh)
            fresh.rename(directory)
        return directory

    def close(self) -> None:
        self.cells.close()
        self.state.remove()


_bench: _Bench | None = None


def _of_this_process() -> _Bench:
    global _bench
    if _bench is None:
        remove_leftovers()
        state = LabState.create("w")
        _bench = _Bench(state, LocalCells(state.directory / "r"))
        atexit.register(_bench.close)
    return _bench


def attempt(order: dict[str, Any], parcel: Parcel, node: str) -> tuple[dict[str, Any], bytes]:
    """Make one attempt here; what came of it, and its packed report. `node`: what the cluster calls this machine.

    Raises LabError where no cell can be begun.
    """
    cell = CampaignCell.of(order["cell"])
    bench = _of_this_process()
    try:
        directory = bench.lay(parcel)
        mine = CellOrder(here(cell, directory), order["number"], order["limit"], order["require"])
        [made] = bench.cells.run([mine], 1)
    except BaseException:
        bench.cells.close()  # a task that is cancelled takes its lab down
        raise

    def told(text: str) -> str:
        return text.replace(str(directory), parcel.root) if parcel.contents else text

    kept = bench.state.directory / made.report if made.report else None
    report = _packed(kept) if kept else b""
    host = f"{made.host}/{node}"
    found = replace(made, cell=order["key"], host=host, report=str(kept or ""))
    found = replace(found, text=told(made.text), detail=told(made.detail))
    return found.as_json(), report


def _packed(directory: Path) -> bytes:
    """A report; empty where it is too large."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        archive.add(directory, ".")
    shutil.rmtree(directory, ignore_errors=True)
    return out.getvalue() if len(out.getvalue()) <= MOST_OF_A_REPORT else b""


def unpacked(made: dict[str, Any], report: bytes, directory: Path) -> Attempt:
    """What came of it, at home, with its report in a directory, which its words then name. Where it cannot be kept, the
    text says so. `made`: of `attempt`; its report is where it was on the machine."""
    found = Attempt.of(made)
    there, found = found.report, replace(found, report="")
    if not report:
        return found
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tarfile.open(fileobj=io.BytesIO(report)) as archive:
            archive.extractall(directory, filter="data")
    except (OSError, tarfile.TarError) as error:
        return replace(found, text=f"{found.text}; {not_kept(directory, error)}")
    text, detail = (words.replace(there, str(directory)) for words in (found.text, found.detail))
    return replace(found, report=f"{directory.parent.name}/{directory.name}", text=text, detail=detail)
