"""A looking glass: the script of a rehearsal up to its lift, for one peer; with the lift only when asked for."""

from __future__ import annotations

from simulator.engine.control import ConnectionRecord
from simulator.engine.log import EventLog
from simulator.engine.session_tables import session_table
from simulator.peer.events import RoutesAnnounced
from simulator.places.link import LinkKind
from simulator.rehearsal.script import Audience, Script, together
from simulator.session.messages import Family
from simulator.session.states import BgpState
from simulator.tables.received_routes import SessionTable
from simulator.topology.plan import SessionPlan
from simulator.topology.schema import Topology
from simulator.views.octets import Octets
from simulator.views.session import SessionView


class LookingGlass:
    """One peer of one topology, from its request to Established sessions. Make it where an event loop runs."""

    def __init__(
        self, topology: Topology, kind: LinkKind, peer: str, *, lift: bool = False, record_octets: bool = False
    ) -> None:
        """`lift`: validate, and lift the policy when that passes. Otherwise everything stays denied."""
        self.topology = topology
        self.log = EventLog()
        self.problems: list[str] = []
        """Why a connection is not where it was to be, one line each."""
        self.octets: list[Octets] = []
        self.octets_cut = False
        """More was recorded than is kept."""
        self._peer = peer
        self._lift = lift
        self._script = Script(topology, kind, self.log, Audience(), record=record_octets)

    async def run(self) -> list[SessionTable]:
        """Every session of the peer with its Adj-RIB-In. Raises LabError, and TransitionRefusedError for a request
        that Microsoft refuses. Cancelling it takes the lab down."""
        script, network = self._script, self._script.network
        records = [record for record in script.control.records.values() if record.peer.name == self._peer]
        async with network, script.closing("the looking glass was closed"):
            await script.turn_up(records)
            for _, error in script.refusals:
                raise error
            if self._lift:
                await together(*map(self._until_lifted, records))
            else:
                await self._until_received(records)
            tables = [self._table(record, plan) for record in records for plan in record.plans]
        if network.tap is not None:
            self.octets, self.octets_cut = network.tap.records, network.tap.truncated
        return tables

    async def _until_lifted(self, record: ConnectionRecord) -> None:
        if await self._script.until_judged(record):
            await self._script.register_customers(record)
        else:
            self.problems.append(f"{record.id} is {record.state}: {record.connection.error_message}")

    async def _until_received(self, records: list[ConnectionRecord]) -> None:
        """Until each session is at its End-of-RIB, or silent for the soak time after its routes; or the deadline.

        A route server's End-of-RIB says nothing of the clients that it is still to hear from.
        """
        script, network = self._script, self._script.network
        for record in records:
            await script.until_validating(record)
        await script.workflow.stop()  # before the lift
        times, plans = self.topology.times, [plan for record in records for plan in record.plans]
        deadline, ends = script.clock.now() + self.topology.deadline, not script.is_route_server(self._peer)
        while (now := script.clock.now()) < deadline:
            lefts = [_left(network.edges.view(plan), times.soak, now, ends) for plan in plans]
            if all(left is not None and left <= 0 for left in lefts):
                return
            await self.log.next_event(min([deadline - now, *(left for left in lefts if left is not None and left > 0)]))
        for plan in plans:
            view = network.edges.view(plan)
            if view.bgp_state is not BgpState.ESTABLISHED:
                self.problems.append(f"{plan.id}: BGP is {view.bgp_state.value} after {self.topology.deadline:g} s")

    def _table(self, record: ConnectionRecord, plan: SessionPlan) -> SessionTable:
        network = self._script.network
        came, since = self._arrivals(plan), network.edges.view(plan).established_at or 0.0
        return session_table(network, record, plan, lambda route: came.get((route.family, route.key), since))

    def _arrivals(self, plan: SessionPlan) -> dict[tuple[Family, bytes], float]:
        """When each route of a session came last."""
        return {
            (event.family, key): event.time
            for event in self.log.entries
            if isinstance(event, RoutesAnnounced) and event.session == plan.id
            for key in event.keys
        }


def _left(view: SessionView, soak: float, now: float, ends: bool) -> float | None:
    """Seconds until this session is taken to have announced everything; 0 or less when it has; None: nobody knows.

    Silence counts only once something came: BIRD begins to announce two seconds after its session is Established.
    `ends`: its End-of-RIB is the end.
    """
    if view.bgp_state is not BgpState.ESTABLISHED or view.established_at is None:
        return None
    if view.end_of_rib and ends:
        return 0.0
    return None if view.last_update is None else max(view.established_at, view.last_update) + soak - now
