"""What is watched of lifted sessions: from events to what is wrong now. Pure: `now` is passed in, nothing is asked.

A session is watched from the lift to the deny. What it keeps is bounded: some numbers, an OPEN, and the last
withdrawals of so many prefixes. On the way of an UPDATE stand additions and a comparison; prefixes are looked at only
in small withdrawals, because an aggregate that flaps comes alone.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from simulator.diagnosis.watched import Watched
from simulator.peer.events import (
    BgpStateChanged,
    EndOfRib,
    GateMoved,
    PolicyApplied,
    PrefixLimit,
    RoutesAnnounced,
    RoutesWithdrawn,
)
from simulator.policy.max_prefix import MaxPrefix
from simulator.session.messages import Family, Open
from simulator.session.states import BgpState
from simulator.views.session import SessionView
from simulator.wire import nlri

SHARE: Final = 0.5
"""Prefixes are lost when no more than this share of the most is left (simulator)."""
STEADY: Final = 60.0
"""Seconds Established after which a flap is over, as for the session's own back-off (simulator)."""
SETTLE: Final = 1.0
"""Seconds that a table has to come to rest before it is judged: a replaced one goes before it comes (simulator)."""
TABLE: Final = 10.0
"""Seconds of silence after which a session that came back has its table, where no End-of-RIB says so (simulator)."""
WINDOW: Final = 60.0
"""Seconds within which a prefix that is withdrawn so often flaps (simulator)."""
OFTEN: Final = 3
TRAFFIC: Final = 10.0
"""Seconds between two tries of traffic on a session (simulator)."""
_A_SECOND: Final = 20_000
"""Routes that may be counted each second."""
_TRACKED: Final = 256
"""Prefixes of a session whose withdrawals are remembered."""
_SMALL: Final = 16
"""Prefixes of a withdrawal that is looked into: more of them at once is no flapping aggregate."""

_UP: Final = BgpState.ESTABLISHED


@dataclass(slots=True)
class SessionWatch:
    """One lifted session."""

    agreed: Open | None
    """The peer's OPEN when the policy was lifted."""
    count: int
    """Prefixes that it announces now."""
    good: int
    """How many of them the policy takes."""
    most: int
    """The most that it ever took: who withdraws a route that the policy rejects has lost nothing."""
    rejected: int
    """How many it rejected when there last were as many: a prefix that it rejects since is announced still."""
    flaps: int = 0
    why_down: str = ""
    withdrawn: OrderedDict[tuple[Family, bytes], deque[float]] = field(default_factory=OrderedDict)
    due: float | None = None
    """When it has to be judged; None: something must happen before."""
    open: bool = False
    """Something was wrong when it was last judged."""

    def judge_at(self, when: float) -> bool:
        """Whether that is earlier than before."""
        if self.due is not None and self.due <= when:
            return False
        self.due = when
        return True

    def when_settled(self, now: float) -> float:
        """When a table that moves is judged: the larger it is the more seldom, because rejected routes are counted."""
        return now + max(SETTLE, self.count / _A_SECOND)

    def withdrew(self, family: Family, keys: tuple[bytes, ...], now: float) -> None:
        self.count = max(0, self.count - len(keys))
        self.good = max(0, self.good - len(keys))
        for key in keys if len(keys) <= _SMALL else ():
            times = self.withdrawn.setdefault((family, key), deque(maxlen=_TRACKED))
            times.append(now)
            self.withdrawn.move_to_end((family, key))
        while len(self.withdrawn) > _TRACKED:
            self.withdrawn.popitem(last=False)

    def flapping(self, now: float) -> tuple[tuple[str, int], ...]:
        """What was withdrawn at least `OFTEN` times within the window, the most often first."""
        for key, times in list(self.withdrawn.items()):
            while times and now - times[0] > WINDOW:
                times.popleft()
            if not times:
                del self.withdrawn[key]
        found = [(nlri.text(*key), len(times)) for key, times in self.withdrawn.items() if len(times) >= OFTEN]
        return tuple(sorted(found, key=lambda each: (-each[1], each[0])))

    def calm_at(self, now: float) -> float | None:
        """When a prefix that flaps may have come to rest."""
        return min((times[0] + WINDOW for times in self.withdrawn.values() if len(times) >= OFTEN), default=None)


class Watching:
    """All lifted sessions."""

    def __init__(self) -> None:
        self._sessions: dict[str, SessionWatch] = {}

    def begin(self, view: SessionView, now: float) -> None:
        """The policy of a session was lifted: as it is now it is to stay."""
        watch = SessionWatch(view.peer_open, view.received, view.accepted, view.accepted, view.rejected)
        watch.judge_at(now + SETTLE)
        self._sessions[view.id] = watch

    def end(self, session: str) -> None:
        """It is denied again, or gone."""
        self._sessions.pop(session, None)

    def take(self, event: object) -> bool:
        """Take notice of an event; whether a session is to be judged earlier than before."""
        if isinstance(event, RoutesAnnounced):  # by far the most of them
            watch = self._sessions.get(event.session)
            if watch is None:
                return False
            watch.count += event.added
            if event.attributes.hits or event.hits:
                return watch.judge_at(watch.when_settled(event.time))
            watch.good += event.added
            watch.most = max(watch.most, watch.good)
            return watch.open and watch.judge_at(watch.when_settled(event.time))
        if isinstance(event, RoutesWithdrawn) and (watch := self._sessions.get(event.session)) is not None:
            watch.withdrew(event.family, event.keys, event.time)
            return watch.judge_at(watch.when_settled(event.time))
        return self._take_other(event)

    def _take_other(self, event: object) -> bool:
        match event:
            case BgpStateChanged(session, change) if (watch := self._sessions.get(session)) is not None:
                if change.source is _UP:
                    watch.flaps += 1
                    watch.why_down, watch.count, watch.good = change.reason, 0, 0
                    return watch.judge_at(change.time)
                if change.target is _UP:
                    return watch.judge_at(change.time + SETTLE)
            case EndOfRib(session, when) | PrefixLimit(session, when) | PolicyApplied(session, when):
                if (watch := self._sessions.get(session)) is not None:
                    return watch.judge_at(when)
            case GateMoved(session, is_open=False):
                self.end(session)
        return False

    def next_due(self) -> float | None:
        """When a session has to be judged."""
        return min((watch.due for watch in self._sessions.values() if watch.due is not None), default=None)

    def due(self, now: float) -> list[str]:
        """The sessions to be judged by `now`."""
        return [name for name, watch in self._sessions.items() if watch.due is not None and watch.due <= now]

    def judge(self, view: SessionView, limit: MaxPrefix | None, now: float) -> Watched:
        """What is wrong with a session now. `limit`: of its prefixes. Raises KeyError for one that is not watched."""
        watch = self._sessions[view.id]
        up = view.bgp_state is _UP and view.established_at is not None
        steady_at = view.established_at + STEADY if up and view.established_at is not None else None
        if watch.flaps and steady_at is not None and now >= steady_at:
            watch.flaps, watch.why_down = 0, ""
        watch.count, watch.good = view.received, view.accepted
        if watch.good >= watch.most:
            watch.most, watch.rejected = watch.good, view.rejected
        found = Watched(
            flaps=watch.flaps,
            why_down=watch.why_down,
            lost=_lost(watch, view, now) if up else None,
            crowded=_crowded(view, limit),
            changed=tuple(_changes(watch.agreed, view.peer_open)) if up else (),
            flapping=watch.flapping(now),
            window=WINDOW,
        )
        watch.due = None
        for when in (steady_at if watch.flaps else None, watch.calm_at(now), _settled_at(view, now)):
            if when is not None and when > now:
                watch.judge_at(when)
        return found

    def look(self, session: str, now: float) -> None:
        """Something that no event says of has changed: it is to be judged."""
        if (watch := self._sessions.get(session)) is not None:
            watch.judge_at(now)

    def judged(self, session: str, *, wrong: bool) -> None:
        """Whether something is wrong, the policy's word on its routes included: then every change is looked at."""
        if (watch := self._sessions.get(session)) is not None:
            watch.open = wrong


def _settled_at(view: SessionView, now: float) -> float | None:
    """When the table of a session that has just come up is judged though the peer sends no End-of-RIB."""
    if view.bgp_state is not _UP or view.established_at is None or view.end_of_rib:
        return None
    return max(view.established_at, view.last_update or 0) + TABLE


def _lost(watch: SessionWatch, view: SessionView, now: float) -> tuple[int, int] | None:
    settled = _settled_at(view, now)
    if settled is not None and now < settled:
        return None
    left = view.accepted + max(0, view.rejected - watch.rejected)
    return (watch.most, left) if watch.most and left <= watch.most * SHARE else None


def _crowded(view: SessionView, limit: MaxPrefix | None) -> tuple[int, int] | None:
    if limit is None:
        return None
    count = limit.counted(view.received, view.accepted)
    return (count, limit.limit) if count > limit.threshold or count > limit.limit else None


def _changes(before: Open | None, now: Open | None) -> Iterator[str]:
    """What a peer's OPEN says otherwise than the one before."""
    if before is None or now is None:
        return
    theirs, were = now.capabilities, before.capabilities
    rows = (
        ("AS", before.asn, now.asn),
        ("BGP Identifier", before.bgp_identifier, now.bgp_identifier),
        ("hold time", f"{before.hold_time} s", f"{now.hold_time} s"),
        ("families", _labels(were.families), _labels(theirs.families)),
        ("four-octet AS", were.asn4, theirs.asn4),
        ("route refresh", were.route_refresh, theirs.route_refresh),
        ("enhanced route refresh", were.enhanced_route_refresh, theirs.enhanced_route_refresh),
        ("role", were.role, theirs.role),
    )
    yield from (f"{what}: {_word(old)} before, {_word(new)} now" for what, old, new in rows if old != new)


def _labels(families: frozenset[Family]) -> str:
    return ", ".join(sorted(family.label for family in families)) or "none"


def _word(value: object) -> str:
    words = {True: "yes", False: "no"}
    return words[value] if isinstance(value, bool) else "none" if value is None else str(value)
