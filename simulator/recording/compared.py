"""What another policy, or other data, change in what came of a recording."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from simulator.recording.outcome import Played, Verdicts
from simulator.report.findings import diagnosis_of, verdict
from simulator.report.model import Report

_EXAMPLES: Final = 5
_COUNTS: Final = ("received", "accepted", "rejected", "sent")


@dataclass(frozen=True, slots=True)
class ReplayChange:
    """One thing that comes out otherwise."""

    what: str
    recorded: str
    now: str

    @property
    def row(self) -> dict[str, Any]:
        return {"what": self.what, "recorded": self.recorded, "now": self.now}


def compared(before: Played, now: Played) -> Iterator[ReplayChange]:
    """Outcome, verdicts, states, checks, counts and diagnosis; then the routes whose verdict is another one."""
    old, new = dict(_things(before.report)), dict(_things(now.report))
    for what in dict.fromkeys((*old, *new)):
        if old.get(what, "") != new.get(what, ""):
            yield ReplayChange(what, old.get(what, "-"), new.get(what, "-"))
    for session in dict.fromkeys((*before.verdicts, *now.verdicts)):
        yield from _routes(session, before.verdicts.get(session, {}), now.verdicts.get(session, {}))


def _things(report: Report) -> Iterator[tuple[str, str]]:
    yield "outcome", report.outcome
    yield "diagnosis", "; ".join(f"{cause.id} ({', '.join(cause.sessions)})" for cause in diagnosis_of(report)) or "-"
    for error in report.errors:
        yield f"error: {error}", "yes"
    for connection in report.connections:
        yield f"{connection.id} verdict", verdict(report, connection)
        yield f"{connection.id} states", " → ".join(state.value for state in connection.reached)
        for check in connection.checks:
            yield f"{connection.id} {check.id}", check.status.value
        for session in connection.sessions:
            yield f"{session.id} routes", ", ".join(f"{getattr(session, each)} {each}" for each in _COUNTS)


def _routes(session: str, before: Verdicts, now: Verdicts) -> Iterator[ReplayChange]:
    """By what the verdict was and what it is: how many routes, and the first few."""
    moved: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], list[str]] = {}
    for prefix in dict.fromkeys((*before, *now)):
        change = _word(before, prefix), _word(now, prefix)
        if change[0] != change[1]:
            moved[change] += 1
            shown = examples.setdefault(change, [])
            if len(shown) < _EXAMPLES:
                shown.append(prefix)
    for (was, is_), count in moved.most_common():
        named = ", ".join(examples[was, is_]) + (", …" if count > _EXAMPLES else "")
        yield ReplayChange(f"{session}: {count} route{'s' if count > 1 else ''} ({named})", was, is_)


def _word(verdicts: Mapping[str, tuple[str, ...]], prefix: str) -> str:
    rules = verdicts.get(prefix)
    if rules is None:
        return "not there"
    return f"rejected: {', '.join(rules)}" if rules else "accepted"
