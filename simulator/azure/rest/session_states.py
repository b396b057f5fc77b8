"""sessionStateV4 and V6: what Azure shows of the BGP FSM, with its own words for sessions that are not configured."""

from __future__ import annotations

from typing import Final

from simulator.azure.provider.provider import Provider
from simulator.azure.provider.records import LiveConnection
from simulator.connection.states import ConnectionState
from simulator.session.messages import Family
from simulator.session.states import BgpState

_ORDER: Final = tuple(BgpState)
"""From the furthest to go to Established: of several sessions, the worst is shown (simulator)."""
PENDING_ADD, PENDING_REMOVE, NO_SESSION = "PendingAdd", "PendingRemove", "None"


def session_state(provider: Provider, live: LiveConnection, family: Family) -> str:
    """Azure's SessionState of a connection's sessions of one family. It is of the BGP axis, not the connection's."""
    plans = [plan for plan in live.record.plans if plan.family is family]
    if not plans:
        return NO_SESSION
    if live.record.state is ConnectionState.PENDING_REMOVE:
        return PENDING_REMOVE
    states = [provider.network.edges.bgp_state(plan) for plan in plans if provider.network.edges.is_provisioned(plan)]
    if len(states) < len(plans):
        return PENDING_ADD
    return min(states, key=_ORDER.index).value
