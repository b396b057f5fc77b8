"""Play cases: each in a process of its own, several at once, with what came of each as plain data."""

from __future__ import annotations

import asyncio
import contextlib
import re
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from simulator.engine.log import ConnectionMoved, EventLog
from simulator.engine.traffic import TrafficLab, why_not
from simulator.faults.matrix import jobs_by_default, pooled
from simulator.lab.merge import merge_captures
from simulator.places.errors import LabError
from simulator.places.link import LinkKind
from simulator.recording.file import SUFFIX, RecordingError
from simulator.recording.tape import RecordingTape
from simulator.rehearsal.ledger import Ledger
from simulator.rehearsal.reporting import final_report
from simulator.rehearsal.script import Audience, Script
from simulator.report.writer import ReportError, write_report
from simulator.routers.daemon import ConfigRefusedError
from simulator.scenarios.load import load, plan
from simulator.scenarios.model import PlannedCase, ScenarioCase
from simulator.scenarios.needs import lacking, link_of
from simulator.scenarios.playing import ExpectationError, Player
from simulator.scenarios.results import CaseOutcome, CaseResult, TakenStep
from simulator.scenarios.stage import Stage
from simulator.scenarios.telling import detail
from simulator.topology.faults import TopologyError


@dataclass(frozen=True, slots=True)
class PlayOptions:
    """How cases are played."""

    report: str = ""
    """A directory, in which each case gets one of its own; empty: no report is written."""
    record: str = ""
    """A directory, in which each case gets a recording; empty: none is recorded."""
    require_routers: bool = False
    """A router or a privilege that is missing fails the case."""


def play_all(
    cases: Sequence[ScenarioCase], options: PlayOptions, jobs: int | None, told: Callable[[CaseResult], None]
) -> list[CaseResult]:
    """At most `jobs` at once, each told when it is over; in the order of `cases`. Ctrl-C takes all labs down."""
    if len(cases) == 1:
        result = play(cases[0], options)
        told(result)
        return [result]

    def broken(case: ScenarioCase, why: str) -> CaseResult:
        return CaseResult(case, CaseOutcome.LAB, f"{case.file}: {why}")

    return pooled(partial(play, options=options), cases, jobs or jobs_by_default(), told, broken)


def play(case: ScenarioCase, options: PlayOptions) -> CaseResult:
    """One case, in an event loop of its own; for a process of a pool too."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="turnup-test-") as folder:
        try:
            planned = plan(load(case.file, dict(case.settings)), case, Path(folder))
        except TopologyError as error:
            return CaseResult(case, CaseOutcome.BAD, str(error.faults[0]), "\n".join(map(str, error.faults)))
        result = _with_lab(planned, options, Path(folder))
    return replace(result, seconds=time.monotonic() - began, proves=planned.proves)


def _with_lab(planned: PlannedCase, options: PlayOptions, scratch: Path) -> CaseResult:
    if why := lacking(planned.topology):
        outcome = CaseOutcome.LAB if options.require_routers else CaseOutcome.SKIPPED
        return CaseResult(planned.case, outcome, f"{planned.case.file}: {why}")
    try:
        return asyncio.run(_show(planned, options, scratch))
    except (LabError, ReportError, RecordingError) as error:
        outcome = CaseOutcome.BAD if isinstance(error, ConfigRefusedError) else CaseOutcome.LAB
        return CaseResult(planned.case, outcome, f"{planned.case.file}: {error}")


class _Show:
    """One case in its lab. Make it where an event loop runs."""

    def __init__(self, planned: PlannedCase, options: PlayOptions, scratch: Path) -> None:
        self._planned = planned
        self._report = Path(options.report, directory_name(planned.case)) if options.report else None
        self._capture = scratch / "capture.pcap"
        kind = link_of(planned.topology)
        self._tape = RecordingTape(recording_of(planned.case, options.record)) if options.record else None
        self._log = EventLog()
        self._script = Script(
            planned.topology,
            kind,
            self._log,
            Audience(),
            record=self._report is not None and kind is LinkKind.LOOPBACK,
            keep_captures=self._report is not None,
            automation=planned.automation,
            tape=self._tape,
        )
        views = self._script.workflow.validator.views
        self._ledger = Ledger(planned.topology, views, self._log.append, self._script.clock.now)
        self._began = time.time()
        if self._tape is not None:
            self._tape.follow_ledger(self._ledger)

    async def run(self) -> CaseResult:
        """Raises LabError, and ReportError."""
        try:
            async with self._script.network, self._evidence(), self._script.closing("the scenario is over"):
                found = await self._play()
        except LabError as error:
            self._ledger.fail(str(error))
            self._write()
            raise
        self._write()
        return replace(found, report=str(self._report or ""), steps=self._steps())

    async def _play(self) -> CaseResult:
        case = self._planned.case
        async with self._hosts() as hosts:
            stage = Stage(self._script, hosts, by_hand=not self._planned.automation)
            try:
                await Player(self._planned, stage, self._look).play()
            except ExpectationError as error:
                text = f"{self._planned.where(error.line)}: {error}"
                self._ledger.fall_short(text)
                more = detail(stage, error.subject, str(self._report or ""))
                return CaseResult(case, CaseOutcome.FAILED, text, f"{text}\n{more}")
            finally:
                self._look()
        return CaseResult(case, CaseOutcome.PASSED)

    def _look(self) -> None:
        """Keep the sessions as they are now: the report shows each as it was seen last."""
        control = self._script.control
        for record in control.records.values():
            if all(self._script.network.edges.is_provisioned(plan) for plan in record.plans):
                self._ledger.look(record)

    @contextlib.asynccontextmanager
    async def _hosts(self) -> AsyncIterator[TrafficLab | None]:
        if not self._planned.wants_traffic or why_not(self._planned.topology, self._script.network.kind):
            yield None
            return
        async with TrafficLab(self._script.network, self._log).running() as hosts:
            yield hosts

    @contextlib.asynccontextmanager
    async def _evidence(self) -> AsyncIterator[None]:
        """Whatever happens, take the captures out of the lab's directory before that is removed."""
        try:
            yield
        finally:
            captures = list(self._script.network.captures.running.values())
            if self._report is not None and captures:
                for capture in captures:
                    await capture.stop()
                paths = [capture.path for capture in captures if capture.path is not None]
                await asyncio.to_thread(merge_captures, paths, self._capture)

    def _write(self) -> None:
        if self._report is None and self._tape is None:
            return
        report = final_report(self._script, self._ledger, self._began, time.time(), self._capture)
        if self._tape is not None:
            self._tape.finished(report)
            self._tape.close()
        if self._report is not None:
            write_report(self._report, report)

    def _steps(self) -> tuple[TakenStep, ...]:
        flows = {record.id: record.flow.value for record in self._script.control.records.values()}
        moves = (event for event in self._log.entries if isinstance(event, ConnectionMoved))
        return tuple(
            TakenStep(flows[move.connection], step.source.value, step.event.value, step.target.value)
            for move in moves
            for step in (move.transition,)
        )


async def _show(planned: PlannedCase, options: PlayOptions, scratch: Path) -> CaseResult:
    return await _Show(planned, options, scratch).run()


def recording_of(case: ScenarioCase, directory: str) -> Path:
    """Where a case is recorded."""
    return Path(directory, directory_name(case) + SUFFIX)


def directory_name(case: ScenarioCase) -> str:
    """Of a case's report."""
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", f"{case.name}-{case.variant}").strip("-")
