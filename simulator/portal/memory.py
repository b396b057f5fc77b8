"""What the portal keeps between two requests: the walkthrough, and how the BGP FSM of each session moved."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from simulator.azure.provider.provider import Provider
from simulator.engine.log import Event
from simulator.peer.events import BgpStateChanged
from simulator.portal.walkthrough import Walkthrough
from simulator.session.states import BgpState
from simulator.views.connection import StepView

_STEPS_KEPT: Final = 400
"""Of each session; older ones stay in the event log."""
_EVENT: Final = "bgp-state"


class PortalMemory:
    """The store has it all; a session's steps are read from there once, and followed from then on."""

    def __init__(self, provider: Provider) -> None:
        self._unit = provider.unit
        self.walkthrough = Walkthrough(provider)
        self._steps: dict[str, deque[StepView]] = {}
        provider.log.subscribe(self._take)

    def _take(self, event: Event) -> None:
        if isinstance(event, BgpStateChanged) and event.session in self._steps:
            self._steps[event.session].append(StepView.of_session(event.session, event.transition))

    def bgp_steps(self, session: str) -> tuple[StepView, ...]:
        """The newest changes of a session's BGP FSM state, oldest first; those before a restart too."""
        if session not in self._steps:
            self._unit.flush()
            rows = self._unit.store.newest(_EVENT, session, _STEPS_KEPT)
            self._steps[session] = deque((_step(session, each.row, each.time) for each in rows), _STEPS_KEPT)
        return tuple(_joined(self._steps[session]))


def _joined(steps: Iterable[StepView]) -> Iterator[StepView]:
    """A lab that was killed told of no end: where two steps do not join, one stands between them."""
    before: StepView | None = None
    for step in steps:
        if before is not None and before.to is not step.from_:
            yield StepView(step.time, before.to, step.from_, "the lab was stopped and started again", step.session)
        yield step
        before = step


def _step(session: str, row: dict[str, str], written: float) -> StepView:
    time = datetime.fromisoformat(row["time"]).timestamp() if "time" in row else written
    return StepView(time, BgpState(row["from"]), BgpState(row["to"]), row.get("reason", ""), session)
