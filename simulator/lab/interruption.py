"""How a signal ends what runs: it is cancelled, and takes its lab down."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

T = TypeVar("T")
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def until_interrupted(running: Awaitable[T]) -> T | None:
    """Run to the end, or to the first SIGINT, SIGTERM or SIGHUP: then cancel it, wait for it and return None."""
    task = asyncio.ensure_future(running)
    with on_signals(task.cancel):
        try:
            return await task
        except asyncio.CancelledError:
            return None


@contextlib.contextmanager
def on_signals(call: Callable[[], object]) -> Iterator[None]:
    """Call something at each SIGINT, SIGTERM and SIGHUP, but for those that are ignored, as `nohup` sets it."""
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    heeded = [number for number in _SIGNALS if number is signal.SIGINT or before[number] is not signal.SIG_IGN]
    for number in heeded:
        loop.add_signal_handler(number, call)
    try:
        yield
    finally:
        for number in heeded:
            loop.remove_signal_handler(number)
            signal.signal(number, before[number])
