"""Takes down a lab while it runs: what each session heard, what was seen from outside, what was decided.

It stands around the engine's objects, not in them: a call that decides something is written, with what it was given,
before it is made. What follows from it is computed again in a replay.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from base64 import b64encode
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import simulator
from simulator.connection.states import ConnectionState
from simulator.engine.control import ConnectionRecord, ControlPlane, Journal
from simulator.engine.datafiles import DataFileRead
from simulator.engine.log import ConnectionMoved, Event, EventLog, Remark
from simulator.engine.network import Network
from simulator.engine.validating import Validator
from simulator.engine.workflow import Workflow
from simulator.recording.codec import encode
from simulator.recording.file import MAGIC, VERSION, RecordingWriter
from simulator.recording.records import SAID, fingerprint, result_of
from simulator.recording.secrets import SHORTEST, held_keys, topology_document, with_names, without
from simulator.recording.taped_looks import TapedLooks
from simulator.rehearsal.ledger import Ledger
from simulator.report.model import Report
from simulator.speakers.recorded import RecordedSpeaker, TurnClock
from simulator.speakers.speaker import Speaker
from simulator.topology.plan import SessionPlan
from simulator.topology.policy_files import files_of
from simulator.views.check import CheckView

CONTROL_VERBS: Final = (
    *("request", "approve", "reject", "ask", "find_conflict", "take_notice", "provision", "start_validation"),
    *("find_legacy", "request_conversion", "convert_legacy", "withdraw_conversion", "provision_new"),
    *("operate", "delete", "deprovision", "fail_provisioning", "forget", "deny_all", "settle"),
)
"""The control plane's verbs, but for what comes with sessions or with checks."""
LEDGER_VERBS: Final = (
    "fail",
    "fall_short",
    "refused",
    "mismatch",
    "add",
    "require",
    "look",
    "compare",
    "forbid_warnings",
)

_LARGEST_DATA: Final = 64 << 20
_PART: Final = 1 << 18


class RecordingTape:
    """Make it where an event loop runs; it is a `ScriptTape`, and a `RehearsalTape`."""

    def __init__(self, path: Path, kind: str = "rehearsal") -> None:
        """`kind`: `rehearsal` for whatever begins with the connections of its topology, `served` for what begins with
        none. Raises RecordingError where the file cannot be written."""
        self.clock = TurnClock(asyncio.get_running_loop())
        self._kind = kind
        self._log: EventLog | None = None
        self._steps: dict[str, int] = {}
        """By connection: the steps of its history that are taken down."""
        self._writer = RecordingWriter(path, self._stopped)
        self._secrets: list[str] = []
        self._keys: dict[str, str] = {}
        """MD5 keys, and what stands in their place."""
        self._time = 0
        self._peers = 0
        self._depth = 0
        """Of calls that are taken down: what one of them calls follows from it."""
        self._registered: dict[str, Any] = {}
        self._has_data = False
        self._looks = TapedLooks(self.write, lambda value: without(value, self._secrets))

    def _stopped(self, why: str) -> None:
        if self._log is not None:
            self._log.append(Remark(self.clock.now(), f"recording: {why}"))

    @property
    def problem(self) -> str:
        """Why it ended early; empty where it did not."""
        return self._writer.problem

    def finished(self, report: Report) -> None:
        """What came of it all."""
        result = without(result_of(report), self._secrets)
        self.write("result", report.started, report.finished, dict(report.router), result)

    def close(self) -> None:
        """Write the end, and wait for the disk."""
        self._writer.close()

    # --- writing ---

    def write(self, kind: str, *given: Any) -> None:
        """One record, behind its time where that is another one."""
        now = round(self.clock.now() * 1e6)
        if now != self._time:
            self._writer.write(["@", now - self._time])
            self._time = now
        self._writer.write([kind, *given])

    def new_peer(self) -> int:
        self._peers += 1
        return self._peers

    def _clean(self, value: Any) -> Any:
        return without(encode(value), self._secrets)

    # --- what is followed ---

    def make_speaker(self, *given: Any, **more: Any) -> Speaker:
        speaker = RecordedSpeaker(*given, **more)
        speaker.recorder = self
        return speaker

    def follow(self, network: Network, control: ControlPlane, workflow: Workflow, log: EventLog) -> None:
        """Everything that is decided from now on."""
        document, self._keys = topology_document(network.topology)
        self._secrets = sorted((key for key in self._keys if len(key) >= SHORTEST), key=len, reverse=True)
        self._writer.write(
            [
                MAGIC,
                VERSION,
                {
                    "by": simulator.__version__,
                    "kind": self._kind,
                    "events": log.most,
                    "link": network.kind.value,
                    "topology": document,
                    "own-checks": _own_checks(network, workflow.validator),
                },
            ]
        )
        self._network = network
        self._log = log
        log.subscribe(self._heard)
        for name in CONTROL_VERBS:
            self._around(control, name, "v")
        self._around(control, "lift", "v")
        self._around(control, "extend", "v", self._extended)
        self._around(control, "add", "v", lambda plans, flow: [[*map(self._planned, plans)], flow.name])
        self._around(network.edges, "plan_again", "v", lambda plans: [[*map(self._planned, plans)]])
        self._around(workflow, "_tell", "tell")
        self._around(workflow, "_conclude", "conclude")
        self._around(network.edges, "provision", "p", self._carried)
        self._around(network.edges, "squeeze", "v", lambda peer, family, limit: [peer, family.name, limit])
        self._around(network.edges, "sign_with", "v", lambda edge, peer, family, key: [edge, peer, family.name, key])
        self._around(network.edges, "admit", "v", lambda plan: [self._planned(plan)])
        self._around(network.edges, "dismiss", "v", lambda plan: [self._planned(plan)])
        self._looks.follow(workflow.validator)
        self._around(workflow.watcher, "_judge", "w")
        self._around(workflow.watcher, "_tell_ended", "e")
        self._follow_registrations(network)

    def follow_ledger(self, ledger: Ledger) -> None:
        """What a rehearsal keeps."""
        for name in LEDGER_VERBS:
            self._around(ledger, name, "q")
        self._around(ledger, "replace_traffic", "q")
        self._around(ledger, "add_watched", "q", lambda record, seen: [record.id])

    def _around(self, owner: Any, name: str, kind: str, told: Callable[..., list[Any]] | None = None) -> None:
        """Write each call of a method, but for those that another one makes."""
        call = getattr(owner, name)
        is_task = inspect.iscoroutinefunction(call)

        def given(*args: Any, **more: Any) -> list[Any]:
            if kind == "v" and args and isinstance(args[0], ConnectionRecord):
                self._take_history(args[0])
            found = told(*args, **more) if told is not None else [*map(self._argument, args)]
            if more and told is None:
                found.append({key: self._argument(each) for key, each in more.items()})
            return [name, *found] if kind in ("v", "q") else found

        @functools.wraps(call)
        def around(*args: Any, **more: Any) -> Any:
            if self._writer.is_over():
                return call(*args, **more)
            if is_task or self._depth:  # what a task does is taken down by itself
                if is_task or kind == "p":
                    self.write(kind, *given(*args, **more))
                return call(*args, **more)
            self.write(kind, *given(*args, **more))
            self._depth += 1
            try:
                return call(*args, **more)
            finally:
                self._depth -= 1

        @functools.wraps(call)
        async def around_task(*args: Any, **more: Any) -> Any:
            if not self._writer.is_over():
                self.write(kind, *given(*args, **more))  # what the task does is taken down by itself
            return await call(*args, **more)

        setattr(owner, name, around_task if is_task else around)

    def _take_history(self, record: ConnectionRecord) -> None:
        """What a connection had behind it before anything was taken down: it was in a store."""
        connection = record.connection
        new = connection.steps - self._steps.get(record.id, 0)
        if new > 0:
            self.write("y", record.id, [encode(step) for step in connection.history[-new:]])
        self._steps[record.id] = connection.steps

    def journal(self, journal: Journal) -> Journal:
        """The same; when a lift has to wait for it is taken down, and when it is over."""
        return _HeardJournal(journal, self)

    def settled(self, call: Callable[[], None]) -> None:
        """What waited for the journal is lifted now."""
        self.write("v", "settle")
        self._depth += 1
        try:
            call()
        finally:
            self._depth -= 1

    def _argument(self, value: Any) -> Any:
        match value:
            case ConnectionRecord():
                return value.id
            case list() if all(isinstance(each, CheckView) for each in value):
                return self._looks.numbers_of(value)
            case tuple() if value and all(isinstance(each, SessionPlan) for each in value):
                return [plan.id for plan in value]
            case list() | tuple():
                return [self._argument(each) for each in value]
        return self._clean(value)

    # --- sessions ---

    def _carried(self, plan: SessionPlan) -> list[Any]:
        """What really carries a session."""
        edges, site = self._network.edges, self._network.site
        if not self._has_data:
            self._has_data = True
            self._data()
        called = edges.called.get(plan.router_session)
        ours, theirs = _endpoint(edges.listening(plan)), _endpoint(called) if called else None
        return [plan.id, str(site.caller(plan)), ours, theirs]

    def _extended(self, record: ConnectionRecord, plans: Iterable[SessionPlan], event: Any, what: str) -> list[Any]:
        return [record.id, [*map(self._planned, plans)], event.name, self._clean(what)]

    def _planned(self, plan: SessionPlan) -> Any:
        """A session that was not in the topology, or not so; a key in it has its name."""
        found = encode(plan)
        for key in held_keys(found):
            if key not in self._keys:
                self._keys[key] = f"key-{len(self._keys) + 1}"
                if len(key) >= SHORTEST:
                    self._secrets.append(key)
        return without(with_names(found, self._keys), self._secrets)

    def _follow_registrations(self, network: Network) -> None:
        inner = network.edges.registrations
        if inner is None:
            return
        at = inner.at

        def registered(plan: SessionPlan) -> Any:
            found = at(plan)
            told = encode(found)
            if self._registered.get(plan.peering) != told and not self._writer.is_over():
                self._registered[plan.peering] = told
                self.write("n", plan.peering, told)
            return found

        setattr(inner, "at", registered)  # noqa: B010

    # --- events ---

    def _heard(self, event: Event) -> None:
        if isinstance(event, DataFileRead) and not event.error and self._has_data:
            self._data()
        if self._writer.is_over():
            return
        if isinstance(event, ConnectionMoved):
            if event.transition.target is ConnectionState.NONE:
                self._steps.pop(event.connection, None)
            else:
                self._steps[event.connection] = self._steps.get(event.connection, 0) + 1
        name = type(event).__name__
        if name in SAID:
            self.write("E", name, self._clean(event))
        else:
            self.write("=", *without(fingerprint(event), self._secrets))

    def _data(self) -> None:
        for number, (key, path) in enumerate(files_of(self._network.topology.policy.data)):
            try:
                octets = path.read_bytes() if path.stat().st_size <= _LARGEST_DATA else None
            except OSError:
                octets = None
            if octets is None:
                self.write("D", number, key, path.name, -1, "", True)
                continue
            for at in range(0, max(len(octets), 1), _PART):
                part = b64encode(octets[at : at + _PART]).decode()
                self.write("D", number, key, path.name, at, part, at + _PART >= len(octets))


class _HeardJournal:
    """A journal; what the control plane asks it is taken down."""

    def __init__(self, inner: Journal, tape: RecordingTape) -> None:
        self._inner, self._tape = inner, tape

    def write(self, record: ConnectionRecord, moved: ConnectionMoved) -> None:
        self._inner.write(record, moved)

    def flush(self) -> None:
        self._inner.flush()

    @property
    def behind(self) -> bool:
        behind = self._inner.behind
        if behind:
            self._tape.write("h")
        return behind

    def when_caught_up(self, call: Callable[[], None]) -> None:
        self._inner.when_caught_up(lambda: self._tape.settled(call))


def _endpoint(endpoint: Any) -> list[Any]:
    return [str(endpoint.host), endpoint.port]


def _own_checks(network: Network, validator: Validator) -> list[str]:
    """The ids of the checks that the user's own file adds: they are nobody else's to run."""
    return [] if network.topology.checks.file is None else [check.id for check in validator._selection.own]
