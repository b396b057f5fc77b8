"""The exchange's route server, played by turnup: RFC 7947, with the edges and the exchange's members as its clients."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import ClassVar

import simulator
from simulator.diagnosis.router_answer import RouterAnswer
from simulator.peer.events import NeighborConfig, cease
from simulator.places.endpoint import Endpoint
from simulator.places.link import LinkKind
from simulator.places.place import Place
from simulator.policy.rule import PolicyContext
from simulator.rib.route_server.client import RouteServerSettings
from simulator.rib.route_server.policy import ClientPolicy
from simulator.routers.base import RouterConfig, RouterFiles, RouterSession, SessionReport
from simulator.routers.console import RouterConsole
from simulator.routers.own_file import OwnFile
from simulator.routers.reason import Reason
from simulator.session.messages import Cease, Family
from simulator.session.states import BgpState
from simulator.speakers.clock import Clock
from simulator.speakers.route_server import RouteServer
from simulator.wire import nlri


class SimulatedRouteServer:
    """One route server. The gates are Microsoft's: here every client is served as soon as its session is up."""

    kind = "route-server"
    own_file: ClassVar[OwnFile | None] = None
    console: ClassVar[RouterConsole | None] = None

    def __init__(self) -> None:
        self._server: RouteServer | None = None
        self._sessions: dict[str, RouterSession] = {}
        self._endpoints: dict[str, Endpoint] = {}

    async def start(self, place: Place, config: RouterConfig, files: RouterFiles) -> None:
        clock = Clock(asyncio.get_running_loop())
        self._server = RouteServer(config.name, place, clock, lambda event: None, RouteServerSettings(config.asn))
        self._sessions = {session.name: session for session in (*config.sessions, *config.clients)}
        try:
            await self._listen(self._server, place)
            for session in self._sessions.values():
                self._add(self._server, config, session)
        except BaseException:
            await self.stop()
            raise

    async def _listen(self, server: RouteServer, place: Place) -> None:
        """One listening socket an address; on IPv6 loopback, where everybody is ::1, one a session."""
        shared: dict[object, Endpoint] = {}
        for session in self._sessions.values():
            alone = place.kind is LinkKind.LOOPBACK and session.family is Family.IPV6
            key = session.name if alone else session.local_address
            if key not in shared:
                shared[key] = await server.listen(session.local_address)
            self._endpoints[session.name] = shared[key]

    def _add(self, server: RouteServer, config: RouterConfig, session: RouterSession) -> None:
        context = PolicyContext(
            peer_as=session.remote_as, peer_address=str(session.remote_address), local_as=config.asn, lan=config.lan
        )
        server.add(
            NeighborConfig(
                id=session.name,
                local_as=config.asn,
                router_id=config.router_id,
                local_address=session.local_address,
                peer_address=session.remote_address,
                peer_as=session.remote_as,
                local=self._endpoints[session.name],
                remote=session.remote if session.remote.port else None,
                gated=False,
                policy=ClientPolicy(context, config.rules),
                md5=session.md5,
                gtsm=session.gtsm,
                hold_time=config.hold_time,
                dial_first=False,
            ),
            session.remote.host,
        )

    def endpoint(self, session: str) -> Endpoint:
        return self._endpoints[session]

    async def sessions(self) -> Sequence[SessionReport]:
        return tuple(self._report(session) for session in self._sessions.values()) if self._server else ()

    def _report(self, session: RouterSession) -> SessionReport:
        view = self._started().view(session.name)
        return SessionReport(
            name=session.name,
            state=view.bgp_state.value,
            established=view.bgp_state is BgpState.ESTABLISHED,
            since=datetime.fromtimestamp(view.established_at, UTC).isoformat() if view.established_at else "",
            received=view.accepted,
            exported=view.sent,
            reason=view.last_error,
        )

    async def received(self, session: str) -> frozenset[str]:
        held = self._started().routes(session)
        return frozenset(nlri.text(route.family, route.key) for route in held if not route.hits)

    async def exported(self, session: str) -> frozenset[str]:
        server = self._started()
        view = server.view(session)
        if not view.sent:
            return frozenset()
        return frozenset(nlri.text(view.family, key) for key in server.advertised(session))

    async def answer(self, session: str) -> RouterAnswer | None:
        return None

    async def reasons(self, session: str) -> Sequence[Reason]:
        return ()

    def remarks(self) -> Sequence[str]:
        return ()

    async def version(self) -> str:
        return f"simulated route server (turnup {simulator.__version__})"

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.close(cease(Cease.ADMINISTRATIVE_SHUTDOWN, "the lab is taken down"))
            self._server = None

    def _started(self) -> RouteServer:
        assert self._server is not None, "the route server was not started"
        return self._server


ROUTER = SimulatedRouteServer
