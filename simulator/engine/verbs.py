"""What somebody who plays Microsoft or the peer can do to a connection, by name: the operator's verbs.

The HTTP API, the command line and scripts read this table; `Workflow.operate` does what it names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from simulator.connection.states import ConnectionEvent

_E = ConnectionEvent


@dataclass(frozen=True, slots=True)
class Verb:
    """One thing that an operator can do."""

    name: str
    event: ConnectionEvent | None
    """What it brings about; None: whatever would come next by itself."""
    summary: str
    """A sentence."""
    denies: bool = False
    """Whether it takes an Active connection out of service: never done to all of an exchange's route servers."""


VERBS: Final = {
    verb.name: verb
    for verb in (
        Verb("approve", _E.APPROVED, "Microsoft approves the request."),
        Verb("reject", _E.REJECTED, "Microsoft rejects the request; the message is the errorMessage."),
        Verb("ask", _E.QUESTIONED, "Microsoft asks the peer about its request; the message is the errorMessage."),
        Verb("notify", _E.NOTIFIED, "The peer notifies Microsoft that it is configured."),
        Verb(
            "deprovision",
            _E.DEPROVISION_REQUESTED,
            "The peering is set for deprovisioning: PendingRemove, and every route is withdrawn at once.",
            denies=True,
        ),
        Verb("block", _E.BLOCKED, "Something outside Microsoft blocks the peering: ExternalBlocker.", denies=True),
        Verb("unblock", _E.UNBLOCKED, "The blocker is gone: the request is reviewed again."),
        Verb(
            "deny",
            _E.DENIED,
            "DENY ALL now, on sessions that stay Established, until somebody has the connection validated again.",
            denies=True,
        ),
        Verb(
            "revalidate",
            _E.REVALIDATION_REQUIRED,
            "DENY ALL again, until the connection is validated again.",
            denies=True,
        ),
        Verb(
            "request-type-change",
            _E.TYPE_CHANGE_REQUESTED,
            "A change of the peering's type is requested.",
            denies=True,
        ),
        Verb("start-type-change", _E.TYPE_CHANGE_STARTED, "Microsoft starts the change of type.", denies=True),
        Verb("complete-type-change", _E.TYPE_CHANGE_COMPLETED, "The new type is provisioned from the start."),
        Verb(
            "advance",
            None,
            "Do now what the connection waits for: a review, a notification, a step, a removal.",
        ),
    )
}
"""By name, in the order in which they are shown."""

OPERATED: Final = frozenset(
    {
        _E.BLOCKED,
        _E.UNBLOCKED,
        _E.TYPE_CHANGE_REQUESTED,
        _E.TYPE_CHANGE_STARTED,
        _E.TYPE_CHANGE_COMPLETED,
        _E.REVALIDATION_REQUIRED,
        _E.DENIED,
    }
)
"""The events that an operator brings about at any time, and that nothing else follows from but the table's row."""
