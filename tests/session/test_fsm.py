"""One connection's FSM: follows the table, hands its actions on, keeps its timers."""

from __future__ import annotations

import pytest

from simulator.session.fsm import Channel, Fsm
from simulator.session.messages import Notification
from simulator.session.states import BgpState, FsmEvent, Timer
from simulator.session.table import TABLE, Action


class Recorder:
    def __init__(self) -> None:
        self.actions: list[Action] = []
        self.notifications: list[Notification | None] = []
        self.states: list[BgpState] = []

    def __call__(self, fsm: Fsm, action: Action, notification: Notification | None, now: float) -> None:
        self.actions.append(action)
        self.notifications.append(notification)
        self.states.append(fsm.state)


def _fsm(state: BgpState = BgpState.IDLE) -> tuple[Fsm, Recorder]:
    recorder = Recorder()
    fsm = Fsm(Channel.DIALLED, recorder)
    fsm.state = state
    return fsm, recorder


def test_it_begins_in_idle_without_timers() -> None:
    fsm, _ = _fsm()
    assert fsm.state is BgpState.IDLE
    assert fsm.timers == {}


def test_it_moves_first_and_then_acts_in_the_tables_order() -> None:
    fsm, recorder = _fsm()
    rule = fsm.fire(FsmEvent.AUTOMATIC_START, 1.0)
    assert rule is TABLE[BgpState.IDLE][FsmEvent.AUTOMATIC_START]
    assert fsm.state is BgpState.CONNECT
    assert tuple(recorder.actions) == rule.actions
    assert set(recorder.states) == {BgpState.CONNECT}


def test_an_ignored_event_changes_nothing() -> None:
    fsm, recorder = _fsm()
    assert fsm.fire(FsmEvent.UPDATE_MSG, 1.0) is None
    assert fsm.state is BgpState.IDLE
    assert recorder.actions == []


def test_the_rules_own_notification_counts_before_the_events() -> None:
    fsm, recorder = _fsm(BgpState.OPEN_SENT)
    fsm.fire(FsmEvent.HOLD_TIMER_EXPIRES, 1.0, Notification(6, 2))
    assert recorder.notifications[0] == Notification(4, 0)


def test_the_events_notification_counts_where_the_rule_has_none() -> None:
    fsm, recorder = _fsm(BgpState.OPEN_SENT)
    fsm.fire(FsmEvent.BGP_HEADER_ERR, 1.0, Notification(1, 3))
    assert recorder.notifications[0] == Notification(1, 3)


@pytest.mark.parametrize(
    ("timer", "event"),
    [
        (Timer.CONNECT_RETRY, FsmEvent.CONNECT_RETRY_TIMER_EXPIRES),
        (Timer.HOLD, FsmEvent.HOLD_TIMER_EXPIRES),
        (Timer.KEEPALIVE, FsmEvent.KEEPALIVE_TIMER_EXPIRES),
        (Timer.IDLE_HOLD, FsmEvent.IDLE_HOLD_TIMER_EXPIRES),
        (Timer.SEND_HOLD, FsmEvent.SEND_HOLD_TIMER_EXPIRES),
    ],
)
def test_every_timer_has_its_event(timer: Timer, event: FsmEvent) -> None:
    fsm, _ = _fsm()
    fsm.timers[timer] = 5.0
    assert fsm.due(4.999) == []
    assert fsm.due(5.0) == [event]
    assert fsm.timers == {}


def test_timers_are_due_in_the_order_in_which_they_expired() -> None:
    fsm, _ = _fsm()
    fsm.timers = {Timer.HOLD: 3.0, Timer.KEEPALIVE: 2.0, Timer.SEND_HOLD: 9.0}
    assert fsm.due(4.0) == [FsmEvent.KEEPALIVE_TIMER_EXPIRES, FsmEvent.HOLD_TIMER_EXPIRES]
    assert fsm.timers == {Timer.SEND_HOLD: 9.0}


def test_the_channels_are_each_others_other() -> None:
    assert Channel.DIALLED.other is Channel.ACCEPTED
    assert Channel.ACCEPTED.other is Channel.DIALLED
