"""Read scenario files: variables filled in, the matrix written out, everything checked. Every error has its line."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from simulator.scenarios.checks import problems
from simulator.scenarios.lab_file import topology_of
from simulator.scenarios.model import SUFFIX, PlannedCase, PlannedStep, ScenarioCase, Variant
from simulator.scenarios.schema import MatrixChoice, ScenarioFile, StepOptions
from simulator.topology.document import DocumentError, Position, YamlDocument, read
from simulator.topology.faults import TopologyError, TopologyFault, schema_faults
from simulator.topology.files import FileReadError, read_text
from simulator.topology.suggest import did_you_mean, listed

LARGEST: Final = 1_000_000
"""Octets of a scenario file (simulator)."""
MOST_CASES: Final = 1000
"""Combinations of one file's matrix (simulator)."""
_PLACE: Final = re.compile(r"\$(\$?)\{([^}]*)\}")
_KEYS: Final = ("router", "family", "security")
"""The keys of a matrix that change the lab by themselves."""

ScenarioError = TopologyError
"""What is wrong with a scenario file: `faults`, each with file and line."""


@dataclass(frozen=True, slots=True)
class LoadedScenario:
    """A scenario file as text that is YAML, with a matrix that makes sense; `plan` looks at the rest."""

    file: Path
    name: str
    proves: str
    cases: tuple[ScenarioCase, ...]
    document: YamlDocument = field(repr=False)


def load(file: Path, settings: Mapping[str, str] | None = None) -> LoadedScenario:
    """Read a file; `settings` are variables given beside it. Raises ScenarioError."""
    try:
        document = read(read_text(file, LARGEST, "a scenario is a YAML file"))
    except FileReadError as error:
        raise _wrong(file, 0, str(error)) from None
    except DocumentError as error:
        raise _wrong(file, error.line, str(error)) from None
    if not isinstance(document.data, dict):
        raise _wrong(file, 1, "a scenario is a mapping of keys (name:, proves:, steps:, …)")
    matrix = _matrix(file, document)
    own = document.data.get("variables")
    known = [*(own if isinstance(own, dict) else ()), *(key for key, _ in matrix)]
    for name in settings or {}:
        if name not in known:
            hint = did_you_mean(name, known) or f" (it has: {listed(known)})"
            raise _wrong(file, document.line(("variables",)), f"--set {name}: the file has no such variable{hint}")
    given = tuple((settings or {}).items())
    combinations = itertools.product(*([(key, value) for value in values] for key, values in matrix))
    cases = tuple(ScenarioCase(file, _name(file), Variant(values), given) for values in combinations)
    return LoadedScenario(file, _name(file), str(document.data.get("proves", "")), cases, document)


def plan(scenario: LoadedScenario, case: ScenarioCase, directory: Path) -> PlannedCase:
    """One case with everything filled in and checked; its lab's files are written into `directory`.

    Raises ScenarioError with all that is wrong.
    """
    file, document = scenario.file, scenario.document
    words = _words(scenario, case, directory)
    found: list[TopologyFault] = []

    def filled(value: Any, at: Position) -> Any:
        try:
            return _filled(value, words)
        except LookupError as error:
            found.append(TopologyFault(str(file), document.line(at), document.dotted(at), str(error.args[0])))
            return value

    document = document.mapped(filled)
    if found:
        raise ScenarioError(found)
    try:
        read_file = ScenarioFile.model_validate(document.data)
    except ValidationError as error:
        raise ScenarioError(schema_faults(error, document, str(file), ScenarioFile)) from None
    if read_file.name != scenario.name:
        text = f"its file is called {scenario.name}{SUFFIX}: let them agree"
        raise _wrong(file, document.line(("name",)), text, "name")
    for name, text in read_file.files.items():
        (directory / name).write_text(text, encoding="utf-8")
    topology = topology_of(read_file.topology, read_file.changes, case.variant, document, file)
    steps = tuple(_steps(read_file.steps, case.variant, document, ("steps",)))
    wrong = [
        TopologyFault(str(file), document.line(at), document.dotted(at), text)
        for at, text in problems(read_file, topology, case.variant)
    ]
    if wrong:
        raise ScenarioError(sorted(wrong, key=lambda each: each.line))
    return PlannedCase(case, read_file.proves, topology, steps, read_file.automation == "at-once")


def _wrong(file: Path, line: int, text: str, where: str = "") -> TopologyError:
    return ScenarioError([TopologyFault(str(file), line, where, text)])


def _name(file: Path) -> str:
    return file.name.removesuffix(SUFFIX)


def _matrix(file: Path, document: YamlDocument) -> list[tuple[str, Sequence[Any]]]:
    """The keys that the file gives, those that change the lab first, each with its values."""
    given = document.data.get("matrix", {})
    if not isinstance(given, dict):
        raise _wrong(
            file, document.line(("matrix",)), "a mapping of lists is wanted, such as {router: [bird, frr]}", "matrix"
        )
    try:
        choice = MatrixChoice.model_validate(given)
    except ValidationError as error:
        faults = schema_faults(error, document.part("matrix"), str(file), MatrixChoice)
        raise ScenarioError([replace(each, where=f"matrix.{each.where}") for each in faults]) from None
    chosen: dict[str, Sequence[Any]] = {key: getattr(choice, key) for key in _KEYS if key in choice.model_fields_set}
    chosen |= choice.model_extra or {}
    cases = 1
    for values in chosen.values():
        cases *= len(values)
    if cases > MOST_CASES:
        text = f"the matrix has {cases} combinations: {MOST_CASES} are played"
        raise _wrong(file, document.line(("matrix",)), text, "matrix")
    return list(chosen.items())


def _words(scenario: LoadedScenario, case: ScenarioCase, directory: Path) -> dict[str, Any]:
    """What each `${NAME}` stands for."""
    document = scenario.document
    own = document.data.get("variables")
    fixed = {**dict(case.variant.values), "directory": str(directory)}
    words: dict[str, Any] = {}
    for name, value in own.items() if isinstance(own, dict) else ():
        at = ("variables", name)
        if name in fixed or name in _KEYS:
            text = "this name is the matrix's" if name != "directory" else "this name is the lab's directory"
            raise _wrong(scenario.file, document.line(at), text, document.dotted(at))
        try:
            words[name] = dict(case.settings).get(name, _filled(value, {**words, **fixed}))
        except LookupError as error:
            raise _wrong(scenario.file, document.line(at), str(error.args[0]), document.dotted(at)) from None
    return {**words, **fixed}


def _filled(value: Any, words: Mapping[str, Any]) -> Any:
    """A value with its variables filled in; what is nothing but one variable keeps that one's type. LookupError."""
    if not isinstance(value, str) or "${" not in value:
        return value
    whole = _PLACE.fullmatch(value)
    if whole and not whole[1]:
        return _value(whole[2], words)
    return _PLACE.sub(lambda at: at[0][1:] if at[1] else str(_value(at[2], words)), value)


def _value(name: str, words: Mapping[str, Any]) -> Any:
    if name not in words:
        hint = did_you_mean(name, words) or f" (there are: {listed(words)})"
        raise LookupError(f"there is no variable '{name[:60]}'{hint}")
    return words[name]


def _steps(
    steps: Sequence[StepOptions], variant: Variant, document: YamlDocument, at: Position
) -> Iterator[PlannedStep]:
    for number, step in enumerate(steps):
        here = (*at, number)
        if not variant.suits(step.only_for):
            continue
        never: tuple[Any, ...] = ()
        if step.meanwhile is not None:
            place = (*here, "meanwhile", "never")
            never = tuple((document.line((*place, i)), each) for i, each in enumerate(step.meanwhile.never))
        yield PlannedStep(
            line=document.line((*here, step.name)),
            name=step.name,
            argument=step.argument,
            refused=step.refused,
            within=step.within,
            note=step.note,
            never=never,
            steps=tuple(_steps(step.inner or (), variant, document, (*here, "steps"))),
        )
