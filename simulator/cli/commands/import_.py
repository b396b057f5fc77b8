"""`turnup import`: its options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simulator.cli.formats import JsonOption, RowFormat, chosen


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="pcap, pcapng or MRT (BGP4MP); gzip and bzip2 too.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="RECORDING", help="Write the recording here.")],
    topology: Annotated[
        Path | None,
        typer.Option(
            metavar="TOPOLOGY",
            help="The sessions are those of this topology; without one it is made of what is seen.",
            show_default=False,
        ),
    ] = None,
    edge: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="An address of Microsoft's edge, where no OPEN in the file tells which side is AS8075.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a recording of a packet capture, or of MRT messages.

    What happened in the field can then be played again, and judged.

    What cannot be used is counted. Exit codes: 0 all of it is used, 1 something is not, 2 nothing can be.
    """
    from simulator.cli.run.import_ import import_file

    raise typer.Exit(import_file(file, output, topology, edge, chosen(RowFormat.table, as_json)))
