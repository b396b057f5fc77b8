"""A route server (RFC 7947) among speakers: each client's session is a neighbour with a gate of its own.

What a client announces passes its gate into the route server's Loc-RIB; `peer.client` has what the others get of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from simulator.addresses import IpAddress
from simulator.peer.client import ClientPeer, Distributor
from simulator.peer.events import NeighborConfig, SpeakerEvent
from simulator.places.errors import LabError
from simulator.places.place import Place
from simulator.rib.route_server.client import Client, RouteServerSettings
from simulator.rib.route_server.control import ControlCommunities
from simulator.rib.route_server.loc import RouteServerRib
from simulator.rib.route_server.transparent import MessageFormat, Transparent
from simulator.session.messages import Family, Notification, Role
from simulator.session.negotiation import EXTENDED_MESSAGE
from simulator.speakers.clock import Clock
from simulator.speakers.fair_share import fair_share
from simulator.speakers.gc_pause import gc_paused
from simulator.speakers.neighbor import Neighbor
from simulator.speakers.runtime import Runtime
from simulator.speakers.speaker import Speaker
from simulator.speakers.tap import Tap
from simulator.wire.path_attributes import PathAttributes

_BATCH = 4096
"""So many changes are sent at once, whatever else there is to do: the clients work while we do (simulator)."""
_DELAY = 0.1
"""Seconds that changes wait at most for what was read with them to be dealt with (simulator)."""


class ClientNeighbor(Neighbor):
    """One client's session. What it does may change what the other clients are sent."""

    def __init__(self, config: NeighborConfig, runtime: Runtime, peer: ClientPeer, server: RouteServer) -> None:
        super().__init__(config, runtime, peer)
        self._server = server

    def _carry_out(self) -> None:
        super()._carry_out()
        self._server.follow_up()


class RouteServer(Speaker):
    """One route server at one place. Two of them at one exchange know nothing of each other (RFC 7948 §4.4)."""

    def __init__(
        self,
        name: str,
        place: Place,
        clock: Clock,
        on_event: Callable[[SpeakerEvent], None],
        settings: RouteServerSettings,
        tap: Tap | None = None,
    ) -> None:
        control = ControlCommunities(settings.asn)
        self._rib = RouteServerRib(control)
        super().__init__(name, place, clock, on_event, tap=tap, loc_rib=self._rib)
        self._settings = settings
        self._transparent = Transparent(settings, control)
        self._distributors = {f: Distributor(f, self._rib.tables[f], self._transparent) for f in Family}
        self._clients: dict[str, Client] = {}
        self._soon: asyncio.Handle | None = None
        self._changed_at = 0.0
        """When the oldest change that waits was made."""
        self._is_waking = False

    def add(
        self,
        config: NeighborConfig,
        peer_host: IpAddress | None = None,
        *,
        refuses: Collection[int] = (),
        blackholes: bool = True,
    ) -> Neighbor:
        """Configure and start one client's session. `refuses` and `blackholes` as for `Client`.

        Raises LabError for a session that cannot be one of this route server's.
        """
        if config.local_as != self._settings.asn:
            raise LabError(f"{self.name}: session {config.id} is AS{config.local_as}'s, not AS{self._settings.asn}'s")
        if config.peer_as is None:
            raise LabError(f"{self.name}: session {config.id} needs its client's ASN")
        if config.id in self._clients:
            raise LabError(f"{self.name}: session {config.id} exists already")
        client = Client(
            config.id, config.peer_as, config.family, config.peer_address, frozenset(refuses), blackholes=blackholes
        )
        self._flush()  # what happened before is not for it
        self._rib.add(client)
        self._clients[config.id] = client
        try:
            return super().add(config, peer_host)
        except BaseException:
            self._forget(client)
            raise

    def _neighbor(self, config: NeighborConfig, runtime: Runtime) -> Neighbor:
        client = self._clients[config.id]
        peer = ClientPeer(config, runtime.loc_rib, runtime.images, client, self._distributors[client.family])
        return ClientNeighbor(config, runtime, peer, self)

    async def remove(self, session: str, notification: Notification) -> None:
        client = self._clients[session]
        await super().remove(session, notification)
        self._flush()
        self._forget(client)

    def _forget(self, client: Client) -> None:
        self._rib.remove(client)
        self._distributors[client.family].forget(client)
        del self._clients[client.id]
        self.follow_up()

    def advertised(self, session: str) -> dict[bytes, PathAttributes]:
        """What a client gets once it is lifted, by prefix, as it is sent to a four-octet AS speaker.

        Raises KeyError for a session that is not configured.
        """
        client = self._clients[session]
        otc = self._settings.asn if self.neighbor(session).config.role is Role.ROUTE_SERVER else None
        format_ = MessageFormat(True, EXTENDED_MESSAGE, otc)
        found = {}
        for change in self._rib.tables[client.family].view(client):
            assert change.pick is not None
            found.update(dict.fromkeys(change.keys, self._transparent.path(client.family, change.pick, format_)))
        return found

    def follow_up(self) -> None:
        """A client has said or taken something: tell the others what that changes, at once or soon."""
        for table in self._rib.tables.values():
            if len(table.changes) >= _BATCH:
                self._flush()
                return
            if table.changes and self._soon is None:
                self._changed_at = self._clock.now()
                self._soon = asyncio.get_running_loop().call_soon(self._flush_soon)
        self._wake()

    def _flush_soon(self) -> None:
        """Changes that come together go out together: to ask each of the clients costs more than a change does."""
        if len(fair_share()) and 0 <= self._clock.now() - self._changed_at < _DELAY:
            self._soon = asyncio.get_running_loop().call_soon(self._flush_soon)
        else:
            with gc_paused():
                self._flush()

    def _flush(self) -> None:
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        for distributor in self._distributors.values():
            distributor.flush(self._clock.now())
        self._wake()

    def _wake(self) -> None:
        """Let every client send that has something new to send."""
        if self._is_waking:
            return
        self._is_waking = True
        try:
            for distributor in self._distributors.values():
                while distributor.woken:
                    session, _ = distributor.woken.popitem()
                    if self.has(session):
                        self.neighbor(session).write()
        finally:
            self._is_waking = False
