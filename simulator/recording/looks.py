"""When a replayed lab is looked at, and what comes of each look: by what was seen then, as it is judged now."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from simulator.diagnosis.check import When
from simulator.engine.control import ConnectionRecord, ControlPlane
from simulator.engine.gathering import Gathered
from simulator.recording.course import RecordedCourse
from simulator.recording.lab import ReplayedNetwork, ReplayedValidator, ReplayedWatcher
from simulator.topology.plan import SessionPlan
from simulator.views.check import CheckView
from simulator.views.session import SessionView


class ReplayedLooks:
    """The looks of one replay, by their numbers."""

    def __init__(
        self,
        course: RecordedCourse,
        network: ReplayedNetwork,
        control: ControlPlane,
        validator: ReplayedValidator,
        watcher: ReplayedWatcher,
    ) -> None:
        self._course, self._network, self._control = course, network, control
        self._validator, self._watcher = validator, watcher
        self._views: dict[int, dict[str, SessionView]] = {}
        self._looks: dict[int, list[CheckView]] = {}
        self._watches: dict[str, list[Coroutine[Any, Any, None]]] = {}

    def before(self, number: int, connection: str, plans: list[str]) -> None:
        """The sessions as they are when a look begins, which comes later."""
        self._views[number] = self._validator.views(self.part(connection, plans))

    def part(self, connection: str, plans: list[str]) -> ConnectionRecord:
        """A connection with some of its sessions; those that there are."""
        record = self._control.records[connection]
        mine = tuple(plan for plan in record.plans if plan.id in plans and self.is_there(plan))
        return record if len(mine) == len(record.plans) else replace(record, plans=mine)

    def is_there(self, plan: SessionPlan) -> bool:
        """Whether its edge has a session."""
        return self._network.edges.is_provisioned(plan)

    def look(
        self,
        number: int,
        when: str,
        connection: str,
        plans: list[str],
        before: int,
        gathered: dict[str, Any],
        seen: dict[str, Any],
    ) -> None:
        """A look, judged as it is judged now."""
        if when == "ACTIVE":
            self._watched(plans[0], seen)
            return
        record = self.part(connection, plans)
        was = {plan.id: self._views.get(before, {}).get(plan.id) or self.view(plan) for plan in record.plans}
        self._validator.seen = seen
        try:
            if when == "LATE":
                self._looks[number] = self._validator.judge_late(record, was)
            else:
                known = Gathered(
                    was,
                    float(gathered["since"]),
                    expected=dict(gathered["expected"]),
                    lifted=bool(gathered["lifted"]),
                )
                self._looks[number] = self._validator.judge(When[when], record, known, final=bool(gathered["final"]))
        finally:
            self._validator.seen = None

    def view(self, plan: SessionPlan) -> SessionView:
        """As it is now."""
        return self._network.edges.view(plan)

    def watch(self, session: str) -> None:
        """An Active session is looked at; what was seen of it follows."""
        work = self._watcher._judge(session)
        if _goes_on(work):
            self._watches.setdefault(session, []).append(work)

    def _watched(self, session: str, seen: dict[str, Any]) -> None:
        waiting = self._watches.get(session)
        if not waiting:
            if self._course.follows:
                self._course.differs(f"{session}: it was watched, and is not")
            return
        self._validator.seen = seen
        if _goes_on(waiting.pop(0)):
            raise self._course.fail(f"{session} is still watched")
        self._validator.seen = None

    def results(self, looks: list[int]) -> list[CheckView]:
        """What came of these looks, as it is computed now."""
        return [result for look in looks for result in self._looks.get(look, ())]


def _goes_on(work: Coroutine[Any, Any, Any]) -> bool:
    """Whether a coroutine waits for something."""
    try:
        work.send(None)
    except StopIteration:
        return False
    return True
