"""No change is confirmed before it is written: a client that was answered finds it again after any crash."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from typing import Any, Final

from simulator.azure.provider.unit_of_work import UnitOfWork
from simulator.azure.store.lock import StoreError
from simulator.serving.guard import App, AsgiReceive, AsgiScope, AsgiSend

_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Durable:
    """Holds the answer to a change back while the database is behind; 503 where it cannot be written."""

    def __init__(self, app: App, unit: UnitOfWork) -> None:
        self._app = app
        self._unit = unit

    async def __call__(self, scope: AsgiScope, receive: AsgiReceive, send: AsgiSend) -> None:
        if scope["type"] != "http" or scope["method"] in _READING:
            await self._app(scope, receive, send)
            return
        lost = False

        async def confirmed(message: MutableMapping[str, Any]) -> None:
            nonlocal lost
            if message["type"] == "http.response.start" and message["status"] < 400 and not lost:
                try:
                    await self._unit.durable()
                except StoreError:
                    lost = True
                    await _refuse(send)
            if not lost:
                await send(message)

        await self._app(scope, receive, confirmed)


async def _refuse(send: AsgiSend) -> None:
    text = "the lab's store cannot be used: the lab is stopping"
    body = json.dumps({"error": {"code": "ServiceUnavailable", "message": text}, "detail": text}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})
