"""The watch of Active peerings: judges a lifted session when something happens on it; tells what begins and ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field, replace

from simulator.diagnosis.check_ids import CheckId
from simulator.diagnosis.evidence import Passage, TrafficSeen
from simulator.diagnosis.solve import merged
from simulator.engine import watching
from simulator.engine.control import ConnectionRecord
from simulator.engine.log import Event, EventLog, WatchTold
from simulator.engine.network import Network
from simulator.engine.validating import Validator
from simulator.engine.watching import Watching
from simulator.peer.events import GateMoved
from simulator.session.states import BgpState
from simulator.speakers.clock import Clock
from simulator.topology.plan import SessionPlan
from simulator.views.check import CheckView, Status
from simulator.views.session import SessionView


@dataclass(slots=True)
class _Kept:
    """What is kept of one lifted session: bounded by the checks that there are."""

    connection: str
    before: SessionView
    """It as it was when it was last in order."""
    since: float
    open: dict[str, CheckView] = field(default_factory=dict)
    """What is wrong now, by check."""
    passed: bool = False
    """Packets have passed since the lift."""
    traffic: TrafficSeen | None = None
    """What passed when it was last tried."""
    seen: dict[str, CheckView] = field(default_factory=dict)
    """All that was ever wrong since the lift, as it was last."""


class Watcher:
    """Watches every session from its lift to its deny."""

    def __init__(
        self,
        network: Network,
        validator: Validator,
        records: Mapping[str, ConnectionRecord],
        log: EventLog,
        clock: Clock,
        failed: Callable[[BaseException], None],
    ) -> None:
        """`records`: the connections by id. `failed` gets what must not happen."""
        self._network = network
        self._validator = validator
        self._records = records
        self._log = log
        self._clock = clock
        self._failed = failed
        self._watching = Watching()
        self._kept: dict[str, _Kept] = {}
        self._ended: list[tuple[str, _Kept]] = []
        self._look = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._stopped = False
        log.subscribe(self._take)

    def seen(self, connection: str) -> list[CheckView]:
        """What was wrong since the lift, one a check: what is over included."""
        return _one_each(kept.seen.values() for kept in self._kept.values() if kept.connection == connection)

    async def settle(self, connection: str) -> None:
        """Judge a connection's sessions at once, before something is done to them."""
        mine = [session for session, kept in self._kept.items() if kept.connection == connection]
        for session in mine:
            await self._try_traffic(session)
        await asyncio.gather(*map(self._judge, mine))

    def halt(self) -> None:
        """Watch nothing any more."""
        self._stopped = True
        for task in self._tasks:
            task.cancel()

    async def stop(self) -> None:
        self.halt()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _take(self, event: Event) -> None:
        """A listener of the log: it only notes; its task judges, after the event."""
        if self._stopped:
            return
        if isinstance(event, GateMoved):
            self._gate_moved(event)
        elif not self._watching.take(event):
            return
        if not self._tasks:
            self._begin(self._run())
            if self._network.traffic is not None:
                self._begin(self._follow_traffic())
        self._look.set()

    def _gate_moved(self, event: GateMoved) -> None:
        if (kept := self._kept.pop(event.session, None)) is not None:
            self._ended.append((event.session, kept))
            self._show(kept.connection)
        self._watching.end(event.session)
        plan = self._network.edges.provisioned(event.session)
        if event.is_open and plan is not None:
            view = self._network.edges.view(plan)
            self._kept[event.session] = _Kept(plan.connection, view, event.time)
            self._watching.begin(view, event.time)

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        task.add_done_callback(self._over)
        self._tasks.append(task)

    def _over(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(error)

    async def _run(self) -> None:
        while True:
            self._look.clear()
            due = self._watching.next_due()
            left = None if due is None else max(0.0, due - self._clock.now())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._look.wait()
            self._tell_ended()
            await asyncio.gather(*map(self._judge, self._watching.due(self._clock.now())))

    async def _follow_traffic(self) -> None:
        while True:
            await asyncio.sleep(watching.TRAFFIC)
            for session in list(self._kept):
                await self._try_traffic(session)

    async def _try_traffic(self, session: str) -> None:
        """Whether packets pass by a session that is up. Where they never did, nothing is lost: A1 or A2 says why."""
        kept, plan, traffic = self._kept.get(session), self._network.edges.provisioned(session), self._network.traffic
        record = self._records.get(kept.connection) if kept is not None else None
        if kept is None or plan is None or traffic is None or record is None:
            return
        up = self._up_since(plan)
        if up is None:
            return
        seen = await traffic.after_lift(plan)
        if self._kept.get(session) is not kept or self._up_since(plan) != up:
            return  # denied or reset meanwhile
        tried = any(result.id == CheckId.A2 and result.status is Status.SUCCESS for result in record.results)
        kept.passed |= tried or (bool(seen.crossings) and not _loses(seen))
        if not kept.passed:
            return
        kept.traffic = seen
        if (CheckId.W6 in kept.open) is not _loses(seen):
            self._watching.look(session, self._clock.now())
            self._look.set()

    def _up_since(self, plan: SessionPlan) -> float | None:
        view = self._network.edges.view(plan)
        return view.established_at if view.bgp_state is BgpState.ESTABLISHED else None

    def _tell_ended(self) -> None:
        """What is denied, or gone, is not watched: whatever was wrong is over."""
        ended, self._ended = self._ended, []
        for session, kept in ended:
            self._tell(session, kept, {})

    async def _judge(self, session: str) -> None:
        kept, plan = self._kept.get(session), self._network.edges.provisioned(session)
        record = self._records.get(kept.connection) if kept is not None else None
        if kept is None or plan is None or record is None:
            self._watching.end(session)
            return
        view, now = self._network.edges.view(plan), self._clock.now()
        watched = self._watching.judge(view, self._network.edges.config(plan).max_prefix, now)
        found = await self._validator.while_active(record, plan, kept.before, kept.since, watched, kept.traffic)
        if self._kept.get(session) is not kept:
            return  # denied meanwhile
        self._watching.judged(session, wrong=bool(found))
        self._tell(session, kept, {result.id: result for result in found})
        if not found and view.bgp_state is BgpState.ESTABLISHED:
            kept.before, kept.since = view, now

    def _show(self, connection: str) -> None:
        """What is wrong with a connection's sessions now, one a check, for everybody who looks at it."""
        if (record := self._records.get(connection)) is not None:
            mine = (kept.open.values() for kept in self._kept.values() if kept.connection == connection)
            record.watched = _one_each(mine)

    def _tell(self, session: str, kept: _Kept, found: dict[str, CheckView]) -> None:
        before, kept.open = kept.open, found
        kept.seen |= found
        self._show(kept.connection)
        now = self._clock.now()
        for id_, result in found.items():
            if id_ not in before:
                self._log.append(WatchTold(now, kept.connection, session, result))
        for id_, result in before.items():
            if id_ not in found:
                self._log.append(WatchTold(now, kept.connection, session, result, over=True))


def _loses(seen: TrafficSeen) -> bool:
    return any(each.passage is not Passage.PASSED for each in seen.crossings)


def _one_each(of_sessions: Iterable[Iterable[CheckView]]) -> list[CheckView]:
    """One result a check, with what was seen of all sessions."""
    found: dict[str, CheckView] = {}
    for result in (result for results in of_sessions for result in results):
        known = found.get(result.id)
        if known is not None:
            evidence = tuple(dict.fromkeys((*known.evidence, *result.evidence)))
            result = replace(known, evidence=evidence, causes=tuple(merged((*known.causes, *result.causes))))
        found[result.id] = result
    return list(found.values())
