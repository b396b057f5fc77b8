"""The sessions of a report as rows, for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from simulator.cli.formats import JsonObject, RowColumns
from simulator.report.findings import furthest_bgp_state, furthest_state, verdict
from simulator.report.model import Report

SESSIONS: Final[RowColumns] = (
    ("Session", "session"),
    ("Neighbor", "neighbor"),
    ("AS", "peerAs"),
    ("Edge", "edge"),
    ("Connection", "connectionState"),
    ("BGP", "bgpState"),
    ("Received", "received"),
    ("Accepted", "accepted"),
    ("Rejected", "rejected"),
    ("Sent", "sent"),
    ("Verdict", "verdict"),
)


def session_rows(report: Report) -> Iterator[JsonObject]:
    """Each session as it stood when its connection had got furthest, as the summary shows it."""
    for connection in report.connections:
        for session in connection.sessions:
            yield {
                "session": session.id,
                "neighbor": str(session.peer_address),
                "peerAs": connection.peer_as,
                "edge": session.edge,
                "connectionState": furthest_state(connection).value,
                "bgpState": furthest_bgp_state(connection, session.id).value,
                "received": session.received,
                "accepted": session.accepted,
                "rejected": session.rejected,
                "sent": session.sent,
                "verdict": verdict(report, connection),
            }
