"""`turnup preflight`: do both sides' configurations fit? Nothing is started."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from simulator.cli.exit_codes import FAILED, PASSED, USAGE, fail, warn
from simulator.cli.formats import FormatOption, JsonObject, RowColumns, RowFormat, show

if TYPE_CHECKING:
    from simulator.preflight.ends import PreflightRow

_COLUMNS: Final[RowColumns] = (
    ("Session", "session"),
    ("Router", "router"),
    ("Fit", "fit"),
    ("What does not match", "differences"),
)
_CSV: Final[RowColumns] = (
    ("Session", "session"),
    ("Connection", "connection"),
    ("Peering", "peering"),
    ("Peer", "peer"),
    ("Router", "router"),
    ("Edge address", "edgeAddress"),
    ("Router address", "routerAddress"),
    ("Fit", "fit"),
    ("Comes up", "comesUp"),
    ("What does not match", "differences"),
    ("Source", "source"),
)


def preflight(
    topology: Annotated[
        Path, typer.Argument(metavar="TOPOLOGY", help="A topology file, such as topologies/exchange.yaml.")
    ],
    how: FormatOption = RowFormat.table,
    strict: Annotated[
        bool, typer.Option("--strict", help="What would only bite later (a short hold time) counts as well.")
    ] = False,
) -> None:
    """Compare both sides' configurations before any session, one row a session, in Batfish's words.

    The exit code is 1 where a session cannot come up as configured, 2 where a router's own file or the topology cannot
    be read. Example: turnup preflight topologies/exchange-bird.yaml
    """
    raise typer.Exit(_preflight(topology, how, strict=strict))


def _preflight(path: Path, how: RowFormat, *, strict: bool) -> int:
    from simulator.preflight.ends import Fit
    from simulator.preflight.rows import preflight as rows_of
    from simulator.topology.load import TopologyError, load

    try:
        rows = rows_of(load(path))
    except TopologyError as error:
        fail(USAGE, *map(str, error.faults))
    show([_object(row) for row in rows], _CSV if how is RowFormat.csv else _COLUMNS, how, style=_style)
    warn(*dict.fromkeys(note for row in rows for note in row.notes))
    if any(row.fit is Fit.NOT_READ for row in rows):
        return USAGE
    return PASSED if all(row.fine if strict else row.comes_up for row in rows) else FAILED


def _object(row: PreflightRow) -> JsonObject:
    return {
        "session": row.session,
        "connection": row.connection,
        "peering": row.peering,
        "peer": row.peer,
        "router": row.router,
        "edgeAddress": row.edge_address,
        "routerAddress": row.router_address,
        "fit": row.fit.name,
        "meaning": row.fit.value,
        "comesUp": row.comes_up,
        "mismatches": [
            {
                "matter": each.matter.value,
                "agreed": each.agreed,
                "found": each.found,
                "place": each.place or None,
                "breaks": each.breaks,
            }
            for each in row.mismatches
        ],
        "differences": "; ".join(map(str, row.mismatches)) or ("" if row.fit.fits else row.fit.value),
        "source": row.source,
        "notes": list(row.notes),
    }


def _style(heading: str, row: JsonObject) -> str:
    if heading != "Fit":
        return ""
    return "red" if not row["comesUp"] else "yellow" if row["mismatches"] else "green"
