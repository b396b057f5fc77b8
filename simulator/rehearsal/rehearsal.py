"""A rehearsal: the whole documented life cycle of every connection of a topology, played through on real sessions."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from pathlib import Path
from typing import Final, Protocol

from simulator.connection.states import ConnectionState, Flow
from simulator.counts import count_of
from simulator.engine.control import ConnectionRecord, ControlPlane
from simulator.engine.log import EventLog
from simulator.engine.network import Network
from simulator.lab.merge import keep_captures
from simulator.places.errors import LabError
from simulator.places.link import LinkKind
from simulator.preflight.rows import evidence_of, preflight
from simulator.rehearsal.ledger import Ledger, mismatch_of
from simulator.rehearsal.outside_bgp import where
from simulator.rehearsal.reporting import final_report
from simulator.rehearsal.script import Audience, Script, ScriptTape, names, together
from simulator.rehearsal.traffic import TrafficTrial
from simulator.report.model import Report
from simulator.routers.daemon import ConfigRefusedError
from simulator.topology.schema import Topology
from simulator.views.session import SessionView

_NAMED: Final = 4
"""Connections of one state that are named one by one."""


class RehearsalTape(ScriptTape, Protocol):
    """A tape that also takes down what a rehearsal keeps."""

    def follow_ledger(self, ledger: Ledger) -> None:
        """Called before anything runs."""

    def finished(self, report: Report) -> None:
        """What came of it."""


class Rehearsal:
    """One run of one topology. Make it where an event loop runs; `log` may be subscribed to before `run`."""

    def __init__(
        self,
        topology: Topology,
        kind: LinkKind,
        record_octets: bool = False,
        capture_file: Path | None = None,
        log: EventLog | None = None,
        audience: Audience | None = None,
        tape: RehearsalTape | None = None,
    ) -> None:
        """`record_octets` keeps the octets for wire.pcap; the merged capture goes to `capture_file`, where the link
        allows one. `tape` as for `Network`."""
        self.topology = topology
        self.log = log or EventLog()
        self.refused = False
        """What ended it is not the lab's: a daemon refused its user's own file."""
        self._started = time.time()
        self._capture_file = capture_file
        self._before_lift: dict[str, Mapping[str, SessionView]] = {}
        """By connection."""
        self._script = Script(
            topology,
            kind,
            self.log,
            audience or Audience(),
            record=record_octets and kind is LinkKind.LOOPBACK,
            keep_captures=capture_file is not None,
            tape=tape,
            before_lift=self._look_before_lift,
        )
        validator = self._script.workflow.validator
        self.ledger = Ledger(topology, validator.views, self.log.append, self._script.clock.now)
        self._traffic = TrafficTrial(self.network, validator, self.log, self.ledger)
        self._tape = tape
        if tape is not None:
            tape.follow_ledger(self.ledger)

    @property
    def network(self) -> Network:
        return self._script.network

    @property
    def control(self) -> ControlPlane:
        return self._script.control

    async def run(self) -> Report:
        """Never raises for what goes wrong in the lab: that is an outcome. Cancelling it takes the lab down."""
        self._started = time.time()
        try:
            closing = self._script.closing("the rehearsal is over")
            async with self.network, self._traffic, self._keeping_evidence(), closing:
                await self._play()
        except LabError as error:
            self.ledger.fail(str(error))
            self.refused = isinstance(error, ConfigRefusedError)
        return self._taken_down(self._report())

    async def run_and_keep(self, keep: Callable[[Report], None]) -> Report:
        """As `run`; when it is cancelled `keep` gets what there was, and CancelledError says where it was."""
        try:
            return await self.run()
        except asyncio.CancelledError:
            keep(self.interrupted_report())
            raise asyncio.CancelledError(self.where) from None

    @property
    def where(self) -> str:
        """The connections in each state, in one line."""
        by: dict[ConnectionState, list[ConnectionRecord]] = {}
        for record in self.control.records.values():
            by.setdefault(record.state, []).append(record)
        return "; ".join(
            f"{names(each) if len(each) <= _NAMED else count_of(len(each), 'connection')} in {state}"
            for state, each in by.items()
        )

    def interrupted_report(self) -> Report:
        """What there was of it when `run` was cancelled."""
        self.ledger.fail("interrupted: the lab was taken down before the rehearsal was over")
        return self._taken_down(self._report())

    def _taken_down(self, report: Report) -> Report:
        if self._tape is not None:
            self._tape.finished(report)
        # After the tape: how long the asking took is no part of what can be played again.
        report.diagnosis_seconds = self._script.workflow.validator.longest_asking
        return report

    def _report(self, *more: str) -> Report:
        """`more`: what else did not come out as expected."""
        return final_report(self._script, self.ledger, self._started, time.time(), self._capture_file, more)

    def register(self, peering: str, asn: int) -> None:
        """Register a customer's ASN at a peering with a route server, while the rehearsal runs."""
        self._script.register(peering, asn)

    def delete(self, connection: str) -> None:
        """The peer deletes the peering of a connection while the rehearsal runs."""
        self._script.delete(connection)

    async def _play(self) -> None:
        script, network = self._script, self.network
        script.say(
            f"{where(self.topology)}: {count_of(len(network.edges.plans), 'session')} on the {network.kind.value} link"
        )
        if network.site.quality_problem:
            script.say(network.site.quality_problem)
        await self._compare_configurations()
        approved = await script.turn_up(self.control.records.values())
        await together(*map(self._until_lifted, approved))
        for _, error in script.refusals:
            self.ledger.refused(str(error))
        active = [record for record in approved if record.state is ConnectionState.ACTIVE]
        for record in approved:
            self.ledger.compare(record)
        if approved:
            forbidden = (line for record in approved for line in self.ledger.forbidden_warnings(record))
            await script.audience.hold(lambda: self._report(*forbidden))
        if active:
            what = f"{names(active)}: every route is withdrawn, the sessions stay Established"
            await script.audience.pause("deprovision", what)
        # One route server after the other: what one has lost the other still carries.
        one_by_one = [record for record in active if record.flow is Flow.IXRS]
        at_once = [[record] for record in active if record.flow is not Flow.IXRS]
        await together(*map(self._deprovision, (one_by_one, *at_once)))
        self.ledger.forbid_warnings(approved)

    async def _compare_configurations(self) -> None:
        """What does not match is said, and supports the diagnosis. It ends nothing: the sessions themselves decide."""
        rows = await asyncio.to_thread(preflight, self.topology, ask=False)
        self._script.workflow.validator.preflight = evidence_of(rows)
        for row in rows:
            if words := mismatch_of(row):
                self._script.say(f"preflight {row.session}: {row.fit.name}: {words}", row.connection)
                self.ledger.mismatch(row.peering, f"{row.session}: the configurations do not match: {words}")
        if all(row.fine for row in rows):
            fits = ", ".join(dict.fromkeys(row.fit.name for row in rows))
            self._script.say(f"preflight: {count_of(len(rows), 'session')}: {fits}")

    async def _until_lifted(self, record: ConnectionRecord) -> None:
        """From the peer's notification to Active, or to ProvisioningFailed."""
        validator = self._script.workflow.validator
        if await self._script.until_judged(record):
            await self._script.register_customers(record)
            before = self._before_lift[record.id]
            results = await validator.after_lift(record, before, self.ledger.expected(record))
            self.ledger.add(record, results)
            self.ledger.add(record, await self._traffic.after_lift(record, before, results))
        elif record.state is ConnectionState.PENDING_REMOVE:
            self.ledger.add(record, validator.taken_back(record))
        self.ledger.look(record)

    async def _look_before_lift(self, record: ConnectionRecord) -> None:
        views = self._script.workflow.validator.views
        routes = sum(view.accepted for view in views(record).values())
        what = (
            f"{record.id} passed its validation: it becomes Active, {count_of(routes, 'route is', 'routes are')} taken"
        )
        await self._script.audience.pause("lift", what)
        self._before_lift[record.id] = views(record)
        await self._traffic.before_lift(record)

    async def _deprovision(self, records: Iterable[ConnectionRecord]) -> None:
        """From Active to PendingRemove, to gone; one after the other."""
        script = self._script
        for record in records:
            await self._add_watched(record)
            before = script.workflow.validator.views(record)
            await script.workflow.operate(record, "deprovision")
            results = await script.workflow.validator.after_deny(record, before)
            self.ledger.add(record, results)
            self.ledger.require(record, [*results, *await self._traffic.after_deny(record, before)])
            what = f"the sessions of {record.id} are closed with a Cease, and the connection is gone"
            await script.audience.pause("remove", what)
            await script.remove(record)

    async def _add_watched(self, record: ConnectionRecord) -> None:
        """What the watch saw since the lift; of the lift itself A3 tells."""
        watcher = self._script.workflow.watcher
        await watcher.settle(record.id)
        self.ledger.add_watched(record, watcher.seen(record.id))

    @contextlib.asynccontextmanager
    async def _keeping_evidence(self) -> AsyncIterator[None]:
        """Whatever happens, take the captures out of the lab's directory before that is removed."""
        try:
            yield
        finally:
            captures = list(self.network.captures.running.values())
            if self._capture_file is not None and captures:
                problem = await keep_captures(captures, self._capture_file)
                if problem:
                    self._script.say(f"{problem}: the report goes without the lab's packets")
