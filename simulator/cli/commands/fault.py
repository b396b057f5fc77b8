"""`turnup fault`: mistakes to rehearse, each with the diagnosis that must come of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simulator.cli.formats import FormatOption, RowFormat
from simulator.cli.options import FamilyOption, JobsOption, RouterOption
from simulator.cli.remote import SERVER, ServerOption

app = typer.Typer(
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Mistakes to rehearse, each with the diagnosis that must come of it.",
    epilog="Exit codes: 0 each was named first and alone · 1 one was not · 2 bad usage or bad file · 3 a lab failed.",
)
_NAME = typer.Argument(metavar="NAME", help="One of `turnup fault list`, or a fault file of your own.")


@app.command("list")
def list_(how: FormatOption = RowFormat.table) -> None:
    """List the faults that come with turnup: whose mistake each is, and the cause that must be named."""
    from simulator.cli.run import fault as run

    run.list_all(how)


@app.command()
def show(name: Annotated[str, _NAME]) -> None:
    """Show one fault: its file, and where it applies."""
    from simulator.cli.run import fault as run

    run.show_one(name)


@app.command()
def run(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Names of faults, patterns ('md5-*'), files of your own."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every fault, and every lab without any.")] = False,
    blind: Annotated[
        bool, typer.Option("--blind", help="Find the fault: one is chosen at random, you name it.")
    ] = False,
    router: Annotated[
        list[RouterOption] | None, typer.Option(help="With this router alone. May be repeated.", show_default=False)
    ] = None,
    family: Annotated[
        list[FamilyOption] | None, typer.Option(help="On this family alone. May be repeated.", show_default=False)
    ] = None,
    jobs: JobsOption = None,
    record: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Record each rehearsal here, for `turnup replay`.", show_default=False),
    ] = None,
    write: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the table into this page, where it says so.", show_default=False),
    ] = None,
    how: FormatOption = RowFormat.table,
) -> None:
    """Rehearse faults, and compare each diagnosis with the right one.

    Example: turnup fault run wrong-remote-as 'md5-*' --router frr --family ipv6
    """
    from simulator.cli.run import fault as commands

    routers = [each.value for each in router or ()]
    families = [each.label for each in family or ()]
    if blind:
        raise typer.Exit(commands.run_blind(names or (), routers, families))
    raise typer.Exit(commands.run_faults(names or (), every, routers, families, jobs, write, record, how))


@app.command("on")
def on(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Without one: what is in the lab now.")] = "",
    peer: Annotated[str, typer.Option(help="Whose; the first peer's where omitted.")] = "",
    family: Annotated[FamilyOption | None, typer.Option(help="The first that fits where omitted.")] = None,
    server: ServerOption = SERVER,
    how: FormatOption = RowFormat.table,
) -> None:
    """Put a fault into a lab that `turnup serve` runs; without a name: show those that it has."""
    from simulator.cli.run import served_fault as commands

    chosen = family.label if family is not None else ""
    commands.put_in(name, peer, chosen, server, how)


@app.command("off")
def off(
    fault: Annotated[str, typer.Argument(metavar="[ID|NAME]", help="Without one: all of them.")] = "",
    server: ServerOption = SERVER,
    how: FormatOption = RowFormat.table,
) -> None:
    """Take faults out of a lab that `turnup serve` runs: all is as it was."""
    from simulator.cli.run import served_fault as commands

    commands.take_out(fault, server, how)


@app.command()
def mutate(
    router: Annotated[
        list[RouterOption] | None, typer.Option(help="With this daemon alone. May be repeated.", show_default=False)
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=10_000, help="Mutations of each router's configuration.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Another seed makes other mutations.")] = 1,
    jobs: JobsOption = None,
    how: FormatOption = RowFormat.table,
) -> None:
    """Change one thing in a working configuration, by the hundred: is the matter of the changed line named?

    Example: turnup fault mutate --router bird --count 100
    """
    from simulator.cli.run import fault as commands

    raise typer.Exit(commands.run_mutations([each.value for each in router or ()], count, seed, jobs, how))
