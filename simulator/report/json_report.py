"""report.json: the whole report for programs, camelCase, versioned."""

from __future__ import annotations

from typing import Any

from .clock import seconds_between
from .findings import first_finding, label, outcome_sentence, verdict
from .model import CheckReport, ConnectionReport, Report, SessionReport, TimelineEntry
from .pcap import Capture
from .text import dump_json

SCHEMA_VERSION = 1
"""Rises when a field changes meaning or goes away; new fields do not raise it."""


def json_report(report: Report, capture: Capture) -> bytes:
    """The whole file, as UTF-8."""
    return f"{dump_json(as_dict(report, capture), indent=2)}\n".encode()


def as_dict(report: Report, capture: Capture) -> dict[str, Any]:
    """The report as plain dictionaries and lists."""
    gate = report.gate
    return {
        "schemaVersion": SCHEMA_VERSION,
        "topology": report.topology,
        "outcome": report.outcome,
        "summary": outcome_sentence(report),
        "finding": _finding(report),
        "started": report.started,
        "finished": report.finished,
        "durationSeconds": seconds_between(report.started, report.finished),
        "link": report.link,
        "router": dict(report.router),
        "errors": list(report.errors),
        "notes": list(report.notes),
        "gate": {
            "nlriSentWhileDenied": gate.nlri_sent_while_denied,
            "routesTakenWhileDenied": gate.routes_taken_while_denied,
            "nlriWithheld": gate.nlri_withheld,
        },
        "capture": {
            "file": capture.file,
            "source": capture.source,
            "packets": capture.packets,
            "note": capture.note,
        },
        "connections": [_connection(report, connection) for connection in report.connections],
    }


def _finding(report: Report) -> dict[str, Any] | None:
    finding = first_finding(report)
    if finding is None:
        return None
    return {
        "what": finding.what,
        "connection": finding.where,
        "check": finding.check,
        "evidence": finding.evidence,
        "cause": finding.cause,
        "remedy": finding.remedy,
        "sameOnOtherConnections": finding.elsewhere,
    }


def _connection(report: Report, connection: ConnectionReport) -> dict[str, Any]:
    return {
        "id": connection.id,
        "name": label(connection),
        "peering": connection.peering,
        "kind": connection.kind or None,
        "profile": connection.profile or None,
        "peer": connection.peer,
        "peerAs": connection.peer_as or None,
        "verdict": verdict(report, connection),
        "connectionState": connection.connection_state,
        "expectedState": connection.expected_state,
        "expectedFailures": list(connection.expected_failures),
        "reached": list(connection.reached),
        "errorMessage": connection.error_message,
        "sessions": [_session(session) for session in connection.sessions],
        "timeline": [_change(entry) for entry in connection.timeline],
        "checks": [_check(check) for check in connection.checks],
    }


def _session(session: SessionReport) -> dict[str, Any]:
    return {
        "id": session.id,
        "localAddress": session.local_address,
        "peerAddress": session.peer_address,
        "family": session.family,
        "bgpState": session.bgp_state,
        "establishedTransitions": session.established_transitions,
        "received": session.received,
        "accepted": session.accepted,
        "rejected": session.rejected,
        "sent": session.sent,
    }


def _change(entry: TimelineEntry) -> dict[str, Any]:
    return {
        "time": entry.time,
        "axis": entry.axis,
        "session": entry.session,
        "from": entry.from_,
        "to": entry.to,
        "reason": entry.reason,
    }


def _check(check: CheckReport) -> dict[str, Any]:
    return {
        "id": check.id,
        "title": check.title,
        "status": check.status,
        "blocks": check.blocks,
        "source": check.source,
        "evidence": list(check.evidence),
        "causes": [{"id": cause.id, "text": cause.text, "remedy": cause.remedy} for cause in check.causes],
        "remedy": check.remedy,
    }
