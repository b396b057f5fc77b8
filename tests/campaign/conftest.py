from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def state_directory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Of this test alone, and short: daemons have sockets in it. Nothing may be in it at the end."""
    with tempfile.TemporaryDirectory(prefix="tc-", dir="/tmp") as folder:
        monkeypatch.setenv("TURNUP_STATE_DIR", folder)
        yield Path(folder)
        assert list(Path(folder).iterdir()) == []
