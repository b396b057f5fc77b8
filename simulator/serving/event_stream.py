"""The event log as server-sent events (WHATWG HTML, section 9.2)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from fastapi.responses import StreamingResponse

from simulator.azure.provider.unit_of_work import UnitOfWork
from simulator.serving import views

_PING_SECONDS: Final = 15.0
"""After so long without an event a comment is sent: a proxy would end an idle connection (simulator)."""
_AT_ONCE: Final = 1000
"""Events that are read from the store at a time."""
_HEADERS: Final = {"Cache-Control": "no-store", "Connection": "keep-alive", "X-Accel-Buffering": "no"}


def event_stream(unit: UnitOfWork, ending: asyncio.Event, after: int, subject: str) -> StreamingResponse:
    """Every event with a sequence number above `after`, those to come included, until `ending` is set.

    `subject`: only events of this connection, session or resource; empty: of all. The id of each is its number, so
    that a client that comes back with `Last-Event-ID` misses none.
    """
    return StreamingResponse(
        _events(unit, ending, after, subject), headers=_HEADERS, media_type="text/event-stream; charset=utf-8"
    )


async def _events(unit: UnitOfWork, ending: asyncio.Event, after: int, subject: str) -> AsyncIterator[bytes]:
    while not ending.is_set():
        written = unit.written
        rows = unit.events(after, _AT_ONCE, subject or None)
        for row in rows:
            after = row.seq
            data = views.event(row).model_dump_json()
            yield f"id: {row.seq}\r\nevent: {row.event}\r\ndata: {data}\r\n\r\n".encode()
        if not rows:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PING_SECONDS):
                    await written.wait()
                continue
            yield b": ping\r\n\r\n"
