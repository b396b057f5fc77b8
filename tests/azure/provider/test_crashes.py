"""kill -9 at every commit of a peering's life, before it and after it: nothing is lost, nothing happens twice."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from simulator.azure.model.resources import AsnState
from simulator.azure.store.store import Store
from simulator.connection.states import ConnectionState
from tests.azure.provider import support

COMMITS = 16
"""PeerAsn asked for and approved, the request, 5 steps to Active for each of 2 connections, the deletion of both, and
the removal of each. A test holds this number to the truth."""


def _run(url: str, number: int, when: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.azure.provider.crashing", url, str(number), when]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)


def test_the_number_of_commits(tmp_path: Path) -> None:
    done = _run(f"sqlite:///{tmp_path}/store.db", 10**6, "after")
    assert (done.returncode, done.stdout.strip()) == (0, str(COMMITS)), done.stderr[-2000:]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, COMMITS + 1))
async def test_a_crash_loses_nothing_and_repeats_nothing(tmp_path: Path, number: int, when: str) -> None:
    await _crash(f"sqlite:///{tmp_path}/store.db", number, when)


@pytest.mark.parametrize(("number", "when"), [(3, "before"), (5, "after"), (9, "after"), (13, "before"), (15, "after")])
async def test_the_same_on_postgresql(postgresql_database: str, number: int, when: str) -> None:
    """A few of them: the request, the steps to Active, the deletion, a removal."""
    await _crash(postgresql_database, number, when)


async def test_a_whole_life_on_postgresql(postgresql_database: str) -> None:
    done = await asyncio.to_thread(_run, postgresql_database, 10**6, "after")
    assert (done.returncode, done.stdout.strip()) == (0, str(COMMITS)), done.stderr[-2000:]
    store = Store.open(postgresql_database)
    assert (len(store.resources()), store.connections()) == (1, [])
    steps = [row.row["to"] for row in store.events(limit=100000) if row.event == "connection-state"]
    store.close()
    assert Counter(steps)["Active"] == Counter(steps)["None"] == 2


async def _crash(url: str, number: int, when: str) -> None:
    killed = await asyncio.to_thread(_run, url, number, when)
    assert killed.returncode == -9, killed.stderr[-2000:]
    store = Store.open(url)
    kept, resources = store.events(limit=100000), {each.id.lower() for each in store.resources()}
    states = {each.id: each.state for each in store.connections()}
    store.close()

    async with support.provider(url) as running:
        assert support.open_gates(running) == set(), "every gate is shut until its session is validated again"
        assert {name: record.state.value for name, record in running.control.records.items()} == states
        if support.ASN_ID.lower() not in resources:
            support.ask_for_asn(running)
        await support.until(running, lambda: support.asn_state(running) is AsnState.APPROVED)
        leaving = any(state == "PendingRemove" for state in states.values())
        if not states:
            support.ask_for_peering(running)  # it was not yet there, or is gone already
        if leaving:
            await support.until(running, lambda: not running.control.records)
        else:
            await support.until_all(running, ConnectionState.ACTIVE)
            assert len(support.open_gates(running)) == 4
        assert support.leaks(running) == 0

    store = Store.open(url)
    events = store.events(limit=100000)
    store.close()
    assert events[: len(kept)] == kept, "what was told before the crash is still told, in the same words"
    steps = Counter(
        (row.subject, row.row["from"], row.row["cause"]) for row in events if row.event == "connection-state"
    )
    lives = 2 if not states and any(row.event == "connection-state" for row in kept) else 1
    assert max(steps.values(), default=0) <= lives, "no transition happened twice"
