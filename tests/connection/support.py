"""What the connection tests share: the facts that let everything pass, and ways through the table."""

from __future__ import annotations

from simulator.connection.connection import Connection
from simulator.connection.states import ConnectionEvent as E
from simulator.connection.states import ConnectionState as S
from simulator.connection.states import Flow
from simulator.connection.table import Facts

ALL_TRUE = Facts(
    peer_asn_approved=True,
    blocking_checks_passed=True,
    sessions_removed=True,
    request_approved=True,
    never_provisioned=True,
    conversion_pending=True,
    conversion_unfinished=True,
)
"""Of what the caller says; `Connection` fills in what follows from its history."""
_TO_FAILED = (E.REQUESTED, E.APPROVED, E.CONFLICT_FOUND)
_TO_ACTIVE = (E.REQUESTED, E.APPROVED, E.NOTIFIED, E.PROVISIONED, E.VALIDATION_STARTED, E.VALIDATION_PASSED)


def path(state: S, flow: Flow) -> tuple[E, ...]:
    """Events that lead from nothing to this state."""
    active = _TO_ACTIVE
    started = active[:3] if flow is Flow.EXCHANGE else active[:2]
    ways: dict[S, tuple[E, ...]] = {
        S.NONE: (),
        S.PENDING_APPROVAL: active[:1],
        S.APPROVED: active[:2],
        S.PROVISIONING_STARTED: started,
        S.PROVISIONING_FAILED: _TO_FAILED,
        S.PROVISIONING_COMPLETED: active[:4],
        S.VALIDATING: active[:5],
        S.ACTIVE: active,
        S.TYPE_CHANGE_REQUESTED: (*active, E.TYPE_CHANGE_REQUESTED),
        S.TYPE_CHANGE_IN_PROGRESS: (*active, E.TYPE_CHANGE_REQUESTED, E.TYPE_CHANGE_STARTED),
        S.EXTERNAL_BLOCKER: (*active, E.BLOCKED),
        S.PENDING_REMOVE: (*active, E.DEPROVISION_REQUESTED),
    }
    return ways[state]


def walk(*events: E, flow: Flow = Flow.EXCHANGE) -> Connection:
    """A connection that these events happened to, with every fact true."""
    connection = Connection("c1", flow)
    for number, event in enumerate(events):
        connection.apply(event, float(number), ALL_TRUE)
    return connection


def at(state: S, flow: Flow = Flow.EXCHANGE) -> Connection:
    """A connection in this state, on the way that it usually takes there."""
    connection = walk(*path(state, flow), flow=flow)
    assert connection.state is state
    return connection


def state(connection: Connection) -> S:
    """The state (a call, so that mypy does not take it for constant between two asserts)."""
    return connection.state
