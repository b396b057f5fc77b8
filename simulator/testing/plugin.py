"""The pytest plugin `turnup`: it imports nothing of the simulator until a test asks for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from simulator.testing.offline import OfflinePolicy


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A recording is a test: it has to come out as it was recorded."""
    if file_path.suffix != ".recording":
        return None
    from simulator.testing.recordings import RecordingFile

    return RecordingFile.from_parent(parent, path=file_path)


@pytest.fixture(scope="session")
def turnup_policy() -> Callable[..., OfflinePolicy]:
    """Makes session policies that judge without a lab: `turnup_policy("exchange", topology="lab.yaml")`."""
    from simulator.testing import offline

    return offline.turnup_policy
