"""How many prefixes a peer may announce."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simulator.speakers.max_prefix import Count, Level, MaxPrefix, PrefixWatch


def test_each_border_is_told_once_and_again_after_falling_below() -> None:
    watch = PrefixWatch(MaxPrefix(10))
    told = [watch.observe(count, 0) for count in (7, 8, 9, 10, 11, 12, 10, 11, 3, 8)]
    assert told == [
        *(None, Level.WARNING, None, None, Level.EXCEEDED, None),
        *(None, Level.EXCEEDED, None, Level.WARNING),
    ]


def test_which_routes_count() -> None:
    assert PrefixWatch(MaxPrefix(1)).observe(5, 1) is Level.EXCEEDED
    assert PrefixWatch(MaxPrefix(1, count=Count.ACCEPTED)).observe(5, 1) is Level.WARNING
    assert PrefixWatch(MaxPrefix(1, count=Count.ACCEPTED)).observe(5, 0) is None


@given(st.integers(1, 20000), st.lists(st.integers(0, 25000), max_size=30))
def test_exceeded_is_told_exactly_when_the_count_comes_to_lie_above_the_limit(limit: int, counts: list[int]) -> None:
    watch, above = PrefixWatch(MaxPrefix(limit)), False
    for count in counts:
        told = watch.observe(count, 0)
        assert (told is Level.EXCEEDED) == (count > limit and not above)
        above = count > limit
    watch.reset()
    assert (watch.observe(limit + 1, 0)) is Level.EXCEEDED
