"""Play one cell in this process: a scenario, a topology or a fault. Its lab is down when this returns."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Final

from simulator.campaign.model import CampaignCell, CellKind, Ending
from simulator.campaign.parcel import changed
from simulator.faults.cell import HEALTHY, FaultCell, breaches_of, expected_of, rehearsed
from simulator.faults.cell import run as run_fault
from simulator.faults.lab import FaultyLab, base_of, build_on, unfit
from simulator.faults.load import load as load_fault
from simulator.faults.verdict import CellVerdict, Outcome
from simulator.lab.interruption import run_to_its_end
from simulator.places.errors import LabError
from simulator.places.scratch import scratch
from simulator.rehearsal.rehearsal import Rehearsal
from simulator.report.model import Report
from simulator.report.outcome import outcome_sentence
from simulator.report.writer import ReportError, write_report
from simulator.scenarios.lab_file import apply
from simulator.scenarios.model import ScenarioCase, Variant
from simulator.scenarios.needs import lacking, link_of
from simulator.scenarios.play import PlayOptions, play
from simulator.scenarios.results import CaseOutcome
from simulator.topology.document import LARGEST, located, read
from simulator.topology.faults import TopologyError
from simulator.topology.files import read_text
from simulator.topology.load import checked, load
from simulator.topology.schema import Topology

_CASES: Final = {
    CaseOutcome.PASSED: Ending.PASSED,
    CaseOutcome.FAILED: Ending.FAILED,
    CaseOutcome.SKIPPED: Ending.SKIPPED,
    CaseOutcome.BAD: Ending.BAD,
    CaseOutcome.LAB: Ending.LAB,
}
_REPORTS: Final = {"passed": Ending.PASSED, "failed": Ending.FAILED, "error": Ending.LAB}
_VERDICTS: Final = {
    CellVerdict.FIRST: Ending.PASSED,
    CellVerdict.INAPPLICABLE: Ending.SKIPPED,
    CellVerdict.ERROR: Ending.LAB,
}

PlayedCell = tuple[Ending, str, str]
"""How it ended, why in one line, and what was seen."""


def play_cell(cell: CampaignCell, report: Path, *, require: bool) -> PlayedCell:
    """Play it; what did not pass writes its report into `report`."""
    if why := changed(cell):
        return Ending.BAD, why, ""
    try:
        return _PLAYERS[cell.kind](cell, report, require)
    except TopologyError as error:
        return Ending.BAD, str(error.faults[0]), "\n".join(map(str, error.faults))
    except (LabError, ReportError) as error:
        return Ending.LAB, str(error), ""


def topology_of_cell(cell: CampaignCell) -> Topology:
    """The topology of a cell without its fault. Raises TopologyError."""
    path = Path(cell.file)
    topology = load(path)  # its own mistakes have their own lines
    if not cell.values and not cell.times:
        return topology
    document = read(read_text(path, LARGEST, "a topology is a YAML file"))
    found = json.loads(json.dumps(document.data, default=str))  # aliases of the text are no longer shared
    apply(found, Variant(cell.values))
    if cell.times:
        found["times"] = {**found.get("times", {}), **dict(cell.times)}
    return checked(located(found, document.line), cell.file, path.parent)


def _scenario(cell: CampaignCell, report: Path, require: bool) -> PlayedCell:
    case = ScenarioCase(Path(cell.file), PurePath(cell.name).name, Variant(cell.values), cell.settings)
    result = play(case, PlayOptions(report=str(report), require_routers=require))
    return _CASES[result.outcome], result.text, result.detail


def _topology(cell: CampaignCell, report: Path, require: bool) -> PlayedCell:
    topology = topology_of_cell(cell)
    if why := lacking(topology):
        return Ending.LAB if require else Ending.SKIPPED, why, ""

    def keep(found: Report) -> None:
        write_report(report, found)

    with scratch("turnup-cell-") as folder:

        async def rehearse() -> tuple[Report, bool]:
            rehearsal = Rehearsal(topology, link_of(topology), True, folder / "capture.pcap")
            return await rehearsal.run_and_keep(keep), rehearsal.refused

        found, refused = run_to_its_end(rehearse())
        ending = Ending.BAD if refused else _REPORTS[found.outcome]
        if ending is Ending.PASSED:
            return ending, "", ""
        keep(found)
    return ending, outcome_sentence(found) if ending is Ending.FAILED else found.errors[0], "\n".join(found.errors)


def _fault(cell: CampaignCell, report: Path, require: bool) -> PlayedCell:
    if not cell.file:
        return _judged(run_fault(FaultCell(cell.fault or HEALTHY, str(cell.value("router")), cell.on)).outcome)
    topology, fault = topology_of_cell(cell), load_fault(cell.fault)
    router = topology.peers[0].router_kind
    breaches = breaches_of(fault, cell.on)
    document = topology.model_dump(mode="json", by_alias=True, exclude_unset=True)
    for breach in breaches:
        if why := unfit(breach.fault, topology, breach.family):
            return Ending.SKIPPED, why, ""
    if why := lacking(_in_namespaces(topology)):
        return Ending.LAB if require else Ending.SKIPPED, why, ""

    def make(folder: Path) -> FaultyLab:
        return build_on(document, breaches, base_of(topology), router, folder)

    def keep(found: Report) -> None:
        write_report(report, found)

    return _judged(rehearsed(make, breaches, expected_of(fault, breaches, router), keep=keep))


def _in_namespaces(topology: Topology) -> Topology:
    return topology.model_copy(update={"link": "netns"})


def _judged(outcome: Outcome) -> PlayedCell:
    ending = _VERDICTS.get(outcome.verdict, Ending.FAILED)
    named = f"{outcome.verdict.value}: named {', '.join(outcome.causes) or 'nothing'}" if not ending.fine else ""
    text = (
        outcome.detail if ending in (Ending.SKIPPED, Ending.LAB) else "; ".join(filter(None, (named, outcome.detail)))
    )
    return ending, "" if ending is Ending.PASSED else text, "\n".join((*outcome.texts, *outcome.findings))


_PLAYERS: Final[dict[CellKind, Callable[[CampaignCell, Path, bool], PlayedCell]]] = {
    CellKind.SCENARIO: _scenario,
    CellKind.TOPOLOGY: _topology,
    CellKind.FAULT: _fault,
}
