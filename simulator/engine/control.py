"""The control plane: moves connections, and makes every gate follow. This is the only module that rules on gates."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from simulator.connection.connection import Connection, ConnectionTransition
from simulator.connection.states import ConnectionEvent, ConnectionState, Conversion, Flow
from simulator.connection.table import Facts
from simulator.counts import count_of
from simulator.engine.edges import Edges
from simulator.engine.log import ConnectionMoved, EventLog, Remark
from simulator.engine.verbs import OPERATED
from simulator.peer.events import cease
from simulator.places.errors import LabError
from simulator.session.messages import Cease
from simulator.speakers.clock import Clock
from simulator.topology.plan import FLOWS, SessionPlan, plans_of
from simulator.topology.schema import Peer, Topology
from simulator.views.check import Blocks, CheckView
from simulator.views.diagnosis import diagnosis

_E = ConnectionEvent


@dataclass(slots=True)
class ConnectionRecord:
    """One peering connection with its sessions and what was found out about it."""

    connection: Connection
    plans: tuple[SessionPlan, ...]
    """At least one."""
    peer_asn_approved: bool
    """Whether its PeerAsn is Approved; what the request is judged by."""
    validated: set[str] = field(default_factory=set)
    """Sessions that passed a validation and have not been denied since."""
    results: list[CheckView] = field(default_factory=list)
    watched: list[CheckView] = field(default_factory=list)
    """While Active: what is wrong now, that was not when it was validated."""

    @property
    def id(self) -> str:
        return self.connection.id

    @property
    def peering(self) -> str:
        """The peering's name."""
        return self.plans[0].peering

    @property
    def peer(self) -> Peer:
        return self.plans[0].peer

    @property
    def flow(self) -> Flow:
        return self.connection.flow

    @property
    def state(self) -> ConnectionState:
        """The peering connection's state, not a BGP FSM state."""
        return self.connection.state


class Journal(Protocol):
    """Where every step is written before it is made."""

    def write(self, record: ConnectionRecord, moved: ConnectionMoved) -> None:
        """Write one step. Where it raises, the step is not made."""

    def flush(self) -> None:
        """Write what was logged so far. Where it raises, nothing is lifted."""

    @property
    def behind(self) -> bool:
        """Whether something is not written yet: no gate opens meanwhile."""

    def when_caught_up(self, call: Callable[[], None]) -> None:
        """Call this whenever all of it is written."""


class ControlPlane:
    """Microsoft's side of the life cycle. Every method that is refused raises TransitionRefusedError."""

    def __init__(
        self,
        edges: Edges,
        log: EventLog,
        clock: Clock,
        journal: Journal | None = None,
    ) -> None:
        """Without a `journal` the connections' own histories in memory are all there is."""
        self._edges = edges
        self._log = log
        self._clock = clock
        self._journal = journal
        if journal is not None:
            journal.when_caught_up(self.settle)
        self._sealed = False
        self.records: dict[str, ConnectionRecord] = {}

    def add(self, plans: Iterable[SessionPlan], flow: Flow) -> list[ConnectionRecord]:
        """Take in the connections that these sessions belong to, in state None; the edges know the sessions.

        Raises ValueError for a connection that is here already.
        """
        grouped: dict[str, list[SessionPlan]] = {}
        for plan in plans:
            grouped.setdefault(plan.connection, []).append(plan)
        for name in grouped:
            if name in self.records:
                raise ValueError(f"there is a connection {name} already")
        for name, mine in grouped.items():
            approved = mine[0].peer.asn_state == "Approved"
            self.records[name] = ConnectionRecord(Connection(name, flow), tuple(mine), approved)
        return [self.records[name] for name in grouped]

    def add_all(self, topology: Topology) -> None:
        """Take in every connection of a topology."""
        for peering in topology.peerings:
            self.add(plans_of(topology, peering), FLOWS[peering.kind])

    def request(self, record: ConnectionRecord, where: str = "") -> None:
        """The peer requests the connection; refused unless its PeerAsn is Approved. `where`: words for the log."""
        self._apply(record, _E.REQUESTED, self._facts(record), f"AS{record.peer.asn}{f' {where}' if where else ''}")

    def approve(self, record: ConnectionRecord) -> None:
        """Exchange: Approved. Direct: ProvisioningStarted, and Microsoft sends the LOA."""
        self._apply(record, _E.APPROVED)

    def reject(self, record: ConnectionRecord, message: str = "") -> None:
        """Microsoft rejects the request, or the conversion; `message` becomes the errorMessage."""
        event = _E.CONVERSION_REJECTED if record.connection.conversion is Conversion.PENDING else _E.REJECTED
        self._apply(record, event, detail=message)

    def ask(self, record: ConnectionRecord, message: str = "") -> None:
        """Microsoft has a question about a request that it reviews; `message` becomes the errorMessage."""
        self._apply(record, _E.QUESTIONED, detail=message)

    def find_conflict(self, record: ConnectionRecord, taken: str) -> None:
        """An address of the request is taken; `taken` becomes the errorMessage."""
        self._apply(record, _E.CONFLICT_FOUND, detail=taken)

    def take_notice(self, record: ConnectionRecord) -> None:
        """The peer says that it is configured."""
        self._apply(record, _E.NOTIFIED, self._facts(record))

    def provision(self, record: ConnectionRecord) -> None:
        """Configure the sessions with DENY ALL. Raises LabError; the connection is then ProvisioningFailed."""
        try:
            for plan in record.plans:
                if not self._edges.is_provisioned(plan):
                    self._edges.provision(plan)
                self._rule(record, plan)
        except LabError as error:
            self.fail_provisioning(record, str(error))
            raise
        self._apply(record, _E.PROVISIONED, detail=count_of(len(record.plans), "session"))

    def start_validation(self, record: ConnectionRecord) -> None:
        self._apply(record, _E.VALIDATION_STARTED)

    def conclude(self, record: ConnectionRecord, results: list[CheckView]) -> bool:
        """Judge a validation: Active lifts the policy on the sessions that were validated; else it stays denied."""
        record.results = results
        blocking = [result for result in results if result.blocks is Blocks.ACTIVE]
        passed = passes(results)
        if passed:
            record.validated = {plan.id for plan in record.plans}
            self._apply(
                record, _E.VALIDATION_PASSED, Facts(blocking_checks_passed=True), f"{len(blocking)} blocking checks"
            )
        else:
            self._apply(record, _E.VALIDATION_FAILED, detail=_why(record, results))
        return passed

    # --- what a connection that is Active already may meet ---

    def find_legacy(self, record: ConnectionRecord) -> None:
        """A legacy peering runs: its connection is Active, its sessions denied until validated here."""
        self._apply(record, _E.LEGACY_FOUND)

    def request_conversion(self, record: ConnectionRecord) -> None:
        """The peer asks to make it an Azure resource; its sessions are not touched, now or later."""
        self._apply(record, _E.CONVERSION_REQUESTED, self._facts(record))

    def convert_legacy(self, record: ConnectionRecord) -> None:
        """Microsoft has reviewed the conversion: it is an Azure resource."""
        self._apply(record, _E.LEGACY_CONVERTED)

    def withdraw_conversion(self, record: ConnectionRecord) -> None:
        """The peer takes its request back: the legacy connection runs on as before."""
        self._apply(record, _E.CONVERSION_WITHDRAWN)

    def extend(self, record: ConnectionRecord, plans: Iterable[SessionPlan], event: ConnectionEvent, what: str) -> None:
        """The peer changed its request, and these are its sessions now: what runs keeps running, what is new is denied.

        A prefix limit applies at once. A session with another MD5 key is denied until `renew` has made it again and it
        was validated.
        """
        self._apply(record, event, detail=what)
        keys = {plan.id: plan.md5 for plan in record.plans}
        record.plans = tuple(plans)
        for plan in record.plans:
            if keys.get(plan.id) != plan.md5:
                record.validated.discard(plan.id)
            self._edges.limit(plan)
            self._rule(record, plan)

    async def renew(self, record: ConnectionRecord) -> None:
        """Close the sessions that run with another MD5 key than they should (RFC 4486: Other Configuration Change)."""
        notification = cease(Cease.OTHER_CONFIGURATION_CHANGE, "another MD5 key")
        plans = [plan for plan in record.plans if self._edges.is_outdated(plan)]
        await asyncio.gather(*(self._edges.deprovision(plan, notification) for plan in plans))

    def provision_new(self, record: ConnectionRecord) -> None:
        """Configure the sessions that an Active connection lacks, with DENY ALL. Raises LabError."""
        for plan in record.plans:
            if not self._edges.is_provisioned(plan):
                self._edges.provision(plan)
            self._rule(record, plan)

    def lift(self, record: ConnectionRecord, plans: Iterable[SessionPlan], results: list[CheckView]) -> bool:
        """Judge the validation of sessions that an Active connection still denies; those that passed are lifted.

        As a transition is, that is written before anything follows from it.
        """
        plans = tuple(plans)
        passed = not self._sealed and record.state is ConnectionState.ACTIVE and passes(results)
        if passed:
            names = ", ".join(plan.id for plan in plans)
            text = f"validated: {names}; the policy is lifted, the connection stays Active"
            self._log.append(Remark(self._clock.now(), text, record.id))
            if self._journal is not None:
                self._journal.flush()
            record.validated |= {plan.id for plan in plans}
            for plan in record.plans:
                self._rule(record, plan)
        return passed

    def operate(self, record: ConnectionRecord, event: ConnectionEvent, detail: str = "") -> None:
        """What an operator of Microsoft's side may decide at any time; the table says whether it applies."""
        if event not in OPERATED:
            raise ValueError(f"'{event}' is not an operator's to decide")
        self._apply(record, event, self._facts(record), detail)

    # --- the end ---

    def delete(self, record: ConnectionRecord) -> None:
        """The peer deletes it: gone at once where it was not provisioned, else PendingRemove."""
        self._apply(record, _E.DELETED)

    def deny_all(self) -> None:
        """Shut every gate for good, whatever the states: nothing that was promised can be relied on any more."""
        self._sealed = True
        for record in self.records.values():
            record.validated.clear()
            for plan in record.plans:
                self._rule(record, plan)

    def settle(self) -> None:
        """Everything is written: lift what waited for that."""
        for record in self.records.values():
            for plan in record.plans:
                self._rule(record, plan)

    def deprovision(self, record: ConnectionRecord) -> None:
        """PendingRemove: every route is withdrawn at once, on sessions that stay Established."""
        self._apply(record, _E.DEPROVISION_REQUESTED)

    def fail_provisioning(self, record: ConnectionRecord, why: str) -> None:
        self._apply(record, _E.PROVISIONING_FAILED, detail=why)

    def forget(self, record: ConnectionRecord) -> None:
        """The sessions are closed: the connection is gone."""
        self._apply(record, _E.REMOVED, Facts(sessions_removed=not self.has_sessions(record)))

    def has_sessions(self, record: ConnectionRecord) -> bool:
        """Whether a BGP session of the connection is configured at an edge."""
        return any(self._edges.is_provisioned(plan) for plan in record.plans)

    async def close_sessions(self, record: ConnectionRecord, why: str) -> None:
        """Close every BGP session of a connection with an administrative Cease (RFC 4486, RFC 9003).

        All at once: a router that hangs keeps no other session waiting.
        """
        notification = cease(Cease.ADMINISTRATIVE_SHUTDOWN, why)
        plans = [plan for plan in record.plans if self._edges.is_provisioned(plan)]
        await asyncio.gather(*(self._edges.deprovision(plan, notification) for plan in plans))

    def _facts(self, record: ConnectionRecord) -> Facts:
        return Facts(peer_asn_approved=record.peer_asn_approved)

    def _apply(
        self, record: ConnectionRecord, event: ConnectionEvent, facts: Facts | None = None, detail: str = ""
    ) -> ConnectionTransition:
        """One transition: the table decides, the log keeps it, every gate of the connection follows."""
        step = record.connection.decide(event, self._clock.now(), facts, detail)
        moved = ConnectionMoved(record.id, step)
        if self._journal is not None:
            if step.target is not ConnectionState.ACTIVE:  # a denial waits for nobody, and a database may be slow
                for plan in record.plans:
                    self._edges.rule(plan, record.state, validated=False)
            self._journal.write(record, moved)
        record.connection.take(step)
        self._log.append(moved)
        if record.state is not ConnectionState.ACTIVE:
            record.validated.clear()  # a connection that leaves Active has to be validated again
        for plan in record.plans:
            self._rule(record, plan)
        return step

    def _rule(self, record: ConnectionRecord, plan: SessionPlan) -> None:
        validated = plan.id in record.validated and not self._sealed
        behind = self._journal is not None and self._journal.behind
        if validated and behind and not self._edges.is_lifted(plan):
            validated = False  # a lift waits until it is written
        self._edges.rule(plan, record.state, validated=validated)


def passes(results: list[CheckView]) -> bool:
    """Whether a validation with these results lets its sessions pass."""
    blocking = [result for result in results if result.blocks is Blocks.ACTIVE]
    return bool(blocking) and all(result.holds for result in blocking)


def _why(record: ConnectionRecord, results: list[CheckView]) -> str:
    """The diagnosis in one line, in the report's words: each cause that blocks something, then what has no cause."""
    failed = [result for result in results if result.blocks is Blocks.ACTIVE and result.stops]
    causes = diagnosis(record.id, failed)
    explained = {check for cause in causes for check in cause.explains}
    lines = [f"{cause.check} {_whose(record, cause.sessions)}{cause.text}" for cause in causes]
    lines += [_in_one_line(result) for result in failed if result.id not in explained]
    return "; ".join(lines) or "no check could be made"


def _whose(record: ConnectionRecord, sessions: Iterable[str]) -> str:
    """`IPv4 192.0.2.1 with 192.0.2.75: `: the sessions by the addresses that they were asked for with."""
    mine = [plan for plan in record.plans if plan.id in set(sessions)]
    ends = ", ".join(f"{plan.family.label} {plan.peer_address} with {plan.edge_address}" for plan in mine)
    return f"{ends}: " if ends else ""


def _in_one_line(result: CheckView) -> str:
    """`T1 IPv4 192.0.2.1 with 192.0.2.75: …`: the check, the session that failed it by its addresses, and why."""
    whose = f"{result.session}: " if result.session else ""
    why = (result.evidence or (result.title,))[0]
    said = result.session.split(" with ")[0]
    return f"{result.id} {whose}{why.removeprefix(f'{said}: ') if said else why}"
