"""`turnup check`: the checks of a validation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulator.cli.exit_codes import USAGE, fail
from simulator.cli.formats import FormatOption, RowFormat, show

if TYPE_CHECKING:
    from simulator.cli.check_rows import CheckRow

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="The checks of a validation: list them, or look at one with the causes that explain it.",
)
CheckedTopology = Annotated[
    Path | None,
    typer.Option(
        "--topology",
        metavar="FILE",
        help="With what this topology selects, leaves out, makes strict and adds.",
        show_default=False,
    ),
]
_COLUMNS = (
    ("Id", "id"),
    ("Check", "title"),
    ("When", "when"),
    ("A failure", "failure"),
    ("Rests on", "restsOn"),
    ("Runs", "runs"),
    ("Source", "source"),
)


@app.command("list")
def list_(topology: CheckedTopology = None, how: FormatOption = RowFormat.table) -> None:
    """List every check, those of each rule (R3.…) and your own ones too."""
    from simulator.views.document import document

    rows = [document(row) for row in _rows(topology)]
    if how is not RowFormat.json:
        rows = [{**row, "when": _when(row), "runs": "yes" if row["runs"] else "no"} for row in rows]
    show(rows, _COLUMNS, how)


@app.command("show")
def show_(
    check: Annotated[str, typer.Argument(metavar="ID", help="As `turnup check list` has it: S1, or R3.bogon-prefix.")],
    topology: CheckedTopology = None,
    how: FormatOption = RowFormat.table,
) -> None:
    """Show one check: what it looks at, what a failure does, and every cause that may explain one."""
    from simulator.topology.checks.selection import meant
    from simulator.views.diagnosis import WHO_ACTS
    from simulator.views.document import document

    rows = {row.id: row for row in _rows(topology)}
    if check not in rows:
        fail(USAGE, f"there is no check '{check}'{meant(check, [*rows])}")
    found = rows[check]
    row = document(found)
    if how is RowFormat.json:
        show(row, (), how)
        return
    if how is RowFormat.csv:
        causes = [{**row, **{f"cause.{name}": value for name, value in cause.items()}} for cause in row["causes"]]
        flat = [{**each, "cause": each.get("cause.id"), "side": each.get("cause.side")} for each in causes or [row]]
        show(flat, (*_COLUMNS, ("Cause", "cause"), ("Side", "side")), how)
        return
    typer.echo(f"{found.id}  {found.title}")
    facts = (
        ("when", _when(row)),
        ("a failure", found.failure),
        ("rests on", ", ".join(found.rests_on)),
        ("source", found.source),
        ("runs", "" if found.runs else "no: the topology leaves it out"),
    )
    for name, value in facts:
        if value:
            typer.echo(f"  {name + ':':<11}{value}")
    for cause in found.causes:
        if cause.here:
            typer.echo(f"\n  {cause.id}: {cause.text}\n    who: {WHO_ACTS[cause.side]}\n    do:  {cause.remedy}")
    if others := [cause.id for cause in found.causes if not cause.here]:
        typer.echo(f"\n  It fails too where a session does not come so far: {', '.join(others)}")


def _when(row: dict[str, str]) -> str:
    return f"{row['when']} ({row['only']})" if row["only"] else row["when"]


def _rows(topology: Path | None) -> list[CheckRow]:
    from simulator.cli.check_rows import check_rows
    from simulator.topology.load import TopologyError, load
    from simulator.topology.own_checks import OwnCheckError, selection

    try:
        return check_rows(selection(load(topology, own_files=False)) if topology is not None else None)
    except TopologyError as error:
        fail(USAGE, *map(str, error.faults))
    except OwnCheckError as error:
        fail(USAGE, str(error))
