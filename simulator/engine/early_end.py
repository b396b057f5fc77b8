"""The end of a validation before its deadline: the routers of sessions that are down are asked what keeps them back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from simulator.diagnosis.evidence import Observation
from simulator.diagnosis.foregone import Standing, decisive, repeats
from simulator.diagnosis.router_answer import RouterAnswer
from simulator.engine.log import EventLog
from simulator.engine.network import Network
from simulator.engine.router_evidence import answer_of
from simulator.session.states import BgpState
from simulator.speakers.clock import Clock
from simulator.topology.plan import SessionPlan
from simulator.views.session import SessionView

_LOOK: Final = 2.5
"""Seconds between two looks while something decisive stands; twice as long each time where nothing does."""
_SELDOM: Final = 10.0
_PATIENCE: Final = 2.0
"""Seconds that a router has for its answer."""

Observe = Callable[[Sequence[SessionPlan], Mapping[str, RouterAnswer]], Observation]


class EarlyEnd:
    """Which sessions of one validation are known to fail. Sessions of a router that somebody configures by hand, or
    that the lab does not run, never are: it may be mended at any moment."""

    def __init__(
        self, network: Network, log: EventLog, clock: Clock, plans: Sequence[SessionPlan], observe: Observe
    ) -> None:
        """`observe`: what is seen of these sessions now, with their routers' answers."""
        self._network = network
        self._log = log
        self._clock = clock
        self._plans = [plan for plan in plans if not plan.peer.is_external and network.peers.runs(plan.peer.name)]
        self._observe = observe
        self._standing = Standing()

    def knows(self, view: SessionView) -> bool:
        """Whether a session fails. `view`: it as it is now, as `since` gives it."""
        if view.bgp_state is BgpState.ESTABLISHED or all(plan.id != view.id for plan in self._plans):
            return False
        return self._standing.decided(view.id, self._clock.now()) or repeats(view)

    async def look(self, deadline: float) -> None:
        """Look again and again, until the deadline; wake who waits for these sessions after each look."""
        pause = _LOOK
        while self._plans and self._clock.now() + pause < deadline:
            await asyncio.sleep(pause)
            down = [plan for plan in self._plans if self._is_down(plan)]
            answers = await asyncio.gather(*(answer_of(self._network, each, _PATIENCE, lifted=False) for each in down))
            found = {plan.id: answer for plan, answer in zip(down, answers, strict=True) if answer is not None}
            facts, now = decisive(self._observe(down, found)), self._clock.now()
            for plan in self._plans:
                self._standing.see(plan.id, facts.get(plan.id, ()), now)
            stands = any(self._standing.any_stands(plan.id) for plan in self._plans)
            pause = _LOOK if stands else min(2 * pause, _SELDOM)
            self._log.wake(plan.id for plan in self._plans)

    def _is_down(self, plan: SessionPlan) -> bool:
        edges = self._network.edges
        return edges.is_provisioned(plan) and edges.bgp_state(plan) is not BgpState.ESTABLISHED
