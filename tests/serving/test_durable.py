"""An answer to a change is held back until the change is written."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulator.azure.provider.unit_of_work import UnitOfWork
from simulator.azure.store.lock import StoreError
from simulator.azure.store.store import Store
from simulator.serving.durable import Durable
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
