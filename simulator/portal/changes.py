"""The stream that tells open pages that there is news: server-sent events (WHATWG HTML, section 9.2).

It says no more than the number of the newest event: a page then asks for itself again, so that a browser that was away
catches up with one request, however much it missed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from fastapi.responses import StreamingResponse

from simulator.azure.provider.unit_of_work import UnitOfWork

_PING_SECONDS: Final = 15.0
"""After so long without news a comment is sent: a proxy would end an idle connection (simulator)."""
_PAUSE_SECONDS: Final = 0.2
"""Between two messages; a full table makes thousands of events (simulator)."""
_HEADERS: Final = {"Cache-Control": "no-store", "Connection": "keep-alive", "X-Accel-Buffering": "no"}


def change_stream(unit: UnitOfWork, ending: asyncio.Event, last: str) -> StreamingResponse:
    """News from event `last` on, until `ending` is set; without a number: from now on, after a first message."""
    seen = int(last) if last.isdecimal() and len(last) < 19 else -1
    return StreamingResponse(_news(unit, ending, seen), headers=_HEADERS, media_type="text/event-stream; charset=utf-8")


async def _news(unit: UnitOfWork, ending: asyncio.Event, seen: int) -> AsyncIterator[bytes]:
    yield b"retry: 1000\r\n\r\n"
    while not ending.is_set():
        written = unit.written
        newest = unit.store.last_event()
        if newest != seen:
            seen = newest
            yield f"id: {newest}\r\ndata: {newest}\r\n\r\n".encode()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PAUSE_SECONDS):
                    await ending.wait()
            continue
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PING_SECONDS):
                await written.wait()
            continue
        yield b": ping\r\n\r\n"
