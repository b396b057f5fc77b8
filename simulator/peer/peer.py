"""One BGP peer: joins its session, its gate, and the routes that it receives and sends. Pure: no I/O, `now` is given.

The owner tells it what happened (`connected`, `receive`, `timer`, `rule`, …), then takes `effects` from the left: what
to do with TCP, and events. Octets to send are not among them: `to_send` gives them when the kernel can take more, and
asks the gate then. So the gate stands at the last point before the socket.

How a route flows: octets → frame → FSM admits it → `inbound` → gate → Loc-RIB; `outbound` → gate → octets. Everything
left of the gate runs while the policy is DENY ALL.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from random import random

from simulator.connection.states import ConnectionState
from simulator.gate import Change, Direction, Gate
from simulator.peer.effects import Effect
from simulator.peer.events import (
    BgpStateChanged,
    CallerRefused,
    GateMoved,
    MessageIgnored,
    NeighborConfig,
    NotificationExchanged,
    cease,
)
from simulator.peer.inbound import Inbound
from simulator.peer.outbound import Outbound
from simulator.peer.session_gate import SessionGate
from simulator.peer.stream import NOTHING_HELD, KernelQueue, Stream
from simulator.peer.streams import Streams
from simulator.policy.max_prefix import MaxPrefix
from simulator.policy.policy import Policy
from simulator.rib.adj_in import AdjRibIn
from simulator.rib.adj_out import Images
from simulator.rib.loc import LocRib
from simulator.session import outputs
from simulator.session.config import SessionConfig, SessionTimes
from simulator.session.fsm import Channel
from simulator.session.messages import Cease, Family, Notification, Open
from simulator.session.negotiation import Negotiated, message_size
from simulator.session.outputs import BgpTransition, NotificationSeen
from simulator.session.session import BgpSession
from simulator.session.states import BgpState
from simulator.views.session import Cut, SessionView
from simulator.wire.framing import KEEPALIVE, MessageType, ProtocolError
from simulator.wire.notification import decode_notification, encode_notification
from simulator.wire.open import decode_open, encode_open
from simulator.wire.path_attributes import PathAttributes
from simulator.wire.route_refresh import BEGIN, REQUEST, Ignored, decode_refresh

_UPDATE = int(MessageType.UPDATE)
_NO_QUEUES: Mapping[Stream, KernelQueue] = {}


class BgpPeer:
    """One peer of a speaker."""

    def __init__(
        self, config: NeighborConfig, loc_rib: LocRib, images: Images, *, jitter: Callable[[], float] = random
    ) -> None:
        """`loc_rib` and `images` are the speaker's, shared by all its peers."""
        self.config = config
        """As the session found it: what the given configuration leaves open is filled in once the session is up."""
        self.effects: deque[Effect] = deque()
        """What is to be done, the first of it on the left. The owner takes it after each input."""
        self.streams = Streams(self.effects.append)
        self._asked = config
        self._tell = self.effects.append
        self._session = BgpSession(
            SessionConfig(
                config.open_message(),
                config.peer_as,
                dial=config.dial and config.remote is not None,
                dial_first=config.dial_first,
                times=_times(config),
            ),
            jitter=jitter,
        )
        self._loc_rib = loc_rib
        self._gate = SessionGate(config, self._tell)
        self.inbound = Inbound(config, self._gate, loc_rib, self._tell)
        self.outbound = self._outbound(config, images, self._gate)
        self._closed_early, self._closed_early_at = "", 0.0
        self._cut: Cut | None = None
        self._cutting: tuple[Stream, int, int] | None = None
        """A deny that resets this connection: octets that the kernel holds of it, routes that left Loc-RIB."""

    def _outbound(self, config: NeighborConfig, images: Images, gate: SessionGate) -> Outbound:
        return Outbound(config, images, gate)

    # --- what is known ---

    @property
    def gate(self) -> Gate:
        return self._gate.gate

    @property
    def adj_in(self) -> AdjRibIn:
        return self.inbound.adj_in

    @property
    def bgp_state(self) -> BgpState:
        return self._session.state

    @property
    def established(self) -> Stream | None:
        """The connection that is Established."""
        return self.streams.of(self._session.channel)

    def next_timer(self) -> float | None:
        """When `timer` is to be called next."""
        return self._session.next_timer()

    def taken(self) -> Iterator[tuple[Family, bytes, PathAttributes]]:
        """This session's routes in Loc-RIB, with their attributes as the import policy leaves them."""
        return self.inbound.taken()

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
            taken=self._loc_rib.count(self.config.id),
            gate_open=self._gate.is_open,
            gate_why=self._gate.why,
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

    # --- commands ---

    def start(self, now: float) -> None:
        self._session.start(now)
        self._follow_session(now)

    def stop(self, notification: Notification, now: float) -> None:
        """Close the session with this NOTIFICATION and stay Idle."""
        self._session.stop(now, notification)
        self._follow_session(now)

    def rule(
        self,
        connection_state: ConnectionState | None,
        *,
        session_validated: bool,
        now: float,
        kernel: Mapping[Stream, KernelQueue] = _NO_QUEUES,
    ) -> Change:
        """Provisioning's ruling on this session's gate: lifts or re-denies on the running session, without a reset.

        `kernel`: what the kernel holds of each open connection at this moment; a connection that is left out has
        nothing there.
        """
        change = self.gate.rule(connection_state, session_validated=session_validated)
        if change is Change.LIFTED:
            self._cut = None
            sent = self.outbound.send_everything(now)
            self.streams.write(self.established)
            self._moved(now, sent, self.inbound.take_everything(now))
        elif change is Change.DENIED:
            self._denied(now, kernel)
        return change

    def apply_policy(self, policy: Policy, now: float) -> None:
        """Judge all that is held again by another policy, on the running session; what that changes passes the gate."""
        self._asked = replace(self._asked, policy=policy)
        agreed = self._session.negotiated
        if agreed is not None and self._asked.peer_as is None:
            policy = policy.of_peer(agreed.peer_as)
        self.config = replace(self.config, policy=policy)
        self._end_with(self.inbound.apply_policy(policy, now), now)
        self._follow_session(now)

    def apply_max_prefix(self, limit: MaxPrefix | None, now: float) -> None:
        """Count all that is held by another limit, on the running session."""
        self._asked = replace(self._asked, max_prefix=limit)
        self.config = replace(self.config, max_prefix=limit)
        self._end_with(self.inbound.apply_max_prefix(self.config, now), now)
        self._follow_session(now)

    def apply_md5(self, key: str | None, now: float) -> None:
        """Sign with another key from now on (None: with none); what is open is closed (RFC 4486 §4)."""
        self._asked = replace(self._asked, md5=key)
        self.config = replace(self.config, md5=key)
        self._end_with(cease(Cease.OTHER_CONFIGURATION_CHANGE, "another MD5 key"), now)
        self._follow_session(now)

    def announce_again(self, now: float) -> None:
        """The speaker's announcements have changed."""
        self.outbound.announce_again(now)
        self._follow_session(now)

    def timer(self, now: float) -> None:
        """Fire every timer that has expired."""
        self._session.handle_timers(now)
        self._follow_session(now)

    # --- TCP ---

    def connected(self, stream: Stream, now: float) -> None:
        """The dial succeeded, or the peer's connection arrived."""
        session = self._session
        self.streams.add(stream)
        if stream.channel is Channel.DIALLED:
            wanted = session.fsm_state(Channel.DIALLED) in (BgpState.CONNECT, BgpState.ACTIVE)
            if wanted:
                session.tcp_connected(now)
        else:
            wanted = session.tcp_accepted(now)
            if not wanted:
                self._turn_away(stream, now)
                return
        if wanted:
            self.streams.keep(stream)
        else:
            self.streams.abort(stream)
        self._follow_session(now)

    def receive(self, stream: Stream, octets: bytes, now: float) -> None:
        """Octets of the peer arrived."""
        try:
            stream.framer.feed(octets)
            try:
                self._messages(stream, now)
            finally:
                self.inbound.knock(now)
        except ProtocolError as error:
            self._session.wire_error(stream.channel, error.notification, now, error.reason)
        self._follow_session(now)
        if self.outbound.waits:
            self.streams.write(self.established)  # what the peer asked for, once for all that was read together

    def disconnected(self, stream: Stream, why: str, now: float) -> None:
        """The peer, or the network, ended a connection."""
        stream.drop()
        if not self.streams.lost(stream):
            return
        if self._session.fsm_state(stream.channel) is BgpState.OPEN_SENT:
            self._closed_early, self._closed_early_at = why, now
        self._session.tcp_failed(stream.channel, now, why)
        self._follow_session(now)

    def dial_failed(self, why: str, now: float) -> None:
        self.streams.dial_failed()
        self._session.tcp_failed(Channel.DIALLED, now, why)
        self._follow_session(now)

    def reset_done(self, stream: Stream, now: float) -> None:
        """The connection was reset, as `Reset` asked for."""
        if self._cutting is None or self._cutting[0] is not stream:
            return
        (_, held, taken), self._cutting = self._cutting, None
        self._cut = cut = Cut(self.outbound.sent, held)
        self._moved(now, 0, taken, cut)
        self._session.tcp_failed(stream.channel, now, f"reset by us, {cut}")
        self._follow_session(now)

    def gone(self, stream: Stream) -> None:
        """Nothing is left of a connection."""
        self.streams.gone(stream)

    def to_send(self, stream: Stream, now: float) -> bytes | memoryview:
        """The next octets for the kernel, which may take a part of them; empty: nothing for now.

        This is the last point before the socket: whatever is announced has passed the gate here and now.
        """
        run = stream.next()
        if run is None:
            if stream.is_closing or stream is not self.established:
                return b""
            run = self.outbound.next(now)
            if run is None:
                return b""
            stream.begin(run)
        return run.rest

    def sent(self, stream: Stream, count: int, now: float) -> None:
        """The kernel took `count` of the octets that `to_send` gave. What leaves is counted here, behind the gate."""
        run, start = stream.took(count)
        self._session.octets_taken(stream.channel, now)
        if not self._gate.is_open:
            self._gate.passed(Direction.OUT, run.announced_since(start))
        if run.taken >= run.end and run.done is not None:
            run.done()

    # --- messages ---

    def _messages(self, stream: Stream, now: float) -> None:
        session, channel, update = self._session, stream.channel, self.inbound.update
        admitted = False
        for kind, body in stream.framer.messages():
            if kind == _UPDATE:
                # UPDATEs that were read together move the HoldTimer once: the FSM is asked for the first of them, and
                # again as soon as it is no longer Established on this channel.
                if not admitted or session.channel is not channel:
                    admitted = session.update_received(channel, now)
                if admitted:
                    refusal = update(body, session.negotiated, now)
                    if refusal is not None:
                        session.reset(now, refusal)
            else:
                admitted = False
                self._message(stream, kind, body, now)
            if stream.is_closing:
                break

    def _message(self, stream: Stream, kind: int, body: bytes, now: float) -> None:
        session, channel = self._session, stream.channel
        if kind == MessageType.KEEPALIVE:
            session.keepalive_received(channel, now)
        elif kind == MessageType.OPEN:
            session.open_received(channel, decode_open(body), now)
            if session.agreed(channel) is not None:
                # RFC 8654 §4: what we take is what our own OPEN says, whatever the peer's does.
                stream.framer.max_size = message_size(session.config.local.capabilities)
        elif kind == MessageType.NOTIFICATION:
            session.notification_received(channel, decode_notification(body), now)
        elif kind == MessageType.ROUTE_REFRESH and session.refresh_received(channel, now):
            self._refresh(body, now)
        self._follow_session(now)

    def _refresh(self, body: bytes, now: float) -> None:
        agreed = self._session.negotiated
        assert agreed is not None  # a ROUTE-REFRESH is admitted in Established alone
        refresh = decode_refresh(body, enhanced=agreed.enhanced_route_refresh)
        if isinstance(refresh, Ignored):
            self._ignored(refresh.reason, now)
        elif refresh.family is not self.config.family:
            self._ignored(f"a ROUTE-REFRESH of {refresh.family.label}, which this session does not carry", now)
        elif refresh.subtype == REQUEST:
            self.outbound.refresh_wanted(enhanced=agreed.enhanced_route_refresh)
        elif refresh.subtype == BEGIN and agreed.graceful_restart and not self.inbound.end_of_rib:
            self._ignored("a BoRR before the End-of-RIB of a peer with Graceful Restart (RFC 7313 §4)", now)
        else:
            self.inbound.refresh_mark(refresh, now)

    def _ignored(self, reason: str, now: float) -> None:
        self._tell(MessageIgnored(self.config.id, now, reason))

    # --- the gate ---

    def _moved(self, now: float, sent: int, taken: int, cut: Cut | None = None) -> None:
        self._tell(GateMoved(self.config.id, now, self.gate.is_open, sent, taken, cut))

    def _denied(self, now: float, kernel: Mapping[Stream, KernelQueue]) -> None:
        """The gate has shut: what the peer has is withdrawn; what has not left yet is dropped with the connection."""
        established = self.established
        for stream in tuple(self.streams.open):
            if stream is not established and stream.has_unsent_announcements(kernel.get(stream, NOTHING_HELD)):
                self.streams.reset(stream)
        if established is not None:
            queue = kernel.get(established, NOTHING_HELD)
            if self.outbound.waits or established.has_unsent_announcements(queue):
                # What the peer was sent is counted once the connection is reset: to count takes time.
                self.streams.reset(established)
                self._cutting = established, queue.unacknowledged, self.inbound.forget_everything()
                return
        withdrawn = self.outbound.withdraw_everything(now)
        self.streams.write(self.established)
        self._moved(now, withdrawn, self.inbound.forget_everything())

    # --- connections ---

    def _turn_away(self, stream: Stream, now: float) -> None:
        """The peer calls while its session rests, or beside the connection on which that talks."""
        session = self._session
        if session.state is BgpState.IDLE:
            why, again = f"the session rests: {session.last_error}", session.rests_until(Channel.ACCEPTED)
            self.streams.refuse(stream, encode_notification(cease(Cease.CONNECTION_REJECTED)))  # RFC 4486 §4
        else:
            why, again = f"the session is {session.state} on another connection", None
            self.streams.abort(stream)  # without a word: no NOTIFICATION may end the session that talks
        self._tell(CallerRefused(self.config.id, now, str(self.config.peer_address), why, again))

    # --- what the session asks for ---

    def _end_with(self, notification: Notification | None, now: float) -> None:
        if notification is not None:
            self._session.reset(now, notification)

    def _follow_session(self, now: float) -> None:
        for output in self._session.outputs():
            match output:
                case outputs.Send(channel, message):
                    self.streams.say(channel, _encoded(message))
                case outputs.CloseChannel(channel):
                    self.streams.close(channel)
                case outputs.DialPeer():
                    self.streams.dial()
                case outputs.Up(channel, negotiated):
                    self._meet(self.streams.kept[channel], negotiated)
                    self._up(negotiated, now)
                case outputs.Down():
                    self.outbound.down()
                    self.inbound.down()
                case BgpTransition():
                    self._tell(BgpStateChanged(self.config.id, output))
                case NotificationSeen():
                    self._tell(NotificationExchanged(self.config.id, output))

    def _meet(self, stream: Stream, negotiated: Negotiated) -> None:
        met = self._asked.met(negotiated.peer_as, stream.local_address)
        if met is not self.config:
            self.config = met
            self.inbound.meet(met)
            self.outbound.meet(met)

    def _up(self, negotiated: Negotiated, now: float) -> None:
        self.outbound.up(negotiated, now)
        self.streams.write(self.established)


def _encoded(message: Open | Notification | None) -> bytes:
    """A message as the session puts it; None is a KEEPALIVE."""
    if message is None:
        return KEEPALIVE
    return encode_open(message) if isinstance(message, Open) else encode_notification(message)


def _times(config: NeighborConfig) -> SessionTimes:
    limit = config.max_prefix
    return config.times if limit is None else replace(config.times, prefix_limit_hold=limit.restart)
