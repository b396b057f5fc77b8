"""One server a database. The kernel (or PostgreSQL) drops the lock with its holder, also after `kill -9`."""

from __future__ import annotations

import fcntl
import os
import re
from pathlib import Path
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

_ADVISORY_KEY: Final = 8075_2019_0801
"""An arbitrary number that only turnup uses (simulator)."""


class StoreError(Exception):
    """The database cannot be used. One line: what, where, what to do."""


class StoreBusyError(StoreError):
    """Somebody else holds the database for longer than was waited: nothing was written, or read."""


class Lock(Protocol):
    """What makes this server the only one that writes a database."""

    def held(self, transaction: Connection) -> bool:
        """Whether the lock still is ours, seen from inside a transaction: what that writes is then ours to write."""

    def fileno(self) -> int | None:
        """A descriptor that becomes readable when the lock may be lost; None where nothing can tell at once."""

    def alive(self) -> bool:
        """Whether the lock is still there; asked when the descriptor became readable."""

    def release(self) -> None: ...


class FileLock:
    """flock(2) on the SQLite database itself, so that no other name of it, by a link or a mount, leads around it.

    SQLite's own locks are of another kind (fcntl), and go when *any* descriptor of the file is closed by this process:
    so the file is opened only when no lock of this process has it, and closed only after the database.
    """

    _ours: Final[set[tuple[int, int]]] = set()
    """Device and inode of each database that this process holds."""

    def __init__(self, database: Path) -> None:
        """Raises StoreError when another server holds it, or when it has a second name."""
        self._path = database.resolve()
        if (known := _identity(self._path)) in self._ours:
            raise _in_use(database, os.getpid())
        try:
            # Others may not read it: the requests in it have MD5 keys.
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"{self._path}: {error.strerror}: choose another place with --database") from None
        opened = os.fstat(self._file)
        self._known = known = (opened.st_dev, opened.st_ino)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise _in_use(database, _holder(known)) from None
        if opened.st_nlink > 1:
            os.close(self._file)
            # Its journal is beside one of the names only: by the other, what was committed would be lost.
            raise StoreError(
                f"{database} has {opened.st_nlink} names (hard links), and SQLite keeps a journal beside each: "
                "copy it to a file of its own, or choose another --database"
            )
        self._ours.add(known)

    def held(self, transaction: Connection) -> bool:
        return self.alive()

    def fileno(self) -> int | None:
        return None

    def alive(self) -> bool:
        return _identity(self._path) == self._known

    def release(self) -> None:
        if self._known in self._ours:
            self._ours.discard(self._known)
            os.close(self._file)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _holder(known: tuple[int, int]) -> int | None:
    """The process that holds the flock, as far as the kernel shows it (proc_locks(5))."""
    place = f"{os.major(known[0]):02x}:{os.minor(known[0]):02x}:{known[1]}"
    try:
        found = re.search(rf"FLOCK\s+ADVISORY\s+WRITE\s+(\d+)\s+{place}\s", Path("/proc/locks").read_text())
    except OSError:
        return None
    return int(found[1]) if found else None


def _in_use(database: Path, process: int | None) -> StoreError:
    who = f"process {process}" if process else "another process"
    return StoreError(f"{database} is in use by {who}: stop it, or choose another --database")


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
        driver: Any = self._connection.connection.driver_connection
        self._driver = driver
        self._process = int(driver.info.backend_pid)

    def held(self, transaction: Connection) -> bool:
        # A restart of PostgreSQL ends this transaction and the lock's session alike: neither outlives the other.
        mine = "locktype = 'advisory' AND granted AND pid = :pid AND (classid::bigint << 32 | objid::bigint) = :key"
        found = transaction.scalar(
            text(f"SELECT 1 FROM pg_locks WHERE {mine}"), {"pid": self._process, "key": _ADVISORY_KEY}
        )
        return found is not None

    def fileno(self) -> int | None:
        return int(self._driver.fileno())

    def alive(self) -> bool:
        try:
            self._driver.pgconn.consume_input()
        except Exception:  # psycopg's, which only those have who use PostgreSQL
            return False
        return not self._driver.broken

    def release(self) -> None:
        if not self._connection.closed:
            self._connection.invalidate()  # not back to the pool: the lock lives as long as the session
            self._connection.close()
