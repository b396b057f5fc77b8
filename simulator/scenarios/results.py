"""What came of a case, as plain data: it crosses from process to process, and every writer reads it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from simulator.scenarios.model import ScenarioCase


class CaseOutcome(Enum):
    """How a case ended."""

    PASSED = "passed"
    FAILED = "failed"
    """An expectation did not hold, or something happened that must not."""
    SKIPPED = "skipped"
    """A router or a privilege is missing."""
    BAD = "bad file"
    """The scenario or its topology is wrong: nothing was started."""
    LAB = "lab failed"
    """The lab itself failed: a missing daemon, no privilege, a port in use."""


@dataclass(frozen=True, slots=True)
class TakenStep:
    """One step that a connection took."""

    flow: str
    source: str
    event: str
    target: str


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case, and what came of it."""

    case: ScenarioCase
    outcome: CaseOutcome
    text: str = ""
    """In one line, `FILE:LINE: …`; empty where it passed."""
    detail: str = ""
    """What was seen, the rule, the remedy, the last events of both axes and where evidence lies; empty without any."""
    seconds: float = 0.0
    report: str = ""
    """The directory of its report; empty where none was written."""
    recording: str = ""
    """Why its recording ended early; empty where it did not, or none was made."""
    steps: tuple[TakenStep, ...] = ()
    """What its connections went through."""
    proves: str = ""


def worst(results: Iterable[CaseResult]) -> CaseOutcome:
    """What decides the exit code: a bad file, a lab that failed, an expectation that failed; else passed."""
    found = {result.outcome for result in results}
    order = (CaseOutcome.BAD, CaseOutcome.LAB, CaseOutcome.FAILED)
    return next((outcome for outcome in order if outcome in found), CaseOutcome.PASSED)
