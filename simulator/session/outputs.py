"""What a session asks of its owner, and tells him: plain data."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.session.fsm import Channel
from simulator.session.messages import Notification, Open
from simulator.session.negotiation import Negotiated
from simulator.session.states import BgpState


@dataclass(frozen=True, slots=True)
class DialPeer:
    """Open a TCP connection to the peer."""


@dataclass(frozen=True, slots=True)
class CloseChannel:
    """Close this channel's TCP connection, after what was sent, or give up its dial."""

    channel: Channel


@dataclass(frozen=True, slots=True)
class Send:
    """Send a message; None is a KEEPALIVE."""

    channel: Channel
    message: Open | Notification | None


@dataclass(frozen=True, slots=True)
class Up:
    """Established: this is what was agreed."""

    channel: Channel
    negotiated: Negotiated


@dataclass(frozen=True, slots=True)
class Down:
    """No longer Established: forget what the peer announced."""


@dataclass(frozen=True, slots=True)
class BgpTransition:
    """One change of the session's BGP FSM state, with its reason in words."""

    time: float
    source: BgpState
    target: BgpState
    reason: str


@dataclass(frozen=True, slots=True)
class NotificationSeen:
    """A NOTIFICATION, sent or received, kept as evidence."""

    time: float
    sent: bool
    notification: Notification


Output = DialPeer | CloseChannel | Send | Up | Down | BgpTransition | NotificationSeen
