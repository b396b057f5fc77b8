"""The control plane: moves connections, and makes every gate follow. This is the only module that rules on gates."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulator.connection.connection import Connection, ConnectionTransition
from simulator.connection.states import ConnectionEvent, ConnectionState, Flow
from simulator.connection.table import Facts
from simulator.lab.link import LabError
from simulator.lab.topology import Peering
from simulator.provisioning.log import ConnectionMoved, EventLog
from simulator.provisioning.network import Network, SessionPlan
from simulator.session.messages import Cease
from simulator.speakers.clock import Clock
from simulator.speakers.events import cease
from simulator.validation.result import Blocks, CheckResult

_E = ConnectionEvent


@dataclass(slots=True)
class ConnectionRecord:
    """One peering connection with its sessions and what was found out about it."""

    connection: Connection
    peering: Peering
    plans: tuple[SessionPlan, ...]
    validated: set[str] = field(default_factory=set)
    """Sessions that passed a validation and have not been denied since."""
    results: list[CheckResult] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.connection.id

    @property
    def state(self) -> ConnectionState:
        """The peering connection's state, not a BGP FSM state."""
        return self.connection.state


class ControlPlane:
    """Microsoft's side of the life cycle. Every method that is refused raises TransitionRefusedError."""

    def __init__(self, network: Network, log: EventLog, clock: Clock) -> None:
        self._network = network
        self._log = log
        self._clock = clock
        self.records: dict[str, ConnectionRecord] = {}
        for plan in network.plans:
            if plan.connection not in self.records:
                mine = tuple(other for other in network.plans if other.connection == plan.connection)
                connection = Connection(plan.connection, Flow.EXCHANGE)
                self.records[plan.connection] = ConnectionRecord(connection, plan.peering, mine)

    def request(self, record: ConnectionRecord) -> None:
        """The peer requests the connection; refused unless its PeerAsn is Approved."""
        self._apply(record, _E.REQUESTED, self._facts(record), f"AS{record.plans[0].peer.asn} at {self._exchange}")

    def approve(self, record: ConnectionRecord) -> None:
        self._apply(record, _E.APPROVED)

    def reject(self, record: ConnectionRecord, message: str = "") -> None:
        """Microsoft rejects the request; `message` becomes the errorMessage."""
        self._apply(record, _E.REJECTED, detail=message)

    def notify(self, record: ConnectionRecord) -> None:
        """The peer says that it is configured: its sessions are provisioned with DENY ALL, and validation starts."""
        self._apply(record, _E.NOTIFIED, self._facts(record))
        try:
            for plan in record.plans:
                if not self._network.is_provisioned(plan):
                    self._network.provision(plan)
                self._network.rule(plan, record.state, validated=False)
        except LabError as error:
            self._apply(record, _E.PROVISIONING_FAILED, detail=str(error))
            raise
        self._apply(record, _E.PROVISIONED, detail=f"{len(record.plans)} sessions")
        self._apply(record, _E.VALIDATION_STARTED)

    def conclude(self, record: ConnectionRecord, results: list[CheckResult]) -> bool:
        """Judge a validation: Active lifts the policy on the sessions that were validated; else it stays denied."""
        record.results = results
        blocking = [result for result in results if result.blocks is Blocks.ACTIVE]
        passed = bool(blocking) and all(result.holds for result in blocking)
        if passed:
            record.validated = {plan.id for plan in record.plans}
            self._apply(
                record, _E.VALIDATION_PASSED, Facts(blocking_checks_passed=True), f"{len(blocking)} blocking checks"
            )
        else:
            failed = [result for result in blocking if result.stops]
            detail = "; ".join(_in_one_line(result) for result in failed) or "no check could be made"
            self._apply(record, _E.VALIDATION_FAILED, detail=detail)
        return passed

    def deprovision(self, record: ConnectionRecord) -> None:
        """PendingRemove: every route is withdrawn at once, on sessions that stay Established."""
        self._apply(record, _E.DEPROVISION_REQUESTED)

    async def remove(self, record: ConnectionRecord) -> None:
        """Close the sessions with an administrative Cease; then the connection is gone."""
        await self.close_sessions(record, f"peering {record.peering.name} is deprovisioned (PendingRemove)")
        self._apply(record, _E.REMOVED, Facts(sessions_removed=True))

    async def close_sessions(self, record: ConnectionRecord, why: str) -> None:
        """Close every BGP session of a connection with an administrative Cease (RFC 4486, RFC 9003)."""
        for plan in record.plans:
            if self._network.is_provisioned(plan):
                await self._network.deprovision(plan, cease(Cease.ADMINISTRATIVE_SHUTDOWN, why))

    @property
    def _exchange(self) -> str:
        return self._network.topology.exchange.name

    def _facts(self, record: ConnectionRecord) -> Facts:
        return Facts(peer_asn_approved=record.plans[0].peer.asn_state == "Approved")

    def _apply(
        self, record: ConnectionRecord, event: ConnectionEvent, facts: Facts | None = None, detail: str = ""
    ) -> ConnectionTransition:
        """One transition: the table decides, the log keeps it, every gate of the connection follows."""
        step = record.connection.apply(event, self._clock.now(), facts, detail)
        self._log.append(ConnectionMoved(record.id, step))
        if record.state is not ConnectionState.ACTIVE:
            record.validated.clear()  # whoever leaves Active has to be validated again
        for plan in record.plans:
            self._network.rule(plan, record.state, validated=plan.id in record.validated)
        return step


def _in_one_line(result: CheckResult) -> str:
    if result.finding.causes:
        return f"{result.id} {result.finding.causes[0].text}"
    return f"{result.id} {(result.finding.evidence or (result.title,))[0]}"
