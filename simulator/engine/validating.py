"""The end-to-end validation of one connection: gathers evidence until every check can tell, or the deadline comes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from simulator.connection.states import Flow
from simulator.diagnosis.catalogue import evaluate, rejected_routes
from simulator.diagnosis.check import When
from simulator.diagnosis.check_ids import CheckId
from simulator.diagnosis.evidence import Observation, Traffic, TrafficSeen, since
from simulator.diagnosis.foregone import Still
from simulator.diagnosis.router_answer import RouterAnswer
from simulator.diagnosis.watched import Watched
from simulator.engine.capture_watches import Watches
from simulator.engine.control import ConnectionRecord
from simulator.engine.dozing import keep_awake
from simulator.engine.early_end import EarlyEnd
from simulator.engine.external_waits import tell_waits
from simulator.engine.gathering import PATIENCE, POLL, Gathered, ending
from simulator.engine.log import EventLog
from simulator.engine.network import Network
from simulator.engine.observing import COMES_BACK, Observer
from simulator.session.states import BgpState
from simulator.speakers.clock import Clock
from simulator.topology.own_checks import selection
from simulator.topology.plan import SessionPlan
from simulator.views.check import CheckView, Status
from simulator.views.session import SessionView


class Validator(Observer):
    """Validates connections of one network."""

    def __init__(self, network: Network, log: EventLog, clock: Clock) -> None:
        super().__init__(network, log, clock)
        self._selection = selection(network.topology)
        self.longest_asking: float | None = None
        """Of all connections: the most seconds from a deadline, or from when one was known to fail, to its verdict."""

    async def validate(self, record: ConnectionRecord) -> list[CheckView]:
        """Run the checks that stand before the lift, until they pass, or are known to fail, or the deadline comes."""
        gathered = Gathered(
            before=self.views(record),
            since=self._clock.now(),
            counters={plan.id: self._counters(plan.edge.name) for plan in record.plans},
            peer_counters={plan.id: self._counters(plan.peer.name) for plan in record.plans},
        )
        watches = Watches(self._network, record.plans)
        deadline = gathered.since + self._network.topology.deadline
        probes = [asyncio.ensure_future(self._ask_lan(plan, gathered, deadline)) for plan in record.plans]
        waits = asyncio.ensure_future(tell_waits(self._network, self._log, self._clock, record.plans, deadline))
        awake = asyncio.ensure_future(keep_awake(self._network, self._log, self._clock, record.plans, deadline))
        early = self._early_end(record, gathered)
        looks = asyncio.ensure_future(early.look(deadline))
        try:
            ended_early = await self._until_soaked(record, gathered, early, deadline)
            known = self._clock.now() if ended_early else deadline
            await self._ask_all(record, gathered, watches, probes, known, ended_early=ended_early)
        finally:
            watches.end()
            for task in (*probes, waits, awake, looks):
                task.cancel()
            await asyncio.gather(*probes, waits, awake, looks, return_exceptions=True)
        results = self.judge(When.VALIDATING, record, gathered, final=True)
        self._took(known)
        return results

    def taken_back(self, record: ConnectionRecord) -> list[CheckView]:
        """C2, of a connection that is set for deprovisioning before it was Active."""
        step = record.connection.last_step
        words = f"{step.reason} (from {step.source}, by {step.actor.value})"
        observation = Observation(record.id, (), has_lan=False, soak=0, final=True, taken_back=words)
        return evaluate([each for each in self._selection.of(When.VALIDATING) if each.id == CheckId.C2], observation)

    async def after_lift(
        self, record: ConnectionRecord, before: Mapping[str, SessionView], expected: Mapping[str, int] | None = None
    ) -> list[CheckView]:
        """A1 and A3: the routes are at both ends, and stay, on the sessions of `before`, for the `active` time.

        `expected`: how many accepted routes to wait for until the deadline, by session. A rule that rejects only what
        came after the validation is a warning too.
        """
        until = self._clock.now() + self._times.active
        results = await self._poll(record, before, When.LIFTED, expected)
        while not any(result.stops for result in results) and (left := until - self._clock.now()) > 0:
            await self._log.next_event(left, self._names(record))
            results = await self._poll(record, before, When.LIFTED)
        return [*results, *self.judge_late(record, before)]

    async def after_deny(self, record: ConnectionRecord, before: Mapping[str, SessionView]) -> list[CheckView]:
        """A4: while PendingRemove, nothing is left at either end of sessions that are still up."""
        return await self._poll(record, before, When.DEPROVISIONING)

    async def while_active(
        self,
        record: ConnectionRecord,
        plan: SessionPlan,
        before: SessionView,
        began: float,
        watched: Watched,
        traffic: TrafficSeen | None = None,
    ) -> list[CheckView]:
        """W1 to W6, and a warning for each rule that rejects something now: what is wrong with one lifted session.

        `before`: it as it was when it was in order, at `began`. `traffic`: what passed when it was last tried.
        """
        tried = {} if traffic is None else {plan.id: Traffic(lifted=traffic)}
        gathered = Gathered({plan.id: before}, began, lifted=True, watched=watched, traffic=tried)
        alone = replace(record, plans=(plan,))
        if self._network.edges.bgp_state(plan) is not BgpState.ESTABLISHED:
            await self._ask_why(alone, gathered)
        found = self.judge(When.ACTIVE, alone, gathered, final=True)
        told = {result.id for result in record.results} | (COMES_BACK if record.flow is Flow.IXRS else set())
        return [each for each in found if each.status.bad and each.id not in told]

    def traffic(
        self, record: ConnectionRecord, before: Mapping[str, SessionView], seen: Mapping[str, Traffic], skipped: str
    ) -> list[CheckView]:
        """A2: what `seen` tells of each session's traffic. `skipped`: why none was tried; empty where it was."""
        gathered = Gathered(before, self._clock.now(), lifted=True, traffic=seen, traffic_skipped=skipped)
        return self.judge(When.TRAFFIC, record, gathered, final=True)

    # --- what is made of what was gathered; nothing is asked and nobody waits ---

    def judge(self, when: When, record: ConnectionRecord, gathered: Gathered, *, final: bool) -> list[CheckView]:
        """What the checks of a time say; and while routes may still be mended, a warning for each rule that rejects."""
        observation = self._observe(record, gathered, final=final)
        found = evaluate(self._selection.of(when), observation)
        if when in (When.VALIDATING, When.ACTIVE):
            found += self._selection.rejected(rejected_routes(observation), when)
        return found

    def judge_late(self, record: ConnectionRecord, before: Mapping[str, SessionView]) -> list[CheckView]:
        """A warning for each rule that rejects only what came after the validation."""
        told = {result.id for result in record.results}
        found = rejected_routes(self._observe(record, Gathered(before, self._clock.now(), lifted=True)))
        return [each for each in self._selection.rejected(found, When.LIFTED) if each.id not in told]

    @property
    def now(self) -> float:
        """Seconds since the epoch, by the clock of the log."""
        return self._clock.now()

    @property
    def wants_traffic(self) -> bool:
        """Whether A2 is among the checks that run."""
        return bool(self._selection.of(When.TRAFFIC))

    def views(self, record: ConnectionRecord) -> dict[str, SessionView]:
        """The sessions of a connection now."""
        return {plan.id: self._network.edges.view(plan) for plan in record.plans}

    async def _poll(
        self,
        record: ConnectionRecord,
        before: Mapping[str, SessionView],
        when: When,
        expected: Mapping[str, int] | None = None,
    ) -> list[CheckView]:
        """Ask the peers' routers until every check passes or the deadline comes."""
        gathered = Gathered(before, self._clock.now(), expected=expected or {}, lifted=True)
        gathered.asks_members = when is When.LIFTED
        deadline = self._clock.now() + self._network.topology.deadline
        checks = self._selection.of(when)
        still = Still()
        while True:
            reading = asyncio.ensure_future(self._read_tables(record, gathered, deadline + PATIENCE))
            async with ending(reading):
                late = not await self._done([reading], deadline)
                await asyncio.gather(reading, *([self._ask_why(record, gathered)] if late else []))
            results = evaluate(checks, self._observe(record, gathered))
            known = min(deadline, self._clock.now())
            waiting = {result.id for result in results if result.status is Status.UNSET}
            # A route server passes on what it has at once: what has stopped to come to its members does not come.
            stuck = still.see(dict(gathered.members), self._clock.now()) and waiting == {CheckId.A5}
            over = late or stuck or self._clock.now() >= deadline
            if over or not waiting:
                if not late and (over or any(result.status.bad for result in results)):
                    await self._ask_why(record, gathered)
                told = self.judge(when, record, gathered, final=over)
                self._took(known)
                return told
            await self._log.next_event(min(POLL, deadline - self._clock.now()), self._names(record))

    def _took(self, known: float) -> None:
        """A verdict is there. `known`: when waiting could tell nothing more."""
        self.longest_asking = max(self.longest_asking or 0.0, self._clock.now() - known)

    # --- waiting ---

    def _early_end(self, record: ConnectionRecord, gathered: Gathered) -> EarlyEnd:
        def observe(plans: Sequence[SessionPlan], answers: Mapping[str, RouterAnswer]) -> Observation:
            return self._observe(replace(record, plans=tuple(plans)), replace(gathered, answers=dict(answers)))

        return EarlyEnd(self._network, self._log, self._clock, record.plans, observe)

    async def _until_soaked(
        self, record: ConnectionRecord, gathered: Gathered, early: EarlyEnd, deadline: float
    ) -> bool:
        """Until every session was Established for the soak time, its table is in, and something in it is acceptable.

        Whether it ended early: some sessions are known to fail, and the others have come so far.
        """
        soak, began = self._times.soak, gathered.since
        while (now := self._clock.now()) < deadline:
            views = [self._network.edges.view(plan) for plan in record.plans]
            behind = [view for view in views if not self._is_ready(view, began)]
            if all(early.knows(since(gathered.before[view.id], view, began)) for view in behind):
                return bool(behind)
            moments = [when for view in views for when in (view.established_at, view.last_update) if when is not None]
            wake = min([deadline, *(when + soak for when in (began, *moments) if when + soak > now)])
            await self._log.next_event(wake - now, self._names(record))
        return False

    def _is_ready(self, view: SessionView, began: float) -> bool:
        return self._soaked(view, began) and self._settled(view) and view.accepted > 0
