"""What `turnup campaign` does: plan the cells, run them, tell how far it is, show and write what came of them."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from simulator.campaign.cluster import ClusterCells
from simulator.campaign.course import CourseOptions, run_course
from simulator.campaign.journal import REPORTS, CampaignJournal, JournalError, read
from simulator.campaign.local import LocalCells
from simulator.campaign.model import Attempt, CellOrder, Ending
from simulator.campaign.planning import CampaignChoice, CampaignPlan, every_shipped, planned
from simulator.campaign.report import CampaignReport, write_campaign
from simulator.campaign.tally import CampaignProgress, CellTally, tallied, worst_of
from simulator.cli.exit_codes import FAILED, INTERRUPTED, LAB, PASSED, USAGE, fail, warn
from simulator.cli.formats import RowFormat, show
from simulator.cli.link_choice import enter_namespaces
from simulator.cli.shielded import shielded
from simulator.counts import count_of
from simulator.ending_signals import ending_signals
from simulator.faults.matrix import jobs_by_default
from simulator.places.errors import LabError
from simulator.places.scratch import scratch
from simulator.report.text import visible
from simulator.report.writer import ReportError
from simulator.topology.faults import TopologyError
from simulator.views.times import duration

if TYPE_CHECKING:
    from rich.console import Console

_COLUMNS: Final = (
    ("Cell", "cell"),
    ("Outcome", "outcome"),
    ("Passed", "passed"),
    ("Of", "attempts"),
    ("Seconds", "seconds"),
    ("Host", "hosts"),
    ("Why", "text"),
)
_MORE: Final = (*_COLUMNS, ("Report", "report"), ("File", "file"))
_LISTED: Final = (("Cell", "cell"), ("What", "kind"), ("Needs", "needs"), ("Why not", "unfit"), ("File", "file"))
_CODES: Final = {Ending.BAD: USAGE, Ending.FAILED: FAILED, Ending.PASSED: PASSED, Ending.SKIPPED: PASSED}
"""Any other: the lab failed."""
_GONE: Final = "--on {}: the cluster is gone, or what was connected with it here was killed; --resume goes on"
_LINES: Final = 20
"""Of what was seen of a cell that did not pass, in a terminal; the report has the rest."""
_NAMED: Final = 5
"""Files of one directory that are passed over, each by its name."""
_DETAILED: Final = 20
"""Cells of which a terminal tells what was seen."""


@dataclass(frozen=True, slots=True)
class CampaignOptions:
    """How a campaign is run."""

    repeat: int
    limit: float
    jobs: int | None
    report: Path
    resume: bool
    fresh: bool
    require: bool
    on: str
    """A cluster's address; empty: this machine."""


def settings(given: Sequence[str]) -> list[tuple[str, str]]:
    """`NAME=VALUE` of each `--set`."""
    pairs = [text.partition("=") for text in given]
    for text, (name, equals, _) in zip(given, pairs, strict=True):
        if not name or not equals:
            fail(USAGE, f"--set {text}: NAME=VALUE is wanted")
    return [(name, value) for name, _, value in pairs]


def plan(paths: Sequence[str], choice: CampaignChoice, *, shipped: bool) -> CampaignPlan:
    """The cells; ends with all that is wrong with any file."""
    given = [*paths, *(every_shipped() if shipped else ())]
    if not given and not choice.faults:
        fail(USAGE, "name scenario or topology files or a directory of them, or say --shipped (see --help)")
    with scratch("turnup-campaign-") as folder:
        try:
            found = planned(given, choice, folder)
        except TopologyError as error:
            fail(USAGE, *map(str, error.faults))
    for line in passed_over(found.passed_over):
        warn(line)
    if not found.cells and not found.unfit:
        fail(USAGE, "no cell is left: look at --list without --only, --router and --family")
    return found


def passed_over(files: Sequence[str]) -> list[str]:
    """Which files of directories are nothing to play: each of a few, and of a directory full of them how many."""
    by_directory: dict[Path, list[str]] = {}
    for file in files:
        by_directory.setdefault(Path(file).parent, []).append(file)
    lines = list[str]()
    for directory, those in by_directory.items():
        if len(those) > _NAMED:
            many = count_of(len(those), "file is", "files are")
            lines.append(f"{directory}: {many} neither scenario nor topology: passed over")
        else:
            lines += [f"{file}: neither a scenario nor a topology: passed over" for file in those]
    return lines


def show_cells(found: CampaignPlan, how: RowFormat) -> int:
    """`--list`."""
    cells = [*((cell, "") for cell in found.cells), *found.unfit]
    rows = [
        {"cell": str(cell), "kind": cell.kind.value, "needs": list(cell.needs), "unfit": why, "file": cell.file}
        for cell, why in cells
    ]
    show(rows, _LISTED[:-1] if how is RowFormat.table else _LISTED, how)
    return PASSED


def campaign(found: CampaignPlan, options: CampaignOptions, how: RowFormat) -> int:
    """The command; returns the exit code."""
    from rich.console import Console

    from simulator.cli.leftovers import remove_leftovers

    if not found.cells:
        fail(USAGE, *(f"{cell}: {why}" for cell, why in found.unfit[:5]), "no combination makes sense: see --list")
    if options.resume and options.fresh:
        fail(USAGE, "--resume goes on with the campaign that is there, --fresh begins again: say one of them")
    if not options.on and any("namespaces" in cell.needs for cell in found.cells):
        enter_namespaces()  # without them these cells are skipped, and say so
    console = Console(stderr=True)
    if not console.is_terminal:
        console.width = 160
    remove_leftovers(console)
    try:
        with CampaignJournal.open(options.report, resume=options.resume, fresh=options.fresh) as journal:
            if not options.on:
                return _run(found, options, journal, console, how)
            code = shielded(lambda: _run(found, options, journal, console, how))
            if code is not None:
                return code
            # Ray ends a process whose own machine leaves the cluster; what was done is in the journal.
            journal.found = read(options.report)
            return _run(found, options, journal, console, how, gone=_GONE.format(options.on))
    except JournalError as error:
        fail(USAGE, str(error))


def _run(
    found: CampaignPlan,
    options: CampaignOptions,
    journal: CampaignJournal,
    console: Console,
    how: RowFormat,
    gone: str = "",
) -> int:
    """`gone`: why no attempt can be made any more."""
    _tell_resumed(journal, found, console)
    attempts: list[Attempt] = []
    interrupted, problem = False, ""
    total = len(found.cells) * options.repeat
    names = {cell.key: str(cell) for cell in found.cells}
    told = _teller(console, names)
    course = CourseOptions(options.repeat, options.limit, options.require)
    where = _Where(options, gone)
    with _signals_interrupt():
        try:
            with where:
                attempts.extend(run_course(found.cells, course, journal, where.run, told, lanes=lambda: where.lanes))
        except KeyboardInterrupt:
            interrupted = True
        except LabError as error:
            problem = str(error)
    if problem and not attempts:  # the report that is there is of what was played
        fail(LAB, problem)
    attempts = [_beside(attempt, options.report) for attempt in attempts]
    tallies = tallied(found.cells, attempts)
    report = CampaignReport(tallies, found.unfit, where.lacks, total - len(attempts))
    _show(tallies, how)
    if how is RowFormat.table:
        sys.stdout.write("".join(_seen(tallies)))
        sys.stdout.write("".join(f"{line}\n" for line in where.lacks))
        sys.stdout.write(f"{report.sentence}\n{_unfit(found)}")
    try:
        page = write_campaign(options.report, report)
        if how is RowFormat.table:
            sys.stdout.write(f"Report: {page}\n")
    except ReportError as error:
        problem = "; ".join(dict.fromkeys(filter(None, (problem, str(error)))))
    if interrupted:
        if problem:
            warn(problem)
        left = count_of(report.left, "attempt that is left", "attempts that are left")
        warn(f"interrupted: the labs are taken down; --resume goes on with the {left}")
        return INTERRUPTED
    if problem:
        fail(LAB, problem)
    return _CODES.get(worst_of(tallies), LAB)


class _Where:
    """This machine, or a cluster, which is connected with where there is something to do. A context."""

    def __init__(self, options: CampaignOptions, gone: str) -> None:
        self._jobs = options.jobs
        self._gone = gone
        reports = (options.report / REPORTS).absolute()
        self._here = LocalCells(reports) if not options.on else None
        self._cluster = ClusterCells(options.on, reports) if options.on else None
        self._exit = ExitStack()

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: Any) -> None:
        self._exit.__exit__(*error)

    @property
    def lacks(self) -> list[str]:
        """What each machine lacks, one line each."""
        return self._cluster.lacks if self._cluster is not None else []

    @property
    def lanes(self) -> int:
        """Attempts at once."""
        return self._jobs or (self._cluster.lanes if self._cluster is not None else jobs_by_default())

    def run(self, orders: Sequence[CellOrder]) -> Iterator[Attempt]:
        """Raises LabError."""
        if not orders:
            return iter(())
        if self._gone:
            raise LabError(self._gone)
        if self._here is not None:
            return self._exit.enter_context(self._here).run(orders, self.lanes)
        assert self._cluster is not None, "it is one of the two"
        self._exit.enter_context(self._cluster).look()
        return self._cluster.run(orders, self._jobs)


def _seen(tallies: Sequence[CellTally]) -> Iterator[str]:
    """What was seen of each cell that did not pass: the last of it where it crashed, else the first.

    Of one that was overdue its line says all; where Python was is in the report.
    """
    told = [
        tally
        for tally in tallies
        if not tally.worst.ending.fine and tally.worst.detail and tally.worst.ending is not Ending.OVERDUE
    ]
    for tally in told[:_DETAILED]:
        lines = tally.worst.detail.splitlines()
        number = f" #{tally.worst.number}" if len(tally.attempts) > 1 else ""
        yield f"\n{tally.cell}{number}: {tally.worst.text}\n"
        cut = f"  ({count_of(len(lines) - _LINES, 'more line')})\n" if len(lines) > _LINES else ""
        last = tally.worst.ending is Ending.CRASHED
        yield cut if last else ""
        yield from (f"  {visible(line)}\n" for line in (lines[-_LINES:] if last else lines[:_LINES]))
        yield "" if last else cut
    if len(told) > _DETAILED:
        yield f"\n{count_of(len(told) - _DETAILED, 'more cell')} that did not pass: see the report\n"
    yield "\n" if told else ""


def _unfit(found: CampaignPlan) -> str:
    unfit = count_of(len(found.unfit), "combination")
    return f"Not run: {unfit} without sense; --list says why\n" if found.unfit else ""


def _beside(attempt: Attempt, directory: Path) -> Attempt:
    """With its report as the page finds it."""
    if not attempt.report:
        return attempt
    inside = next((directory / attempt.report).rglob("report.html"), None)
    return replace(attempt, report=str(inside.parent.relative_to(directory))) if inside else attempt


def _tell_resumed(journal: CampaignJournal, found: CampaignPlan, console: Console) -> None:
    contents = journal.found
    keys = {cell.key for cell in found.cells}
    others = sum(attempt.cell not in keys for attempt in contents.attempts)
    if contents.attempts:
        beside = f", {others} of cells that are not in this campaign" if others else ""
        told = count_of(len(contents.attempts), "attempt")
        console.print(f"turnup: {told} in {journal.path}{beside}", highlight=False, soft_wrap=True)
    if contents.unreadable:
        warn(f"{journal.path}: {count_of(contents.unreadable, 'line')} cannot be read: what it told is run again")


def _teller(console: Console, names: dict[str, str]) -> Callable[[Attempt, CampaignProgress], None]:
    def told(attempt: Attempt, progress: CampaignProgress) -> None:
        rest = f", about {duration(max(1, progress.to_go))} to go" if progress.left else ""
        far = f"{progress.done} done, {progress.failed} failed, {progress.left} left{rest}"
        again = f" #{attempt.number}" if attempt.number > 1 else ""
        why = f": {attempt.text}" if attempt.text else ""
        line = f"[{far}] {attempt.ending.value} {names[attempt.cell]}{again} ({attempt.seconds:.1f} s){why}"
        console.print(line, highlight=False, markup=False, soft_wrap=True)

    return told


@contextmanager
def _signals_interrupt() -> Iterator[None]:
    """SIGTERM and SIGHUP end a campaign as Ctrl-C does; one that is ignored, as `nohup` sets it, stays so."""

    def interrupt(number: int, frame: object) -> NoReturn:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in ending_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _show(tallies: Sequence[CellTally], how: RowFormat) -> None:
    show([tally.as_row() for tally in tallies], _COLUMNS if how is RowFormat.table else _MORE, how)
