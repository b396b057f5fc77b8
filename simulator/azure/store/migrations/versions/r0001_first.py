"""Resources, connections, the event log, settings."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "resources",
        sa.Column("key", sa.String(1024), primary_key=True),
        sa.Column("id", sa.String(1024), nullable=False),
        sa.Column("type", sa.String(128), nullable=False, index=True),
        sa.Column("document", sa.JSON, nullable=False),
        sa.Column("status", sa.JSON, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("changed", sa.Float, nullable=False),
    )
    op.create_table(
        "connections",
        sa.Column("id", sa.String(256), primary_key=True),
        sa.Column("peering", sa.String(1024), sa.ForeignKey("resources.key"), nullable=False, index=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("flow", sa.String(16), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("error_message", sa.Text, nullable=False),
        sa.Column("request", sa.JSON, nullable=False),
        sa.Column("steps", sa.Integer, nullable=False),
    )
    op.create_table(
        "events",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("time", sa.Float, nullable=False),
        sa.Column("event", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(1024), nullable=False, index=True),
        sa.Column("step", sa.Integer, nullable=True),
        sa.Column("row", sa.JSON, nullable=False),
        sa.UniqueConstraint("subject", "step", name="one_row_a_transition"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "settings",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("value", sa.JSON, nullable=False),
    )
