"""One neighbour of a speaker: joins its BGP session, its TCP connections, its gate, and what it takes and sends.

How a route flows: octets → frame → FSM admits it → `inbound` → gate → Loc-RIB; `outbound` → gate → octets. Everything
left of the gate runs while the policy is DENY ALL.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

from simulator.connection.states import ConnectionState
from simulator.gate import Change, Direction, Gate, Withheld
from simulator.peer.events import (
    BgpStateChanged,
    CallerRefused,
    GateMoved,
    GateWithheld,
    MessageIgnored,
    NeighborConfig,
    NotificationExchanged,
)
from simulator.peer.run import Run
from simulator.policy.max_prefix import MaxPrefix
from simulator.policy.policy import Policy
from simulator.rib.adj_in import AdjRibIn
from simulator.rib.attribute_set import AttributeSet
from simulator.session.fsm import Channel
from simulator.session.messages import Family, Notification, Open, RouteRefresh
from simulator.session.negotiation import Negotiated, message_size
from simulator.session.session import (
    BgpSession,
    BgpTransition,
    Close,
    Dial,
    Down,
    NotificationSeen,
    Send,
    SessionConfig,
    SessionTimes,
    Up,
)
from simulator.session.states import BgpState
from simulator.speakers.connections import Connections
from simulator.speakers.gc_pause import gc_paused
from simulator.speakers.inbound import Inbound
from simulator.speakers.outbound import Outbound
from simulator.speakers.services import Passage, Services
from simulator.speakers.tcp import Wire
from simulator.views.session import Cut, SessionView
from simulator.wire.framing import KEEPALIVE, MessageType, ProtocolError
from simulator.wire.notification import decode_notification, encode_notification
from simulator.wire.open import decode_open, encode_open
from simulator.wire.path_attributes import PathAttributes
from simulator.wire.route_refresh import BEGIN, REQUEST, Ignored, decode_refresh, encode_refresh

_UPDATE = int(MessageType.UPDATE)


class Neighbor:
    """One session of a speaker."""

    def __init__(self, config: NeighborConfig, services: Services) -> None:
        self.config = config
        self._asked = config
        """As it was given; `config` has what this leaves open and the session tells."""
        self.gate = Gate(self._log_withheld)
        self._services = services
        self._session = BgpSession(
            SessionConfig(
                config.open_message(),
                config.peer_as,
                dial=config.dial and config.remote is not None,
                dial_first=config.dial_first,
                times=_times(config),
            )
        )
        self._passage = Passage(self.gate, config, services.clock.now)
        self.inbound = Inbound(config, services, self._passage, self._reset)
        self.outbound = Outbound(config, services.images, self._passage, self._hand_over)
        self.connections = Connections(config, services, self, self._dial_failed)
        self._timer: asyncio.TimerHandle | None = None
        self._closed_early, self._closed_early_at = "", 0.0
        self._cut: Cut | None = None

    @property
    def adj_in(self) -> AdjRibIn:
        return self.inbound.adj_in

    # --- commands ---

    def start(self) -> None:
        self._session.start(self._now())
        self._carry_out()

    def stop(self, notification: Notification) -> None:
        """Close the session with this NOTIFICATION and stay Idle."""
        self._session.stop(self._now(), notification)
        self._carry_out()

    async def stopped(self) -> None:
        """Wait until no TCP connection and no dial of a stopped session is left."""
        await self.connections.ended()

    def rule(self, connection_state: ConnectionState | None, *, session_validated: bool) -> Change:
        """Provisioning's ruling on this session's gate: lifts or re-denies on the running session, without a reset."""
        change = self.gate.rule(connection_state, session_validated=session_validated)
        if change is Change.LIFTED:
            self._cut = None
            self._moved(sent=self.outbound.send_everything(), taken=self.inbound.take_everything())
        elif change is Change.DENIED:
            self._denied()
        return change

    def apply_policy(self, policy: Policy) -> None:
        """Judge all that is held again by another policy, on the running session; what that changes passes the gate."""
        self._asked = replace(self._asked, policy=policy)
        agreed = self._session.negotiated
        if agreed is not None and self._asked.peer_as is None:
            policy = policy.of_peer(agreed.peer_as)
        self.config = replace(self.config, policy=policy)
        self.inbound.apply_policy(policy)
        self._carry_out()

    def apply_max_prefix(self, limit: MaxPrefix) -> None:
        """Count all that is held by another limit, on the running session."""
        self._asked = replace(self._asked, max_prefix=limit)
        self.config = replace(self.config, max_prefix=limit)
        self.inbound.apply_max_prefix(self.config)
        self._carry_out()

    def taken(self) -> Iterator[tuple[Family, bytes, PathAttributes]]:
        """This session's routes in Loc-RIB, with their attributes as the import policy leaves them."""
        policy, family = self.config.policy, self.config.family
        done: dict[AttributeSet, PathAttributes] = {}
        for key, attributes in self._services.loc_rib.routes(self.config.id, family):
            if attributes not in done:
                done[attributes] = policy.imported(attributes.path) if policy else attributes.path
            yield family, key, done[attributes]

    def request_refresh(self) -> bool:
        """Ask the peer for all its routes again (RFC 2918). False when that was not negotiated."""
        agreed = self._session.negotiated
        if agreed is None or not agreed.route_refresh:
            return False
        wire = self._established
        if wire is not None:
            wire.write(encode_refresh(RouteRefresh(self.config.family)))
        return wire is not None

    @property
    def bgp_state(self) -> BgpState:
        return self._session.state

    def view(self) -> SessionView:
        session, gate, agreed = self._session, self.gate, self._session.negotiated
        inbound, outbound = self.inbound, self.outbound
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
            peer_as=self._asked.peer_as,
            dialled=None if session.channel is None else session.channel is Channel.DIALLED,
            last_error=session.last_error,
            notifications=tuple(session.notifications),
            received=inbound.adj_in.received,
            accepted=inbound.adj_in.accepted,
            rejected=inbound.adj_in.rejected,
            sent=outbound.sent,
            rendered=outbound.rendered,
            taken=self._services.loc_rib.count(self.config.id),
            gate_open=self._passage.is_open,
            gate_why=gate.why if self.config.gated else "",
            withheld_in=gate.withheld[Direction.IN],
            withheld_out=gate.withheld[Direction.OUT],
            leaked_in=gate.leaked[Direction.IN],
            leaked_out=gate.leaked[Direction.OUT],
            withdrawn_by_us=outbound.withdrawn,
            md5=bool(self.config.md5),
            gtsm=self.config.gtsm,
            peer_closed_early=self._closed_early,
            peer_open_at=session.last_open_at,
            last_error_at=session.last_error_at,
            peer_closed_early_at=self._closed_early_at,
            end_of_rib=inbound.end_of_rib,
            last_update=inbound.last_update,
            disabled=inbound.disabled,
            cut=self._cut,
        )

    # --- TCP tells ---

    def tcp_made(self, wire: Wire) -> None:
        session, connections, now = self._session, self.connections, self._now()
        if wire.channel is Channel.DIALLED:
            wanted = session.fsm_state(Channel.DIALLED) in (BgpState.CONNECT, BgpState.ACTIVE)
            if wanted:
                connections.dialled()
                session.tcp_connected(now)
        else:
            wanted = session.tcp_accepted(now)
            if not wanted:
                self._turn_away(wire)
                return
        if wanted:
            connections.keep(wire)
        else:
            connections.cut(wire)
        self._carry_out()

    def _turn_away(self, wire: Wire) -> None:
        """The peer calls while its session rests, or beside the connection on which that talks."""
        session = self._session
        if session.state is BgpState.IDLE:
            why, again = f"the session rests: {session.last_error}", session.rests_until(Channel.ACCEPTED)
            self.connections.refuse(wire)
        else:
            why, again = f"the session is {session.state} on another connection", None
            self.connections.cut(wire)  # without a word: no NOTIFICATION may end the one that talks
        address = str(self.config.peer_address)
        self._services.tell(CallerRefused(self.config.id, self._now(), address, why, again))

    def tcp_data(self, wire: Wire, data: bytes) -> None:
        if self._services.tap is not None:
            self._services.tap.octets(self.config, wire, data, outbound=False, now=self._now())
        with gc_paused():
            try:
                wire.framer.feed(data)
                self._messages(wire)
            except ProtocolError as error:
                self._session.wire_error(wire.channel, error.notification, self._now(), error.reason)
            self._carry_out()
        self._hand_over()  # what the peer asked for, once for all that was read together

    def tcp_next(self, wire: Wire) -> Run | None:
        return self.outbound.next() if wire is self._established else None

    def tcp_taken(self, wire: Wire, run: Run, start: int) -> None:
        """The last point before the socket: whatever leaves passes here."""
        now = self._now()
        self._session.octets_taken(wire.channel, now)
        if self._services.tap is not None and wire.kept:
            self._services.tap.octets(self.config, wire, run.since(start), outbound=True, now=now)
        if not self._passage.is_open:
            self._passage.went(Direction.OUT, run.announced_since(start))

    def tcp_finished(self, wire: Wire) -> None:
        self.connections.finished(wire)

    def tcp_lost(self, wire: Wire, why: str) -> None:
        if self.connections.lost(wire):
            if self._session.fsm_state(wire.channel) is BgpState.OPEN_SENT:
                self._closed_early, self._closed_early_at = why, self._now()
            self._session.tcp_failed(wire.channel, self._now(), why)
            self._carry_out()

    def _dial_failed(self, why: str) -> None:
        self._session.tcp_failed(Channel.DIALLED, self._now(), why)
        self._carry_out()

    # --- messages in ---

    def _messages(self, wire: Wire) -> None:
        session, channel, update = self._session, wire.channel, self.inbound.update
        admitted = False
        for kind, body in wire.framer.messages():
            if kind == _UPDATE:
                # UPDATEs that were read together move the HoldTimer once: the FSM is asked for the first of them, and
                # again as soon as it is no longer Established on this channel.
                if not admitted or session.channel is not channel:
                    admitted = session.update_received(channel, self._now())
                if admitted:
                    update(body, session.negotiated)
            else:
                admitted = False
                self._message(wire, kind, body)
            if wire.closing:
                break

    def _message(self, wire: Wire, kind: int, body: bytes) -> None:
        session, channel = self._session, wire.channel
        if kind == MessageType.KEEPALIVE:
            session.keepalive_received(channel, self._now())
        elif kind == MessageType.OPEN:
            session.open_received(channel, decode_open(body), self._now())
            if session.agreed(channel) is not None:
                # RFC 8654 §4: what we take is what our own OPEN says, whatever the peer's does.
                wire.framer.max_size = message_size(session.config.local.capabilities)
        elif kind == MessageType.NOTIFICATION:
            session.notification_received(channel, decode_notification(body), self._now())
        elif kind == MessageType.ROUTE_REFRESH and session.refresh_received(channel, self._now()):
            self._refresh(body)
        self._carry_out()

    def _refresh(self, body: bytes) -> None:
        agreed = self._session.negotiated
        assert agreed is not None  # a ROUTE-REFRESH is admitted in Established alone
        refresh = decode_refresh(body, enhanced=agreed.enhanced_route_refresh)
        if isinstance(refresh, Ignored):
            self._ignored(refresh.reason)
        elif refresh.family is not self.config.family:
            self._ignored(f"a ROUTE-REFRESH of {refresh.family.label}, which this session does not carry")
        elif refresh.subtype == REQUEST:
            self.outbound.refresh_wanted(enhanced=agreed.enhanced_route_refresh)
        elif refresh.subtype == BEGIN and agreed.graceful_restart and not self.inbound.end_of_rib:
            self._ignored("a BoRR before the End-of-RIB of a peer with Graceful Restart (RFC 7313 §4)")
        else:
            self.inbound.refresh_mark(refresh)

    def _ignored(self, reason: str) -> None:
        self._services.tell(MessageIgnored(self.config.id, self._now(), reason))

    # --- the gate tells ---

    def _moved(self, sent: int, taken: int, cut: Cut | None = None) -> None:
        self._services.tell(GateMoved(self.config.id, self._now(), self.gate.is_open, sent, taken, cut))

    def _denied(self) -> None:
        """The gate has shut: what the peer has is withdrawn; what has not left yet is dropped with the connection."""
        wire, cut = self._established, None
        for ending in tuple(self.connections.ending.values()):
            if ending.unsent_announcements and ending is not wire:
                self.connections.reset(ending)
        if wire is not None and wire.outlet is not None and (self.outbound.waits or wire.unsent_announcements):
            held = wire.outlet.unacknowledged
            self.connections.reset(wire)  # at once: to count takes time
            self._cut = cut = Cut(self.outbound.sent, held)
        withdrawn = 0 if cut else self.outbound.withdraw_everything()
        self._moved(withdrawn, self.inbound.forget_everything(), cut)
        if wire is not None and cut is not None:
            self._session.tcp_failed(wire.channel, self._now(), f"reset by us, {cut}")
            self._carry_out()

    def _log_withheld(self, withheld: Withheld) -> None:
        self._services.tell(GateWithheld(self.config.id, withheld))

    # --- carrying out what the session asks ---

    def _carry_out(self) -> None:
        for output in self._session.outputs():
            match output:
                case Send(channel, message):
                    self._send(channel, message)
                case Close(channel):
                    self.connections.close(channel)
                case Dial():
                    self.connections.dial()
                case Up(channel, negotiated):
                    self._meet(self.connections.wires[channel], negotiated)
                    self._up(negotiated)
                case Down():
                    self._down()
                case BgpTransition():
                    self._services.tell(BgpStateChanged(self.config.id, output))
                case NotificationSeen():
                    self._services.tell(NotificationExchanged(self.config.id, output))
        self._schedule()

    def _meet(self, wire: Wire, negotiated: Negotiated) -> None:
        met = self._asked.met(negotiated.peer_as, wire.local_address)
        if met is not self.config:
            self.config = met
            self.inbound.meet(met)
            self.outbound.meet(met)

    def _up(self, negotiated: Negotiated) -> None:
        self.outbound.up(negotiated)

    def _down(self) -> None:
        self.outbound.down()
        self.inbound.down()

    def _reset(self, notification: Notification) -> None:
        self._session.reset(self._now(), notification)

    def _send(self, channel: Channel, message: Open | Notification | None) -> None:
        wire = self.connections.wires.get(channel)
        if wire is None:
            return
        if message is None:
            wire.write(KEEPALIVE)
        elif isinstance(message, Open):
            wire.write(encode_open(message))
        else:
            wire.write(encode_notification(message))

    @property
    def _established(self) -> Wire | None:
        """The connection that is Established."""
        channel = self._session.channel
        return self.connections.wires.get(channel) if channel is not None else None

    def _hand_over(self) -> None:
        """There may be something to send."""
        wire = self._established
        if wire is not None:
            wire.hand_over()

    def _schedule(self) -> None:
        when = self._session.next_timer()
        if self._timer is not None:
            # One that comes too early finds nothing due and is set again, which is cheaper than to move it each time.
            if when is not None and self._timer.when() <= self._services.clock.to_loop(when):
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


def _times(config: NeighborConfig) -> SessionTimes:
    limit = config.max_prefix
    return config.times if limit is None else replace(config.times, prefix_limit_hold=limit.restart)
