"""report.json: the whole report for programs, camelCase, versioned."""

from __future__ import annotations

from typing import Any

from simulator.report.findings import diagnosis_of, first_headline, first_warning, label, outcome_sentence, verdict
from simulator.report.model import RehearsedConnection, Report
from simulator.report.pcap import WirePcap
from simulator.report.text import dump_json
from simulator.views.document import document
from simulator.views.times import timestamp

SCHEMA_VERSION = 2
"""Rises when a field here or in events.jsonl changes meaning or goes away; new fields do not raise it."""


def json_report(report: Report, capture: WirePcap) -> bytes:
    """The whole file, as UTF-8."""
    return f"{dump_json(as_dict(report, capture), indent=2)}\n".encode()


def as_dict(report: Report, capture: WirePcap) -> dict[str, Any]:
    """The report as plain dictionaries and lists."""
    return {
        "schemaVersion": SCHEMA_VERSION,
        "topology": report.topology,
        "outcome": report.outcome,
        "summary": outcome_sentence(report),
        "finding": _headline(report),
        "diagnosis": [document(cause) for cause in diagnosis_of(report)],
        "started": timestamp(report.started),
        "finished": timestamp(report.finished),
        "durationSeconds": round(report.finished - report.started, 6),
        "link": report.link,
        "router": dict(report.router),
        "errors": list(report.errors),
        "notes": list(report.notes),
        "gate": document(report.gate),
        "capture": {
            "file": capture.file,
            "source": capture.source,
            "packets": capture.packets,
            "note": capture.note,
        },
        "connections": [_connection(report, connection) for connection in report.connections],
    }


def _headline(report: Report) -> dict[str, Any] | None:
    headline = first_headline(report) or first_warning(report)
    if headline is None:
        return None
    return {
        "what": headline.what,
        "connection": headline.where,
        "check": headline.check,
        "evidence": headline.evidence,
        "cause": headline.cause,
        "remedy": headline.remedy,
        "sameOnOtherConnections": headline.elsewhere,
    }


def _connection(report: Report, connection: RehearsedConnection) -> dict[str, Any]:
    return {**document(connection), "name": label(connection), "verdict": verdict(report, connection)}
