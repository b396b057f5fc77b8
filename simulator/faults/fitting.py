"""From a faulty lab to a network that has the fault: its routers made otherwise, its actions done at their time."""

from __future__ import annotations

import asyncio
from typing import Final

from simulator.connection.states import ConnectionState
from simulator.engine.log import ConnectionMoved, Event, EventLog
from simulator.engine.network import Network
from simulator.faults.actions import Saboteur
from simulator.faults.broken import BrokenRouter
from simulator.faults.lab import FaultyLab
from simulator.faults.scripted import ScriptedPeer
from simulator.places.errors import LabError
from simulator.routers.base import Router
from simulator.routers.registry import ROUTERS

MOMENTS: Final = {"approve": "built", "notify": "started"}
"""Step of the life cycle → what has happened just before it, for actions."""


class FittedFault:
    """Make it before any router is started."""

    def __init__(self, lab: FaultyLab, network: Network, log: EventLog) -> None:
        self._lab = lab
        self._saboteur = Saboteur(lab, network)
        self._tasks: list[asyncio.Future[None]] = []
        self._problems: list[LabError] = []
        network.peers.make = self._make
        log.subscribe(self._listen)

    async def do(self, moment: str) -> None:
        """What is to be done now. Raises LabError."""
        await self._saboteur.do(moment)

    async def stop(self) -> None:
        """No action is repeated any more."""
        await self._saboteur.stop()

    def require_made(self) -> None:
        """Raises LabError where an action at the lift could not be done."""
        if self._problems:
            raise self._problems[0]

    def _make(self, kind: str) -> Router:
        lab = self._lab
        inner: Router = ScriptedPeer(lab.spoken, lab.alter) if kind == "simulated" else ROUTERS[kind]()
        return BrokenRouter(inner, lab.alter if kind != "simulated" else lambda config: config, lab.edge_waits)

    def _listen(self, event: Event) -> None:
        if isinstance(event, ConnectionMoved) and event.transition.target is ConnectionState.ACTIVE:
            self._tasks.append(asyncio.ensure_future(self._lifted()))

    async def _lifted(self) -> None:
        try:
            await self.do("lifted")
        except LabError as error:
            self._problems.append(error)
