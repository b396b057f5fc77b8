"""How many of something, in words."""

from __future__ import annotations

import pytest

from simulator.counts import count_of


@pytest.mark.parametrize(
    ("number", "words", "said"),
    [
        (0, ("session",), "0 sessions"),
        (1, ("session",), "1 session"),
        (2, ("session",), "2 sessions"),
        (1, ("prefix", "prefixes"), "1 prefix"),
        (20_000, ("prefix", "prefixes"), "20,000 prefixes"),
    ],
)
def test_one_is_one(number: int, words: tuple[str, ...], said: str) -> None:
    assert count_of(number, *words) == said
