"""When a session is known to fail before its deadline: what says so can no longer change by waiting.

Decision 30 has the rule and its reasons. A router that is slow, hangs, or is not there says nothing decisive: it has
the whole deadline.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Final

from simulator.diagnosis.evidence import Observation
from simulator.diagnosis.fact import Fact
from simulator.diagnosis.facts import facts_of
from simulator.session.messages import Cease, ErrorCode
from simulator.session.outputs import NotificationSeen
from simulator.session.states import BgpState
from simulator.views.session import SessionView

STANDS: Final = 5.0
"""Seconds for which what is decisive has to stand, without interruption (simulator)."""
REPEATS: Final = 3
"""So often a NOTIFICATION has to come before it counts as the answer to every attempt (simulator)."""

DECISIVE: Final = frozenset(
    {
        Fact.OTHER_HALF_ANSWERS,
        Fact.NO_SESSION,
        Fact.SHUT_DOWN,
        Fact.INTERFACE_NAME,
        Fact.VRF_NAME,
        Fact.CONFIGURED_LOCAL_AS,
        Fact.CONFIGURED_REMOTE_AS,
        Fact.NO_FAMILY,
        Fact.MD5_PEER_SIGNS,
        Fact.MD5_PEER_UNSIGNED,
        Fact.TTL_LOW_HERE,
        Fact.TTL_LOW_THERE,
    }
)
"""What a router says of its own configuration, or its link of its address, with which the session cannot come up."""

_OPEN, _CEASE = int(ErrorCode.OPEN_MESSAGE), int(ErrorCode.CEASE)
_FINAL: Final = frozenset(
    {
        *((_OPEN, subcode, sent) for subcode in (1, 2, 3, 6, 11) for sent in (False, True)),
        (_OPEN, 5, False),
        (_OPEN, 7, False),
        (_CEASE, int(Cease.ADMINISTRATIVE_SHUTDOWN), False),
        (_CEASE, int(Cease.PEER_DECONFIGURED), False),
    }
)
"""(code, subcode, sent by us): each answers an OPEN, or a call, by what is configured. Connection Rejected (6/5) is not
among them: a router that is not ready yet says the same."""


def decisive(observation: Observation) -> dict[str, frozenset[Fact]]:
    """By session that is down: its decisive facts now.

    The kernel's counters are left out: they are of a whole node, and may tell of another session.
    """
    return {
        session.view.id: DECISIVE
        & facts_of(replace(session, tcp_counters={}, peer_counters={}), observation).found.keys()
        for session in observation.sessions
        if session.view.bgp_state is not BgpState.ESTABLISHED
    }


def repeats(view: SessionView) -> bool:
    """Whether every attempt of a session ends with the same NOTIFICATION of a final kind. `view`: see `since`."""
    if view.established_transitions or view.bgp_state is BgpState.ESTABLISHED or not view.notifications:
        return False
    last = _kind(view.notifications[-1])
    same = [seen.time for seen in view.notifications if _kind(seen) == last]
    return last in _FINAL and len(same) >= REPEATS and same[-1] - same[0] >= STANDS


def _kind(seen: NotificationSeen) -> tuple[int, int, bool]:
    return int(seen.notification.code), int(seen.notification.subcode), seen.sent


@dataclass(slots=True)
class Still:
    """Whether what members of an exchange hold has stopped to move, from one look to the next."""

    _held: object = None
    _since: float = 0.0

    def see(self, held: object, now: float) -> bool:
        """What one look found, at `now`: whether it has been the same for long enough."""
        if held != self._held:
            self._held, self._since = held, now
        return now - self._since >= STANDS


@dataclass(slots=True)
class Standing:
    """How long the decisive facts of sessions have stood, from one look to the next."""

    _since: dict[str, dict[Fact, float]] = field(default_factory=dict)

    def see(self, session: str, facts: Collection[Fact], now: float) -> None:
        """What one look found; what it did not find starts anew."""
        before = self._since.get(session, {})
        self._since[session] = {fact: before.get(fact, now) for fact in facts}

    def any_stands(self, session: str) -> bool:
        return bool(self._since.get(session))

    def decided(self, session: str, now: float) -> bool:
        """Whether one of them has stood for long enough."""
        return any(now - since >= STANDS for since in self._since.get(session, {}).values())
