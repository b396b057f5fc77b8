"""The tables of docs/scenarios.md, drawn from the tables of steps and expectations themselves."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from pydantic import BaseModel

from simulator.faults.injection import offered
from simulator.faults.schema import RehearsedFault
from simulator.scenarios.conditions import CONDITIONS, Conditions
from simulator.scenarios.schema import MatrixChoice, Never, ScenarioFile, StepOptions
from simulator.scenarios.steps import STEPS
from simulator.scenarios.values import Subject, WhichSessions


def steps() -> str:
    """Every step, by subject."""
    parts = []
    for group, kinds in groupby(STEPS.values(), lambda kind: kind.group):
        rows = [f"| `{kind.name}` | {_keys(kind.takes, kind.short)} | {kind.doc} |" for kind in kinds]
        parts.append("\n".join([f"### {group}", "", "| step | takes | what it does |", "|---|---|---|", *rows]))
    return "\n\n".join(parts)


def _keys(takes: type[Subject], short: str) -> str:
    """The keys of a step's value; the first is what a value without keys stands for."""
    if issubclass(takes, Conditions):
        own = [
            f"`{info.alias or name}`"
            for name, info in takes.model_fields.items()
            if name not in Conditions.model_fields
        ]
        return ", ".join(["expectations", *own])
    names = [str(info.alias or name) for name, info in takes.model_fields.items()]
    ordered = sorted(names, key=lambda name: (name != short, name in Subject.model_fields))
    return ", ".join(f"**`{name}`**" if name == short else f"`{name}`" for name in ordered)


def expectations() -> str:
    """Every expectation, by subject."""
    parts = []
    for group, kinds in groupby(CONDITIONS.values(), lambda kind: kind.group):
        rows = [f"| `{kind.name}` | {kind.doc} |" for kind in kinds]
        parts.append("\n".join([f"### {group}", "", "| key | holds where |", "|---|---|", *rows]))
    return "\n\n".join(parts)


def faults() -> str:
    """Those that a lab that runs can have, and what each needs."""
    rows = [f"| `{fault.name}` | {fault.title} | {_needs(fault)} |" for fault, why in offered() if not why]
    return "\n".join(["| fault | what is wrong | needs |", "|---|---|---|", *rows])


def _needs(fault: RehearsedFault) -> str:
    if any(action.process for action in fault.actions):
        return "a router with a process"
    if any(action.of_link for action in fault.actions):
        return "`link: netns`"
    if any(action.key == "none" for action in fault.actions):
        return "an agreed MD5 key"
    return "a simulated router" if fault.change("simulated").announce is not None else ""


def keys() -> str:
    """The keys of a file, of a step, of the matrix, and of what says which connections are meant."""
    parts: list[tuple[str, type[BaseModel]]] = [
        ("A file", ScenarioFile),
        ("The matrix", MatrixChoice),
        ("Beside what a step does", StepOptions),
        ("Which connections a step is about", Subject),
        ("Which sessions an expectation is about", WhichSessions),
    ]
    return "\n\n".join(_table(title, model) for title, model in parts)


def _table(title: str, model: type[BaseModel]) -> str:
    return "\n".join([f"### {title}", "", "| key | meaning |", "|---|---|", *_rows(model)])


def _rows(model: type[BaseModel]) -> Iterator[str]:
    for name, info in model.model_fields.items():
        needed = " (required)" if info.is_required() else ""
        yield f"| `{info.alias or name}` | {info.description}{needed} |"
    if model is StepOptions:
        inner = Never.model_fields["never"].description
        yield f"| `meanwhile: {{never: …}}` with `steps` | {inner} |"
