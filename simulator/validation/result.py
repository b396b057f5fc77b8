"""How a check ends."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Status(Enum):
    """`UNSET` is a check that cannot tell yet; it never ends so."""

    SUCCESS = "success"
    FAILURE = "failure"
    ERROR = "error"
    SKIPPED = "skipped"
    UNSET = "unset"


class Blocks(Enum):
    """What a check that does not succeed prevents."""

    ACTIVE = "active"
    REHEARSAL = "rehearsal"
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class Cause:
    """One possible cause and its remedy."""

    id: str
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, with its causes most likely first."""

    status: Status
    evidence: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()
    rests_on: tuple[str, ...] = ()
    """Of a skipped check: the checks that it rests on and that did not succeed."""
    session: str = ""
    """Of several sessions the one that decided, by its addresses; empty where none did."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A check of the catalogue, as it ended."""

    id: str
    title: str
    source: str
    blocks: Blocks
    finding: Finding

    @property
    def holds(self) -> bool:
        """Success; or skipped for want of something to look at, which is not the consequence of a failure."""
        status = self.finding.status
        return status is Status.SUCCESS or (status is Status.SKIPPED and not self.finding.rests_on)

    @property
    def stops(self) -> bool:
        """Whether this result keeps the policy denied, or fails the rehearsal."""
        return self.blocks is not Blocks.WARN and self.finding.status in (Status.FAILURE, Status.ERROR, Status.UNSET)
