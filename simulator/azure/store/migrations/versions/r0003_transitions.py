"""Transitions get a table of their own: what a connection is recovered from is no longer the words of the event log."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_EVENTS = sa.table(
    "events",
    sa.column("seq", sa.Integer),
    sa.column("time", sa.Float),
    sa.column("subject", sa.String),
    sa.column("step", sa.Integer),
    sa.column("row", sa.JSON),
)
_COLUMN_OF_KEY = {
    "from": "source",
    "to": "target",
    "cause": "event",
    "actor": "actor",
    "reason": "reason",
    "source": "evidence",
    "error-message": "error_message",
}
"""The key of a row of the event log, as it was called until this revision → the column."""
_AT_ONCE = 1000


def upgrade() -> None:
    transitions = op.create_table(
        "transitions",
        sa.Column("connection", sa.String(1024), primary_key=True),
        sa.Column("step", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("time", sa.Float, nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("target", sa.String(32), nullable=False),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("actor", sa.String(32), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("evidence", sa.String(32), nullable=False),
        sa.Column("error_message", sa.Text, nullable=False),
    )
    bind, done = op.get_bind(), 0
    while True:
        query = sa.select(_EVENTS).where(_EVENTS.c.step.is_not(None), _EVENTS.c.seq > done)
        found = bind.execute(query.order_by(_EVENTS.c.seq).limit(_AT_ONCE)).all()
        if not found:
            return
        done = found[-1].seq
        rows = [
            {
                "connection": each.subject,
                "step": each.step,
                "time": each.time,
                **{column: each.row[key] for key, column in _COLUMN_OF_KEY.items()},
            }
            for each in found
        ]
        bind.execute(transitions.insert(), rows)
