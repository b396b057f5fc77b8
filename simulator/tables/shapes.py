"""What the looking glass prints of sessions' tables, in each of its shapes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from enum import Enum

from simulator.tables import birdwatcher, looking_glass
from simulator.tables.held import Held, SessionTable, covering


class Shape(Enum):
    """The text of `birdc show route all`, one JSON object a line, or one document as birdwatcher answers."""

    TEXT = "text"
    JSON = "json"
    BIRDWATCHER = "birdwatcher"


def shown(table: SessionTable, prefix: str | None, rejected: bool) -> list[Held]:
    """The routes that are asked for. Raises ValueError for a prefix that is none."""
    found = covering(table.routes, prefix) if prefix is not None else list(table.routes)
    return [held for held in found if held.verdict.hits or not rejected]


def lines(
    tables: Sequence[SessionTable],
    shape: Shape,
    prefix: str | None,
    rejected: bool,
    version: str,
    times: birdwatcher.Times,
) -> Iterator[str]:
    """Lines without their ends. Raises ValueError for a prefix that is none."""
    found = {table.session: shown(table, prefix, rejected) for table in tables}
    if shape is Shape.BIRDWATCHER:
        yield json.dumps(birdwatcher.union(list(tables), found, version, times), indent=2)
        return
    for number, table in enumerate(tables):
        if shape is Shape.JSON:
            yield json.dumps(looking_glass.session_row(table, times.long))
            yield from map(json.dumps, looking_glass.rows(table, found[table.session], times.long))
            continue
        if number:
            yield ""
        yield from looking_glass.text(table, found[table.session], times.short)
