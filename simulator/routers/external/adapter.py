"""A router that the lab does not run: somebody else's process, virtual machine or box. The lab only waits for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from simulator.diagnosis.router_answer import RouterAnswer
from simulator.places.endpoint import Endpoint
from simulator.places.place import Place
from simulator.routers.base import NotOurRouterError, RouterConfig, RouterFiles, SessionReport
from simulator.routers.console import RouterConsole
from simulator.routers.own_file import OwnFile
from simulator.routers.reason import Reason


class External:
    """A router that somebody else runs. Nothing is started, nothing can be asked."""

    kind = "external"
    own_file: ClassVar[OwnFile | None] = None
    console: ClassVar[RouterConsole | None] = None

    def __init__(self) -> None:
        self._endpoints: dict[str, Endpoint] = {}
        self._name = self.kind

    async def start(self, place: Place, config: RouterConfig, files: RouterFiles) -> None:
        self._name = config.name
        self._endpoints = {
            session.name: Endpoint(place.host(session.local_address), place.port) for session in config.sessions
        }

    def endpoint(self, session: str) -> Endpoint:
        """Where it said that it listens; port 0 where it only calls."""
        return self._endpoints[session]

    async def sessions(self) -> Sequence[SessionReport]:
        return ()

    async def received(self, session: str) -> frozenset[str]:
        raise self._not_ours()

    async def exported(self, session: str) -> frozenset[str]:
        raise self._not_ours()

    async def answer(self, session: str) -> RouterAnswer | None:
        return None

    async def reasons(self, session: str) -> Sequence[Reason]:
        return ()

    def remarks(self) -> Sequence[str]:
        return ()

    async def version(self) -> str:
        return "external router, not run by turnup"

    async def stop(self) -> None:
        return None

    def _not_ours(self) -> NotOurRouterError:
        return NotOurRouterError(f"the router of {self._name} is external: only its owner can look into its tables")


ROUTER = External
