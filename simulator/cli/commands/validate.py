"""`turnup validate`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulator.cli.exit_codes import USAGE, warn

if TYPE_CHECKING:
    from simulator.topology.schema import Topology


def validate(
    topologies: Annotated[
        list[str], typer.Argument(metavar="TOPOLOGY…", help="Topology files; - reads one from standard input.")
    ],
) -> None:
    """Lint a topology: every error with file, line and what to do. Nothing is started.

    A router's own configuration file is read by the daemon's own parser, where the daemon is installed. Of several
    files each is looked at; the exit code is 2 where one of them has an error.
    """
    sound = [_sound(name) for name in topologies]
    if not all(sound):
        raise SystemExit(USAGE)


def _sound(name: str) -> bool:
    """Whether a file has no error; its errors and what was read are printed."""
    from simulator.cli.own_files import require_readable
    from simulator.topology.load import TopologyError
    from simulator.topology.plan import plans

    try:
        found = _read(name)
        lines = require_readable(found)
    except TopologyError as error:
        warn(*map(str, error.faults))
        return False
    except SystemExit:  # a daemon refused a file, and its words are printed
        return False
    for line in lines:
        typer.echo(line)
    sessions = plans(found)
    counts = ((len(found.peerings), "peerings"), (len({plan.connection for plan in sessions}), "connections"))
    words = ", ".join(f"{count} {what}" for count, what in (*counts, (len(sessions), "sessions")))
    typer.echo(f"{_title(name)}: no errors: {words}")
    return True


def _read(name: str) -> Topology:
    """Raises TopologyError."""
    from simulator.topology.load import TopologyError, TopologyFault, load, parse

    if name != "-":
        return load(Path(name))
    try:
        text = sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise TopologyError([TopologyFault(_title(name), 1, "", f"this is no UTF-8 ({error.reason})")]) from None
    return parse(text, _title(name))


def _title(name: str) -> str:
    return "standard input" if name == "-" else name
