"""Times as ARM writes them."""

from __future__ import annotations

from datetime import UTC, datetime


def iso(when: float) -> str:
    """Seconds since the epoch as `2022-09-25T21:27:20.9256440Z`: seven digits, as .NET writes them."""
    text = datetime.fromtimestamp(when, UTC).isoformat(timespec="microseconds")
    return text.replace("+00:00", "0Z")
