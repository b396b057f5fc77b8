"""Times of a report: RFC 3339 in, short words for people out."""

from __future__ import annotations

from datetime import UTC, datetime


def parse_time(text: str) -> datetime | None:
    """The moment, in UTC; None when the text is no time, because a report must be written all the same."""
    try:
        moment = datetime.fromisoformat(text[:64])
    except ValueError:
        return None
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        return None


def seconds_between(start: str, end: str) -> float | None:
    """Seconds from `start` to `end`; None when either is no time or they run backwards."""
    first, last = parse_time(start), parse_time(end)
    if first is None or last is None or last < first:
        return None
    return (last - first).total_seconds()


def clock(text: str) -> str:
    """Time of day to the millisecond."""
    moment = parse_time(text)
    return text[:15] if moment is None else f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"


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
    whole = int(seconds)
    days, rest = divmod(whole, 86400)
    if days:
        return f"{days}d{rest // 3600:02d}h{rest % 3600 // 60:02d}m"
    return f"{rest // 3600:02d}:{rest % 3600 // 60:02d}:{rest % 60:02d}"
