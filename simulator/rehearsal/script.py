"""A script: an operator who plays Microsoft's people and the peer in a lab that is in memory alone.

It moves no connection itself: it says the operator's verbs (`simulator.engine.verbs`) to the engine's workflow, and
waits for what comes of them. Microsoft's automation takes no time.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from simulator.connection.connection import TransitionRefusedError
from simulator.connection.states import ConnectionEvent, ConnectionState, Flow
from simulator.engine.control import ConnectionRecord, ControlPlane
from simulator.engine.log import EventLog, Remark
from simulator.engine.network import Network
from simulator.engine.registrations import RegistrationsInMemory
from simulator.engine.tape import Tape
from simulator.engine.workflow import Reviewers, Workflow
from simulator.places.errors import LabError
from simulator.places.link import LinkKind
from simulator.rehearsal.outside_bgp import approval_steps, cabling_steps, where
from simulator.report.model import Report
from simulator.routers.base import RouterConfig
from simulator.speakers.clock import Clock
from simulator.topology.schema import Customer, Peer, Topology

S = ConnectionState
_JUDGED: Final = frozenset({S.ACTIVE, S.PROVISIONING_FAILED, S.PENDING_REMOVE, S.NONE})
_AUTOMATION: Final = frozenset({"provisioning", "validation"})
_LONG: Final = 3600.0
"""Seconds; an event ends the wait before."""


async def _at_once(step: str, what: str) -> None:
    """Nobody wants to look before the next step."""


async def _lift_at_once(record: ConnectionRecord) -> None:
    """Nobody wants to look before the lift."""


async def _not_at_all(report: Callable[[], Report]) -> None:
    """Nobody wants to look into the lab."""


def _print_nothing(peer: Peer, config: RouterConfig) -> None:
    """Nobody wants to know how an external router is configured."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Who looks on while a script is played."""

    pause: Callable[[str, str], Awaitable[None]] = _at_once
    """Awaited before each step of the life cycle, with its name and what it will do."""
    hold: Callable[[Callable[[], Report]], Awaitable[None]] = _not_at_all
    """Awaited once every connection is judged and before any is deprovisioned, with what makes the report so far."""
    show_config: Callable[[Peer, RouterConfig], None] = _print_nothing
    """Gets what an external router is to be configured with. It may hold an MD5 key: it is no event of the log."""


class _OperatorSays:
    """The delays of a script: none for the automation, unless that is by hand too; the rest is by hand."""

    def __init__(self, automation: bool) -> None:
        self._automation = automation

    def due(self, delay: str, since: float) -> float | None:
        return since if self._automation and delay in _AUTOMATION else None


class _ScriptReviewers(Reviewers):
    def __init__(self, control: ControlPlane, before_lift: Callable[[ConnectionRecord], Awaitable[None]]) -> None:
        super().__init__(control)
        self._before_lift = before_lift

    async def before_lift(self, record: ConnectionRecord) -> None:
        await self._before_lift(record)


class ScriptTape(Tape, Protocol):
    """A tape that also takes down what is decided."""

    def follow(self, network: Network, control: ControlPlane, workflow: Workflow, log: EventLog) -> None:
        """Called before anything runs."""


class Script:
    """One lab in memory, and the operator's way through it. Make it where an event loop runs."""

    def __init__(
        self,
        topology: Topology,
        kind: LinkKind,
        log: EventLog,
        audience: Audience,
        *,
        record: bool,
        keep_captures: bool = False,
        tape: ScriptTape | None = None,
        before_lift: Callable[[ConnectionRecord], Awaitable[None]] = _lift_at_once,
        automation: bool = True,
    ) -> None:
        """`record`, `keep_captures` and `tape` as for `Network`; `before_lift` as for `Reviewers`.

        Without `automation` its steps wait for the operator's `advance`.
        """
        self.topology = topology
        self.log = log
        self.audience = audience
        self.clock = Clock(asyncio.get_running_loop()) if tape is None else tape.clock
        self.registrations = RegistrationsInMemory(topology)
        self.network = Network(
            topology,
            kind,
            log.append,
            record=record,
            keep_captures=keep_captures,
            registrations=self.registrations,
            tape=tape,
        )
        self.control = ControlPlane(self.network.edges, log, self.clock)
        self.control.add_all(topology)
        reviewers = _ScriptReviewers(self.control, before_lift)
        delays = _OperatorSays(automation)
        self.workflow = Workflow(self.network, self.control, delays, reviewers, log, self.clock, self._fail)
        if tape is not None:
            tape.follow(self.network, self.control, self.workflow, log)
        self.versions: dict[str, str] = {}
        """What each router calls itself."""
        self.refusals: list[tuple[ConnectionRecord, TransitionRefusedError]] = []
        """The requests that Microsoft refused."""
        self._failure: BaseException | None = None

    @contextlib.asynccontextmanager
    async def closing(self, why: str) -> AsyncIterator[None]:
        """At the end, also when it is cancelled, nothing moves any more and every session is closed with a Cease."""
        try:
            yield
        finally:
            await self.workflow.stop()
            records = self.control.records.values()
            await asyncio.gather(*(self.control.close_sessions(record, why) for record in records))

    def _fail(self, error: BaseException) -> None:
        self._failure = error
        self.control.deny_all()
        self.log.wake()

    def say(self, text: str, connection: str = "") -> None:
        self.log.append(Remark(self.clock.now(), text, connection))

    def require_running(self) -> None:
        """Raises what ended the workflow."""
        if self._failure is not None:
            raise self._failure

    async def until(self, holds: Callable[[], bool], *of: str) -> None:
        """Wait, event by event, until something holds; it follows from events `of` these sessions and connections
        alone, where any are named. Raises what ended the workflow."""
        while not holds():
            self.require_running()
            await self.log.next_event(_LONG, of)

    # --- the steps ---

    async def turn_up(self, records: Iterable[ConnectionRecord]) -> list[ConnectionRecord]:
        """From the requests to the peers' notifications; the connections whose request was not refused.

        Raises LabError in a router's own words.
        """
        approved = await self._request(list(records))
        if not approved:
            return []
        await self.audience.pause("approve", f"Microsoft approves {names(approved)}; the peer configures its routers")
        for record in approved:
            await self.workflow.operate(record, "approve")
            for text in approval_steps(self.topology, record.id):
                self.say(text, record.id)
        for record in approved:
            for text in cabling_steps(self.topology, record.id):
                self.say(text, record.id)
        await self.start_routers(approved)
        text = "the peer says that it is configured: the sessions come up under DENY ALL and are validated"
        await self.audience.pause("notify", f"{text}, each connection for at most {self.topology.deadline:g} s")
        for record in approved:
            await self.workflow.operate(record, "notify")
        return approved

    async def _request(self, records: list[ConnectionRecord]) -> list[ConnectionRecord]:
        await self.audience.pause("request", f"{names(records)} are requested; the PeerAsn must be Approved")
        requested = []
        for record in records:
            try:
                self.control.request(record, where(self.topology, record.id))
            except TransitionRefusedError as error:
                self.refusals.append((record, error))
                self.say(f"the request was refused: {error}", record.id)
            else:
                requested.append(record)
        return requested

    def delete(self, connection: str) -> None:
        """The peer deletes the peering of a connection. Of what Microsoft refuses, `refusals` has the reason."""
        record = self.control.records[connection]
        try:
            self.control.delete(record)
        except TransitionRefusedError as error:
            self.refusals.append((record, error))
            self.say(f"the request was refused: {error}", record.id)
        self.workflow.follow(record)

    async def start_routers(self, records: Iterable[ConnectionRecord]) -> None:
        """The peers'; behind a route server also its customers', and the other route servers that they call."""
        peers = {record.peer.name for record in records}
        customers = [each for each in self.topology.customers if peers & set(self._servers(each))]
        servers = [name for customer in customers for name in self._servers(customer)]
        for name in dict.fromkeys([*(record.peer.name for record in records), *servers]):
            peer = self.topology.peer(name)
            self.say(f"{name} configures its BGP sessions ({peer.router_kind})")
            self._started(name, await self.network.peers.start(peer))
            if peer.is_external:
                self.audience.show_config(peer, self.network.peers.configuration(peer))
        for customer in customers:
            self.say(f"{customer.name} (AS{customer.asn}) is behind the route servers ({customer.router_kind})")
            self._started(customer.name, await self.network.peers.start_customer(customer))

    def _started(self, name: str, version: str) -> None:
        self.versions[name] = version
        for text in self.network.peers.router(name).remarks():
            self.say(text)

    def _servers(self, customer: Customer) -> list[str]:
        return [server.name for server in self.topology.route_servers(customer)]

    def is_route_server(self, peer: str) -> bool:
        """Whether customers are behind a peer."""
        return any(peer in self._servers(customer) for customer in self.topology.customers)

    async def until_judged(self, record: ConnectionRecord) -> bool:
        """Wait until a connection is Active, has failed, or was taken back; whether it is Active.

        Raises LabError where its sessions could not be configured.
        """
        await self._until_in(record, _JUDGED)
        return record.state is S.ACTIVE

    async def until_validating(self, record: ConnectionRecord) -> None:
        """Wait until the sessions of a connection are configured. Raises LabError where they could not be."""
        await self._until_in(record, {S.VALIDATING, *_JUDGED})

    async def _until_in(self, record: ConnectionRecord, states: Collection[ConnectionState]) -> None:
        await self.until(lambda: record.state in states, record.id)
        if record.connection.last_step.event is ConnectionEvent.PROVISIONING_FAILED:
            raise LabError(record.connection.error_message)

    async def register_customers(self, record: ConnectionRecord) -> None:
        """An exchange with route servers registers its customers' ASNs; until then their routes are seen, not taken."""
        if record.flow is not Flow.IXRS:
            return
        asns = {customer.asn: customer.name for customer in self.topology.customers if customer.registered}
        words = ", ".join(f"AS{asn} ({name})" for asn, name in asns.items()) or "nobody"
        await self.audience.pause("register", f"{words} is registered at {record.peering}: its routes are taken")
        for asn, name in asns.items():
            self.register(record.peering, asn)
            self.say(f"AS{asn} ({name}) is registered: its routes are taken", record.id)

    def register(self, peering: str, asn: int) -> None:
        """Register an ASN at a peering: its routes are taken from now on, on lifted sessions; nothing is reset."""
        self.registrations.register(peering, asn)
        for plan in self.network.edges.plans:
            if plan.peering == peering:
                self.network.edges.judge_again(plan)

    async def remove(self, record: ConnectionRecord) -> None:
        """Close the sessions of a connection in PendingRemove; then it is gone."""
        await self.workflow.operate(record, "advance")
        await self.until(lambda: record.state is S.NONE, record.id)


def names(records: Iterable[ConnectionRecord]) -> str:
    """Their ids, in one line."""
    return ", ".join(record.id for record in records)


async def together(*work: Coroutine[Any, Any, None]) -> None:
    """Do all at once; where one of them raises, the others are cancelled."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
