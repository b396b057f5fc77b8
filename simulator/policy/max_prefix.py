"""How many prefixes a peer may announce, and what happens when there are more (RFC 4486 §4). Pure.

Microsoft publishes the limit (maxPrefixesAdvertised), not whether denied or rejected routes count, nor what follows.
That every received route counts, and the actions, are the simulator's choice.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from simulator.session.messages import Family

MICROSOFTS_LIMITS: Final = {Family.IPV4: 20_000, Family.IPV6: 2_000}
"""Prefixes of a session: the most that Microsoft's clients let through, and what its Exchange connections get where the
request names no limit."""
BLOCKED = "max-prefix"
"""The rule id in the verdict of a route beyond the limit."""


class MaxPrefixAction(Enum):
    """What exceeding the limit does."""

    WARN = "warn"
    BLOCK = "block"
    """Routes beyond the limit are held and rejected; those that came first stay. Room that comes free goes to whatever
    is announced next, new or blocked before: the peer is not asked, a route refresh brings the blocked ones again."""
    CEASE = "cease"
    """Cease 1, and no session for the restart time."""


class CountedRoutes(Enum):
    """Which routes count."""

    RECEIVED = "received"
    """Before policy."""
    ACCEPTED = "accepted"
    """After policy."""


@dataclass(frozen=True, slots=True)
class MaxPrefix:
    """A session's limit."""

    limit: int
    action: MaxPrefixAction = MaxPrefixAction.WARN
    count: CountedRoutes = CountedRoutes.RECEIVED
    warn_at: float = 0.8
    """The share of the limit at which a warning is due."""
    restart: float = 60.0
    """Seconds without a session after a Cease 1."""

    @property
    def threshold(self) -> int:
        return max(1, int(self.limit * self.warn_at))

    def counted(self, received: int, accepted: int) -> int:
        """How many of a session's routes count."""
        return received if self.count is CountedRoutes.RECEIVED else accepted


class Level(Enum):
    """How full a session is."""

    BELOW = 0
    WARNING = 1
    EXCEEDED = 2


class PrefixRoom:
    """With the action `block`: which of a session's routes were let in, and which are kept out."""

    __slots__ = ("_let_in", "_rule", "blocked")

    def __init__(self, rule: MaxPrefix) -> None:
        self._rule = rule
        self._let_in: set[bytes] = set()
        self.blocked: set[bytes] = set()
        """Held, and not let in for want of room."""

    def beyond(self, keys: Iterable[bytes], refused: Container[bytes]) -> list[bytes]:
        """Those of the announced routes that find no room. `refused` by the policy take none where accepted ones count.

        A route that was let in stays in when it is announced again; one that was blocked is let in only if there is
        room now.
        """
        if self._rule.action is not MaxPrefixAction.BLOCK:
            return []
        let_in, blocked, limit = self._let_in, self.blocked, self._rule.limit
        found = []
        for key in dict.fromkeys(keys):
            blocked.discard(key)
            if self._takes_none(key, refused):
                let_in.discard(key)
            elif key not in let_in:
                if len(let_in) < limit:
                    let_in.add(key)
                else:
                    blocked.add(key)
                    found.append(key)
        return found

    def judged_again(self, keys: Collection[bytes], refused: Container[bytes]) -> list[bytes]:
        """The same for routes that another policy judges: what is blocked was not announced again and stays so."""
        stay = {key for key in keys if key in self.blocked and not self._takes_none(key, refused)}
        return [*stay, *self.beyond((key for key in keys if key not in stay), refused)]

    def withdraw(self, keys: Collection[bytes]) -> None:
        """The peer withdrew these."""
        self._let_in.difference_update(keys)
        self.blocked.difference_update(keys)

    def clear(self) -> None:
        """The session is down."""
        self._let_in.clear()
        self.blocked.clear()

    def _takes_none(self, key: bytes, refused: Container[bytes]) -> bool:
        return self._rule.count is CountedRoutes.ACCEPTED and key in refused


class PrefixWatch:
    """Follows one session's counts; reports each threshold once, until the count falls below it again."""

    __slots__ = ("_level", "rule")

    def __init__(self, rule: MaxPrefix) -> None:
        self.rule = rule
        self._level = Level.BELOW

    def observe(self, count: int) -> Level | None:
        """The border that was crossed upwards just now, or None."""
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
