"""The users' own configuration files of a topology, read by the daemons' own parsers before anything is started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.cli.exit_codes import USAGE, fail
from simulator.places.errors import LabError
from simulator.topology.schema import Topology

if TYPE_CHECKING:
    from simulator.routers.own_file import Fault


def require_readable(topology: Topology) -> list[str]:
    """End with exit code 2 where a daemon refuses its file; else what was read, or could not be, one line a file."""
    found, told = read_own_files(topology)
    if found:
        fail(USAGE, *map(str, found))
    return told


def read_own_files(topology: Topology) -> tuple[list[Fault], list[str]]:
    """What the daemons refuse in their files; and what was read, or could not be, one line a file."""
    found: list[Fault] = []
    told: list[str] = []
    for peer in (*topology.peers, *topology.customers):
        path = peer.router_choice.config
        if path is None:
            continue
        from simulator.routers.parsing import faults  # for those who have such a file
        from simulator.routers.registry import ROUTERS

        try:
            own = ROUTERS[peer.router_kind].own_file
            assert own is not None, "the topology was checked"
            wrong = faults(own, path)
        except LabError as error:
            told.append(f"{path}: not checked: {error}")
            continue
        found += wrong
        told.append(f"{path}: no errors for {peer.router_kind}")
    return found, told
