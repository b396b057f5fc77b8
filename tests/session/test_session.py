"""One BGP session over one TCP connection: start and stop, timers, refusals, back-off, what is told in which order."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.session.config import SessionTimes
from simulator.session.fsm import Channel
from simulator.session.messages import Notification, Open
from simulator.session.outputs import BgpTransition, CloseChannel, DialPeer, Down, NotificationSeen, Send, Up
from simulator.session.session import BgpSession
from simulator.session.states import BgpState as S
from simulator.session.states import Timer
from tests.session.support import (
    CEASE,
    LOCAL,
    LOW,
    A,
    D,
    closes,
    confirm,
    connect,
    establish,
    established,
    keepalives,
    notifications,
    of,
    session,
    started,
    state,
)

RESET = Notification(6, 4)
LIMIT = Notification(6, 1)
SHUT = Notification(6, 2)
_ROUNDED = 1e-6
"""Seconds: more than a number of seconds since the epoch is rounded by."""


# --- start and stop ---


def test_a_new_session_is_idle_and_wants_nothing() -> None:
    made = session()
    assert state(made) is S.IDLE
    assert made.next_timer() is None
    assert made.outputs() == []


def test_start_listens_and_dials() -> None:
    made = session()
    made.start(10.0)
    assert made.outputs() == [DialPeer(), BgpTransition(10.0, S.IDLE, S.CONNECT, "session started, dialling the peer")]
    assert (made.fsm_state(D), made.fsm_state(A)) == (S.CONNECT, S.ACTIVE)


def test_outputs_are_handed_out_once() -> None:
    made = session()
    made.start(0.0)
    assert made.outputs()
    assert made.outputs() == []


def test_a_passive_session_listens_only() -> None:
    made = session(dial=False)
    made.start(0.0)
    assert state(made) is S.ACTIVE
    assert of(DialPeer, made.outputs()) == []
    assert made.next_timer() is None
    establish(made, A)
    assert state(made) is S.ESTABLISHED


def test_listen_first_dials_after_the_connect_retry_time() -> None:
    made = started(dial_first=False)
    assert state(made) is S.ACTIVE
    assert made.next_timer() == 5.0
    made.handle_timers(4.9)
    assert made.outputs() == []
    made.handle_timers(5.0)
    assert DialPeer() in made.outputs()
    assert state(made) is S.CONNECT


def test_starting_twice_changes_nothing() -> None:
    made = established(channel=A)
    before = made.next_timer()
    made.start(1.0)
    assert made.outputs() == []
    assert made.next_timer() == before, "a start must not take the timers of a running session"
    made.handle_timers(90.0)
    assert state(made) is S.IDLE, "the hold timer still runs"


@pytest.mark.parametrize("channel", [D, A])
def test_stop_says_why_and_stays_idle(channel: Channel) -> None:
    made = established(channel=channel)
    made.stop(1.0, CEASE)
    outputs = made.outputs()
    assert isinstance(outputs[0], Down)
    assert notifications(outputs) == [(channel, 6, 2)]
    assert closes(outputs)[0] is channel
    assert (state(made), made.next_timer()) == (S.IDLE, None)
    assert of(BgpTransition, outputs)[0].reason == 'closed by us: 6/2 Cease: Administrative Shutdown "bye"'
    made.handle_timers(1000.0)
    assert made.outputs() == []


def test_stop_tells_every_connection_that_has_an_open() -> None:
    made = started()
    connect(made, D)
    connect(made, A)
    made.outputs()
    made.stop(1.0, CEASE)
    outputs = made.outputs()
    assert notifications(outputs) == [(D, 6, 2), (A, 6, 2)]
    assert closes(outputs) == [D, A]


def test_stop_gives_up_a_dial_without_a_word() -> None:
    made = started()
    made.stop(1.0, CEASE)
    outputs = made.outputs()
    assert notifications(outputs) == []
    assert D in closes(outputs)
    made.tcp_connected(2.0)  # the connection came up while the stop was on its way
    assert made.outputs() == []
    assert made.fsm_state(D) is S.IDLE


def test_stop_ends_the_idle_hold_time() -> None:
    made = established()
    made.tcp_failed(D, 1.0, "reset")
    assert made.next_timer() is not None
    made.stop(1.1, CEASE)
    assert made.next_timer() is None


def test_a_stopped_session_refuses_callers() -> None:
    made = established()
    made.stop(1.0, CEASE)
    assert not made.tcp_accepted(2.0)


def test_a_stopped_session_can_start_again() -> None:
    made = established()
    made.stop(1.0, CEASE)
    made.outputs()
    made.start(2.0)
    assert DialPeer() in made.outputs()
    establish(made, D, 3.0)
    assert made.established_transitions == 2


def test_what_arrives_after_the_stop_leaves_no_trace() -> None:
    made = established()
    made.stop(1.0, CEASE)
    made.outputs()
    told = len(made.notifications)
    made.notification_received(D, SHUT, 1.1)
    made.open_received(D, replace(LOW, asn=1), 1.1)
    assert made.outputs() == []
    assert len(made.notifications) == told
    assert made.last_open == LOW


# --- the way up ---


def test_the_way_up() -> None:
    made = started()
    made.tcp_connected(1.0)
    assert made.outputs() == [
        Send(D, LOCAL),
        BgpTransition(1.0, S.CONNECT, S.OPEN_SENT, "TCP connection to the peer is up, OPEN sent"),
    ]
    made.open_received(D, LOW, 2.0)
    assert made.outputs() == [
        Send(D, None),
        BgpTransition(2.0, S.OPEN_SENT, S.OPEN_CONFIRM, "OPEN received and accepted, KEEPALIVE sent"),
    ]
    made.keepalive_received(D, 3.0)
    change, up = made.outputs()[-2:]
    assert change == BgpTransition(3.0, S.OPEN_CONFIRM, S.ESTABLISHED, "KEEPALIVE received")
    assert isinstance(up, Up), "whoever hears of Up has heard of Established"
    assert up.negotiated is made.negotiated
    assert (made.channel, made.established_transitions, made.established_at) == (D, 1, 3.0)


def test_established_by_our_dial_stops_listening_and_by_the_peers_stops_dialling() -> None:
    made = started()
    establish(made, D)
    assert not made.tcp_accepted(1.0)
    other = started()
    connect(other, A)
    other.outputs()
    other.open_received(A, LOW, 1.0)
    assert closes(other.outputs()) == [D], "a dial that is still on its way is given up"
    other.keepalive_received(A, 1.0)
    assert other.fsm_state(D) is S.IDLE


def test_the_state_is_that_of_the_fsm_that_is_further_on() -> None:
    made = started()
    connect(made, A)
    assert (made.fsm_state(D), state(made)) == (S.CONNECT, S.OPEN_SENT)


def test_connect_counts_as_further_than_active() -> None:
    made = started()
    assert (made.fsm_state(A), made.fsm_state(D), state(made)) == (S.ACTIVE, S.CONNECT, S.CONNECT)
    made.tcp_failed(D, 1.0, "Connection refused")
    assert state(made) is S.ACTIVE


def test_what_was_agreed_is_known_from_the_open_on_and_forgotten_with_the_next_attempt() -> None:
    made = started()
    connect(made, D)
    assert made.agreed(D) is None
    made.open_received(D, LOW, 0.0)
    agreed = made.agreed(D)
    assert agreed is not None
    assert agreed.peer_as == 64500
    made.tcp_failed(D, 1.0, "reset")
    made.handle_timers(3.0)
    connect(made, D, 3.0)
    assert made.agreed(D) is None


# --- ConnectRetryTimer ---


def test_connect_retry_dials_again() -> None:
    made = started()
    made.handle_timers(5.0)
    assert made.outputs() == [CloseChannel(D), DialPeer()]
    assert state(made) is S.CONNECT
    assert made.next_timer() == 10.0


def test_a_refused_dial_is_tried_again_after_the_connect_retry_time_without_back_off() -> None:
    made = started()
    now = 0.0
    for _ in range(6):
        made.tcp_failed(D, now, "Connection refused")
        assert made.last_error == "TCP connection failed: Connection refused"
        assert made.next_timer() == now + 5.0
        now += 5.0
        made.handle_timers(now)
        assert DialPeer() in made.outputs()


def test_the_peer_may_call_while_our_dial_rests() -> None:
    made = started()
    made.tcp_failed(D, 0.0, "Connection refused")
    establish(made, A, 1.0)
    assert state(made) is S.ESTABLISHED
    made.handle_timers(6.0)
    assert of(DialPeer, made.outputs()) == []


def test_a_peer_that_hangs_up_before_its_open_is_dialled_again() -> None:
    made = started()
    connect(made, D, 1.0)
    made.tcp_failed(D, 2.0, "closed by the peer")
    assert (made.fsm_state(D), made.next_timer()) == (S.ACTIVE, 7.0)
    assert made.last_error == "the peer closed the TCP connection before its OPEN: closed by the peer"
    made.outputs()
    made.handle_timers(7.0)
    assert DialPeer() in made.outputs()


# --- HoldTimer ---


def test_the_open_may_take_four_minutes() -> None:
    made = started()
    connect(made, D, 1.0)
    made.outputs()
    made.handle_timers(240.9)
    assert state(made) is S.OPEN_SENT
    made.handle_timers(241.0)
    assert notifications(made.outputs()) == [(D, 4, 0)]
    assert state(made) is S.IDLE


@pytest.mark.parametrize("stage", [S.OPEN_CONFIRM, S.ESTABLISHED])
def test_silence_for_the_hold_time_ends_the_session(stage: S) -> None:
    made = started()
    confirm(made, D)
    if stage is S.ESTABLISHED:
        made.keepalive_received(D, 0.0)
    for now in range(10, 90, 10):  # our own keepalives do not count
        made.handle_timers(float(now))
    made.outputs()
    made.handle_timers(89.9)
    assert state(made) is stage
    made.handle_timers(90.0)
    outputs = made.outputs()
    assert notifications(outputs) == [(D, 4, 0)]
    assert bool(of(Down, outputs)) == (stage is S.ESTABLISHED)
    assert state(made) is S.IDLE


@pytest.mark.parametrize("message", ["keepalive", "update", "refresh"])
def test_whatever_the_peer_says_restarts_the_hold_timer(message: str) -> None:
    made = established()
    if message == "keepalive":
        made.keepalive_received(D, 60.0)
    else:
        assert made.update_received(D, 60.0) if message == "update" else made.refresh_received(D, 60.0)
    made.handle_timers(149.9)
    assert state(made) is S.ESTABLISHED
    made.handle_timers(150.0)
    assert state(made) is S.IDLE


def test_the_smaller_hold_time_is_the_one_that_runs() -> None:
    made = established(peer=replace(LOW, hold_time=9))
    made.handle_timers(8.9)
    assert state(made) is S.ESTABLISHED
    made.handle_timers(9.0)
    assert state(made) is S.IDLE


def test_a_late_look_at_the_clock_fires_the_hold_timer_once() -> None:
    made = established()
    made.handle_timers(10_000.0)
    outputs = made.outputs()
    assert notifications(outputs) == [(D, 4, 0)]
    assert len(of(Down, outputs)) == 1


@pytest.mark.parametrize("who", ["we", "the peer"])
def test_a_hold_time_of_0_needs_no_keepalives(who: str) -> None:
    local, peer = (replace(LOCAL, hold_time=0), LOW) if who == "we" else (LOCAL, replace(LOW, hold_time=0))
    made = session(local=local)
    made.start(0.0)
    establish(made, D, peer=peer)
    made.outputs()
    assert made.next_timer() is None, "RFC 4271 §4.4 and RFC 9687 §4.3: none of the three timers runs"
    made.handle_timers(100_000.0)
    assert state(made) is S.ESTABLISHED
    assert made.outputs() == []


def test_open_confirm_ends_even_where_a_hold_time_of_0_was_agreed() -> None:
    made = started()
    confirm(made, D, 1.0, replace(LOW, hold_time=0))
    assert made.next_timer() == 241.0
    made.handle_timers(241.0)
    assert state(made) is S.IDLE


# --- KeepaliveTimer ---


def test_a_keepalive_every_third_of_the_hold_time() -> None:
    made = established()
    assert made.next_timer() == 30.0
    made.handle_timers(29.9)
    assert keepalives(made.outputs()) == []
    made.handle_timers(30.0)
    assert keepalives(made.outputs()) == [D]
    assert made.next_timer() == 60.0


def test_keepalives_run_in_open_confirm() -> None:
    made = started()
    confirm(made, D)
    made.outputs()
    made.handle_timers(30.0)
    assert keepalives(made.outputs()) == [D]
    assert state(made) is S.OPEN_CONFIRM


@pytest.mark.parametrize(("jitter", "earliest"), [(0.0, 22.5), (0.5, 26.25), (1.0, 30.0)])
def test_keepalive_jitter_is_between_three_quarters_and_one(jitter: float, earliest: float) -> None:
    """RFC 4271 §10."""
    made = session(jitter=lambda: jitter)
    made.start(0.0)
    establish(made, D)
    assert made.next_timer() == earliest


@given(
    now=st.floats(0, 2e9),
    hold=st.integers(3, 65535),
    jitter=st.floats(0, 1, exclude_max=True),
)
def test_keepalives_leave_at_moments_that_all_sessions_share(now: float, hold: int, jitter: float) -> None:
    """Sixteenths of a second within the jitter's range; where that is narrower than a sixteenth, right behind it."""
    made = session(local=replace(LOCAL, hold_time=hold), jitter=lambda: jitter)
    made.start(now)
    establish(made, D, now, peer=replace(LOW, hold_time=hold))
    least, most = now + max(1.0, hold / 4), now + hold / 3
    when = made._fsms[D].timers[Timer.KEEPALIVE]
    assert when * 16 == int(when * 16)
    assert least - _ROUNDED <= when <= max(most, least + 1 / 16) + _ROUNDED


def test_keepalives_come_no_more_often_than_once_a_second() -> None:
    """RFC 4271 §4.4: also with the smallest hold time and the shortest jitter."""
    made = session(jitter=lambda: 0.0)
    made.start(0.0)
    establish(made, D, peer=replace(LOW, hold_time=3))
    assert made.next_timer() == 1.0
    made.handle_timers(1.0)
    assert made.next_timer() == 2.0


@pytest.mark.parametrize(("jitter", "expected"), [(0.0, 3.75), (1.0, 5.0)])
def test_connect_retry_jitter(jitter: float, expected: float) -> None:
    made = session(jitter=lambda: jitter)
    made.start(0.0)
    assert made.next_timer() == expected


@pytest.mark.parametrize(("jitter", "expected"), [(0.0, 0.75), (1.0, 1.0)])
def test_idle_hold_jitter(jitter: float, expected: float) -> None:
    made = session(jitter=lambda: jitter)
    made.start(0.0)
    establish(made, D)
    made.tcp_failed(D, 0.0, "reset")
    assert made.next_timer() == expected


# --- SendHoldTimer (RFC 9687) ---


def _kept_alive(made: BgpSession, until: float, step: float = 30.0) -> float:
    """The peer talks on, but takes nothing."""
    now = step
    while now < until:
        made.handle_timers(now)
        made.keepalive_received(D, now)
        now += step
    return now


def test_a_peer_that_takes_nothing_is_dropped_after_eight_minutes() -> None:
    made = established()
    _kept_alive(made, 480.0)
    assert state(made) is S.ESTABLISHED
    made.outputs()
    made.handle_timers(480.0)
    assert notifications(made.outputs()) == [(D, 8, 0)]
    assert state(made) is S.IDLE
    assert made.last_error == "the peer took no octet for the send hold time"


def test_octets_that_are_taken_restart_it() -> None:
    made = established()
    _kept_alive(made, 450.0)
    made.octets_taken(D, 450.0)
    made.keepalive_received(D, 450.0)
    made.handle_timers(480.0)
    assert state(made) is S.ESTABLISHED


def test_it_is_at_least_twice_the_hold_time() -> None:
    """RFC 9687 §5."""
    made = session(local=replace(LOCAL, hold_time=600))
    made.start(0.0)
    establish(made, D, peer=replace(LOW, hold_time=600))
    _kept_alive(made, 1200.0, step=150.0)
    assert state(made) is S.ESTABLISHED
    made.handle_timers(1200.0)
    assert state(made) is S.IDLE


def test_a_send_hold_time_of_0_switches_it_off() -> None:
    made = established(times=SessionTimes(send_hold=0.0))
    _kept_alive(made, 2000.0)
    assert state(made) is S.ESTABLISHED


def test_it_does_not_run_before_established() -> None:
    made = started()
    confirm(made, D)
    made.octets_taken(D, 1.0)
    assert made.next_timer() == 30.0
    made.handle_timers(89.0)
    assert state(made) is S.OPEN_CONFIRM


# --- the peer's OPEN is refused ---


@pytest.mark.parametrize(
    ("bad", "subcode"),
    [
        (replace(LOW, version=3), 1),
        (replace(LOW, asn=64501), 2),
        (replace(LOW, bgp_identifier=IPv4Address(0)), 3),
        (replace(LOW, hold_time=2), 6),
    ],
)
def test_a_bad_open_is_refused_kept_as_evidence_and_damped(bad: Open, subcode: int) -> None:
    made = started()
    connect(made, D, 1.0)
    made.outputs()
    made.open_received(D, bad, 2.0)
    outputs = made.outputs()
    assert notifications(outputs) == [(D, 2, subcode)]
    assert closes(outputs)[0] is D
    assert state(made) is S.IDLE
    assert made.last_open == bad
    assert made.last_error.startswith("the peer's OPEN is not acceptable: ")
    assert made.next_timer() == 3.0


def test_an_open_that_cannot_be_decoded_is_refused() -> None:
    made = started()
    connect(made, D)
    made.outputs()
    made.wire_error(D, Notification(2, 4), 0.0, "optional parameter 1 is not supported")
    assert notifications(made.outputs()) == [(D, 2, 4)]


# --- unexpected and malformed messages ---


def test_an_update_before_established_is_an_fsm_error() -> None:
    made = started()
    connect(made, D)
    made.outputs()
    assert not made.update_received(D, 0.0)
    sent = [output.message for output in of(Send, made.outputs())]
    assert sent == [Notification(5, 1, b"\x02")]
    assert made.last_error == "unexpected message in OpenSent: UPDATE"


def test_a_keepalive_before_the_open_is_an_fsm_error() -> None:
    made = started()
    connect(made, D)
    made.outputs()
    made.keepalive_received(D, 0.0)
    assert [output.message for output in of(Send, made.outputs())] == [Notification(5, 1, b"\x04")]


def test_a_route_refresh_in_open_confirm_is_an_fsm_error() -> None:
    made = started()
    confirm(made, D)
    made.outputs()
    assert not made.refresh_received(D, 0.0)
    assert [output.message for output in of(Send, made.outputs())] == [Notification(5, 2, b"\x05")]


def test_a_second_open_is_an_fsm_error_and_no_evidence_of_the_peer() -> None:
    made = established()
    made.open_received(D, replace(LOW, asn=1), 1.0)
    outputs = made.outputs()
    assert [output.message for output in of(Send, outputs)] == [Notification(5, 3, b"\x01")]
    assert of(Down, outputs)
    assert made.last_open == LOW


@pytest.mark.parametrize(
    "notification", [Notification(1, 1), Notification(1, 2, b"\x00\x12"), Notification(3, 1), Notification(7, 1)]
)
def test_malformed_octets_are_answered_with_their_own_error(notification: Notification) -> None:
    made = established()
    made.wire_error(D, notification, 1.0, "some reason")
    outputs = made.outputs()
    assert [output.message for output in of(Send, outputs)] == [notification]
    assert state(made) is S.IDLE
    assert made.last_error.endswith(": some reason")


def test_updates_are_admitted_in_established_only_and_only_on_its_channel() -> None:
    made = established()
    assert made.update_received(D, 1.0)
    assert not made.update_received(A, 1.0)
    assert state(made) is S.ESTABLISHED


# --- NOTIFICATION ---


@pytest.mark.parametrize("notification", [SHUT, Notification(2, 1), Notification(3, 5), Notification(4)])
def test_a_notification_ends_the_session_and_is_not_answered(notification: Notification) -> None:
    made = established()
    made.notification_received(D, notification, 5.0)
    outputs = made.outputs()
    assert of(Send, outputs) == []
    assert closes(outputs)[0] is D
    assert NotificationSeen(5.0, False, notification) in outputs
    assert made.notifications == [NotificationSeen(5.0, False, notification)]
    assert state(made) is S.IDLE


def test_what_we_send_is_kept_as_evidence() -> None:
    made = established()
    made.stop(7.0, CEASE)
    assert made.notifications == [NotificationSeen(7.0, True, CEASE)]


# --- DampPeerOscillations ---


def _fail(made: BgpSession, now: float) -> float:
    """Up, and down at once; returns how long the session rests."""
    made.handle_timers(now)
    establish(made, D, now)
    made.tcp_failed(D, now, "reset")
    when = made.next_timer()
    assert when is not None
    return when - now


def test_the_back_off_doubles_up_to_its_limit() -> None:
    made, now, waits = started(), 0.0, []
    for _ in range(8):
        waits.append(_fail(made, now))
        now += waits[-1]
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]


def test_an_old_session_does_not_excuse_new_failures() -> None:
    """The back-off is forgotten by a session that was up for long, not by time that has passed since one was up."""
    made = started()
    now = _fail(made, 0.0)
    waits = []
    for _ in range(7):  # each attempt ends in OpenSent, so nothing is Established any more
        made.handle_timers(now)
        connect(made, D, now)
        made.wire_error(D, Notification(1, 1), now, "bad marker")
        when = made.next_timer()
        assert when is not None
        waits.append(when - now)
        now = when
    assert waits == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]


def test_a_stable_session_forgets_the_back_off() -> None:
    made = started()
    now = 0.0
    for _ in range(4):
        now += _fail(made, now)
    made.handle_timers(now)
    establish(made, D, now)
    made.keepalive_received(D, now + 59.0)
    made.tcp_failed(D, now + 60.0, "reset")
    assert made.next_timer() == now + 61.0


def test_a_session_that_was_nearly_stable_does_not() -> None:
    made = started()
    now = _fail(made, 0.0)
    made.handle_timers(now)
    establish(made, D, now)
    made.tcp_failed(D, now + 59.9, "reset")
    assert made.next_timer() == pytest.approx(now + 61.9)


def test_a_stop_forgets_the_back_off() -> None:
    """RFC 4271 §8.2.2: ManualStop sets the ConnectRetryCounter to zero."""
    made, now = started(), 0.0
    for _ in range(4):
        now += _fail(made, now)
    made.stop(now, CEASE)
    made.start(now)
    assert _fail(made, now) == 1.0


def test_while_it_rests_nobody_is_heard_and_nobody_is_dialled() -> None:
    made = established()
    made.tcp_failed(D, 5.0, "reset")
    made.outputs()
    assert not made.tcp_accepted(5.5)
    made.handle_timers(5.9)
    assert made.outputs() == []
    assert state(made) is S.IDLE


def test_after_the_rest_it_listens_and_dials() -> None:
    made = established()
    made.tcp_failed(D, 5.0, "reset")
    made.outputs()
    made.handle_timers(6.0)
    assert made.outputs() == [
        DialPeer(),
        BgpTransition(6.0, S.IDLE, S.CONNECT, "idle hold time over, dialling the peer"),
    ]
    assert made.tcp_accepted(6.0)


def test_a_passive_session_listens_again_after_the_rest() -> None:
    made = started(dial=False)
    establish(made, A)
    made.tcp_failed(A, 5.0, "reset")
    made.outputs()
    made.handle_timers(6.0)
    assert [change.target for change in of(BgpTransition, made.outputs())] == [S.ACTIVE]
    establish(made, A, 7.0)
    assert made.established_transitions == 2


# --- reset and the prefix limit ---


def test_reset_closes_and_comes_back() -> None:
    made = established()
    made.reset(5.0, RESET)
    outputs = made.outputs()
    assert notifications(outputs) == [(D, 6, 4)]
    assert len(of(Down, outputs)) == 1
    assert (state(made), made.next_timer()) == (S.IDLE, 6.0)
    assert made.last_error == "closed by us: 6/4 Cease: Administrative Reset"
    made.handle_timers(6.0)
    assert DialPeer() in made.outputs()


@pytest.mark.parametrize("stage", [S.OPEN_SENT, S.OPEN_CONFIRM])
def test_reset_closes_what_is_not_up_yet_as_well(stage: S) -> None:
    made = started()
    connect(made, D) if stage is S.OPEN_SENT else confirm(made, D)
    made.outputs()
    made.reset(5.0, RESET)
    assert notifications(made.outputs()) == [(D, 6, 4)]
    assert state(made) is S.IDLE


def test_reset_of_a_session_without_a_connection_is_nothing() -> None:
    made = started()
    made.reset(1.0, RESET)
    assert made.outputs() == []
    stopped = session()
    stopped.reset(1.0, RESET)
    assert stopped.outputs() == []
    assert stopped.next_timer() is None


def test_reset_closes_the_second_connection_with_the_same_word() -> None:
    made = started()
    connect(made, A)
    establish(made, D)
    assert made.fsm_state(A) is S.OPEN_SENT
    made.outputs()
    made.reset(1.0, RESET)
    outputs = made.outputs()
    assert notifications(outputs) == [(D, 6, 4), (A, 6, 4)]
    assert closes(outputs) == [D, A]
    assert state(made) is S.IDLE
    assert of(BgpTransition, outputs)[-1].target is S.IDLE


@pytest.mark.parametrize("who", ["we", "the peer"])
def test_a_prefix_limit_rests_for_longer(who: str) -> None:
    made = established()
    if who == "we":
        made.reset(5.0, LIMIT)
        assert notifications(made.outputs()) == [(D, 6, 1)]
    else:
        made.notification_received(D, LIMIT, 5.0)
        assert notifications(made.outputs()) == []
    assert (state(made), made.next_timer()) == (S.IDLE, 65.0)


def test_a_prefix_limit_ends_the_second_connection_too() -> None:
    made = started()
    connect(made, A)
    establish(made, D)
    made.outputs()
    made.reset(1.0, LIMIT)
    outputs = made.outputs()
    assert notifications(outputs) == [(D, 6, 1), (A, 6, 5)], "the limit; Connection Rejected"
    assert (made.fsm_state(A), made.next_timer()) == (S.IDLE, 61.0)


# --- what is told ---


def test_transitions_chain_and_carry_reasons() -> None:
    made = session()
    made.start(0.0)
    establish(made, D, 1.0)
    made.tcp_failed(D, 2.0, "reset")
    made.handle_timers(3.0)
    changes = of(BgpTransition, made.outputs())
    assert [change.target for change in changes] == [
        S.CONNECT,
        S.OPEN_SENT,
        S.OPEN_CONFIRM,
        S.ESTABLISHED,
        S.IDLE,
        S.CONNECT,
    ]
    assert all(before.target is after.source for before, after in pairwise(changes))
    assert all(change.reason for change in changes)


def test_down_comes_before_the_last_word_and_that_before_the_close() -> None:
    made = established()
    made.handle_timers(90.0)
    kinds = [type(output) for output in made.outputs() if not (isinstance(output, Send) and output.message is None)]
    assert kinds[:4] == [Down, NotificationSeen, Send, CloseChannel]
    assert kinds[-1] is BgpTransition
