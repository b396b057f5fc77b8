"""Two TCP connections of one session: which one stays (RFC 4271 §6.8), and what becomes of the other."""

from __future__ import annotations

import pytest

from simulator.session.fsm import Channel
from simulator.session.messages import Cease, ErrorCode, Notification, Open
from simulator.session.outputs import BgpTransition, DialPeer, Down, Up
from simulator.session.states import BgpState as S
from tests.session.support import (
    CEASE,
    HIGH,
    LOW,
    A,
    D,
    closes,
    confirm,
    connect,
    establish,
    established,
    notifications,
    of,
    started,
    state,
)

COLLISION = (6, 7)
CEASE_7 = Notification(*COLLISION)
WINNERS = [(LOW, D), (HIGH, A)]
"""The peer's OPEN and the channel that has to stay."""


@pytest.mark.parametrize(("peer", "stays"), WINNERS)
@pytest.mark.parametrize("first", [D, A])
def test_against_open_confirm(peer: Open, stays: Channel, first: Channel) -> None:
    """The usual collision: the first connection is in OpenConfirm when the OPEN arrives on the second."""
    made = started()
    connect(made, D)
    connect(made, A)
    made.open_received(first, peer, 1.0)
    made.outputs()
    made.open_received(first.other, peer, 1.0)
    outputs = made.outputs()
    assert notifications(outputs) == [(stays.other, *COLLISION)]
    assert closes(outputs) == [stays.other]
    assert made.fsm_state(stays) is S.OPEN_CONFIRM
    assert made.fsm_state(stays.other) is S.IDLE
    made.keepalive_received(stays, 1.1)
    assert (state(made), made.channel) == (S.ESTABLISHED, stays)


@pytest.mark.parametrize(("peer", "stays"), WINNERS)
@pytest.mark.parametrize("first", [D, A])
def test_against_established(peer: Open, stays: Channel, first: Channel) -> None:
    """CollisionDetectEstablishedState: the outcome is the same one, however far the first connection has come."""
    made = started()
    connect(made, D)
    connect(made, A)
    made.open_received(first, peer, 1.0)
    made.keepalive_received(first, 1.0)
    made.outputs()
    made.open_received(first.other, peer, 1.0)
    outputs = made.outputs()
    assert notifications(outputs) == [(stays.other, *COLLISION)]
    assert closes(outputs) == [stays.other]
    made.keepalive_received(stays, 1.1)
    assert (state(made), made.channel) == (S.ESTABLISHED, stays)
    moved = stays is not first
    assert bool(of(Down, outputs)) == moved
    assert made.established_transitions == 1  # the loser never was the session


@pytest.mark.parametrize("first", [D, A])
def test_two_connections_that_have_not_heard_an_open_are_both_kept(first: Channel) -> None:
    made = started()
    connect(made, first)
    connect(made, first.other)
    assert notifications(made.outputs()) == []
    assert made.fsm_state(D) is made.fsm_state(A) is S.OPEN_SENT


@pytest.mark.parametrize("peer", [LOW, HIGH])
@pytest.mark.parametrize("loser", [D, A])
def test_the_peer_may_resolve_it_first(peer: Open, loser: Channel) -> None:
    """Its Cease 6/7 on one connection arrives before its OPEN on the other."""
    made = started()
    connect(made, D)
    connect(made, A)
    made.open_received(loser, peer, 1.0)
    made.notification_received(loser, CEASE_7, 1.1)
    assert made.fsm_state(loser.other) is S.OPEN_SENT
    made.open_received(loser.other, peer, 1.2)
    made.keepalive_received(loser.other, 1.3)
    assert (state(made), made.channel) == (S.ESTABLISHED, loser.other)


def test_a_resolved_collision_is_neither_an_error_nor_evidence() -> None:
    made = started()
    connect(made, D)
    connect(made, A)
    made.open_received(D, LOW, 1.0)
    made.open_received(A, LOW, 1.0)
    assert made.notifications == []
    assert made.last_error == ""


def test_a_collision_costs_no_back_off() -> None:
    """Neither the one that we resolve nor the one that the peer resolves."""
    made = started()
    connect(made, D)
    connect(made, A)
    made.open_received(A, LOW, 0.0)
    made.notification_received(A, CEASE_7, 0.0)
    made.open_received(D, LOW, 0.0)
    made.keepalive_received(D, 0.0)
    made.tcp_failed(D, 1.0, "reset")
    assert made.next_timer() == 2.0


def test_an_open_on_the_peers_connection_gives_up_a_dial_that_is_on_its_way() -> None:
    """So our OPEN never follows our KEEPALIVE onto a second connection, where many routers keep the first."""
    made = started()
    connect(made, A)
    made.outputs()
    made.open_received(A, HIGH, 1.0)
    assert closes(made.outputs()) == [D]
    assert made.fsm_state(D) is S.IDLE
    made.tcp_connected(1.1)
    assert made.fsm_state(D) is S.IDLE


def test_the_peers_connection_is_tracked_in_open_confirm() -> None:
    """RFC 4271 §8.2.2, OpenConfirm: a second connection is tracked until its OPEN."""
    made = started()
    confirm(made, D)
    assert made.tcp_accepted(1.0)
    assert made.fsm_state(A) is S.OPEN_SENT


@pytest.mark.parametrize("channel", [D, A])
def test_beside_an_established_session_nobody_is_heard(channel: Channel) -> None:
    made = established(channel=channel)
    assert not made.tcp_accepted(1.0)
    assert made.outputs() == []


def test_beside_an_established_session_nobody_is_dialled() -> None:
    """The peer refuses our second connection before its OPEN, and goes on over its own."""
    made = started()
    connect(made, D)
    connect(made, A)
    made.open_received(A, LOW, 0.0)
    made.keepalive_received(A, 0.0)
    made.outputs()
    made.tcp_failed(D, 0.1, "reset by peer")
    assert made.fsm_state(D) is S.IDLE
    for now in range(1, 80, 5):
        made.handle_timers(float(now))
    assert of(DialPeer, made.outputs()) == []
    assert state(made) is S.ESTABLISHED


def test_the_loser_of_a_collision_comes_back_when_the_winner_fails() -> None:
    made = started()
    connect(made, D)
    connect(made, A)
    made.open_received(A, HIGH, 0.0)
    made.open_received(D, HIGH, 0.0)
    assert made.fsm_state(D) is S.IDLE
    made.tcp_failed(A, 1.0, "reset")
    made.outputs()
    made.handle_timers(2.0)
    assert DialPeer() in made.outputs()
    assert made.tcp_accepted(2.0)


def test_whoever_dials_wakes_when_the_peers_connection_ends_before_its_open() -> None:
    made = started()
    connect(made, D)
    connect(made, A)
    made.wire_error(D, Notification(1, 1), 1.0, "bad marker")  # this attempt failed, the other goes on
    assert made.fsm_state(D) is S.IDLE
    made.tcp_failed(A, 2.0, "closed by the peer")
    made.outputs()
    assert made.next_timer() == 7.0
    made.handle_timers(7.0)
    assert DialPeer() in made.outputs()


def test_whoever_listens_wakes_when_our_connection_ends_before_its_open() -> None:
    made = started()
    connect(made, D)
    connect(made, A)
    made.wire_error(A, Notification(1, 1), 1.0, "bad marker")
    assert not made.tcp_accepted(1.5)
    made.tcp_failed(D, 2.0, "closed by the peer")
    assert made.tcp_accepted(2.5)


def test_an_attempt_that_fails_beside_another_is_no_failure_of_the_session() -> None:
    made = started()
    connect(made, D)
    connect(made, A)
    made.wire_error(D, Notification(1, 1), 1.0, "bad marker")
    assert made.last_error == ""
    made.open_received(A, LOW, 1.0)
    made.keepalive_received(A, 1.0)
    made.tcp_failed(A, 2.0, "reset")
    assert made.next_timer() == 3.0, "the first back-off, not the second"


def test_established_moves_from_one_connection_to_the_other_in_order() -> None:
    made = started()
    connect(made, D)
    connect(made, A)
    made.open_received(A, LOW, 1.0)
    made.keepalive_received(A, 1.0)
    made.outputs()
    made.open_received(D, LOW, 2.0)
    made.keepalive_received(D, 3.0)
    told = [output for output in made.outputs() if isinstance(output, Up | Down | BgpTransition)]
    assert [output.target if isinstance(output, BgpTransition) else type(output) for output in told] == [
        Down,
        S.OPEN_SENT,
        S.OPEN_CONFIRM,
        S.ESTABLISHED,
        Up,
    ]


def test_stop_in_the_middle_of_a_collision_closes_both() -> None:
    made = started()
    connect(made, A)
    establish(made, D)
    made.outputs()
    made.stop(1.0, CEASE)
    outputs = made.outputs()
    assert notifications(outputs) == [(D, 6, 2), (A, 6, 2)]
    assert closes(outputs) == [D, A]
    assert made.next_timer() is None


def test_what_the_peer_closes_for_a_collision_never_was_the_session() -> None:
    """The peer resolves it on its side while ours is Established already: no flap, the other connection goes on."""
    made = started()
    connect(made, D)
    connect(made, A)
    made.open_received(D, LOW, 1.0)
    made.keepalive_received(D, 1.0)
    assert made.established_transitions == 1
    made.notification_received(D, Notification(ErrorCode.CEASE, Cease.COLLISION_RESOLUTION), 1.1)
    assert made.established_transitions == 0
    made.open_received(A, LOW, 1.2)
    made.keepalive_received(A, 1.2)
    assert (state(made), made.channel, made.established_transitions) == (S.ESTABLISHED, A, 1)


def test_without_a_rival_a_collision_is_a_flap_like_any_other() -> None:
    made = started()
    connect(made, D)
    made.open_received(D, LOW, 1.0)
    made.keepalive_received(D, 1.0)
    made.notification_received(D, Notification(ErrorCode.CEASE, Cease.COLLISION_RESOLUTION), 1.1)
    assert made.established_transitions == 1


def test_a_peer_that_keeps_its_own_call_is_let_in_when_that_arrives_later() -> None:
    """It says so on our connection before its own one has come in here: who rests then is never reached again."""
    made = started()
    connect(made, D)
    made.open_received(D, LOW, 1.0)
    made.notification_received(D, CEASE_7, 1.0)
    assert made.fsm_state(D) is S.IDLE
    connect(made, A, 1.1)
    made.open_received(A, LOW, 1.2)
    made.keepalive_received(A, 1.2)
    assert (state(made), made.channel) == (S.ESTABLISHED, A)


def test_a_connection_that_the_peer_keeps_and_never_speaks_on_is_not_waited_for_as_long_as_a_new_one() -> None:
    """It would refuse every other call meanwhile."""
    made = started()
    hold = made.config.local.hold_time
    assert 0 < hold < made.config.times.open_hold
    connect(made, D)
    connect(made, A)
    made.open_received(D, HIGH, 1.0)
    made.notification_received(D, CEASE_7, 2.0)
    assert state(made) is S.OPEN_SENT
    made.notification_received(D, CEASE_7, 2.0 + hold / 2)
    made.handle_timers(2.0 + hold - 0.1)
    assert made.fsm_state(A) is S.OPEN_SENT
    made.outputs()
    made.handle_timers(2.0 + hold)
    assert (A, 4, 0) in notifications(made.outputs())
    assert made.fsm_state(A) is not S.OPEN_SENT
