"""What the watch of an Active session has seen of it, as it stands now. Plain data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Watched:
    """Each field is empty where nothing is wrong."""

    flaps: int = 0
    """How often the session has gone down since it was steady."""
    why_down: str = ""
    """Of the last time, in words."""
    lost: tuple[int, int] | None = None
    """The most prefixes that the peer had announced and the policy taken, and how many of so many it announces now."""
    crowded: tuple[int, int] | None = None
    """How many prefixes count, where they are above the warning threshold of the limit; and the limit."""
    changed: tuple[str, ...] = ()
    """What the session agreed on otherwise when it came back, one line each."""
    flapping: tuple[tuple[str, int], ...] = ()
    """Prefixes that the peer withdraws again and again, and how often within the window."""
    window: float = 0.0
    """Seconds in which they are counted."""
