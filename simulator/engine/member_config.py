"""What an exchange's route server and the customers behind it are configured with."""

from __future__ import annotations

from dataclasses import replace

from simulator.places.endpoint import Endpoint
from simulator.places.place import Place
from simulator.policy.profiles import PROFILES
from simulator.routers.base import RouterConfig, RouterSession
from simulator.session.messages import Family
from simulator.topology.originate import announcements, router_routes
from simulator.topology.schema import Customer, Peer, Topology


def session_name(server: Peer, customer: Customer, family: Family) -> str:
    """The name of the session of a customer with a route server, at both ends."""
    return f"{server.name}/{customer.name}/{family.label.lower()}"


def served(topology: Topology, server: Peer) -> list[tuple[Customer, Family]]:
    """The sessions of a route server with the exchange's members."""
    return [
        (customer, family)
        for customer in topology.customers
        if server in topology.route_servers(customer)
        for family in Family
        if server.address(family) and customer.address(family)
    ]


def as_route_server(topology: Topology, server: Peer, config: RouterConfig, places: dict[str, Place]) -> RouterConfig:
    """A route server's configuration: the edges' sessions are there, its other clients' are added."""
    clients = []
    for customer, family in served(topology, server):
        ours, theirs = server.address(family), customer.address(family)
        assert ours is not None and theirs is not None, "only such families are served"
        host = places[customer.name].host(theirs)
        clients.append(
            RouterSession(
                name=session_name(server, customer, family),
                local_address=ours,
                remote_address=theirs,
                remote_as=customer.asn,
                remote=Endpoint(host, 0),  # a route server waits for its clients
                md5=customer.md5,
            )
        )
    rules = {name: setting for name, setting in topology.policy.rules.items() if name in PROFILES["exchange"]}
    return replace(config, clients=tuple(clients), rules=rules)


def customer_config(topology: Topology, customer: Customer, endpoints: dict[str, Endpoint]) -> RouterConfig:
    """A customer's router: sessions with its route servers, which listen at `endpoints`."""
    sessions = []
    for server in topology.route_servers(customer):
        for family in Family:
            ours, theirs = customer.address(family), server.address(family)
            if ours is None or theirs is None:
                continue
            name = session_name(server, customer, family)
            session = RouterSession(name, ours, theirs, server.asn, endpoints[name], md5=customer.md5)
            sessions.append(replace(session, calls_first=True, route_server=True))
    return RouterConfig(
        name=customer.name,
        asn=customer.asn,
        router_id=str(customer.identifier),
        sessions=tuple(sessions),
        routes=router_routes(announcements(customer.announce, customer)),
        hold_time=customer.hold_time,
        lan=tuple(map(str, topology.lan.prefixes)),
        file=customer.router_choice.config,
    )
