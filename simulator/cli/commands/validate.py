"""`turnup validate`."""

from __future__ import annotations

import typer

from simulator.cli.exit_codes import USAGE, fail
from simulator.cli.options import TopologyFile


def validate(topology: TopologyFile) -> None:
    """Lint a topology: every error with file, line and what to do. Nothing is started.

    A router's own configuration file is read by the daemon's own parser, where the daemon is installed.
    """
    from simulator.cli.own_files import require_readable
    from simulator.topology.load import TopologyError, load
    from simulator.topology.plan import plans

    try:
        found = load(topology)
    except TopologyError as error:
        fail(USAGE, *map(str, error.faults))
    for line in require_readable(found):
        typer.echo(line)
    sessions = plans(found)
    connections = len({plan.connection for plan in sessions})
    typer.echo(
        f"{topology}: no errors: {len(found.peerings)} peerings, {connections} connections, {len(sessions)} sessions"
    )
