"""How a signal ends what runs: it is cancelled, and takes its lab down."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

T = TypeVar("T")
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


async def until_interrupted(running: Awaitable[T]) -> T | None:
    """Run to the end, or to the first SIGINT or SIGTERM: then cancel it, wait for it and return None."""
    task = asyncio.ensure_future(running)
    with on_signals(task.cancel):
        try:
            return await task
        except asyncio.CancelledError:
            return None


@contextlib.contextmanager
def on_signals(call: Callable[[], object]) -> Iterator[None]:
    """Call something at each SIGINT and SIGTERM."""
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, call)
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
