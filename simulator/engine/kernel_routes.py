"""The edges' kernel FIBs: what passed the gate is programmed, what is denied or withdrawn is taken out.

No route passes through here on its way: events only say which session has changed, and a task then brings the kernel to
what Loc-RIB holds, the difference in one batch on a thread. Without traffic nothing of this exists.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping

from simulator.addresses import IpAddress
from simulator.engine.edges import Edges
from simulator.engine.log import Event, EventLog
from simulator.lab.fib import FibRoute
from simulator.lab.hosts import ServiceTap, TrafficHosts
from simulator.peer.events import (
    BgpStateChanged,
    GateMoved,
    PolicyApplied,
    PrefixLimit,
    RoutesAnnounced,
    RoutesWithdrawn,
)
from simulator.topology.plan import SessionPlan

_CHANGES = frozenset({RoutesAnnounced, RoutesWithdrawn, GateMoved, PolicyApplied, PrefixLimit, BgpStateChanged})
_REST = 0.05
"""Seconds between two looks at sessions that keep changing."""


class KernelRoutes:
    """Keeps every edge's FIB as its sessions' routes in Loc-RIB are."""

    def __init__(self, edges: Edges, hosts: TrafficHosts, log: EventLog) -> None:
        self._edges = edges
        self._hosts = hosts
        self._programmed: dict[str, dict[bytes, IpAddress]] = {}
        """By session: prefix key → next hop."""
        self._changed: set[str] = set()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._devices: dict[tuple[str, str], int] = {}
        self.refused: dict[str, list[str]] = {}
        """By session: what the kernel refused at last."""
        log.subscribe(self._hear)

    def _hear(self, event: Event) -> None:
        if type(event) in _CHANGES:
            self._changed.add(event.session)  # type: ignore[union-attr]
            self._idle.clear()
            self._wake.set()

    async def follow(self) -> None:
        """Until it is cancelled. The namespaces go with the lab, and all routes with them."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            changed, self._changed = self._changed, set()
            for plan in [plan for plan in self._edges.plans if plan.id in changed]:
                await self._bring_up_to_date(plan)
            if not self._changed:
                self._idle.set()
            await asyncio.sleep(_REST)

    async def settled(self, within: float) -> None:
        """Wait until the kernel has all that is known so far, at most `within` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._idle.wait()

    async def held(self, plan: SessionPlan) -> int | None:
        """How many routes of a session its edge's kernel holds, by the kernel's word; None: it has no tap."""
        tap = self._tap(plan)
        return await asyncio.to_thread(self._hosts.held, tap, plan.edge_address.version) if tap is not None else None

    def _tap(self, plan: SessionPlan) -> ServiceTap | None:
        return self._hosts.taps.get((plan.connection, plan.edge.name))

    async def _bring_up_to_date(self, plan: SessionPlan) -> None:
        tap = self._tap(plan)
        before = self._programmed.get(plan.id, {})
        if tap is None or not (before or self._edges.is_lifted(plan)):
            return
        wanted = self._wanted(plan)
        self._programmed[plan.id] = wanted
        self.refused[plan.id] = await asyncio.to_thread(self._change, tap, plan.edge_address.version, before, wanted)

    def _wanted(self, plan: SessionPlan) -> dict[bytes, IpAddress]:
        if not self._edges.is_lifted(plan):
            return {}
        taken = self._edges.taken(plan)
        return {key: path.next_hop or plan.peer_address for _, key, path in taken}

    def _change(
        self, tap: ServiceTap, version: int, before: Mapping[bytes, IpAddress], wanted: Mapping[bytes, IpAddress]
    ) -> list[str]:
        add = (
            FibRoute(key, gateway, self._device(tap, gateway))
            for key, gateway in wanted.items()
            if before.get(key) != gateway
        )
        return self._hosts.learned(tap, version, add, [key for key in before if key not in wanted])

    def _device(self, tap: ServiceTap, gateway: IpAddress) -> int:
        name = tap.edge.interface_to(gateway)
        found = self._devices.get((tap.edge.name, name))
        if found is None:
            found = self._devices[tap.edge.name, name] = tap.edge.index_of(name)
        return found
