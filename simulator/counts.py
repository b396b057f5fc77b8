"""How many of something, in words, for every room."""

from __future__ import annotations


def count_of(number: int, one: str, several: str = "") -> str:
    """`1 session`, `2 sessions`; `several` where an s is not all: `1 query`, `2 queries`. Thousands have commas."""
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"
