"""One thing that is wrong with a topology."""

from __future__ import annotations

from dataclasses import dataclass

Path = tuple[str | int, ...]
"""Where in the file: keys and positions, from the outside in."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where in the file, and what, with what to do about it."""

    where: Path
    text: str
