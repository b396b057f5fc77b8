"""The event log: append-only, in order; the live view, the checks and the report all read it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from simulator.connection.connection import ConnectionTransition
from simulator.engine.datafiles import DataFileRead
from simulator.peer.events import (
    GateWithheld,
    MalformedUpdate,
    RoutesAnnounced,
    RoutesWithdrawn,
    SpeakerEvent,
)
from simulator.speakers.dispatch import dispatch
from simulator.views.check import CheckView
from simulator.views.diagnosis import CauseView


@dataclass(frozen=True, slots=True)
class ConnectionMoved:
    """A peering connection changed its state."""

    connection: str
    transition: ConnectionTransition

    @property
    def time(self) -> float:
        return self.transition.time


@dataclass(frozen=True, slots=True)
class CheckEnded:
    """A check of the catalogue ended."""

    time: float
    connection: str
    result: CheckView


@dataclass(frozen=True, slots=True)
class WatchTold:
    """What the watch of an Active peering found on a session, once when it begins and once when it is over."""

    time: float
    connection: str
    session: str
    result: CheckView
    over: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """What Microsoft's mail says: a connection became Active, or its validation failed."""

    time: float
    connection: str
    kind: Literal["active", "validation-failed"]
    subject: str
    """In one line."""
    text: str
    diagnosis: tuple[CauseView, ...] = ()
    """Of a validation that failed: its causes in order."""


@dataclass(frozen=True, slots=True)
class DeliveryFailed:
    """The webhook did not take a delivery, or deliveries are lost."""

    time: float
    url: str
    """Scheme, host and port."""
    delivery: str
    """The id that its receiver sees; empty where several are lost."""
    attempt: int
    """The first is 1."""
    why: str
    again: float | None
    """When it is tried again; None: never."""


@dataclass(frozen=True, slots=True)
class Remark:
    """A step of the rehearsal, in words."""

    time: float
    text: str
    connection: str = ""


Event = ConnectionMoved | CheckEnded | WatchTold | Notice | DeliveryFailed | Remark | DataFileRead | SpeakerEvent


_ANYTHING: Final = ""
_ROUTES = (RoutesAnnounced, RoutesWithdrawn, GateWithheld, MalformedUpdate)


@dataclass(slots=True)
class EventLog:
    """Every event once, in the order in which it happened."""

    most: int | None = None
    """How many events are kept at most; None: all of them, as a report needs. With a bound no routes are kept at all,
    whose prefixes would be most of it."""
    entries: list[Event] = field(default_factory=list)
    withdrawals: list[RoutesWithdrawn] = field(default_factory=list)
    """Those of the entries that say so: few, where entries are many."""
    _listeners: list[Callable[[Event], None]] = field(default_factory=list)
    _waiting: dict[str, set[asyncio.Future[None]]] = field(default_factory=dict)
    """By the session or the connection that they wait for; those who wait for anything under `_ANYTHING`."""

    def append(self, event: Event) -> None:
        """Keep it and tell it. A listener that fails keeps nobody else from hearing it, nor a gate from following."""
        self._keep(event)
        for listener in self._listeners:
            dispatch(listener, event)
        if self._waiting:
            self._wake((getattr(event, "session", _ANYTHING), getattr(event, "connection", _ANYTHING), _ANYTHING))

    def wake(self, of: Iterable[str] = ()) -> None:
        """Let those look again who wait for an event of these sessions and connections; all, where none is named."""
        self._wake(tuple(of) or tuple(self._waiting))

    def _wake(self, names: Iterable[str]) -> None:
        for name in names:
            for waiter in self._waiting.pop(name, ()):  # once, however many events come before they look
                if not waiter.done():
                    waiter.set_result(None)

    def _keep(self, event: Event) -> None:
        if self.most is not None:
            if isinstance(event, _ROUTES):
                return
            if len(self.entries) >= self.most:
                del self.entries[: self.most // 2]
        elif isinstance(event, RoutesWithdrawn):
            self.withdrawals.append(event)
        self.entries.append(event)

    def subscribe(self, listener: Callable[[Event], None]) -> None:
        self._listeners.append(listener)

    async def next_event(self, within: float, of: Iterable[str] = ()) -> bool:
        """Wait for anything to happen, at most `within` seconds. False when nothing did.

        `of`: only for what happens to these sessions and connections. A task that follows one of many says so;
        if none did, each event would make all of them look.
        """
        waiter, names = asyncio.get_running_loop().create_future(), tuple(of) or (_ANYTHING,)
        for name in names:
            self._waiting.setdefault(name, set()).add(waiter)
        try:
            # Not wait_for: on Python 3.11 it swallows a cancellation that comes together with the event.
            async with asyncio.timeout(max(within, 0)):
                await waiter
        except TimeoutError:
            return False
        finally:
            self._forget(waiter, names)
        return True

    def _forget(self, waiter: asyncio.Future[None], names: Iterable[str]) -> None:
        for name in names:
            waiting = self._waiting.get(name)
            if waiting is not None:
                waiting.discard(waiter)
                if not waiting:
                    del self._waiting[name]
