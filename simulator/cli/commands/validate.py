"""`turnup validate`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulator.cli.exit_codes import USAGE, warn
from simulator.cli.formats import FormatOption, JsonObject, RowFormat, show
from simulator.counts import count_of

if TYPE_CHECKING:
    from simulator.topology.schema import Topology

_PLACEHOLDER = re.compile(r"#\s*placeholder:\s*(\S.*?)\s*$")
_COLUMNS = (("File", "file"), ("Line", "line"), ("Key", "key"), ("Fault", "text"), ("Notes", "notes"))


def validate(
    topologies: Annotated[
        list[str], typer.Argument(metavar="TOPOLOGY…", help="Topology files; - reads one from standard input.")
    ],
    how: FormatOption = RowFormat.table,
) -> None:
    """Lint a topology: every error with file, line and what to do. Nothing is started.

    A router's own configuration file is read by the daemon's own parser, where the daemon is installed. Of several
    files each is looked at; the exit code is 2 where one of them has an error.
    """
    results = []
    for name in topologies:
        results.append(_look_at(name))
        if how is RowFormat.table:
            _print(results[-1])
    if how is RowFormat.json:
        show(results, (), how)
    elif how is RowFormat.csv:
        show([row for result in results for row in _rows(result)], _COLUMNS, how)
    if any(result["faults"] for result in results):
        raise SystemExit(USAGE)


def _look_at(name: str) -> JsonObject:
    """A file with its faults; without one also with what it has and what was read beside it."""
    from simulator.cli.own_files import read_own_files
    from simulator.topology.load import TopologyError
    from simulator.topology.plan import plans

    result: JsonObject = {"file": _title(name), "faults": [], "notes": []}
    try:
        found = _read(name)
    except TopologyError as error:
        result["faults"] = [
            {"file": each.file, "line": each.line or None, "key": each.where, "text": each.text}
            for each in error.faults
        ]
        return result
    refused, notes = read_own_files(found)
    result["notes"] = [*notes, *_placeholders(name)]
    result["faults"] = [
        {"file": each.file, "line": each.line or None, "key": "", "text": each.text} for each in refused
    ]
    sessions = plans(found)
    return result | {
        "peerings": len(found.peerings),
        "connections": len({plan.connection for plan in sessions}),
        "sessions": len(sessions),
    }


def _placeholders(name: str) -> Iterator[str]:
    """What `turnup init` did not know, with its line."""
    if name == "-":
        return
    for number, line in enumerate(Path(name).read_text(encoding="utf-8").splitlines(), 1):
        found = _PLACEHOLDER.search(line)
        if found is not None:
            yield f"{name}:{number}: a placeholder: put in {found[1]}"


def _print(result: JsonObject) -> None:
    for fault in result["faults"]:
        place = f"{fault['file']}:{fault['line']}" if fault["line"] else fault["file"]
        warn(": ".join(filter(None, (place, fault["key"], fault["text"]))))
    if result["faults"]:
        return
    for note in result["notes"]:
        typer.echo(note)
    words = ", ".join(count_of(result[f"{what}s"], what) for what in ("peering", "connection", "session"))
    typer.echo(f"{result['file']}: no errors: {words}")


def _rows(result: JsonObject) -> Iterator[JsonObject]:
    """A row a fault; one for a file without any."""
    yield from result["faults"] or [{"file": result["file"], "notes": result["notes"]}]


def _read(name: str) -> Topology:
    """Raises TopologyError."""
    from simulator.topology.load import TopologyError, TopologyFault, load, parse

    if name != "-":
        return load(Path(name))
    try:
        text = sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise TopologyError([TopologyFault(_title(name), 1, "", f"this is no UTF-8 ({error.reason})")]) from None
    return parse(text, _title(name))


def _title(name: str) -> str:
    return "standard input" if name == "-" else name
