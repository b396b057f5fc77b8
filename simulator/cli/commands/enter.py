"""`turnup enter`: into a node of a lab that runs."""

from __future__ import annotations

from typing import Annotated

import typer

from simulator.cli.formats import FormatOption, RowFormat


def enter(
    node: Annotated[
        str, typer.Argument(metavar="[NODE]", help="A peer, a customer or an edge; where omitted, all are listed.")
    ] = "",
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- COMMAND…]", help="What to run there; where omitted, the router's console."),
    ] = None,
    lab: Annotated[
        str,
        typer.Option(
            envvar="TURNUP_LAB", metavar="NAME|DIR", help="Which lab, where several run: as `turnup enter` lists them."
        ),
    ] = "",
    how: FormatOption = RowFormat.table,
) -> None:
    """Enter a node of a running lab: its router's console, or a shell.

    birdc, vtysh, gobgp and bgpctl ask that router, and none of this machine's. The lab is one that `turnup rehearse
    --hold`, `routes` or `serve` runs on link netns, as the same user. The exit code is the command's.

    Example: turnup enter ash-edge-1 -- ip route
    """
    from simulator.cli.run import enter as run

    run.enter(node, command or [], lab, how)
