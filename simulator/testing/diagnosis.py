"""What a test reads of a diagnosis, and what it fails with."""

from __future__ import annotations

from collections.abc import Iterable

from simulator.views.diagnosis import CauseView


class LabAssertionError(AssertionError):
    """Something is not as it is expected: what was seen, the rule, the remedy, the last events, the evidence."""


class Diagnosis:
    """Causes, the first first; truth: there is any."""

    def __init__(self, found: Iterable[CauseView]) -> None:
        self.causes = tuple(found)

    @property
    def first(self) -> SeenCause:
        """What is to be looked at first. Raises LabAssertionError where nothing is wrong."""
        if not self.causes:
            raise LabAssertionError("there is no cause: nothing failed")
        return SeenCause(self.causes[0])

    def __bool__(self) -> bool:
        return bool(self.causes)

    def __repr__(self) -> str:
        return "; ".join(f"{each.id}: {each.text}" for each in self.causes) or "no cause"


class SeenCause:
    """One cause: `cause` is its id in docs/causes.md, or the rule of the policy."""

    def __init__(self, view: CauseView) -> None:
        self.cause, self.side, self.text, self.remedy = view.id, view.side.value, view.text, view.remedy

    def __repr__(self) -> str:
        return f"{self.cause} ({self.side} has to act): {self.text}"
