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
    # the ARM id in lower case: ids do not tell cases apart
    Column("key", String(1024), primary_key=True),
    # the ARM id as its creator wrote it
    Column("id", String(1024), nullable=False),
    Column("type", String(128), nullable=False, index=True),
    # what the client wrote, unknown fields included
    Column("document", JSON, nullable=False),
    # what the server decided
    Column("status", JSON, nullable=False),
    # seconds since the epoch
    Column("created", Float, nullable=False),
    Column("changed", Float, nullable=False),
)

CONNECTIONS: Final = Table(
    "connections",
    METADATA,
    Column("id", String(256), primary_key=True),
    Column("peering", String(1024), ForeignKey("resources.key"), nullable=False, index=True),
    # its place in the peering's document
    Column("position", Integer, nullable=False),
    Column("flow", String(16), nullable=False),
    # the peering connection's state, never a BGP FSM state
    Column("state", String(32), nullable=False),
    Column("error_message", Text, nullable=False),
    # the sessions that the request calls for
    Column("request", JSON, nullable=False),
    # how many transitions it has made
    Column("steps", Integer, nullable=False),
)

TRANSITIONS: Final = Table(
    "transitions",
    METADATA,
    # No transition can be written twice, whatever happens between a crash and its recovery.
    Column("connection", String(1024), primary_key=True),
    # counted from 1 over all lives of the connection
    Column("step", Integer, primary_key=True, autoincrement=False),
    # seconds since the epoch
    Column("time", Float, nullable=False),
    Column("source", String(32), nullable=False),
    Column("target", String(32), nullable=False),
    Column("event", String(64), nullable=False),
    Column("actor", String(32), nullable=False),
    Column("reason", Text, nullable=False),
    Column("evidence", String(32), nullable=False),
    Column("error_message", Text, nullable=False),
)

EVENTS: Final = Table(
    "events",
    METADATA,
    # SQLite numbers rows by itself only where the column is a plain INTEGER.
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    # seconds since the epoch
    Column("time", Float, nullable=False),
    Column("event", String(32), nullable=False),
    # the connection, session or resource
    Column("subject", String(1024), nullable=False, index=True),
    # the number of the transition that the event tells of; none for other events
    Column("step", Integer, nullable=True),
    # for the log's readers; nothing is recovered from this
    Column("row", JSON, nullable=False),
    UniqueConstraint("subject", "step", name="one_row_a_transition"),
    sqlite_autoincrement=True,
)

SETTINGS: Final = Table(
    "settings",
    METADATA,
    Column("key", String(64), primary_key=True),
    Column("value", JSON, nullable=False),
)
