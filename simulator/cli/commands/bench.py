"""`turnup bench`: its options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simulator.cli.formats import FormatOption, JsonOption, RowFormat, chosen

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="How fast turnup is beside real daemons that do the same work on this machine.",
)

QuickOption = Annotated[bool, typer.Option("--quick", help="A tenth of the size, once: to see that it runs.")]
WriteOption = Annotated[
    Path | None,
    typer.Option(
        metavar="PAGE",
        help="Put the tables into this page in Markdown, between its markers, and a picture beside it.",
        show_default=False,
    ),
]
Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Ids of `turnup bench list`; all if none.")]


@app.command("list")
def list_(how: FormatOption = RowFormat.table, as_json: JsonOption = False) -> None:
    """Every figure: what it measures, beside what, and what it aims at."""
    from simulator.cli.run import bench

    bench.list_figures(chosen(how, as_json))


@app.command()
def run(
    ids: Ids = None,
    quick: QuickOption = False,
    repeat: Annotated[int, typer.Option(min=1, metavar="N", help="How often each is measured.")] = 3,
    how: FormatOption = RowFormat.table,
    as_json: JsonOption = False,
    write: WriteOption = None,
) -> None:
    """Measure figures, each beside the daemons that are installed, in the same run.

    It needs network namespaces, and some minutes in which nobody else uses the machine: a figure that was taken while
    others used the CPU is taken again at most twice, and is not judged. Progress goes to standard error. The exit code
    is 1 where something failed; an aim that is missed is a row of the table. Ctrl-C shows what there is so far.
    """
    from simulator.cli.run import bench

    raise typer.Exit(bench.run(ids or [], chosen(how, as_json), quick=quick, repeat=repeat, write=write))


@app.command()
def growth(
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="routes, sessions, peerings, validate or rehearse; all if none."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Stop at a tenth of the greatest size.")] = False,
    how: FormatOption = RowFormat.table,
    as_json: JsonOption = False,
    write: WriteOption = None,
) -> None:
    """Measure how time and memory grow with routes, sessions, peerings and peers, and the exponent (1 is linear).

    A growth takes at most a minute and a half: a point that would take longer is left out, and is a row that says so.
    """
    from simulator.cli.run import bench

    raise typer.Exit(bench.growth(ids or [], chosen(how, as_json), quick=quick, write=write))
