"""The only mover of connections: reviews, provisioning, validation, removal. One task a connection.

Each task looks at its connection's state, does the one thing that this state calls for, and looks again. So it does
not matter how the state came about: by a request, by an operator, by a script, or out of a store after a crash.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol

from simulator.connection.connection import TransitionRefusedError
from simulator.connection.states import ConnectionEvent, ConnectionState, Conversion
from simulator.engine.awaited import awaited, awaits_notification
from simulator.engine.control import ConnectionRecord, ControlPlane, passes
from simulator.engine.log import CheckEnded, EventLog, Remark
from simulator.engine.network import Network
from simulator.engine.notices import of_validation
from simulator.engine.validating import Validator
from simulator.engine.verbs import VERBS
from simulator.engine.watcher import Watcher
from simulator.places.errors import LabError
from simulator.speakers.clock import Clock
from simulator.topology.plan import SessionPlan
from simulator.views.check import CheckView

E = ConnectionEvent
S = ConnectionState

_BY_ITSELF: Final = frozenset({S.PROVISIONING_STARTED, S.PROVISIONING_COMPLETED, S.PENDING_REMOVE})
"""States in which Microsoft's automation does the next step, once a delay is over."""


_UNHURRIED: Final = {
    S.VALIDATING: "the validation takes the time that it takes, and ends by itself",
    S.ACTIVE: "it waits for nothing",
}
"""Why nothing of it can be done now, by state."""


class Delays(Protocol):
    """How long Microsoft's people and its automation take."""

    def due(self, delay: str, since: float) -> float | None:
        """When what takes `delay` (see `awaited`) since `since` happens, in seconds since the epoch; None: by hand."""


class Reviewers:
    """What is decided about connections by somebody else than the workflow; here: nothing stands in the way."""

    def __init__(self, control: ControlPlane) -> None:
        self._control = control

    def conflict(self, record: ConnectionRecord) -> str:
        """Why the addresses of a request cannot be had, as an errorMessage; empty where they can."""
        return ""

    def convert(self, record: ConnectionRecord) -> None:
        """Approve the conversion of a legacy connection. Raises TransitionRefusedError."""
        self._control.convert_legacy(record)

    def remove(self, record: ConnectionRecord) -> None:
        """The sessions of a connection in PendingRemove are closed: it is gone."""
        self._control.forget(record)

    async def before_lift(self, record: ConnectionRecord) -> None:
        """Awaited when a validation has passed, before the connection becomes Active."""


@dataclass(frozen=True, slots=True)
class _Followed:
    record: ConnectionRecord
    changed: asyncio.Event
    task: asyncio.Task[None]


class Workflow:
    """Moves the connections that it follows; nobody else does."""

    def __init__(
        self,
        network: Network,
        control: ControlPlane,
        delays: Delays,
        reviewers: Reviewers,
        log: EventLog,
        clock: Clock,
        failed: Callable[[BaseException], None],
    ) -> None:
        """`failed` gets what no step may raise: nothing can be relied on then, and every gate is to be shut."""
        self.validator = Validator(network, log, clock)
        self.watcher = Watcher(network, self.validator, control.records, log, clock, failed)
        self._network = network
        self._control = control
        self._delays = delays
        self._reviewers = reviewers
        self._log = log
        self._clock = clock
        self._failed = failed
        self._followed: dict[str, _Followed] = {}
        self._hurried: dict[tuple[str, int], asyncio.Future[None]] = {}
        """By connection and the number of steps that it had made: what it waits for is done without its delay."""
        self._halted = False
        self._does: dict[S, Callable[[ConnectionRecord], Awaitable[bool]]] = {
            S.PENDING_APPROVAL: self._review,
            S.APPROVED: self._await_notification,
            S.PROVISIONING_STARTED: self._provision,
            S.PROVISIONING_COMPLETED: self._start_validation,
            S.VALIDATING: self._validate,
            S.ACTIVE: self._keep_active,
            S.PENDING_REMOVE: self._remove,
        }

    # --- for an operator ---

    async def operate(self, record: ConnectionRecord, verb: str, message: str = "") -> None:
        """Do what a verb of `VERBS` names, and go on from there. Raises TransitionRefusedError."""
        done = self._do(record, VERBS[verb].event, message)
        self.follow(record)
        if done is not None:
            await done

    def _do(self, record: ConnectionRecord, event: E | None, message: str) -> asyncio.Future[None] | None:
        match event:
            case None:
                return self._advance(record)
            case E.APPROVED:
                self.approve(record)
            case E.REJECTED:
                self._control.reject(record, message)
            case E.QUESTIONED:
                self._control.ask(record, message)
            case E.NOTIFIED:
                self._control.take_notice(record)
            case E.DEPROVISION_REQUESTED:
                self._control.deprovision(record)
            case _:
                self._control.operate(record, event, message)
        return None

    def _advance(self, record: ConnectionRecord) -> asyncio.Future[None] | None:
        """The one thing that would happen next."""
        if record.connection.shown_state is S.PENDING_APPROVAL:
            self.approve(record)
        elif record.connection.denied:
            self._control.operate(record, E.REVALIDATION_REQUIRED)
        elif record.state in _BY_ITSELF and not awaits_notification(record):
            return self.hurry(record)
        elif (why := _UNHURRIED.get(record.state)) is not None:
            raise TransitionRefusedError(record.state, E.NOTIFIED, f"{record.id} is {record.state}: {why}")
        else:
            self._control.take_notice(record)
        return None

    def report_conflict(self, record: ConnectionRecord, taken: str) -> None:
        """An address of a request turns out to be taken. Raises TransitionRefusedError."""
        self._control.find_conflict(record, taken)
        self.follow(record)

    # --- the tasks ---

    def follow(self, record: ConnectionRecord) -> None:
        """Begin, or look again: something about the connection has changed."""
        if self._halted:
            return
        followed = self._followed.get(record.id)
        if followed is None or followed.record is not record:
            if followed is not None:
                followed.task.cancel()  # of an earlier life of the same connection
            changed = asyncio.Event()
            task = asyncio.ensure_future(self._drive(record, changed))
            followed = self._followed[record.id] = _Followed(record, changed, task)
            task.add_done_callback(lambda done: self._ended(record, done))
        followed.changed.set()

    def hurry(self, record: ConnectionRecord) -> asyncio.Future[None]:
        """Do not wait for the delay of what it does next; the future ends when that is done, or overtaken."""
        key = (record.id, record.connection.steps)
        if key not in self._hurried:
            self._hurried[key] = asyncio.get_running_loop().create_future()
        self.follow(record)
        return self._hurried[key]

    def look_again(self) -> None:
        """The settings have changed."""
        for followed in self._followed.values():
            followed.changed.set()

    def halt(self) -> None:
        """Move nothing any more."""
        self._halted = True
        self.watcher.halt()
        for followed in self._followed.values():
            followed.task.cancel()

    async def stop(self) -> None:
        tasks = [followed.task for followed in self._followed.values()]
        self.halt()
        await asyncio.gather(*tasks, self.watcher.stop(), return_exceptions=True)

    def _ended(self, record: ConnectionRecord, task: asyncio.Task[None]) -> None:
        if (followed := self._followed.get(record.id)) is not None and followed.task is task:
            del self._followed[record.id]
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
            await self._network.edges.dismiss(plan)

    async def _until(self, record: ConnectionRecord, due: float | None) -> bool:
        """Wait for a time (None: never by itself). False when something else happened to the connection first."""
        left = None if due is None else due - self._clock.now()
        if left is not None and left <= 0:
            return True
        try:
            async with asyncio.timeout(left):
                await self._followed[record.id].changed.wait()
        except TimeoutError:
            return True
        return False

    def _settle(self, record: ConnectionRecord, *, over: bool = False) -> None:
        """End the hurries that are no longer for this step."""
        steps = record.connection.steps
        for key in [key for key in self._hurried if key[0] == record.id and (over or key[1] != steps)]:
            hurried = self._hurried.pop(key)
            if not hurried.done():
                hurried.set_result(None)

    def _due(self, record: ConnectionRecord) -> float | None:
        """When the next step is due; None: by hand."""
        since = record.connection.last_step.time
        hurried = (record.id, record.connection.steps) in self._hurried
        return since if hurried else self._delays.due(awaited(record).delay, since)

    async def _delayed(self, record: ConnectionRecord) -> bool:
        """Wait until the next step is due. False when something else happened to the connection first."""
        return await self._until(record, self._due(record))

    # --- one step a state; True: look at the state again at once ---

    async def _review(self, record: ConnectionRecord) -> bool:
        if await self._delayed(record):
            self.approve(record)
        return True

    def approve(self, record: ConnectionRecord) -> None:
        """Approve the request, unless an address is taken; or the conversion. Raises TransitionRefusedError."""
        if record.connection.conversion is Conversion.PENDING:
            self._reviewers.convert(record)
            return
        if taken := self._reviewers.conflict(record):
            self._control.find_conflict(record, taken)
        else:
            self._control.approve(record)

    async def _await_notification(self, record: ConnectionRecord) -> bool:
        if await self._delayed(record):
            self._control.take_notice(record)
        return True

    async def _provision(self, record: ConnectionRecord) -> bool:
        if awaits_notification(record):
            return await self._await_notification(record)
        if not await self._delayed(record):
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
            if not self._network.edges.knows(plan):
                await self._network.edges.admit(plan)

    async def _start_validation(self, record: ConnectionRecord) -> bool:
        if await self._delayed(record):
            self._control.start_validation(record)
        return True

    async def _restore_denied(self, record: ConnectionRecord) -> None:
        """The sessions of a connection that an operator denied stay up: after a restart they come up again."""
        try:
            await self._restore_sessions(record)
        except LabError as error:
            self._say(record, f"its sessions cannot be provisioned: {error}")

    async def _restore_sessions(self, record: ConnectionRecord) -> None:
        """What is not there as it should be is configured, denied: after a restart, or a change. Raises LabError."""
        await self.prepare(record)
        await self._control.renew(record)
        self._control.provision_new(record)

    async def _validate(self, record: ConnectionRecord) -> bool:
        if record.connection.denied:
            await self._restore_denied(record)
            return False
        steps = record.connection.steps
        try:
            await self._restore_sessions(record)
        except LabError as error:
            self._say(record, f"its sessions cannot be provisioned: {error}")
            self._conclude(record, [])
            return True
        if record.connection.steps != steps:
            return True  # an operator may have denied it meanwhile: nothing is validated then
        results = await self._judged(record, record.plans)
        if results is None or (passes(results) and not await self._still_holds(record)):
            return True
        self._tell(record, results)
        self._conclude(record, results)
        return True

    def _conclude(self, record: ConnectionRecord, results: list[CheckView]) -> None:
        self._control.conclude(record, results)
        self._log.append(of_validation(record, self._clock.now()))

    async def _still_holds(self, record: ConnectionRecord) -> bool:
        """Whether a validation that passed still holds when the reviewers let it be lifted: time may have gone by."""
        steps = record.connection.steps
        before = [self._network.edges.view(plan).established_at for plan in record.plans]
        await self._reviewers.before_lift(record)
        if record.connection.steps != steps:
            return False
        if before == [self._network.edges.view(plan).established_at for plan in record.plans]:
            return True
        self._say(record, "a session was reset meanwhile: it is validated again")
        return False

    async def _judged(self, record: ConnectionRecord, plans: tuple[SessionPlan, ...]) -> list[CheckView] | None:
        """Validate sessions; None when the connection made a step meanwhile: what was found is of another time."""
        steps, changed = record.connection.steps, self._followed[record.id].changed
        validation = asyncio.ensure_future(self.validator.validate(replace(record, plans=plans)))
        try:
            while not validation.done():
                changed.clear()
                waiting = asyncio.ensure_future(changed.wait())
                try:
                    await asyncio.wait((validation, waiting), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    waiting.cancel()
                if record.connection.steps != steps:
                    return None
            return validation.result()
        finally:
            validation.cancel()
            await asyncio.gather(validation, return_exceptions=True)

    async def _keep_active(self, record: ConnectionRecord) -> bool:
        """An Active connection: its conversion is reviewed, and sessions that are still denied are validated."""
        pending = record.connection.conversion is Conversion.PENDING
        due = self._due(record) if pending else None
        if due is not None and due <= self._clock.now():
            self._reviewers.convert(record)
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
        steps = record.connection.steps
        try:
            await self._restore_sessions(record)
        except LabError as error:
            self._say(record, f"sessions of an Active connection cannot be provisioned: {error}")
            return False
        if record.connection.steps != steps:
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
        if not await self._delayed(record):
            return True
        await self._control.close_sessions(record, f"peering {record.peering} is deprovisioned (PendingRemove)")
        self._reviewers.remove(record)
        return True

    def _tell(self, record: ConnectionRecord, results: list[CheckView]) -> None:
        for result in results:
            self._log.append(CheckEnded(self._clock.now(), record.id, result))

    def _say(self, record: ConnectionRecord, text: str) -> None:
        self._log.append(Remark(self._clock.now(), text, record.id))
