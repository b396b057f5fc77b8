"""No garbage collection in the middle of a read: it is put off until the read's messages have been dealt with."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def gc_paused() -> Iterator[None]:
    """Put the collector off for a moment.

    A read of a table that loads makes some ten thousand objects. None is part of a cycle and nearly all stay, but the
    collector would look through them again every 700. What was allocated meanwhile counts all the same, so it runs
    right after.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
