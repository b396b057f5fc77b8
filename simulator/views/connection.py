"""A peering connection and its steps as everybody sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from simulator.connection.connection import ConnectionTransition
from simulator.connection.states import ConnectionState, Flow
from simulator.session.outputs import BgpTransition
from simulator.session.states import BgpState
from simulator.views.check import CheckView
from simulator.views.session import SessionView

Axis = Literal["connection", "bgp"]


@dataclass(frozen=True, slots=True)
class StepView:
    """One change on one of the two axes."""

    time: float
    from_: ConnectionState | BgpState
    to: ConnectionState | BgpState
    reason: str
    session: str = ""
    """Whose BGP state changed; empty for a step of the connection."""
    cause: str = ""
    """The event of the life cycle that moved a connection."""
    actor: str = ""
    """Who caused that."""
    source: str = ""
    """Who says that the life cycle has this step: `doc`, `spec`, `recorded` or `simulator`."""

    DERIVED: ClassVar = ("axis",)

    @classmethod
    def of_connection(cls, step: ConnectionTransition) -> StepView:
        return cls(
            time=step.time,
            from_=step.source,
            to=step.target,
            reason=step.reason,
            cause=step.event.value,
            actor=step.actor.value,
            source=step.evidence,
        )

    @classmethod
    def of_session(cls, session: str, change: BgpTransition) -> StepView:
        return cls(change.time, change.source, change.target, change.reason, session)

    @property
    def axis(self) -> Axis:
        """Which of the two state machines moved. Both have a state called Active, with opposite meanings."""
        return "connection" if isinstance(self.to, ConnectionState) else "bgp"


@dataclass(frozen=True, slots=True)
class ShutGate:
    """For how long the gate of one session was shut. Times in seconds since 1970."""

    session: str
    since: float
    until: float | None
    """None where it is shut still."""


@dataclass(frozen=True, slots=True)
class ConnectionView:
    """A peering connection at one moment: its state, its sessions, what it went through, and its last checks."""

    id: str
    peering: str
    kind: Flow
    """Whose life cycle it has."""
    profile: str
    """The policy profile that is in force once the connection is Active."""
    peer: str
    peer_as: int
    connection_state: ConnectionState
    """`None` before the request, and again once it is deprovisioned."""
    shown_state: ConnectionState
    """What its Azure resource shows: PendingApproval while a conversion is reviewed."""
    error_message: str
    sessions: tuple[SessionView, ...]
    timeline: tuple[StepView, ...]
    checks: tuple[CheckView, ...]

    DERIVED: ClassVar = ("reached",)

    @property
    def reached(self) -> tuple[ConnectionState, ...]:
        """Every connection state that it went through, in order."""
        return tuple(
            step.to for step in self.timeline if isinstance(step.to, ConnectionState) and step.to is not step.from_
        )
