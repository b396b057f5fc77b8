"""A session's prefix limit: counts routes, blocks those above it, warns, and ends the session."""

from __future__ import annotations

import struct
from collections.abc import Callable, Container

from simulator.counts import count_of
from simulator.peer.events import NeighborConfig, PrefixLimit, SpeakerEvent
from simulator.policy.max_prefix import BLOCKED, Level, MaxPrefixAction, PrefixRoom, PrefixWatch
from simulator.policy.verdict import Hit, Hits
from simulator.rib.adj_in import AdjRibIn
from simulator.rib.attribute_set import AttributeSet
from simulator.session.messages import Cease, ErrorCode, Notification


class PrefixLimiter:
    """Joins the pure rules of `max_prefix` to one session."""

    def __init__(self, config: NeighborConfig, adj_in: AdjRibIn, tell: Callable[[SpeakerEvent], None]) -> None:
        assert config.max_prefix is not None
        self._rule = config.max_prefix
        self._watch, self._room = PrefixWatch(self._rule), PrefixRoom(self._rule)
        self._id, self._family = config.id, config.family
        self._adj_in, self._tell = adj_in, tell

    def announced(self, keys: list[bytes], attributes: AttributeSet, hits: dict[bytes, Hits]) -> dict[bytes, Hits]:
        """The hits of announced routes, with one more for those that find no room."""
        return self._marked(hits, self._room.beyond(keys, _refused(keys, attributes, hits)))

    def judged_again(self, keys: list[bytes], attributes: AttributeSet, hits: dict[bytes, Hits]) -> dict[bytes, Hits]:
        """The same for routes that another policy judges."""
        return self._marked(hits, self._room.judged_again(keys, _refused(keys, attributes, hits)))

    def withdrawn(self, keys: list[bytes]) -> None:
        self._room.withdraw(keys)

    def watch(self, now: float) -> Notification | None:
        """Called once an UPDATE: tells when a limit is crossed. Returns the NOTIFICATION that is to end the session."""
        rule, family = self._rule, self._family
        # Blocked routes are not accepted ones, and yet they are what comes on top of the limit.
        count = rule.counted(self._adj_in.received, self._adj_in.accepted + len(self._room.blocked))
        level = self._watch.observe(count)
        if level is None:
            return None
        self._tell(PrefixLimit(self._id, now, level, count, rule))
        if level is Level.EXCEEDED and rule.action is MaxPrefixAction.CEASE:
            # RFC 4486 §4: AFI, SAFI and the upper bound.
            data = struct.pack("!HBI", family.afi, family.safi, rule.limit)
            return Notification(ErrorCode.CEASE, Cease.MAX_PREFIXES, data)
        return None

    def reset(self) -> None:
        """The session is down."""
        self._watch.reset()
        self._room.clear()

    def _marked(self, hits: dict[bytes, Hits], beyond: list[bytes]) -> dict[bytes, Hits]:
        if not beyond:
            return hits
        hit = Hit(
            BLOCKED,
            f"more than {count_of(self._rule.limit, 'prefix', 'prefixes')}",
            "the session's prefix limit is reached",
        )
        return hits | {key: (*hits.get(key, ()), hit) for key in beyond}


def _refused(keys: list[bytes], attributes: AttributeSet, hits: dict[bytes, Hits]) -> Container[bytes]:
    """What the policy itself rejects."""
    return set(keys) if attributes.hits else hits
