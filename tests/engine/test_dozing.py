"""A router that sleeps with routes to send is asked until they are there, and no longer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from simulator.engine import dozing
from simulator.engine.dozing import PAUSES, keep_awake
from simulator.engine.log import EventLog
from simulator.engine.network import Network
from simulator.places.errors import LabError
from simulator.session.states import BgpState
from simulator.speakers.clock import Clock
from simulator.topology.kinds import KINDS
from simulator.topology.plan import SessionPlan
from tests.diagnosis.test_catalogue import DOWN, HEALTHY

UP, READY = replace(HEALTHY, end_of_rib=False), replace(HEALTHY, end_of_rib=True)


class Sleeper:
    """A network of one session, whose router does what is said when it is asked; the log that tells of it."""

    def __init__(self, kind: str = "bird") -> None:
        self.view = DOWN
        self.asked = 0
        self.does: Callable[[], None] = lambda: None
        self.next: list[Callable[[], None]] = []
        """What happens while somebody waits for events; then the deadline comes."""
        self.clock = 0.0
        self.plan = SimpleNamespace(id="c/ipv4", peer=SimpleNamespace(name="n", router_abilities=KINDS[kind]))
        self.edges = SimpleNamespace(view=lambda plan: self.view)
        self.peers = SimpleNamespace(runs=lambda name: True, router=lambda name: self)

    def now(self) -> float:
        return self.clock

    async def sessions(self) -> tuple[()]:
        self.asked += 1
        self.does()
        return ()

    async def next_event(self, within: float, of: list[str]) -> bool:
        assert of == ["c/ipv4"]
        if not self.next:
            self.clock += within
            return False
        self.next.pop(0)()
        return True

    def sees(self, view: Any) -> Callable[[], None]:
        return lambda: setattr(self, "view", view)

    async def validated(self) -> int:
        """How often it was asked until the deadline."""
        plans = [cast(SessionPlan, self.plan)]
        await keep_awake(cast(Network, self), cast(EventLog, self), cast(Clock, self), plans, 10.0)
        return self.asked


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dozing, "PAUSES", (0.0,) * len(PAUSES))


def raises(error: Exception) -> Callable[[], None]:
    def does() -> None:
        raise error

    return does


@pytest.mark.parametrize(
    ("kind", "happens", "does", "asked"),
    [
        ("bird", [], DOWN, 0),
        ("bird", [replace(DOWN, bgp_state=BgpState.OPEN_CONFIRM)], DOWN, 0),
        ("bird", [READY], READY, 0),
        ("bird", [UP], READY, 1),
        ("bird", [UP], UP, len(PAUSES)),
        ("bird", [UP, UP], UP, len(PAUSES)),
        ("bird", [UP, DOWN, replace(UP, established_at=7.0)], UP, 2 * len(PAUSES)),
        ("frr", [UP], UP, 0),
        ("external", [UP], UP, 0),
    ],
)
def test_it_is_asked_from_established_to_end_of_rib(kind: str, happens: list[Any], does: Any, asked: int) -> None:
    router = Sleeper(kind)
    router.next = [router.sees(view) for view in happens]
    if does is READY:
        router.does = router.sees(READY)
    assert asyncio.run(router.validated()) == asked


@pytest.mark.parametrize("error", [LabError("gone"), TimeoutError()])
def test_one_that_does_not_answer_is_nothing_to_fail_by(error: Exception) -> None:
    router = Sleeper()
    router.next = [router.sees(UP)]
    router.does = raises(error)
    assert asyncio.run(router.validated()) == len(PAUSES)


def test_a_router_that_the_lab_does_not_run_is_not_asked() -> None:
    router = Sleeper()
    router.next = [router.sees(UP)]
    router.peers.runs = lambda name: False
    assert asyncio.run(router.validated()) == 0
