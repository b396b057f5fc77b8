"""What the session policy says of a route, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class RouteOutcome(Enum):
    """`withhold` is a route that would be accepted, under a policy that is still DENY ALL."""

    ACCEPT = "accept"
    REJECT = "reject"
    WITHHOLD = "withhold"


@dataclass(frozen=True, slots=True)
class Hit:
    """One rule that fired, with the offending value."""

    rule: str
    value: str
    explanation: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.explanation} ({self.value})"


Hits = tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome and every rule that fired, not only the first."""

    outcome: RouteOutcome
    hits: Hits = ()
