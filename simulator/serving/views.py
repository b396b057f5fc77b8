"""From the provider's records to what /lab/v1 shows. Reads only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import simulator
from simulator.azure.model.resources import PeerAsn
from simulator.azure.provider.provider import Provider
from simulator.azure.store.store import EventRow
from simulator.connection.table import possible
from simulator.engine.awaited import awaited
from simulator.engine.control import ConnectionRecord
from simulator.engine.session_tables import session_table
from simulator.engine.views import connection_view, session_view
from simulator.serving import models
from simulator.tables import birdwatcher, looking_glass
from simulator.tables.output_formats import OutputFormat, lines
from simulator.tables.received_routes import ReceivedRoute, SessionTable, covering
from simulator.topology.plan import SessionPlan
from simulator.views.connection import StepView
from simulator.views.diagnosis import diagnosis
from simulator.views.document import document
from simulator.views.times import short_time, timestamp


def status(provider: Provider) -> models.LabStatus:
    records = provider.control.records.values()
    return models.LabStatus(
        topology=provider.topology.name,
        link=provider.network.kind.value,
        database=provider.unit.store.name,
        version=f"turnup {simulator.__version__}",
        routers=provider.versions,
        peerings=len(provider.peerings.records),
        connections=Counter(record.state.value for record in records),
        sessions=Counter(provider.network.edges.bgp_state(plan).value for plan in _provisioned(provider)),
        leaked=sum(gate.leaked[direction] for gate in provider.network.edges.gates for direction in gate.leaked),
        last_event=provider.unit.store.last_event(),
    )


def _provisioned(provider: Provider) -> Iterator[SessionPlan]:
    for record in provider.control.records.values():
        yield from (plan for plan in record.plans if provider.network.edges.is_provisioned(plan))


def asn(provider: Provider, asn: PeerAsn) -> models.AsnAnswer:
    due = provider.settings.due("peer_asn_review", asn.since) if asn.pending else None
    return models.AsnAnswer(
        id=asn.id,
        name=asn.name,
        asn=asn.asn,
        validation_state=asn.state.value,
        error_message=asn.error_message,
        since=timestamp(asn.since),
        due=None if due is None else timestamp(due),
    )


def session(provider: Provider, record: ConnectionRecord, plan: SessionPlan) -> dict[str, Any]:
    return {**document(session_view(provider.network, plan)), "connectionState": record.state.value}


def sessions(provider: Provider) -> list[dict[str, Any]]:
    records = provider.control.records.values()
    return [session(provider, record, plan) for record in records for plan in record.plans]


def connection(provider: Provider, record: ConnectionRecord) -> dict[str, Any]:
    live, owner = provider.peerings.live(record.id), provider.peerings.owner(record.id)
    history = record.connection.history
    since = record.connection.last_step.time if history else 0.0
    comes = awaited(record)
    due = provider.settings.due(comes.delay, since) if comes.delay else None
    view = connection_view(
        record,
        [session_view(provider.network, plan) for plan in record.plans],
        [StepView.of_connection(step) for step in history],
    )
    return {
        **document(view),
        "resource": owner.resource.id if owner else "",
        "identifier": live.request.identifier if live else "",
        "since": timestamp(record.connection.entered),
        "waitsFor": comes.what,
        "due": None if due is None else timestamp(due),
        "possible": [event.value for event in possible(record.state, record.flow)],
        "diagnosis": [document(cause) for cause in diagnosis(record.id, view.checks)],
    }


def checks(record: ConnectionRecord) -> list[dict[str, Any]]:
    return [{**document(check), "connection": record.id} for check in (*record.results, *record.watched)]


def gates(provider: Provider) -> list[models.GateAnswer]:
    return [
        models.GateAnswer(
            session=view.id,
            open=view.gate_open,
            why=view.gate_why,
            withheld_in=view.withheld_in,
            withheld_out=view.withheld_out,
            leaked_in=view.leaked_in,
            leaked_out=view.leaked_out,
        )
        for view in (provider.network.edges.view(plan) for plan in _provisioned(provider))
    ]


def routes(
    provider: Provider, record: ConnectionRecord, plan: SessionPlan, prefix: str, rejected: bool, limit: int
) -> models.RoutesAnswer:
    """What a peer announced on a session. Raises ValueError for text that is not a prefix."""
    table = _table(provider, record, plan)
    shown: list[ReceivedRoute] = covering(table.routes, prefix) if prefix else list(table.routes)
    if rejected:
        shown = [held for held in shown if held.verdict.hits]
    return models.RoutesAnswer(
        session=looking_glass.session_row(table, timestamp),
        total=len(shown),
        routes=list(looking_glass.rows(table, shown[:limit], timestamp)),
    )


def _table(provider: Provider, record: ConnectionRecord, plan: SessionPlan) -> SessionTable:
    """A session's table; the server keeps no time a route, so all have that of the session's last UPDATE."""
    view = provider.network.edges.view(plan)
    when = view.last_update or view.established_at or 0.0
    return session_table(provider.network, record, plan, lambda _route: when)


def looking_glass_text(provider: Provider, peer: str, prefix: str | None, rejected: bool, shape: OutputFormat) -> str:
    """The looking glass. Raises LookupError for an unknown peer, ValueError for text that is not a prefix."""
    if peer and all(each.name != peer for each in provider.topology.peers):
        raise LookupError(peer)
    tables = []
    for record in provider.control.records.values():
        for plan in record.plans:
            if provider.network.edges.is_provisioned(plan) and peer in ("", plan.peer.name):
                tables.append(_table(provider, record, plan))
    times = birdwatcher.TimeFormats(provider.clock.now(), timestamp, short_time)
    found = lines(tables, shape, prefix, rejected, f"turnup {simulator.__version__}", times)
    return "".join(f"{line}\n" for line in found)


def event(row: EventRow) -> models.EventAnswer:
    return models.EventAnswer(seq=row.seq, time=timestamp(row.time), event=row.event, subject=row.subject, row=row.row)
