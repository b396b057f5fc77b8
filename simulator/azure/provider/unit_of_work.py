"""The unit of work: the resources in memory and in the store, and every event on its way there.

The store is written before anything that a transition implies is done, but for a denial, which may act before. Where
somebody else holds the database, a thread waits for it and nothing is lifted meanwhile. What waits then is bounded:
sessions' events are only counted, and requests refused (`simulator.serving.durable`). Where it cannot be written the
provider fails as a whole, with every gate shut: what is on disk is then the truth that the next start recovers.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeVar

from simulator.azure.model.resources import Json, Resource
from simulator.azure.provider.rows import resource_of, row_of, transition_of, transition_row_of
from simulator.azure.store.lock import StoreBusyError, StoreError
from simulator.azure.store.store import (
    EventRow,
    NewEvent,
    Store,
    Transaction,
)
from simulator.connection.connection import ConnectionTransition
from simulator.counts import count_of
from simulator.engine.log import ConnectionMoved, Event
from simulator.engine.rows import row
from simulator.peer.events import GateWithheld, MalformedUpdate, RoutesAnnounced, RoutesWithdrawn
from simulator.views.times import timestamp

_PREFIXES_KEPT = 20
"""Of one event's prefixes, so many go into the store: a full table would fill it (simulator)."""


EVENTS_WAITING: Final = 10_000
"""Of sessions and the like, so many wait for a database that somebody else holds; more are counted (simulator)."""
_PATIENCE: Final = 1.0
"""Seconds of one attempt to write while somebody else holds the database (simulator)."""
_AT_THE_END: Final = 30.0
"""Seconds that a server which ends waits for it (simulator)."""

R = TypeVar("R", bound=Resource)


class UnitOfWork:
    """Resources by key, the open transaction, and the events that wait for one."""

    def __init__(self, store: Store, failed: Callable[[BaseException], None] = lambda _error: None) -> None:
        """`failed` is called when a transaction ends with an exception: memory and store may then differ."""
        self.store = store
        self._failed = failed
        self.resources: dict[str, Resource] = {
            resource.key: resource for resource in map(resource_of, store.resources())
        }
        self.written = asyncio.Event()
        """Set whenever something was written, and replaced at once: who waits holds the old one."""
        self._waiting: list[NewEvent] = []
        self._queued = 0
        """Events in the backlog."""
        self._first_left_out: NewEvent | None = None
        self._left_out = 0
        """How many found no room in it."""
        self._open: Transaction | None = None
        self._broken = False
        self._backlog: deque[Transaction] = deque()
        """What is to be written, in order, while somebody else holds the database."""
        self._catching_up: asyncio.Task[None] | None = None
        self._when_caught_up: list[Callable[[], None]] = []
        self._steps = store.last_steps()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Everything inside is written together, after the events that were waiting. Raises StoreError.

        After a failure there is no other: what the store then holds is what the next start recovers.
        """
        if self._broken:
            raise StoreError(f"{self.store.name}: a transaction failed before: nothing is written any more")
        if self._open is not None:
            self._open.append(self._taken())
            yield self._open
            return
        try:
            with self._collected() as transaction:
                self._open = transaction
                transaction.append(self._taken())
                yield transaction
                transaction.append(self._taken())
        except Exception as error:
            self._fail(error)
            raise
        finally:
            self._open = None
        self.wake()

    @contextlib.contextmanager
    def _collected(self) -> Iterator[Transaction]:
        """Written at the end: at once, or by a thread where somebody else holds the database."""
        if self._backlog:  # in order: what came before is not written yet
            yield (transaction := self.store.collect())
            self._put_off(transaction)
            return
        try:
            with self.store.transaction() as transaction:
                yield transaction
        except StoreBusyError:
            self._put_off(transaction)
            self._catching_up = asyncio.ensure_future(self._catch_up())

    def _put_off(self, transaction: Transaction) -> None:
        self._backlog.append(transaction)
        self._queued += transaction.events

    async def _catch_up(self) -> None:
        """Write the backlog, outside of the event loop: sessions and denials do not wait for it."""
        try:
            while self._backlog and not self._broken:
                with contextlib.suppress(StoreBusyError):
                    await asyncio.to_thread(self.store.write, self._backlog[0], _PATIENCE)
                    self._queued -= self._backlog.popleft().events
        except Exception as error:
            self._fail(error)
            return
        self.wake()
        self._flush_later()
        for call in () if self._backlog else self._when_caught_up:
            call()

    def when_caught_up(self, call: Callable[[], None]) -> None:
        """Call this whenever all of the backlog is written."""
        self._when_caught_up.append(call)

    @property
    def behind(self) -> bool:
        """Whether something that was decided is not written yet: nothing may be lifted."""
        return bool(self._backlog)

    @property
    def waiting(self) -> int:
        """Events that are not written yet."""
        return self._queued + len(self._waiting)

    async def durable(self) -> None:
        """Wait until all that was decided is written. Raises StoreError where it cannot be."""
        while self._catching_up is not None and not self._catching_up.done():
            await asyncio.shield(self._catching_up)
        if self._broken:
            raise StoreError(f"{self.store.name}: what was decided could not be written")

    async def finish(self, within: float = _AT_THE_END) -> None:
        """Write the last, for so many seconds at most. Raises StoreError where it cannot be written."""
        self.flush()
        try:
            async with asyncio.timeout(within):
                await self.durable()
        except TimeoutError:
            self._broken = True
            if self._catching_up is not None:
                await self._catching_up  # an attempt may be under way, and the database is ours until it ends
            if waiting := len(self._backlog):
                raise StoreError(
                    f"{self.store.name} is held by others: {count_of(waiting, 'transaction')} could not be written: "
                    "what waits for an answer did not happen"
                ) from None

    def _fail(self, error: Exception) -> None:
        self._broken = True
        self._failed(error)

    def wake(self) -> None:
        """Let everybody look who waits for something written."""
        done, self.written = self.written, asyncio.Event()
        done.set()

    def save(self, resource: Resource) -> None:
        with self.transaction() as transaction:
            transaction.save(row_of(resource))
        self.resources[resource.key] = resource

    def forget(self, resource: Resource) -> None:
        """Remove a resource and all below it."""
        with self.transaction() as transaction:
            transaction.forget(resource.key)
        for key in [key for key in self.resources if key == resource.key or key.startswith(resource.key + "/")]:
            del self.resources[key]

    def get(self, key: str, kind: type[R]) -> R | None:
        """A resource of a kind; None: no such resource, or one of another kind."""
        found = self.resources.get(key)
        return found if isinstance(found, kind) else None

    def all(self, kind: type[R]) -> list[R]:
        """Every resource of a kind, in the order in which they were made."""
        return [resource for resource in self.resources.values() if isinstance(resource, kind)]

    def below(self, key: str, kind: type[R]) -> list[R]:
        """The resources of a kind whose id begins with `key`."""
        start = key.lower().rstrip("/") + "/"
        return [resource for resource in self.all(kind) if resource.key.startswith(start)]

    # --- events ---

    def take(self, event: Event) -> None:
        """Take an event of the log in; the maker of a transition writes it."""
        if isinstance(event, ConnectionMoved):
            return
        flat = _flat(event)
        self.add_event(datetime.fromisoformat(flat["time"]).timestamp(), flat.pop("event"), _subject(flat), flat)

    def add_event(self, time: float, event: str, subject: str, flat: Json) -> None:
        """An event in words of its own; written with the next transaction, at the latest on the next turn."""
        new = NewEvent(time, event, subject, flat)
        if self._backlog and self.waiting >= EVENTS_WAITING:
            self._first_left_out = self._first_left_out or new
            self._left_out += 1
            return
        if not self._waiting and self._open is None:
            asyncio.get_running_loop().call_soon(self._flush_later)
        self._waiting.append(new)

    def flush(self) -> None:
        """Write what waits. Raises StoreError."""
        if self._backlog:
            return  # it goes with the next transaction, or once the database is free
        if self._first_left_out is not None:
            self._waiting.append(_missing(self._first_left_out, self._left_out))
            self._first_left_out, self._left_out = None, 0
        if self._waiting:
            with self.transaction():
                pass

    def _flush_later(self) -> None:
        with contextlib.suppress(StoreError):  # its listener has heard it
            self.flush()

    def transition(self, transaction: Transaction, connection: str, moved: ConnectionMoved) -> int:
        """Write one step of a connection and the event that tells of it; returns its number, counted from 1 over all
        its lives."""
        step = moved.transition
        number = self.step_of(connection) + 1
        transaction.save_transition(transition_row_of(connection, number, step))
        flat = {**row(moved), "cause": step.event.value, "errorMessage": step.error_message}
        transaction.append([NewEvent(step.time, flat.pop("event"), connection, flat, number)])
        self._steps[connection] = number
        return number

    def histories(self) -> dict[str, list[ConnectionTransition]]:
        """The steps of every connection that ever was, by its id."""
        found: dict[str, list[ConnectionTransition]] = {}
        for saved in self.store.transitions():
            found.setdefault(saved.connection, []).append(transition_of(saved))
        return found

    def step_of(self, connection: str) -> int:
        """How many steps a connection has made, over all its lives."""
        return self._steps.get(connection, 0)

    def events(self, after: int, limit: int, subject: str | None = None) -> list[EventRow]:
        self.flush()
        return self.store.events(after, limit, subject)

    def _taken(self) -> list[NewEvent]:
        taken, self._waiting = self._waiting, []
        return taken


def _missing(first: NewEvent, count: int) -> NewEvent:
    text = f"{count_of(count, 'event')} from here on found no room while somebody else held the database"
    flat: Json = {"time": timestamp(first.time), "count": count, "text": text}
    return NewEvent(first.time, "events-left-out", "store", flat)


def _subject(flat: Json) -> str:
    return str(flat.get("connection") or flat.get("session") or flat.get("speaker") or flat.get("data") or "")


def _flat(event: Event) -> Json:
    """The row of an event, with a few of its prefixes: no time is spent on the others."""
    if isinstance(event, GateWithheld):
        number = len(event.withheld.nlri)
        few = event._replace(withheld=event.withheld._replace(nlri=event.withheld.nlri[:_PREFIXES_KEPT]))
        return _left_out(row(few), number)
    if isinstance(event, RoutesAnnounced):
        return _left_out(row(event._replace(keys=event.keys[:_PREFIXES_KEPT])), len(event.keys))
    if isinstance(event, RoutesWithdrawn | MalformedUpdate):
        return _left_out(row(replace(event, keys=event.keys[:_PREFIXES_KEPT])), len(event.keys))
    return row(event)


def _left_out(flat: Json, number: int) -> Json:
    if "count" in flat:
        flat["count"] = number
    return {**flat, "prefixesLeftOut": number - _PREFIXES_KEPT} if number > _PREFIXES_KEPT else flat
