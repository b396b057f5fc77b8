"""From what the engine holds to what everybody sees."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from simulator.engine.control import ConnectionRecord
from simulator.engine.network import Network
from simulator.session.messages import Open
from simulator.session.states import BgpState
from simulator.topology.plan import SessionPlan
from simulator.views.connection import ConnectionView, StepView
from simulator.views.session import SessionView


def connection_view(
    record: ConnectionRecord, sessions: Iterable[SessionView], timeline: Iterable[StepView]
) -> ConnectionView:
    """A connection with the sessions and the steps that are given."""
    return ConnectionView(
        id=record.id,
        peering=record.peering,
        kind=record.flow,
        profile=record.plans[0].profile,
        peer=record.peer.name,
        peer_as=record.peer.asn,
        connection_state=record.state,
        shown_state=record.connection.shown_state,
        error_message=record.connection.error_message,
        sessions=tuple(sessions),
        timeline=tuple(timeline),
        checks=(*record.results, *record.watched),
    )


def placed(view: SessionView, plan: SessionPlan, **changes: Any) -> SessionView:
    """A session with the names of what it belongs to, which its speaker does not know; and with other changes."""
    return replace(view, connection=plan.connection, peer=plan.peer.name, edge=plan.edge.name, **changes)


def session_view(network: Network, plan: SessionPlan) -> SessionView:
    """A session as its plan has it: with the peering's addresses, and Idle while it is not provisioned."""
    view = network.edges.view(plan) if network.edges.is_provisioned(plan) else _unprovisioned(network, plan)
    return placed(view, plan, local_address=plan.edge_address, peer_address=plan.peer_address)


def _unprovisioned(network: Network, plan: SessionPlan) -> SessionView:
    microsoft = network.topology.microsoft
    return SessionView(
        id=plan.id,
        local_address=plan.edge_address,
        peer_address=plan.peer_address,
        family=plan.family,
        bgp_state=BgpState.IDLE,
        established_transitions=0,
        established_at=None,
        negotiated_families=frozenset(),
        negotiated_hold_time=None,
        local_open=Open(microsoft.asn, microsoft.hold_time, plan.edge.identifier),
        peer_open=None,
        peer_as=plan.peer.asn,
        dialled=None,
        last_error="",
        notifications=(),
        received=0,
        accepted=0,
        rejected=0,
        sent=0,
        rendered=0,
        taken=0,
        gate_open=False,
        gate_why="the session is not provisioned",
        withheld_in=0,
        withheld_out=0,
        leaked_in=0,
        leaked_out=0,
        withdrawn_by_us=0,
        md5=plan.md5 is not None,
        gtsm=plan.gtsm,
    )
