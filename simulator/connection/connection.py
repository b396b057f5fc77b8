"""One peering connection: its state, its history, and the only way to change either."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from simulator.connection.states import Actor, ConnectionEvent, ConnectionState, Flow
from simulator.connection.table import INDEX, Facts, possible


class TransitionRefusedError(Exception):
    """The table has no row for this event in this state, or its guard does not hold. The state is unchanged."""

    def __init__(self, state: ConnectionState, event: ConnectionEvent, message: str) -> None:
        super().__init__(message)
        self.state = state
        self.event = event


@dataclass(frozen=True, slots=True)
class ConnectionTransition:
    """One step of the life cycle, with its reason in words."""

    time: float
    """Seconds since the epoch."""
    source: ConnectionState
    target: ConnectionState
    event: ConnectionEvent
    actor: Actor
    reason: str
    evidence: str
    """`doc`, `spec`, `recorded`, `simulator`: who says that this step exists (see `simulator.connection.table`)."""


_DELETE_REFUSED = "a peering in {state} cannot be deleted: wait until it is Active or ProvisioningFailed"


@dataclass(slots=True)
class Connection:
    """A peering connection. Pure: the caller passes the time, and carries out what a transition implies."""

    id: str
    flow: Flow = Flow.EXCHANGE
    state: ConnectionState = field(default=ConnectionState.NONE, init=False)
    error_message: str = field(default="", init=False)
    history: list[ConnectionTransition] = field(default_factory=list, init=False)

    def apply(
        self, event: ConnectionEvent, now: float, facts: Facts | None = None, detail: str = ""
    ) -> ConnectionTransition:
        """Move by `event`. `detail` joins the reason, and is the errorMessage where the target state has one.

        Raises TransitionRefusedError and changes nothing where the table has no row or the guard does not hold.
        """
        row = INDEX.get((self.state, event, self.flow))
        if row is None:
            raise TransitionRefusedError(self.state, event, self._refusal(event))
        known = replace(
            facts or Facts(), request_approved=self._request_approved(), never_provisioned=self._never_provisioned()
        )
        for guard in row.guards:
            if not guard.holds(known):
                raise TransitionRefusedError(self.state, event, f"{self.id}: {guard.refusal}")
        reason = f"{row.reason}: {detail}" if detail else row.reason
        step = ConnectionTransition(now, self.state, row.target, event, row.actor, reason, row.evidence)
        self.state = row.target
        self.error_message = "" if row.error_message is None else (detail or row.error_message)
        self.history.append(step)
        return step

    def _request_approved(self) -> bool:
        """Whether the request was approved since it last went to review."""
        for step in reversed(self.history):
            if step.event in (ConnectionEvent.APPROVED, ConnectionEvent.LEGACY_CONVERTED):
                return True
            if step.target is ConnectionState.PENDING_APPROVAL:
                return False
        return False

    def _never_provisioned(self) -> bool:
        """Whether there can be no BGP session yet: none was provisioned since the connection last began."""
        for step in reversed(self.history):
            if step.target in (ConnectionState.PROVISIONING_STARTED, ConnectionState.ACTIVE):
                return False
            if step.source is ConnectionState.NONE:
                return True
        return True

    def _refusal(self, event: ConnectionEvent) -> str:
        if event is ConnectionEvent.DELETED and self.state in (
            ConnectionState.PROVISIONING_STARTED,
            ConnectionState.PROVISIONING_COMPLETED,
        ):
            return f"{self.id}: {_DELETE_REFUSED.format(state=self.state)}"
        options = ", ".join(str(option) for option in possible(self.state, self.flow)) or "nothing"
        return f"{self.id}: '{event}' does not apply to a connection in state {self.state} (possible: {options})"
