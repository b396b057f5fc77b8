"""`turnup routes`: the looking glass: what AS8075 would say of every route that a peer announces."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simulator.cli.exit_codes import USAGE, fail
from simulator.cli.formats import FormatOption, JsonOption, RowFormat, chosen
from simulator.cli.options import LinkOption, StateName, StateOption


def routes(
    topology: Annotated[
        str, typer.Argument(metavar="TOPOLOGY|SERVER", help="A topology file, or a running server's URL.")
    ],
    peer: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The peer; may be left out where there is one.", show_default=False),
    ] = None,
    state: StateOption = StateName.validating,
    prefix: Annotated[
        str | None,
        typer.Option(metavar="PREFIX", help="Only this prefix (or address) and what covers it.", show_default=False),
    ] = None,
    rejected: Annotated[bool, typer.Option("--rejected", help="Only what the policy rejects.")] = False,
    how: FormatOption = RowFormat.table,
    as_json: JsonOption = False,
    birdwatcher: Annotated[
        bool, typer.Option("--birdwatcher", help="One JSON document in birdwatcher's shape.")
    ] = False,
    birdwatcher_dir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write birdwatcher's endpoints as files, for Alice-LG.", show_default=False),
    ] = None,
    mrt: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the tables as MRT TABLE_DUMP_V2.", show_default=False)
    ] = None,
    mrt_updates: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the peer's UPDATEs as MRT BGP4MP.", show_default=False)
    ] = None,
    pcap: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the sessions as a pcap, for Wireshark.", show_default=False),
    ] = None,
    link: LinkOption = None,
    deadline: Annotated[
        float | None,
        typer.Option(
            envvar="TURNUP_DEADLINE", min=0.1, metavar="S", help="Wait no longer than this.", show_default=False
        ),
    ] = None,
) -> None:
    """Show every route that a peer announces, with the verdict on it and the rules behind it.

    The table is as BIRD's `show route all` prints it; JSON has one object a line, CSV a route a line.
    A topology's sessions are brought up for it, and taken down again.
    Of a running server (`http://127.0.0.1:8075`) the sessions are shown as they are.

    Example: turnup routes topologies/exchange.yaml --rejected
    """
    from simulator.cli.run import routes as run
    from simulator.tables.output_formats import OutputFormat

    files = run.Files(birdwatcher_dir, mrt, mrt_updates, pcap)
    how = chosen(how, as_json)
    if birdwatcher and as_json:
        fail(USAGE, "--json and --birdwatcher are two shapes: choose one")
    shape = OutputFormat.TEXT if how is RowFormat.table else OutputFormat.JSON
    if birdwatcher:
        shape = OutputFormat.BIRDWATCHER
    as_csv = how is RowFormat.csv and not birdwatcher
    wanted = run.Wanted(peer, state is StateName.active, prefix, rejected, shape, as_csv)
    raise typer.Exit(run.routes(topology, wanted, files, link=link.value if link else None, deadline=deadline))
