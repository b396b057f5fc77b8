"""No garbage collection in the middle of a read: it is put off until the read's messages have been dealt with."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_TABLE: Final = 16 * 1024
"""Octets of a read that is a part of a table (simulator): nearly all that it makes stays."""
_BETWEEN: Final = 64 << 20
"""Octets of such reads after which the collector looks through everything (simulator)."""


_YOUNG: Final = 10_000
"""Objects that are made between two looks of the collector, in a run that keeps nearly all of them (simulator)."""


@contextmanager
def gc_seldom() -> Iterator[None]:
    """Let the collector look a fourteenth as often.

    A rehearsal keeps nearly all that it makes, for its report, and to look at all of that takes half a second where
    there are 1,000 peers.
    """
    before = gc.get_threshold()
    gc.set_threshold(_YOUNG, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


class _Reads:
    """What was read of tables since the collector last looked through everything."""

    octets = 0
    frozen = False
    """What grows old stays frozen: somebody else sees to it that everything is looked at now and then."""


def stay_frozen(wanted: bool) -> None:
    """Whether what a table makes stays frozen (`gc.freeze`) once it was dealt with; at first it does not."""
    _Reads.frozen = wanted


@contextmanager
def gc_paused(octets: int = 0) -> Iterator[None]:
    """Put the collector off while a read of so many octets is dealt with.

    A read of a table that loads makes some ten thousand objects. None is part of a cycle and nearly all stay, but the
    collector would look through them again every 700, and once more each time that they come to the next generation.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if octets >= _TABLE:
            _grow_old(octets)
        gc.enable()


def _grow_old(octets: int) -> None:
    """All objects become of the oldest generation, without a look at any: a seventh of the time of a load.

    Garbage in a cycle waits for the next full collection then; that comes after so many octets at the latest.
    """
    if _Reads.frozen:
        gc.freeze()
        return
    if gc.get_freeze_count():  # what somebody froze is to stay so, and comes back with all the rest
        return
    _Reads.octets += octets
    if _Reads.octets >= _BETWEEN:
        _Reads.octets = 0
        gc.collect()
    gc.freeze()
    gc.unfreeze()
