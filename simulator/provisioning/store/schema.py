"""The tables. The migrations in `migrations/` make them; a test holds the two together."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

METADATA: Final = MetaData()

RESOURCES: Final = Table(
    "resources",
    METADATA,
    Column("key", String(1024), primary_key=True, comment="the ARM id in lower case: ids do not tell cases apart"),
    Column("id", String(1024), nullable=False, comment="the ARM id as its creator wrote it"),
    Column("type", String(128), nullable=False, index=True),
    Column("document", JSON, nullable=False, comment="what the client wrote, unknown fields included"),
    Column("status", JSON, nullable=False, comment="what the server decided"),
    Column("created", Float, nullable=False, comment="seconds since the epoch"),
    Column("changed", Float, nullable=False),
)

CONNECTIONS: Final = Table(
    "connections",
    METADATA,
    Column("id", String(256), primary_key=True),
    Column("peering", String(1024), ForeignKey("resources.key"), nullable=False, index=True),
    Column("position", Integer, nullable=False, comment="its place in the peering's document"),
    Column("flow", String(16), nullable=False),
    Column("state", String(32), nullable=False, comment="the peering connection's state, never a BGP FSM state"),
    Column("error_message", Text, nullable=False),
    Column("request", JSON, nullable=False, comment="the sessions that the request calls for"),
    Column("steps", Integer, nullable=False, comment="how many transitions it has made"),
)

EVENTS: Final = Table(
    "events",
    METADATA,
    # SQLite numbers rows by itself only where the column is a plain INTEGER.
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("time", Float, nullable=False, comment="seconds since the epoch"),
    Column("event", String(32), nullable=False),
    Column("subject", String(1024), nullable=False, index=True, comment="the connection, session or resource"),
    Column("step", Integer, nullable=True, comment="the number of a connection's transition; none for other events"),
    Column("row", JSON, nullable=False),
    # No transition can be written twice, whatever happens between a crash and its recovery.
    UniqueConstraint("subject", "step", name="one_row_a_transition"),
    sqlite_autoincrement=True,
)

SETTINGS: Final = Table(
    "settings",
    METADATA,
    Column("key", String(64), primary_key=True),
    Column("value", JSON, nullable=False),
)
