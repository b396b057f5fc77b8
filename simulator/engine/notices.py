"""What Microsoft's mail says of a connection, as an event: it became Active, or its validation failed."""

from __future__ import annotations

from simulator.connection.states import ConnectionState
from simulator.engine.control import ConnectionRecord
from simulator.engine.log import Notice
from simulator.views.diagnosis import diagnosis

_ACTIVE = (
    "Microsoft provisioned the BGP sessions with a DENY ALL policy and completed the end-to-end session validation. "
    "The connection state is now Active: traffic is allowed."
)
"""After the walkthrough of an Exchange peering; Microsoft does not publish the mail itself (simulator)."""


def of_validation(record: ConnectionRecord, now: float) -> Notice:
    """The notice of a validation that has just been concluded."""
    named = f"{record.id} (peering {record.peering}, AS{record.peer.asn})"
    if record.state is ConnectionState.ACTIVE:
        return Notice(now, record.id, "active", f"Connection {named} is Active", _ACTIVE)
    causes = diagnosis(record.id, record.results)
    subject = f"The validation of connection {named} failed"
    return Notice(now, record.id, "validation-failed", subject, record.connection.error_message, causes)
