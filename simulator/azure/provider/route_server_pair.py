"""An exchange's route servers are never all taken out of service at once by Microsoft's side (simulator).

What the peer itself asks for (to delete its peering) and what fails are not held back by this.
"""

from __future__ import annotations

from collections.abc import Iterable

from simulator.azure.model.errors import ConflictError
from simulator.connection.states import ConnectionState, Flow
from simulator.engine.control import ConnectionRecord


def must_leave_one(record: ConnectionRecord, all_of_them: Iterable[ConnectionRecord]) -> None:
    """Raises ConflictError where the exchange has other route servers and none of them is in service.

    It does not matter why: taken out, failed, or requested (again) and not Active yet. One that is the exchange's only
    connection has nothing to wait for, and is not held back.
    """
    if record.flow is not Flow.IXRS or not in_service(record):
        return
    others = [
        other
        for other in all_of_them
        if other is not record and other.flow is Flow.IXRS and other.peer.asn == record.peer.asn
    ]
    if others and not any(map(in_service, others)):
        names = " and ".join(f"{other.id} ({other.state})" for other in others)
        raise ConflictError(
            f"{record.id} is the only route server of AS{record.peer.asn} in service: wait for {names}",
        )


def in_service(record: ConnectionRecord) -> bool:
    """Active, and the policy lifted on every session."""
    return record.state is ConnectionState.ACTIVE and all(plan.id in record.validated for plan in record.plans)
