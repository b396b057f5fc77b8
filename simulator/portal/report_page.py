"""The report of a peering as it is now: the files that a rehearsal writes, to download."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from fastapi import Response

from simulator.azure.provider.provider import Provider
from simulator.azure.provider.records import PeeringRecord
from simulator.connection.states import ConnectionState
from simulator.engine.views import connection_view, session_view
from simulator.places.scratch import scratch
from simulator.portal.memory import PortalMemory
from simulator.portal.peering_frame import PEERING, peering_of, peering_page, sessions
from simulator.portal.visit import PageError, PortalPage, Visit
from simulator.report.model import GateReport, RehearsedConnection, Report
from simulator.report.writer import EVENTS_JSONL, JUNIT_XML, REPORT_HTML, REPORT_JSON, WIRE_PCAP, write_report
from simulator.views.connection import StepView
from simulator.views.times import timestamp

_EVENTS: Final = 20_000
"""Of one connection or session, the first."""
FILES: Final = {
    REPORT_HTML: ("text/html", "The report, to read: states, timeline, sessions, checks, the diagnosis"),
    REPORT_JSON: ("application/json", "The same for programs"),
    JUNIT_XML: ("application/xml", "The checks, for a CI"),
    EVENTS_JSONL: ("application/x-ndjson", "Every event, one a line"),
    WIRE_PCAP: ("application/vnd.tcpdump.pcap", "The BGP messages, for Wireshark"),
}
"""Name → media type, and what it is."""


def report_of(provider: Provider, memory: PortalMemory, record: PeeringRecord) -> Report:
    """A peering, as a report has it."""
    network, now = provider.network, provider.clock.now()
    connections, began = [], now
    for live in record.connections:
        steps = [StepView.of_connection(step) for step in live.record.connection.history]
        steps += [step for plan in live.record.plans for step in memory.bgp_steps(plan.id)]
        steps.sort(key=lambda step: step.time)
        began = min([began, *(step.time for step in steps[:1])])
        views = [session_view(network, plan) for plan in live.record.plans]
        view = connection_view(live.record, views, steps)
        connections.append(RehearsedConnection.of(view, ConnectionState.ACTIVE.value, (), ()))
    views = [session for connection in connections for session in connection.sessions]
    subjects = [live.id for live in record.connections] + [plan.id for _, plan in sessions(record)]
    rows = [row for subject in (record.resource.id, *subjects) for row in provider.unit.events(0, _EVENTS, subject)]
    rows.sort(key=lambda row: row.seq)
    events: list[dict[str, Any]] = [
        {"seq": row.seq, "time": timestamp(row.time), "event": row.event, **row.row} for row in rows
    ]
    ends = {frozenset((str(plan.edge_address), str(plan.peer_address))) for _, plan in sessions(record)}
    tap = network.tap
    segments = tap.records if tap is not None else []
    active = all(live.record.state is ConnectionState.ACTIVE for live in record.connections)
    return Report(
        topology=f"{provider.topology.name}: peering {record.name}",
        outcome="passed" if active else "failed",
        started=began,
        finished=now,
        link=network.kind.value,
        router=dict(provider.versions),
        connections=tuple(connections),
        gate=GateReport(
            nlri_sent_while_denied=sum(view.leaked_out for view in views),
            routes_taken_while_denied=sum(view.leaked_in for view in views),
            nlri_withheld=sum(view.withheld_in + view.withheld_out for view in views),
        ),
        events=tuple(events),
        shut_gates={live.id: memory.shut_gates(live.record) for live in record.connections},
        segments=tuple(each for each in segments if frozenset((each.source, each.destination)) in ends),
        notes=("the pcap is cut: the sessions carried more octets than are kept",) if tap and tap.truncated else (),
    )


async def report(visit: Visit) -> Response:
    record = peering_of(visit)
    tap = visit.provider.network.tap
    return peering_page(
        visit,
        record,
        "report",
        "report_page.html",
        files=[(name, words) for name, (_, words) in FILES.items()],
        is_cut=tap is not None and tap.truncated,
    )


async def download(visit: Visit) -> Response:
    record, name = peering_of(visit), visit.path["file"]
    if name not in FILES:
        raise PageError(404, f"A report has no file {name}.")
    made = report_of(visit.provider, visit.memory, record)
    octets = await asyncio.to_thread(_file, made, name)
    headers = {
        "Content-Disposition": f'attachment; filename="{record.name}-{name}"',
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox",
        "Cache-Control": "no-store",
    }
    return Response(octets, 200, headers, media_type=FILES[name][0])


def _file(made: Report, name: str) -> bytes:
    with scratch("turnup-report-") as directory:
        return write_report(directory, made)[name].read_bytes()


PAGES: Final = (
    PortalPage("GET", f"{PEERING}/report", report),
    PortalPage("GET", f"{PEERING}/report/{{file}}", download),
)
