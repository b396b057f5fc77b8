"""The routers of the peers, and of the networks behind a peer that is a route server."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace

from simulator.engine.edges import Edges
from simulator.engine.member_config import as_route_server, customer_config, session_name
from simulator.engine.peer_config import agreed_session, configured_session, router_config
from simulator.engine.site import Site
from simulator.lab.netns import NetnsPlace
from simulator.places.endpoint import BGP_PORT, Endpoint
from simulator.places.errors import writing
from simulator.routers.base import Router, RouterConfig, RouterFiles, RouterSession
from simulator.routers.registry import ROUTERS
from simulator.session.messages import Family
from simulator.topology.kinds import RouteServerRole
from simulator.topology.plan import SessionPlan
from simulator.topology.schema import Customer, Peer, Topology


class PeerRouters:
    """By the peers' and customers' names."""

    def __init__(self, topology: Topology, site: Site, edges: Edges, stack: contextlib.AsyncExitStack) -> None:
        """The `stack` stops them."""
        self._topology = topology
        self._site = site
        self._edges = edges
        self._stack = stack
        self._routers: dict[str, Router] = {}
        self.make: Callable[[str], Router] = lambda kind: ROUTERS[kind]()
        """A router of a kind. A rehearsed fault makes one that is broken."""

    async def start(self, peer: Peer) -> str:
        """Configure and start a peer's router; returns its version. Raises LabError in the router's own words.

        What is left of one that ran before, and lost one of its daemons, ends first: it holds files and ports.
        """
        if (before := self._routers.get(peer.name)) is not None:
            await before.stop()
        router = self.make(peer.router_kind)
        self._routers[peer.name] = router
        self._stack.push_async_callback(router.stop)
        config = self.configuration(peer)
        await self._start(peer.name, router, config)
        self._edges.called |= {session.name: router.endpoint(session.name) for session in config.sessions}
        return await router.version()

    def configuration(self, peer: Peer) -> RouterConfig:
        """What a peer's router is to be configured with, on this link."""
        mine = [plan for plan in self._edges.plans if plan.peer.name == peer.name]
        sides = [plan.peer_side for plan in mine]
        sessions = tuple(self._router_session(plan) for plan in mine if self._configured_by_peer(plan))
        config = router_config(peer, sessions, mine)
        config = replace(config, asn=next((side.asn for side in sides if side.asn), peer.asn))
        config = self._with_interfaces(config)
        if peer.router_abilities.route_server is RouteServerRole.ALWAYS:
            places = {customer.name: self._site.place(customer.name) for customer in self._topology.customers}
            config = as_route_server(self._topology, peer, config, places)
        return config

    async def start_customer(self, customer: Customer) -> str:
        """Start the router of a network behind the route servers, which run already; returns its version.

        Raises LabError in the router's own words.
        """
        endpoints = {}
        for server in self._topology.route_servers(customer):
            for family in Family:
                name, address = session_name(server, customer, family), server.address(family)
                played = server.router_abilities.is_played
                if played and address is not None and customer.address(family) is not None:
                    endpoints[name] = self._routers[server.name].endpoint(name)
                elif address is not None:
                    endpoints[name] = Endpoint(address, BGP_PORT)
        router = ROUTERS[customer.router_kind]()
        self._routers[customer.name] = router
        self._stack.push_async_callback(router.stop)
        config = self._with_interfaces(customer_config(self._topology, customer, endpoints))
        await self._start(customer.name, router, config)
        return await router.version()

    async def _start(self, name: str, router: Router, config: RouterConfig) -> None:
        directory = self._site.subdirectory(name)
        with writing(directory):
            await router.start(self._site.place(name), config, RouterFiles(directory))

    def _with_interfaces(self, config: RouterConfig) -> RouterConfig:
        place = self._site.place(config.name)
        if not isinstance(place, NetnsPlace):
            return config
        return replace(config, interfaces=tuple(place.interfaces), vrfs=tuple(place.vrfs))

    def _configured_by_peer(self, plan: SessionPlan) -> bool:
        families = plan.peer_side.families
        return families is None or plan.family.label in families

    def _router_session(self, plan: SessionPlan) -> RouterSession:
        if plan.peer.is_external:  # knows the addresses that really carry its sessions, and no others
            local, remote = self._site.caller(plan), self._edges.listening(plan)
            agreed = agreed_session(plan, self._topology.microsoft.asn)
            return replace(agreed, local_address=local, remote_address=remote.host, remote=remote)
        found = configured_session(plan, self._topology.microsoft.asn)
        return found if plan.peer_takes is not None else replace(found, remote=self._edges.listening(plan))

    def runs(self, peer: str) -> bool:
        """Whether a peer's router was started here."""
        return peer in self._routers

    def router(self, peer: str) -> Router:
        """Raises KeyError for a peer that was not started."""
        return self._routers[peer]
