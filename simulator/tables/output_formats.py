"""What the looking glass prints of sessions' tables, in each of its shapes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from enum import Enum

from simulator.tables import birdwatcher, looking_glass
from simulator.tables.received_routes import ReceivedRoute, SessionTable, covering


class OutputFormat(Enum):
    """The text of `birdc show route all`, one JSON object a line, or one document as birdwatcher answers."""

    TEXT = "text"
    JSON = "json"
    BIRDWATCHER = "birdwatcher"


def selected_routes(table: SessionTable, prefix: str | None, rejected: bool) -> list[ReceivedRoute]:
    """The wanted routes. Raises ValueError for text that is not a prefix."""
    found = covering(table.routes, prefix) if prefix is not None else list(table.routes)
    return [held for held in found if held.verdict.hits or not rejected]


def lines(
    tables: Sequence[SessionTable],
    shape: OutputFormat,
    prefix: str | None,
    rejected: bool,
    version: str,
    times: birdwatcher.TimeFormats,
) -> Iterator[str]:
    """Lines without their ends. Raises ValueError for text that is not a prefix."""
    found = {table.session: selected_routes(table, prefix, rejected) for table in tables}
    if shape is OutputFormat.BIRDWATCHER:
        yield json.dumps(birdwatcher.union(list(tables), found, version, times), indent=2)
        return
    for number, table in enumerate(tables):
        if shape is OutputFormat.JSON:
            yield json.dumps(looking_glass.session_row(table, times.long))
            yield from map(json.dumps, looking_glass.rows(table, found[table.session], times.long))
            continue
        if number:
            yield ""
        yield from looking_glass.text(table, found[table.session], times.short)
