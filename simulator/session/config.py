"""How one side of a session speaks: its OPEN, its peer and its timers."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulator.session.messages import Open


@dataclass(frozen=True, slots=True)
class SessionTimes:
    """Timer values in seconds. The defaults are those of a lab; RFC 4271 §10 suggests 120 s for ConnectRetry."""

    connect_retry: float = 5.0
    open_hold: float = 240.0
    """RFC 4271 §8.2.2: the large HoldTimer while waiting for the OPEN."""
    send_hold: float = 480.0
    """RFC 9687 §5: the larger of this (8 minutes) and twice the hold time; 0 switches it off."""
    idle_hold: float = 1.0
    idle_hold_max: float = 60.0
    stable: float = 60.0
    """Established for this long forgets the back-off."""
    prefix_limit_hold: float = 60.0
    """IdleHold after a prefix limit, so that an early redial does not trip it again."""


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """How this side speaks."""

    local: Open
    peer_as: int | None
    """None accepts any ASN."""
    dial: bool = True
    """False: never dial (PassiveTcpEstablishment only)."""
    dial_first: bool = True
    """False: listen for the ConnectRetry time before the first dial."""
    times: SessionTimes = field(default_factory=SessionTimes)
