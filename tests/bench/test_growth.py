"""Exponents of made-up data, and which points are measured within the time that there is."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.bench import api
from simulator.bench.growth import (
    PATIENCE,
    Growth,
    GrowthPoint,
    GrowthRun,
    expected,
    exponent,
    exponents,
    grown,
    point,
    upper,
)
from simulator.bench.guard import Measure
from simulator.bench.reading import BenchError, Reading
from simulator.bench.stage import BenchStage, Work
from simulator.cli.run.bench import growth_rows

_SIZES = (10, 30, 100, 300, 1000)


@given(st.floats(0.001, 1000), st.floats(-1, 3), st.lists(st.integers(1, 10**6), min_size=2, max_size=8, unique=True))
def test_a_power_law_has_its_exponent(factor: float, power: float, sizes: list[int]) -> None:
    assert exponent([(size, factor * size**power) for size in sizes]) == pytest.approx(power, abs=1e-6)


@pytest.mark.parametrize("points", [[], [(10, 1)], [(10, 1), (10, 2)], [(10, 0), (100, 5)]])
def test_too_few_points_have_none(points: list[tuple[float, float]]) -> None:
    assert exponent(points) is None


def test_the_last_power_of_ten_alone_counts() -> None:
    assert upper([(1, 9), (10, 9), (100, 1), (1000, 10)]) == [(100, 1), (1000, 10)]


def test_exponents_of_each_contender_memory_above_the_base() -> None:
    points = [GrowthPoint("g", "turnup", n, n * 0.1, n**2 * 0.001, 30 + n) for n in _SIZES]
    points += [GrowthPoint("g", "BIRD", n, n**0.5, n * 0.1, 5 + n) for n in _SIZES]
    points.append(GrowthPoint("g", "turnup", 3000, note="left out"))
    ours, theirs = exponents(points)
    assert ours.who == "turnup"
    assert ours.seconds == pytest.approx(1)
    assert ours.cpu == pytest.approx(2)
    assert ours.memory == pytest.approx(1, abs=0.1)
    assert theirs.seconds == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("measured", "size", "seconds"),
    [
        ([], 10, 0),
        ([(10, 1)], 30, 3),
        ([(10, 1), (100, 10)], 1000, 100),
        ([(10, 1), (100, 100)], 1000, 10_000),
        ([(10, 5), (100, 5)], 1000, 5),
    ],
)
def test_how_long_the_next_point_will_take(measured: list[tuple[int, float]], size: int, seconds: float) -> None:
    assert expected(measured, size) == pytest.approx(seconds)


class _Lab:
    """A growth whose points take as long as `cost` says, by a clock of its own."""

    def __init__(self, cost: Callable[[int], float]) -> None:
        self.seconds = 0.0
        self._cost = cost
        self.measured: list[tuple[int, str]] = []

    def now(self) -> float:
        return self.seconds

    def work(self, size: int) -> Work:
        @contextlib.asynccontextmanager
        async def opened(stage: BenchStage) -> AsyncIterator[Measure]:
            async def measure(who: str) -> Reading:
                self.seconds += self._cost(size)
                self.measured.append((size, who))
                if self._cost(size) < 0:
                    raise BenchError("it stalled")
                return Reading({"seconds": self._cost(size), "memory": 1.0})

            yield measure

        return opened

    @property
    def growth(self) -> Growth:
        return Growth("g", "something", "things", _SIZES, self.work)


async def _grown(lab: _Lab, *, quick: bool = False) -> list[GrowthPoint]:
    return [point async for point in grown(lab.growth, quick, lab.now, lambda line: None, patience=60)]


async def test_a_point_that_would_take_too_long_is_left_out_and_says_so() -> None:
    lab = _Lab(lambda size: size / 10)
    found = await _grown(lab)
    assert [size for size, _ in lab.measured] == [10, 30, 100, 300]
    assert (found[-1].size, found[-1].seconds, found[-1].failed) == (1000, None, False)
    assert found[-1].note == "left out: about 100 s, of 16 s that are left"


def test_a_growth_may_take_what_those_before_it_left() -> None:
    """All together end in time, whichever of them is slow."""
    lab = _Lab(lambda size: PATIENCE / 5 if size == 1000 else 1.0)
    first = Growth("first", "something", "things", (10,), lab.work)
    last = Growth("last", "something", "things", (10, 100, 1000), lab.work)
    found = GrowthRun([first, first, last], False, lambda line: None, lab.now).measure()
    assert [point.seconds for point in found] == [1.0, 1.0, 1.0, 1.0, PATIENCE / 5]
    slow = _Lab(lambda size: PATIENCE / 100 * size)
    growths = [Growth("slow", "something", "things", (10, 20, 100), slow.work)] * 9
    found = GrowthRun(growths, False, lambda line: None, slow.now).measure()
    assert {point.size for point in found if point.seconds} == {10}
    assert slow.seconds < PATIENCE * 1.1


async def test_a_quick_run_stops_at_a_tenth() -> None:
    lab = _Lab(lambda size: 0.1)
    await _grown(lab, quick=True)
    assert [size for size, _ in lab.measured] == [10, 30, 100]


async def test_what_fails_is_a_row_and_ends_the_growth() -> None:
    lab = _Lab(lambda size: -1.0 if size == 30 else 0.1)
    found = await _grown(lab)
    assert [(each.size, each.failed, each.note) for each in found] == [
        (10, False, ""),
        (30, True, "it stalled"),
        (100, False, "left out after a failure"),
        (300, False, "left out after a failure"),
        (1000, False, "left out after a failure"),
    ]


def test_a_leak_fails_a_point() -> None:
    found = point("g", "turnup", 10, Reading({"seconds": 1.0, "memory": 1.0}, leaked=3))
    assert (found.failed, found.note) == (True, "3 routes leaked")


def test_an_interruption_leaves_what_was_measured_and_says_what_was_not() -> None:
    """Also where it makes what runs fail: that is no failure of what is measured."""

    def work(size: int) -> Work:
        @contextlib.asynccontextmanager
        async def opened(stage: BenchStage) -> AsyncIterator[Measure]:
            async def measure(who: str) -> Reading:
                if size == 100:
                    os.kill(os.getpid(), signal.SIGINT)
                    try:
                        await asyncio.Event().wait()
                    finally:
                        raise BenchError("its process is gone")
                return Reading({"seconds": 1.0, "memory": 1.0})

            yield measure

        return opened

    growths = [Growth(name, "something", "things", _SIZES, work) for name in ("half", "none")]
    run = GrowthRun(growths, False, lambda line: None)
    found = [(each.growth, each.size, each.failed) for each in run.measure()]
    assert found == [("half", 10, False), ("half", 30, False)]
    assert run.left == growths
    assert [row["note"] for row in growth_rows(growths, run.points, run.left)] == ["", ""], "and no exponent"


class Answering:
    """A server on which each peering is Active when it is asked after for the second time."""

    def __init__(self, failing: str = "") -> None:
        self.process = SimpleNamespace(pid=os.getpid())
        self.asked = list[str]()
        self._failing = failing

    def ask(self, verb: str, path: str, body: Any = None) -> Any:
        path = path.partition("?")[0]
        if verb == "GET":
            self.asked.append(path)
        if path == "/lab/v1/sessions":
            return []
        if path == "/lab/v1/status":
            return {"connections": {"Active": 6}}
        if "/peerAsns/" in path:
            return {"properties": {"validationState": "Approved"}}
        state = "Active" if self.asked.count(path) > 1 else "Validating"
        if path.endswith(f"/{self._failing}"):
            state = "ProvisioningFailed"
        connections = [{"connectionState": each, "errorMessage": "L1"} for each in (state, "Active")]
        return {"properties": {"exchange": {"connections": connections}}}


def test_who_requests_peerings_asks_after_its_own_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Answering()
    monkeypatch.setattr(api, "server", lambda *_: contextlib.nullcontext(server))
    monkeypatch.setattr(api, "topology", lambda *_: {})
    monkeypatch.setattr("time.sleep", lambda _: None)
    reading = api.coming_up(tmp_path, 3)
    assert reading.values.keys() == {"seconds", "memory"}
    assert server.asked[-2:] == ["/lab/v1/status", "/lab/v1/sessions"], "once, at the end"
    names = [path.rpartition("/")[2] for path in server.asked[:-2]]
    assert set(names) == {f"peer{number}" for number in range(3)}


def test_a_peering_that_fails_ends_the_growth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "server", lambda *_: contextlib.nullcontext(Answering("peer1")))
    monkeypatch.setattr(api, "topology", lambda *_: {})
    monkeypatch.setattr("time.sleep", lambda _: None)
    with pytest.raises(RuntimeError, match=r"peer1 failed: .*L1"):
        api.coming_up(tmp_path, 3)
