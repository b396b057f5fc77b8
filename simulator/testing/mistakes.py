"""Mistakes in a lab that is not up yet: whether one fits the lab, and the lab that has it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from simulator.faults.cell import breaches_of
from simulator.faults.lab import Breach, FaultError, FaultyLab, base_of, build_on, unfit
from simulator.faults.load import FaultFileError, load, shipped
from simulator.places.errors import LabError
from simulator.scenarios.values import FamilyWord
from simulator.topology.schema import Topology


def breaches(topology: Topology, name: str, family: FamilyWord) -> list[Breach]:
    """What a fault breaks: a shipped one by its name or the beginning of it, or a file. Raises LabError where it does
    not fit the topology, with the reason."""
    try:
        fault = load(in_full(name))
    except FaultFileError as error:
        raise LabError(str(error)) from None
    found = breaches_of(fault, family)
    why = next(filter(None, (unfit(each.fault, topology, each.family) for each in found)), "")
    if why:
        raise LabError(f"the fault {fault.name} does not fit {topology.name}: {why}")
    return found


def faulty(topology: Topology, broken: Sequence[Breach], scratch: Path) -> FaultyLab:
    """The lab that has them; its files go into `scratch`. Raises LabError."""
    document = topology.model_dump(mode="json", by_alias=True, exclude_unset=True)
    try:
        return build_on(document, broken, base_of(topology), topology.peers[0].router_kind, scratch)
    except FaultError as error:
        raise LabError(str(error)) from None


def in_full(fault: str) -> str:
    """The name of the one shipped fault that begins so; else what was given."""
    found = [name for name in shipped() if name.startswith(f"{fault}-")]
    return found[0] if len(found) == 1 and fault not in shipped() else fault
