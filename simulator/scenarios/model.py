"""A scenario that was read and checked: what is played, in which lab, with which values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulator.scenarios.conditions import Conditions
from simulator.scenarios.schema import MatrixChoice
from simulator.topology.schema import Topology

SUFFIX = ".scenario.yaml"
"""How a scenario file's name ends."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One combination of the matrix: the value of each of its keys that the file has."""

    values: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        """`bird-IPv4-md5`; empty without a matrix."""
        return "-".join(str(value) for _, value in self.values)

    def get(self, key: str) -> Any:
        """None where the matrix has no such key."""
        return dict(self.values).get(key)

    def suits(self, choice: MatrixChoice | None) -> bool:
        """Whether a step that is only for some values is for these; what the matrix lacks is not asked for."""
        if choice is None:
            return True
        wanted: Mapping[str, Any] = {**choice.model_dump(include=choice.model_fields_set), **(choice.model_extra or {})}
        return all(value in wanted.get(key, [value]) for key, value in self.values)


@dataclass(frozen=True, slots=True)
class ScenarioCase:
    """One scenario with one combination of its matrix: what is played at once, and has a verdict."""

    file: Path
    name: str
    variant: Variant
    settings: tuple[tuple[str, str], ...] = ()
    """Variables that were given beside the file."""

    def __str__(self) -> str:
        return f"{self.name}[{self.variant}]" if str(self.variant) else self.name


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step, with its place in the file."""

    line: int
    name: str
    """Of the table of steps; `meanwhile` for a group."""
    argument: Any
    """As its row of the table says; None for a group."""
    refused: str | None = None
    """A regular expression of the refusal that is expected; None: it is to be done."""
    within: float | None = None
    """Seconds; None: what is usual."""
    note: str = ""
    never: tuple[tuple[int, Conditions], ...] = ()
    """What must not be while a group's steps are taken, each with its line."""
    steps: tuple[PlannedStep, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedCase:
    """A case that is ready to be played."""

    case: ScenarioCase
    proves: str
    topology: Topology = field(repr=False)
    steps: tuple[PlannedStep, ...] = field(repr=False)
    automation: bool = True
    """Microsoft's automation goes on by itself; False: `advance` does each of its steps."""

    @property
    def wants_traffic(self) -> bool:
        """Whether any step looks at traffic."""
        return any(_wants_traffic(step) for step in self.steps)

    def where(self, line: int) -> str:
        """`FILE:LINE`."""
        return f"{self.case.file}:{line}"


def _wants_traffic(step: PlannedStep) -> bool:
    looked = isinstance(step.argument, Conditions) and step.argument.traffic is not None
    return looked or any(map(_wants_traffic, step.steps))
