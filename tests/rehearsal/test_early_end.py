"""A connection that is known to fail does not wait for its deadline; a slow router has all of it."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import pytest

from simulator.connection.states import ConnectionState
from simulator.engine.log import ConnectionMoved, Event
from simulator.places.link import LinkKind
from simulator.rehearsal.rehearsal import Rehearsal
from simulator.routers.daemon import Daemon
from tests.lab_support import require_netns, require_program
from tests.routers.test_matrix import PROGRAMS
from tests.topologies import build, document

DEADLINE = 100.0
"""Seconds: many times what it takes to be sure, on a machine that is busy too."""
SLOW = 9.0
"""Seconds: longer than what is decisive has to stand."""


def five_daemons(deadline: float, **peer_side: Any) -> dict[str, Any]:
    """One edge, and a peer with each of the five daemons."""
    require_netns()
    for program in (each for programs in PROGRAMS.values() for each in programs):
        require_program(program)
    found = document("exchange")
    del found["edges"][1]
    (peer,), (peering,) = found["peers"], found["peerings"]
    found["peers"], found["peerings"] = [], []
    for number, kind in enumerate(PROGRAMS, 1):
        addresses = {"ipv4": f"206.126.239.{number}", "ipv6": f"2001:504:0:2:0:6:4496:{number}"}
        found["peers"].append(peer | addresses | {"name": kind, "asn": 64496 + number, "router": kind})
        mine = peering | {"name": f"with-{kind}", "peer": kind, "expect": {"state": "Active"}}
        found["peerings"].append(mine | ({"peer-side": peer_side} if peer_side else {}))
    found |= {"link": "netns", "times": {"soak": 0.5, "deadline": deadline, "active": 0}}
    return found


def validation_times(rehearsal: Rehearsal) -> dict[str, float]:
    """How long each connection was Validating, in seconds."""
    moves = [event.transition for event in rehearsal.log.entries if isinstance(event, ConnectionMoved)]
    names = [event.connection for event in rehearsal.log.entries if isinstance(event, ConnectionMoved)]
    began: dict[str, float] = {}
    took: dict[str, float] = {}
    for name, move in zip(names, moves, strict=True):
        if move.target is ConnectionState.VALIDATING:
            began[name] = move.time
        elif move.source is ConnectionState.VALIDATING:
            took[name] = move.time - began[name]
    return took


@pytest.mark.privileged
@pytest.mark.router
async def test_a_router_that_is_configured_wrong_ends_its_validation_early() -> None:
    rehearsal = Rehearsal(build(five_daemons(DEADLINE, **{"remote-as": 64999})), LinkKind.NETNS)
    report = await rehearsal.run()
    assert [each.connection_state for each in report.connections] == [ConnectionState.PROVISIONING_FAILED] * 5
    causes = {each.id: each.checks for each in report.connections}
    for name, checks in causes.items():
        first = next(check for check in checks if check.status.bad)
        assert first.causes[0].id == "remote-as-wrong", name
    took = validation_times(rehearsal)
    assert len(took) == 5
    assert max(took.values()) < DEADLINE / 2, took


@pytest.mark.privileged
@pytest.mark.router
async def test_routers_that_hang_at_first_still_become_active() -> None:
    """They take TCP, or not even that, and say nothing for longer than a wrong configuration has to stand."""
    rehearsal = Rehearsal(build(five_daemons(DEADLINE)), LinkKind.NETNS)
    stopped: list[Daemon] = []

    def go_on() -> None:
        while stopped:
            stopped.pop().signal(signal.SIGCONT)

    def freeze(event: Event) -> None:
        target = event.transition.target if isinstance(event, ConnectionMoved) else None
        if target is ConnectionState.PROVISIONING_STARTED and not stopped:  # before any session is dialled
            # Not FRR: where its own call and ours collide while it stands still, bgpd may go on with its own call and
            # say nothing on it until the hold time, and refuse ours meanwhile. That is no slow router, but a deaf one.
            routers = [rehearsal.network.peers.router(name) for name in PROGRAMS.keys() - {"frr"}]
            stopped.extend(router for router in routers if isinstance(router, Daemon))
            for router in stopped:
                router.signal(signal.SIGSTOP)
            asyncio.get_running_loop().call_later(SLOW, go_on)

    rehearsal.log.subscribe(freeze)
    try:
        report = await rehearsal.run()
    finally:
        go_on()
    took = validation_times(rehearsal)
    assert (report.outcome, report.errors) == ("passed", ()), took
    assert len(took) == 5
    slow = [seconds for name, seconds in took.items() if "frr" not in name]
    assert min(slow) > SLOW - 2, f"they were slow: {took}"
