"""Routers that sleep while they have routes to send: they are asked something, and wake.

BIRD's event loop waits up to three seconds for its sockets and timers, and BIRD 2.0.12 does so with the first routes of
a session still to be sent: they came 3.00 s after Established where nothing else happened, and at once where its
control socket was touched. A question there changes nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Final

from simulator.engine.log import EventLog
from simulator.engine.network import Network
from simulator.places.errors import LabError
from simulator.session.states import BgpState
from simulator.speakers.clock import Clock
from simulator.topology.plan import SessionPlan

PAUSES: Final = (0.05, 0.1, 0.2, 0.4, 0.8)
"""Seconds after each question, for one time that a session is up; after the last the router has long woken by itself.

The first question may come before the router took our KEEPALIVE, and what it wakes to may take more than one turn."""
_PATIENCE: Final = 2.0
"""Seconds that a router has for its answer."""


async def keep_awake(
    network: Network, log: EventLog, clock: Clock, plans: Iterable[SessionPlan], deadline: float
) -> None:
    """Ask each router that dozes, from when its session is up until its End-of-RIB is there; until the deadline."""
    mine = [plan for plan in plans if plan.peer.router_abilities.dozes and network.peers.runs(plan.peer.name)]
    await asyncio.gather(*(_keep_awake(network, log, clock, plan, deadline) for plan in mine))


async def _keep_awake(network: Network, log: EventLog, clock: Clock, plan: SessionPlan, deadline: float) -> None:
    up: float | None = None
    pauses: list[float] = []
    while (left := deadline - clock.now()) > 0:
        view = network.edges.view(plan)
        if view.established_at != up:
            up, pauses = view.established_at, list(PAUSES)
        if view.bgp_state is BgpState.ESTABLISHED and not view.end_of_rib and pauses:
            with contextlib.suppress(LabError, TimeoutError):  # the checks tell of a router that is gone
                async with asyncio.timeout(_PATIENCE):
                    await network.peers.router(plan.peer.name).sessions()
            await asyncio.sleep(pauses.pop(0))
        else:
            await log.next_event(left, [plan.id])
