"""What moves by itself: reviews that take their time, provisioning, validation, removal. One task a connection.

Each task looks at its connection's state, does the one thing that this state calls for, and looks again. So it does
not matter how the state came about: by a request, by an operator, or out of the store after a crash.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from simulator.azure.provider.peerings import Peerings
from simulator.connection.connection import TransitionRefusedError
from simulator.connection.states import ConnectionEvent, ConnectionState, Conversion, Flow
from simulator.engine.control import ConnectionRecord, ControlPlane, passes
from simulator.engine.log import CheckEnded, EventLog, Said
from simulator.engine.network import Network
from simulator.engine.validating import Validator
from simulator.places.errors import LabError
from simulator.speakers.clock import Clock
from simulator.topology.plan import SessionPlan
from simulator.views.check import CheckView

S = ConnectionState


@dataclass(frozen=True, slots=True)
class _Driven:
    record: ConnectionRecord
    changed: asyncio.Event
    task: asyncio.Task[None]


def awaits_notification(record: ConnectionRecord) -> bool:
    """Whether a connection in ProvisioningStarted still waits for its peer: the LOA is out, and the cabling to do."""
    return record.connection.last_step.event is ConnectionEvent.APPROVED and record.flow is not Flow.EXCHANGE


class Workflow:
    """Microsoft's automation, and the delays of its people."""

    def __init__(
        self,
        network: Network,
        control: ControlPlane,
        peerings: Peerings,
        log: EventLog,
        clock: Clock,
        failed: Callable[[BaseException], None],
    ) -> None:
        """`failed` is told of what no step may raise: the provider ends then, with every gate shut."""
        self._network = network
        self._control = control
        self._peerings = peerings
        self._log = log
        self._clock = clock
        self._failed = failed
        self._validator = Validator(network, log, clock)
        self._driven: dict[str, _Driven] = {}
        self._hurried: dict[tuple[str, int], asyncio.Future[None]] = {}
        """By connection and the number of steps that it had made: what it waits for is done without its delay."""
        self._halted = False
        self._does: dict[S, Callable[[ConnectionRecord], Awaitable[bool]]] = {
            S.PENDING_APPROVAL: self._review,
            S.APPROVED: self._await_notification,
            S.PROVISIONING_STARTED: self._provision,
            S.PROVISIONING_COMPLETED: self._start_validation,
            S.VALIDATING: self._validate,
            S.ACTIVE: self._tend,
            S.PENDING_REMOVE: self._remove,
        }

    def follow(self, record: ConnectionRecord) -> None:
        """Begin, or look again: something about the connection has changed."""
        if self._halted:
            return
        driven = self._driven.get(record.id)
        if driven is None or driven.record is not record:
            if driven is not None:
                driven.task.cancel()  # of an earlier life of the same connection
            changed = asyncio.Event()
            task = asyncio.ensure_future(self._drive(record, changed))
            driven = self._driven[record.id] = _Driven(record, changed, task)
            task.add_done_callback(lambda done: self._ended(record, done))
        driven.changed.set()

    def hurry(self, record: ConnectionRecord) -> asyncio.Future[None]:
        """Do not wait for the delay of what it does next; the future ends when that is done, or overtaken."""
        key = (record.id, len(record.connection.history))
        if key not in self._hurried:
            self._hurried[key] = asyncio.get_running_loop().create_future()
        self.follow(record)
        return self._hurried[key]

    def look_again(self) -> None:
        """The settings have changed."""
        for driven in self._driven.values():
            driven.changed.set()

    def halt(self) -> None:
        """Move nothing any more."""
        self._halted = True
        for driven in self._driven.values():
            driven.task.cancel()

    async def stop(self) -> None:
        tasks = [driven.task for driven in self._driven.values()]
        self.halt()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, record: ConnectionRecord, task: asyncio.Task[None]) -> None:
        if (driven := self._driven.get(record.id)) is not None and driven.task is task:
            del self._driven[record.id]
            self._settle(record, over=True)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(error)

    async def _drive(self, record: ConnectionRecord, changed: asyncio.Event) -> None:
        while record.state is not S.NONE:
            changed.clear()
            self._settle(record)
            act = self._does.get(record.state)
            try:
                look_again = act is not None and await act(record)
            except TransitionRefusedError:
                continue  # somebody else moved it while this step was being prepared
            if not look_again:
                await changed.wait()
        again = self._control.records.get(record.id)
        for plan in record.plans if again is None else ():
            await self._network.dismiss(plan)

    async def _until(self, record: ConnectionRecord, due: float | None) -> bool:
        """Wait for a time (None: never by itself). False when something else happened to the connection first."""
        left = None if due is None else due - self._clock.now()
        if left is not None and left <= 0:
            return True
        try:
            async with asyncio.timeout(left):
                await self._driven[record.id].changed.wait()
        except TimeoutError:
            return True
        return False

    def _settle(self, record: ConnectionRecord, *, over: bool = False) -> None:
        """End the hurries that are no longer for this step."""
        steps = len(record.connection.history)
        for key in [key for key in self._hurried if key[0] == record.id and (over or key[1] != steps)]:
            hurried = self._hurried.pop(key)
            if not hurried.done():
                hurried.set_result(None)

    def _due(self, record: ConnectionRecord, delay: str) -> float | None:
        """When the step that takes `delay` is due; None: by hand."""
        since = record.connection.last_step.time
        hurried = (record.id, len(record.connection.history)) in self._hurried
        return since if hurried else self._peerings.settings.due(delay, since)

    async def _delayed(self, record: ConnectionRecord, delay: str) -> bool:
        """Wait for a delay. False when something else happened to the connection first."""
        return await self._until(record, self._due(record, delay))

    # --- one step a state; True: look at the state again at once ---

    async def _review(self, record: ConnectionRecord) -> bool:
        if await self._delayed(record, "peering_review"):
            self.approve(record)
        return True

    def approve(self, record: ConnectionRecord) -> None:
        """Approve the request, unless an address is taken; or the conversion. Raises TransitionRefusedError."""
        if record.connection.conversion is Conversion.PENDING:
            self._peerings.convert(record)
            return
        live = self._peerings.live(record.id)
        taken = self._peerings.conflict_of(live) if live is not None else ""
        if taken:
            self._control.operate(record, ConnectionEvent.CONFLICT_FOUND, taken)
        else:
            self._control.approve(record)

    async def _await_notification(self, record: ConnectionRecord) -> bool:
        if await self._delayed(record, "notification"):
            self._control.take_notice(record)
        return True

    async def _provision(self, record: ConnectionRecord) -> bool:
        if awaits_notification(record):
            return await self._await_notification(record)
        if not await self._delayed(record, "provisioning"):
            return True
        try:
            await self.prepare(record)
            await self._control.renew(record)
        except LabError as error:
            self._control.fail_provisioning(record, str(error))
            return True
        with contextlib.suppress(LabError):  # told: the connection is ProvisioningFailed
            self._control.provision(record)
        return True

    async def prepare(self, record: ConnectionRecord) -> None:
        """Let the network know the sessions that it does not know yet. Raises LabError."""
        for plan in record.plans:
            if not self._network.knows(plan):
                await self._network.admit(plan)

    async def _start_validation(self, record: ConnectionRecord) -> bool:
        if await self._delayed(record, "validation"):
            self._control.start_validation(record)
        return True

    async def _restore_sessions(self, record: ConnectionRecord) -> None:
        """What is not there as it should be is configured, denied: after a restart, or a change. Raises LabError."""
        await self.prepare(record)
        await self._control.renew(record)
        self._control.provision_new(record)

    async def _validate(self, record: ConnectionRecord) -> bool:
        try:
            await self._restore_sessions(record)
        except LabError as error:
            self._say(record, f"its sessions cannot be provisioned: {error}")
            self._control.conclude(record, [])
            return True
        results = await self._judged(record, record.plans)
        if results is None:
            return True
        self._tell(record, results)
        self._control.conclude(record, results)
        return True

    async def _judged(self, record: ConnectionRecord, plans: tuple[SessionPlan, ...]) -> list[CheckView] | None:
        """Validate sessions; None when the connection made a step meanwhile: what was found is of another time."""
        steps, changed = len(record.connection.history), self._driven[record.id].changed
        validation = asyncio.ensure_future(self._validator.validate(replace(record, plans=plans)))
        try:
            while not validation.done():
                changed.clear()
                waiting = asyncio.ensure_future(changed.wait())
                try:
                    await asyncio.wait((validation, waiting), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    waiting.cancel()
                if len(record.connection.history) != steps:
                    return None
            return validation.result()
        finally:
            validation.cancel()
            await asyncio.gather(validation, return_exceptions=True)

    async def _tend(self, record: ConnectionRecord) -> bool:
        """An Active connection: its conversion is reviewed, and sessions that are still denied are validated."""
        pending = record.connection.conversion is Conversion.PENDING
        due = self._due(record, "conversion_review") if pending else None
        if due is not None and due <= self._clock.now():
            self._peerings.convert(record)
            return True
        if await self._lift_what_is_new(record):
            return True
        if due is not None:
            await self._until(record, due)
        return due is not None

    async def _lift_what_is_new(self, record: ConnectionRecord) -> bool:
        """Sessions of an Active connection that are still denied: added later, or not validated since a restart."""
        new = tuple(plan for plan in record.plans if plan.id not in record.validated)
        if not new:
            return False
        steps = len(record.connection.history)
        try:
            await self._restore_sessions(record)
        except LabError as error:
            self._say(record, f"sessions of an Active connection cannot be provisioned: {error}")
            return False
        if len(record.connection.history) != steps:
            return True  # changed meanwhile: what was made may not be what is wanted any more
        results = await self._judged(record, new)
        if results is None:
            return True
        news = record.results != results
        if news or passes(results):
            self._tell(record, results)
            record.results = results
        if self._control.lift(record, new, results):
            return False
        if news:
            self._say(record, "the sessions did not pass their validation: they stay denied, and it is tried again")
        await self._until(record, self._clock.now() + self._network.topology.deadline)
        return True

    async def _remove(self, record: ConnectionRecord) -> bool:
        if not await self._delayed(record, "removal"):
            return True
        await self._control.close_sessions(record, f"peering {record.peering} is deprovisioned (PendingRemove)")
        self._peerings.remove(record)
        return True

    def _tell(self, record: ConnectionRecord, results: list[CheckView]) -> None:
        for result in results:
            self._log.append(CheckEnded(self._clock.now(), record.id, result))

    def _say(self, record: ConnectionRecord, text: str) -> None:
        self._log.append(Said(self._clock.now(), text, record.id))
