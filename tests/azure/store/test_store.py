"""The store: what is written together is there together, once, after whatever happens."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from simulator.azure.store.lock import StoreError
from simulator.azure.store.schema import METADATA
from simulator.azure.store.store import EventRow, NewEvent, ResourceRow, SavedConnection, SavedTransition, Store
from tests.patience import PATIENCE
from tests.postgres import end_sessions

PEERING = ResourceRow(
    "/subscriptions/S/resourceGroups/G/providers/Microsoft.Peering/peerings/P", "Microsoft.Peering/peerings", {"a": 1}
)
CHILD = ResourceRow(f"{PEERING.id}/registeredAsns/x", "Microsoft.Peering/peerings/registeredAsns", {})
NEIGHBOUR = ResourceRow(f"{PEERING.id}2", "Microsoft.Peering/peerings", {})
CONNECTION = SavedConnection("p/e", PEERING.id.lower(), 0, "Exchange", "Active", "", {"md5": None}, 7)
STEP = SavedTransition(
    "p/e", 7, 1.5, "Validating", "Active", "validation-passed", "microsoft", "ü €", "doc", "an errorMessage"
)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/store.db"
        return
    yield request.getfixturevalue("postgresql_database")


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store.open(url)
    yield opened
    opened.close()


def _write(store: Store, *events: NewEvent) -> None:
    with store.transaction() as transaction:
        transaction.save(PEERING)
        transaction.save_connection(CONNECTION)
        transaction.append(events)


def test_everything_comes_back(store: Store, url: str) -> None:
    _write(
        store, NewEvent(1.5, "connection-state", "p/e", {"to": "Active", "ü": "€"}, 7), NewEvent(2.5, "step", "", {})
    )
    with store.transaction() as transaction:
        transaction.set("settings", {"mesh": True})
        transaction.save_transition(replace(STEP, step=8))
        transaction.save_transition(STEP)
    store.close()
    again = Store.open(url)
    try:
        assert again.resources() == [PEERING]
        assert again.connections() == [CONNECTION]
        assert again.events() == [
            EventRow(1, 1.5, "connection-state", "p/e", {"to": "Active", "ü": "€"}),
            EventRow(2, 2.5, "step", "", {}),
        ]
        assert again.transitions() == [STEP, replace(STEP, step=8)]
        assert (again.last_event(), again.last_steps()) == (2, {"p/e": 8})
        assert again.setting("settings") == {"mesh": True}
        assert again.setting("nothing") is None
    finally:
        again.close()


def test_a_transaction_is_all_or_nothing(store: Store) -> None:
    with pytest.raises(KeyError), store.transaction() as transaction:
        transaction.save(PEERING)
        transaction.append([NewEvent(1.0, "x", "p/e", {})])
        raise KeyError
    assert (store.resources(), store.events()) == ([], [])


def test_no_transition_is_written_twice(store: Store) -> None:
    with store.transaction() as transaction:
        transaction.save_transition(STEP)
    with pytest.raises(StoreError), store.transaction() as transaction:
        transaction.save_transition(replace(STEP, time=9.5))
    assert store.transitions() == [STEP]


def test_no_transition_is_told_twice(store: Store) -> None:
    _write(store, NewEvent(1.0, "connection-state", "p/e", {}, 1))
    with pytest.raises(StoreError), store.transaction() as transaction:
        transaction.append([NewEvent(2.0, "connection-state", "p/e", {}, 1)])
    assert len(store.events()) == 1


def test_a_resource_goes_with_all_that_is_below_it_and_nothing_else(store: Store) -> None:
    _write(store)
    with store.transaction() as transaction:
        transaction.save(CHILD)
        transaction.save(NEIGHBOUR)
    with store.transaction() as transaction:
        transaction.forget(PEERING.id.lower())
    assert (store.resources(), store.connections()) == ([NEIGHBOUR], [])


def test_events_page_and_filter(store: Store) -> None:
    with store.transaction() as transaction:
        transaction.append([NewEvent(float(n), "x", "odd" if n % 2 else "even", {}) for n in range(1, 8)])
    assert [row.seq for row in store.events(after=2, limit=3)] == [3, 4, 5]
    assert [row.seq for row in store.events(subject="even")] == [2, 4, 6]


@pytest.mark.parametrize("at_once", [1, 7, 400])
def test_the_log_keeps_every_transition_and_the_newest_of_the_rest(
    store: Store, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    kept, between = 300, 100
    monkeypatch.setattr("simulator.azure.store.store.EVENTS_KEPT", kept)
    monkeypatch.setattr("simulator.azure.store.store._TRIMMED_AFTER", between)
    written = [NewEvent(float(n), "x", "p/e", {}, n if n % 50 == 0 else None) for n in range(1, 1201)]
    for start in range(0, len(written), at_once):
        with store.transaction() as transaction:
            transaction.append(written[start : start + at_once])
        others = [row for row in store.events(limit=2000) if row.time % 50]
        assert len(others) <= kept + between + at_once
    there = {row.time for row in store.events(limit=2000)}
    assert there >= {float(n) for n in range(50, 1201, 50)}
    newest = [row.time for row in store.events(after=store.last_event() - kept)]
    assert newest == [float(n) for n in range(901, 1201)]


def test_a_second_server_is_refused_and_a_dead_one_is_no_obstacle(url: str) -> None:
    code = (
        "import sys\nfrom simulator.azure.store.store import Store\n"
        "store = Store.open(sys.argv[1])\nprint('open', flush=True)\nsys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(StoreError, match="is in use by") as refusal:
            Store.open(url)
        assert "\n" not in str(refusal.value)
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
    Store.open(url).close()


def test_the_migrations_make_the_schema(store: Store, url: str) -> None:
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    engine.dispose()


def test_a_newer_schema_is_left_alone(url: str) -> None:
    Store.open(url).close()
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(StoreError, match="was made by a newer turnup"):
        Store.open(url)


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("mysql://x/y", "not supported"),
        ("turnup.db", "no database URL"),
        ("sqlite://", "needs a file"),
        ("sqlite:////nonexistent/x.db", "No such file or directory"),
        ("postgresql://u@127.0.0.1:1/x", "refused"),
        ("", "no database URL"),
    ],
)
def test_what_cannot_be_opened_says_so_in_one_line(url: str, what: str) -> None:
    with pytest.raises(StoreError, match=what) as refusal:
        Store.open(url)
    assert "\n" not in str(refusal.value)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("this is not a database, whatever its name says" * 20)
    with pytest.raises(StoreError, match="not a database"):
        Store.open(f"sqlite:///{tmp_path}/x.db")


def test_a_password_is_never_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as refusal:
        Store.open("postgresql://user:secret@127.0.0.1:1/x")
    assert "secret" not in str(refusal.value)


# --- one server a database, by whatever name it is called ---


OTHER_SERVER = (
    "import sys\nfrom simulator.azure.store.store import Store, StoreError\n"
    "try:\n    Store.open(sys.argv[1])\nexcept StoreError as error:\n    sys.exit(str(error))"
)


def _other_names(database: Path) -> dict[str, Path]:
    directory = database.parent
    (directory / "folder").symlink_to(directory)
    (directory / "link.db").symlink_to(database)
    (directory / "hard.db").hardlink_to(database)
    return {
        "the same name": database,
        "a symbolic link": directory / "link.db",
        "a folder's symbolic link": directory / "folder" / database.name,
        "a hard link": directory / "hard.db",
        "dots": directory / "folder" / ".." / directory.name / database.name,
    }


def test_no_other_name_of_a_database_leads_around_its_lock(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/store.db")
    try:
        for how, path in _other_names(tmp_path / "store.db").items():
            other = subprocess.run(
                [sys.executable, "-c", OTHER_SERVER, f"sqlite:///{path}"], capture_output=True, text=True, check=False
            )
            assert (other.returncode, other.stderr.count("\n")) == (1, 1), (how, other.stderr)
            assert f"is in use by process {os.getpid()}" in other.stderr, how
            with pytest.raises(StoreError, match="is in use by"):
                Store.open(f"sqlite:///{path}")
        _write(store)  # the refused ones have cost this one nothing
        assert store.resources() == [PEERING]
    finally:
        store.close()
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".lock"] == []


def test_a_database_with_two_names_is_refused_and_left_alone(tmp_path: Path) -> None:
    Store.open(f"sqlite:///{tmp_path}/store.db").close()
    (tmp_path / "hard.db").hardlink_to(tmp_path / "store.db")
    for name in ("store.db", "hard.db"):
        with pytest.raises(StoreError, match="2 names") as refusal:
            Store.open(f"sqlite:///{tmp_path}/{name}")
        assert "\n" not in str(refusal.value)
    (tmp_path / "hard.db").unlink()
    Store.open(f"sqlite:///{tmp_path}/store.db").close()


@pytest.mark.parametrize("how", ["removed", "moved", "replaced"])
def test_a_database_that_is_taken_away_is_written_no_more(tmp_path: Path, how: str) -> None:
    database = tmp_path / "store.db"
    store = Store.open(f"sqlite:///{database}")
    try:
        _write(store)
        if how == "removed":
            database.unlink()
        else:
            database.rename(tmp_path / "moved.db")
        other = Store.open(f"sqlite:///{database}") if how == "replaced" else None
        with pytest.raises(StoreError, match="no longer this server's alone"):
            _write(store)
        if other is not None:
            assert other.resources() == []
            other.close()
    finally:
        store.close()


async def test_who_loses_postgresql_hears_of_it_and_writes_no_more(postgresql_database: str) -> None:
    """As a restart of PostgreSQL does it: the session that holds the lock is gone, another server may have it."""
    store = Store.open(postgresql_database)
    lost: asyncio.Future[StoreError] = asyncio.get_running_loop().create_future()
    end = store.watch(lost.set_result)
    try:
        _write(store)
        assert not lost.done()
        end_sessions(postgresql_database)
        async with asyncio.timeout(PATIENCE):
            assert "no longer this server's alone" in str(await lost)
        other = Store.open(postgresql_database)
        try:
            with pytest.raises(StoreError):
                _write(store)
            with pytest.raises(StoreError, match="no longer"):  # over a new session, which the driver opens by itself
                _write(store)
            assert len(other.resources()) == 1
        finally:
            other.close()
    finally:
        end()
        store.close()
