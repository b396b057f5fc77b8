"""Where scenario files are: those that come with turnup by their names, and users' own by paths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.resources import as_file, files
from pathlib import Path

from simulator.scenarios.model import SUFFIX
from simulator.topology.faults import TopologyError, TopologyFault
from simulator.topology.suggest import did_you_mean


def shipped() -> dict[str, Path]:
    """Name → file, of the scenarios that come with turnup, in the order of their names."""
    with as_file(files("simulator").joinpath("topologies/scenarios")) as folder:
        return {path.name.removesuffix(SUFFIX): path for path in sorted(folder.glob(f"*{SUFFIX}"))}


def found(paths: Iterable[str]) -> Iterator[Path]:
    """Every scenario file of some files, directories and shipped names. Raises ScenarioError (a TopologyError)."""
    known = shipped()
    for given in paths:
        path = Path(given)
        if given in known and not path.exists():
            yield known[given]
        elif path.is_dir():
            inside = sorted(path.rglob(f"*{SUFFIX}"))
            if not inside:
                raise _wrong(given, f"there is no scenario file (*{SUFFIX}) in this directory")
            yield from inside
        elif not path.exists():
            hint = did_you_mean(given, known) or " (turnup test --shipped --list has those that come with turnup)"
            raise _wrong(given, f"there is no such file, directory or scenario{hint}")
        elif not path.name.endswith(SUFFIX):
            raise _wrong(given, f"a scenario file is called NAME{SUFFIX}")
        else:
            yield path


def _wrong(given: str, text: str) -> TopologyError:
    return TopologyError([TopologyFault(given, 0, "", text)])
