"""No change is confirmed before it is written: a client that was answered finds it again after any crash.

While somebody else holds the database changes wait for it; one more than may wait is refused before it is begun.
"""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from typing import Any, Final
from urllib.parse import parse_qs

from simulator.azure.provider.unit_of_work import UnitOfWork
from simulator.azure.rest.errors import unusable
from simulator.azure.store.lock import StoreBusyError, StoreError
from simulator.serving.guard import App, AsgiReceive, AsgiScope, AsgiSend

CHANGES_WAITING: Final = 100
"""Requests that change something, and wait for a database that somebody else holds (simulator)."""
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Durable:
    """Holds the answer to a change back while the database is behind; 503 where it cannot be written."""

    def __init__(self, app: App, unit: UnitOfWork) -> None:
        self._app = app
        self._unit = unit
        self._changes = 0
        """Requests that may change something, and are not answered yet."""

    async def __call__(self, scope: AsgiScope, receive: AsgiReceive, send: AsgiSend) -> None:
        if scope["type"] != "http" or scope["method"] in _READING:
            await self._app(scope, receive, send)
            return
        if self._unit.behind and self._changes >= CHANGES_WAITING:
            await _refuse(scope, send, StoreBusyError("changes enough wait for the database"))
            return
        lost = False

        async def confirmed(message: MutableMapping[str, Any]) -> None:
            nonlocal lost
            if message["type"] == "http.response.start" and message["status"] < 400 and not lost:
                try:
                    await self._unit.durable()
                except StoreError as error:
                    lost = True
                    await _refuse(scope, send, error)
            if not lost:
                await send(message)

        self._changes += 1
        try:
            await self._app(scope, receive, confirmed)
        finally:
            self._changes -= 1


async def _refuse(scope: AsgiScope, send: AsgiSend, why: StoreError) -> None:
    """As ARM, the lab's API and a person who sent a form read it."""
    error = unusable(why)
    asked = parse_qs(scope["query_string"].decode("latin-1")).get("api-version", [""])[0]
    body = json.dumps(error.body(asked) | {"detail": error.message}).encode()
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **error.headers}
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": error.status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
