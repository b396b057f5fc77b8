"""What has to hold of an exchange's route servers and of the customers behind them."""

from __future__ import annotations

from collections.abc import Iterator

from simulator.session.messages import Family
from simulator.topology.kinds import KINDS, RouteServerRole, RunBy
from simulator.topology.problem import Problem
from simulator.topology.schema import Topology
from simulator.topology.suggest import did_you_mean, listed


def member_problems(topology: Topology) -> Iterator[Problem]:
    """Customers need a route server, route servers an IxRs peering; and addresses in common."""
    ixrs = {peering.peer for peering in topology.peerings if peering.is_ixrs}
    for index, peer in enumerate(topology.peers):
        if peer.router_abilities.route_server is RouteServerRole.ALWAYS and peer.name not in ixrs:
            text = "a route server has peerings of kind IxRs: this peer has none"
            yield Problem(("peers", index, "router"), text)
    unable = {peer.name for peer in topology.peers if peer.router_abilities.route_server is RouteServerRole.NO}
    for index, peering in enumerate(topology.peerings):
        if peering.is_ixrs and peering.peer in unable:
            text = f"'{peering.peer}' is the exchange's route server: give it `router: route-server`, or a real one"
            yield Problem(("peerings", index, "peer"), text)
    served = {name for customer in topology.customers for name in customer.route_servers or ixrs}
    for index, peer in enumerate(topology.peers):
        choice = peer.router_choice
        if peer.name in served & ixrs and peer.router_abilities.run_by is RunBy.DAEMON and choice.config is None:
            text = f"turnup writes no route server's configuration for {choice.kind}, and '{peer.name}' has customers"
            yield Problem(("peers", index, "router"), f"{text}: give it your own `config`, or `router: route-server`")
    for index, customer in enumerate(topology.customers):
        unknown = [name for name in customer.route_servers if name not in ixrs]
        if unknown or not ixrs:
            what = f"no route server '{unknown[0]}'" if unknown else "a customer needs an exchange's route server"
            hint = did_you_mean(unknown[0], ixrs) if unknown else ""
            text = f"{what} with an IxRs peering{hint} (there are: {listed(sorted(ixrs))})"
            yield Problem(("customers", index, "route-servers"), text)
            continue
        if customer.router_kind not in KINDS or not customer.router_abilities.may_be_customer:
            known = [name for name, kind in KINDS.items() if kind.may_be_customer]
            hint = did_you_mean(customer.router_kind, known)
            text = f"no router '{customer.router_kind}' for a customer{hint} (there are: {listed(known)})"
            yield Problem(("customers", index, "router"), text)
        elif not customer.router_abilities.on_loopback and topology.link == "loopback":
            text = f"router '{customer.router_kind}' needs real addresses and port 179: use link: netns"
            yield Problem(("customers", index, "router"), text)
        shared = {family for server in topology.route_servers(customer) for family in Family if server.address(family)}
        if not any(customer.address(family) for family in shared):
            text = f"'{customer.name}' has no address of a family that its route servers have"
            yield Problem(("customers", index), text)
