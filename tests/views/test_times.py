"""Moments and durations as text."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from simulator.views.times import clock, day, duration, short_time, timestamp, up_down

MOMENT = datetime(2026, 5, 4, 1, 2, 3, 456_789, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("zone", ["UTC", "America/St_Johns"])
def test_a_moment_is_written_in_utc_wherever_this_runs(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", zone)
    assert timestamp(MOMENT) == "2026-05-04T01:02:03.456789Z"
    assert (day(MOMENT), clock(MOMENT), short_time(MOMENT)) == ("2026-05-04", "01:02:03.456", "2026-05-04 01:02:03")
    assert timestamp(0) == "1970-01-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (0, "<1 ms"),
        (0.004, "4 ms"),
        (0.9996, "1.00 s"),
        (1.254, "1.25 s"),
        (43.8, "43.8 s"),
        (59.97, "1 min 00 s"),
        (187, "3 min 07 s"),
        (7500, "2 h 05 min"),
    ],
)
def test_duration(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


def test_up_down_reads_like_vtysh() -> None:
    assert [up_down(seconds) for seconds in (None, 754.9, 93784, -1)] == ["never", "00:12:34", "1d02h03m", "00:00:00"]
