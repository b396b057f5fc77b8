"""`turnup` with its event loop's turns timed: python -m tests.many.turns FILE serve lab.yaml …

At its end FILE has a JSON object: for each bound the number of callbacks that took longer, and the longest with what
they were. A callback is what nothing else of the process can run beside.
"""

from __future__ import annotations

import asyncio
import heapq
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any, Final

BOUNDS: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Seconds."""


def main() -> None:
    target = Path(sys.argv.pop(1))
    longer = dict.fromkeys(BOUNDS, 0)
    longest: list[tuple[float, int, str]] = []
    count = 0
    run = asyncio.Handle._run

    def timed(handle: asyncio.Handle) -> Any:
        nonlocal count
        name = repr(getattr(handle, "_callback", ""))
        began = time.perf_counter()
        try:
            return run(handle)
        finally:
            took = time.perf_counter() - began
            count += 1
            if took > BOUNDS[0]:
                for bound in BOUNDS:
                    longer[bound] += took > bound
                heapq.heappush(longest, (took, count, name))
                if len(longest) > 20:
                    heapq.heappop(longest)

    def write(*_: object) -> None:
        found = {"callbacks": count, "longer": longer, "longest": sorted(longest, reverse=True)}
        target.write_text(json.dumps(found))
        if _:
            longest.clear()
            longer.update(dict.fromkeys(BOUNDS, 0))

    asyncio.Handle._run = timed  # type: ignore[assignment,method-assign]
    signal.signal(signal.SIGUSR1, write)
    from simulator.cli.main import main as turnup

    try:
        turnup()
    finally:
        write()


if __name__ == "__main__":
    main()
