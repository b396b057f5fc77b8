"""One server a database. The kernel (or PostgreSQL) drops the lock with its holder, also after `kill -9`."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO, Final, Protocol

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

_ADVISORY_KEY: Final = 8075_2019_0801
"""An arbitrary number that only turnup uses (simulator)."""


class StoreError(Exception):
    """The database cannot be used. One line: what, where, what to do."""


class Lock(Protocol):
    def release(self) -> None: ...


class FileLock:
    """flock(2) on a file beside the SQLite database."""

    def __init__(self, database: Path) -> None:
        """Raises StoreError when another process holds it."""
        self._path = database.with_name(database.name + ".lock")
        try:
            self._file: IO[str] = self._path.open("a+")
        except OSError as error:
            raise StoreError(f"{self._path}: {error.strerror}: choose another place with --database") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.seek(0)
            holder = self._file.read().strip()
            self._file.close()
            who = f"process {holder}" if holder else "another process"
            raise StoreError(f"{database} is in use by {who}: stop it, or choose another --database") from None
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        self._file.close()


class AdvisoryLock:
    """A session-level advisory lock on a PostgreSQL connection that does nothing else."""

    def __init__(self, engine: Engine) -> None:
        """Raises StoreError when another server holds it."""
        self._connection: Connection = engine.connect()
        # PostgreSQL takes a moment to notice that a killed holder is gone: wait for it, not for long.
        self._connection.execute(text("SET lock_timeout = '2s'"))
        try:
            self._connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _ADVISORY_KEY})
        except OperationalError:
            self._connection.close()
            place = engine.url.render_as_string()
            raise StoreError(
                f"{place} is in use by another turnup server: stop it, or choose another --database"
            ) from None
        self._connection.commit()

    def release(self) -> None:
        if not self._connection.closed:
            self._connection.invalidate()  # not back to the pool: the lock lives as long as the session
            self._connection.close()
