"""No garbage collection in the middle of a read: it is put off until the read's messages have been dealt with."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_TABLE: Final = 16 * 1024
"""Octets of tables after which all that they made is among the old (simulator): nearly all of it stays."""
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
    """What was read of tables."""

    young = 0
    """Octets since what they made was last put among the old."""
    octets = 0
    """Octets since the collector last looked through everything."""
    frozen = False
    """What grows old stays frozen: somebody else sees to it that everything is looked at now and then."""


def stay_frozen(wanted: bool) -> None:
    """Whether what a table makes stays frozen (`gc.freeze`) once it was dealt with; at first it does not."""
    _Reads.frozen = wanted


class gc_paused:  # noqa: N801 (used as a function is)
    """Puts the collector off while something is dealt with. `octets` says how much of that is a table.

    A read of a table that loads makes some ten thousand objects. None is part of a cycle and nearly all stay, but the
    collector would look through them again every 700, and once more each time that they come to the next generation.
    """

    __slots__ = ("_was_on", "octets")

    def __init__(self, octets: int = 0) -> None:
        self.octets = octets

    def __enter__(self) -> gc_paused:
        self._was_on = gc.isenabled()
        gc.disable()
        return self

    def __exit__(self, *_: object) -> None:
        if self._was_on:
            if self.octets:
                _grow_old(self.octets)
            gc.enable()


def _grow_old(octets: int) -> None:
    """All objects become of the oldest generation, without a look at any: a seventh of the time of a load.

    Garbage in a cycle waits for the next full collection then; that comes after so many octets at the latest.
    """
    _Reads.young += octets
    if _Reads.young < _TABLE:
        return
    octets, _Reads.young = _Reads.young, 0
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
