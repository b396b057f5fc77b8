"""`turnup clean`."""

from __future__ import annotations

import typer

from simulator.cli.exit_codes import LAB, fail
from simulator.counts import count_of


def clean() -> None:
    """Remove what an earlier run left behind when it was killed. Running labs are not touched."""
    from simulator.lab.state import clean as remove
    from simulator.lab.state import leftovers
    from simulator.places.errors import LabError

    try:
        found = leftovers()
        for leftover in found:
            for text in remove(leftover):
                typer.echo(text)
    except LabError as error:
        fail(LAB, str(error))
    typer.echo(f"{count_of(len(found), 'leftover')} removed" if found else "nothing was left behind")
