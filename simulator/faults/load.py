"""Fault files: those that come with turnup, by name, and users' own, by path. Every error has its file and line."""

from __future__ import annotations

import fnmatch
from importlib.resources import as_file, files
from pathlib import Path

from pydantic import ValidationError

from simulator.faults.schema import ROUTERS, RehearsedFault
from simulator.topology.document import DocumentError, read
from simulator.topology.faults import TopologyError, TopologyFault, schema_faults
from simulator.topology.files import FileReadError, read_text
from simulator.topology.suggest import did_you_mean

_LARGEST = 200_000
"""Octets of a fault file (simulator)."""
_WILD = frozenset("*?[")

FaultFileError = TopologyError
"""What is wrong with a fault file: `faults`, each with file and line."""


def shipped() -> dict[str, Path]:
    """Name → file, of the faults that come with turnup, in the order of their names."""
    with as_file(files("simulator").joinpath("topologies/faults")) as folder:
        return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def load(name: str) -> RehearsedFault:
    """A shipped fault by its name, or the fault of a file. Raises FaultFileError."""
    known = shipped()
    if name in known:
        return parse(known[name])
    path = Path(name)
    if path.suffix in (".yaml", ".yml") or "/" in name or path.is_file():
        return parse(path)
    meant = did_you_mean(name, known) or " (turnup fault list has them all; a path of your own does as well)"
    raise FaultFileError([TopologyFault(name, 0, "", f"there is no such fault{meant}")])


def matching(pattern: str) -> list[str]:
    """The shipped faults that a pattern of a shell (`md5-*`) matches; a name or a path stands for itself. Raises
    FaultFileError where nothing matches."""
    if not _WILD & {*pattern} or Path(pattern).is_file():
        return [pattern]
    found = fnmatch.filter(shipped(), pattern)
    if not found:
        why = "no fault that comes with turnup matches it (turnup fault list has them all)"
        raise FaultFileError([TopologyFault(pattern, 0, "", why)])
    return found


def load_all() -> list[RehearsedFault]:
    """Every shipped fault. Raises FaultFileError."""
    return [parse(path) for path in shipped().values()]


def parse(path: Path) -> RehearsedFault:
    """One file. Raises FaultFileError with all that is wrong with it."""
    try:
        document = read(read_text(path, _LARGEST, "a fault is a YAML file"))
    except FileReadError as error:
        raise FaultFileError([TopologyFault(str(path), 0, "", str(error))]) from None
    except DocumentError as error:
        raise FaultFileError([TopologyFault(str(path), error.line, "", str(error))]) from None
    if not isinstance(document.data, dict):
        raise FaultFileError([TopologyFault(str(path), 1, "", "a fault is a mapping of keys (name:, title:, …)")])
    try:
        fault = RehearsedFault.model_validate(document.data)
    except ValidationError as error:
        raise FaultFileError(schema_faults(error, document, str(path), RehearsedFault)) from None
    wrong = [
        TopologyFault(str(path), document.line((key, router)), f"{key}.{router}", f"there is no such router{meant}")
        for key, table in (("patch", fault.patch), ("not-for", fault.not_for), ("by-router", fault.by_router))
        for router in table
        if router not in ROUTERS
        for meant in (did_you_mean(router, ROUTERS) or f" (one of {', '.join(ROUTERS)})",)
    ]
    if fault.name != path.stem:
        wrong.append(
            TopologyFault(
                str(path), document.line(("name",)), "name", f"its file is called {path.stem}: let them agree"
            )
        )
    if not (fault.expect.causes or fault.expect.refused or fault.pair):
        wrong.append(TopologyFault(str(path), document.line(("expect",)), "expect", "name a cause, or what is refused"))
    if wrong:
        raise FaultFileError(sorted(wrong, key=lambda each: each.line))
    return fault
