"""How a database is opened: its URL, what each kind of it needs, the schema, and who else may hold it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from simulator.azure.store.lock import AdvisoryLock, FileLock, Lock, StoreError

_WAIT: Final = {
    "sqlite": "PRAGMA busy_timeout = {}",
    "postgresql": "SET LOCAL lock_timeout = '{}ms'",
}
_TO_MIGRATE: Final = 5.0
"""Seconds that a start waits for it (simulator)."""
_MIGRATIONS: Final = Path(__file__).parent / "migrations"


def parsed(url: str) -> URL:
    try:
        place = make_url(url)
    except ArgumentError:
        raise StoreError(
            f"'{url}' is no database URL: write sqlite:///FILE or postgresql://USER@HOST/DATABASE"
        ) from None
    if place.get_backend_name() == "postgresql" and "+" not in place.drivername:
        place = place.set(drivername="postgresql+psycopg")
    if place.get_backend_name() not in ("sqlite", "postgresql"):
        raise StoreError(f"'{place.drivername}' databases are not supported: use sqlite:///FILE or postgresql://…")
    if place.get_backend_name() == "sqlite" and not place.database:
        raise StoreError("an SQLite database needs a file: sqlite:///turnup.db")
    return place


def engine_of(place: URL) -> Engine:
    try:
        engine = create_engine(place, pool_pre_ping=place.get_backend_name() == "postgresql")
    except NoSuchModuleError as error:
        raise StoreError(str(error)) from None
    except ImportError:
        raise StoreError("PostgreSQL needs its driver: pip install 'turnup[postgresql]'") from None
    if place.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # or the driver would begin transactions of its own
    cursor = connection.cursor()
    # WAL with NORMAL: a commit survives the death of the process; only a power cut could lose the last ones.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=5000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def waiting(engine: Engine, patience: float) -> str:
    """The statement by which what follows waits so many seconds for somebody else's lock."""
    return _WAIT[engine.dialect.name].format(round(patience * 1000))


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def locked(engine: Engine, place: URL) -> Lock:
    if place.get_backend_name() == "sqlite":
        database = Path(str(place.database)).absolute()
        return FileLock(database)
    return AdvisoryLock(engine)


def migrate(engine: Engine) -> None:
    """Bring the schema to this version's. A newer one is refused and left alone."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with engine.begin() as connection:
        connection.exec_driver_sql(waiting(engine, _TO_MIGRATE))
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            known = ScriptDirectory.from_config(config).get_current_head()
            raise StoreError(
                f"{engine.url.render_as_string()} was made by a newer turnup ({error}; this one knows {known}): "
                "use that version, or another --database"
            ) from None


def is_busy(error: DBAPIError) -> bool:
    """Whether somebody else holds what was to be written (SQLite's SQLITE_BUSY, PostgreSQL's lock_not_available)."""
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    return code == sqlite3.SQLITE_BUSY or getattr(error.orig, "sqlstate", "") == "55P03"


def first_line(error: BaseException) -> str:
    origin = getattr(error, "orig", None) or error
    return str(origin).strip().splitlines()[0] if str(origin).strip() else type(origin).__name__
