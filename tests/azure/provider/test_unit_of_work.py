"""The unit of work: what is written together, in which order, and what happens when it cannot be written."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from simulator.azure.model.resources import AsnState, PeeringService, RegisteredAsn
from simulator.azure.provider.provider import Provider
from simulator.azure.provider.settings import Settings
from simulator.azure.provider.unit_of_work import EVENTS_WAITING, UnitOfWork
from simulator.azure.store.lock import StoreError
from simulator.azure.store.store import Store, Transaction
from simulator.connection.states import ConnectionEvent, ConnectionState
from simulator.engine.log import ConnectionMoved
from simulator.gate import Direction, Withheld
from simulator.peer.events import GateWithheld, RoutesWithdrawn
from simulator.places.link import LinkKind
from simulator.session.messages import Family
from simulator.wire import nlri
from tests.azure.provider import support
from tests.patience import PATIENCE

NAME = "/subscriptions/S/resourceGroups/G/providers/Microsoft.Peering/peeringServices/"


def service(name: str, **document: Any) -> PeeringService:
    return PeeringService(id=NAME + name, document=document)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{tmp_path}/store.db")
    yield opened
    opened.close()


async def test_events_are_written_with_the_next_transaction_and_before_it(store: Store) -> None:
    unit = UnitOfWork(store)
    unit.add_event(1, "first", "s", {})
    unit.add_event(2, "second", "s", {})
    assert store.events() == []
    with unit.transaction() as transaction:
        unit.add_event(3, "third", "s", {})
        transaction.set("x", {})
    assert [row.event for row in store.events()] == ["first", "second", "third"]


async def test_events_alone_are_written_on_the_next_turn_and_tell_who_waits(store: Store) -> None:
    unit = UnitOfWork(store)
    written = unit.written
    unit.add_event(1, "first", "s", {})
    async with asyncio.timeout(PATIENCE):
        await written.wait()
    assert [row.event for row in store.events()] == ["first"]
    assert not unit.written.is_set()


async def test_transactions_inside_one_another_are_one(store: Store) -> None:
    failures: list[BaseException] = []
    unit = UnitOfWork(store, failures.append)
    error = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError), unit.transaction():
        unit.save(service("a"))
        raise error
    assert (store.resources(), failures) == ([], [error])


async def test_after_a_failure_nothing_is_written_any_more(store: Store) -> None:
    unit = UnitOfWork(store, lambda _error: None)
    with pytest.raises(ZeroDivisionError), unit.transaction():
        raise ZeroDivisionError
    with pytest.raises(StoreError, match="nothing is written any more"):
        unit.save(service("a"))


async def test_a_resource_is_forgotten_with_what_is_below_it_and_not_its_neighbour(store: Store) -> None:
    unit = UnitOfWork(store)
    for name in ("a", "a/prefixes/x", "ab"):
        unit.save(service(name))
    unit.forget(unit.resources[(NAME + "a").lower()])
    assert [each.id for each in store.resources()] == [NAME + "ab"]
    assert list(unit.resources) == [(NAME + "ab").lower()]


async def test_what_is_below_a_key_and_of_a_type(store: Store) -> None:
    unit = UnitOfWork(store)
    for name in ("a", "a/prefixes/x", "ab"):
        unit.save(service(name))
    assert [each.id for each in unit.below(f"{NAME}A", PeeringService)] == [f"{NAME}a/prefixes/x"]
    assert unit.below(f"{NAME}A", RegisteredAsn) == []
    key = f"{NAME}a".lower()
    assert (unit.get(key, RegisteredAsn), unit.get(key, PeeringService)) == (None, service("a"))


def fill_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the database refuses every row of the event log, as a full disk does."""

    def full(self: Transaction, events: object) -> None:
        raise OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))

    monkeypatch.setattr(Transaction, "append", full)


@pytest.mark.parametrize("how", ["request", "transition", "event"])
async def test_a_store_that_fails_shuts_every_gate_and_ends_the_provider(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Also when the failure passes: what is in memory may be another thing than what is on disk."""
    url = f"sqlite:///{tmp_path}/store.db"
    store = Store.open(url)
    stray: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: stray.append(context))
    async with Provider(support.topology(), LinkKind.LOOPBACK, store, Settings(removal=0)) as running:
        await support.active(running)
        assert len(support.open_gates(running)) == 4
        with monkeypatch.context() as broken:
            fill_the_disk(broken)
            if how == "event":
                running.unit.add_event(0, "something", "", {})
                await asyncio.sleep(0)
            else:
                with pytest.raises(StoreError, match="disk is full"):
                    if how == "request":
                        support.ask_for_asn(running, 64496)
                        support.put_asn(running, 1, id_=f"{support.ASN_ID}2")
                    else:
                        running.control.deprovision(support.records(running)[0])
            error = await asyncio.wait_for(running.failure, PATIENCE)
            assert isinstance(error, StoreError)
            assert support.open_gates(running) == set()
        for each in support.records(running):  # the disk has room again: nothing moves all the same
            running.workflow.follow(each)
            with pytest.raises(StoreError):
                running.control.deprovision(each)
            running.control.lift(each, each.plans, each.results)
        async with asyncio.timeout(PATIENCE):
            while await running.log.next_event(0.3):
                pass
        assert support.open_gates(running) == set()
        assert {each.state for each in support.records(running)} == {ConnectionState.ACTIVE}
        assert support.leaks(running) == 0
    store.close()
    assert stray == []
    async with support.provider(url) as running:  # and the next start goes on from what was written
        await support.until_all(running, ConnectionState.ACTIVE)


async def test_a_table_does_not_fill_the_log(store: Store) -> None:
    unit = UnitOfWork(store)
    prefixes = [f"10.0.{number}.0/24" for number in range(200)]
    keys = tuple(nlri.key(prefix)[1] for prefix in prefixes)
    unit.take(RoutesWithdrawn("s", 1, Family.IPV4, keys))
    unit.take(GateWithheld("s", Withheld(1, Direction.OUT, Family.IPV4.label, keys, "it is shut")))
    unit.take(RoutesWithdrawn("s", 1, Family.IPV4, keys[:20]))
    unit.flush()
    first, second, whole = (row.row for row in store.events())
    for row in (first, second):
        assert (row["prefixes"], row["prefixesLeftOut"], row["count"]) == (prefixes[:20], 180, 200)
    assert (whole["prefixes"], whole["count"], "prefixesLeftOut" in whole) == (prefixes[:20], 20, False)


async def test_every_step_of_every_connection_is_numbered_once(tmp_path: Path) -> None:
    moved: list[str] = []
    async with support.provider(f"sqlite:///{tmp_path}/store.db") as running:
        running.log.subscribe(
            lambda event: moved.append(event.connection) if isinstance(event, ConnectionMoved) else None
        )
        await support.active(running)
        for name in set(moved):
            assert running.unit.step_of(name) == moved.count(name) == running.unit.store.last_steps()[name]


# --- somebody else holds the database ---


@contextlib.contextmanager
def holding(path: Path) -> Iterator[None]:
    """Another process writes to the database, and takes its time."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


async def test_a_denial_does_not_wait_for_a_database_that_somebody_holds_and_a_lift_does(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with support.provider(f"sqlite:///{path}") as running:
        await support.active(running)
        first, second = support.records(running)
        with holding(path):
            running.control.operate(first, ConnectionEvent.BLOCKED)
            running.control.operate(second, ConnectionEvent.REVALIDATION_REQUIRED)
            assert (support.open_gates(running), running.unit.behind) == (set(), True)
            assert {each.state for each in running.unit.store.connections()} == {"Active"}, "not written yet"
            running.workflow.follow(second)
            await support.until(running, lambda: len(second.validated) == len(second.plans))
            assert second.state is ConnectionState.ACTIVE
            assert support.open_gates(running) == set(), "validated, and not lifted before that is written"
        await running.unit.durable()
        assert not running.unit.behind
        assert support.open_gates(running) == {plan.id for plan in second.plans}
        assert [each.state for each in running.unit.store.connections()] == ["ExternalBlocker", "Active"]
        steps = [step.target for step in running.unit.store.transitions() if step.connection == second.id]
        assert steps[-3:] == ["Active", "Validating", "Active"]
        assert support.leaks(running) == 0


async def test_nothing_else_waits_either_and_all_is_written_in_order(store: Store, tmp_path: Path) -> None:
    unit = UnitOfWork(store)
    with holding(tmp_path / "store.db"):
        for number in range(5):
            unit.save(service("a", number=number))
            unit.add_event(number, f"event {number}", "s", {})
        unit.flush()
        assert (unit.behind, store.resources(), store.events()) == (True, [], [])
    await unit.durable()
    assert [each.document for each in store.resources()] == [{"number": 4}]
    assert [row.event for row in store.events()] == [f"event {number}" for number in range(5)]


async def test_what_is_written_later_is_what_was_saved(store: Store, tmp_path: Path) -> None:
    unit, resource = UnitOfWork(store), service("a", tags={})
    with holding(tmp_path / "store.db"):
        unit.save(resource)
        resource.document["tags"]["later"] = "not saved"
    await unit.durable()
    assert [each.document for each in store.resources()] == [{"tags": {}}]


async def test_a_server_that_ends_waits_for_the_database_but_not_for_ever(store: Store, tmp_path: Path) -> None:
    failures: list[BaseException] = []
    unit = UnitOfWork(store, failures.append)
    with holding(tmp_path / "store.db"):
        unit.save(service("a"))
        with pytest.raises(StoreError, match="1 transaction could not be written"):
            await unit.finish(within=0.05)
        assert not failures, "what holds the database may let go: nothing is broken meanwhile"
    assert store.resources() == []
    with pytest.raises(StoreError, match="nothing is written any more"):
        unit.save(service("b"))


async def test_a_database_that_is_held_for_long_is_waited_for(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than any one attempt to write."""
    failures: list[BaseException] = []
    unit, write, tried = UnitOfWork(store, failures.append), store.write, asyncio.Event()
    loop, attempts = asyncio.get_running_loop(), 0

    def attempt(transaction: Transaction, _patience: float = 0.0) -> None:
        nonlocal attempts
        attempts += 1
        if attempts > 3:
            loop.call_soon_threadsafe(tried.set)
        write(transaction, 0.01)

    monkeypatch.setattr(store, "write", attempt)
    with holding(tmp_path / "store.db"):
        unit.save(service("a"))
        await tried.wait()
        assert unit.behind and failures == []
    await unit.durable()
    assert [each.id for each in store.resources()] == [service("a").id]


async def test_events_that_wait_for_a_database_are_bounded_and_the_rest_is_counted(
    store: Store, tmp_path: Path
) -> None:
    unit, most = UnitOfWork(store), 3 * EVENTS_WAITING
    with holding(tmp_path / "store.db"):
        unit.save(service("a"))
        for number in range(most):
            unit.add_event(number, "flap", "s", {})
            if number % 1000 == 0:
                unit.save(service("a", number=number))
            if number % 5000 == 0:
                await asyncio.sleep(0)
        assert unit.waiting == EVENTS_WAITING
    await unit.durable()
    rows = [row for start in range(0, most, 5000) for row in store.events(start, 5000)]
    assert [row.event for row in rows[:-1]] == ["flap"] * EVENTS_WAITING
    assert (rows[-1].event, rows[-1].row["count"]) == ("events-left-out", most - EVENTS_WAITING)
    assert [each.document for each in store.resources()] == [{"number": 29_000}], "of changes nothing is left out"
    unit.add_event(1, "later", "s", {})
    unit.flush()
    assert store.events(rows[-1].seq)[0].event == "later"


async def test_nothing_is_recovered_from_the_words_of_the_log(tmp_path: Path) -> None:
    """A database whose log is empty of words, and whose documents say nothing, is taken up as it was."""
    url = f"sqlite:///{tmp_path}/store.db"
    async with support.provider(url) as running:
        await support.active(running)
        before = {each.id: list(each.connection.history) for each in support.records(running)}
    with contextlib.closing(sqlite3.connect(tmp_path / "store.db")) as database:
        database.execute("UPDATE events SET row = '{}', event = 'x', subject = 'x' || seq, step = NULL")
        database.execute("UPDATE resources SET document = '{}'")
        database.commit()
    async with support.provider(url) as running:
        assert {each.id: list(each.connection.history) for each in support.records(running)} == before
        assert support.asn_state(running) is AsnState.APPROVED
        await support.until_all(running, ConnectionState.ACTIVE)
