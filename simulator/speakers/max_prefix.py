"""How many prefixes a peer may announce, and what happens when there are more (RFC 4486 §4). Pure.

Microsoft publishes the limit (maxPrefixesAdvertised), not whether denied or rejected routes count, nor what follows.
That every received route counts, and the actions, are the simulator's choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

BLOCKED = "max-prefix"
"""The rule id in the verdict of a route beyond the limit."""


class Action(Enum):
    """What exceeding the limit does."""

    WARN = "warn"
    BLOCK = "block"
    """Routes beyond the limit are held and rejected; those that came first stay."""
    CEASE = "cease"
    """Cease 1, and no session for the restart time."""


class Count(Enum):
    """Which routes count."""

    RECEIVED = "received"
    """Before policy."""
    ACCEPTED = "accepted"
    """After policy."""


@dataclass(frozen=True, slots=True)
class MaxPrefix:
    """A session's limit."""

    limit: int
    action: Action = Action.WARN
    count: Count = Count.RECEIVED
    warn_at: float = 0.8
    """The share of the limit at which a warning is due."""
    restart: float = 60.0
    """Seconds without a session after a Cease 1."""

    @property
    def threshold(self) -> int:
        return max(1, int(self.limit * self.warn_at))


class Level(Enum):
    """How full a session is."""

    BELOW = 0
    WARNING = 1
    EXCEEDED = 2


class PrefixWatch:
    """Follows one session's counts; tells each crossing of a border once, until the count falls below it again."""

    __slots__ = ("_level", "rule")

    def __init__(self, rule: MaxPrefix) -> None:
        self.rule = rule
        self._level = Level.BELOW

    def observe(self, received: int, accepted: int) -> Level | None:
        """The border that was crossed upwards just now, or None."""
        count = received if self.rule.count is Count.RECEIVED else accepted
        level = Level.BELOW
        if count > self.rule.limit:
            level = Level.EXCEEDED
        elif count >= self.rule.threshold:
            level = Level.WARNING
        before, self._level = self._level, level
        return level if level.value > before.value else None

    def reset(self) -> None:
        """The session is down."""
        self._level = Level.BELOW
