"""An operator denies an Active peering, has it validated again, and it is lifted anew."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from simulator.connection.states import ConnectionState
from simulator.engine.awaited import awaited
from simulator.engine.control import ConnectionRecord
from simulator.engine.workflow import Workflow
from simulator.session.states import BgpState
from tests.azure.provider import support
from tests.patience import PATIENCE


async def test_what_is_denied_stays_denied_until_it_is_validated_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    async with support.provider(url) as running:
        await support.active(running)
        before = support.established_at(running)
        records = support.records(running)
        for record in records:
            await running.operate(record, "deny", "maintenance")
            assert record.state is ConnectionState.VALIDATING
            assert record.connection.denied
        assert support.open_gates(running) == set()
        running.workflow.look_again()
        for _ in range(20):
            await running.log.next_event(0.05)
        assert support.open_gates(running) == set(), "nothing validates it by itself"
        assert all("revalidate" in awaited(record).what for record in records)
        assert support.established_at(running) == before, "the sessions stay Established"
    async with support.provider(url) as running:  # after a restart too
        records = support.records(running)
        assert all(record.connection.denied for record in records)
        await support.until(
            running,
            lambda: (
                [view.bgp_state for view in support.views(running).values()] == [BgpState.ESTABLISHED] * len(before)
            ),
        )
        for _ in range(10):
            await running.log.next_event(0.05)
        assert support.open_gates(running) == set()
        await running.operate(records[0], "revalidate")
        for record in records[1:]:
            await running.operate(record, "advance")
        await support.until_all(running, ConnectionState.ACTIVE)
        assert not any(record.connection.denied for record in records)
        assert support.open_gates(running) == set(before)
        assert support.leaks(running) == 0


async def test_a_deny_while_the_sessions_are_made_ready_ends_in_no_lift(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with support.provider(f"sqlite:///{tmp_path}/store.db") as running:
        await support.active(running)
        restore, denied = Workflow._restore_sessions, asyncio.Event()

        async def slowly(self: Workflow, record: ConnectionRecord) -> None:
            await restore(self, record)
            if not denied.is_set():
                denied.set()
                await running.operate(record, "deny", "meanwhile")

        monkeypatch.setattr(Workflow, "_restore_sessions", slowly)
        record = support.records(running)[0]
        await running.operate(record, "revalidate")
        await asyncio.wait_for(denied.wait(), PATIENCE)
        for _ in range(60):
            await running.log.next_event(0.05)
        assert record.connection.denied
        assert not support.open_gates(running) & {plan.id for plan in record.plans}
