"""A session fed with anything in any order, sensible or not: what has to hold always."""

from __future__ import annotations

import copy
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from simulator.session.config import SessionConfig
from simulator.session.fsm import Channel
from simulator.session.messages import Cease, ErrorCode, Notification, Open
from simulator.session.outputs import BgpTransition, CloseChannel, DialPeer, Down, Send, Up
from simulator.session.session import BgpSession
from simulator.session.states import BgpState, Timer
from tests.examples import examples
from tests.session.support import HIGH, LOCAL, LOW

_ORDER = (
    BgpState.IDLE,
    BgpState.ACTIVE,
    BgpState.CONNECT,
    BgpState.OPEN_SENT,
    BgpState.OPEN_CONFIRM,
    BgpState.ESTABLISHED,
)
_ALLOWED = {
    BgpState.IDLE: {Timer.IDLE_HOLD},
    BgpState.CONNECT: {Timer.CONNECT_RETRY},
    BgpState.ACTIVE: {Timer.CONNECT_RETRY},
    BgpState.OPEN_SENT: {Timer.HOLD},
    BgpState.OPEN_CONFIRM: {Timer.HOLD, Timer.KEEPALIVE},
    BgpState.ESTABLISHED: {Timer.HOLD, Timer.KEEPALIVE, Timer.SEND_HOLD},
}
_channels = st.sampled_from(Channel)
_opens = st.sampled_from(
    [
        LOW,
        HIGH,
        replace(LOW, hold_time=0),
        replace(LOW, hold_time=3),
        replace(LOW, asn=1),
        replace(LOW, hold_time=1),
        replace(LOW, bgp_identifier=IPv4Address(0)),
        replace(LOW, version=3),
    ]
)
_notifications = st.builds(Notification, st.integers(0, 255), st.integers(0, 12)) | st.just(Notification(6, 7))
_errors = st.builds(Notification, st.sampled_from([1, 2, 3, 5, 7, 99]), st.integers(0, 11))


class Anything(RuleBasedStateMachine):
    """The owner of a session, who takes what it puts out at once and keeps account of it."""

    session: BgpSession

    @initialize(
        dial=st.booleans(),
        dial_first=st.booleans(),
        hold=st.sampled_from([0, 3, 90]),
        jitter=st.floats(0, 1, exclude_max=True),
    )
    def made(self, dial: bool, dial_first: bool, hold: int, jitter: float) -> None:
        config = SessionConfig(replace(LOCAL, hold_time=hold), 64500, dial=dial, dial_first=dial_first)
        self.session = BgpSession(config, jitter=lambda: jitter)
        self.now = 0.0
        self.running = False
        self.dial_pending = False
        self.open: set[Channel] = set()
        self.shown = BgpState.IDLE
        self.up = False
        self.ups = 0

    # --- inputs ---

    @rule()
    def start(self) -> None:
        self.running = True
        self.session.start(self.now)
        self._take()

    @rule(notification=_notifications)
    def stop(self, notification: Notification) -> None:
        self.running = False
        self.session.stop(self.now, notification)
        self._take()

    @rule(notification=st.sampled_from([Notification(6, 1), Notification(6, 4), Notification(6, 6)]))
    def reset(self, notification: Notification) -> None:
        self.session.reset(self.now, notification)
        self._take()

    @rule()
    def tcp_connected(self) -> None:
        was = self.session.fsm_state(Channel.DIALLED)
        self.session.tcp_connected(self.now)
        if was in (BgpState.CONNECT, BgpState.ACTIVE):
            self.dial_pending = False
            self.open.add(Channel.DIALLED)
        self._take()

    @rule()
    def tcp_accepted(self) -> None:
        if self.session.tcp_accepted(self.now):
            assert Channel.ACCEPTED not in self.open
            self.open.add(Channel.ACCEPTED)
        self._take()

    @rule(channel=_channels)
    def tcp_failed(self, channel: Channel) -> None:
        self.session.tcp_failed(channel, self.now, "some reason")
        self._take()

    @rule(channel=_channels, open_=_opens)
    def open_received(self, channel: Channel, open_: Open) -> None:
        established = self.session.channel
        self.session.open_received(channel, open_, self.now)
        if established is channel.other and self.session.channel is not established:
            self.ups -= 1  # it lost a collision: it never was the session
        self._take()

    @rule(channel=_channels, peer=st.sampled_from([LOW, HIGH]))
    def the_way_up(self, channel: Channel, peer: Open) -> None:
        """Three inputs that seldom come in this order by chance."""
        if channel is Channel.DIALLED:
            self.tcp_connected()
        else:
            self.tcp_accepted()
        self.open_received(channel, peer)
        self.keepalive_received(channel)

    @rule(channel=_channels)
    def keepalive_received(self, channel: Channel) -> None:
        self.session.keepalive_received(channel, self.now)
        self._take()

    @rule(channel=_channels)
    def update_received(self, channel: Channel) -> None:
        admitted = self.session.update_received(channel, self.now)
        assert admitted == (self.session.channel is channel)
        self._take()

    @rule(channel=_channels)
    def refresh_received(self, channel: Channel) -> None:
        admitted = self.session.refresh_received(channel, self.now)
        assert admitted == (self.session.channel is channel)
        self._take()

    @rule(channel=_channels, notification=_notifications)
    def notification_received(self, channel: Channel, notification: Notification) -> None:
        lost = (notification.code, notification.subcode) == (ErrorCode.CEASE, Cease.COLLISION_RESOLUTION)
        if lost and self.session.channel is channel and self.session.fsm_state(channel.other) is BgpState.OPEN_SENT:
            self.ups -= 1  # the peer says that it lost a collision
        self.session.notification_received(channel, notification, self.now)
        self._take()

    @rule(channel=_channels, error=_errors)
    def wire_error(self, channel: Channel, error: Notification) -> None:
        self.session.wire_error(channel, error, self.now, "some reason")
        self._take()

    @rule(channel=_channels)
    def octets_taken(self, channel: Channel) -> None:
        self.session.octets_taken(channel, self.now)
        self._take()

    @rule(seconds=st.floats(0, 600, allow_nan=False))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.session.handle_timers(self.now)
        self._take()

    @rule()
    def the_next_timer_expires(self) -> None:
        when = self.session.next_timer()
        if when is not None:
            self.now = max(self.now, when)
            self.session.handle_timers(self.now)
            later = self.session.next_timer()
            assert later is None or later > self.now, "a timer that expired is gone"
            self._take()

    # --- what has to hold for every output ---

    def _take(self) -> None:
        for output in self.session.outputs():
            match output:
                case DialPeer():
                    assert self.running, "a stopped session dials"
                    assert self.session.config.dial, "a passive session dials"
                    assert not self.dial_pending, "a second dial before the first was given up"
                    assert Channel.DIALLED not in self.open, "a dial beside a dialled connection"
                    assert not self.up, "a dial beside an Established session"
                    self.dial_pending = True
                case CloseChannel(channel):
                    self.open.discard(channel)
                    if channel is Channel.DIALLED:
                        self.dial_pending = False
                case Send(channel, _):
                    assert channel in self.open, "something is sent where no connection is"
                case Up(channel, negotiated):
                    assert not self.up
                    assert self.shown is BgpState.ESTABLISHED, "Up is told after the transition"
                    assert negotiated.peer_as == 64500
                    self.up, self.ups = True, self.ups + 1
                case Down():
                    assert self.up
                    self.up = False
                case BgpTransition(time, source, target, reason):
                    assert (time, source) == (self.now, self.shown)
                    assert source is not target
                    assert reason
                    self.shown = target

    # --- what has to hold after every input ---

    def _states(self) -> dict[Channel, BgpState]:
        return {channel: self.session.fsm_state(channel) for channel in Channel}

    def _timers(self, channel: Channel) -> dict[Timer, float]:
        fsms: dict[Channel, Any] = self.session._fsms
        timers: dict[Timer, float] = fsms[channel].timers
        return timers

    @invariant()
    def the_state_is_that_of_the_fsm_that_is_further_on(self) -> None:
        furthest = max(self._states().values(), key=_ORDER.index)
        assert self.session.state is furthest is self.shown

    @invariant()
    def at_most_one_channel_is_established_and_it_is_the_one_that_is_named(self) -> None:
        established = [channel for channel, state in self._states().items() if state is BgpState.ESTABLISHED]
        assert established == ([] if self.session.channel is None else [self.session.channel])
        assert self.up == (self.session.negotiated is not None) == bool(established)
        assert self.session.established_transitions == self.ups

    @invariant()
    def only_one_connection_gets_past_its_open(self) -> None:
        past = [state for state in self._states().values() if _ORDER.index(state) > _ORDER.index(BgpState.OPEN_SENT)]
        assert len(past) <= 1

    @invariant()
    def every_state_runs_only_its_own_timers(self) -> None:
        for channel, state in self._states().items():
            assert set(self._timers(channel)) <= _ALLOWED[state], (channel, state)

    @invariant()
    def a_connection_that_talks_is_open_and_has_a_timer_unless_none_was_agreed(self) -> None:
        for channel, state in self._states().items():
            talks = _ORDER.index(state) >= _ORDER.index(BgpState.OPEN_SENT)
            assert talks == (channel in self.open)
            agreed = self.session.agreed(channel)
            if talks and not (state is BgpState.ESTABLISHED and agreed is not None and agreed.hold_time == 0):
                assert Timer.HOLD in self._timers(channel)

    @invariant()
    def a_stopped_session_is_idle_and_silent(self) -> None:
        if not self.running:
            assert set(self._states().values()) == {BgpState.IDLE}
            assert self.session.next_timer() is None
            assert not self.dial_pending
            assert not self.open

    @invariant()
    def a_started_session_that_is_not_up_goes_on(self) -> None:
        if not self.running or self.up:
            return
        listens = self.session.fsm_state(Channel.ACCEPTED) is BgpState.ACTIVE
        if self.session.config.dial:
            assert self.session.next_timer() is not None or self.dial_pending
        else:
            assert self.session.next_timer() is not None or listens

    @rule()
    def left_alone_a_started_session_calls_or_listens_again(self) -> None:
        """Nothing happens but timers, in a copy: whatever was going on, it ends and the session tries again."""
        if not self.running or self.up:
            return
        alone = copy.deepcopy(self.session)
        dialled, timers = False, 0
        while (when := alone.next_timer()) is not None and timers < 20:
            alone.handle_timers(when)
            dialled = dialled or any(isinstance(output, DialPeer) for output in alone.outputs())
            timers += 1
        assert dialled == alone.config.dial
        assert alone.config.dial or alone.fsm_state(Channel.ACCEPTED) is BgpState.ACTIVE

    @invariant()
    def evidence_never_contains_a_resolved_collision(self) -> None:
        assert all((seen.notification.code, seen.notification.subcode) != (6, 7) for seen in self.session.notifications)


TestAnything = Anything.TestCase
TestAnything.settings = settings(max_examples=examples(300), stateful_step_count=40, deadline=None)
