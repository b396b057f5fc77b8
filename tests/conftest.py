"""What tests of several rooms share: one PostgreSQL for all that want one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import settings
from sqlalchemy import create_engine, text

from tests import postgres
from tests.examples import examples
from tests.surroundings import settle

settle(os.environ)  # before any test, and before the workers that inherit it
sys.dont_write_bytecode = False

# No deadline: a machine that is busy makes no program wrong.
settings.register_profile("share", max_examples=examples(100), deadline=None)
settings.load_profile("share")

_NUMBERS = count(1)
collect_ignore = ["cli/printed"]
"""Files that tests use, and that the plugin would take for tests."""


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a running server; skips without PostgreSQL."""
    with postgres.server() as url:
        yield url


@pytest.fixture
def postgresql_database(postgresql: str) -> str:
    """The URL of a database of the test's own."""
    name = f"test{next(_NUMBERS)}"
    engine = create_engine(postgresql.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return postgresql.replace("/postgres?", f"/{name}?")
