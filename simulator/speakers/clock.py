"""Time for speakers: seconds since the epoch that never run backwards."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


class Clock:
    """The event loop's monotonic clock, shifted once to the epoch, so that events sort and read as wall-clock time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._offset = time.time() - loop.time()

    def now(self) -> float:
        return self._loop.time() + self._offset

    def to_loop(self, when: float) -> float:
        """The event loop's time for `when`, seconds since the epoch."""
        return when - self._offset

    def call_at(self, when: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        """Run `callback` at `when`, seconds since the epoch."""
        return self._loop.call_at(self.to_loop(when), callback)
