"""How a signal ends what runs: it is cancelled, and takes its lab down."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, Final, TypeVar

from simulator.ending_signals import ending_signals

T = TypeVar("T")

_PR_SET_PDEATHSIG: Final = 1


async def until_interrupted(running: Awaitable[T]) -> T | None:
    """Run to the end, or to the first of the `ending_signals`: then cancel it, wait for it and return None."""
    task = asyncio.ensure_future(running)
    with on_signals(task.cancel):
        try:
            return await task
        except asyncio.CancelledError:
            return None


async def uninterrupted(running: Awaitable[object]) -> bool:
    """Run to the end; False: one of the `ending_signals` came, which cancels it, however it ended then."""
    task = asyncio.ensure_future(running)
    heard = False

    def interrupt() -> None:
        nonlocal heard
        heard = True
        task.cancel()

    with on_signals(interrupt), contextlib.suppress(asyncio.CancelledError):
        await task
    return not heard


def run_to_its_end(running: Coroutine[Any, Any, T]) -> T:
    """As `asyncio.run`, in a process that is to play this alone.

    A signal cancels it, and when it is over KeyboardInterrupt has the signal's name, and where it was if its
    CancelledError says so. A cancellation that no signal asked for is a fault of what ran: it raises CancelledError.
    """
    heard: list[signal.Signals] = []
    where: tuple[object, ...] = ()

    async def run() -> list[T]:
        nonlocal where
        task = asyncio.ensure_future(running)

        def interrupt(number: signal.Signals) -> None:
            heard.append(number)
            task.cancel()

        with _heeding(interrupt):
            try:
                return [await task]
            except asyncio.CancelledError as error:
                if not heard:
                    raise
                where = error.args
                return []

    for result in asyncio.run(run()):
        return result
    raise KeyboardInterrupt(heard[0].name, *where)


@contextlib.contextmanager
def on_signals(call: Callable[[], object]) -> Iterator[None]:
    """Call something at each of the `ending_signals`."""
    with _heeding(lambda number: call()):
        yield


@contextlib.contextmanager
def _heeding(call: Callable[[signal.Signals], object]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    heeded = ending_signals()
    before = {number: signal.getsignal(number) for number in heeded}
    for number in heeded:
        loop.add_signal_handler(number, call, number)
    try:
        yield
    finally:
        for number in heeded:
            loop.remove_signal_handler(number)
            signal.signal(number, before[number])


def end_with(parent: int) -> None:
    """A child gets SIGTERM when its parent ends, however that ends. Raises SystemExit where it has ended already."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        raise SystemExit
