"""One neighbour of a speaker: joins its BGP session, its TCP connections, its RIBs and its gate.

How a route flows: octets → frame → FSM admits it → Adj-RIB-In with its would-be verdict → gate → Loc-RIB; and
Adj-RIB-Out image → gate → octets. Everything left of the gate runs while the policy is DENY ALL.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from simulator.connection.states import ConnectionState
from simulator.gate import Change, Direction, Gate, Withheld
from simulator.lab.link import LabError, Place
from simulator.policy.verdict import Hits
from simulator.rib.adj_in import AdjRibIn
from simulator.rib.adj_out import Announcement, Image, render
from simulator.rib.attribute_set import AttributeSet
from simulator.rib.loc import LocRib
from simulator.session.fsm import Channel
from simulator.session.messages import Family, Notification, Open, RouteRefresh
from simulator.session.negotiation import Negotiated
from simulator.session.session import (
    BgpSession,
    BgpTransition,
    Close,
    Dial,
    Down,
    NotificationSeen,
    Send,
    SessionConfig,
    Up,
)
from simulator.session.states import BgpState
from simulator.speakers.clock import Clock
from simulator.speakers.events import (
    BgpStateChanged,
    EndOfRib,
    GateMoved,
    GateWithheld,
    NeighborConfig,
    NotificationExchanged,
    RoutesAnnounced,
    RoutesWithdrawn,
    SessionView,
    SpeakerEvent,
)
from simulator.speakers.sockets import dialling_socket
from simulator.speakers.tap import Tap
from simulator.speakers.tcp import Wire
from simulator.wire import nlri
from simulator.wire.attributes import AttributeFault, decode
from simulator.wire.framing import KEEPALIVE, Framer, MessageType, WireError
from simulator.wire.notification import decode_notification, encode_notification
from simulator.wire.open import decode_open, encode_open
from simulator.wire.refresh import decode_refresh, encode_refresh
from simulator.wire.update import count_nlri, end_of_rib, next_hops, split_update

_NO_HITS: dict[bytes, Hits] = {}


@dataclass(frozen=True, slots=True)
class Services:
    """What a speaker gives to each of its neighbours."""

    place: Place
    clock: Clock
    emit: Callable[[SpeakerEvent], None]
    loc_rib: LocRib
    announcements: Sequence[Announcement]
    tap: Tap | None = None


class Neighbor:
    """One session of a speaker."""

    def __init__(self, config: NeighborConfig, services: Services) -> None:
        self.config = config
        self.gate = Gate(self._log_withheld)
        self.adj_in = AdjRibIn()
        self._services = services
        self._session = BgpSession(
            SessionConfig(
                config.open_message(),
                config.peer_as,
                dial=config.dial and config.remote is not None,
                dial_first=config.dial_first,
                times=config.times,
            )
        )
        self._wires: dict[Channel, Wire] = {}
        self._ending: set[asyncio.Future[None]] = set()
        self._dialling: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._attributes: dict[tuple[bytes, bytes], AttributeSet | AttributeFault] = {}
        self._image: Image | None = None
        self._sent = 0
        self._withdrawn_by_us = 0
        self._closed_early = ""
        self._end_of_rib = False
        self._last_update: float | None = None

    # --- commands ---

    def start(self) -> None:
        self._session.start(self._now())
        self._carry_out()

    def stop(self, notification: Notification) -> None:
        """Close the session with this NOTIFICATION and stay Idle."""
        self._session.stop(self._now(), notification)
        self._carry_out()

    async def stopped(self) -> None:
        """Wait until no TCP connection of a stopped session is left."""
        if self._timer is not None:
            self._timer.cancel()
        if self._dialling is not None:
            self._dialling.cancel()
            await asyncio.gather(self._dialling, return_exceptions=True)
        if self._ending:
            await asyncio.wait(self._ending)

    def rule(self, connection_state: ConnectionState | None, *, session_validated: bool) -> Change:
        """Provisioning's ruling on this session's gate: lifts or re-denies on the running session, without a reset."""
        change = self.gate.rule(connection_state, session_validated=session_validated)
        if change is Change.LIFTED:
            self._moved(sent=self._send_everything(), taken=self._take_everything())
        elif change is Change.DENIED:
            self._moved(sent=self._withdraw_everything(), taken=self._forget_everything())
        return change

    def request_refresh(self) -> bool:
        """Ask the peer for all its routes again (RFC 2918). False when that was not negotiated."""
        agreed = self._session.negotiated
        if agreed is None or not agreed.route_refresh:
            return False
        self._send_octets(encode_refresh(RouteRefresh(self.config.family)))
        return True

    def view(self) -> SessionView:
        session, gate, agreed = self._session, self.gate, self._session.negotiated
        return SessionView(
            id=self.config.id,
            local_address=self.config.local_address,
            peer_address=self.config.peer_address,
            family=self.config.family,
            bgp_state=session.state,
            established_transitions=session.established_transitions,
            established_at=session.established_at if agreed else None,
            negotiated_families=agreed.families if agreed else frozenset(),
            negotiated_hold_time=agreed.hold_time if agreed else None,
            local_open=session.config.local,
            peer_open=session.last_open,
            expected_as=self.config.peer_as,
            dialled=None if session.channel is None else session.channel is Channel.DIALLED,
            last_error=session.last_error,
            notifications=tuple(session.notifications),
            received=self.adj_in.received,
            accepted=self.adj_in.accepted,
            rejected=self.adj_in.rejected,
            sent=self._sent,
            rendered=len(self._image.keys) if self._image else 0,
            taken=self._services.loc_rib.count(self.config.id),
            gate_open=gate.is_open or not self.config.gated,
            gate_why=gate.why if self.config.gated else "",
            withheld_in=gate.withheld[Direction.IN],
            withheld_out=gate.withheld[Direction.OUT],
            leaked_in=gate.leaked[Direction.IN],
            leaked_out=gate.leaked[Direction.OUT],
            withdrawn_by_us=self._withdrawn_by_us,
            md5=bool(self.config.md5),
            gtsm=self.config.gtsm,
            peer_closed_early=self._closed_early,
            end_of_rib=self._end_of_rib,
            last_update=self._last_update,
        )

    # --- TCP tells ---

    def tcp_made(self, wire: Wire) -> None:
        now = self._now()
        if wire.channel is Channel.DIALLED:
            self._adopt(wire)
            self._session.tcp_connected(now)
            if self._session.fsm_state(Channel.DIALLED) is not BgpState.OPEN_SENT:
                wire.abort()
        elif self._session.tcp_accepted(now):
            self._adopt(wire)
        else:
            wire.abort()
            self._track(wire)
        self._carry_out()

    def tcp_data(self, wire: Wire, data: bytes) -> None:
        if self._services.tap is not None:
            self._services.tap.octets(self.config, wire, data, outbound=False, now=self._now())
        try:
            wire.framer.feed(data)
            for kind, body in wire.framer.messages():
                self._message(wire, kind, body)
                if wire.closing:
                    break
        except WireError as error:
            self._session.wire_error(wire.channel, error.notification, self._now(), error.local)
        self._carry_out()

    def tcp_drained(self, wire: Wire) -> None:
        self._session.octets_taken(wire.channel, self._now())
        self._schedule()

    def tcp_lost(self, wire: Wire, why: str) -> None:
        if self._wires.get(wire.channel) is wire:
            if self._session.fsm_state(wire.channel) is BgpState.OPEN_SENT:
                self._closed_early = why
            del self._wires[wire.channel]
            self._session.tcp_failed(wire.channel, self._now(), why)
            self._carry_out()

    # --- messages in ---

    def _message(self, wire: Wire, kind: int, body: bytes) -> None:
        session, channel = self._session, wire.channel
        if kind == MessageType.UPDATE:
            if session.update_received(channel, self._now()):
                self._update(body)
            return
        if kind == MessageType.KEEPALIVE:
            session.keepalive_received(channel, self._now())
        elif kind == MessageType.OPEN:
            session.open_received(channel, decode_open(body), self._now())
            agreed = session.agreed(channel)
            if agreed is not None:
                wire.framer.max_size = agreed.message_size
        elif kind == MessageType.NOTIFICATION:
            session.notification_received(channel, decode_notification(body), self._now())
        elif kind == MessageType.ROUTE_REFRESH and session.refresh_received(channel, self._now()):
            self._refresh(body)
        self._carry_out()

    def _update(self, body: bytes) -> None:
        family = self.config.family
        parts = split_update(body)
        self._last_update = self._now()
        if parts.end_of_rib is not None:
            self._end_of_rib = self._end_of_rib or parts.end_of_rib is family
            self._services.emit(EndOfRib(self.config.id, self._now(), parts.end_of_rib))
            return
        if family is Family.IPV4:
            gone, come, next_hop = parts.withdrawn, parts.announced, b""
        else:
            gone = parts.unreach.nlri if parts.unreach is not None and parts.unreach.family is family else b""
            reach = parts.reach if parts.reach is not None and parts.reach.family is family else None
            come, next_hop = (reach.nlri, reach.next_hop) if reach is not None else (b"", b"")
        if gone:
            self._withdraw(nlri.split(gone, family))
        if come:
            attributes = self._intern(parts.attributes, next_hop)
            keys = nlri.split(come, family)
            if isinstance(attributes, AttributeFault):
                self._withdraw(keys, malformed=attributes.reason)
            else:
                self._announce(keys, attributes)

    def _intern(self, raw: bytes, next_hop: bytes) -> AttributeSet | AttributeFault:
        """Decode and judge each distinct attribute set once."""
        found = self._attributes.get((raw, next_hop))
        if found is None:
            agreed = self._session.negotiated
            try:
                path = decode(raw, asn4=agreed is not None and agreed.asn4)
                if next_hop:
                    address, link_local = next_hops(next_hop)
                    path = replace(path, next_hop=address, link_local=link_local)
                if path.next_hop is None:
                    raise AttributeFault(3, "NEXT_HOP is missing")
                policy = self.config.policy
                found = AttributeSet(path, policy.judge_attributes(path) if policy else ())
            except AttributeFault as fault:
                found = fault
            self._attributes[raw, next_hop] = found
        return found

    def _announce(self, keys: list[bytes], attributes: AttributeSet) -> None:
        family, policy = self.config.family, self.config.policy
        hits = _NO_HITS
        if policy is not None:
            judge = policy.judge_prefix
            hits = {key: found for key in keys if (found := judge(family, key))}
        self.adj_in.announce(family, keys, attributes, hits)
        self._services.emit(RoutesAnnounced(self.config.id, self._now(), family, tuple(keys), attributes))
        if attributes.hits:
            self._services.loc_rib.forget(self.config.id, family, keys)
            return
        if hits:
            self._services.loc_rib.forget(self.config.id, family, hits)
            keys = [key for key in keys if key not in hits]
        self._take(dict.fromkeys(keys, attributes))

    def _withdraw(self, keys: list[bytes], malformed: str = "") -> None:
        family = self.config.family
        self.adj_in.withdraw(family, keys)
        self._services.loc_rib.forget(self.config.id, family, keys)
        self._services.emit(RoutesWithdrawn(self.config.id, self._now(), family, tuple(keys), malformed))

    def _refresh(self, body: bytes) -> None:
        refresh = decode_refresh(body)
        if refresh is None or refresh.subtype != 0 or refresh.family is not self.config.family:
            return
        agreed = self._session.negotiated
        bracketed = agreed is not None and agreed.enhanced_route_refresh
        if bracketed:
            self._send_octets(encode_refresh(RouteRefresh(refresh.family, 1)))
        self._send_routes()
        if bracketed:
            self._send_octets(encode_refresh(RouteRefresh(refresh.family, 2)))

    # --- the gate, both directions ---

    def _passes(self, direction: Direction, keys: Sequence[bytes]) -> bool:
        if not self.config.gated:
            return True
        return self.gate.asks(direction, self.config.family.label, list(keys), self._now())

    def _take(self, routes: dict[bytes, AttributeSet]) -> int:
        """Past the gate into Loc-RIB."""
        if not routes or not self._passes(Direction.IN, list(routes)):
            return 0
        self._services.loc_rib.take(self.config.id, self.config.family, routes)
        if self.config.gated:
            self.gate.saw_beyond(Direction.IN, len(routes))
        return len(routes)

    def _take_everything(self) -> int:
        return self._take(self.adj_in.acceptable(self.config.family))

    def _forget_everything(self) -> int:
        taken = self._services.loc_rib.count(self.config.id)
        self._services.loc_rib.forget_all(self.config.id)
        return taken

    def _send_routes(self) -> int:
        """Past the gate onto the wire."""
        image = self._image
        if image is None or not image.keys or not self._passes(Direction.OUT, image.keys):
            return 0
        self._send_octets(image.announce)
        self._sent = len(image.keys)
        return self._sent

    def _send_everything(self) -> int:
        if self._image is None:
            return 0
        sent = self._send_routes()
        self._send_octets(end_of_rib(self.config.family))
        return sent

    def _withdraw_everything(self) -> int:
        sent, self._sent = self._sent, 0
        if sent and self._image is not None:
            self._send_octets(self._image.withdraw)
            self._withdrawn_by_us += sent
        return sent

    def _moved(self, sent: int, taken: int) -> None:
        self._services.emit(GateMoved(self.config.id, self._now(), self.gate.is_open, sent, taken))

    def _log_withheld(self, withheld: Withheld) -> None:
        self._services.emit(GateWithheld(self.config.id, withheld))

    # --- carrying out what the session asks ---

    def _carry_out(self) -> None:
        for output in self._session.outputs():
            match output:
                case Send(channel, message):
                    self._send(channel, message)
                case Close(channel):
                    self._close(channel)
                case Dial():
                    self._dialling = asyncio.get_running_loop().create_task(self._dial())
                case Up(_, negotiated):
                    self._up(negotiated)
                case Down():
                    self._down()
                case BgpTransition():
                    self._services.emit(BgpStateChanged(self.config.id, output))
                case NotificationSeen():
                    self._services.emit(NotificationExchanged(self.config.id, output))
        self._schedule()

    def _up(self, negotiated: Negotiated) -> None:
        config = self.config
        if config.family not in negotiated.families:
            self._image = None  # nothing may be sent for a family that was not agreed (RFC 4760 §8)
            return
        self._image = render(
            self._services.announcements, config.family, negotiated, config.local_as, config.local_address
        )
        if not config.gated or self.gate.is_open:
            self._send_everything()
        else:
            self._send_routes()  # held back by the gate, which counts what would have gone

    def _down(self) -> None:
        self._image, self._sent = None, 0
        self._end_of_rib, self._last_update = False, None
        self.adj_in.clear()
        self._attributes.clear()
        self._services.loc_rib.forget_all(self.config.id)

    def _send(self, channel: Channel, message: Open | Notification | None) -> None:
        wire = self._wires.get(channel)
        if wire is None:
            return
        if message is None:
            self._write(wire, KEEPALIVE)
        elif isinstance(message, Open):
            self._write(wire, encode_open(message))
        else:
            self._write(wire, encode_notification(message))

    def _send_octets(self, data: bytes) -> None:
        channel = self._session.channel
        wire = self._wires.get(channel) if channel is not None else None
        if wire is not None and data:
            self._write(wire, data)

    def _write(self, wire: Wire, data: bytes) -> None:
        """The last point before the socket: whatever leaves passes here."""
        if self.config.gated and not self.gate.is_open:
            self.gate.saw_beyond(Direction.OUT, _announced(data))
        if self._services.tap is not None:
            self._services.tap.octets(self.config, wire, data, outbound=True, now=self._now())
        wire.write(data)
        if not wire.blocked:
            self._session.octets_taken(wire.channel, self._now())

    async def _dial(self) -> None:
        config, loop = self.config, asyncio.get_running_loop()
        assert config.remote is not None
        sock = None
        try:
            sock = dialling_socket(
                self._services.place, config.local.host, config.remote.host, md5=config.md5, gtsm=config.gtsm
            )
            await loop.sock_connect(sock, (str(config.remote.host), config.remote.port))
            sock.getpeername()  # an ICMP error can wake a socket that is still in SYN_SENT, and asyncio takes it for up
            await loop.create_connection(lambda: Wire(Channel.DIALLED, self), sock=sock)
            sock = None
        except (OSError, LabError) as error:
            why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
            self._dialling = None
            self._session.tcp_failed(Channel.DIALLED, self._now(), why)
            self._carry_out()
        finally:
            if sock is not None:
                sock.close()

    def _close(self, channel: Channel) -> None:
        if channel is Channel.DIALLED and self._dialling is not None:
            # Not the task that runs us: a dial that failed or connected has nothing left to cancel.
            if self._dialling is not asyncio.current_task():
                self._dialling.cancel()
            self._dialling = None
        wire = self._wires.pop(channel, None)
        if wire is not None:
            wire.close()
            if self._services.tap is not None:
                self._services.tap.closed(self.config, wire, self._now())

    def _adopt(self, wire: Wire) -> None:
        self._wires[wire.channel] = wire
        self._track(wire)
        if self._services.tap is not None:
            self._services.tap.opened(self.config, wire, self._now())

    def _track(self, wire: Wire) -> None:
        self._ending.add(wire.ended)
        wire.ended.add_done_callback(self._ending.discard)

    def _schedule(self) -> None:
        when = self._session.next_timer()
        if self._timer is not None:
            if when is not None and self._timer.when() == self._services.clock.to_loop(when):
                return
            self._timer.cancel()
            self._timer = None
        if when is not None:
            self._timer = self._services.clock.call_at(when, self._timer_fired)

    def _timer_fired(self) -> None:
        self._timer = None
        self._session.handle_timers(self._now())
        self._carry_out()

    def _now(self) -> float:
        return self._services.clock.now()


def _announced(octets: bytes) -> int:
    """NLRI announced in these messages, counted from the octets themselves."""
    framer = Framer()
    framer.max_size = 65535
    framer.feed(octets)
    return sum(count_nlri(body)[0] for kind, body in framer.messages() if kind == MessageType.UPDATE)
