"""What was measured, kept beside the page that shows it: one JSON file, from which tables and pictures are made."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from simulator.bench.machine import Machine

JsonRow = dict[str, Any]
NAME: Final = "measured.json"


class Part(StrEnum):
    """Of the record, and of the page."""

    FIGURES = "figures"
    GROWTH = "growth"


_KEYS: Final = {Part.FIGURES: "figure", Part.GROWTH: "growth"}
"""What names the rows that belong together: what is measured again replaces them all."""


@dataclass(slots=True)
class Measured:
    """The rows of one part, all of one machine and one version."""

    machine: JsonRow = field(default_factory=dict)
    told: str = ""
    """The machine in one line."""
    rows: list[JsonRow] = field(default_factory=list)


class RecordError(Exception):
    """A record that cannot be read: one line."""


def read(file: Path) -> dict[Part, Measured]:
    """All parts; empty ones where there is no file. Raises RecordError and OSError."""
    if not file.exists():
        return {part: Measured() for part in Part}
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return {part: Measured(**found.get(part.value, {})) for part in Part}
    except (ValueError, TypeError, AttributeError) as error:
        raise RecordError(f"{file} is no record of turnup bench: {error}") from None


def write(file: Path, parts: dict[Part, Measured]) -> None:
    """The whole record. Raises OSError."""
    found = {part.value: asdict(measured) for part, measured in parts.items()}
    file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def merged(old: Measured, part: Part, here: Machine, rows: Sequence[JsonRow], order: Sequence[str]) -> Measured:
    """What was measured now, and what is left of before: rows of the same machine that were not measured again.

    `order`: the ids of all that could be measured, as they stand in the table.
    """
    key, machine = _KEYS[part], asdict(here)
    again = {row[key] for row in rows}
    kept = [row for row in old.rows if row.get(key) not in again] if old.machine == machine else []
    places = {name: number for number, name in enumerate(order)}
    together = sorted([*kept, *rows], key=lambda row: places.get(row[key], len(places)))
    return Measured(machine, here.told, together)
