"""How long a verdict may take: everybody who is asked hangs, and yet it comes 2 s after the deadline. Nothing is timed:
the loop's clock jumps."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from simulator.connection.states import Flow
from simulator.diagnosis.check import UNSET, Check, When
from simulator.diagnosis.evidence import Observation
from simulator.engine import gathering, validating
from simulator.engine.log import EventLog
from simulator.engine.router_evidence import answer_of
from simulator.engine.validating import Validator
from simulator.places.link import LinkKind
from simulator.speakers.clock import Clock
from simulator.topology.plan import plans
from simulator.views.check import Blocks
from tests.rehearsal import virtual_time
from tests.report import sample
from tests.topologies import shipped

MOST = 2.001
"""Seconds beyond the deadline, or beyond the moment at which a failure is known."""


async def never(*_: object, **__: object) -> Any:
    await asyncio.Event().wait()


class HungRouter:
    """Every question to it hangs."""

    received = answer = reasons = never


class Hanging(Validator):
    """A validator whose every probe hangs; what is made of what was gathered is not looked at here."""

    def judge(self, *_: object, **__: object) -> list[Any]:
        return []

    def _observe(self, *_: object, **__: object) -> Observation:
        return Observation("c", (), has_lan=True, soak=1)

    def _counters(self, node: str) -> dict[str, int]:
        return {}

    _ask_lan = never


def hanging(monkeypatch: pytest.MonkeyPatch, flow: Flow, *, decided: bool) -> tuple[Hanging, Any, float]:
    """The validator, a connection of some sessions, and the deadline in seconds."""
    topology = shipped("route-server" if flow is Flow.IXRS else "exchange")
    mine = plans(topology)
    view = sample.passed_report().connections[0].sessions[0]
    down = {plan.id: replace(view, id=plan.id, established_at=None) for plan in mine}
    network: Any = SimpleNamespace(
        topology=topology,
        kind=LinkKind.NETNS,
        kernel=None,
        edges=SimpleNamespace(view=lambda plan: down[plan.id], plans=mine, is_provisioned=lambda plan: True),
        peers=SimpleNamespace(router=lambda name: HungRouter(), runs=lambda name: True),
    )
    monkeypatch.setattr(validating, "Watches", lambda *_: SimpleNamespace(skipped="no", end=lambda: None, seen=dict))
    monkeypatch.setattr(validating, "tell_waits", never)
    monkeypatch.setattr(gathering, "needs_probe", lambda view: True)
    for module in (validating, gathering):
        monkeypatch.setattr(module, "since", lambda before, now, when: now)
    monkeypatch.setattr(gathering, "probe", lambda network, plan: asyncio.sleep(1.5))
    early = SimpleNamespace(knows=lambda view: decided, look=never)
    monkeypatch.setattr(validating, "EarlyEnd", lambda *_: early)
    validator = Hanging(network, EventLog(), Clock(asyncio.get_running_loop()))
    waits = Check("L1", "", "", Blocks.ACTIVE, of_connection=lambda observation: UNSET)
    validator._selection = SimpleNamespace(of=lambda when: (waits,), rejected=lambda found, when: [])  # type: ignore[assignment]
    record: Any = SimpleNamespace(id="c", plans=mine, flow=flow, results=[])
    return validator, record, topology.deadline


CASES: Sequence[tuple[str, Flow]] = (
    ("validate", Flow.EXCHANGE),
    ("validate, known to fail", Flow.EXCHANGE),
    ("after_deny", Flow.EXCHANGE),
    ("after_lift", Flow.IXRS),
)


@pytest.mark.parametrize(("what", "flow"), CASES, ids=[what for what, _ in CASES])
def test_a_verdict_comes_two_seconds_after_the_deadline_though_all_who_are_asked_hang(
    monkeypatch: pytest.MonkeyPatch, what: str, flow: Flow
) -> None:
    async def passed() -> tuple[float, float, float | None]:
        validator, record, deadline = hanging(monkeypatch, flow, decided="known" in what)
        began = asyncio.get_running_loop().time()
        match what:
            case "after_deny":
                await validator.after_deny(record, validator.views(record))
            case "after_lift":
                await validator._poll(record, validator.views(record), When.LIFTED)
            case _:
                await validator.validate(record)
        known = 0.0 if "known" in what else deadline
        return asyncio.get_running_loop().time() - began, known, validator.longest_asking

    seconds, known, asking = virtual_time.run(passed())
    assert known <= seconds <= known + MOST
    assert asking == pytest.approx(seconds - known)


def test_what_a_router_said_before_it_hangs_counts() -> None:
    class Talks:
        """It answers, and hangs when it is asked why."""

        async def answer(self, session: str) -> Any:
            return "answer"

        reasons = never

    async def asked() -> tuple[Any, float]:
        network: Any = SimpleNamespace(peers=SimpleNamespace(router=lambda name: Talks()))
        plan = plans(shipped())[0]
        began = asyncio.get_running_loop().time()
        answer: Any = await answer_of(network, plan, 2.0, lifted=False)
        return answer, asyncio.get_running_loop().time() - began

    answer, seconds = virtual_time.run(asked())
    assert answer == "answer"
    assert seconds == pytest.approx(2.0)
