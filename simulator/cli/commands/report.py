"""`turnup report`: what became different between two rehearsals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from simulator.cli.exit_codes import FAILED, USAGE, fail
from simulator.cli.formats import FormatOption, RowFormat, show

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Compare the reports of two rehearsals.",
)
_COUNTS = ("received", "accepted", "rejected", "sent")


@app.callback()
def report() -> None:
    """Compare the reports of two rehearsals."""


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A report's directory, or its report.json.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="Another one.")],
    how: FormatOption = RowFormat.table,
) -> None:
    """Show what is different: outcomes, connections, checks and routes. Times do not count.

    Exit codes: 0 nothing is different, 1 something is, 2 one of them is no report.
    """
    rows = [{"what": what, "old": before, "new": after} for what, before, after in _differences(_read(old), _read(new))]
    if rows or how is not RowFormat.table:
        show(rows, (("What", "what"), ("Old", "old"), ("New", "new")), how)
    else:
        typer.echo("nothing is different")
    if rows:
        raise typer.Exit(FAILED)


def _read(path: Path) -> dict[str, str]:
    """Thing → how it is, for each thing that is compared."""
    file = path / "report.json" if path.is_dir() else path
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return dict(_things(found))
    except OSError as error:
        fail(USAGE, f"{file}: {error.strerror}")
    except (ValueError, KeyError, TypeError, AttributeError):
        fail(USAGE, f"{file}: this is no report.json of `turnup rehearse`")


def _things(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "outcome", str(report["outcome"])
    for connection in report["connections"]:
        name = connection["id"]
        yield f"{name} verdict", str(connection["verdict"])
        yield f"{name} states", " → ".join(connection["reached"])
        for check in connection["checks"]:
            yield f"{name} {check['id']}", str(check["status"])
        for session in connection["sessions"]:
            yield f"{session['id']} routes", ", ".join(f"{session[count]} {count}" for count in _COUNTS)


def _differences(old: dict[str, str], new: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    for what in dict.fromkeys([*old, *new]):
        if old.get(what) != new.get(what):
            yield what, old.get(what, "-"), new.get(what, "-")
