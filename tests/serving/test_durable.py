"""An answer to a change is held back until the change is written."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulator.azure.provider.unit_of_work import UnitOfWork
from simulator.azure.rest.api_versions import API_VERSIONS
from simulator.azure.rest.errors import RETRY_SECONDS
from simulator.azure.store.lock import StoreError
from simulator.azure.store.store import Store
from simulator.serving.durable import CHANGES_WAITING, Durable
from simulator.serving.guard import AsgiReceive, AsgiScope, AsgiSend


class Slow(UnitOfWork):
    """A unit of work that is behind until somebody says otherwise."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.asked = asyncio.Event()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def durable(self) -> None:
        self.asked.set()
        await self.done


async def app(_scope: AsgiScope, _receive: AsgiReceive, send: AsgiSend) -> None:
    await send({"type": "http.response.start", "status": 201, "headers": []})
    await send({"type": "http.response.body", "body": b"made"})


@pytest.mark.parametrize(("error", "status", "words"), [(None, 201, "made"), (StoreError("full"), 503, "stopping")])
async def test_a_change_is_answered_when_it_is_written_and_a_question_at_once(
    tmp_path: Path, error: StoreError | None, status: int, words: str
) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/store.db")
    unit = Slow(store)
    wrapped: Any = Durable(app, unit)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(wrapped), base_url="http://lab") as client:
        assert (await client.get("/x")).status_code == 201
        assert not unit.asked.is_set()
        putting = asyncio.ensure_future(client.put("/x"))
        await unit.asked.wait()
        assert not putting.done()
        if error is None:
            unit.done.set_result(None)
        else:
            unit.done.set_exception(error)
        answer = await putting
    store.close()
    assert (answer.status_code, words in answer.text) == (status, True)


class Held(Slow):
    """Behind, as long as somebody holds the database."""

    @property
    def behind(self) -> bool:
        return not self.done.done()


async def test_changes_that_wait_for_a_database_are_bounded_and_one_more_is_told_when_to_ask_again(
    tmp_path: Path,
) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/store.db")
    unit, begun, full = Held(store), 0, asyncio.Event()

    async def counted(scope: AsgiScope, receive: AsgiReceive, send: AsgiSend) -> None:
        nonlocal begun
        begun += 1
        if begun >= CHANGES_WAITING:
            full.set()
        await app(scope, receive, send)

    wrapped: Any = Durable(counted, unit)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(wrapped), base_url="http://lab") as client:
        waiting = [asyncio.ensure_future(client.put("/x")) for _ in range(CHANGES_WAITING)]
        await full.wait()
        for version in API_VERSIONS:
            refused = await client.put("/x", params={"api-version": version})
            body = refused.json()
            told = body if version <= "2020-04-01" else body["error"]
            assert (refused.status_code, refused.headers["retry-after"]) == (503, str(RETRY_SECONDS))
            assert told["code"] == "ServiceUnavailable" and "ask again later" in told["message"]
        assert begun == CHANGES_WAITING, "nothing of it was done"
        assert (await client.get("/x")).status_code == 201
        assert not any(each.done() for each in waiting)
        unit.done.set_result(None)
        assert {(await each).status_code for each in waiting} == {201}
        assert (await client.put("/x")).status_code == 201

        unit.done = asyncio.get_running_loop().create_future()  # held once more: those that were answered wait no more
        full.clear()
        again = asyncio.ensure_future(client.put("/x"))
        taken = asyncio.ensure_future(full.wait())
        await asyncio.wait({again, taken}, return_when=asyncio.FIRST_COMPLETED)
        assert taken.done() and not again.done()
        unit.done.set_result(None)
        assert (await again).status_code == 201
    store.close()
