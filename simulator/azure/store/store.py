"""The store: every transition is one transaction of the resource, the connection and the event."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Engine, Executable, delete, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from simulator.azure.store.lock import Lock, StoreBusyError, StoreError
from simulator.azure.store.opening import engine_of, first_line, is_busy, locked, migrate, parsed, waiting
from simulator.azure.store.schema import CONNECTIONS, EVENTS, RESOURCES, SETTINGS, TRANSITIONS

EVENTS_KEPT: Final = 200_000
"""So many of the newest events stay, about 100 MB, and every transition of a connection whatever its age: what a lab
recovers from is never thrown away, and a session that flaps for months fills no disk (simulator)."""
_TRIMMED_AFTER: Final = 1000
"""Events that are written between two looks for older ones."""
_AT_ONCE: Final = 0.05
"""Seconds that the event loop waits for a database that somebody else holds; then a thread does (simulator)."""


@dataclass(frozen=True, slots=True)
class ResourceRow:
    """A resource as it is kept."""

    id: str
    type: str
    document: dict[str, Any]
    """What the client wrote, unknown fields included."""
    status: dict[str, Any] = field(default_factory=dict)
    """Every field that the server knows, by the name of the provider's model."""
    created: float = 0.0
    """Seconds since the epoch."""
    changed: float = 0.0

    @property
    def key(self) -> str:
        """ARM ids do not tell upper from lower case."""
        return self.id.lower()


@dataclass(frozen=True, slots=True)
class SavedConnection:
    """A peering connection as it is kept."""

    id: str
    peering: str
    """The key of its resource."""
    position: int
    flow: str
    state: str
    error_message: str
    request: dict[str, Any]
    steps: int


@dataclass(frozen=True, slots=True)
class SavedTransition:
    """One step of a connection's life cycle as it is kept."""

    connection: str
    step: int
    """Counted from 1 over all lives of the connection."""
    time: float
    """Seconds since the epoch."""
    source: str
    target: str
    event: str
    actor: str
    reason: str
    evidence: str
    error_message: str


@dataclass(frozen=True, slots=True)
class EventRow:
    """One row of the event log."""

    seq: int
    time: float
    event: str
    subject: str
    row: dict[str, Any]


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event that is not written yet. `step` is the number of the transition that it tells of."""

    time: float
    event: str
    subject: str
    row: dict[str, Any]
    step: int | None = None


class Transaction:
    """What is to be written together, or not at all."""

    def __init__(self, dialect: str) -> None:
        self._dialect = dialect
        self._statements: list[tuple[Executable, list[dict[str, Any]] | None]] = []
        self.events = 0
        """How many it appends."""

    def execute(self, connection: Connection) -> None:
        """Write all of it. Raises DBAPIError."""
        for statement, rows in self._statements:
            connection.execute(statement, rows)

    def save(self, resource: ResourceRow) -> None:
        self._upsert(
            RESOURCES,
            {"key": resource.key},
            {
                "id": resource.id,
                "type": resource.type,
                "document": resource.document,
                "status": resource.status,
                "created": resource.created,
                "changed": resource.changed,
            },
        )

    def save_connection(self, saved: SavedConnection) -> None:
        values = _columns(saved)
        self._upsert(CONNECTIONS, {"id": values.pop("id")}, values)

    def forget_connection(self, identifier: str) -> None:
        self._add(delete(CONNECTIONS).where(CONNECTIONS.c.id == identifier))

    def forget(self, key: str) -> None:
        """Remove a resource, its connections and whatever is below it. The event log keeps its rows."""
        below = RESOURCES.c.key.startswith(key + "/", autoescape=True)
        self._add(delete(CONNECTIONS).where(CONNECTIONS.c.peering == key))
        self._add(delete(RESOURCES).where((RESOURCES.c.key == key) | below))

    def save_transition(self, saved: SavedTransition) -> None:
        """Raises StoreError, when it is written, where the connection has made this step already."""
        self._add(insert(TRANSITIONS), [_columns(saved)])

    def append(self, events: Sequence[NewEvent]) -> None:
        rows = [
            {"time": new.time, "event": new.event, "subject": new.subject, "step": new.step, "row": new.row}
            for new in events
        ]
        if rows:
            self._add(insert(EVENTS), rows)
            self.events += len(rows)

    def set(self, key: str, value: dict[str, Any]) -> None:
        self._upsert(SETTINGS, {"key": key}, {"value": value})

    def _upsert(self, table: Any, key: dict[str, Any], values: dict[str, Any]) -> None:
        dialect = sqlite if self._dialect == "sqlite" else postgresql
        wanted = dialect.insert(table).values(**key, **values)
        self._add(wanted.on_conflict_do_update(index_elements=list(key), set_=values))

    def _add(self, statement: Executable, rows: list[dict[str, Any]] | None = None) -> None:
        self._statements.append((statement, rows))


class Store:
    """An open, locked and migrated database. One server a database."""

    def __init__(self, engine: Engine, lock: Lock) -> None:
        self._engine = engine
        self._lock = lock
        self._untrimmed = _TRIMMED_AFTER
        """Events that were written since the last look for older ones; after a start it is time for one."""

    @classmethod
    def open(cls, url: str) -> Store:
        """Lock, migrate, open. Raises StoreError in one line."""
        place = parsed(url)
        with contextlib.ExitStack() as opened:
            try:
                engine = engine_of(place)
                released = contextlib.ExitStack()  # after the engine, whose connections the lock protects
                opened.callback(released.close)
                opened.callback(engine.dispose)
                lock = locked(engine, place)
                released.callback(lock.release)
                migrate(engine)
            except (DBAPIError, ImportError) as error:
                raise StoreError(f"{place.render_as_string()}: {first_line(error)}") from None
            opened.pop_all()
        return cls(engine, lock)

    def close(self) -> None:
        self._engine.dispose()
        self._lock.release()

    def watch(self, lost: Callable[[StoreError], None]) -> Callable[[], object]:
        """Call `lost` as soon as the running loop sees that another server could take the database; returns the end."""
        descriptor = self._lock.fileno()
        if descriptor is None:
            return lambda: None
        loop = asyncio.get_running_loop()

        def look() -> None:
            if not self._lock.alive():
                loop.remove_reader(descriptor)
                lost(self._lost())

        loop.add_reader(descriptor, look)
        return functools.partial(loop.remove_reader, descriptor)

    def _lost(self) -> StoreError:
        return StoreError(f"{self.name} is no longer this server's alone (restarted, moved or removed): start again")

    @property
    def name(self) -> str:
        """The database's URL without its password."""
        return self._engine.url.render_as_string()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Written at the end of the block, unless that raises. Raises StoreError, and StoreBusyError soon."""
        try:
            transaction = self.collect()
            yield transaction
        except DBAPIError as error:
            raise self._failure(error) from error
        self.write(transaction, _AT_ONCE)

    def collect(self) -> Transaction:
        """A transaction that is written later, by `write`."""
        return Transaction(self._engine.dialect.name)

    def write(self, transaction: Transaction, patience: float = 30.0) -> None:
        """Write and commit; blocks for `patience` seconds at most while somebody else holds the database.

        Raises StoreError; StoreBusyError where that was too short.
        """
        try:
            with self._engine.begin() as connection:
                if not self._lock.held(connection):
                    raise self._lost()
                connection.exec_driver_sql(waiting(self._engine, patience))
                transaction.execute(connection)
                self._trim(connection, transaction.events)
        except DBAPIError as error:
            raise self._failure(error) from error

    def _trim(self, connection: Connection, written: int) -> None:
        """Remove events, but no transitions, that are older than those that are kept."""
        self._untrimmed += written
        if self._untrimmed < _TRIMMED_AFTER:
            return
        self._untrimmed = 0
        newest = connection.scalar(select(func.max(EVENTS.c.seq))) or 0
        connection.execute(delete(EVENTS).where(EVENTS.c.seq <= newest - EVENTS_KEPT, EVENTS.c.step.is_(None)))

    def resources(self) -> list[ResourceRow]:
        """All resources, oldest first."""
        query = select(RESOURCES).order_by(RESOURCES.c.created, RESOURCES.c.key)
        with self._reading() as connection:
            return [
                ResourceRow(row.id, row.type, row.document, row.status, row.created, row.changed)
                for row in connection.execute(query)
            ]

    def connections(self) -> list[SavedConnection]:
        query = select(CONNECTIONS).order_by(CONNECTIONS.c.peering, CONNECTIONS.c.position)
        with self._reading() as connection:
            return [SavedConnection(**row) for row in connection.execute(query).mappings()]

    def transitions(self) -> list[SavedTransition]:
        """Every transition, those of a connection in their order."""
        query = select(TRANSITIONS).order_by(TRANSITIONS.c.connection, TRANSITIONS.c.step)
        with self._reading() as connection:
            return [SavedTransition(**row) for row in connection.execute(query).mappings()]

    def events(self, after: int = 0, limit: int = 1000, subject: str | None = None) -> list[EventRow]:
        """At most `limit` rows with a sequence number above `after`, oldest first."""
        where = EVENTS.c.seq > after
        if subject is not None:
            where &= EVENTS.c.subject == subject
        return list(self._events(where, limit))

    def newest(self, event: str, subject: str, limit: int) -> list[EventRow]:
        """The newest events of a kind about a subject, oldest first."""
        columns = (EVENTS.c.seq, EVENTS.c.time, EVENTS.c.event, EVENTS.c.subject, EVENTS.c.row)
        where = (EVENTS.c.subject == subject) & (EVENTS.c.event == event)
        query = select(*columns).where(where).order_by(EVENTS.c.seq.desc()).limit(limit)
        with self._reading() as connection:
            found = [EventRow(row.seq, row.time, row.event, row.subject, row.row) for row in connection.execute(query)]
        return found[::-1]

    def last_event(self) -> int:
        """The newest sequence number; 0 in an empty log."""
        with self._reading() as connection:
            return connection.scalar(select(EVENTS.c.seq).order_by(EVENTS.c.seq.desc()).limit(1)) or 0

    def last_steps(self) -> dict[str, int]:
        """The number of the last transition of every connection that ever was."""
        query = select(TRANSITIONS.c.connection, func.max(TRANSITIONS.c.step)).group_by(TRANSITIONS.c.connection)
        with self._reading() as connection:
            return {name: int(step) for name, step in connection.execute(query)}

    def setting(self, key: str) -> dict[str, Any] | None:
        with self._reading() as connection:
            return connection.scalar(select(SETTINGS.c.value).where(SETTINGS.c.key == key))

    def _events(self, where: Any, limit: int | None = None) -> Iterator[EventRow]:
        columns = (EVENTS.c.seq, EVENTS.c.time, EVENTS.c.event, EVENTS.c.subject, EVENTS.c.row)
        query = select(*columns).where(where).order_by(EVENTS.c.seq).limit(limit)
        with self._reading() as connection:
            for row in connection.execute(query):
                yield EventRow(row.seq, row.time, row.event, row.subject, row.row)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Connection]:
        """A connection to read by, on the event loop. Raises StoreError, and StoreBusyError soon."""
        try:
            with self._engine.connect() as connection:
                connection.exec_driver_sql(waiting(self._engine, _AT_ONCE))
                yield connection
        except DBAPIError as error:
            raise self._failure(error) from error

    def _failure(self, error: DBAPIError) -> StoreError:
        kind = StoreBusyError if is_busy(error) else StoreError
        return kind(f"{self.name}: {first_line(error)}")


def _columns(saved: SavedConnection | SavedTransition) -> dict[str, Any]:
    return {name: getattr(saved, name) for name in type(saved).__dataclass_fields__}
