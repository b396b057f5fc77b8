"""The lab of one case while it is played, and which of its connections a step or an expectation is about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from simulator.diagnosis.evidence import TrafficSeen
from simulator.engine.control import ConnectionRecord
from simulator.engine.log import EventLog
from simulator.engine.network import Network
from simulator.engine.traffic import TrafficLab
from simulator.faults.broken import BrokenRouter
from simulator.faults.injection import Injections
from simulator.places.errors import LabError
from simulator.rehearsal.script import Script
from simulator.routers.base import Router
from simulator.routers.daemon import Daemon
from simulator.scenarios.values import Subject, WhichSessions
from simulator.topology.plan import SessionPlan
from simulator.topology.route import RouterRoute
from simulator.topology.schema import Peer, Topology


@dataclass(slots=True)
class Stage:
    """A lab that runs."""

    script: Script
    traffic: TrafficLab | None
    """The hosts; None where no traffic is asked for."""
    since: int = 0
    """The number of events before the last step that did something."""
    routes: dict[str, tuple[RouterRoute, ...]] = field(default_factory=dict)
    """By node, what its router announces, where that was changed while it ran."""
    crossed: dict[str, TrafficSeen] = field(default_factory=dict)
    """By session, the packets that passed when they were looked at last."""
    by_hand: bool = False
    """Microsoft's automation waits for `advance`."""
    _injections: Injections | None = None

    @property
    def injections(self) -> Injections:
        """The faults that are in the lab now."""
        if self._injections is None:
            self._injections = Injections(self.network, self.script.clock.now)
        return self._injections

    @property
    def topology(self) -> Topology:
        return self.script.topology

    @property
    def network(self) -> Network:
        return self.script.network

    @property
    def log(self) -> EventLog:
        return self.script.log

    def connections(self, subject: Subject) -> list[ConnectionRecord]:
        """Those that a step or an expectation is about."""
        records = self.script.control.records.values()
        known = (record for record in records if subject.of in (None, record.id, record.peering, record.peer.name))
        return [record for record in known if any(True for _ in self._plans(record, subject))]

    def sessions(self, subject: Subject) -> list[tuple[ConnectionRecord, SessionPlan]]:
        """The same of sessions."""
        return [(record, plan) for record in self.connections(subject) for plan in self._plans(record, subject)]

    def _plans(self, record: ConnectionRecord, subject: Subject) -> Iterator[SessionPlan]:
        family = subject.family if isinstance(subject, WhichSessions) else None
        for plan in record.plans:
            if subject.edge in (None, plan.edge.name) and family in (None, plan.family.label):
                yield plan

    def routers(self, subject: Subject) -> list[str]:
        """The nodes whose routers a step is about: the peers', and a customer's where it is named."""
        customers = [customer.name for customer in self.topology.customers if customer.name == subject.of]
        return customers or list(dict.fromkeys(record.peer.name for record in self.connections(subject)))

    def node(self, name: str) -> Peer:
        """A peer, or a customer. Raises KeyError."""
        return next((each for each in self.topology.customers if each.name == name), None) or self.topology.peer(name)

    def router(self, name: str) -> Router:
        """Raises LabError for one that was not started."""
        if not self.network.peers.runs(name):
            raise LabError(f"the router of {name} does not run: start or notify comes first")
        return self.network.peers.router(name)

    def end_of_router(self, name: str) -> str:
        """How a router ended that was started here; empty while it runs, and of one that has no process."""
        if not self.network.peers.runs(name):
            return ""
        router = self.network.peers.router(name)
        found = router.inner if isinstance(router, BrokenRouter) else router
        return found.end if isinstance(found, Daemon) else ""
