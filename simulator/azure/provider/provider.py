"""Microsoft.Peering in one process: the resources, the control plane, the workflow, and the network that they move."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, Protocol, TypeVar

from simulator.azure.model.errors import RefusalError
from simulator.azure.model.peering import PeeringResource
from simulator.azure.model.resources import (
    PeerAsn,
    RegisteredPrefix,
    Resource,
    ReviewedResource,
    ServicePrefix,
)
from simulator.azure.provider.address_plan import AddressPlan
from simulator.azure.provider.asns import PeerAsns
from simulator.azure.provider.journal import StoreJournal
from simulator.azure.provider.monitor import Monitor
from simulator.azure.provider.peerings import Peerings
from simulator.azure.provider.records import PeeringIndex, PeeringRecord
from simulator.azure.provider.registrations import RegisteredResources, StoredRegistrations
from simulator.azure.provider.reviewers import PeeringReviewers
from simulator.azure.provider.reviews import Review, Reviews
from simulator.azure.provider.rows import connection_of
from simulator.azure.provider.services import PeeringServices
from simulator.azure.provider.settings import CurrentSettings, Settings
from simulator.azure.provider.unit_of_work import UnitOfWork
from simulator.azure.store.store import Store
from simulator.connection.connection import Connection, ConnectionTransition
from simulator.engine.control import ConnectionRecord, ControlPlane, Journal
from simulator.engine.log import EventLog
from simulator.engine.network import Network
from simulator.engine.tape import Tape
from simulator.engine.verbs import VERBS
from simulator.engine.workflow import Workflow
from simulator.places.errors import LabError
from simulator.places.link import LinkKind
from simulator.speakers.clock import Clock
from simulator.topology.locations import Locations, embedded
from simulator.topology.schema import Topology

R = TypeVar("R", bound=Resource)

_RECORDED_OCTETS: Final = 16 * 1024 * 1024
"""Of memory for what the edges send and read, for a pcap: the first of the run (simulator)."""
_EVENTS_KEPT: Final = 10_000
"""Of what is in the store for good, so much stays in memory (simulator)."""


class ServedTape(Tape, Protocol):
    """A tape that also takes down what is decided."""

    def journal(self, journal: Journal) -> Journal:
        """This one; it takes down when a lift has to wait for it."""

    def follow(self, network: Network, control: ControlPlane, workflow: Workflow, log: EventLog) -> None:
        """Called before anything runs."""


class Provider:
    """Enter to start the lab and recover what the store holds; exit to close every session and leave the store true."""

    def __init__(
        self,
        topology: Topology,
        kind: LinkKind,
        store: Store,
        settings: Settings | None = None,
        locations: Locations | None = None,
        tape: ServedTape | None = None,
    ) -> None:
        """Without `settings` those of the last run apply. `tape` as for `Network`."""
        self.failure: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        """Done when the provider cannot go on: every gate is shut, and the process had better end."""
        self._at_failure: list[Callable[[], None]] = []
        self._exit = contextlib.AsyncExitStack()
        self.versions: dict[str, str] = {}
        """What each peer's router calls itself."""
        self.topology = topology
        self.clock = Clock(asyncio.get_running_loop()) if tape is None else tape.clock
        now = self.clock.now
        self.log = EventLog(_EVENTS_KEPT)
        self.unit = UnitOfWork(store, self.fail)
        self.log.subscribe(self.unit.take)
        self._current = CurrentSettings(settings or Settings.model_validate(store.setting("settings") or {}))
        self.address_plan = AddressPlan(topology, locations or embedded())
        index = PeeringIndex()
        registrations = StoredRegistrations(self.unit, index)
        self.network = Network(
            topology,
            kind,
            self.log.append,
            record=True,
            recorded_octets=_RECORDED_OCTETS,
            registrations=registrations,
            tape=tape,
        )
        self.journal = StoreJournal(self.unit, index)
        journal: Journal = self.journal if tape is None else tape.journal(self.journal)
        self.control = ControlPlane(self.network.edges, self.log, self.clock, journal)
        self._at_failure.append(self.control.deny_all)
        self.peerings = Peerings(self.unit, index, self.control, self.address_plan, self.clock, self._current)
        self.reviewers = PeeringReviewers(self.control, self.peerings)
        self.workflow = Workflow(
            self.network, self.control, self._current, self.reviewers, self.log, self.clock, self.fail
        )
        self._at_failure.append(self.workflow.halt)
        if tape is not None:
            tape.follow(self.network, self.control, self.workflow, self.log)
        self._pending = asyncio.Event()
        """Set when something became pending, or a delay is another one."""
        self.asns = PeerAsns(self.unit, index, topology, now, self._pending.set)
        self.registrations = RegisteredResources(self.unit, index, self.network, now, self._pending.set)
        self.services = PeeringServices(self.unit, self.peerings, self.network, now, self._pending.set)
        reviews: dict[type[ReviewedResource], Review] = {
            PeerAsn: Review("peer_asn_review", self.asns.approve),
            RegisteredPrefix: Review("prefix_validation", self.registrations.judge),
            ServicePrefix: Review("prefix_validation", self.services.judge),
        }
        self._reviews = Reviews(self.unit, now, self._current, reviews, self._pending, self.fail)
        self.log.subscribe(self._reviews.take)
        self.monitor = Monitor(self.unit, self.network, self.fail)

    async def __aenter__(self) -> Provider:
        try:
            await self._exit.enter_async_context(self.network)
            self._exit.callback(self.unit.store.watch(self.fail))
            self._exit.push_async_callback(self._close_sessions)
            self._exit.push_async_callback(self.workflow.stop)
            self.unit.flush()
            peers = self.topology.peers
            versions = await asyncio.gather(*(self.network.peers.start(peer) for peer in peers))
            self.versions = {peer.name: version for peer, version in zip(peers, versions, strict=True)}
            for customer in self.topology.customers:
                self.versions[customer.name] = await self.network.peers.start_customer(customer)
            self._recover()
            self._reviews.start()
            self._exit.push_async_callback(self._reviews.stop)
            self.monitor.start()
            self._exit.push_async_callback(self.monitor.stop)
            self._exit.callback(self.workflow.halt)  # first of all: nothing moves while the rest is stopped
        except BaseException:
            await self._exit.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._exit.aclose()
        if not self.failure.done():
            await self.unit.finish()

    def fail(self, error: BaseException) -> None:
        """Something that must not happen did: shut every gate, move nothing any more, and say so."""
        for act in self._at_failure:
            act()
        if not self.failure.done():
            self.failure.set_result(error)

    @property
    def settings(self) -> Settings:
        """Those in force."""
        return self._current.settings

    async def _close_sessions(self) -> None:
        records = list(self.control.records.values())
        await asyncio.gather(*(self.control.close_sessions(record, "the lab is stopped") for record in records))

    # --- resources ---

    def found(self, key: str, kind: type[R]) -> R | None:
        """A resource of a kind; None: no such resource."""
        return self.unit.get(key, kind)

    def listed(self, kind: type[R], subscription: str, group: str = "") -> list[R]:
        """The resources of a kind in a subscription, or in one of its resource groups."""
        scope = f"/subscriptions/{subscription}" + (f"/resourceGroups/{group}" if group else "")
        return self.unit.below(scope, kind)

    def peering(self, key: str) -> PeeringRecord | None:
        return self.peerings.records.get(key)

    def put_peering(self, wanted: PeeringResource, warnings: Sequence[str] = ()) -> tuple[PeeringRecord, bool]:
        """Request a peering or change it; (peering, created). Raises RefusalError."""
        record, created = self.peerings.put(wanted)
        for warning in warnings:
            self.unit.add_event(self.clock.now(), "warning", record.resource.id, {"text": warning})
        self.changed(record)
        return record, created

    def delete_peering(self, key: str) -> bool:
        """Whether there was one. Raises RefusalError in a state that does not allow it."""
        record = self.peerings.records.get(key)
        lives = list(record.connections) if record is not None else []
        found = self.peerings.delete(key)
        for live in lives:
            self.workflow.follow(live.record)
        return found

    def changed(self, record: PeeringRecord) -> None:
        """Let the workflow look at a peering that was requested, changed or deleted."""
        for live in record.connections:
            self.workflow.follow(live.record)

    async def operate(self, record: ConnectionRecord, verb: str, message: str = "") -> None:
        """Do what a verb of `VERBS` names to a connection. Raises TransitionRefusedError or RefusalError."""
        if VERBS[verb].denies:
            self.peerings.must_leave_one(record)
        await self.workflow.operate(record, verb, message)

    def set(self, settings: Settings) -> None:
        """Change how Microsoft's side behaves, from now on and after a restart."""
        with self.unit.transaction() as transaction:
            self.unit.add_event(self.clock.now(), "settings", "settings", settings.model_dump(by_alias=True))
            transaction.set("settings", settings.model_dump())
        self._current.settings = settings
        self.workflow.look_again()
        self._pending.set()

    # --- recovery ---

    def _recover(self) -> None:
        """Take up every peering where the store left it. No gate is open, and no transition is made again."""
        histories = self.unit.histories()
        saved = self.unit.store.connections()
        for resource in self.unit.all(PeeringResource):
            record = PeeringRecord(resource)
            self.peerings.records[record.key] = record
            for kept in (each for each in saved if each.peering == resource.key):
                request = connection_of(kept.request)
                try:
                    live = self.peerings.hold(record, request, kept.id, kept.position)
                except RefusalError as error:
                    raise LabError(f"the store has {kept.id}, which this topology has no place for: {error}") from None
                _replay(live.record.connection, histories[kept.id])
                if live.record.state.value != kept.state:
                    raise LabError(
                        f"the store says that {kept.id} is {kept.state}, and its history that it is {live.record.state}"
                    )
            self.changed(record)
        self.peerings.legacy.start(histories, self.workflow.follow)


def _replay(connection: Connection, history: list[ConnectionTransition]) -> None:
    for step in history:
        connection.take(step)
