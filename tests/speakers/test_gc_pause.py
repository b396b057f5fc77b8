"""The collector and reads: what a table makes is of the oldest generation at once, and garbage still goes."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from weakref import ref

import pytest

from simulator.speakers import gc_pause
from simulator.speakers.gc_pause import gc_paused

TABLE = 1 << 18


class Knot:
    """Garbage in a cycle, once nobody has it."""

    def __init__(self) -> None:
        self.itself = self


def young() -> int:
    return sum(isinstance(found, Knot) for generation in (0, 1) for found in gc.get_objects(generation))


@pytest.fixture(autouse=True)
def _from_the_beginning() -> Iterator[None]:
    frozen = gc.get_freeze_count()
    gc.unfreeze()
    gc_pause._Reads.octets = 0
    yield
    gc.unfreeze()
    if frozen:
        gc.freeze()


def test_what_a_table_makes_is_old_at_once() -> None:
    with gc_paused(TABLE):
        made = [Knot() for _ in range(1000)]
        assert not gc.isenabled() and young() == len(made)
    assert gc.isenabled() and young() == 0
    assert gc.get_freeze_count() == 0


def test_a_small_read_is_left_to_the_collector() -> None:
    with gc_paused(19):
        made = [Knot() for _ in range(100)]
        assert young() == len(made)
    assert gc.isenabled() and gc.get_freeze_count() == 0


def test_garbage_goes_after_so_many_octets() -> None:
    lost = ref(Knot())
    for _ in range(gc_pause._BETWEEN // TABLE - 1):
        with gc_paused(TABLE):
            pass
    assert lost() is not None
    with gc_paused(TABLE):
        pass
    assert lost() is None


def test_what_somebody_froze_stays_frozen() -> None:
    gc.freeze()
    before = gc.get_freeze_count()
    with gc_paused(TABLE):
        pass
    assert gc.get_freeze_count() == before > 0


def test_a_collector_that_is_off_stays_off() -> None:
    gc.disable()
    try:
        with gc_paused(TABLE):
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
