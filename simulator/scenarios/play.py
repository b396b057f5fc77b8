"""Play cases: each in a process of its own, several at once, with what came of each as plain data."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from simulator.engine.log import ConnectionMoved
from simulator.faults.matrix import jobs_by_default, pooled
from simulator.lab.interruption import run_to_its_end
from simulator.places.errors import LabError
from simulator.places.scratch import scratch
from simulator.recording.file import SUFFIX, RecordingError
from simulator.recording.tape import RecordingTape
from simulator.rehearsal.script import Script
from simulator.report.writer import ReportError
from simulator.routers.daemon import ConfigRefusedError
from simulator.scenarios.load import load, plan
from simulator.scenarios.model import PlannedCase, ScenarioCase
from simulator.scenarios.needs import lacking
from simulator.scenarios.playing import ExpectationError, Player
from simulator.scenarios.results import CaseOutcome, CaseResult, TakenStep
from simulator.scenarios.staging import Staging
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
    try:
        with scratch("turnup-test-") as folder:
            planned = plan(load(case.file, dict(case.settings)), case, folder)
            result = _with_lab(planned, options, folder)
    except TopologyError as error:
        return CaseResult(case, CaseOutcome.BAD, str(error.faults[0]), "\n".join(map(str, error.faults)))
    except LabError as error:
        return CaseResult(case, CaseOutcome.LAB, f"{case.file}: {error}")
    return replace(result, seconds=time.monotonic() - began, proves=planned.proves)


def _with_lab(planned: PlannedCase, options: PlayOptions, scratch: Path) -> CaseResult:
    if why := lacking(planned.topology):
        outcome = CaseOutcome.LAB if options.require_routers else CaseOutcome.SKIPPED
        return CaseResult(planned.case, outcome, f"{planned.case.file}: {why}")
    try:
        return run_to_its_end(_show(planned, options, scratch))
    except (LabError, ReportError, RecordingError) as error:
        outcome = CaseOutcome.BAD if isinstance(error, ConfigRefusedError) else CaseOutcome.LAB
        return CaseResult(planned.case, outcome, f"{planned.case.file}: {error}")


async def _show(planned: PlannedCase, options: PlayOptions, scratch: Path) -> CaseResult:
    """Raises LabError, and ReportError."""
    case = planned.case
    report = Path(options.report, directory_name(case)) if options.report else None
    tape = RecordingTape(recording_of(case, options.record)) if options.record else None
    staging = Staging(
        planned.topology, scratch, report, tape, automation=planned.automation, traffic=planned.wants_traffic
    )
    async with staging.running("the scenario is over") as stage:
        found = CaseResult(case, CaseOutcome.PASSED)
        player = Player(planned, stage, staging.look)
        try:
            await player.play()
        except asyncio.CancelledError:
            raise asyncio.CancelledError(player.where) from None
        except ExpectationError as error:
            text = f"{planned.where(error.line)}: {error}"
            staging.fell_short(text)
            found = CaseResult(
                case, CaseOutcome.FAILED, text, f"{text}\n{detail(stage, error.subject, str(report or ''))}"
            )
    ended = tape.problem if tape is not None else ""
    return replace(found, report=str(report or ""), recording=ended, steps=_taken(staging.script))


def _taken(script: Script) -> tuple[TakenStep, ...]:
    flows = {record.id: record.flow.value for record in script.control.records.values()}
    moves = (event for event in script.log.entries if isinstance(event, ConnectionMoved))
    return tuple(
        TakenStep(flows[move.connection], step.source.value, step.event.value, step.target.value)
        for move in moves
        for step in (move.transition,)
    )


def recording_of(case: ScenarioCase, directory: str) -> Path:
    """Where a case is recorded."""
    return Path(directory, directory_name(case) + SUFFIX)


def directory_name(case: ScenarioCase) -> str:
    """Of a case's report."""
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", f"{case.name}-{case.variant}").strip("-")
