"""When a rehearsal tries traffic: before the lift, after it, after the deny; and what check A2 makes of it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import TracebackType

from simulator.diagnosis.evidence import Traffic
from simulator.engine.control import ConnectionRecord
from simulator.engine.log import EventLog
from simulator.engine.network import Network
from simulator.engine.traffic import TrafficLab, why_not
from simulator.engine.validating import Validator
from simulator.rehearsal.ledger import Ledger
from simulator.views.check import CheckView
from simulator.views.session import SessionView


class TrafficTrial:
    """Of all connections of one rehearsal. Enter it where the network runs."""

    def __init__(self, network: Network, validator: Validator, log: EventLog, ledger: Ledger) -> None:
        self._network = network
        self._validator = validator
        self._log = log
        self._ledger = ledger
        self._skipped = why_not(network.topology, network.kind)
        self._lab: TrafficLab | None = None
        self._exit = contextlib.AsyncExitStack()
        self._seen: dict[str, Traffic] = {}
        """By session."""

    async def __aenter__(self) -> TrafficTrial:
        if self._validator.wants_traffic and not self._skipped:
            self._lab = await self._exit.enter_async_context(TrafficLab(self._network, self._log).running())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._exit.aclose()

    async def before_lift(self, record: ConnectionRecord) -> None:
        """The last moment of the denial."""
        if self._lab is not None:
            for plan in record.plans:
                self._seen[plan.id] = Traffic(before=await self._lab.before_lift(plan))

    async def after_lift(
        self, record: ConnectionRecord, before: Mapping[str, SessionView], results: Sequence[CheckView]
    ) -> list[CheckView]:
        """A2, where the routes were exchanged (`results`: what the other checks said of that)."""
        if self._lab is not None and not any(result.stops for result in results):
            for plan in record.plans:
                seen = self._seen.get(plan.id, Traffic())
                self._seen[plan.id] = replace(seen, lifted=await self._lab.after_lift(plan))
        return self._judged(record, before)

    async def after_deny(self, record: ConnectionRecord, before: Mapping[str, SessionView]) -> list[CheckView]:
        """A2 once more, in the place of what it said before; the results, where it fails now and did not then."""
        known = next((result for result in record.results if result.id == "A2"), None)
        if self._lab is None or known is None or known.stops:
            return []
        for plan in record.plans:
            seen = self._seen.get(plan.id, Traffic())
            if seen.lifted is not None:
                self._seen[plan.id] = replace(seen, denied=await self._lab.after_deny(plan, seen.lifted))
        found = self._judged(record, before)
        return self._ledger.replace_traffic(record, found)

    def _judged(self, record: ConnectionRecord, before: Mapping[str, SessionView]) -> list[CheckView]:
        seen = {plan.id: self._seen[plan.id] for plan in record.plans if plan.id in self._seen}
        return self._validator.traffic(record, before, seen, self._skipped)
