"""The BGP finite state machine of RFC 4271 §8.2.2, as data. One instance runs for each TCP connection of a session.

Everything that can move a BGP FSM is in this file, and it does not know its role: the FSM of a connection that we
dialled and the FSM of one that we accepted follow the same table (RFC 4271 §8.2.1 asks for one FSM a connection until
the collision is resolved). Of the optional attributes DampPeerOscillations, PassiveTcpEstablishment,
CollisionDetectEstablishedState and the SendHoldTimer of RFC 9687 are used; DelayOpen is not.

Where the RFC answers a NOTIFICATION in OpenSent with an FSM error, this table does not: no NOTIFICATION is answered by
another. Where it answers a malformed header in Established with an FSM error, this table sends what §6.1 asks for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto

from simulator.session.messages import ErrorCode, Notification
from simulator.session.states import BgpState, FsmEvent

S = BgpState
E = FsmEvent


class Action(Enum):
    """What a row makes the session do, in order."""

    DIAL = auto()
    DROP = auto()
    """Close the TCP connection, or give up the dial."""
    SEND_OPEN = auto()
    SEND_KEEPALIVE = auto()
    SEND_NOTIFICATION = auto()
    """The row's own, else the one that came with the event."""
    START_CONNECT_RETRY = auto()
    STOP_CONNECT_RETRY = auto()
    START_OPEN_HOLD = auto()
    """HoldTimer at its large value, 4 minutes."""
    START_HOLD = auto()
    """HoldTimer and KeepaliveTimer at their negotiated values. Where 0 was negotiated the large value runs on until
    the KEEPALIVE: no state waits for ever."""
    RESTART_HOLD = auto()
    """HoldTimer at its negotiated value, or none where that is 0."""
    RESTART_KEEPALIVE = auto()
    STOP_TIMERS = auto()
    REST = auto()
    """IdleHoldTimer at the ConnectRetry time: TCP alone failed, that is no oscillation."""
    DAMP = auto()
    """IdleHoldTimer with back-off (DampPeerOscillations). While the other channel still talks only this attempt has
    failed, not the session, and this FSM waits in Idle for the outcome."""
    UP = auto()
    """Starts the SendHoldTimer as well."""
    DOWN = auto()

    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True)
class TransitionRule:
    """What follows from one event in one state."""

    target: BgpState
    actions: tuple[Action, ...]
    reason: str
    notification: Notification | None = None


A = Action
_RELEASE = (A.STOP_TIMERS, A.DROP)
_FAIL = (*_RELEASE, A.DAMP)
_REFUSE = (A.SEND_NOTIFICATION, *_RELEASE, A.DAMP)
_QUIT = (A.SEND_NOTIFICATION, *_RELEASE)
_LOSE = (A.DOWN, *_FAIL)
_LOSE_TELLING = (A.DOWN, *_REFUSE)
_OPENING = (A.STOP_CONNECT_RETRY, A.SEND_OPEN, A.START_OPEN_HOLD)

_HOLD_EXPIRED = Notification(ErrorCode.HOLD_TIMER_EXPIRED)
_SEND_HOLD_EXPIRED = Notification(ErrorCode.SEND_HOLD_TIMER_EXPIRED)


def _fsm_error(subcode: int) -> Notification:
    """RFC 6608: which state the unexpected message arrived in."""
    return Notification(ErrorCode.FSM, subcode)


_FSM_ERROR = {S.OPEN_SENT: _fsm_error(1), S.OPEN_CONFIRM: _fsm_error(2), S.ESTABLISHED: _fsm_error(3)}
_MESSAGES = {
    E.BGP_OPEN: (1, "OPEN"),
    E.BGP_OPEN_MSG_ERR: (1, "OPEN"),
    E.UPDATE_MSG: (2, "UPDATE"),
    E.UPDATE_MSG_ERR: (2, "UPDATE"),
    E.KEEPALIVE_MSG: (4, "KEEPALIVE"),
    E.ROUTE_REFRESH_MSG: (5, "ROUTE-REFRESH"),
}
"""The type octet and the name of the message behind an event."""

STARTED = "session started"
"""How the reason begins of the step by which a session that was just configured leaves Idle."""

TABLE: dict[BgpState, dict[FsmEvent, TransitionRule]] = {
    S.IDLE: {
        E.AUTOMATIC_START: TransitionRule(S.CONNECT, (A.START_CONNECT_RETRY, A.DIAL), f"{STARTED}, dialling the peer"),
        E.AUTOMATIC_START_PASSIVE: TransitionRule(
            S.ACTIVE, (A.START_CONNECT_RETRY,), f"{STARTED}, listening for the peer"
        ),
        E.IDLE_HOLD_TIMER_EXPIRES: TransitionRule(
            S.CONNECT, (A.START_CONNECT_RETRY, A.DIAL), "idle hold time over, dialling the peer"
        ),
        E.MANUAL_STOP: TransitionRule(S.IDLE, (A.STOP_TIMERS,), "stopped"),
        E.AUTOMATIC_STOP: TransitionRule(S.IDLE, (A.STOP_TIMERS,), "stopped"),
    },
    S.CONNECT: {
        E.MANUAL_STOP: TransitionRule(S.IDLE, _RELEASE, "stopped"),
        E.AUTOMATIC_STOP: TransitionRule(S.IDLE, _RELEASE, "stopped"),
        E.CONNECT_RETRY_TIMER_EXPIRES: TransitionRule(
            S.CONNECT, (A.DROP, A.START_CONNECT_RETRY, A.DIAL), "no answer to the TCP SYN, dialling again"
        ),
        E.TCP_CR_ACKED: TransitionRule(S.OPEN_SENT, _OPENING, "TCP connection to the peer is up, OPEN sent"),
        E.TCP_CONNECTION_CONFIRMED: TransitionRule(
            S.OPEN_SENT, _OPENING, "TCP connection from the peer accepted, OPEN sent"
        ),
        E.TCP_CONNECTION_FAILS: TransitionRule(S.IDLE, (*_RELEASE, A.REST), "TCP connection failed"),
    },
    S.ACTIVE: {
        E.MANUAL_STOP: TransitionRule(S.IDLE, _RELEASE, "stopped"),
        E.AUTOMATIC_STOP: TransitionRule(S.IDLE, _RELEASE, "stopped"),
        E.CONNECT_RETRY_TIMER_EXPIRES: TransitionRule(
            S.CONNECT, (A.START_CONNECT_RETRY, A.DIAL), "the peer did not call, dialling it"
        ),
        E.TCP_CR_ACKED: TransitionRule(S.OPEN_SENT, _OPENING, "TCP connection to the peer is up, OPEN sent"),
        E.TCP_CONNECTION_CONFIRMED: TransitionRule(
            S.OPEN_SENT, _OPENING, "TCP connection from the peer accepted, OPEN sent"
        ),
        E.TCP_CONNECTION_FAILS: TransitionRule(S.IDLE, (*_RELEASE, A.REST), "TCP connection failed"),
    },
    S.OPEN_SENT: {
        E.MANUAL_STOP: TransitionRule(S.IDLE, _QUIT, "stopped"),
        E.AUTOMATIC_STOP: TransitionRule(S.IDLE, _QUIT, "stopped"),
        E.HOLD_TIMER_EXPIRES: TransitionRule(
            S.IDLE, _REFUSE, "no OPEN from the peer before the hold timer expired", _HOLD_EXPIRED
        ),
        E.TCP_CONNECTION_FAILS: TransitionRule(
            S.ACTIVE, (*_RELEASE, A.START_CONNECT_RETRY), "the peer closed the TCP connection before its OPEN"
        ),
        E.BGP_OPEN: TransitionRule(
            S.OPEN_CONFIRM, (A.SEND_KEEPALIVE, A.START_HOLD), "OPEN received and accepted, KEEPALIVE sent"
        ),
        E.BGP_HEADER_ERR: TransitionRule(S.IDLE, _REFUSE, "malformed message header"),
        E.BGP_OPEN_MSG_ERR: TransitionRule(S.IDLE, _REFUSE, "the peer's OPEN is not acceptable"),
        E.OPEN_COLLISION_DUMP: TransitionRule(S.IDLE, _QUIT, "connection collision: the other TCP connection is kept"),
        E.NOTIF_MSG_VER_ERR: TransitionRule(S.IDLE, _FAIL, "the peer refused our BGP version"),
        E.NOTIF_MSG: TransitionRule(S.IDLE, _FAIL, "NOTIFICATION received"),
    },
    S.OPEN_CONFIRM: {
        E.MANUAL_STOP: TransitionRule(S.IDLE, _QUIT, "stopped"),
        E.AUTOMATIC_STOP: TransitionRule(S.IDLE, _QUIT, "stopped"),
        E.HOLD_TIMER_EXPIRES: TransitionRule(
            S.IDLE, _REFUSE, "no KEEPALIVE from the peer before the hold timer expired", _HOLD_EXPIRED
        ),
        E.KEEPALIVE_TIMER_EXPIRES: TransitionRule(S.OPEN_CONFIRM, (A.SEND_KEEPALIVE, A.RESTART_KEEPALIVE), "keepalive"),
        E.TCP_CONNECTION_FAILS: TransitionRule(S.IDLE, _FAIL, "the peer closed the TCP connection after its OPEN"),
        E.BGP_HEADER_ERR: TransitionRule(S.IDLE, _REFUSE, "malformed message header"),
        E.BGP_OPEN_MSG_ERR: TransitionRule(S.IDLE, _REFUSE, "the peer's OPEN is not acceptable"),
        E.OPEN_COLLISION_DUMP: TransitionRule(S.IDLE, _QUIT, "connection collision: the other TCP connection is kept"),
        E.NOTIF_MSG_VER_ERR: TransitionRule(S.IDLE, _FAIL, "the peer refused our BGP version"),
        E.NOTIF_MSG: TransitionRule(S.IDLE, _FAIL, "NOTIFICATION received"),
        E.KEEPALIVE_MSG: TransitionRule(S.ESTABLISHED, (A.RESTART_HOLD, A.UP), "KEEPALIVE received"),
    },
    S.ESTABLISHED: {
        E.MANUAL_STOP: TransitionRule(S.IDLE, (A.DOWN, *_QUIT), "stopped"),
        E.AUTOMATIC_STOP: TransitionRule(S.IDLE, (A.DOWN, *_QUIT), "stopped"),
        E.HOLD_TIMER_EXPIRES: TransitionRule(
            S.IDLE, _LOSE_TELLING, "nothing heard from the peer for the hold time", _HOLD_EXPIRED
        ),
        E.SEND_HOLD_TIMER_EXPIRES: TransitionRule(
            S.IDLE, _LOSE_TELLING, "the peer took no octet for the send hold time", _SEND_HOLD_EXPIRED
        ),
        E.KEEPALIVE_TIMER_EXPIRES: TransitionRule(S.ESTABLISHED, (A.SEND_KEEPALIVE, A.RESTART_KEEPALIVE), "keepalive"),
        E.TCP_CONNECTION_FAILS: TransitionRule(S.IDLE, _LOSE, "the TCP connection was lost"),
        E.BGP_HEADER_ERR: TransitionRule(S.IDLE, _LOSE_TELLING, "malformed message header"),
        E.OPEN_COLLISION_DUMP: TransitionRule(
            S.IDLE, (A.DOWN, *_QUIT), "connection collision: the other TCP connection is kept"
        ),
        E.NOTIF_MSG_VER_ERR: TransitionRule(S.IDLE, _LOSE, "NOTIFICATION received"),
        E.NOTIF_MSG: TransitionRule(S.IDLE, _LOSE, "NOTIFICATION received"),
        E.KEEPALIVE_MSG: TransitionRule(S.ESTABLISHED, (A.RESTART_HOLD,), "keepalive"),
        E.UPDATE_MSG: TransitionRule(S.ESTABLISHED, (A.RESTART_HOLD,), "update"),
        E.ROUTE_REFRESH_MSG: TransitionRule(S.ESTABLISHED, (A.RESTART_HOLD,), "route refresh"),
        E.UPDATE_MSG_ERR: TransitionRule(S.IDLE, _LOSE_TELLING, "malformed UPDATE"),
        E.PREFIX_LIMIT_REACHED: TransitionRule(S.IDLE, _LOSE_TELLING, "the peer sent more prefixes than it may"),
    },
}
"""state → event → rule. An event that is not listed follows DEFAULT."""

DEFAULT: dict[BgpState, TransitionRule | None] = {
    S.IDLE: None,
    S.CONNECT: TransitionRule(S.IDLE, _FAIL, "unexpected event"),
    S.ACTIVE: TransitionRule(S.IDLE, _FAIL, "unexpected event"),
    S.OPEN_SENT: TransitionRule(S.IDLE, _REFUSE, "unexpected message in OpenSent", _FSM_ERROR[S.OPEN_SENT]),
    S.OPEN_CONFIRM: TransitionRule(S.IDLE, _REFUSE, "unexpected message in OpenConfirm", _FSM_ERROR[S.OPEN_CONFIRM]),
    S.ESTABLISHED: TransitionRule(
        S.IDLE, _LOSE_TELLING, "unexpected message in Established", _FSM_ERROR[S.ESTABLISHED]
    ),
}
"""RFC 4271 §8.2.2, "any other event": ignored in Idle, the end of the attempt elsewhere."""

STALE = frozenset(
    {E.AUTOMATIC_START, E.AUTOMATIC_START_PASSIVE, E.IDLE_HOLD_TIMER_EXPIRES, E.CONNECT_RETRY_TIMER_EXPIRES}
    | {E.KEEPALIVE_TIMER_EXPIRES, E.SEND_HOLD_TIMER_EXPIRES, E.TCP_CR_ACKED, E.TCP_CONNECTION_CONFIRMED}
)
"""Start events are ignored outside Idle (RFC 4271 §8.2.2). So are a timer that the state no longer runs and a second
TCP connection, which is the other FSM's."""


def rule_for(state: BgpState, event: FsmEvent) -> TransitionRule | None:
    """The rule of `event` in `state`; None means that the event is ignored."""
    rule = TABLE[state].get(event)
    if rule is not None or event in STALE:
        return rule
    rule = DEFAULT[state]
    if rule is None or rule.notification is None or event not in _MESSAGES:
        return rule
    kind, name = _MESSAGES[event]
    # RFC 6608 §4: the data field is the type of the unexpected message.
    return replace(rule, reason=f"{rule.reason}: {name}", notification=replace(rule.notification, data=bytes((kind,))))
