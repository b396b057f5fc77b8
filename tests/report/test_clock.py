from __future__ import annotations

import pytest

from simulator.report.clock import clock, duration, parse_time, seconds_between, up_down


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01T00:00:00Z", "<b>", "\x00", "0001-01-01T00:00:00+23:00"])
def test_what_is_no_time_is_none(text: str) -> None:
    assert parse_time(text) is None
    assert seconds_between(text, "2026-05-04T00:00:00Z") is None


def test_times_of_any_offset_compare() -> None:
    assert seconds_between("2026-05-04T02:00:00+02:00", "2026-05-04T00:00:01.5Z") == 1.5
    assert seconds_between("2026-05-04T00:00:00", "2026-05-04T00:00:00Z") == 0
    assert seconds_between("2026-05-04T00:00:01Z", "2026-05-04T00:00:00Z") is None


def test_clock_shows_milliseconds_and_never_much_of_a_non_time() -> None:
    assert clock("2026-05-04T01:02:03.456789Z") == "01:02:03.456"
    assert len(clock("x" * 5000)) == 15


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
    assert [up_down(seconds) for seconds in (None, 754.9, 93784)] == ["never", "00:12:34", "1d02h03m"]
