"""A rehearsal: the whole documented life cycle of every connection of a topology, played through on real sessions."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from simulator.connection.connection import TransitionRefusedError
from simulator.connection.states import ConnectionState, Flow
from simulator.engine.control import ConnectionRecord, ControlPlane, passes
from simulator.engine.log import CheckEnded, EventLog, Said
from simulator.engine.network import Network
from simulator.engine.validating import Validator
from simulator.lab.merge import merge_captures
from simulator.places.errors import LabError
from simulator.places.link import LinkKind
from simulator.rehearsal.direct import approval_steps, cabling_steps, where
from simulator.rehearsal.members import Registry
from simulator.rehearsal.reporting import final_report
from simulator.report.model import RehearsalOutcome, Report
from simulator.routers.base import RouterConfig
from simulator.routers.daemon import ConfigRefusedError
from simulator.session.messages import Family
from simulator.speakers.clock import Clock
from simulator.topology.schema import Peer, Topology
from simulator.views.check import CheckView, Status
from simulator.views.session import SessionView


async def _at_once(step: str, what: str) -> None:
    """Nobody wants to look before the next step."""


@dataclass(slots=True)
class Rehearsal:
    """One run of one topology. `log` may be subscribed to before `run`."""

    topology: Topology
    kind: LinkKind
    record_wire: bool = False
    """Keep the octets for wire.pcap."""
    capture_file: Path | None = None
    """Where the merged capture goes, where the link allows one."""
    log: EventLog = field(default_factory=EventLog)
    pause: Callable[[str, str], Awaitable[None]] = _at_once
    """Awaited before each step of the life cycle, with its name and what it will do."""
    hand_over: Callable[[Peer, RouterConfig], None] = lambda peer, config: None
    """Told what an external router is to be configured with. It may hold an MD5 key: it is no event of the log."""
    control: ControlPlane | None = field(default=None, init=False)
    network: Network | None = field(default=None, init=False)
    versions: dict[str, str] = field(default_factory=dict, init=False)
    heights: dict[str, SessionView] = field(default_factory=dict, init=False)
    """Each session as it stood while its connection was Active, or else at the end."""
    shortfalls: list[str] = field(default_factory=list, init=False)
    """What did not come out as the topology expects, one line each."""
    errors: list[str] = field(default_factory=list, init=False)
    refused: bool = field(default=False, init=False)
    """What ended it is not the lab's: a daemon refused its user's own file."""
    _registry: Registry | None = field(default=None, init=False)
    started: float = field(default=0.0, init=False)

    async def run(self) -> Report:
        """Never raises for what goes wrong in the lab: that is an outcome. Cancelling it takes the lab down."""
        self.started = time.time()
        keep = self.capture_file is not None
        network = Network(self.topology, self.kind, self.log.append, record=self.record_wire, keep_captures=keep)
        self.network = network
        clock = Clock(asyncio.get_running_loop())
        self._registry = Registry(network)
        self.control = ControlPlane(network, self.log, clock)
        self.control.add_all(self.topology)
        try:
            async with network, self._keeping_evidence(network):
                try:
                    await self._play(network, self.control, Validator(network, self.log, clock), clock)
                finally:
                    # Microsoft's side speaks the last word, also when the rehearsal is interrupted.
                    records = self.control.records.values()
                    await asyncio.gather(*(self.control.close_sessions(r, "the rehearsal is over") for r in records))
        except LabError as error:
            self.errors.append(str(error))
            self.refused = isinstance(error, ConfigRefusedError)
        return final_report(self, self._outcome())

    def _outcome(self) -> RehearsalOutcome:
        if self.errors:
            return "error"
        return "failed" if self.shortfalls else "passed"

    async def _play(self, network: Network, control: ControlPlane, validator: Validator, clock: Clock) -> None:
        def say(text: str, connection: str = "") -> None:
            self.log.append(Said(clock.now(), text, connection))

        say(f"{where(self.topology)}: {len(network.plans)} sessions on the {self.kind.value} link")
        if network.quality_problem:
            say(network.quality_problem)
        await self.pause("request", f"{_names(control.records.values())} are requested; the PeerAsn must be Approved")
        approved = []
        for record in control.records.values():
            try:
                control.request(record, where(self.topology, record.id))
            except TransitionRefusedError as error:
                self.shortfalls.append(f"the request was refused: {error}")
                say(f"the request was refused: {error}", record.id)
                continue
            approved.append(record)
        if approved:
            await self.pause("approve", f"Microsoft approves {_names(approved)}; the peer configures its routers")
        for record in approved:
            control.approve(record)
            for text in approval_steps(self.topology, record.id):
                say(text, record.id)
        for record in approved:
            for text in cabling_steps(self.topology, record.id):
                say(text, record.id)
        for name in dict.fromkeys(record.peer.name for record in approved):
            peer = self.topology.peer(name)
            say(f"{name} configures its BGP sessions ({peer.router_kind})")
            self.versions[name] = await network.start_peer(peer)
            for text in network.router(name).remarks():
                say(text)
            if peer.is_external:
                self.hand_over(peer, network.configuration(peer))
        for customer in self.topology.customers if approved else ():
            say(f"{customer.name} (AS{customer.asn}) is behind the route servers ({customer.router_kind})")
            self.versions[customer.name] = await network.start_customer(customer)
            for text in network.router(customer.name).remarks():
                say(text)
        if approved:
            told = "the peer says that it is configured: the sessions come up under DENY ALL and are validated"
            await self.pause("notify", f"{told}, each connection for at most {self.topology.deadline:g} s")
        await asyncio.gather(*(self._turn_up(record, control, validator, clock) for record in approved))
        active = [record for record in approved if record.state is ConnectionState.ACTIVE]
        for record in approved:
            self._compare(record)
        if active:
            await self.pause(
                "deprovision", f"{_names(active)}: every route is withdrawn, the sessions stay Established"
            )
        # One route server after the other: what one has lost the other still carries.
        one_by_one = [record for record in active if record.flow is Flow.IXRS]
        together = [[record] for record in active if record.flow is not Flow.IXRS]
        await asyncio.gather(
            *(self._deprovision_all(group, control, validator, clock) for group in (one_by_one, *together))
        )

    async def _turn_up(
        self, record: ConnectionRecord, control: ControlPlane, validator: Validator, clock: Clock
    ) -> None:
        """From the peer's notification to Active, or to ProvisioningFailed."""
        control.notify(record)
        results = await self._validated(record, validator, clock)
        before = validator.views(record)
        self._tell(record, results, clock)
        if control.conclude(record, results):
            if record.flow is Flow.IXRS:
                await self._register(record, clock)
            lifted = await validator.after_lift(record, before, self._expected(record))
            record.results += lifted
            self._tell(record, lifted, clock)
        self.heights |= validator.views(record)

    async def _register(self, record: ConnectionRecord, clock: Clock) -> None:
        """The exchange registers its customers' ASNs: until then their routes are seen, and not taken."""
        assert self._registry is not None, "made with the network"
        asns = {customer.asn: customer.name for customer in self.topology.customers if customer.registered}
        names = ", ".join(f"AS{asn} ({name})" for asn, name in asns.items())
        await self.pause("register", f"{names or 'nobody'} is registered at {record.peering}: its routes are taken")
        for asn, name in asns.items():
            self._registry.register(record.peering, asn)
            self.log.append(Said(clock.now(), f"AS{asn} ({name}) is registered: its routes are taken", record.id))

    async def _validated(self, record: ConnectionRecord, validator: Validator, clock: Clock) -> list[CheckView]:
        """A validation that still holds: where somebody looked before the lift, the sessions may have gone on."""
        while True:
            results = await validator.validate(record)
            if not passes(results):
                return results
            seen = validator.views(record)
            routes = sum(view.accepted for view in seen.values())
            await self.pause("lift", f"{record.id} passed its validation: it becomes Active, {routes} routes are taken")
            now = validator.views(record)
            if all(now[name].established_at == view.established_at for name, view in seen.items()):
                return results
            self.log.append(Said(clock.now(), "a session was reset meanwhile: it is validated again", record.id))

    async def _deprovision_all(
        self, records: list[ConnectionRecord], control: ControlPlane, validator: Validator, clock: Clock
    ) -> None:
        for record in records:
            await self._deprovision(record, control, validator, clock)

    async def _deprovision(
        self, record: ConnectionRecord, control: ControlPlane, validator: Validator, clock: Clock
    ) -> None:
        """From Active to PendingRemove, to gone."""
        before = validator.views(record)
        control.deprovision(record)
        results = await validator.after_deny(record, before)
        record.results += results
        self._tell(record, results, clock)
        self.shortfalls += [f"{record.id}: {result.id} {result.title}" for result in results if result.stops]
        await self.pause("remove", f"the sessions of {record.id} are closed with a Cease, and the connection is gone")
        await control.remove(record)

    def _expected(self, record: ConnectionRecord) -> dict[str, int]:
        """How many accepted routes the topology expects on each session, where it says so."""
        expect = self.topology.peering(record.peering).expect
        wanted = {Family.IPV4: expect.accepted, Family.IPV6: expect.accepted_ipv6}
        return {plan.id: count for plan in record.plans if (count := wanted[plan.family]) is not None}

    def _tell(self, record: ConnectionRecord, results: list[CheckView], clock: Clock) -> None:
        for result in results:
            self.log.append(CheckEnded(clock.now(), record.id, result))

    def _compare(self, record: ConnectionRecord) -> None:
        """What the topology expects against what came out."""
        expect = self.topology.peering(record.peering).expect
        if record.state.value != expect.state:
            why = f": {record.connection.error_message}" if record.connection.error_message else ""
            self.shortfalls.append(f"{record.id}: connection is {record.state}, expected {expect.state}{why}")
        failing = {result.id for result in record.results if result.status is Status.FAILURE}
        for check in expect.failing_checks:
            if check not in failing:
                self.shortfalls.append(f"{record.id}: {check} was expected to fail and did not")
        for result in record.results:
            if result.blocks.value == "rehearsal" and result.stops and result.id not in expect.failing_checks:
                self.shortfalls.append(f"{record.id}: {result.id} {result.title}")
        for session, wanted in self._expected(record).items():
            found = self.heights[session].accepted
            if found != wanted and expect.state == "Active":
                self.shortfalls.append(f"{session}: {found} routes accepted, expected {wanted}")

    @contextlib.asynccontextmanager
    async def _keeping_evidence(self, network: Network) -> AsyncIterator[None]:
        """Whatever happens, take the captures out of the lab's directory before that is removed."""
        try:
            yield
        finally:
            if self.capture_file is not None and network.captures:
                for capture in network.captures.values():
                    await capture.stop()
                paths = [capture.path for capture in network.captures.values() if capture.path is not None]
                await asyncio.to_thread(merge_captures, paths, self.capture_file)


def _names(records: Iterable[ConnectionRecord]) -> str:
    return ", ".join(record.id for record in records)
