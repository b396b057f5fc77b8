"""The labs that run now, and how a person enters one of their nodes from another terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from simulator.lab.state import LabState, running_directories
from simulator.places.errors import writing

_NODES = "nodes.json"
EDGE = "edge"


@dataclass(frozen=True, slots=True)
class RunningNode:
    """An edge or a router of a running lab."""

    name: str
    router: str
    """Its kind; `EDGE` for an edge of AS8075's."""
    directory: str
    """Where its files and sockets are."""
    enter: tuple[str, ...]
    """The command in front of one that is to run there; empty where the node has no network namespace."""


@dataclass(frozen=True, slots=True)
class RunningLab:
    """A lab that another process of this user runs."""

    directory: Path
    name: str
    """The directory's name: the topology's and the process's id."""
    nodes: tuple[RunningNode, ...]


def record_nodes(state: LabState, nodes: Iterable[RunningNode]) -> None:
    """Write down what `running_labs` reads. Raises LabError where the disk is full."""
    fresh = state.directory / f".{_NODES}"
    with writing(state.directory):
        fresh.write_text(json.dumps([asdict(node) for node in nodes]))
    fresh.rename(state.directory / _NODES)  # whole, or not there


def running_labs() -> list[RunningLab]:
    """Those of this user, oldest first. Raises LabError for a state directory that cannot be used."""
    found = []
    for directory in running_directories():
        try:
            rows = json.loads((directory / _NODES).read_text())
            nodes = tuple(RunningNode(**{**row, "enter": tuple(row["enter"])}) for row in rows)
        except (OSError, ValueError, TypeError, KeyError):
            continue  # it is not built yet, or is being taken down
        found.append(RunningLab(directory, directory.name, nodes))
    return found
