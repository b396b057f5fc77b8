"""Sessions that are looked at: they stay denied unless the control plane makes their connection Active."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from simulator.connection.states import ConnectionState
from simulator.engine.control import ConnectionRecord, ControlPlane
from simulator.engine.log import ConnectionMoved, Event, EventLog
from simulator.peer.events import BgpStateChanged, GateMoved
from simulator.places.link import LinkKind
from simulator.rehearsal.looking_glass import LookingGlass
from simulator.session.states import BgpState
from simulator.tables.received_routes import SessionTable
from simulator.topology.plan import SessionPlan
from tests.topologies import build, document


def looking_glass(*, lift: bool, deadline: float = 20, **peer: Any) -> LookingGlass:
    found = document()
    found["times"]["deadline"] = deadline
    found["edges"] = found["edges"][:1]
    found["peers"][0] |= peer
    return LookingGlass(build(found), LinkKind.LOOPBACK, "contoso", lift=lift)


def lifts(log: EventLog) -> list[str]:
    return [event.session for event in log.entries if isinstance(event, GateMoved) and event.is_open]


def outcomes(tables: list[SessionTable]) -> set[str]:
    return {held.verdict.outcome.value for table in tables for held in table.routes}


async def test_established_sessions_with_routes_stay_denied() -> None:
    made = looking_glass(lift=False)
    tables = await made.run()
    up = [e for e in made.log.entries if isinstance(e, BgpStateChanged) and e.transition.target is BgpState.ESTABLISHED]
    assert len(up) == len(tables) == 2
    assert lifts(made.log) == [] and outcomes(tables) == {"withhold"}
    assert {table.connection_state for table in tables} == {"Validating"}
    assert all(table.sent == 0 for table in tables)


async def test_a_gate_opens_after_its_connection_became_active_and_never_before() -> None:
    made = looking_glass(lift=True)
    tables = await made.run()
    assert len(lifts(made.log)) == 2 and outcomes(tables) == {"accept"}
    active = next(
        at
        for at, event in enumerate(made.log.entries)
        if isinstance(event, ConnectionMoved) and event.transition.target is ConnectionState.ACTIVE
    )
    assert all(at > active for at, e in enumerate(made.log.entries) if isinstance(e, GateMoved) and e.is_open)


async def test_a_failed_validation_opens_nothing() -> None:
    made = looking_glass(lift=True, deadline=1, announce=["route 10.1.0.0/16 next-hop self"])
    tables = await made.run()
    assert lifts(made.log) == [] and outcomes(tables) == {"reject"}
    assert "ProvisioningFailed" in made.problems[0]


async def test_without_the_control_plane_nothing_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control plane rules on no gate, and the connection is Active all the same: everything else still runs."""

    def silent(self: ControlPlane, record: ConnectionRecord, plan: SessionPlan) -> None:
        return None

    monkeypatch.setattr(ControlPlane, "_rule", silent)
    made = looking_glass(lift=True)
    tables = await made.run()
    assert made.problems == []
    assert {table.connection_state for table in tables} == {"Active"}
    assert lifts(made.log) == [] and outcomes(tables) == {"withhold"}


async def test_a_listener_that_fails_at_every_event_changes_nothing() -> None:
    failures: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: failures.append(context["message"]))

    def broken(event: Event) -> None:
        raise RuntimeError("nobody expects this")

    made = looking_glass(lift=True)
    made.log.subscribe(broken)
    tables = await made.run()
    assert made.problems == [] and outcomes(tables) == {"accept"}
    assert len(lifts(made.log)) == 2
    assert len(failures) == len(made.log.entries)
