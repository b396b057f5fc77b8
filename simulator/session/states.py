"""The BGP FSM's states and events (RFC 4271 §8). Nothing here knows of peering connections."""

from __future__ import annotations

from enum import Enum

from simulator.axis import AxisState


class BgpState(AxisState):
    """RFC 4271 §8.2.2. `ACTIVE` means *waiting for a TCP connection*: the session is not up."""

    IDLE = "Idle"
    CONNECT = "Connect"
    ACTIVE = "Active"
    OPEN_SENT = "OpenSent"
    OPEN_CONFIRM = "OpenConfirm"
    ESTABLISHED = "Established"


class FsmEvent(Enum):
    """RFC 4271 §8.1 by its event numbers; 29 is RFC 9687's; the last two have no number in an RFC."""

    MANUAL_STOP = 2
    AUTOMATIC_START = 3
    AUTOMATIC_START_PASSIVE = 5
    AUTOMATIC_STOP = 8
    CONNECT_RETRY_TIMER_EXPIRES = 9
    HOLD_TIMER_EXPIRES = 10
    KEEPALIVE_TIMER_EXPIRES = 11
    IDLE_HOLD_TIMER_EXPIRES = 13
    TCP_CR_ACKED = 16
    TCP_CONNECTION_CONFIRMED = 17
    TCP_CONNECTION_FAILS = 18
    BGP_OPEN = 19
    BGP_HEADER_ERR = 21
    BGP_OPEN_MSG_ERR = 22
    OPEN_COLLISION_DUMP = 23
    NOTIF_MSG_VER_ERR = 24
    NOTIF_MSG = 25
    KEEPALIVE_MSG = 26
    UPDATE_MSG = 27
    UPDATE_MSG_ERR = 28
    SEND_HOLD_TIMER_EXPIRES = 29
    ROUTE_REFRESH_MSG = 100
    """RFC 2918: like an UPDATE, it belongs in Established only."""
    PREFIX_LIMIT_REACHED = 101
    """RFC 4486 §4: Cease 1; an AutomaticStop with a longer back-off."""

    __hash__ = object.__hash__


class Timer(Enum):
    """The session timers of RFC 4271 §8 and RFC 9687 §3."""

    CONNECT_RETRY = "ConnectRetryTimer"
    HOLD = "HoldTimer"
    KEEPALIVE = "KeepaliveTimer"
    IDLE_HOLD = "IdleHoldTimer"
    SEND_HOLD = "SendHoldTimer"

    __hash__ = object.__hash__
