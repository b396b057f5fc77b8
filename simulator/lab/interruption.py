"""How a signal ends what runs: it is cancelled, and takes its lab down."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from simulator.ending_signals import ending_signals

T = TypeVar("T")


async def until_interrupted(running: Awaitable[T]) -> T | None:
    """Run to the end, or to the first of the `ending_signals`: then cancel it, wait for it and return None."""
    task = asyncio.ensure_future(running)
    with on_signals(task.cancel):
        try:
            return await task
        except asyncio.CancelledError:
            return None


@contextlib.contextmanager
def on_signals(call: Callable[[], object]) -> Iterator[None]:
    """Call something at each of the `ending_signals`."""
    loop = asyncio.get_running_loop()
    heeded = ending_signals()
    before = {number: signal.getsignal(number) for number in heeded}
    for number in heeded:
        loop.add_signal_handler(number, call)
    try:
        yield
    finally:
        for number in heeded:
            loop.remove_signal_handler(number)
            signal.signal(number, before[number])
