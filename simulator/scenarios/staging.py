"""A lab that is put up for somebody who drives it: a scenario's steps, or a test. What it leaves is its report."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from simulator.engine.log import EventLog
from simulator.engine.traffic import TrafficLab, why_not
from simulator.lab.merge import keep_captures
from simulator.places.errors import LabError
from simulator.places.link import LinkKind
from simulator.recording.tape import RecordingTape
from simulator.rehearsal.ledger import Ledger
from simulator.rehearsal.reporting import final_report
from simulator.rehearsal.script import Audience, Script
from simulator.report.writer import write_report
from simulator.routers.base import LOG
from simulator.scenarios.needs import link_of
from simulator.scenarios.stage import Stage
from simulator.topology.schema import Topology

_KEPT_OF_A_LOG: Final = 1 << 20
"""Octets."""


class Staging:
    """One lab. Make it where an event loop runs."""

    def __init__(
        self,
        topology: Topology,
        scratch: Path,
        report: Path | None,
        tape: RecordingTape | None = None,
        *,
        automation: bool,
        traffic: bool,
    ) -> None:
        """`scratch`: a directory for what is not kept; `report`: one for the report, None where none is written;
        `tape`: takes it all down.

        `automation`: Microsoft's does what it does by itself; without, it waits for `advance`. `traffic`: hosts stand
        behind the routers, where the link has any.
        """
        self._topology, self._report, self._automation, self._traffic = topology, report, automation, traffic
        self._capture = scratch / "capture.pcap"
        kind = link_of(topology)
        log = EventLog()
        self.script = Script(
            topology,
            kind,
            log,
            Audience(),
            record=report is not None and kind is LinkKind.LOOPBACK,
            keep_captures=report is not None,
            automation=automation,
            tape=tape,
        )
        self._tape = tape
        self._ledger = Ledger(topology, self.script.workflow.validator.views, log.append, self.script.clock.now)
        self._began = time.time()
        if tape is not None:
            tape.follow_ledger(self._ledger)

    @contextlib.asynccontextmanager
    async def running(self, why: str) -> AsyncIterator[Stage]:
        """The lab, up. At its end the peers get a Cease in the words `why`. Raises LabError and ReportError."""
        try:
            async with (
                self.script.network,
                self._evidence(),
                self.script.closing(why),
                self._hosts() as hosts,
            ):
                try:
                    yield Stage(self.script, hosts, by_hand=not self._automation)
                finally:
                    self.look()
        except LabError as error:
            self._ledger.fail(str(error))
            raise
        except asyncio.CancelledError as error:
            self._ledger.fail(": ".join(("interrupted: the lab was taken down before its end", *map(str, error.args))))
            raise
        finally:
            self._write()

    def look(self) -> None:
        """Keep the sessions as they are now: the report shows each as it was seen last."""
        for record in self.script.control.records.values():
            if all(self.script.network.edges.is_provisioned(plan) for plan in record.plans):
                self._ledger.look(record)

    def fell_short(self, text: str) -> None:
        """What did not come out as it should, in one line."""
        self._ledger.fall_short(text)

    @contextlib.asynccontextmanager
    async def _hosts(self) -> AsyncIterator[TrafficLab | None]:
        if not self._traffic or why_not(self._topology, self.script.network.kind):
            yield None
            return
        async with TrafficLab(self.script.network, self.script.log).running() as hosts:
            yield hosts

    @contextlib.asynccontextmanager
    async def _evidence(self) -> AsyncIterator[None]:
        """Whatever happens, take captures and logs out of the lab's directory before that is removed."""
        try:
            yield
        finally:
            if self._report is not None:
                await asyncio.to_thread(self._keep_logs, self._report)
            captures = self.script.network.captures.running.values()
            if self._report is not None and captures and (problem := await keep_captures(captures, self._capture)):
                self.script.say(f"{problem}: the report goes without the lab's packets")

    def _keep_logs(self, report: Path) -> None:
        """The end of each router's own log, as NODE.log."""
        report.mkdir(parents=True, exist_ok=True)
        for node in (*self._topology.peers, *self._topology.customers):
            with contextlib.suppress(FileNotFoundError), (self._directory(node.name) / LOG).open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - _KEPT_OF_A_LOG))
                (report / f"{node.name}.log").write_bytes(log.read())

    def _directory(self, node: str) -> Path:
        return self.script.network.site.subdirectory(node)

    def _write(self) -> None:
        if self._report is None and self._tape is None:
            return
        report = final_report(self.script, self._ledger, self._began, time.time(), self._capture)
        if self._tape is not None:
            self._tape.finished(report)
            self._tape.close()
        if self._report is not None:
            write_report(self._report, report)
