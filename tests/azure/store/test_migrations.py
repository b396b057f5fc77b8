"""A database that an older server wrote is brought to today's format: nothing of it is lost, and the lab goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import String

from simulator.azure.rest.app import ArmApp
from simulator.azure.store.schema import TRANSITIONS
from simulator.azure.store.store import SavedTransition, Store
from simulator.connection.states import Actor, ConnectionEvent, ConnectionState
from tests.azure.provider import support
from tests.azure.rest.test_registrations import announcing
from tests.azure.store import old_database
from tests.topologies import build


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    found = f"sqlite:///{tmp_path}/store.db"
    yield found if request.param == "sqlite" else request.getfixturevalue("postgresql_database")


@pytest.fixture
def old(url: str) -> str:
    """The URL of a database of revision 0002."""
    old_database.write(url)
    return url


def test_every_transition_is_there_as_it_was_told(old: str) -> None:
    store = Store.open(old)
    found = {(each.connection, each.step): each for each in store.transitions()}
    told = [event for event in old_database.TABLES["events"] if event["step"] is not None]
    assert len(found) == len(told) > 20
    for event in told:
        row = event["row"]
        assert found[event["subject"], event["step"]] == SavedTransition(
            connection=event["subject"],
            step=event["step"],
            time=event["time"],
            source=row["from"],
            target=row["to"],
            event=row["cause"],
            actor=row["actor"],
            reason=row["reason"],
            evidence=row["source"],
            error_message=row["error-message"],
        )
    assert [event.seq for event in store.events()] == [event["seq"] for event in old_database.TABLES["events"]]
    store.close()
    again = Store.open(old)
    assert len(again.transitions()) == len(told), "once"
    again.close()


def _steady(answer: Any) -> Any:
    """An answer without what depends on the moment."""
    if isinstance(answer, list):
        return [_steady(each) for each in answer]
    if isinstance(answer, dict):
        return {key: _steady(value) for key, value in answer.items() if not key.startswith("sessionState")}
    return answer


async def test_the_lab_goes_on_and_shows_what_it_showed(old: str) -> None:
    """Every resource is answered as before, and every connection is Active again without a step of its own."""
    async with support.provider(old, None, build(announcing("8075:8007"))) as running:
        transport = httpx.ASGITransport(ArmApp(running))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            for path, answer in old_database.ANSWERS.items():
                path, _, query = path.partition("?$")
                extra = dict([f"${query}".split("=")]) if query else {}
                got = (await client.get(path, params={"api-version": "2025-05-01", **extra})).json()
                assert _steady(got) == _steady(answer), path
        await support.until_all(running, ConnectionState.ACTIVE)
        assert len(support.open_gates(running)) == 4
        steps = {record.id: len(record.connection.history) for record in support.records(running)}
        assert steps == {each["id"]: each["steps"] for each in old_database.TABLES["connections"]}
        assert running.settings.peer_asn_review is None, "the settings are kept as well"


async def test_what_happens_next_is_written_behind_it(old: str) -> None:
    before = Store.open(old)
    counted = len(before.transitions())
    before.close()
    async with support.provider(old, None, build(announcing("8075:8007"))) as running:
        await support.until_all(running, ConnectionState.ACTIVE)
        record = support.records(running)[0]
        running.control.deprovision(record)
        await asyncio.sleep(0)
        assert running.unit.step_of(record.id) == len(record.connection.history)
        assert len(running.unit.store.transitions()) == counted + 1


def test_every_word_has_room_in_its_column() -> None:
    """PostgreSQL refuses longer ones."""
    longest = {
        "source": max(len(state.value) for state in ConnectionState),
        "target": max(len(state.value) for state in ConnectionState),
        "event": max(len(event.value) for event in ConnectionEvent),
        "actor": max(len(actor.value) for actor in Actor),
    }
    for name, length in longest.items():
        type_ = TRANSITIONS.c[name].type
        assert isinstance(type_, String) and type_.length is not None and type_.length >= length, name
