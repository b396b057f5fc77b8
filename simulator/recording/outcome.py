"""What a replay comes to: the report, what was recorded otherwise, and how two documents differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from simulator.recording.secrets import comes_again
from simulator.report.model import Report
from simulator.topology.schema import Topology
from simulator.views.times import timestamp

Verdicts = dict[str, tuple[str, ...]]
"""Prefix → the rules that reject it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What was computed is not what was recorded."""

    time: float
    text: str

    def __str__(self) -> str:
        return f"{timestamp(self.time)} {self.text}"


@dataclass(slots=True)
class Played:
    """What a replay came to."""

    report: Report
    topology: Topology
    differences: list[Difference]
    """Empty where all came out as recorded."""
    kind: str
    made_by: str
    result: dict[str, Any] | None
    """What the recording says that came of it; None where it was cut off before."""
    cut_off: bool
    tampered: bool
    records: int
    skipped: int
    """Records of what does not happen any more."""
    last: float
    """When the last thing was recorded, in seconds since the epoch."""
    verdicts: dict[str, Verdicts]
    """By session, where they are kept: as its routes were judged when it was looked at last."""
    remarks: tuple[str, ...] = ()
    """What cannot be played, in words."""


def without_checks(document: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    """A result without these checks."""
    return {
        **document,
        "connections": [
            {**each, "checks": [check for check in each["checks"] if check["id"] not in names]}
            for each in document["connections"]
        ],
    }


def plain(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, dict):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def differing(before: Any, now: Any, where: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Where two documents differ: the place, what it was and what it is."""
    if isinstance(before, dict) and isinstance(now, dict):
        for name in dict.fromkeys((*before, *now)):
            yield from differing(before.get(name), now.get(name), f"{where}.{name}" if where else name)
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for number, (old, new) in enumerate(zip(before, now, strict=True)):
            yield from differing(old, new, f"{where}[{_named(old, number)}]")
    elif not comes_again(before, now):
        yield where, before, now


def _named(value: Any, number: int) -> str:
    return str(value["id"]) if isinstance(value, dict) and "id" in value else str(number)
