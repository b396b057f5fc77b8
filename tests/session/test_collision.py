"""Two TCP connections of one session: which one stays (RFC 4271 §6.8), and what becomes of the other."""

from __future__ import annotations

import pytest

from simulator.session.fsm import Channel
from simulator.session.messages import Open
from simulator.session.session import BgpTransition, Dial, Down, Up
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
)

COLLISION = (6, 7)
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
    assert (made.state, made.channel) == (S.ESTABLISHED, stays)


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
    assert (made.state, made.channel) == (S.ESTABLISHED, stays)
    moved = stays is not first
    assert bool(of(Down, outputs)) == moved
    assert made.established_transitions == (2 if moved else 1)


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
    made.notification_received(loser, _collision(), 1.1)
    assert made.fsm_state(loser.other) is S.OPEN_SENT
    made.open_received(loser.other, peer, 1.2)
    made.keepalive_received(loser.other, 1.3)
    assert (made.state, made.channel) == (S.ESTABLISHED, loser.other)


def _collision() -> type[object] | object:
    from simulator.session.messages import Notification

    return Notification(*COLLISION)


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
    made.notification_received(A, _collision(), 0.0)  # type: ignore[arg-type]
    made.open_received(D, LOW, 0.0)
    made.keepalive_received(D, 0.0)
    made.tcp_failed(D, 1.0, "reset")
    assert made.next_timer() == 2.0
