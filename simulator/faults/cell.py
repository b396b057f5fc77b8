"""One cell of the table: a fault rehearsed with one router on one family, and what the diagnosis made of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from simulator.connection.states import ConnectionState
from simulator.faults.fitting import MOMENTS, FittedFault
from simulator.faults.lab import Breach, FaultError, FaultyLab, build, healthy
from simulator.faults.load import FaultFileError, load
from simulator.faults.schema import Expectation, RehearsedFault
from simulator.faults.verdict import CellVerdict, Outcome, judge
from simulator.lab.interruption import run_to_its_end
from simulator.places.errors import LabError
from simulator.places.link import LinkKind
from simulator.places.scratch import scratch
from simulator.recording.file import SUFFIX, RecordingError
from simulator.recording.tape import RecordingTape
from simulator.rehearsal.rehearsal import Rehearsal
from simulator.rehearsal.script import Audience
from simulator.report.findings import diagnosis_of
from simulator.report.model import Report

HEALTHY = "healthy"
"""The name of a cell without a fault; its base stands where others have the family."""


@dataclass(frozen=True, slots=True)
class FaultCell:
    """One run: `fault` is a name or a path."""

    fault: str
    router: str
    family: str
    """Of a healthy cell: its base."""
    record: str = ""
    """A directory, in which it is recorded; empty: it is not."""

    @property
    def recording(self) -> Path | None:
        """Where it is recorded."""
        name = f"{Path(self.fault).stem}-{self.router}-{self.family}".lower()
        return Path(self.record, f"{name}{SUFFIX}") if self.record else None


@dataclass(frozen=True, slots=True)
class CellResult:
    """A cell, and what came of it."""

    cell: FaultCell
    outcome: Outcome
    seconds: float = 0.0


def run(cell: FaultCell) -> CellResult:
    """Rehearse one cell, in an event loop of its own; for a process of a pool too."""
    started = time.monotonic()
    outcome = _outcome(cell)
    return CellResult(cell, outcome, time.monotonic() - started)


def _outcome(cell: FaultCell) -> Outcome:
    if cell.fault == HEALTHY:
        return _rehearsed([], Expectation(active=True), cell, cell.family)
    fault = load(cell.fault)
    if why := fault.inapplicable(cell.router, cell.family):
        return Outcome(CellVerdict.INAPPLICABLE, detail=why)
    breaches = breaches_of(fault, cell.family)
    for breach in breaches if fault.pair else ():
        if why := breach.fault.inapplicable(cell.router, breach.family):
            return Outcome(CellVerdict.INAPPLICABLE, detail=f"{breach.fault.name}: {why}")
    return _rehearsed(breaches, expected_of(fault, breaches, cell.router), cell, breaches[0].fault.base)


def expected_of(fault: RehearsedFault, breaches: Sequence[Breach], router: str) -> Expectation:
    """What must come of a fault; of a pair, what must come of both."""
    expected = fault.expected(router)
    if not fault.pair:
        return expected
    both = [breach.fault.expected(router) for breach in breaches]
    return Expectation(
        causes=[cause for each in both for cause in each.causes],
        also=[cause for each in both for cause in each.also] + expected.also,
        active=all(each.active for each in both) if all(e.active is not None for e in both) else None,
    )


def breaches_of(fault: RehearsedFault, family: str) -> list[Breach]:
    """What a fault breaks: a pair breaks the family with its first, the other family with its second."""
    if not fault.pair:
        return [Breach(fault, family)]
    families = (family, "IPv6" if family == "IPv4" else "IPv4")
    return [Breach(load(name), each) for name, each in zip(fault.pair, families, strict=True)]


def _rehearsed(breaches: list[Breach], expected: Expectation, cell: FaultCell, base: str) -> Outcome:
    def make(folder: Path) -> FaultyLab:
        return build(breaches, base, cell.router, folder) if breaches else healthy(base, cell.router, folder)

    return rehearsed(make, breaches, expected, cell.recording)


def rehearsed(
    make: Callable[[Path], FaultyLab],
    breaches: Sequence[Breach],
    expected: Expectation,
    recording: Path | None = None,
    keep: Callable[[Report], None] | None = None,
) -> Outcome:
    """Play the lab that `make` builds in a directory, and judge what comes of it; `keep` is given the report of one
    that did not come out right, or was interrupted."""
    with scratch("turnup-fault-") as folder:
        try:
            capture = folder / "capture.pcap" if keep is not None else None
            report = run_to_its_end(rehearse(make(folder), capture, recording, keep))
        except FaultFileError as error:
            if expected.refused is None:
                return Outcome(CellVerdict.ERROR, detail=str(error))
            return judge(expected, (), False, [str(each) for each in error.faults])
        except (FaultError, LabError, RecordingError) as error:
            return Outcome(CellVerdict.ERROR, detail=str(error))
        found = _judged(report, breaches, expected)
        if keep is not None and not found.verdict.good:
            keep(report)
        return found


def _judged(report: Report, breaches: Sequence[Breach], expected: Expectation) -> Outcome:
    if report.outcome == "error" and expected.refused is None:
        return Outcome(CellVerdict.ERROR, detail="; ".join(report.errors))
    active = all(ConnectionState.ACTIVE in connection.reached for connection in report.connections)
    found = replace(judge(expected, diagnosis_of(report), active, report.errors), findings=_findings(report))
    found = replace(found, asking=report.diagnosis_seconds)
    if not breaches and report.outcome != "passed":
        return Outcome(CellVerdict.MISSED, found.causes, "; ".join(report.errors), found.texts)
    return found


def _findings(report: Report) -> tuple[str, ...]:
    return tuple(
        f"{connection.id} {check.id} {check.title}: {line}"
        for connection in report.connections
        for check in connection.checks
        if check.status.bad
        for line in check.evidence
    )


async def rehearse(
    lab: FaultyLab,
    capture_file: Path | None = None,
    recording: Path | None = None,
    keep: Callable[[Report], None] | None = None,
) -> Report:
    """Play a faulty lab through; what its edges' interfaces saw goes to `capture_file`, and what there was of it when
    it was cancelled to `keep`. Raises LabError where the fault cannot be made, RecordingError where it cannot be
    recorded."""

    async def pause(step: str, what: str) -> None:
        if step in MOMENTS:
            await fitted.do(MOMENTS[step])

    tape = RecordingTape(recording) if recording is not None else None
    rehearsal = Rehearsal(lab.topology, LinkKind.NETNS, capture_file=capture_file, audience=Audience(pause), tape=tape)
    fitted = FittedFault(lab, rehearsal.network, rehearsal.log, rehearsal.delete)
    try:
        report = await rehearsal.run_and_keep(keep or _forgotten)
    finally:
        await fitted.stop()
        if tape is not None:
            tape.close()
    if tape is not None and tape.problem:
        raise RecordingError(tape.problem)
    fitted.require_made()
    return report


def _forgotten(report: Report) -> None:
    """Nobody keeps it."""
