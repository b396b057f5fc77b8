"""What the lab waits for while somebody configures a router that it does not run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from simulator.engine.log import EventLog, Remark
from simulator.engine.network import Network
from simulator.peer.events import NeighborConfig
from simulator.session.states import BgpState
from simulator.speakers.clock import Clock
from simulator.topology.plan import SessionPlan
from simulator.views.session import SessionView

_AGAIN = 30.0
"""Seconds after which a wait is logged again though nothing changed."""

_STEPS = {
    BgpState.OPEN_SENT: "OPEN: TCP is up, and the router has not sent its OPEN",
    BgpState.OPEN_CONFIRM: "KEEPALIVE: its OPEN is accepted, and its answer to ours is due",
}


@dataclass(frozen=True, slots=True)
class Wait:
    """What the router is to do next on a session."""

    what: str
    """Empty where nothing is missing."""
    why: str = ""
    """How the last attempt ended; empty while a new one is under way."""

    def __str__(self) -> str:
        if not self.what:
            return "has routes that would be accepted: nothing is missing"
        return f"waits for {self.what}" + (f" (last: {self.why})" if self.why else "")

    def is_news_after(self, before: Wait | None) -> bool:
        return before is None or self.what != before.what or self.why not in ("", before.why)


def wait_of(view: SessionView, config: NeighborConfig) -> Wait:
    """What a session waits for, told by how far it is."""
    if view.bgp_state in _STEPS:
        return Wait(_STEPS[view.bgp_state])
    if view.bgp_state is not BgpState.ESTABLISHED:
        notes = [str(seen.notification) for seen in view.notifications]
        return Wait(f"TCP: {_calls(config)}", view.peer_closed_early or view.last_error or "".join(notes[-1:]))
    if not view.received:
        return Wait("routes: Established, and nothing is announced yet")
    if not view.accepted:
        return Wait(f"routes: Established, and the policy refuses all {view.received} that are announced")
    return Wait("")


def _calls(config: NeighborConfig) -> str:
    caller = config.remote.host if config.remote is not None else config.peer_address
    listening = f"{config.local} waits for a call from {caller}"
    return f"{listening}, and calls {config.remote}" if config.remote is not None and config.dial else listening


async def tell_waits(
    network: Network, log: EventLog, clock: Clock, plans: Iterable[SessionPlan], deadline: float
) -> None:
    """Say what each session with an external router waits for, whenever that changes; until the deadline."""
    mine = [plan for plan in plans if plan.peer.is_external]
    told: dict[str, tuple[Wait, float]] = {}
    until = datetime.fromtimestamp(deadline).strftime("%H:%M:%S")
    while mine and (left := deadline - clock.now()) > 0:
        for plan in mine:
            wait = wait_of(network.edges.view(plan), network.edges.config(plan))
            before, when = told.get(plan.id, (None, 0.0))
            if wait.is_news_after(before) or (wait.what and clock.now() - when >= _AGAIN):
                told[plan.id] = wait, clock.now()
                log.append(
                    Remark(
                        clock.now(), f"{wait}; until {until}, {left:.0f} s left" if wait.what else str(wait), plan.id
                    )
                )
        await log.next_event(min(left, _AGAIN), [plan.id for plan in mine])
