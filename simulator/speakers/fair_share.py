"""A fair share of the event loop for what peers send: no turn goes to those alone who send the most.

One turn of an event loop reads from every socket that has something. Fifty peers that send their tables at once would
keep it for seconds: no timer runs then, no KEEPALIVE leaves, nobody who asks for a page is answered. So a turn deals
with the octets of BGP peers for a few milliseconds. What is left waits for the next turns, a piece of each connection
after the other, and a connection with something that waits is not read from. So what waits here is one read a
connection; what else its peer sends stays in the kernel, and TCP slows that peer down.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol
from weakref import WeakKeyDictionary

from simulator.speakers.gc_pause import gc_paused

TURN: Final = 0.01
"""Seconds of one turn of the event loop that go to what peers sent (simulator)."""
PIECE: Final = 16 * 1024
"""Octets that are dealt with at a time: what they lead to is carried out before the next ones (simulator)."""
_SHORT: Final = 1024
"""Octets of a read that does not wait for longer ones: a KEEPALIVE is not late because others load (simulator)."""


class Reader(Protocol):
    """A connection whose octets are dealt with here."""

    def take(self, octets: bytes) -> bool:
        """Deal with some; False where it wants no more of this read."""

    def hold(self) -> None:
        """Read no more until `release`: something waits."""

    def release(self) -> None:
        """Everything was dealt with."""


class FairShare:
    """That of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Callable[[], float] = time.perf_counter) -> None:
        self._loop = loop
        self._clock = clock
        self._over: float | None = None
        """When this turn's share is used up; None: nothing long was read in this turn."""
        self._waiting: deque[tuple[Reader, memoryview]] = deque()
        """One entry a connection, the one that has waited longest first."""

    def __len__(self) -> int:
        """How many connections wait."""
        return len(self._waiting)

    def read(self, reader: Reader, octets: bytes) -> None:
        """Deal with what was read, now or in a later turn. Nothing of this connection waits yet."""
        if len(octets) <= _SHORT:
            with gc_paused():
                reader.take(octets)
            return
        if self._over is None:
            self._over = self._clock() + TURN
            self._loop.call_soon(self._next_turn)
        self._waiting.append((reader, memoryview(octets)))
        if len(self._waiting) == 1:
            self._work()
        if self._waiting and self._waiting[-1][0] is reader:
            reader.hold()

    def _next_turn(self) -> None:
        """Runs before whatever the next turn reads."""
        if not self._waiting:
            self._over = None
            return
        self._over = self._clock() + TURN
        self._loop.call_soon(self._next_turn)
        self._work()

    def _work(self) -> None:
        """A piece of each in turn, at least one, while there is time."""
        assert self._over is not None
        with gc_paused() as pause:
            while self._waiting:
                reader, octets = self._waiting.popleft()
                pause.octets += min(len(octets), PIECE)
                if reader.take(bytes(octets[:PIECE])) and len(octets) > PIECE:
                    self._waiting.append((reader, octets[PIECE:]))
                else:
                    reader.release()
                if self._clock() >= self._over:
                    return


_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, FairShare] = WeakKeyDictionary()


def fair_share() -> FairShare:
    """That of the event loop that runs: its speakers share it."""
    loop = asyncio.get_running_loop()
    found = _of_loops.get(loop)
    if found is None:
        found = _of_loops[loop] = FairShare(loop)
    return found
