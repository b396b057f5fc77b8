"""Moments as text. Every moment of the project is a float: seconds since the epoch. Text is in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


@lru_cache(4096)
def timestamp(when: float) -> str:
    """UTC, RFC 3339 with microseconds."""
    return datetime.fromtimestamp(when, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def short_time(when: float) -> str:
    """UTC, as BIRD writes it with `timeformat route iso long`."""
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%d %H:%M:%S")


def clock(when: float) -> str:
    """Time of day to the millisecond, UTC."""
    moment = datetime.fromtimestamp(when, UTC)
    return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"


def day(when: float) -> str:
    """The date, UTC."""
    return f"{datetime.fromtimestamp(when, UTC):%Y-%m-%d}"


def duration(seconds: float | None) -> str:
    """`4 ms`, `1.25 s`, `3 min 07 s`, `2 h 05 min`; empty when unknown."""
    if seconds is None:
        return ""
    if seconds < 0.0005:
        return "<1 ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def up_down(seconds: float | None) -> str:
    """How long a session has been in its state, as `vtysh` users read it: `00:12:34`, then `1d02h03m`."""
    if seconds is None:
        return "never"
    whole = max(0, int(seconds))
    days, rest = divmod(whole, 86400)
    if days:
        return f"{days}d{rest // 3600:02d}h{rest % 3600 // 60:02d}m"
    return f"{rest // 3600:02d}:{rest % 3600 // 60:02d}:{rest % 60:02d}"
