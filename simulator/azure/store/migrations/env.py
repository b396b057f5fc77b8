"""Alembic runs this: the store hands over the connection on which it wants its migrations."""

from alembic import context

from simulator.azure.store.schema import METADATA

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
