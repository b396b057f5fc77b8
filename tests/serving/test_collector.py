"""What a server holds is not looked at again and again."""

from __future__ import annotations

import gc

from simulator.serving.collector import short_collections, sweep


class _Node:
    def __init__(self) -> None:
        self.me = self


async def test_a_full_collection_leaves_what_it_saw_aside_and_a_sweep_looks_at_it_again() -> None:
    before = len(gc.callbacks)
    async with short_collections():
        held = [[number] for number in range(2000)]
        gc.collect()
        assert gc.get_freeze_count() > 2000 and not any(each is held for each in gc.get_objects())
        ring = _Node()
        gc.collect()
        del ring
        gc.collect()
        assert gc.get_freeze_count() > 2000
        left = sweep()
        assert 2000 < left == gc.get_freeze_count()
        assert not any(isinstance(each, _Node) for each in gc.get_objects())
    assert gc.get_freeze_count() == 0 and len(gc.callbacks) == before
    assert not any(isinstance(each, _Node) for each in gc.get_objects())
