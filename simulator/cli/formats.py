"""How every command prints rows: as a table, as JSON with camelCase keys, or as CSV. Imports nothing slow."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer

JsonObject = dict[str, Any]
RowColumns = Sequence[tuple[str, str]]
"""(heading, path into the row with dots) of each column."""


class RowFormat(StrEnum):
    """Names of --format."""

    table = "table"
    json = "json"
    csv = "csv"


FormatOption = Annotated[RowFormat, typer.Option("--format", "-o", envvar="TURNUP_FORMAT", help="How to print it.")]
JsonOption = Annotated[bool, typer.Option("--json", help="The same as --format json.")]


def chosen(how: RowFormat, as_json: bool) -> RowFormat:
    """What `--format` and `--json` say together."""
    return RowFormat.json if as_json else how


def show(
    rows: Sequence[JsonObject] | JsonObject,
    columns: RowColumns,
    how: RowFormat,
    *,
    empty: str = "none",
    style: Callable[[str, JsonObject], str] = lambda heading, row: "",
) -> None:
    """Print rows. `empty`: what a table without any says; `style`: of a table's cell, by its heading."""
    if how is RowFormat.json:
        sys.stdout.write(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
        return
    listed = rows if isinstance(rows, Sequence) else [rows]
    if how is RowFormat.csv:
        write_csv([[heading for heading, _ in columns], *(cells(row, columns) for row in listed)])
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        console.width = 160
    if not listed:
        console.print(empty, style="dim")
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading, path in columns:
        numbers = all(isinstance(at(row, path), int) and not isinstance(at(row, path), bool) for row in listed)
        table.add_column(heading, overflow="fold", justify="right" if numbers else "left")
    for row in listed:
        styled = zip(cells(row, columns), columns, strict=True)
        table.add_row(*(Text(cell, style(heading, row)) for cell, (heading, _) in styled))
    console.print(table, highlight=False, markup=False)


def write_csv(lines: Iterable[Sequence[str]]) -> None:
    """Lines of CSV (RFC 4180, with Unix line ends), at once."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(lines)
    sys.stdout.write(out.getvalue())


def cells(row: JsonObject, columns: RowColumns) -> list[str]:
    """A row's values as text, one a column."""
    return [text(at(row, path)) for _, path in columns]


def at(row: Any, path: str) -> Any:
    """The value at a path; None where the row has no such path."""
    for part in path.split("."):
        row = row.get(part) if isinstance(row, dict) else None
    return row


def text(value: Any) -> str:
    """A value for people: nothing for None, yes and no, a list with commas, an object as its values."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(text, value))
    return " ".join(map(text, value.values())) if isinstance(value, dict) else str(value)
