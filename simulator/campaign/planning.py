"""From files and choices to the cells of a campaign: every combination, with why one cannot be."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Final

from simulator.campaign.model import CampaignCell, CellKind
from simulator.campaign.parcel import digest_of, named_in
from simulator.campaign.playing import topology_of_cell
from simulator.faults.lab import unfit
from simulator.faults.load import load as load_fault
from simulator.faults.load import shipped as shipped_faults
from simulator.faults.schema import FAMILIES, ROUTERS, RehearsedFault
from simulator.places.link import LinkKind
from simulator.scenarios.lab_file import shipped as shipped_topologies
from simulator.scenarios.load import load as load_scenario
from simulator.scenarios.load import plan
from simulator.scenarios.model import SUFFIX, ScenarioCase, Variant
from simulator.scenarios.needs import link_of
from simulator.scenarios.shipped import shipped as shipped_scenarios
from simulator.topology.document import LARGEST, DocumentError, read
from simulator.topology.faults import TopologyError, TopologyFault
from simulator.topology.files import FileReadError, read_text
from simulator.topology.schema import Topology
from simulator.topology.suggest import did_you_mean

EVERY_FAULT: Final = "all"
_KEYS: Final = ("router", "family", "security")
Combinations = Iterator[tuple[CampaignCell, str]]
"""Each cell, with why it cannot be; empty where it can."""


@dataclass(frozen=True, slots=True)
class CampaignChoice:
    """What to combine; what is empty is as the files have it."""

    routers: Sequence[str] = ()
    families: Sequence[str] = ()
    securities: Sequence[str] = ()
    faults: Sequence[str] = ()
    settings: Sequence[tuple[str, str]] = ()
    only: Sequence[str] = ()
    times: Sequence[tuple[str, float]] = ()


@dataclass(slots=True)
class CampaignPlan:
    """What is to be run."""

    cells: list[CampaignCell] = field(default_factory=list)
    unfit: list[tuple[CampaignCell, str]] = field(default_factory=list)
    """Combinations that make no sense, each with the reason."""
    passed_over: list[str] = field(default_factory=list)
    """YAML files of the directories that are neither scenario nor topology."""


def planned(paths: Iterable[str], choice: CampaignChoice, scratch: Path) -> CampaignPlan:
    """The cells of files, directories and shipped names. `scratch`: a directory for what is written to look at cells.

    Raises TopologyError with all that is wrong with any file.
    """
    found, wrong = CampaignPlan(), list[TopologyFault]()
    faults = _faults(choice.faults)
    looked_at: list[tuple[CampaignCell, str]] = []
    given = list(dict.fromkeys(_files(paths, found, wrong)))
    for path in given:
        try:
            of = _scenario_cells if path.name.endswith(SUFFIX) else _topology_cells
            looked_at += of(path, choice, faults, scratch)
        except TopologyError as error:
            wrong += error.faults
    if not any(path.name.endswith(SUFFIX) for path in given):
        of_none = "a variable is a scenario's, and no scenario is here"
        wrong += [TopologyFault(f"--set {name}={value}", 0, "", of_none) for name, value in choice.settings]
    if wrong:
        raise TopologyError(wrong)
    if not given:
        looked_at += _on_bases(faults, choice)
    for cell, why in _told_apart(looked_at):
        if all(text in str(cell) for text in choice.only):
            found.unfit.append((cell, why)) if why else found.cells.append(cell)
    return found


def _told_apart(looked_at: Sequence[tuple[CampaignCell, str]]) -> Combinations:
    """Where several files are called the same, each name has as much of its path as tells it from the others."""
    called: dict[str, set[str]] = {}
    for cell, _ in looked_at:
        called.setdefault(cell.label, set()).add(cell.file)
    before: dict[str, str] = {}
    for same in called.values():
        folders = {file: Path(file).parent.parts[1:] for file in same}
        deepest = max(map(len, folders.values()))
        short = next(
            (n for n in range(1, deepest) if len({parts[-n:] for parts in folders.values()}) == len(same)), deepest
        )
        before |= {file: "/".join((*parts[-short:], "")) for file, parts in folders.items() if len(same) > 1}
    for cell, why in looked_at:
        yield replace(cell, name=before.get(cell.file, "") + cell.name), why


def every_shipped() -> list[str]:
    """The paths of all scenarios and topologies that come with turnup."""
    return [*map(str, shipped_scenarios().values()), *(str(_shipped_topology(name)) for name in shipped_topologies())]


def _shipped_topology(name: str) -> Path:
    with as_file(files("simulator").joinpath(f"topologies/{name}.yaml")) as path:
        return path


# --- files ---


def _files(paths: Iterable[str], found: CampaignPlan, wrong: list[TopologyFault]) -> Iterator[Path]:
    scenarios, topologies = shipped_scenarios(), shipped_topologies()
    for given in paths:
        path = Path(given)
        if path.is_dir():
            inside = [file for file in sorted(path.rglob("*.y*ml")) if file.suffix in (".yaml", ".yml")]
            yes = [file for file in inside if file.name.endswith(SUFFIX) or _is_topology(file)]
            found.passed_over += [str(file) for file in inside if file not in yes]
            if not yes:
                wrong.append(TopologyFault(given, 0, "", "there is no scenario and no topology in this directory"))
            yield from map(_whole, yes)
        elif path.exists():
            yield _whole(path)
        elif given in scenarios or given in topologies:
            if given in scenarios:
                yield scenarios[given]
            if given in topologies:
                yield _shipped_topology(given)
        else:
            known = [*scenarios, *topologies]
            hint = did_you_mean(given, known) or " (turnup campaign --shipped --list has those that come with turnup)"
            wrong.append(TopologyFault(given, 0, "", f"there is no such file, directory or shipped name{hint}"))


def _whole(path: Path) -> Path:
    """A file by one path, however it was named; a link keeps its own name, and the files beside it."""
    return Path(os.path.realpath(path.parent), path.name)


def _is_topology(file: Path) -> bool:
    """Whether a YAML file has the keys of one; what cannot be read as YAML is looked at closer, and told."""
    try:
        data = read(read_text(file, LARGEST, "a topology is a YAML file")).data
    except (FileReadError, DocumentError):
        return True
    return isinstance(data, dict) and "peerings" in data and "steps" not in data


# --- combinations ---


def _scenario_cells(path: Path, choice: CampaignChoice, faults: Sequence[str], scratch: Path) -> Combinations:
    """The file's matrix; a choice narrows a key that it has, and adds a router or a security that it lacks. A scenario
    without a family is about both."""
    scenario = load_scenario(path, dict(choice.settings))
    chosen = dict(zip(_KEYS, (choice.routers, choice.families, choice.securities), strict=True))
    for case in scenario.cases:
        has = dict(case.variant.values)
        if any(wanted and key in has and has[key] not in wanted for key, wanted in chosen.items()):
            continue
        lacks = [
            [(key, value) for value in wanted]
            for key, wanted in chosen.items()
            if wanted and key not in has and key != "family"
        ]
        for added in itertools.product(*lacks):
            values = tuple(sorted((*case.variant.values, *added), key=_in_order))
            cell = CampaignCell(CellKind.SCENARIO, str(path), scenario.name, values, tuple(choice.settings))
            try:
                ready = plan(scenario, ScenarioCase(path, scenario.name, Variant(values), cell.settings), scratch)
            except TopologyError as error:
                if not added:
                    raise
                yield cell, f"it does not fit: {error.faults[0].text}"
                continue
            beside = [file.absolute() for file in named_in(ready.topology) if scratch not in file.parents]
            if isinstance(base := scenario.document.data.get("topology"), str) and (path.parent / base).is_file():
                beside.append((path.parent / base).absolute())
            yield _told(cell, ready.topology, beside), ""


def _topology_cells(path: Path, choice: CampaignChoice, faults: Sequence[str], scratch: Path) -> Combinations:
    """Every combination of what is chosen; each without a fault, and with each fault on each family."""
    cell = CampaignCell(CellKind.TOPOLOGY, str(path), path.stem, times=tuple(choice.times))
    plain = topology_of_cell(cell)
    if any(peer.is_external for peer in plain.peers):
        yield cell, "its router stands outside of the lab: nobody is there to start it"
        return
    lab = [
        [(key, value) for value in wanted]
        for key, wanted in (("router", choice.routers), ("security", choice.securities))
        if wanted
    ]
    families = choice.families
    for values in itertools.product(*lab):
        for family in families or ("",):
            of_family = (("family", family),) if family else ()
            yield _looked_at(replace(cell, values=tuple(sorted((*values, *of_family), key=_in_order))), plain)
        for fault in faults:
            for family in families or FAMILIES:
                yield _looked_at(replace(cell, kind=CellKind.FAULT, values=values, fault=fault, on=family), plain)


def _in_order(pair: tuple[str, Any]) -> int:
    return _KEYS.index(pair[0]) if pair[0] in _KEYS else len(_KEYS)


def _looked_at(cell: CampaignCell, plain: Topology) -> tuple[CampaignCell, str]:
    try:
        topology = topology_of_cell(cell) if cell.values else plain
    except TopologyError as error:
        return cell, f"it does not fit: {error.faults[0].text}"
    wanted = cell.value("router")
    kinds = [node.router_kind for node in (*topology.peers, *topology.customers)]
    if wanted and wanted not in kinds:
        return cell, "its routers have files of their own, or are of a kind that no other can stand for"
    if cell.fault:
        if why := unfit(_named(cell.fault), topology, cell.on):
            return cell, why
        topology = topology.model_copy(update={"link": "netns"})
    return _told(cell, topology, [file.absolute() for file in named_in(topology)]), ""


def _told(cell: CampaignCell, topology: Topology, beside: Iterable[Path]) -> CampaignCell:
    """With what it needs: of a machine, and of files."""
    fault = [cell.fault] if cell.fault and Path(cell.fault).is_absolute() else []
    named = tuple(sorted({cell.file, *fault, *map(str, beside)}))
    return replace(cell, needs=_needs(topology), files=named, content=digest_of(named))


def _needs(topology: Topology) -> tuple[str, ...]:
    kinds = {node.router_kind for node in (*topology.peers, *topology.customers)} & set(ROUTERS) - {"simulated"}
    return tuple(sorted(kinds | ({"namespaces"} if link_of(topology) is not LinkKind.LOOPBACK else set())))


# --- faults ---


def _faults(names: Iterable[str]) -> list[str]:
    """Names, and whole paths of users' own. Raises TopologyError."""
    wanted = dict.fromkeys(each for name in names for each in (shipped_faults() if name == EVERY_FAULT else (name,)))
    found = [name if name in shipped_faults() else str(Path(name).absolute()) for name in wanted if _named(name)]
    return list(dict.fromkeys(found))


_known: dict[str, RehearsedFault] = {}


def _named(name: str) -> RehearsedFault:
    """A fault's file is read once. Raises TopologyError."""
    if name not in _known:
        _known[name] = load_fault(name)
    return _known[name]


def _on_bases(faults: Sequence[str], choice: CampaignChoice) -> Combinations:
    """Each fault in the lab that it is written for, as `turnup fault run` rehearses it."""
    for name in faults:
        fault = _named(name)
        for router in choice.routers or ROUTERS:
            for family in choice.families or FAMILIES:
                needs = tuple(sorted({"namespaces", router} - {"simulated"}))
                values = (("router", router),)
                cell = CampaignCell(CellKind.FAULT, "", fault.base, values, fault=name, on=family, needs=needs)
                yield cell, fault.inapplicable(router, family)
