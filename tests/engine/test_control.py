"""The control plane: connections move by their table, and every gate follows at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from simulator.connection.connection import TransitionRefusedError
from simulator.connection.states import ConnectionState, Flow
from simulator.engine.control import ConnectionRecord, ControlPlane
from simulator.engine.log import ConnectionMoved, EventLog
from simulator.gate import Change, nlri_may_pass
from simulator.places.errors import LabError
from simulator.session.messages import Notification
from simulator.speakers.clock import Clock
from simulator.topology.plan import SessionPlan, plans
from simulator.topology.schema import Topology
from simulator.views.check import Blocks, Cause, CheckView, Status
from tests.topologies import build, document

S = ConnectionState


class FakeNetwork:
    """What the control plane needs of a network, without a network."""

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self.plans = plans(topology)
        self.gates: dict[str, bool] = {}
        self.ruled: list[tuple[str, ConnectionState, bool]] = []
        self.closed: list[Notification] = []
        self.broken = ""
        self.all_told = asyncio.Event()
        """Until then no closed session is gone: the routers hang."""
        self.all_told.set()

    def is_provisioned(self, plan: SessionPlan) -> bool:
        return plan.id in self.gates

    def provision(self, plan: SessionPlan) -> None:
        if self.broken:
            raise LabError(self.broken)
        self.gates[plan.id] = False

    def rule(self, plan: SessionPlan, state: ConnectionState, *, validated: bool) -> Change:
        if plan.id in self.gates:
            self.ruled.append((plan.id, state, validated))
            self.gates[plan.id] = nlri_may_pass(state, validated)
        return Change.NOTHING

    async def deprovision(self, plan: SessionPlan, notification: Notification) -> None:
        self.closed.append(notification)
        await self.all_told.wait()
        del self.gates[plan.id]


class Written:
    """A journal of which only `flush` is looked at."""

    behind = False

    def __init__(self, flush: Callable[[], None]) -> None:
        self.flush = flush

    def write(self, record: ConnectionRecord, moved: ConnectionMoved) -> None:
        pass

    def when_caught_up(self, call: Callable[[], None]) -> None:
        pass


class Stage:
    def __init__(self, **peer: Any) -> None:
        found = document()
        found["peers"][0] |= peer
        self.network = FakeNetwork(build(found))
        self.log = EventLog()
        self.control = ControlPlane(self.network, self.log, Clock(asyncio.get_running_loop()))  # type: ignore[arg-type]
        self.control.add_all(self.network.topology)
        self.record: ConnectionRecord = next(iter(self.control.records.values()))

    def validating(self) -> Stage:
        self.control.request(self.record)
        self.control.approve(self.record)
        self.notify(self.record)
        return self

    def notify(self, record: ConnectionRecord) -> None:
        """What the workflow does from the peer's notification on."""
        self.control.take_notice(record)
        self.control.provision(record)
        self.control.start_validation(record)

    @property
    def open_gates(self) -> int:
        return sum(self.network.gates.values())


def result(status: Status = Status.SUCCESS, check: str = "S1", blocks: Blocks = Blocks.ACTIVE) -> CheckView:
    causes = (Cause("c", "the reason", "do this"),) if status is Status.FAILURE else ()
    return CheckView(check, "title", "simulator", blocks, status, ("seen",), causes)


async def test_only_a_validation_that_passed_opens_the_gates_and_only_of_its_connection() -> None:
    stage = Stage().validating()
    assert (stage.record.state, stage.open_gates) == (S.VALIDATING, 0)
    assert stage.control.conclude(stage.record, [result()])
    assert stage.record.state is S.ACTIVE
    assert [session for session, open_ in stage.network.gates.items() if open_] == [p.id for p in stage.record.plans]


@pytest.mark.parametrize(
    "results",
    [
        [],
        [result(blocks=Blocks.WARN)],
        [result(), result(Status.FAILURE)],
        [result(), result(Status.ERROR)],
        [result(), result(Status.UNSET)],
        [result(), CheckView("S5", "", "", Blocks.ACTIVE, Status.SKIPPED, ("x",), (), ("T1",))],
    ],
    ids=["no check", "only warnings", "a failure", "an error", "unset", "skipped as a consequence"],
)
async def test_anything_else_keeps_them_shut_and_fails_the_provisioning(results: list[CheckView]) -> None:
    stage = Stage().validating()
    assert not stage.control.conclude(stage.record, results)
    assert (stage.record.state, stage.open_gates) == (S.PROVISIONING_FAILED, 0)
    assert stage.record.connection.error_message
    assert not stage.record.validated


async def test_a_failure_names_its_causes_and_a_new_notification_starts_again() -> None:
    stage = Stage().validating()
    stage.control.conclude(stage.record, [result(Status.FAILURE)])
    assert stage.record.connection.error_message == "S1 the reason"
    stage.notify(stage.record)
    assert (stage.record.state, stage.record.connection.error_message) == (S.VALIDATING, "")
    assert stage.control.conclude(stage.record, [result()])
    assert stage.open_gates == 2


async def test_every_mistake_is_told_once_with_the_session_that_it_concerns() -> None:
    stage = Stage().validating()
    first, second = stage.record.plans
    causes = (
        Cause("shut-down", "it is shut down", sessions=(first.id,), explains=("T1",)),
        Cause("md5", "the key differs", sessions=(second.id,), explains=("T1", "S5"), rank=1),
    )
    failed = [
        CheckView("T1", "", "", Blocks.ACTIVE, Status.FAILURE, ("x",), causes),
        CheckView("S5", "", "", Blocks.ACTIVE, Status.FAILURE, ("y",), causes[1:]),
        CheckView("R1", "", "", Blocks.ACTIVE, Status.FAILURE, ("no routes",)),
    ]
    stage.control.conclude(stage.record, failed)
    assert stage.record.connection.error_message.split("; ") == [
        f"T1 {first.family.label} {first.peer_address} with {first.edge_address}: it is shut down",
        f"T1 {second.family.label} {second.peer_address} with {second.edge_address}: the key differs",
        "R1 no routes",
    ]


async def test_deprovisioning_shuts_the_gates_before_the_sessions_are_closed() -> None:
    stage = Stage().validating()
    stage.control.conclude(stage.record, [result()])
    stage.control.deprovision(stage.record)
    assert (stage.record.state, stage.open_gates, len(stage.network.gates)) == (S.PENDING_REMOVE, 0, 2)
    await stage.control.close_sessions(stage.record, "PendingRemove")
    stage.control.forget(stage.record)
    assert (stage.record.state, stage.network.gates) == (S.NONE, {})
    assert {(n.code, n.subcode) for n in stage.network.closed} == {(6, 2)}
    assert all("PendingRemove" in n.communication for n in stage.network.closed)


async def test_every_transition_is_one_entry_of_the_log_and_one_ruling_a_session() -> None:
    stage = Stage().validating()
    stage.control.conclude(stage.record, [result()])
    moved = [event.transition.target for event in stage.log.entries if isinstance(event, ConnectionMoved)]
    assert moved == [step.target for step in stage.record.connection.history]
    last = stage.network.ruled[-2:]
    assert [(state, validated) for _, state, validated in last] == [(S.ACTIVE, True)] * 2


async def test_what_is_out_of_order_is_refused_and_changes_nothing() -> None:
    stage = Stage()
    for refused in (stage.control.approve, stage.notify, stage.control.deprovision):
        with pytest.raises(TransitionRefusedError):
            refused(stage.record)
    with pytest.raises(TransitionRefusedError):
        stage.control.conclude(stage.record, [result()])
    assert (stage.record.state, stage.open_gates, stage.log.entries) == (S.NONE, 0, [])


async def test_connections_are_added_as_they_are_planned_and_only_once() -> None:
    stage = Stage()
    control = ControlPlane(stage.network, EventLog(), Clock(asyncio.get_running_loop()))  # type: ignore[arg-type]
    assert control.records == {}
    (first,) = control.add(stage.network.plans[:2], Flow.DIRECT)
    assert (first.id, first.flow, first.peering) == ("contoso-ashburn/ash-edge-1", Flow.DIRECT, "contoso-ashburn")
    assert [plan.family.label for plan in first.plans] == ["IPv4", "IPv6"]
    with pytest.raises(ValueError, match="already"):
        control.add(stage.network.plans, Flow.EXCHANGE)
    assert list(control.records) == [first.id], "all or nothing"


async def test_a_direct_connection_is_provisioned_from_its_approval_on() -> None:
    stage = Stage()
    control = ControlPlane(stage.network, stage.log, Clock(asyncio.get_running_loop()))  # type: ignore[arg-type]
    (record,) = control.add(stage.network.plans[:2], Flow.DIRECT)
    control.request(record, "to ash-edge-1, 10000 Mbps")
    assert record.connection.history[-1].reason.endswith("AS64496 to ash-edge-1, 10000 Mbps")
    control.approve(record)
    assert (record.state, stage.network.gates) == (S.PROVISIONING_STARTED, {})
    control.take_notice(record)
    control.provision(record)
    control.start_validation(record)
    assert (record.state, stage.open_gates, len(stage.network.gates)) == (S.VALIDATING, 0, 2)
    assert control.conclude(record, [result()])
    assert stage.open_gates == 2


async def test_an_approved_peer_asn_may_be_withdrawn_until_the_request() -> None:
    stage = Stage()
    stage.record.peer_asn_approved = False
    with pytest.raises(TransitionRefusedError, match="not Approved"):
        stage.control.request(stage.record)


@pytest.mark.parametrize("state", ["Pending", "Failed", "None"])
async def test_a_peer_asn_that_is_not_approved_gets_no_connection(state: str) -> None:
    stage = Stage(**{"asn-state": state})
    with pytest.raises(TransitionRefusedError, match="not Approved"):
        stage.control.request(stage.record)


async def test_rejection_carries_its_message() -> None:
    stage = Stage()
    stage.control.request(stage.record)
    stage.control.reject(stage.record, "no capacity in Ashburn")
    assert (stage.record.state, stage.record.connection.error_message) == (
        S.PROVISIONING_FAILED,
        "no capacity in Ashburn",
    )


async def test_sessions_that_cannot_be_configured_fail_the_provisioning() -> None:
    stage = Stage()
    stage.control.request(stage.record)
    stage.control.approve(stage.record)
    stage.network.broken = "no such address"
    with pytest.raises(LabError):
        stage.notify(stage.record)
    assert stage.record.state is S.PROVISIONING_FAILED
    assert stage.record.connection.error_message == "no such address"


async def test_all_sessions_are_closed_at_once_though_their_routers_hang() -> None:
    stage = Stage().validating()
    stage.network.all_told.clear()
    closing = asyncio.ensure_future(stage.control.close_sessions(stage.record, "works"))
    for _ in range(5):  # turns of the event loop: nobody has to wait for anything
        await asyncio.sleep(0)
    assert len(stage.network.closed) == len(stage.record.plans) == 2
    assert not closing.done()
    stage.network.all_told.set()
    await closing
    assert stage.network.gates == {}


async def test_what_lifts_a_session_of_an_active_connection_is_written_before_the_gate_opens() -> None:
    stage = Stage().validating()
    stage.control.conclude(stage.record, [result()])
    stage.record.validated.clear()
    for plan in stage.record.plans:
        stage.network.gates[plan.id] = False
    seen: list[tuple[str, int]] = []
    control = ControlPlane(
        stage.network,  # type: ignore[arg-type]
        stage.log,
        Clock(asyncio.get_running_loop()),
        Written(lambda: seen.append((str(stage.log.entries[-1]), stage.open_gates))),
    )
    assert control.lift(stage.record, stage.record.plans, [result()])
    ((text, open_gates),) = seen
    assert "validated: contoso-ashburn/ash-edge-1/ipv4" in text
    assert (open_gates, stage.open_gates) == (0, 2)

    def full() -> None:
        raise OSError("no space left")

    stage.record.validated.clear()
    for plan in stage.record.plans:
        stage.network.gates[plan.id] = False
    control = ControlPlane(stage.network, stage.log, Clock(asyncio.get_running_loop()), Written(full))  # type: ignore[arg-type]
    with pytest.raises(OSError, match="no space"):
        control.lift(stage.record, stage.record.plans, [result()])
    assert stage.open_gates == 0
