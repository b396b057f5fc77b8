"""Measurements are repeated until enough of them were undisturbed, and never for ever."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from simulator.bench.guard import FOREIGN, SLACK, Repeats, judged, series
from simulator.bench.reading import BenchError, Reading


class _Clock:
    """Time passes only where a measurement says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds


class _Contender:
    """Gives these readings one after the other: True is a disturbed one; after the last it stays so."""

    def __init__(self, clock: _Clock, disturbed: Sequence[bool], seconds: float = 1) -> None:
        self._clock, self._disturbed, self._seconds = clock, disturbed, seconds
        self.asked = 0

    async def measure(self, who: str) -> Reading:
        self._clock.seconds += self._seconds
        at = min(self.asked, len(self._disturbed) - 1)
        self.asked += 1
        return Reading({"seconds": float(self.asked)}, disturbed=self._disturbed[at])


@pytest.mark.parametrize(
    ("disturbed", "asked", "counted"),
    [
        ([False], 3, [1, 2, 3]),
        ([True, False], 4, [2, 3, 4]),
        ([True, True, False], 5, [3, 4, 5]),
        ([True, True, True, False], 5, [4, 5]),
        ([True], 5, [1, 2, 3, 4, 5]),
    ],
)
async def test_a_disturbed_measurement_is_taken_again_a_bounded_number_of_times(
    disturbed: list[bool], asked: int, counted: list[float]
) -> None:
    clock = _Clock()
    contender = _Contender(clock, disturbed)
    found = await series(contender.measure, {"turnup": ""}, Repeats(repeat=3, again=2, patience=100), clock.now)
    assert contender.asked == asked
    assert found["turnup"].values("seconds") == counted, "the clean ones count, or all where there is no clean one"


@pytest.mark.parametrize(("seconds", "asked"), [(1, 3), (9, 3), (10, 2), (19, 2), (20, 1), (500, 1)])
async def test_who_takes_long_is_measured_less_often_but_once(seconds: float, asked: int) -> None:
    clock = _Clock()
    contender = _Contender(clock, [False], seconds)
    await series(contender.measure, {"turnup": ""}, Repeats(repeat=3, patience=20), clock.now)
    assert contender.asked == asked


async def test_contenders_take_turns() -> None:
    order = []

    async def measure(who: str) -> Reading:
        order.append(who)
        return Reading({})

    await series(measure, {"turnup": "", "BIRD": "not installed", "FRR": ""}, Repeats(repeat=2), _Clock().now)
    assert order == ["turnup", "FRR", "turnup", "FRR"]


async def test_who_fails_is_not_tried_again_and_stops_nobody() -> None:
    asked = []

    async def measure(who: str) -> Reading:
        asked.append(who)
        if who == "BIRD":
            raise BenchError("no 5 routes in BIRD within 60 s")
        return Reading({"seconds": 1.0})

    found = await series(measure, {"turnup": "", "BIRD": ""}, Repeats(repeat=2), _Clock().now)
    assert asked == ["turnup", "BIRD", "turnup"]
    assert (found["BIRD"].failed, found["BIRD"].problem) == (True, "no 5 routes in BIRD within 60 s")
    assert found["turnup"].median("seconds") == 1


def test_what_others_use_is_measured_against_the_time_that_it_took() -> None:
    assert not judged(Reading({}, foreign=FOREIGN), 10).disturbed
    assert judged(Reading({}, foreign=FOREIGN + 0.01), 10).disturbed
    assert not judged(Reading({}, foreign=1), SLACK / 2).disturbed, "a tick of the kernel's clock is no disturbance"
