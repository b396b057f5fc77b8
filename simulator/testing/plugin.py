"""The pytest plugin `turnup`: it imports nothing of the simulator until a test asks for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from simulator.testing.offline import OfflinePolicy


@pytest.fixture(scope="session")
def turnup_policy() -> Callable[..., OfflinePolicy]:
    """Makes session policies that judge without a lab: `turnup_policy("exchange", topology="lab.yaml")`."""
    from simulator.testing import offline

    return offline.turnup_policy
