"""The garbage collector of a server: no collection looks at all that a lab holds while somebody waits for an answer.

A full collection looks at every object, and with 200 peerings it stops the server for a quarter of a second. Nearly all
of these objects stay, so what a full collection leaves is frozen (`gc.freeze`): the next one looks only at what came
after it. What is frozen goes as soon as nothing refers to it; only what becomes garbage in a cycle has to wait for the
sweep that looks at everything.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator
from typing import Final, Literal

from simulator.speakers import gc_pause

_EVERY: Final = 600.0
"""Seconds between two looks at how much has grown old (simulator)."""
_GROWTH: Final = 2
"""A sweep comes when so many times as many objects are frozen as the last one left (simulator)."""


def _freeze(phase: Literal["start", "stop"], info: dict[str, int]) -> None:
    if phase == "stop" and info["generation"] == 2:
        gc.freeze()


def sweep() -> int:
    """Look at everything; how many objects are left."""
    gc.unfreeze()
    gc.collect()  # which freezes what it leaves
    return gc.get_freeze_count()


@contextlib.asynccontextmanager
async def short_collections() -> AsyncIterator[None]:
    """While inside, full collections are short."""
    gc.callbacks.append(_freeze)
    gc_pause.stay_frozen(True)
    task = asyncio.ensure_future(_sweeping(sweep()))
    try:
        yield
    finally:
        task.cancel()
        gc_pause.stay_frozen(False)
        gc.callbacks.remove(_freeze)
        gc.unfreeze()


async def _sweeping(left: int) -> None:
    while True:
        await asyncio.sleep(_EVERY)
        if gc.get_freeze_count() > left * _GROWTH:
            left = sweep()
