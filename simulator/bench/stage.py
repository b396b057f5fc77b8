"""Where a benchmark is measured: a folder, a size, and the machine it stands on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from simulator.bench.guard import Measure

QUICK = 10
"""A quick run has a tenth of the size."""


@dataclass(frozen=True, slots=True)
class BenchStage:
    """Of one run of `turnup bench`."""

    directory: Path
    """For what is written meanwhile; short, since daemons' control sockets stand in it."""
    quick: bool = False

    def size(self, full: int, least: int = 1) -> int:
        """So much of `full` as this run has."""
        return max(least, full // QUICK) if self.quick else full


Work = Callable[[BenchStage], AbstractAsyncContextManager[Measure]]
"""Sets something up that can be measured, for as long as the context lasts."""
