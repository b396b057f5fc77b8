"""The running network of a topology: its site, AS8075's edges, the peers' routers, the captures between them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from types import TracebackType
from typing import Final, Protocol

from simulator.diagnosis.evidence import TrafficSeen
from simulator.engine.captures import Captures
from simulator.engine.datafiles import DataFileRead, DataFiles
from simulator.engine.edges import Edges
from simulator.engine.kernel_routes import KernelRoutes
from simulator.engine.peers import PeerRouters
from simulator.engine.registrations import Registrations
from simulator.engine.site import Site
from simulator.engine.tape import Tape
from simulator.peer.events import SpeakerEvent
from simulator.places.link import LinkKind
from simulator.speakers.clock import Clock
from simulator.speakers.speaker import Speaker
from simulator.speakers.tap import Tap
from simulator.topology.plan import SessionPlan
from simulator.topology.schema import Topology

RECORDED_OCTETS: Final = 256 * 1024 * 1024
"""Octets of memory for what a rehearsal's sessions carry, at most (simulator)."""


class TriesTraffic(Protocol):
    """Sends datagrams by a session."""

    async def after_lift(self, plan: SessionPlan) -> TrafficSeen:
        """Which of them pass, where all are to."""


class Network:
    """Enter to build, exit to remove every trace. Make it where an event loop runs."""

    def __init__(
        self,
        topology: Topology,
        kind: LinkKind,
        emit: Callable[[SpeakerEvent | DataFileRead], None],
        *,
        record: bool,
        recorded_octets: int = RECORDED_OCTETS,
        keep_captures: bool = False,
        registrations: Registrations | None = None,
        tape: Tape | None = None,
    ) -> None:
        """`record` keeps the speakers' own octets, as many as fit into `recorded_octets` of memory; `keep_captures` a
        file of each capture, where the link allows one.

        `registrations`: what lifted sessions are judged by besides the policy's data; None: nothing is registered.
        `tape`: takes down what happens, so that it can be played again.
        """
        self.topology = topology
        self.kind = kind
        self.tap = Tap(recorded_octets) if record else None
        clock = Clock(asyncio.get_running_loop()) if tape is None else tape.clock
        self._exit = contextlib.AsyncExitStack()
        self.data = DataFiles(topology.policy.data, clock.now, emit)
        """What the rules look things up in; empty until the network is built."""
        self.site = Site(topology, kind)
        self.captures = Captures(self.site, keep=keep_captures)
        self.kernel: KernelRoutes | None = None
        """The edges' FIBs, while traffic is tried."""
        self.traffic: TriesTraffic | None = None
        """What tries it; None: nobody does."""
        make_speaker = Speaker if tape is None else tape.make_speaker
        self.edges = Edges(topology, self.site, self.data, clock, emit, registrations, self.tap, make_speaker)
        self.peers = PeerRouters(topology, self.site, self.edges, self._exit)

    async def __aenter__(self) -> Network:
        try:
            await self._build()
        except BaseException:
            await self._exit.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._exit.aclose()

    async def _build(self) -> None:
        await self.site.build(self._exit)
        await self.data.load()
        for edge in self.topology.edges:
            await self.captures.start(edge.name, self._exit)
        await self.edges.start(self._exit)
        if self.data.is_watching_anything:
            watching = asyncio.ensure_future(self.data.watch(self.edges.apply_data))
            self._exit.push_async_callback(_end, watching)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
