"""A real router that is killed or frozen at each step of the life cycle: the two axes keep to themselves.

What is lost moves BGP FSM states. The connection moves by its own events alone: it fails a validation that was running,
and otherwise stays where it is. What comes back comes back under the policy that the connection's state stands for.
"""

from __future__ import annotations

import asyncio
import re
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from simulator.connection.states import ConnectionState
from simulator.engine.control import ConnectionRecord, ControlPlane
from simulator.engine.log import ConnectionMoved, Event, EventLog
from simulator.engine.network import Network
from simulator.engine.validating import Validator
from simulator.faults.injection import Injections, Undo
from simulator.peer.events import GateMoved, NotificationExchanged
from simulator.places.link import LinkKind
from simulator.rehearsal.rehearsal import Rehearsal
from simulator.routers.daemon import Daemon
from simulator.session.states import BgpState
from simulator.speakers.clock import Clock
from simulator.views.check import Status
from simulator.views.session import SessionView
from tests.lab_support import require_netns, require_program
from tests.topologies import build, document

pytestmark = [pytest.mark.privileged, pytest.mark.router]

S = ConnectionState
UP = BgpState.ESTABLISHED
HOLD = 3
"""Seconds; the least that BGP allows: a frozen router is noticed after that."""


class Lab:
    """One connection of two sessions, its steps taken one by one."""

    def __init__(self, network: Network, log: EventLog) -> None:
        clock = Clock(asyncio.get_running_loop())
        self.network, self.log = network, log
        self.control = ControlPlane(network.edges, log, clock)
        self.control.add_all(network.topology)
        (self.record,) = self.control.records.values()
        self.validator = Validator(network, log, clock)
        self.peer = network.topology.peers[0]
        self.faults = Injections(network, time.time)
        assert self.faults.known, "read before the router starts: that takes longer than it needs to come up"

    @property
    def views(self) -> list[SessionView]:
        return [self.network.edges.view(plan) for plan in self.record.plans]

    def state(self) -> ConnectionState:
        """The connection's. A method: it changes behind a type checker's back."""
        return self.record.state

    @property
    def moves(self) -> list[ConnectionState]:
        return [event.transition.target for event in self.log.entries if isinstance(event, ConnectionMoved)]

    async def until(self, true: Callable[[], bool], seconds: float = 60) -> None:
        end = asyncio.get_running_loop().time() + seconds
        while not true():
            left = end - asyncio.get_running_loop().time()
            assert left > 0, (
                f"not within {seconds:g} s: {[(v.id, v.bgp_state.value, v.last_error) for v in self.views]}"
            )
            await self.log.next_event(left)

    async def until_up(self) -> None:
        await self.until(lambda: all(view.bgp_state is UP for view in self.views))

    async def until_told(self) -> None:
        """Up, and with routes: BIRD takes two seconds to announce its first."""
        await self.until(lambda: all(view.bgp_state is UP and view.accepted for view in self.views))

    async def until_down(self) -> None:
        await self.until(lambda: all(view.bgp_state is not UP for view in self.views))

    def notify(self) -> None:
        self.control.take_notice(self.record)
        self.control.provision(self.record)
        self.control.start_validation(self.record)

    async def validate(self, *, fails: bool = False) -> bool:
        """One that `fails` lasts its whole deadline, which is short; one that passes ends by itself, on a busy machine
        too."""
        times = self.network.topology.times.model_copy(update={"deadline": 3 if fails else 60})
        self.network.topology = self.network.topology.model_copy(update={"times": times})
        return self.control.conclude(self.record, await self.validator.validate(self.record))

    def failing(self) -> set[str]:
        return {result.id for result in self.record.results if result.status is Status.FAILURE}


async def lose(lab: Lab, frozen: bool) -> Undo:
    """The router is lost; what is given back brings it back."""
    return (await lab.faults.inject("router-frozen" if frozen else "router-not-started")).undo


def topology(name: str) -> dict[str, Any]:
    """A shipped topology cut to one edge, with short timers."""
    require_netns()
    require_program("bird" if name == "exchange-bird" else "/usr/lib/frr/bgpd")
    found = document(name)
    del found["edges"][1]
    if "connections" in found["peerings"][0]:
        del found["peerings"][0]["connections"][1]
    # The router's too: bgpd may go on with its own call that a freeze interrupted, read and write nothing on it, and
    # refuse ours, until its hold time is over.
    found["microsoft"]["hold-time"] = found["peers"][0]["hold-time"] = HOLD
    found["times"] = {"soak": 0.3, "deadline": 60, "connect-retry": 0.5}
    return found


@asynccontextmanager
async def lab(name: str) -> AsyncIterator[Lab]:
    log = EventLog()
    async with Network(build(topology(name)), LinkKind.NETNS, log.append, record=False) as network:
        stage = Lab(network, log)
        stage.control.request(stage.record)
        stage.control.approve(stage.record)
        await network.peers.start(stage.peer)
        yield stage
        await stage.control.close_sessions(stage.record, "the test is over")


BOTH = pytest.mark.parametrize("name", ["exchange-bird", "direct-frr"])
WAYS = pytest.mark.parametrize("frozen", [False, True], ids=["killed", "frozen"])


def before_notification(name: str) -> ConnectionState:
    return S.APPROVED if name == "exchange-bird" else S.PROVISIONING_STARTED


async def turned_up_after_all(stage: Lab) -> None:
    """The peer notifies again, and the validation passes on sessions that came back."""
    stage.notify()
    await stage.until_told()
    assert not any(view.gate_open for view in stage.views)
    assert await stage.validate(), stage.record.connection.error_message
    assert stage.state() is S.ACTIVE
    assert all(view.gate_open and view.sent and view.taken for view in stage.views)
    assert all(view.leaked_in == view.leaked_out == 0 for view in stage.views)


@BOTH
@WAYS
async def test_before_the_notification(name: str, frozen: bool) -> None:
    async with lab(name) as stage:
        mend = await lose(stage, frozen)
        assert stage.state() is before_notification(name), "nobody looks at BGP before the peer notifies"
        stage.notify()
        assert stage.state() is S.VALIDATING
        # The kernel of one that hangs takes our call, and our OPEN: it is BGP that does not answer.
        tried = BgpState.OPEN_SENT if frozen else None
        await stage.until(lambda: all(view.bgp_state is tried if tried else view.last_error for view in stage.views))
        assert not await stage.validate(fails=True)
        assert stage.state() is S.PROVISIONING_FAILED
        assert ("S1" if frozen else "T1") in stage.failing()
        assert frozen or "S1" not in stage.failing(), "what rests on TCP is not told beside it"
        assert all(view.established_transitions == 0 for view in stage.views)
        await mend()
        await stage.until_up()
        assert stage.state() is S.PROVISIONING_FAILED, "a session that comes up moves no connection"
        assert all(not view.gate_open and view.sent == view.taken == 0 for view in stage.views)
        await turned_up_after_all(stage)


@BOTH
@WAYS
async def test_while_validating(name: str, frozen: bool) -> None:
    async with lab(name) as stage:
        stage.notify()
        await stage.until_up()
        mend = await lose(stage, frozen)
        await stage.until_down()
        assert stage.state() is S.VALIDATING, "the session's end is not the validation's"
        assert not await stage.validate(fails=True)
        assert stage.state() is S.PROVISIONING_FAILED
        (lost,) = (result for result in stage.record.results if result.id == "S5")
        assert lost.status is Status.FAILURE
        assert lost.causes[0].id in (("hangs", "keepalives-missing") if frozen else ("not-listening",)), lost
        assert not any(isinstance(event, GateMoved) for event in stage.log.entries), "the policy was never lifted"
        await mend()
        await stage.until_up()
        assert stage.state() is S.PROVISIONING_FAILED
        assert all(not view.gate_open and view.sent == view.taken == 0 for view in stage.views)
        await turned_up_after_all(stage)


@BOTH
@WAYS
async def test_while_active(name: str, frozen: bool) -> None:
    async with lab(name) as stage:
        stage.notify()
        await stage.until_told()
        assert await stage.validate(), stage.record.connection.error_message
        moves = stage.moves
        mend = await lose(stage, frozen)
        await stage.until_down()
        expired = [
            event.seen.notification
            for event in stage.log.entries
            if isinstance(event, NotificationExchanged) and event.seen.sent
        ]
        assert [(note.code, note.subcode) for note in expired] == ([(4, 0)] * 2 if frozen else [])
        assert stage.state() is S.ACTIVE
        assert all(view.taken == 0 for view in stage.views), "what a lost session brought is gone"
        await mend()
        await stage.until_up()
        await stage.until(lambda: all(view.taken == view.accepted > 0 and view.sent for view in stage.views))
        assert [view.established_transitions for view in stage.views] == [2, 2]
        assert all(view.gate_open for view in stage.views), "the connection did not change, nor did its policy"
        assert stage.moves == moves, "a flap moves no connection"
        for plan in stage.record.plans:
            assert await stage.network.peers.router(stage.peer.name).received(plan.id), (
                "the routes are at the peer again"
            )
        await deprovisioned(stage, stage.record)


async def deprovisioned(stage: Lab, record: ConnectionRecord) -> None:
    stage.control.deprovision(record)
    assert all(view.bgp_state is UP and not view.gate_open and view.taken == 0 for view in stage.views)
    await stage.control.close_sessions(record, "deprovisioned")
    stage.control.forget(record)
    assert record.state is S.NONE


@BOTH
async def test_a_router_that_freezes_while_active_does_not_hold_the_rehearsal_up(name: str) -> None:
    found = topology(name)
    found["times"] |= {"deadline": 6, "active": 30}
    played = Rehearsal(build(found), LinkKind.NETNS)

    def freeze(event: Event) -> None:
        if isinstance(event, ConnectionMoved) and event.transition.target is S.ACTIVE:
            router = played.network.peers.router("contoso")
            assert isinstance(router, Daemon)
            router.signal(signal.SIGSTOP)

    played.log.subscribe(freeze)
    async with asyncio.timeout(60):
        report = await played.run()
    assert report.outcome == "failed"
    (connection,) = report.connections
    assert tuple(map(str, connection.reached[-3:])) == ("Active", "PendingRemove", "None")
    statuses = {check.id: (check.status, check.evidence) for check in connection.checks}
    for check in ("A1", "A4"):
        status, evidence = statuses[check]
        assert status is Status.ERROR, "the check could not be made: that is neither a success nor the peer's fault"
        # Who gives up first, the check or the router's adapter, is a matter of what time is left.
        silent = re.compile(r"could not be asked: (it did not answer in time|\w+ of \S+ does not answer)")
        assert all(silent.search(line) for line in evidence), evidence
    assert report.gate.nlri_sent_while_denied == report.gate.routes_taken_while_denied == 0
