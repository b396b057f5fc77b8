"""The sessions of callers that are not configured: made when they call, forgotten when they have left.

No table here grows with the number of addresses that ever called, and nothing is looked for among all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from simulator.peer.events import BgpStateChanged
from simulator.session.states import BgpState
from simulator.speakers.neighbor import Neighbor
from simulator.speakers.tcp import TcpConnection

MOST_CALLERS = 512
"""Sessions with such callers at once. With `MOST_LEAVING` it stays below the 1,024 files that a process may open."""
MOST_LEAVING = 256
"""Connections that wait to be closed in order: each may take seconds, if its peer likes."""


class Callers:
    """Which of a speaker's sessions are with callers that are not configured, and which of them are not up."""

    def __init__(self, forget: Callable[[Neighbor], None], most: int = MOST_CALLERS) -> None:
        """`forget` gets a session whose caller has left and whose idle hold time, if any, is over."""
        self._forget = forget
        self._most = most
        self._sessions: dict[str, Neighbor] = {}
        self._pending: dict[str, Neighbor] = {}
        """Those of them that are not Established, the one that has waited longest first."""

    @property
    def is_full(self) -> bool:
        return len(self._sessions) >= self._most

    @property
    def oldest_pending(self) -> Neighbor | None:
        """Who has to go where another caller needs room: a session that is up is not taken down for it."""
        return next(iter(self._pending.values()), None)

    def add(self, neighbor: Neighbor) -> None:
        self._sessions[neighbor.config.id] = self._pending[neighbor.config.id] = neighbor

    def discard(self, session: str) -> None:
        """It is no session any more."""
        self._sessions.pop(session, None)
        self._pending.pop(session, None)

    def heard(self, event: BgpStateChanged) -> None:
        """Follow the BGP FSM of each session."""
        if event.session not in self._sessions:
            return
        neighbor = self._sessions[event.session]
        match event.transition.target:
            case BgpState.ESTABLISHED:
                del self._pending[event.session]
            case BgpState.IDLE:
                self._pending.pop(event.session, None)
                self._pending[event.session] = neighbor
            case BgpState.ACTIVE:
                # It hung up before its OPEN, or its idle hold time is over: it may come back as a stranger.
                self.discard(event.session)
                self._forget(neighbor)


class Leaving:
    """Connections that are to be closed in order; the oldest is cut when there are too many."""

    def __init__(self, most: int = MOST_LEAVING) -> None:
        self._most = most
        self._open: dict[asyncio.Future[None], TcpConnection] = {}
        """Those that were not cut, the oldest first."""
        self._ends: set[asyncio.Future[None]] = set()

    def add(self, tcp: TcpConnection) -> None:
        end = tcp.ended
        if end.done():
            return
        self._open[end] = tcp
        self._ends.add(end)
        end.add_done_callback(self._ended)
        if len(self._open) > self._most:
            self._open.pop(next(iter(self._open))).abort()

    def _ended(self, end: asyncio.Future[None]) -> None:
        self._open.pop(end, None)
        self._ends.discard(end)

    async def ended(self) -> None:
        """Wait until all of them are gone."""
        while self._ends:
            await asyncio.wait(self._ends)
