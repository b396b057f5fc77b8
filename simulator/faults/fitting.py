"""From a faulty lab to a network that has the fault: its routers made otherwise, its actions done at their time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
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

_DELETED_AT: Final = {
    ConnectionState.PROVISIONING_STARTED: "provisioning",
    ConnectionState.VALIDATING: "validating",
    ConnectionState.ACTIVE: "lifted",
}
"""State that a connection has come into → the moment at which an action may delete it."""


class FittedFault:
    """Make it before any router is started."""

    def __init__(self, lab: FaultyLab, network: Network, log: EventLog, delete: Callable[[str], None]) -> None:
        """`delete`: has the peer delete the peering of a connection."""
        self._lab = lab
        self._delete = delete
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
        if not isinstance(event, ConnectionMoved):
            return
        if event.transition.target is ConnectionState.ACTIVE:
            self._tasks.append(asyncio.ensure_future(self._lifted()))
        moment = _DELETED_AT.get(event.transition.target)
        if any(action.delete and action.at == moment for action, _ in self._lab.actions):
            # Before the workflow's next step, which is due behind this one.
            asyncio.get_running_loop().call_soon(self._delete, event.connection)

    async def _lifted(self) -> None:
        try:
            await self.do("lifted")
        except LabError as error:
            self._problems.append(error)
