"""What a campaign runs and what comes of it, as plain data: it crosses from machine to machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import PurePath
from typing import Any


class CellKind(StrEnum):
    """What a cell plays."""

    SCENARIO = "scenario"
    """A scenario file with one combination of its matrix."""
    TOPOLOGY = "topology"
    """A topology's whole life cycle."""
    FAULT = "fault"
    """A fault in a topology, and whether the diagnosis names it."""


@dataclass(frozen=True, slots=True)
class CampaignCell:
    """One rehearsal of a campaign."""

    kind: CellKind
    file: str
    """The scenario or topology; empty: the fault's own base."""
    name: str
    values: tuple[tuple[str, Any], ...] = ()
    """Of the matrix: router, family, security, and a scenario's own."""
    settings: tuple[tuple[str, str], ...] = ()
    """Variables of a scenario that were given beside it."""
    fault: str = ""
    """Its name, or its file."""
    on: str = ""
    """The family that the fault is on."""
    times: tuple[tuple[str, float], ...] = ()
    """Other times of a topology, in seconds."""
    content: str = ""
    """A digest of its files: when one was edited, it is another cell."""
    files: tuple[str, ...] = ()
    """Its own, and those that it names."""
    needs: tuple[str, ...] = ()
    """What a machine must have: `namespaces`, and kinds of routers."""

    def __str__(self) -> str:
        """`exchange[bird-IPv4-md5]+wrong-remote-as/IPv4`."""
        values = "-".join(str(value) for _, value in self.values)
        fault = f"+{PurePath(self.fault).stem}/{self.on}" if self.fault else ""
        return f"{self.label}{f'[{values}]' if values else ''}{fault}"

    @property
    def label(self) -> str:
        """Its file, for people: a scenario may be called as a topology is."""
        return f"{self.name}.scenario" if self.kind is CellKind.SCENARIO else self.name

    @property
    def key(self) -> str:
        """Tells it from every other cell, in this campaign and in one that goes on with it.

        Without its name, in which there is more of its path where another file of the campaign is called the same.
        """
        told = json.dumps({**self.as_json(), "name": ""}, sort_keys=True).encode()
        return hashlib.sha256(told).hexdigest()[:16]

    def value(self, key: str) -> Any:
        """A value of the matrix; empty where it has none of this key."""
        return dict(self.values).get(key, "")

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> CampaignCell:
        """The cell that `as_json` made."""
        pairs = {key: tuple((name, value) for name, value in data[key]) for key in ("values", "settings", "times")}
        lists = {key: tuple(data[key]) for key in ("needs", "files")}
        return cls(**{**data, **pairs, "kind": CellKind(data["kind"]), **lists})


class Ending(StrEnum):
    """How an attempt ended."""

    PASSED = "passed"
    FAILED = "failed"
    """What was expected did not come; of a fault: it was not named first and alone."""
    SKIPPED = "skipped"
    """It cannot be played: a router or a privilege is missing, or the combination makes no sense."""
    BAD = "bad file"
    """A file is wrong: nothing was started."""
    LAB = "lab failed"
    """The lab itself failed."""
    CRASHED = "crashed"
    """Its process ended by itself, or was killed."""
    OVERDUE = "overdue"
    """It took longer than a cell may take, and was ended."""
    LOST = "lost"
    """The machine that ran it was lost, again and again."""

    @property
    def fine(self) -> bool:
        return self in (Ending.PASSED, Ending.SKIPPED)


WORST = (
    *(Ending.BAD, Ending.CRASHED, Ending.OVERDUE, Ending.LOST, Ending.LAB),
    *(Ending.FAILED, Ending.PASSED, Ending.SKIPPED),
)
"""The worst first."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run of one cell, and what came of it."""

    cell: str
    """Its key."""
    number: int
    """From 1: the how manieth time."""
    ending: Ending
    text: str = ""
    """Why, in one line; empty where it passed."""
    detail: str = ""
    """What was seen, in several lines."""
    seconds: float = 0.0
    host: str = ""
    began: float = 0.0
    """Seconds since 1970."""
    report: str = ""
    """The directory of its report, in the campaign's; empty where none was kept."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Attempt:
        """The attempt that `as_json` made. Raises ValueError, TypeError and KeyError for other data."""
        known = {field.name for field in fields(cls)}
        return cls(**{key: value for key, value in data.items() if key in known} | {"ending": Ending(data["ending"])})


@dataclass(frozen=True, slots=True)
class CellOrder:
    """An attempt that is to be made."""

    cell: CampaignCell
    number: int
    limit: float
    """Seconds that it may take."""
    require: bool = False
    """A router or a privilege that is missing fails it."""

    @property
    def key(self) -> str:
        return f"{self.cell.key}-{self.number}"
