"""From the provider's records to what /lab/v1 shows. Reads only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import simulator
from simulator.azure.provider.asns import PENDING
from simulator.azure.provider.provider import Provider
from simulator.azure.store.store import EventRow, Resource
from simulator.connection.table import possible
from simulator.engine.awaited import awaited
from simulator.engine.control import ConnectionRecord
from simulator.engine.session_tables import session_table
from simulator.serving import models
from simulator.tables import birdwatcher, looking_glass
from simulator.tables.output_formats import OutputFormat, lines
from simulator.tables.received_routes import ReceivedRoute, SessionTable, covering
from simulator.topology.plan import SessionPlan
from simulator.views.check import CheckView
from simulator.views.times import short_time, timestamp


def status(provider: Provider) -> models.Status:
    records = provider.control.records.values()
    return models.Status(
        topology=provider.topology.name,
        link=provider.network.kind.value,
        database=provider.books.store.name,
        version=f"turnup {simulator.__version__}",
        routers=provider.versions,
        peerings=len(provider.peerings.records),
        connections=Counter(record.state.value for record in records),
        sessions=Counter(provider.network.bgp_state(plan).value for plan in _provisioned(provider)),
        leaked=sum(gate.leaked[direction] for gate in provider.network.gates for direction in gate.leaked),
        last_event=provider.books.store.last_event(),
    )


def _provisioned(provider: Provider) -> Iterator[SessionPlan]:
    for record in provider.control.records.values():
        yield from (plan for plan in record.plans if provider.network.is_provisioned(plan))


def asn(provider: Provider, resource: Resource) -> models.Asn:
    state, since = resource.status["validationState"], resource.status["since"]
    return models.Asn(
        id=resource.id,
        name=resource.id.rsplit("/", 1)[1],
        asn=resource.document["properties"]["peerAsn"],
        validation_state=state,
        error_message=resource.status.get("errorMessage", ""),
        since=since,
        due=provider.settings.due("peer_asn_review", since) if state == PENDING else None,
    )


def session(provider: Provider, record: ConnectionRecord, plan: SessionPlan) -> models.Session:
    view = provider.network.view(plan) if provider.network.is_provisioned(plan) else None
    return models.Session(
        id=plan.id,
        connection=record.id,
        connection_state=record.state.value,
        bgp_state=view.bgp_state.value if view else "None",
        family=plan.family.label,
        peer=plan.peer.name,
        peer_as=plan.peer.asn,
        peer_address=str(plan.peer_address),
        microsoft_address=str(plan.edge_address),
        edge=plan.edge.name,
        established_at=view.established_at if view else None,
        established_transitions=view.established_transitions if view else 0,
        received=view.received if view else 0,
        accepted=view.accepted if view else 0,
        rejected=view.rejected if view else 0,
        sent=view.sent if view else 0,
        gate_open=view.gate_open if view else False,
        gate_why=view.gate_why if view else "the session is not provisioned",
        last_error=view.last_error if view else "",
        md5=plan.md5 is not None,
        gtsm=plan.gtsm,
    )


def sessions(provider: Provider) -> list[models.Session]:
    records = provider.control.records.values()
    return [session(provider, record, plan) for record in records for plan in record.plans]


def connection(provider: Provider, record: ConnectionRecord) -> models.Connection:
    live, owner = provider.peerings.live(record.id), provider.peerings.owner(record.id)
    history = record.connection.history
    since = record.connection.last_step.time if history else 0.0
    comes = awaited(record)
    return models.Connection(
        id=record.id,
        peering=owner.resource.id if owner else "",
        identifier=live.request.identifier if live else "",
        flow=record.flow.value,
        state=record.state.value,
        shown_state=record.connection.shown_state.value,
        error_message=record.connection.error_message,
        since=since,
        waits_for=comes.what,
        due=provider.settings.due(comes.delay, since) if comes.delay else None,
        possible=[event.value for event in possible(record.state, record.flow)],
        sessions=[session(provider, record, plan) for plan in record.plans],
        history=[
            models.Step(
                time=step.time,
                source=step.source.value,
                target=step.target.value,
                event=step.event.value,
                actor=step.actor.value,
                reason=step.reason,
                evidence=step.evidence,
            )
            for step in history
        ],
    )


def checks(record: ConnectionRecord) -> list[models.Check]:
    return [_check(record.id, result) for result in record.results]


def _check(name: str, result: CheckView) -> models.Check:
    return models.Check(
        connection=name,
        id=result.id,
        title=result.title,
        status=result.status.value,
        blocks=result.blocks.value,
        source=result.source,
        evidence=list(result.evidence),
        causes=[models.Cause(id=c.id, text=c.text, remedy=c.remedy) for c in result.causes],
    )


def gates(provider: Provider) -> list[models.Gate]:
    return [
        models.Gate(
            session=view.id,
            open=view.gate_open,
            why=view.gate_why,
            withheld_in=view.withheld_in,
            withheld_out=view.withheld_out,
            leaked_in=view.leaked_in,
            leaked_out=view.leaked_out,
        )
        for view in (provider.network.view(plan) for plan in _provisioned(provider))
    ]


def routes(
    provider: Provider, record: ConnectionRecord, plan: SessionPlan, prefix: str, rejected: bool, limit: int
) -> models.Routes:
    """What a peer announced on a session. Raises ValueError for a prefix that is none."""
    table = _table(provider, record, plan)
    shown: list[ReceivedRoute] = covering(table.routes, prefix) if prefix else list(table.routes)
    if rejected:
        shown = [held for held in shown if held.verdict.hits]
    return models.Routes(
        session=looking_glass.session_row(table, timestamp),
        total=len(shown),
        routes=list(looking_glass.rows(table, shown[:limit], timestamp)),
    )


def _table(provider: Provider, record: ConnectionRecord, plan: SessionPlan) -> SessionTable:
    """A session's table; the server keeps no time a route, so all have that of the session's last UPDATE."""
    view = provider.network.view(plan)
    when = view.last_update or view.established_at or 0.0
    return session_table(provider.network, record, plan, lambda _route: when)


def looking_glass_text(provider: Provider, peer: str, prefix: str | None, rejected: bool, shape: OutputFormat) -> str:
    """The looking glass. Raises LookupError for a peer that is none, ValueError for a prefix that is none."""
    if peer and all(each.name != peer for each in provider.topology.peers):
        raise LookupError(peer)
    tables = []
    for record in provider.control.records.values():
        for plan in record.plans:
            if provider.network.is_provisioned(plan) and peer in ("", plan.peer.name):
                tables.append(_table(provider, record, plan))
    times = birdwatcher.TimeFormats(provider.clock.now(), timestamp, short_time)
    found = lines(tables, shape, prefix, rejected, f"turnup {simulator.__version__}", times)
    return "".join(f"{line}\n" for line in found)


def event(row: EventRow) -> models.Event:
    return models.Event(seq=row.seq, time=row.time, event=row.event, subject=row.subject, row=row.row)
