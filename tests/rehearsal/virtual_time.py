"""An event loop whose clock jumps to the next moment that somebody waits for: nothing is timed."""

from __future__ import annotations

import asyncio
import math
import selectors
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

T = TypeVar("T")
BEGIN: Final = 1000.0
"""Seconds: the time of a loop that has not waited yet."""


class _Jumping(selectors.DefaultSelector):
    """Waits for no file; what would be waited for is added to the time, in whole milliseconds as epoll does."""

    now = BEGIN
    waits = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if not found and timeout:
            self.now += math.ceil(timeout * 1000) / 1000
            self.waits += 1
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its time begins at `BEGIN`. No sockets and no threads may be awaited in it."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now

    @property
    def waits(self) -> int:
        """How often it had nothing to do, and was woken by the time."""
        return self._jumping.waits


def run(main: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine in such a loop."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
