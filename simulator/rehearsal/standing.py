"""A peer's sessions turned up and left standing, to be looked at: the first half of a rehearsal, and no more."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from simulator.connection.states import Flow
from simulator.engine.control import ConnectionRecord, ControlPlane
from simulator.engine.log import EventLog
from simulator.engine.network import Network
from simulator.engine.session_tables import session_table
from simulator.engine.validating import Validator
from simulator.peer.events import RoutesAnnounced
from simulator.places.link import LinkKind
from simulator.rehearsal.members import Registry
from simulator.session.messages import Family
from simulator.session.states import BgpState
from simulator.speakers.clock import Clock
from simulator.speakers.tap import Octets, Tap
from simulator.tables.received_routes import SessionTable
from simulator.topology.plan import SessionPlan
from simulator.topology.schema import Customer, Topology
from simulator.views.session import SessionView


@dataclass(slots=True)
class Standing:
    """One peer of one topology, from its request to Established sessions; lifted only when asked for."""

    topology: Topology
    kind: LinkKind
    peer: str
    lift: bool = False
    """Validate, and lift the policy when that passes. Otherwise everything stays denied."""
    record_wire: bool = False
    log: EventLog = field(default_factory=EventLog)
    problems: list[str] = field(default_factory=list, init=False)
    """Why a connection is not where it was to be, one line each."""
    octets: list[Octets] = field(default_factory=list, init=False)
    octets_cut: bool = field(default=False, init=False)
    """More was recorded than is kept."""

    async def run(self) -> list[SessionTable]:
        """Every session of the peer with its Adj-RIB-In. Raises LabError, and TransitionRefusedError for a request
        that Microsoft refuses. Cancelling it takes the lab down."""
        network = Network(self.topology, self.kind, self.log.append, record=False)
        tap = network.tap = Tap() if self.record_wire else None
        clock = Clock(asyncio.get_running_loop())
        registry = Registry(network)
        control = ControlPlane(network, self.log, clock)
        control.add_all(self.topology)
        records = [record for record in control.records.values() if record.peer.name == self.peer]
        async with network:
            try:
                await self._turn_up(network, control, registry, records, clock)
                tables = [self._table(network, record, plan) for record in records for plan in record.plans]
            finally:
                await asyncio.gather(*(control.close_sessions(r, "the looking glass was closed") for r in records))
        if tap is not None:
            self.octets, self.octets_cut = tap.records, tap.truncated
        return tables

    async def _turn_up(
        self,
        network: Network,
        control: ControlPlane,
        registry: Registry,
        records: list[ConnectionRecord],
        clock: Clock,
    ) -> None:
        for record in records:
            control.request(record)
            control.approve(record)
        await self._start_routers(network)
        for record in records:
            control.notify(record)
        if not self.lift:
            await self._until_told(network, records, clock)
            return
        validator = Validator(network, self.log, clock)
        for record, results in zip(records, await asyncio.gather(*map(validator.validate, records)), strict=True):
            if not control.conclude(record, results):
                self.problems.append(f"{record.id} is {record.state}: {record.connection.error_message}")
            elif record.flow is Flow.IXRS:
                for customer in self.topology.customers:
                    if customer.registered:
                        registry.register(record.peering, customer.asn)

    async def _start_routers(self, network: Network) -> None:
        """The peer's; behind a route server also its customers', and the other route servers that they call."""
        topology, behind = self.topology, self._customers()
        servers = [server.name for customer in behind for server in topology.route_servers(customer)]
        for name in dict.fromkeys([self.peer, *servers]):
            await network.start_peer(topology.peer(name))
        for customer in behind:
            await network.start_customer(customer)

    def _customers(self) -> list[Customer]:
        """Who is behind the peer, where it is a route server."""
        topology = self.topology
        served = ((each, [server.name for server in topology.route_servers(each)]) for each in topology.customers)
        return [customer for customer, servers in served if self.peer in servers]

    async def _until_told(self, network: Network, records: list[ConnectionRecord], clock: Clock) -> None:
        """Until each session is at its End-of-RIB, or silent for the soak time after its routes; or the deadline.

        A route server's End-of-RIB says nothing of the clients that it is still to hear from.
        """
        times, plans = self.topology.times, [plan for record in records for plan in record.plans]
        deadline, ends = clock.now() + self.topology.deadline, not self._customers()
        while (now := clock.now()) < deadline:
            waits = [_wait(network.view(plan), times.soak, now, ends) for plan in plans]
            if all(wait is not None and wait <= 0 for wait in waits):
                return
            await self.log.next_event(min([deadline - now, *(wait for wait in waits if wait is not None and wait > 0)]))
        for plan in plans:
            view = network.view(plan)
            if view.bgp_state is not BgpState.ESTABLISHED:
                self.problems.append(f"{plan.id}: BGP is {view.bgp_state.value} after {self.topology.deadline:g} s")

    def _table(self, network: Network, record: ConnectionRecord, plan: SessionPlan) -> SessionTable:
        came, since = self._arrivals(plan), network.view(plan).established_at or 0.0
        return session_table(network, record, plan, lambda route: came.get((route.family, route.key), since))

    def _arrivals(self, plan: SessionPlan) -> dict[tuple[Family, bytes], float]:
        """When each route of a session came last."""
        return {
            (event.family, key): event.time
            for event in self.log.entries
            if isinstance(event, RoutesAnnounced) and event.session == plan.id
            for key in event.keys
        }


def _wait(view: SessionView, soak: float, now: float, ends: bool) -> float | None:
    """Seconds until this session is taken to have told everything; 0 or less when it has; None: nobody knows.

    Silence counts only once something came: BIRD begins to announce two seconds after its session is Established.
    `ends`: its End-of-RIB is the end.
    """
    if view.bgp_state is not BgpState.ESTABLISHED or view.established_at is None:
        return None
    if view.end_of_rib and ends:
        return 0.0
    return None if view.last_update is None else max(view.established_at, view.last_update) + soak - now
