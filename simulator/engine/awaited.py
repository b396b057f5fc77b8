"""What a connection waits for in each state, and the delay after which that happens by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from simulator.connection.states import Actor, ConnectionEvent, ConnectionState, Conversion, Flow
from simulator.diagnosis.check_ids import CheckId
from simulator.engine.control import ConnectionRecord
from simulator.views.check import Cause, Side

S = ConnectionState


@dataclass(frozen=True, slots=True)
class Awaited:
    """What comes next."""

    what: str
    delay: str = ""
    """The name of the delay (`workflow.Delays`); empty where no time brings it about."""
    who: Actor | None = None
    """Who has to act; None where nobody has."""


AWAITED: Final[dict[ConnectionState, Awaited]] = {
    S.PENDING_APPROVAL: Awaited("Microsoft reviews the request", "peering_review", Actor.MICROSOFT),
    S.APPROVED: Awaited("the peer configures its BGP sessions and notifies Microsoft", "notification", Actor.PEER),
    S.PROVISIONING_STARTED: Awaited("the BGP sessions are configured with DENY ALL", "provisioning", Actor.AUTOMATION),
    S.PROVISIONING_COMPLETED: Awaited("the end-to-end validation starts", "validation", Actor.AUTOMATION),
    S.VALIDATING: Awaited("the end-to-end validation ends", who=Actor.AUTOMATION),
    S.ACTIVE: Awaited("nothing: traffic is allowed"),
    S.PROVISIONING_FAILED: Awaited(
        "the peer mends what the errorMessage says and notifies Microsoft again", who=Actor.PEER
    ),
    S.TYPE_CHANGE_REQUESTED: Awaited("Microsoft starts the change of type", who=Actor.MICROSOFT),
    S.TYPE_CHANGE_IN_PROGRESS: Awaited("Microsoft completes the change of type", who=Actor.MICROSOFT),
    S.EXTERNAL_BLOCKER: Awaited("the blocker is removed", who=Actor.MICROSOFT),
    S.PENDING_REMOVE: Awaited("the BGP sessions are closed", "removal", Actor.AUTOMATION),
}
_CABLING: Final = Awaited(
    "the peer does its cabling by the LOA, configures BGP and notifies Microsoft", AWAITED[S.APPROVED].delay, Actor.PEER
)
_REFUSED: Final = Awaited("the peer deletes the request, which was never approved, and makes another", who=Actor.PEER)
_DENIED: Final = Awaited("somebody has it validated again (revalidate)", who=Actor.MICROSOFT)
_NOT_LIFTED: Final = Awaited("sessions that are still denied pass their validation", who=Actor.AUTOMATION)
_CONVERSION: Final = Awaited(
    "Microsoft reviews the conversion; the legacy peering runs on", "conversion_review", Actor.MICROSOFT
)


_MENDED_BY: Final = {Side.MICROSOFT: Actor.MICROSOFT}
"""Who is waited for; of every other side it is the peer: it has the router and the cross-connect."""


_STOPPED: Final = (CheckId.W1, CheckId.W6)
"""The session is down, or packets do not pass; the other checks of a watch only warn."""


def trouble(record: ConnectionRecord) -> Cause | None:
    """Why traffic of an Active connection has stopped, the first cause; None: it has not."""
    if record.state is not S.ACTIVE:
        return None
    found = (cause for check in record.watched if check.status.bad and check.id in _STOPPED for cause in check.causes)
    return next(found, None)


def awaits_notification(record: ConnectionRecord) -> bool:
    """Whether a connection in ProvisioningStarted still waits for its peer: the LOA is out, and the cabling to do."""
    return record.connection.last_step.event is ConnectionEvent.APPROVED and record.flow is not Flow.EXCHANGE


def awaited(record: ConnectionRecord) -> Awaited:
    """What a connection waits for now."""
    if record.state is S.PROVISIONING_STARTED and awaits_notification(record):
        return _CABLING
    if record.state is S.PROVISIONING_FAILED and not record.connection.is_approved():
        return _REFUSED
    if record.connection.denied:
        return _DENIED
    if record.state is S.ACTIVE and record.connection.conversion is Conversion.PENDING:
        return _CONVERSION
    if record.state is S.ACTIVE and any(plan.id not in record.validated for plan in record.plans):
        return _NOT_LIFTED
    if (cause := trouble(record)) is not None:
        return Awaited(f"this is mended: {cause.text}", who=_MENDED_BY.get(cause.side, Actor.PEER))
    return AWAITED.get(record.state, Awaited("nothing"))
