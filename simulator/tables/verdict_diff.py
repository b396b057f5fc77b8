"""Which routes of a table two policies judge differently, as the table streams by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from simulator.policy.verdict import Hits
from simulator.tables.table_entries import TableEntry, TableRoutes
from simulator.tables.tally import Judge


class VerdictChange(StrEnum):
    """What becomes of a route's verdict."""

    LOST = "accept → reject"
    WON = "reject → accept"
    OTHER_RULES = "reject, by other rules"


@dataclass(frozen=True, slots=True)
class ChangedRoute:
    """A prefix of `routes` that the two policies judge differently."""

    routes: TableRoutes
    key: bytes
    old: Hits
    new: Hits

    @property
    def change(self) -> VerdictChange:
        if not self.old:
            return VerdictChange.LOST
        return VerdictChange.OTHER_RULES if self.new else VerdictChange.WON


@dataclass(slots=True)
class DiffTally:
    """How many routes changed, and the rules behind it."""

    changes: dict[VerdictChange, int] = field(default_factory=lambda: dict.fromkeys(VerdictChange, 0))
    begins: dict[str, int] = field(default_factory=dict)
    """Rule → routes that it refuses under the new policy alone."""
    ends: dict[str, int] = field(default_factory=dict)
    """Rule → routes that it refuses under the old policy alone."""

    @property
    def changed(self) -> int:
        return sum(self.changes.values())

    def add(self, route: ChangedRoute) -> None:
        self.changes[route.change] += 1
        old, new = _rules(route.old), _rules(route.new)
        for rules, count in ((new - old, self.begins), (old - new, self.ends)):
            for rule in rules:
                count[rule] = count.get(rule, 0) + 1


@dataclass(slots=True)
class VerdictDiff:
    """Two judges of one table. What neither could read is counted by both alike."""

    old: Judge
    new: Judge
    tally: DiffTally = field(default_factory=DiffTally)

    def changed(self, entries: Iterable[TableEntry]) -> Iterator[ChangedRoute]:
        """Count everything; yields the routes whose verdict, or the rules behind it, are not the same."""
        for entry in entries:
            routes, old = _judged(self.old, entry)
            others, new = _judged(self.new, entry)
            if old == new or routes is None or others is None:
                continue
            # A path that was cut short may be certain for one policy alone: what the other cannot tell is no change.
            shared = routes.keys if routes.keys == others.keys else set(routes.keys) & set(others.keys)
            for key in shared:
                changed = ChangedRoute(routes, key, old.get(key, ()), new.get(key, ()))
                if changed_rules(changed):
                    self.tally.add(changed)
                    yield changed


def _judged(judge: Judge, entry: TableEntry) -> tuple[TableRoutes | None, dict[bytes, Hits]]:
    """The routes that could be judged, with what refuses some of them."""
    return next(judge.judge((entry,)), (None, {}))


def changed_rules(route: ChangedRoute) -> bool:
    """Other rules refuse it than did."""
    return _rules(route.old) != _rules(route.new)


def _rules(hits: Hits) -> frozenset[str]:
    return frozenset(hit.rule for hit in hits)
