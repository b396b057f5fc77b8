"""`turnup rehearse`: choose the link, run the rehearsal, show it, write the report."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from simulator.cli.check_rows import with_checks
from simulator.cli.exit_codes import FAILED, INTERRUPTED, LAB, PASSED, USAGE, fail
from simulator.cli.external_router import handing_over
from simulator.cli.formats import RowFormat, show
from simulator.cli.holding import Holder
from simulator.cli.leftovers import remove_leftovers
from simulator.cli.link_choice import choose_link
from simulator.cli.own_files import require_readable
from simulator.cli.recording import recording
from simulator.cli.session_rows import SESSIONS, session_rows
from simulator.cli.stepping import Stepper
from simulator.cli.summary import print_summary
from simulator.cli.view import LiveView, PlainView
from simulator.cli.webhook import announcing, destination
from simulator.engine.log import EventLog
from simulator.lab.interruption import until_interrupted
from simulator.lab.state import LabState
from simulator.places.errors import LabError
from simulator.rehearsal.rehearsal import Rehearsal
from simulator.rehearsal.script import Audience
from simulator.report.json_report import as_dict
from simulator.report.markdown import markdown
from simulator.report.model import Report
from simulator.report.pcap import WirePcap
from simulator.report.writer import ReportError, require_writable, write_report
from simulator.routers.configs.registry import FORMATS
from simulator.speakers.gc_pause import gc_paused, gc_seldom
from simulator.topology.checks.contradictions import times_problem
from simulator.topology.load import TopologyError, load
from simulator.topology.schema import Topology


def rehearse(
    path: Path,
    *,
    link: str | None,
    report: Path | None,
    soak: float | None,
    deadline: float | None,
    plain: bool,
    how: RowFormat = RowFormat.table,
    step: bool = False,
    hold: bool = False,
    config_format: str | None = None,
    only: Sequence[str] = (),
    checks: Sequence[str] = (),
    strict: bool = False,
    markdown_file: Path | None = None,
    webhook: str = "",
    record: Path | None = None,
) -> int:
    """The command; returns the exit code."""
    try:
        topology = load(path)
    except TopologyError as error:
        fail(USAGE, *map(str, error.faults))
    topology = with_checks(_override(_only(topology, only), soak, deadline), checks)
    if strict:
        topology = _strict(topology)
    if config_format is not None and config_format not in FORMATS:
        fail(USAGE, f"--config-format {config_format}: there is no such format (one of {', '.join(FORMATS)})")
    for_programs = how is not RowFormat.table
    if step and not (sys.stdin.isatty() and (sys.stderr if for_programs else sys.stdout).isatty()):
        fail(USAGE, "--step: there is no terminal to press Enter at: leave it out, or run this in a terminal")
    kind = choose_link(topology, link)
    require_readable(topology)
    to = destination(topology, webhook)
    if report is not None:
        _require_writable(report)
    # With --format json or csv the result alone goes to standard output.
    console = Console(stderr=for_programs)
    if not console.is_terminal:
        console.width = 140  # a log has no window to fit into
    remove_leftovers(console)
    rehearsal: Rehearsal | None = None
    with gc_seldom(), _scratch(topology) as scratch:
        log = EventLog()
        # A view that repaints itself and a person who presses Enter would write over each other.
        live = console.is_terminal and not plain and not for_programs and not step and not hold
        with LiveView(topology, console) if live else PlainView(topology, console) as view:
            log.subscribe(view.take)
            show_config = handing_over(topology, kind, config_format, view.show)

            def lab_directory() -> Path:
                assert rehearsal is not None, "it runs"
                return rehearsal.network.site.directory

            async def run() -> Report:
                nonlocal rehearsal
                task = asyncio.current_task()
                assert task is not None, "a coroutine runs in one"
                audience = Audience(show_config=show_config)
                if step:
                    stepper = Stepper(view.show, sys.stdin.fileno(), task.cancel)
                    audience = replace(audience, pause=stepper.pause)
                if hold:
                    terminal = sys.stdin.fileno() if sys.stdin is not None and sys.stdin.isatty() else None
                    holder = Holder(console, view.show, lab_directory, terminal)
                    audience = replace(audience, hold=holder.hold)
                with recording(record) as tape:
                    capture = scratch / "capture.pcap"
                    rehearsal = Rehearsal(topology, kind, report is not None, capture, log, audience, tape)
                    async with announcing(to, log):
                        return await rehearsal.run()

            result = asyncio.run(until_interrupted(run()))
        interrupted = result is None
        if interrupted:
            console.print("turnup: interrupted: the lab is taken down, every session closed with a Cease")
        if rehearsal is None:
            return INTERRUPTED
        result = result or rehearsal.interrupted_report()
        # What is written has frames with numbers, which the summary names.
        written, problem = _write(report, result) if report is not None else ("", "")
        if not interrupted:
            print_summary(console, result, written=bool(written))
        if problem:
            fail(LAB, problem)
        if written:
            console.print(f"Report: {written}", highlight=False)
        if markdown_file is not None:
            _add_markdown(markdown_file, result)
    if how is RowFormat.json:
        where = WirePcap(str(report / "wire.pcap") if report else "", "interfaces" if result.capture else "speakers")
        show(as_dict(result, where), (), how)
    elif how is RowFormat.csv:
        show(list(session_rows(result)), SESSIONS, how)
    if interrupted:
        return INTERRUPTED
    if rehearsal.refused:
        return USAGE
    return {"passed": PASSED, "failed": FAILED, "error": LAB}[result.outcome]


@contextlib.contextmanager
def _scratch(topology: Topology) -> Iterator[Path]:
    """A directory for the evidence until the report is written; `turnup clean` finds it if we are killed."""
    try:
        state = LabState.create(f"{topology.name}-evidence")
    except LabError as error:
        fail(LAB, str(error))
    try:
        yield state.directory
    finally:
        state.remove()


def _override(topology: Topology, soak: float | None, deadline: float | None) -> Topology:
    changes = {name: value for name, value in (("soak", soak), ("deadline", deadline)) if value is not None}
    changed = topology.model_copy(update={"times": topology.times.model_copy(update=changes)})
    if problem := times_problem(changed):
        fail(USAGE, f"{', '.join(f'--{name}' for name in changes)}: {problem}")
    return changed


def _only(topology: Topology, names: Sequence[str]) -> Topology:
    """The topology with only these peerings; all of them where none is named."""
    known = [peering.name for peering in topology.peerings]
    if unknown := [name for name in names if name not in known]:
        fail(USAGE, f"--only {unknown[0]}: there is no such peering (the topology has: {', '.join(known)})")
    kept = [peering for peering in topology.peerings if not names or peering.name in names]
    return topology.model_copy(update={"peerings": kept})


def _strict(topology: Topology) -> Topology:
    """No check may warn, but where the topology itself says which may."""
    peerings = [
        peering.model_copy(update={"expect": peering.expect.model_copy(update={"warnings": []})})
        if peering.expect.warnings is None
        else peering
        for peering in topology.peerings
    ]
    return topology.model_copy(update={"peerings": peerings})


def _require_writable(directory: Path) -> None:
    """Told before anything is started, not after a rehearsal of an hour."""
    if directory.exists() and not directory.is_dir():
        fail(USAGE, f"--report {directory}: this is a file: name a directory")
    try:
        require_writable(directory)
    except ReportError as error:
        fail(LAB, str(error))


def _add_markdown(file: Path, report: Report) -> None:
    try:
        with file.open("a", encoding="utf-8") as summary:
            summary.write(markdown(report))
    except OSError as error:
        fail(LAB, f"--markdown {file}: {error.strerror}")


def _write(directory: Path, report: Report) -> tuple[str, str]:
    """Where the report is, and what went wrong: one of the two."""
    try:
        with gc_paused():  # what a report is made of stays, and the collector would look at it again and again
            files = write_report(directory, report)
    except ReportError as error:
        return "", str(error)
    return str(files.get("report.html", directory)), ""
