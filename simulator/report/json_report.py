"""report.json: the whole report for programs, camelCase, versioned."""

from __future__ import annotations

from typing import Any

from simulator.report.findings import diagnosis_of, label, verdict
from simulator.report.model import RehearsedConnection, Report
from simulator.report.outcome import outcome_sentence
from simulator.report.pcap import WirePcap
from simulator.report.proof import of_check
from simulator.report.text import dump_json
from simulator.report.troubles import first_trouble
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
        "diagnosis": [document(cause) for cause in diagnosis_of(report)],
        "finding": _finding(report),
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


def _finding(report: Report) -> dict[str, Any] | None:
    """What to look at first: the diagnosis in short, or what no cause explains."""
    first = first_trouble(report)
    if first is None:
        return None
    return {
        "what": first.what,
        "connection": first.where[0] if first.where else "",
        "check": first.check,
        "evidence": first.evidence[0] if first.evidence else "",
        "cause": first.what if first.cause else "",
        "side": first.cause.side.value if first.cause else None,
        "remedy": first.remedy,
        "remedyLanguage": first.language,
        "warns": first.kind == "warned",
        "sameOnOtherConnections": first.elsewhere,
    }


def _connection(report: Report, connection: RehearsedConnection) -> dict[str, Any]:
    causes = diagnosis_of(report, connection)
    checks = [
        {**document(check), "proof": document(of_check(report, connection.id, check, causes))}
        for check in connection.checks
    ]
    name = {"name": label(connection), "verdict": verdict(report, connection)}
    return {**document(connection), "checks": checks, **name}
