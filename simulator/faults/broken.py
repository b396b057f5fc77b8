"""A router with a fault in it: the project's own adapter, started with another configuration than was agreed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from simulator.diagnosis.router_answer import RouterAnswer
from simulator.places.endpoint import BGP_PORT, Endpoint
from simulator.places.errors import LabError
from simulator.places.place import Place
from simulator.routers.base import Router, RouterConfig, RouterFiles, SessionReport
from simulator.routers.bird.adapter import Bird
from simulator.routers.console import RouterConsole
from simulator.routers.daemon import Daemon
from simulator.routers.own_file import OwnFile
from simulator.routers.reason import Reason


class BrokenRouter:
    """Any router. What a user's own file says is broken in the file; otherwise the configuration is altered."""

    own_file: ClassVar[OwnFile | None] = None
    remedies: ClassVar[Mapping[str, str]] = {}
    console: ClassVar[RouterConsole | None] = None

    def __init__(
        self, inner: Router, alter: Callable[[RouterConfig], RouterConfig], edge_waits: frozenset[str] = frozenset()
    ) -> None:
        self.inner = inner
        self.kind = inner.kind
        self._alter = alter
        self._edge_waits = edge_waits
        self._agreed: dict[str, Endpoint] = {}

    async def start(self, place: Place, config: RouterConfig, files: RouterFiles) -> None:
        self._agreed = {
            each.name: Endpoint(each.local_address, 0 if each.family.label in self._edge_waits else BGP_PORT)
            for each in config.sessions
        }
        await self.inner.start(place, config if config.file is not None else self._alter(config), files)

    def endpoint(self, session: str) -> Endpoint:
        """As agreed: where the edge calls, whatever the router listens on."""
        return self._agreed.get(session) or self.inner.endpoint(session)

    async def sessions(self) -> Sequence[SessionReport]:
        return await self.inner.sessions()

    async def received(self, session: str) -> frozenset[str]:
        return await self.inner.received(session)

    async def exported(self, session: str) -> frozenset[str]:
        return await self.inner.exported(session)

    async def answer(self, session: str) -> RouterAnswer | None:
        try:
            return await self.inner.answer(session)
        except KeyError:  # it was altered away
            return RouterAnswer(configured=False)

    async def reasons(self, session: str) -> Sequence[Reason]:
        try:
            return await self.inner.reasons(session)
        except KeyError:
            return ()

    def remarks(self) -> Sequence[str]:
        return self.inner.remarks()

    async def version(self) -> str:
        return await self.inner.version()

    async def stop(self) -> None:
        await self.inner.stop()

    async def flap(self, family: str, there: bool) -> None:
        """Have a BIRD withdraw the routes of its own, or announce them again; a scripted peer does so by itself."""
        if isinstance(self.inner, Bird):
            await self.inner.command(f"{'enable' if there else 'disable'} static_v{family.removeprefix('IPv')}")

    def signal(self, number: int) -> None:
        """Raises LabError for a router without a process of its own."""
        if not isinstance(self.inner, Daemon):
            raise LabError(f"a {self.kind} router has no process that could be killed or frozen")
        self.inner.signal(number)
