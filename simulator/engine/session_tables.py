"""A running session's Adj-RIB-In as plain data, for looking glasses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from ipaddress import IPv4Address

from simulator.addresses import IpAddress
from simulator.engine.control import ConnectionRecord
from simulator.engine.network import Network
from simulator.policy.policy import verdict
from simulator.rib.adj_in import HeldRoute
from simulator.tables.received_routes import ReceivedRoute, SessionTable
from simulator.tables.table_entries import Announcer
from simulator.topology.plan import SessionPlan
from simulator.wire.path_attributes import PathAttributes


def session_table(
    network: Network, record: ConnectionRecord, plan: SessionPlan, came: Callable[[HeldRoute], float]
) -> SessionTable:
    """Every route that the peer announced, in the order of the prefixes, with its verdict. `came`: when, by route."""
    denied = not network.edges.view(plan).gate_open
    held = sorted(network.edges.routes(plan), key=lambda route: (route.key[1:], route.key[0]))
    return table_of(
        network,
        record,
        plan,
        (
            ReceivedRoute(
                route.family, route.key, route.attributes.path, verdict(route.hits, denied=denied), came(route)
            )
            for route in held
        ),
    )


def table_of(
    network: Network, record: ConnectionRecord, plan: SessionPlan, routes: Iterable[ReceivedRoute]
) -> SessionTable:
    """A session as it is now, with these routes of it."""
    view, carried = network.edges.view(plan), _carried(network, plan)
    names, known = dict(carried), dict[int, tuple[PathAttributes, PathAttributes]]()

    def named(held: ReceivedRoute) -> ReceivedRoute:
        path = held.path
        if path.next_hop not in names:
            return held
        # One for all that share it; what is known is held, so that its id is its own.
        if id(path) not in known:
            known[id(path)] = path, replace(path, next_hop=names[path.next_hop])
        return replace(held, path=known[id(path)][1])

    identifier = view.peer_open.bgp_identifier if view.peer_open is not None else IPv4Address(0)
    return SessionTable(
        session=plan.id,
        connection=record.id,
        edge=plan.edge.name,
        edge_address=plan.edge_address,
        edge_as=network.topology.microsoft.asn,
        family=plan.family,
        peer=Announcer(plan.peer.asn, plan.peer_address, identifier),
        connection_state=record.state.value,
        bgp_state=view.bgp_state.value,
        since=view.established_at,
        last_error=view.last_error,
        asn4=view.peer_open.capabilities.asn4 if view.peer_open is not None else True,
        sent=view.sent,
        routes=tuple(map(named, routes)) if carried else tuple(routes),
        carried=carried,
    )


def _carried(network: Network, plan: SessionPlan) -> tuple[tuple[IpAddress, IpAddress], ...]:
    """The peer's address last: on IPv6 loopback both ends have the same, and a next hop is the peer's."""
    if not network.edges.is_provisioned(plan):
        return ()
    config = network.edges.config(plan)
    ends = ((config.local_address, plan.edge_address), (config.peer_address, plan.peer_address))
    return tuple((real, named) for real, named in ends if real != named)
