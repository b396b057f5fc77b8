"""What moves by itself, what an operator moves, and that a step which comes in between is never overlooked."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from itertools import pairwise
from pathlib import Path

import pytest

from simulator.azure.model.errors import ConflictError
from simulator.azure.model.peering import ConnectionRequest, PeeringRequest, SessionRequest
from simulator.azure.provider.provider import Provider
from simulator.azure.provider.settings import BY_HAND, Settings
from simulator.azure.store.store import Store
from simulator.connection.connection import TransitionRefusedError
from simulator.connection.states import ConnectionEvent, ConnectionState, Flow
from simulator.connection.table import INDEX
from simulator.engine.control import ConnectionRecord
from simulator.engine.edges import Edges
from simulator.engine.log import ConnectionMoved
from simulator.places.errors import LabError
from simulator.places.link import LinkKind
from simulator.session.messages import Family
from simulator.session.states import BgpState
from simulator.topology.plan import SessionPlan
from simulator.topology.schema import Topology
from tests.azure.provider import support
from tests.azure.provider.support import PEERING_ID, connection, request
from tests.patience import PATIENCE
from tests.postgres import end_sessions
from tests.topologies import build, document

S, E = ConnectionState, ConnectionEvent
FOR_EVER = Settings(removal=None)


def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/store.db"


def operate(running: Provider, event: ConnectionEvent, detail: str = "") -> None:
    for record in support.records(running):
        running.control.operate(record, event, detail)
        running.workflow.follow(record)


def slow(seconds: float = 30) -> dict[str, object]:
    """A validation that takes its time, because the session has to soak."""
    found = document()
    found["times"] = {"soak": seconds, "deadline": 2 * seconds}
    return found


async def test_every_step_to_active_and_back_is_a_row_of_the_table_and_the_gate_follows(tmp_path: Path) -> None:
    seen: list[tuple[str, str, int]] = []
    async with support.provider(url(tmp_path)) as running:

        def look(event: object) -> None:
            if isinstance(event, ConnectionMoved):
                step, record = event.transition, running.control.records[event.connection]
                assert INDEX[step.source, step.event, record.flow].target is step.target
                seen.append((event.connection, step.target.value, len(support.open_gates(running))))

        running.log.subscribe(look)
        await support.active(running, request(connection(ipv6=None)))
        running.delete_peering(PEERING_ID.lower())
        await support.until(running, lambda: not running.control.records)
    path = ["PendingApproval", "Approved", "ProvisioningStarted", "ProvisioningCompleted", "Validating", "Active"]
    for name in ("contoso/ash-edge-1", "contoso/ash-edge-2"):
        assert [target for who, target, _ in seen if who == name] == [*path, "PendingRemove", "None"]
    assert all(number == 0 for _, target, number in seen if target in path[:4])


async def rests_in(running: Provider, state: ConnectionState) -> None:
    """Every connection comes to a state, and stays there when nothing happens any more."""
    await support.until_all(running, state)
    async with asyncio.timeout(PATIENCE):
        while await running.log.next_event(0.1):
            pass
    assert {each.state for each in support.records(running)} == {state}


async def test_nothing_moves_by_hand_until_somebody_says_so(tmp_path: Path) -> None:
    async with support.provider(url(tmp_path), support.BY_HAND) as running:
        running.asns.approve(support.ask_for_asn(running))
        support.ask_for_peering(running)
        for state, act in (
            (S.PENDING_APPROVAL, running.workflow.approve),
            (S.APPROVED, running.control.take_notice),
        ):
            await rests_in(running, state)
            for record in support.records(running):
                act(record)
                running.workflow.follow(record)
        await support.until_all(running, S.ACTIVE)


@pytest.mark.parametrize("flow", list(Flow))
@pytest.mark.parametrize("crash", [False, True])
async def test_every_state_of_the_walkthrough_can_be_held(tmp_path: Path, flow: Flow, crash: bool) -> None:
    """In ProvisioningStarted and ProvisioningCompleted "the operation will fail": somebody has to be able to see it."""
    lab, wanted = _of_flow(flow)
    async with contextlib.AsyncExitStack() as labs:
        running = await labs.enter_async_context(support.provider(url(tmp_path), BY_HAND, lab))
        running.asns.approve(support.ask_for_asn(running))
        support.ask_for_peering(running, wanted)

        async def held(state: ConnectionState) -> None:
            nonlocal running
            if crash:
                await labs.aclose()
                running = await labs.enter_async_context(support.provider(url(tmp_path), BY_HAND, lab))
            await rests_in(running, state)
            assert support.open_gates(running) == set()
            if state in (S.PROVISIONING_STARTED, S.PROVISIONING_COMPLETED):
                words = f"a peering in {state} cannot be deleted"
                support.refused(lambda: running.delete_peering(PEERING_ID.lower()), ConflictError, words)

        async def then(act: Callable[[Provider, ConnectionRecord], object]) -> None:
            for record in support.records(running):
                done = act(running, record)
                running.workflow.follow(record)
                if isinstance(done, asyncio.Future):
                    await done

        await held(S.PENDING_APPROVAL)
        await then(lambda p, each: p.workflow.approve(each))
        await held(S.APPROVED if flow is Flow.EXCHANGE else S.PROVISIONING_STARTED)
        await then(lambda p, each: p.control.take_notice(each))
        await held(S.PROVISIONING_STARTED)
        await then(lambda p, each: p.workflow.hurry(each))
        await held(S.PROVISIONING_COMPLETED)
        await then(lambda p, each: p.workflow.hurry(each))
        await support.until_all(running, S.ACTIVE)
        assert running.delete_peering(PEERING_ID.lower())
        await held(S.PENDING_REMOVE)
        await then(lambda p, each: p.workflow.hurry(each))
        assert running.control.records == {}


def _of_flow(flow: Flow) -> tuple[Topology, PeeringRequest]:
    """A topology of the simulated kind, and a request that comes up in it."""
    if flow is Flow.EXCHANGE:
        return support.topology(), request(connection(ipv6=None))
    if flow is Flow.DIRECT:
        found = build(document("direct"))
        circuit = SessionRequest(ip_address("198.51.100.0"), prefix=ip_network("198.51.100.0/31"))
        one = ConnectionRequest(support.identifier("a"), 86, {Family.IPV4: circuit}, bandwidth=10000)
        return found, request(one, flow=flow, metro="Seattle", direct_type="Edge")
    return support.topology(), request(connection(ipv6=None), flow=flow, direct_type="IxRs")


async def test_a_delay_of_each_step_passes_by_itself(tmp_path: Path) -> None:
    delays = Settings(peering_review=0.1, notification=0.1, provisioning=0.1, validation=0.1, removal=0.1)
    async with support.provider(url(tmp_path), delays) as running:
        await support.active(running, request(connection(ipv6=None)))
        steps = support.records(running)[0].connection.history[:5]
        assert all(after.time - before.time >= 0.1 for before, after in pairwise(steps))
        running.delete_peering(PEERING_ID.lower())
        await support.until(running, lambda: not running.control.records)


async def test_a_hurry_for_a_step_that_somebody_else_made_ends_with_it(tmp_path: Path) -> None:
    async with support.provider(url(tmp_path), BY_HAND) as running:
        running.asns.approve(support.ask_for_asn(running))
        support.ask_for_peering(running, request(connection(ipv6=None)))
        record, other = support.records(running)
        running.workflow.approve(record)
        running.control.take_notice(record)
        hurried = running.workflow.hurry(record)
        assert running.workflow.hurry(record) is hurried, "twice at once is once"
        running.control.operate(record, E.BLOCKED)
        running.workflow.follow(record)
        await hurried
        assert record.state is S.EXTERNAL_BLOCKER
        stopped = running.workflow.hurry(other)
        await running.workflow.stop()
        await stopped


async def test_a_rejected_request_has_microsofts_words_or_those_given(tmp_path: Path) -> None:
    async with support.provider(url(tmp_path), support.BY_HAND) as running:
        running.asns.approve(support.ask_for_asn(running))
        support.ask_for_peering(running)
        first, second = support.records(running)
        running.control.reject(first)
        running.control.reject(second, "no port is free")
        assert first.connection.error_message == "This request was not approved by the Microsoft's peering team."
        assert second.connection.error_message == "no port is free"
        with pytest.raises(TransitionRefusedError, match="never approved"):
            running.control.take_notice(first)
        running.delete_peering(PEERING_ID.lower())
        running.set(Settings(peering_review=None, removal=0))
        await support.until(running, lambda: not running.control.records)


async def test_deprovisioning_withdraws_on_sessions_that_stay_established(tmp_path: Path) -> None:
    async with support.provider(url(tmp_path), FOR_EVER) as running:
        await support.active(running)
        up = support.established_at(running)
        for record in support.records(running):
            running.control.deprovision(record)
        assert support.open_gates(running) == set()
        assert support.established_at(running) == up
        assert {(view.sent, view.taken) for view in support.views(running).values()} == {(0, 0)}
        assert support.leaks(running) == 0


async def test_a_blocked_peering_is_denied_and_comes_back_through_the_review(tmp_path: Path) -> None:
    async with support.provider(url(tmp_path)) as running:
        await support.active(running)
        up = support.established_at(running)
        operate(running, E.BLOCKED, "the port is down for works")
        assert support.open_gates(running) == set()
        assert {each.connection.error_message for each in support.records(running)} == {"the port is down for works"}
        with pytest.raises(TransitionRefusedError):
            operate(running, E.BLOCKED)
        operate(running, E.UNBLOCKED)
        assert support.open_gates(running) == set()
        await support.until_all(running, S.ACTIVE)
        assert support.established_at(running) == up, "the sessions were up all the time"
        assert len(support.open_gates(running)) == 4


async def test_a_change_of_type_is_denied_until_it_is_validated(tmp_path: Path) -> None:
    async with support.provider(url(tmp_path)) as running:
        await support.active(running)
        for event, state in (
            (E.TYPE_CHANGE_REQUESTED, S.TYPE_CHANGE_REQUESTED),
            (E.TYPE_CHANGE_STARTED, S.TYPE_CHANGE_IN_PROGRESS),
            (E.TYPE_CHANGE_COMPLETED, S.PROVISIONING_STARTED),
        ):
            operate(running, event)
            assert {each.state for each in support.records(running)} == {state}
            assert support.open_gates(running) == set()
        await support.until_all(running, S.ACTIVE)
        assert len(support.open_gates(running)) == 4


async def test_revalidation_denies_and_lifts_again(tmp_path: Path) -> None:
    async with support.provider(url(tmp_path)) as running:
        await support.active(running)
        up = support.established_at(running)
        operate(running, E.REVALIDATION_REQUIRED, "the edge was replaced")
        assert support.open_gates(running) == set()
        await support.until_all(running, S.ACTIVE)
        assert support.established_at(running) == up
        assert len(support.open_gates(running)) == 4


async def test_only_an_operators_events_can_be_operated(tmp_path: Path) -> None:
    async with support.provider(url(tmp_path)) as running:
        await support.active(running)
        with pytest.raises(ValueError, match="not an operator's"):
            operate(running, E.VALIDATION_PASSED)


async def test_a_failed_validation_says_what_is_wrong_and_a_notification_tries_again(tmp_path: Path) -> None:
    found = document()
    found["times"]["deadline"] = 0.5
    async with support.provider(url(tmp_path), lab=build(found)) as running:
        await support.approved_asn(running)
        support.ask_for_peering(running, request(connection(ipv4="206.126.239.250", ipv6=None)))
        await support.until_all(running, S.PROVISIONING_FAILED)
        assert all("T1" in each.connection.error_message for each in support.records(running))
        assert len(support.views(running)) == 2, "configured, and denied"
        assert support.open_gates(running) == set()
        for each in support.records(running):
            running.control.take_notice(each)
            running.workflow.follow(each)
        await support.until_all(running, S.VALIDATING)
        await support.until_all(running, S.PROVISIONING_FAILED)
        running.delete_peering(PEERING_ID.lower())
        await support.until(running, lambda: not running.control.records)


async def test_what_a_validation_found_before_a_step_counts_for_nothing(tmp_path: Path) -> None:
    """Validating, blocked, unblocked, and back in Validating: the results of the first validation are of another time.

    And nobody waits for it: the removal of a connection that is being validated begins at once.
    """
    async with support.provider(url(tmp_path), support.BY_HAND, build(slow())) as running:
        running.asns.approve(support.ask_for_asn(running))
        support.ask_for_peering(running, request(connection(ipv6=None)))

        async def to_validating() -> None:
            for record in support.records(running):
                running.workflow.approve(record)
                running.control.take_notice(record)
                running.workflow.follow(record)
            await support.until_all(running, S.VALIDATING)

        await to_validating()
        established = [BgpState.ESTABLISHED] * 2
        await support.until(running, lambda: [v.bgp_state for v in support.views(running).values()] == established)
        operate(running, E.BLOCKED)
        operate(running, E.UNBLOCKED)
        await to_validating()
        assert not any(row.event == "check" for row in running.unit.events(0, 9999))
        running.set(Settings(removal=0))
        running.delete_peering(PEERING_ID.lower())
        await support.until(running, lambda: not running.control.records)


async def test_a_session_that_cannot_be_provisioned_fails_its_connection_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Edges.provision

    def provision(self: Edges, plan: SessionPlan) -> None:
        if plan.id == "contoso/ash-edge-2/ipv6":
            raise LabError("the edge has no room for another session")
        original(self, plan)

    monkeypatch.setattr(Edges, "provision", provision)
    async with support.provider(url(tmp_path)) as running:
        await support.approved_asn(running)
        support.ask_for_peering(running)
        one, two = support.records(running)
        await support.until(running, lambda: len(one.validated) == 2 and two.state is S.PROVISIONING_FAILED)
        assert two.connection.error_message == "the edge has no room for another session"
        assert support.open_gates(running) == {plan.id for plan in one.plans}
        monkeypatch.undo()
        running.control.take_notice(two)
        running.workflow.follow(two)
        await support.until_all(running, S.ACTIVE)


@pytest.mark.parametrize("state", [S.PROVISIONING_COMPLETED, S.VALIDATING, S.ACTIVE])
async def test_after_a_restart_what_cannot_come_back_stays_denied_and_the_rest_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: ConnectionState
) -> None:
    lab = build(slow()) if state is not S.ACTIVE else None
    async with support.provider(url(tmp_path), lab=lab) as running:
        await support.approved_asn(running)
        support.ask_for_peering(running)
        if state is S.PROVISIONING_COMPLETED:
            await support.until_all(running, S.VALIDATING)
        else:
            await support.until_all(running, state)
    original = Edges.provision

    def provision(self: Edges, plan: SessionPlan) -> None:
        if plan.connection == "contoso/ash-edge-2":
            raise LabError("the edge is gone")
        original(self, plan)

    monkeypatch.setattr(Edges, "provision", provision)
    async with support.provider(url(tmp_path)) as running:
        one, two = support.records(running)
        await support.until(running, lambda: len(support.open_gates(running)) == 2)
        assert one.state is S.ACTIVE
        wanted = S.ACTIVE if state is S.ACTIVE else S.PROVISIONING_FAILED
        await support.until(running, lambda: two.state is wanted)
        said = [row.row.get("text", "") for row in running.unit.events(0, 9999, two.id)]
        assert any("the edge is gone" in text for text in said)
        assert support.open_gates(running) == {plan.id for plan in one.plans}


async def test_a_topology_without_the_stores_edge_is_refused_in_one_line(tmp_path: Path) -> None:
    async with support.provider(url(tmp_path)) as running:
        await support.active(running)
    found = document()
    found["edges"] = found["edges"][:1]
    with pytest.raises(
        LabError, match=r"^the store has contoso/ash-edge-2, which this topology has no place for: [^\n]*$"
    ):
        async with support.provider(url(tmp_path), lab=build(found)):
            pass


async def test_hurrying_is_for_the_one_that_is_hurried(tmp_path: Path) -> None:
    async with support.provider(url(tmp_path), FOR_EVER) as running:
        await support.active(running)
        running.delete_peering(PEERING_ID.lower())
        one, two = support.records(running)
        running.workflow.hurry(one)
        await support.until(running, lambda: one.state is S.NONE)
        assert (two.state, list(running.control.records)) == (S.PENDING_REMOVE, [two.id])
        assert all(map(running.network.edges.is_provisioned, two.plans))
        running.workflow.hurry(two)
        await support.until(running, lambda: not running.control.records)


async def test_a_defect_in_a_step_ends_the_provider_with_every_gate_shut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AssertionError, match="a defect"):
        async with support.provider(url(tmp_path), FOR_EVER) as running:
            await support.active(running)

            async def broken(record: ConnectionRecord, why: str) -> None:
                raise ZeroDivisionError("a defect")

            monkeypatch.setattr(running.control, "close_sessions", broken)
            one, two = support.records(running)
            running.control.deprovision(one)
            running.workflow.hurry(one)
            async with asyncio.timeout(PATIENCE):
                assert isinstance(await running.failure, ZeroDivisionError)
            assert (two.state, support.open_gates(running)) == (S.ACTIVE, set())
            monkeypatch.undo()


async def test_a_server_that_lost_its_database_shuts_every_gate(postgresql_database: str) -> None:
    store = Store.open(postgresql_database)
    try:
        async with Provider(support.topology(), LinkKind.LOOPBACK, store, support.AT_ONCE) as running:
            await support.active(running)
            assert support.open_gates(running)
            end_sessions(postgresql_database)
            async with asyncio.timeout(PATIENCE):
                assert "no longer this server's alone" in str(await running.failure)
            assert not support.open_gates(running)
            assert support.leaks(running) == 0
    finally:
        store.close()
