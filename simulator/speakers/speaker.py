"""A BGP speaker: listening sockets, neighbours, one Loc-RIB. The AS8075 edge and the simulated peer are both this."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address

from simulator.addresses import IpAddress
from simulator.connection.states import ConnectionState
from simulator.gate import Change, Gate, GateCounts
from simulator.peer.events import BgpStateChanged, CallerRefused, NeighborConfig, SpeakerEvent, UnknownPeer, cease
from simulator.places.endpoint import Endpoint
from simulator.places.errors import LabError
from simulator.places.place import Place
from simulator.policy.max_prefix import MaxPrefix
from simulator.policy.policy import Policy
from simulator.policy.verdict import Hits
from simulator.rib.adj_in import HeldRoute
from simulator.rib.adj_out import Images
from simulator.rib.announcement import Announcement
from simulator.rib.attribute_set import AttributeSet
from simulator.rib.loc import LocRib
from simulator.session.fsm import Channel
from simulator.session.messages import Cease, Family, Notification
from simulator.session.states import BgpState
from simulator.speakers.callers import Callers, Leaving
from simulator.speakers.clock import Clock
from simulator.speakers.dispatch import dispatch
from simulator.speakers.neighbor import Neighbor
from simulator.speakers.runtime import Runtime
from simulator.speakers.sockets import (
    ACCEPTED_AT_ONCE,
    BACKLOG,
    listening_socket,
    set_gtsm,
    set_md5,
    set_ttl,
    travelled,
)
from simulator.speakers.tap import Tap
from simulator.speakers.tcp import Owner, TcpConnection
from simulator.views.session import SessionView
from simulator.wire.notification import encode_notification
from simulator.wire.path_attributes import PathAttributes

_ORDINARY_TTL = 64


@dataclass(slots=True)
class _Listener:
    endpoint: Endpoint
    sock: socket.socket
    server: asyncio.Server
    neighbors: dict[IpAddress, Neighbor] = field(default_factory=dict)


class _Reception:
    """Where the connections of one listening socket arrive."""

    def __init__(self, speaker: Speaker, endpoint: Endpoint) -> None:
        self._speaker = speaker
        self._endpoint = endpoint

    def owner_of(self, tcp: TcpConnection) -> Owner:
        return self._speaker.owner_of(self._endpoint, tcp)


class _Refusal:
    """The owner of a connection that is refused: its peer gets one message and is not read."""

    def __init__(self, leaving: Leaving, subcode: Cease) -> None:
        self._leaving = leaving
        self._message = encode_notification(cease(subcode))

    def tcp_made(self, tcp: TcpConnection) -> None:
        tcp.stream.say(self._message)
        tcp.close()
        self._leaving.add(tcp)

    def tcp_received(self, tcp: TcpConnection, octets: bytes) -> None:
        """Nothing is read."""

    def tcp_to_send(self, tcp: TcpConnection) -> bytes | memoryview:
        run = tcp.stream.next()
        return run.rest if run is not None else b""

    def tcp_sent(self, tcp: TcpConnection, octets: bytes | memoryview) -> None:
        tcp.stream.took(len(octets))

    def tcp_written(self, tcp: TcpConnection) -> None: ...

    def tcp_finished(self, tcp: TcpConnection) -> None: ...

    def tcp_lost(self, tcp: TcpConnection, why: str) -> None: ...

    def tcp_gone(self, tcp: TcpConnection) -> None: ...


class Speaker:
    """One BGP speaker at one place."""

    def __init__(
        self,
        name: str,
        place: Place,
        clock: Clock,
        on_event: Callable[[SpeakerEvent], None],
        announcements: Sequence[Announcement] = (),
        tap: Tap | None = None,
        dynamic: Callable[[Endpoint, IpAddress], NeighborConfig | None] | None = None,
        loc_rib: LocRib | None = None,
    ) -> None:
        """`dynamic` may make a configuration for a caller that is not configured; its session lasts until it leaves."""
        self.name = name
        self.loc_rib = LocRib() if loc_rib is None else loc_rib
        self._place = place
        self._clock = clock
        self._dynamic = dynamic
        self._on_event = on_event
        self._runtime = Runtime(place, clock, self._heard, self.loc_rib, Images(announcements), tap)
        self._listeners: dict[Endpoint, _Listener] = {}
        self._neighbors: dict[str, Neighbor] = {}
        self._gates: set[Gate] = set()
        self._past = GateCounts()
        """What the gates have counted whose sessions are gone."""
        self._places: dict[str, tuple[_Listener, IpAddress]] = {}
        """Where each session's peer calls, and from which address."""
        self._callers = Callers(self._part_with)
        self._leaving = Leaving()
        self._closing = False

    async def listen(self, address: IpAddress, port: int | None = None) -> Endpoint:
        """Listen on an address as the topology names it; returns what really listens. Raises LabError."""
        host = self._place.host(address)
        sock = listening_socket(self._place, host, self._place.port if port is None else port)
        endpoint = Endpoint(host, sock.getsockname()[1])
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: TcpConnection(Channel.ACCEPTED, _Reception(self, endpoint)), sock=sock, backlog=ACCEPTED_AT_ONCE
        )
        sock.listen(BACKLOG)
        self._listeners[endpoint] = _Listener(endpoint, sock, server)
        return endpoint

    async def stop_listening(self, endpoint: Endpoint) -> None:
        """Close a listening socket that no session uses any more."""
        listener = self._listeners.pop(endpoint)
        listener.server.close()
        await listener.server.wait_closed()

    def add(self, config: NeighborConfig, peer_host: IpAddress | None = None) -> Neighbor:
        """Configure and start one session. `peer_host`: where the peer calls from, if not from where we dial."""
        if config.id in self._neighbors:
            raise LabError(f"{self.name}: session {config.id} exists already")
        listener = self._listeners.get(config.local)
        if listener is None:
            raise LabError(f"{self.name}: nothing listens on {config.local} for session {config.id}")
        host = peer_host or (config.remote.host if config.remote else config.peer_address)
        if host in listener.neighbors:
            raise LabError(f"{self.name}: {config.local} already has a session with {host}")
        if config.md5:
            set_md5(listener.sock, host, config.md5)
        neighbor = self._neighbor(config, self._runtime)
        listener.neighbors[host] = neighbor
        self._neighbors[config.id] = neighbor
        self._gates.add(neighbor.gate)
        self._places[config.id] = listener, host
        neighbor.start()
        return neighbor

    def _neighbor(self, config: NeighborConfig, runtime: Runtime) -> Neighbor:
        """One session, not started: what a speaker of another kind makes otherwise."""
        return Neighbor(config, runtime)

    # --- sessions as plain data; each raises KeyError for a session that is not configured ---

    @property
    def sessions(self) -> tuple[str, ...]:
        """The sessions that are configured."""
        return tuple(self._neighbors)

    def has(self, session: str) -> bool:
        """Whether a session is configured."""
        return session in self._neighbors

    def config(self, session: str) -> NeighborConfig:
        """A session's configuration; once it is up, with what the peer's OPEN and the connection filled in."""
        return self._neighbors[session].config

    def view(self, session: str) -> SessionView:
        return self._neighbors[session].view()

    def bgp_state(self, session: str) -> BgpState:
        """Of the BGP FSM, without all the rest of a view."""
        return self._neighbors[session].bgp_state

    def is_lifted(self, session: str) -> bool:
        """Whether the session's gate is open."""
        return self._neighbors[session].gate.is_open

    def routes(self, session: str) -> Iterator[HeldRoute]:
        """Adj-RIB-In, each route with every rule that rejects it."""
        return self._neighbors[session].adj_in.routes()

    def route(self, session: str, key: bytes) -> HeldRoute | None:
        """One route of Adj-RIB-In, by its prefix key; None where the peer does not announce it."""
        neighbor = self._neighbors[session]
        family, adj_in = neighbor.config.family, neighbor.adj_in
        attributes = adj_in.attributes(family, key)
        return HeldRoute(family, key, attributes, adj_in.hits(family, key)) if attributes is not None else None

    def attributes(self, session: str) -> Iterator[tuple[bytes, AttributeSet]]:
        """Adj-RIB-In without what rules about prefixes say: prefix keys and attributes, at a tenth of the price."""
        neighbor = self._neighbors[session]
        return iter(neighbor.adj_in.items(neighbor.config.family))

    def exceptions(self, session: str) -> Mapping[bytes, Hits]:
        """Of Adj-RIB-In's routes those that a rule about prefixes rejects, by prefix key."""
        neighbor = self._neighbors[session]
        return neighbor.adj_in.exceptions(neighbor.config.family)

    def taken(self, session: str) -> Iterator[tuple[Family, bytes, PathAttributes]]:
        """A session's routes in Loc-RIB, with their attributes as the import policy leaves them."""
        return self._neighbors[session].taken()

    def written(self, session: str, *, whole: bool = False) -> dict[tuple[IpAddress, int, IpAddress, int], int]:
        """Octets ever written to each connection on which the session talks; as `connections.octets_written`."""
        return self._neighbors[session].written(whole=whole)

    @property
    def gate_counts(self) -> GateCounts:
        """What the gates of all sessions have counted, those included whose sessions are gone."""
        found = GateCounts()
        found.add(self._past)
        for gate in self._gates:
            found.add(gate)
        return found

    # --- commands for a session; each raises KeyError as above ---

    def rule(self, session: str, connection_state: ConnectionState | None, *, session_validated: bool) -> Change:
        """Provisioning's ruling on a session's gate: lifts or re-denies on the running session, without a reset."""
        return self._neighbors[session].rule(connection_state, session_validated=session_validated)

    def apply_policy(self, session: str, policy: Policy) -> None:
        """Judge all that is held again by another policy, on the running session; what that changes passes the gate."""
        self._neighbors[session].apply_policy(policy)

    def apply_max_prefix(self, session: str, limit: MaxPrefix | None) -> None:
        """Count all that is held by another limit, on the running session."""
        self._neighbors[session].apply_max_prefix(limit)

    def apply_md5(self, session: str, key: str | None) -> None:
        """Sign with another key from now on (None: with none); what is open is closed. Raises LabError."""
        listener, host = self._places[session]
        set_md5(listener.sock, host, key or "")
        self._neighbors[session].apply_md5(key)

    def announce(self, announcements: Sequence[Announcement]) -> None:
        """Announce these from now on, in place of what was announced, on sessions that stay up.

        Of a router of the lab alone: what a gate let out has to be what a re-deny withdraws. Raises ValueError.
        """
        if any(neighbor.config.gated for neighbor in self._neighbors.values()):
            raise ValueError("the announcements of a speaker with a gate do not change while it runs")
        self._runtime.images.replace(announcements)
        for neighbor in self._neighbors.values():
            neighbor.announce_again()

    def neighbor(self, session: str) -> Neighbor:
        """The session itself, for this room and for tests: everything above has the methods of the speaker."""
        return self._neighbors[session]

    @property
    def neighbors(self) -> tuple[Neighbor, ...]:
        return tuple(self._neighbors.values())

    async def remove(self, session: str, notification: Notification) -> None:
        """Close a session with this NOTIFICATION, wait until its TCP connection is gone, forget it."""
        neighbor = self._drop(session)
        neighbor.stop(notification)
        await neighbor.stopped()
        self._forget_gate(neighbor)

    def _forget_gate(self, neighbor: Neighbor) -> None:
        self._gates.discard(neighbor.gate)
        self._past.add(neighbor.gate)

    def _drop(self, session: str) -> Neighbor:
        """It is no session of ours any more, whatever its connections still do."""
        neighbor = self._neighbors.pop(session)
        listener, host = self._places.pop(session)
        del listener.neighbors[host]
        if neighbor.config.md5 and not self._closing:
            set_md5(listener.sock, host, "")
        self._callers.discard(session)
        return neighbor

    def _part_with(self, neighbor: Neighbor) -> None:
        """A caller that is not configured has left."""
        self._drop(neighbor.config.id)
        self._forget_gate(neighbor)
        for tcp in list(neighbor.connections.open.values()):
            self._leaving.add(tcp)

    def _heard(self, event: SpeakerEvent) -> None:
        if isinstance(event, BgpStateChanged):
            self._callers.heard(event)
        self._on_event(event)

    async def close(self, notification: Notification | None = None) -> None:
        """Close every session with an administrative Cease and stop listening."""
        notification = notification or cease(Cease.ADMINISTRATIVE_SHUTDOWN)
        self._closing = True
        for listener in self._listeners.values():
            listener.server.close()
        await asyncio.gather(*(self.remove(session, notification) for session in list(self._neighbors)))
        await self._leaving.ended()
        for listener in list(self._listeners.values()):
            await listener.server.wait_closed()
        self._listeners.clear()

    def owner_of(self, endpoint: Endpoint, tcp: TcpConnection) -> Owner:
        """A TCP connection arrived: it is one of its neighbour's, or is refused with a Cease (RFC 4486 §4)."""
        assert tcp.transport is not None
        refusal = _Refusal(self._leaving, Cease.CONNECTION_REJECTED)
        if self._closing or endpoint not in self._listeners:  # accepted before the listening socket was gone
            return refusal
        caller = ip_address(tcp.transport.get_extra_info("peername")[0].split("%")[0])
        listener = self._listeners[endpoint]
        neighbor = listener.neighbors.get(caller)
        if neighbor is None and self._dynamic is not None:
            config = self._dynamic(endpoint, caller)
            if config is not None and not self._has_room_for(caller):
                return _Refusal(self._leaving, Cease.OUT_OF_RESOURCES)
            neighbor = self._serve_caller(config, caller) if config is not None else None
        if neighbor is None:
            dispatch(self._heard, UnknownPeer(self.name, self._clock.now(), str(caller)))
            return refusal
        sock = tcp.transport.get_extra_info("socket")
        if neighbor.config.gtsm:
            set_gtsm(sock, caller)
            tcp.deaf = travelled(sock, caller)
        else:
            set_ttl(sock, caller, _ORDINARY_TTL)  # the listener's 255 was only for GTSM peers
        return neighbor

    def _serve_caller(self, config: NeighborConfig, caller: IpAddress) -> Neighbor:
        neighbor = self.add(config, caller)
        self._callers.add(neighbor)
        return neighbor

    def _has_room_for(self, caller: IpAddress) -> bool:
        """Make room for one more caller; where all others are up, it is refused (RFC 4486 §4, Out of Resources)."""
        if not self._callers.is_full:
            return True
        oldest = self._callers.oldest_pending
        if oldest is None:
            why = "as many callers as this speaker serves are Established"
            dispatch(self._heard, CallerRefused(str(caller), self._clock.now(), str(caller), why, None))
            return False
        self._part_with(oldest)
        oldest.stop(cease(Cease.OUT_OF_RESOURCES))
        return True


MakeSpeaker = Callable[..., Speaker]
"""Makes a speaker from what `Speaker` takes: a recorder, or a replay, has another one."""
