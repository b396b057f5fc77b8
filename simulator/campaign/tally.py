"""What a campaign came to: each cell with all its attempts, the worst first, and how long the rest will take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from simulator.campaign.model import WORST, Attempt, CampaignCell, Ending
from simulator.counts import count_of

FLAKY: Final = "flaky"
"""Some attempts passed, and some did not."""


@dataclass(frozen=True, slots=True)
class CellTally:
    """One cell, and what came of it."""

    cell: CampaignCell
    attempts: tuple[Attempt, ...]
    """By number."""

    @property
    def worst(self) -> Attempt:
        """The attempt that tells what is wrong; of one that passed, its first."""
        return min(self.attempts, key=lambda attempt: (WORST.index(attempt.ending), attempt.number))

    @property
    def passed(self) -> int:
        return sum(attempt.ending is Ending.PASSED for attempt in self.attempts)

    @property
    def is_flaky(self) -> bool:
        return self.passed > 0 and not self.worst.ending.fine

    @property
    def outcome(self) -> str:
        """In a word or two: `flaky`, or how its worst attempt ended."""
        return FLAKY if self.is_flaky else self.worst.ending.value

    @property
    def seconds(self) -> float:
        """The mean of its attempts."""
        return sum(attempt.seconds for attempt in self.attempts) / len(self.attempts)

    @property
    def hosts(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(attempt.host for attempt in self.attempts if attempt.host))

    def as_row(self) -> dict[str, Any]:
        """For tables, JSON and CSV."""
        cell, worst = self.cell, self.worst
        return {
            "cell": str(cell),
            "kind": cell.kind.value,
            "outcome": self.outcome,
            "passed": self.passed,
            "attempts": len(self.attempts),
            "seconds": round(self.seconds, 3),
            "hosts": list(self.hosts),
            "text": worst.text,
            "detail": worst.detail,
            "report": worst.report,
            "values": dict(cell.values),
            "fault": cell.fault,
            "file": cell.file,
            "key": cell.key,
        }


def tallied(cells: Iterable[CampaignCell], attempts: Iterable[Attempt]) -> list[CellTally]:
    """Every cell of which there is an attempt: what did not pass first, the flaky ones after it."""
    by: dict[str, dict[int, Attempt]] = {}
    for attempt in attempts:
        by.setdefault(attempt.cell, {}).setdefault(attempt.number, attempt)
    found = [
        CellTally(cell, tuple(attempt for _, attempt in sorted(by[cell.key].items())))
        for cell in cells
        if cell.key in by
    ]
    return sorted(found, key=_rank)


def _rank(tally: CellTally) -> tuple[int, int]:
    """Of equals the order of the plan is kept."""
    return (int(tally.is_flaky) if not tally.worst.ending.fine else 2, WORST.index(tally.worst.ending))


def counts(tallies: Sequence[CellTally]) -> dict[str, int]:
    """Outcome → cells."""
    return dict(Counter(tally.outcome for tally in tallies))


def in_words(tallies: Sequence[CellTally], left: int = 0) -> str:
    """`41 cells: 2 failed, 1 flaky, 38 passed`."""
    words = [f"{count} {outcome}" for outcome, count in counts(tallies).items()]
    rest = f"; {count_of(left, 'attempt')} not made" if left else ""
    return f"{count_of(len(tallies), 'cell')}: {', '.join(words) or 'none was played'}{rest}"


def worst_of(tallies: Iterable[CellTally]) -> Ending:
    """What decides the exit code."""
    return min((tally.worst.ending for tally in tallies), key=WORST.index, default=Ending.PASSED)


def hosts(attempts: Iterable[Attempt]) -> Mapping[str, tuple[int, float]]:
    """Host → attempts, and the seconds that they took there together."""
    found: dict[str, tuple[int, float]] = {}
    for attempt in attempts:
        count, seconds = found.get(attempt.host, (0, 0.0))
        found[attempt.host] = count + 1, seconds + attempt.seconds
    return found


@dataclass(slots=True)
class CampaignProgress:
    """How far it is."""

    total: int
    done: int = 0
    failed: int = 0
    lanes: int = 1
    """Attempts at once."""
    seconds: float = 0.0
    """What those done took together."""

    def add(self, attempt: Attempt) -> None:
        self.done += 1
        self.seconds += attempt.seconds
        self.failed += not attempt.ending.fine

    @property
    def left(self) -> int:
        return self.total - self.done

    @property
    def to_go(self) -> float:
        """Seconds, as the attempts so far let expect: the last ones do not share all lanes."""
        return self.seconds / max(1, self.done) * self.left / max(1, min(self.lanes, self.left))
