"""A database as the server wrote it at revision 0002, recorded: every kind of resource, and three connections' lives.

`revision_0002.json` has its rows, and what Azure's surface answered of them then.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from sqlalchemy import JSON, MetaData, Table, create_engine, text

import simulator.azure.store

RECORDED: Final = json.loads((Path(__file__).parent / "revision_0002.json").read_text(encoding="utf-8"))
TABLES: Final[dict[str, list[dict[str, Any]]]] = RECORDED["tables"]
ANSWERS: Final[dict[str, dict[str, Any]]] = RECORDED["answers"]
_MIGRATIONS: Final = Path(simulator.azure.store.__file__).parent / "migrations"


def write(url: str) -> None:
    """Make the database at `url`, which has nothing in it."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        metadata = MetaData()
        for name, rows in TABLES.items():
            table = Table(name, metadata, autoload_with=connection)
            texts = [column.name for column in table.columns if isinstance(column.type, JSON)]
            assert len(texts) == sum(isinstance(value, dict) for value in rows[0].values()), (name, texts)
            connection.execute(table.insert(), rows)
        if engine.dialect.name == "postgresql":  # the recorded numbers were given by hand
            last = TABLES["events"][-1]["seq"]
            connection.execute(text(f"SELECT setval(pg_get_serial_sequence('events', 'seq'), {last})"))
    engine.dispose()
