"""One TCP connection's finite state machine: applies the table, keeps the timers. Pure: `now` is an argument."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from simulator.session.messages import Notification
from simulator.session.states import BgpState, FsmEvent, Timer
from simulator.session.table import Action, TransitionRule, rule_for


class Channel(Enum):
    """Which of a session's two possible TCP connections."""

    DIALLED = "dialled"
    ACCEPTED = "accepted"

    __hash__ = object.__hash__

    @property
    def other(self) -> Channel:
        return Channel.ACCEPTED if self is Channel.DIALLED else Channel.DIALLED


_EXPIRY = {
    Timer.CONNECT_RETRY: FsmEvent.CONNECT_RETRY_TIMER_EXPIRES,
    Timer.HOLD: FsmEvent.HOLD_TIMER_EXPIRES,
    Timer.KEEPALIVE: FsmEvent.KEEPALIVE_TIMER_EXPIRES,
    Timer.IDLE_HOLD: FsmEvent.IDLE_HOLD_TIMER_EXPIRES,
    Timer.SEND_HOLD: FsmEvent.SEND_HOLD_TIMER_EXPIRES,
}


@dataclass(slots=True)
class Fsm:
    """The state of one channel. `perform` carries out the actions; it is the session's."""

    channel: Channel
    perform: Callable[[Fsm, Action, Notification | None, float], None]
    state: BgpState = field(default=BgpState.IDLE, init=False)
    timers: dict[Timer, float] = field(default_factory=dict, init=False)
    """Running timers and when they expire."""

    def fire(self, event: FsmEvent, now: float, notification: Notification | None = None) -> TransitionRule | None:
        """Apply one event; returns the rule that was followed, or None when the state ignores the event."""
        rule = rule_for(self.state, event)
        if rule is None:
            return None
        self.state = rule.target
        for action in rule.actions:
            self.perform(self, action, rule.notification or notification, now)
        return rule

    def due(self, now: float) -> list[FsmEvent]:
        """Take the timers that have expired, earliest first, and return their events."""
        expired = [(when, timer.value, timer) for timer, when in self.timers.items() if when <= now]
        for _, _, timer in expired:
            del self.timers[timer]
        return [_EXPIRY[timer] for _, _, timer in sorted(expired)]
