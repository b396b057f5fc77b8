"""Calls that are refused: a router calls every few seconds for as long as it runs, with or without a peering.

The first call of an address is logged at once, the others as a number, once an hour at most.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from simulator.peer.events import CallerRefused, UnknownPeer

Call = UnknownPeer | CallerRefused

WINDOW: Final = 3600.0
"""Seconds in which an address is logged once (simulator)."""
MOST: Final = 1000
"""Addresses that are remembered at most: the one that was logged first is forgotten, and may be logged again."""


class RefusedCalls:
    """Who called, when that was logged last, and how often it has called since."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], tuple[float, int]] = {}

    def heard(self, event: Call) -> Call | None:
        """What to log of this call, with how many there were; None: nothing now."""
        called = event.speaker if isinstance(event, UnknownPeer) else f"{event.session}: {event.why}"
        who = called, event.address
        told, since = self._told.get(who, (None, 0))
        if told is not None and event.time - told < WINDOW:
            self._told[who] = told, since + 1
            return None
        self._told.pop(who, None)
        self._told[who] = event.time, 0  # at the end: the others were logged before
        if len(self._told) > MOST:
            del self._told[next(iter(self._told))]
        return replace(event, count=since + 1)
