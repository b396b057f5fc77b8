"""Rows of the neighbor table: both axes side by side, one row per BGP session."""

from __future__ import annotations

from dataclasses import dataclass

from .clock import seconds_between, up_down
from .model import ConnectionReport, Report, SessionReport

COLUMNS = ("Neighbor", "AS", "Connection", "BGP", "Up/Down", "Received", "Accepted", "Rejected", "Sent")


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """One session; flat, so that it also makes a CSV line or a data frame row."""

    neighbor: str
    peer_as: str
    """Empty when unknown."""
    connection: str
    """Connection state, never a BGP state."""
    bgp: str
    """BGP FSM state, never a connection state."""
    up_down: str
    received: int
    accepted: int
    rejected: int
    sent: int
    peering: str
    connection_id: str
    session: str
    family: str

    def cells(self) -> tuple[str, ...]:
        """The values under COLUMNS."""
        counts = (self.received, self.accepted, self.rejected, self.sent)
        return (self.neighbor, self.peer_as, self.connection, self.bgp, self.up_down, *map(str, counts))


def summary_rows(report: Report) -> tuple[SummaryRow, ...]:
    """One row per session, in the report's order."""
    return tuple(
        _row(report, connection, session) for connection in report.connections for session in connection.sessions
    )


def _row(report: Report, connection: ConnectionReport, session: SessionReport) -> SummaryRow:
    changes = [entry for entry in connection.timeline if entry.axis == "bgp" and entry.session == session.id]
    return SummaryRow(
        neighbor=session.peer_address,
        peer_as=str(connection.peer_as) if connection.peer_as else "",
        connection=connection.connection_state,
        bgp=session.bgp_state,
        up_down=up_down(seconds_between(changes[-1].time, report.finished) if changes else None),
        received=session.received,
        accepted=session.accepted,
        rejected=session.rejected,
        sent=session.sent,
        peering=connection.peering,
        connection_id=connection.id,
        session=session.id,
        family=session.family,
    )
