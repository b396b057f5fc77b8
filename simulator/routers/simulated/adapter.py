"""The simulated peer: the speaker's own code in the peer's role. No daemon, no gate, no policy of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Address, ip_address
from itertools import groupby
from typing import ClassVar

import simulator
from simulator.diagnosis.router_answer import RouterAnswer
from simulator.peer.events import NeighborConfig, cease
from simulator.places.endpoint import Endpoint
from simulator.places.place import Place
from simulator.rib.announcement import Announcement
from simulator.routers.base import RouterConfig, RouterFiles, RouterSession, SessionReport
from simulator.routers.console import RouterConsole
from simulator.routers.own_file import OwnFile
from simulator.routers.reason import Reason
from simulator.session.messages import Cease, Family
from simulator.session.states import BgpState
from simulator.speakers.clock import Clock
from simulator.speakers.speaker import Speaker
from simulator.topology.route import RouterRoute
from simulator.wire import nlri
from simulator.wire.path_attributes import AsSegment, PathAttributes, SegmentKind


class Simulated:
    """A peer played by turnup itself."""

    kind = "simulated"
    own_file: ClassVar[OwnFile | None] = None
    console: ClassVar[RouterConsole | None] = None

    def __init__(self) -> None:
        self._speaker: Speaker | None = None
        self._config: RouterConfig | None = None
        self._endpoints: dict[str, Endpoint] = {}

    async def start(self, place: Place, config: RouterConfig, files: RouterFiles) -> None:
        clock = Clock(asyncio.get_running_loop())
        self._config = config
        self._speaker = Speaker(config.name, place, clock, lambda event: None, announcements(config.routes))
        try:
            await self._listen(self._speaker, place, config)
        except BaseException:
            await self.stop()
            raise
        for session in config.sessions:
            self._speaker.add(
                NeighborConfig(
                    id=session.name,
                    local_as=config.asn,
                    router_id=config.router_id,
                    local_address=session.local_address,
                    peer_address=session.remote_address,
                    peer_as=session.remote_as,
                    local=self._endpoints[session.name],
                    remote=session.remote,
                    gated=False,
                    md5=session.md5,
                    gtsm=session.gtsm,
                    hold_time=config.hold_time,
                    dial_first=session.calls_first,
                )
            )

    async def _listen(self, speaker: Speaker, place: Place, config: RouterConfig) -> None:
        """One listening socket an address; one a session where all come from one host, as on IPv6 loopback."""
        shared: dict[object, Endpoint] = {}
        for session in config.sessions:
            alone = place.host(session.local_address) == session.remote.host
            key = session.name if alone else session.local_address
            if key not in shared:
                shared[key] = await speaker.listen(session.local_address)
            self._endpoints[session.name] = shared[key]

    @property
    def routes(self) -> tuple[RouterRoute, ...]:
        """What it announces now."""
        return tuple(self._config.routes) if self._config is not None else ()

    def endpoint(self, session: str) -> Endpoint:
        return self._endpoints[session]

    async def sessions(self) -> Sequence[SessionReport]:
        return tuple(self._report(session) for session in self._config.sessions) if self._config else ()

    def _report(self, session: RouterSession) -> SessionReport:
        view = self._started().view(session.name)
        since = datetime.fromtimestamp(view.established_at, UTC).isoformat() if view.established_at else ""
        return SessionReport(
            name=session.name,
            state=view.bgp_state.value,
            established=view.bgp_state is BgpState.ESTABLISHED,
            since=since,
            received=view.received,
            exported=view.sent,
            reason=view.last_error,
        )

    async def received(self, session: str) -> frozenset[str]:
        return frozenset(nlri.text(route.family, route.key) for route in self._started().routes(session))

    async def exported(self, session: str) -> frozenset[str]:
        view = self._started().view(session)
        if not view.sent or self._config is None:
            return frozenset()
        family = view.family
        prefixes = (nlri.key(route.prefix) for route in self._config.routes)
        return frozenset(nlri.text(family, key) for found, key in prefixes if found is family)

    async def answer(self, session: str) -> RouterAnswer | None:
        config = self._config
        found = next((each for each in config.sessions if each.name == session), None) if config is not None else None
        if found is None or config is None:
            return RouterAnswer(configured=False)
        report = self._report(found)
        return RouterAnswer(
            state=report.state,
            established=report.established,
            reason=report.reason,
            local_as=config.asn,
            remote_as=found.remote_as,
            md5=found.md5 is not None,
            gtsm=found.gtsm,
            hold_time=config.hold_time,
        )

    async def reasons(self, session: str) -> Sequence[Reason]:
        return ()

    def remarks(self) -> Sequence[str]:
        return ()

    async def announce(self, config: RouterConfig) -> None:
        """Announce the routes of this configuration from now on."""
        self._config = config
        self._started().announce(announcements(config.routes))

    async def version(self) -> str:
        return f"simulated peer (turnup {simulator.__version__})"

    async def stop(self) -> None:
        if self._speaker is not None:
            await self._speaker.close(cease(Cease.ADMINISTRATIVE_SHUTDOWN, "the lab is taken down"))
            self._speaker = None

    def _started(self) -> Speaker:
        assert self._speaker is not None, "the simulated peer was not started"
        return self._speaker


def announcements(routes: Sequence[RouterRoute]) -> list[Announcement]:
    """Routes grouped by their attributes, as a speaker announces them."""
    grouped: dict[tuple[Family, RouterRoute], list[bytes]] = {}
    for route in routes:
        family, key = nlri.key(route.prefix)
        group = (family, replace(route, prefix=""))
        grouped.setdefault(group, []).append(key)
    return [Announcement(family, path_of(route), tuple(keys)) for (family, route), keys in grouped.items()]


def path_of(route: RouterRoute) -> PathAttributes:
    """A route's attributes; NEXT_HOP only where it is not the router's own."""

    def parts(text: str) -> list[int]:
        return [int(part) for part in text.split(":")]

    return PathAttributes(
        origin=route.origin,
        as_path=tuple(_segments(route.as_path)),
        next_hop=None if route.next_hop is None else ip_address(route.next_hop),
        med=route.med,
        atomic_aggregate=route.atomic_aggregate,
        aggregator=None if route.aggregator is None else (route.aggregator[0], IPv4Address(route.aggregator[1])),
        communities=tuple((a << 16) | b for a, b in map(parts, route.communities)),
        extended_communities=route.extended_communities,
        large_communities=tuple((a, b, c) for a, b, c in map(parts, route.large_communities)),
        otc=route.otc,
        unknown=route.unknown,
        partial=route.partial,
    )


def _segments(parts: Iterable[int | AsSegment]) -> Iterator[AsSegment]:
    """ASNs that stand together are one sequence."""
    for is_asn, run in groupby(parts, lambda part: not isinstance(part, AsSegment)):
        if is_asn:
            yield AsSegment(SegmentKind.SEQUENCE, tuple(part for part in run if isinstance(part, int)))
        else:
            yield from (part for part in run if isinstance(part, AsSegment))


ROUTER = Simulated
