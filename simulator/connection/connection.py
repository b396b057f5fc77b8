"""One peering connection: its state, its history, and the only way to change either."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from simulator.connection.states import Actor, ConnectionEvent, ConnectionState, Conversion, Flow
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
    error_message: str = ""
    """The connection's errorMessage from this step on."""


MOST_STEPS: Final = 1000
"""Steps of one connection that are remembered (simulator); the store has them all."""

_CONVERSION: dict[ConnectionEvent, Conversion] = {
    ConnectionEvent.CONVERSION_REQUESTED: Conversion.PENDING,
    ConnectionEvent.CONVERSION_REJECTED: Conversion.REJECTED,
    ConnectionEvent.CONVERSION_WITHDRAWN: Conversion.NONE,
    ConnectionEvent.LEGACY_CONVERTED: Conversion.NONE,
    ConnectionEvent.APPROVED: Conversion.NONE,  # it left Active, and its request was reviewed as any other
}
_SHOWN: dict[Conversion, ConnectionState] = {
    Conversion.PENDING: ConnectionState.PENDING_APPROVAL,
    Conversion.REJECTED: ConnectionState.PROVISIONING_FAILED,
}
_DELETE_REFUSED = "a peering in {state} cannot be deleted: wait until it is Active or ProvisioningFailed"


@dataclass(slots=True)
class Connection:
    """A peering connection. Pure: the caller passes the time, and carries out what a transition implies."""

    id: str
    flow: Flow = Flow.EXCHANGE
    state: ConnectionState = field(default=ConnectionState.NONE, init=False)
    error_message: str = field(default="", init=False)
    history: list[ConnectionTransition] = field(default_factory=list, init=False)
    """Its steps, oldest first; where there were more than `MOST_STEPS`, those that still decide something."""
    steps: int = field(default=0, init=False)
    """How many it has made in all."""

    @property
    def conversion(self) -> Conversion:
        """How far the conversion of a legacy connection is; of the history alone, so that it outlives a restart."""
        return next(
            (_CONVERSION[step.event] for step in reversed(self.history) if step.event in _CONVERSION), Conversion.NONE
        )

    @property
    def shown_state(self) -> ConnectionState:
        """The state that the Azure resource shows: that of its request.

        A legacy connection whose conversion is reviewed runs on as Active, and its resource is PendingApproval.
        """
        return _SHOWN.get(self.conversion, self.state) if self.state is ConnectionState.ACTIVE else self.state

    @property
    def denied(self) -> bool:
        """An operator denied it, and nobody has asked for a validation since: it stays Validating, and is not."""
        if self.state is not ConnectionState.VALIDATING:
            return False
        for step in reversed(self.history):
            if step.event is ConnectionEvent.DENIED:
                return True
            if step.source is not step.target or step.event is ConnectionEvent.REVALIDATION_REQUIRED:
                return False
        return False

    @property
    def last_step(self) -> ConnectionTransition:
        """What led here: the last step but for changed limits, which begin nothing. Raises IndexError before any."""
        limits = ConnectionEvent.MAX_PREFIXES_CHANGED
        return next((step for step in reversed(self.history) if step.event is not limits), self.history[-1])

    @property
    def entered(self) -> float:
        """When it came into the state that it shows, in seconds since the epoch: what changes no state, as another
        limit, begins none. 0 before any."""
        steps = reversed(self.history)
        return next((each.time for each in steps if each.source is not each.target or each.event in _CONVERSION), 0.0)

    def decide(
        self, event: ConnectionEvent, now: float, facts: Facts | None = None, detail: str = ""
    ) -> ConnectionTransition:
        """What `event` would do; changes nothing.

        `detail` joins the reason, and is the errorMessage where the target has one; who stays keeps the old one.
        Raises TransitionRefusedError where the table has no row or the guard does not hold.
        """
        row = INDEX.get((self.state, event, self.flow))
        if row is None:
            raise TransitionRefusedError(self.state, event, self._refusal(event))
        known = replace(
            facts or Facts(),
            request_approved=self.is_approved(),
            never_provisioned=self._never_provisioned(),
            conversion_pending=self.conversion is Conversion.PENDING,
            conversion_unfinished=self.conversion is not Conversion.NONE,
        )
        for guard in row.guards:
            if not guard.holds(known):
                raise TransitionRefusedError(self.state, event, f"{self.id}: {guard.refusal}")
        reason = f"{row.reason}: {detail}" if detail else row.reason
        kept = self.error_message if row.target is self.state else ""
        message = kept if row.error_message is None else (detail or row.error_message)
        return ConnectionTransition(now, self.state, row.target, event, row.actor, reason, row.evidence, message)

    def take(self, step: ConnectionTransition) -> None:
        """Make a step that was decided, or read back from a log. Raises ValueError for one that starts elsewhere."""
        if step.source is not self.state:
            raise ValueError(f"{self.id} is {self.state}: a step from {step.source} cannot be taken")
        self.state = step.target
        self.error_message = step.error_message
        self.steps += 1
        self.history.append(step)
        if len(self.history) > MOST_STEPS:
            self._forget_old()

    def recall(self, history: Iterable[ConnectionTransition]) -> None:
        """Take steps that were made before, from a history that may lack some."""
        for step in history:
            self.state = step.source
            self.take(step)

    def _forget_old(self) -> None:
        """Keep the first step, the newest half, and of each kind the last.

        Whatever is looked for in a history is the last step of some kinds. So a step that another of its kind follows
        decides nothing any more.
        """
        last = {(step.source, step.event, step.target): number for number, step in enumerate(self.history)}
        kept = {0, *last.values(), *range(len(self.history) - MOST_STEPS // 2, len(self.history))}
        self.history[:] = [step for number, step in enumerate(self.history) if number in kept]

    def apply(
        self, event: ConnectionEvent, now: float, facts: Facts | None = None, detail: str = ""
    ) -> ConnectionTransition:
        """Decide and take. Raises TransitionRefusedError and changes nothing where `event` is refused."""
        step = self.decide(event, now, facts, detail)
        self.take(step)
        return step

    def is_approved(self) -> bool:
        """Whether the request was approved since it last went to review."""
        for step in reversed(self.history):
            if step.event in (ConnectionEvent.APPROVED, ConnectionEvent.LEGACY_FOUND):
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
