"""The FSM's table against RFC 4271 §8.2.2, which stands here a second time: read from the text, not from the code.

The comments name the clause that a row comes from, in an abridged wording.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from simulator.session.messages import Notification
from simulator.session.states import BgpState as S
from simulator.session.states import FsmEvent as E
from simulator.session.table import DEFAULT, STALE, TABLE, Action, TransitionRule, rule_for


class Expect(NamedTuple):
    """What an event leads to, as far as the peer and the neighbouring states can tell."""

    target: S
    sends: str = ""
    """OPEN, KEEPALIVE, a code/subcode, or `event`: the NOTIFICATION that came with the event."""
    drops: bool = False
    damps: bool = False
    """"increments the ConnectRetryCounter … optionally performs peer oscillation damping"."""


def _stays(state: S) -> Expect:
    return Expect(state)


def _ends(sends: str = "", *, damps: bool = True) -> Expect:
    return Expect(S.IDLE, sends, drops=True, damps=damps)


def _start_events(state: S) -> dict[tuple[S, int], Expect]:
    """ "The start events (Events 1, 3-7) are ignored in the … state." """
    return {(state, number): _stays(state) for number in (3, 5)}


RFC: dict[tuple[S, int], Expect] = {
    # Idle: "ManualStop event (Event 2) and AutomaticStop (Event 8) are ignored in the Idle state."
    (S.IDLE, 2): _stays(S.IDLE),
    (S.IDLE, 8): _stays(S.IDLE),
    # "In response to a ManualStart event (Event 1) or an AutomaticStart event (Event 3) … initiates a TCP connection"
    (S.IDLE, 3): Expect(S.CONNECT),
    # "…with_PassiveTcpEstablishment (Events 4, 5) … changes its state to Active."
    (S.IDLE, 5): Expect(S.ACTIVE),
    # DampPeerOscillations: Event 13 takes the FSM out of Idle again, as a start does.
    (S.IDLE, 13): Expect(S.CONNECT),
    # "Any other event (Events 9-12, 15-28) received in the Idle state does not cause change in the state"
    **{(S.IDLE, number): _stays(S.IDLE) for number in (9, 10, 11, 16, 17, 18, 19, *range(21, 29))},
    # Connect.
    **_start_events(S.CONNECT),
    (S.CONNECT, 2): _ends(damps=False),  # "drops the TCP connection … sets ConnectRetryCounter to zero"
    (S.CONNECT, 9): Expect(S.CONNECT, drops=True),  # "drops the TCP connection, restarts the ConnectRetryTimer …"
    (S.CONNECT, 16): Expect(S.OPEN_SENT, "OPEN"),  # "If the DelayOpen attribute is set to FALSE … sends an OPEN"
    (S.CONNECT, 17): Expect(S.OPEN_SENT, "OPEN"),
    (S.CONNECT, 18): _ends(damps=False),  # "If the DelayOpenTimer is not running … drops … changes its state to Idle"
    (S.CONNECT, 21): _ends(),
    (S.CONNECT, 22): _ends(),
    (S.CONNECT, 24): _ends(),  # "If the DelayOpenTimer is not running …"
    # "In response to any other events (Events 8, 10-11, 13, 19, 23, 25-28)"
    **{(S.CONNECT, number): _ends() for number in (8, 10, 11, 13, 19, 23, 25, 26, 27, 28)},
    # Active.
    **_start_events(S.ACTIVE),
    (S.ACTIVE, 2): _ends(damps=False),
    (S.ACTIVE, 9): Expect(S.CONNECT),  # "restarts the ConnectRetryTimer, initiates a TCP connection …"
    (S.ACTIVE, 16): Expect(S.OPEN_SENT, "OPEN"),
    (S.ACTIVE, 17): Expect(S.OPEN_SENT, "OPEN"),
    (S.ACTIVE, 18): _ends(),  # "increments the ConnectRetryCounter by 1, optionally performs peer oscillation damping"
    (S.ACTIVE, 21): _ends(),
    (S.ACTIVE, 22): _ends(),
    (S.ACTIVE, 24): _ends(),
    **{(S.ACTIVE, number): _ends() for number in (8, 10, 11, 13, 19, 23, 25, 26, 27, 28)},
    # OpenSent.
    **_start_events(S.OPEN_SENT),
    (S.OPEN_SENT, 2): _ends("event", damps=False),  # "sends the NOTIFICATION with a Cease"
    (S.OPEN_SENT, 8): _ends("event"),
    (S.OPEN_SENT, 10): _ends("4/0"),  # "sends a NOTIFICATION message with the error code Hold Timer Expired"
    (S.OPEN_SENT, 16): _stays(S.OPEN_SENT),  # "a second TCP connection may be in progress … tracked"
    (S.OPEN_SENT, 17): _stays(S.OPEN_SENT),
    (S.OPEN_SENT, 18): Expect(S.ACTIVE, drops=True),  # "closes the BGP connection, restarts the ConnectRetryTimer"
    (S.OPEN_SENT, 19): Expect(S.OPEN_CONFIRM, "KEEPALIVE"),
    (S.OPEN_SENT, 21): _ends("event"),
    (S.OPEN_SENT, 22): _ends("event"),
    (S.OPEN_SENT, 23): _ends("event"),  # "sends a NOTIFICATION with a Cease"
    (S.OPEN_SENT, 24): _ends(damps=False),  # no counter, no damping in this paragraph
    # "In response to any other event (Events 9, 11-13, 20, 25-28)"; subcode: RFC 6608
    **{(S.OPEN_SENT, number): _ends("5/1") for number in (9, 11, 13, 25, 26, 27, 28)},
    # OpenConfirm.
    **_start_events(S.OPEN_CONFIRM),
    (S.OPEN_CONFIRM, 2): _ends("event", damps=False),
    (S.OPEN_CONFIRM, 8): _ends("event"),
    (S.OPEN_CONFIRM, 10): _ends("4/0"),
    (S.OPEN_CONFIRM, 11): Expect(S.OPEN_CONFIRM, "KEEPALIVE"),
    (S.OPEN_CONFIRM, 16): _stays(S.OPEN_CONFIRM),
    (S.OPEN_CONFIRM, 17): _stays(S.OPEN_CONFIRM),
    (S.OPEN_CONFIRM, 18): _ends(),  # "TcpConnectionFails event (Event 18) … or a NOTIFICATION message (NotifMsg)"
    (S.OPEN_CONFIRM, 25): _ends(),
    (S.OPEN_CONFIRM, 24): _ends(damps=False),
    (S.OPEN_CONFIRM, 19): _stays(S.OPEN_CONFIRM),  # "the collision detect function is processed per Section 6.8"
    (S.OPEN_CONFIRM, 21): _ends("event"),
    (S.OPEN_CONFIRM, 22): _ends("event"),
    (S.OPEN_CONFIRM, 23): _ends("event"),
    (S.OPEN_CONFIRM, 26): Expect(S.ESTABLISHED),
    # "In response to any other event (Events 9, 12-13, 20, 27-28)"
    **{(S.OPEN_CONFIRM, number): _ends("5/2") for number in (9, 13, 27, 28)},
    # Established.
    **_start_events(S.ESTABLISHED),
    (S.ESTABLISHED, 2): _ends("event", damps=False),
    (S.ESTABLISHED, 8): _ends("event"),
    (S.ESTABLISHED, 10): _ends("4/0"),
    (S.ESTABLISHED, 11): Expect(S.ESTABLISHED, "KEEPALIVE"),
    (S.ESTABLISHED, 16): _stays(S.ESTABLISHED),  # "the second connection SHALL be tracked until it sends an OPEN"
    (S.ESTABLISHED, 17): _stays(S.ESTABLISHED),
    (S.ESTABLISHED, 18): _ends(damps=False),  # "NOTIFICATION (Event 24 or 25) or a TcpConnectionFails (Event 18)"
    (S.ESTABLISHED, 24): _ends(damps=False),
    (S.ESTABLISHED, 25): _ends(damps=False),
    (S.ESTABLISHED, 19): _stays(S.ESTABLISHED),  # "checked to see if it collides … with any other connection"
    (S.ESTABLISHED, 23): _ends("event"),
    (S.ESTABLISHED, 26): _stays(S.ESTABLISHED),
    (S.ESTABLISHED, 27): _stays(S.ESTABLISHED),
    (S.ESTABLISHED, 28): _ends("event"),
    # "In response to any other event (Events 9, 12-13, 20-22)"
    **{(S.ESTABLISHED, number): _ends("5/3") for number in (9, 13, 21, 22)},
    # RFC 9687 §4.3: Event 29 in Established; the timer runs in no other state.
    (S.ESTABLISHED, 29): _ends("8/0"),
    **{(state, 29): _stays(state) for state in S if state is not S.ESTABLISHED},
}
"""(state, event number) → what RFC 4271 §8.2.2 and RFC 9687 §4.3 say, for every numbered event that is used here."""

SIMULATOR: dict[tuple[S, E], Expect] = {
    # A ROUTE-REFRESH belongs in Established (RFC 2918); elsewhere RFC 6608 §4 names it as an unexpected message.
    (S.IDLE, E.ROUTE_REFRESH_MSG): _stays(S.IDLE),
    (S.CONNECT, E.ROUTE_REFRESH_MSG): _ends(),
    (S.ACTIVE, E.ROUTE_REFRESH_MSG): _ends(),
    (S.OPEN_SENT, E.ROUTE_REFRESH_MSG): _ends("5/1"),
    (S.OPEN_CONFIRM, E.ROUTE_REFRESH_MSG): _ends("5/2"),
    (S.ESTABLISHED, E.ROUTE_REFRESH_MSG): _stays(S.ESTABLISHED),
    # RFC 4271 §6.7 and RFC 4486 §4: a Cease, then the longer back-off.
    (S.ESTABLISHED, E.PREFIX_LIMIT_REACHED): _ends("event"),
}

DEVIATIONS: dict[tuple[S, int], tuple[Expect, str]] = {
    **{
        (state, 8): (Expect(S.IDLE, sends, drops=True), "the session decides how long both FSMs rest")
        for state, sends in ((S.CONNECT, ""), (S.ACTIVE, ""), (S.OPEN_SENT, "event"))
    },
    **{
        (state, 8): (Expect(S.IDLE, "event", drops=True), "the session decides how long both FSMs rest")
        for state in (S.OPEN_CONFIRM, S.ESTABLISHED)
    },
    **{
        (state, 23): (Expect(S.IDLE, "event", drops=True), "the session goes on over the other connection")
        for state in (S.OPEN_SENT, S.OPEN_CONFIRM, S.ESTABLISHED)
    },
    **{
        (state, number): (_stays(state), "a timer that this state stopped cannot expire")
        for state, numbers in (
            (S.CONNECT, (11, 13)),
            (S.ACTIVE, (11, 13)),
            (S.OPEN_SENT, (9, 11, 13)),
            (S.OPEN_CONFIRM, (9, 13)),
            (S.ESTABLISHED, (9, 13)),
        )
        for number in numbers
    },
    (S.ACTIVE, 18): (_ends(damps=False), "TCP alone failed: the ConnectRetry time, no back-off"),
    (S.OPEN_SENT, 25): (_ends(), "no NOTIFICATION is answered by another"),
    **{
        (state, 24): (_ends(), "a peer that refuses our version would be redialled at once")
        for state in (S.OPEN_SENT, S.OPEN_CONFIRM, S.ESTABLISHED)
    },
    **{
        (S.ESTABLISHED, number): (_ends(), "a peer that ends every session would be redialled at once")
        for number in (18, 25)
    },
    (S.OPEN_CONFIRM, 19): (_ends("5/2"), "a second OPEN on the same TCP connection is unexpected (RFC 6608)"),
    (S.ESTABLISHED, 19): (_ends("5/3"), "a second OPEN on the same TCP connection is unexpected (RFC 6608)"),
    (S.ESTABLISHED, 21): (_ends("event"), "§6.1 asks for a Message Header Error"),
}
"""Where the table departs from the letter on purpose: what it does instead, and why. docs/bgp-fsm.md tells the user."""


def _expected(state: S, event: E) -> Expect:
    if (state, event.value) in DEVIATIONS:
        return DEVIATIONS[state, event.value][0]
    return SIMULATOR[state, event] if (state, event) in SIMULATOR else RFC[state, event.value]


def _seen(state: S, event: E) -> Expect:
    rule = rule_for(state, event)
    return _stays(state) if rule is None else _shown(rule)


def _shown(rule: TransitionRule) -> Expect:
    sends = []
    for action in rule.actions:
        if action is Action.SEND_NOTIFICATION:
            own = rule.notification
            sends.append(f"{own.code}/{own.subcode}" if own else "event")
        elif action in (Action.SEND_OPEN, Action.SEND_KEEPALIVE):
            sends.append(action.name.removeprefix("SEND_"))
    return Expect(rule.target, ", ".join(sends), Action.DROP in rule.actions, Action.DAMP in rule.actions)


_CELLS = [(state, event) for state in S for event in E if (state, event) in SIMULATOR or event.value < 100]


@pytest.mark.parametrize(("state", "event"), _CELLS, ids=lambda part: str(part) if isinstance(part, S) else part.name)
def test_every_cell_is_what_the_rfc_says(state: S, event: E) -> None:
    assert _seen(state, event) == _expected(state, event)


def test_the_rfc_is_written_down_for_every_state_and_every_numbered_event() -> None:
    assert set(RFC) == {(state, event.value) for state in S for event in E if event.value < 100}


@pytest.mark.parametrize(("state", "number"), list(DEVIATIONS), ids=str)
def test_a_deviation_really_deviates(state: S, number: int) -> None:
    assert DEVIATIONS[state, number][0] != RFC[state, number]


@pytest.mark.parametrize("event", [E.AUTOMATIC_START, E.IDLE_HOLD_TIMER_EXPIRES])
def test_a_start_dials(event: E) -> None:
    rule = TABLE[S.IDLE][event]
    assert rule.actions == (Action.START_CONNECT_RETRY, Action.DIAL)


def test_a_passive_start_does_not_dial() -> None:
    assert Action.DIAL not in TABLE[S.IDLE][E.AUTOMATIC_START_PASSIVE].actions


@pytest.mark.parametrize("state", [S.CONNECT, S.ACTIVE])
def test_the_connect_retry_timer_dials_again_and_runs_again(state: S) -> None:
    actions = TABLE[state][E.CONNECT_RETRY_TIMER_EXPIRES].actions
    assert actions[-2:] == (Action.START_CONNECT_RETRY, Action.DIAL)


def _rules() -> list[tuple[S, TransitionRule]]:
    explicit = [(state, rule) for state, rules in TABLE.items() for rule in rules.values()]
    return explicit + [(state, rule) for state, rule in DEFAULT.items() if rule is not None]


def test_whatever_leaves_a_connection_stops_its_timers_and_closes_it() -> None:
    for state, rule in _rules():
        if rule.target is S.IDLE and state is not S.IDLE:
            assert Action.STOP_TIMERS in rule.actions, (state, rule)
            assert Action.DROP in rule.actions, (state, rule)


def test_the_last_word_is_said_before_the_connection_is_closed_and_before_the_rest_begins() -> None:
    order = [Action.DOWN, Action.SEND_NOTIFICATION, Action.STOP_TIMERS, Action.DROP, Action.DAMP]
    for state, rule in _rules():
        if rule.target is S.IDLE and state is not S.IDLE:
            places = [order.index(action) for action in rule.actions if action in order]
            assert places == sorted(places), (state, rule)


def test_down_is_told_exactly_when_established_is_left() -> None:
    for state, rule in _rules():
        left = state is S.ESTABLISHED and rule.target is not S.ESTABLISHED
        assert (Action.DOWN in rule.actions) == left, (state, rule)


def test_up_is_told_exactly_when_established_is_entered() -> None:
    for state, rule in _rules():
        entered = state is not S.ESTABLISHED and rule.target is S.ESTABLISHED
        assert (Action.UP in rule.actions) == entered, (state, rule)


def test_every_rule_says_why() -> None:
    assert all(rule.reason for _, rule in _rules())


@pytest.mark.parametrize(
    ("event", "kind"),
    [(E.UPDATE_MSG, 2), (E.UPDATE_MSG_ERR, 2), (E.KEEPALIVE_MSG, 4), (E.ROUTE_REFRESH_MSG, 5)],
)
def test_an_unexpected_message_is_named_in_the_data_field(event: E, kind: int) -> None:
    """RFC 6608 §4: "The Data field is a 1-octet, unsigned integer that indicates the type of the … message"."""
    rule = rule_for(S.OPEN_SENT, event)
    assert rule is not None
    assert rule.notification == Notification(5, 1, bytes((kind,)))


@pytest.mark.parametrize(("state", "subcode"), [(S.OPEN_CONFIRM, 2), (S.ESTABLISHED, 3)])
def test_a_second_open_is_an_fsm_error_with_its_type(state: S, subcode: int) -> None:
    rule = rule_for(state, E.BGP_OPEN)
    assert rule is not None
    assert rule.notification == Notification(5, subcode, b"\x01")
    assert rule.reason.endswith(": OPEN")


def test_stale_events_never_end_anything() -> None:
    for state in S:
        for event in STALE - set(TABLE[state]):
            assert rule_for(state, event) is None
