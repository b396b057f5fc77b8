"""One neighbour of a speaker: joins its BGP session, its TCP connections, its RIBs and its gate.

How a route flows: octets → frame → FSM admits it → Adj-RIB-In with its would-be verdict → gate → Loc-RIB; and
Adj-RIB-Out image → gate → octets. Everything left of the gate runs while the policy is DENY ALL.
"""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from weakref import WeakValueDictionary

from simulator.connection.states import ConnectionState
from simulator.gate import Change, Direction, Gate, Withheld
from simulator.lab.link import LabError, Place
from simulator.policy.policy import Policy
from simulator.policy.verdict import Hit, Hits
from simulator.rib.adj_in import AdjRibIn
from simulator.rib.adj_out import Image, Images
from simulator.rib.attribute_set import AttributeSet
from simulator.rib.loc import LocRib
from simulator.session.fsm import Channel
from simulator.session.messages import Cease, ErrorCode, Family, Notification, Open, RouteRefresh
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
    SessionTimes,
    Up,
)
from simulator.session.states import BgpState
from simulator.speakers.clock import Clock
from simulator.speakers.events import (
    BgpStateChanged,
    EndOfRib,
    GateMoved,
    GateWithheld,
    MalformedUpdate,
    NeighborConfig,
    NotificationExchanged,
    PolicyApplied,
    PrefixLimit,
    RoutesAnnounced,
    RoutesWithdrawn,
    SessionView,
    SpeakerEvent,
)
from simulator.speakers.max_prefix import BLOCKED, Action, Count, Level, PrefixWatch
from simulator.speakers.tap import Tap
from simulator.speakers.tcp import Wire, connect
from simulator.wire.attribute_checks import Addresses
from simulator.wire.attributes import PathAttributes, decode
from simulator.wire.faults import AttributeFault, Fault, Outcome, UpdateError, strongest
from simulator.wire.framing import KEEPALIVE, Framer, MessageType, WireError
from simulator.wire.judgement import Judgement, Reach, judge
from simulator.wire.notification import decode_notification, encode_notification
from simulator.wire.open import decode_open, encode_open
from simulator.wire.reading import Announced, read_update
from simulator.wire.refresh import decode_refresh, encode_refresh
from simulator.wire.update import count_nlri, end_of_rib

_NO_HITS: dict[bytes, Hits] = {}
_REQUEST, _BEGIN, _END = 0, 1, 2
"""Subtypes of ROUTE-REFRESH (RFC 7313 §3)."""


@dataclass(frozen=True, slots=True)
class Services:
    """What a speaker gives to each of its neighbours."""

    place: Place
    clock: Clock
    emit: Callable[[SpeakerEvent], None]
    loc_rib: LocRib
    images: Images
    tap: Tap | None = None
    connect: Callable[..., Awaitable[None]] = connect
    """Dials a neighbour, as `tcp.connect` does."""


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
                times=_times(config),
            )
        )
        self._wires: dict[Channel, Wire] = {}
        self._ending: set[asyncio.Future[None]] = set()
        self._dialling: asyncio.Task[None] | None = None
        self._dials: set[asyncio.Task[None]] = set()
        """The dial under way and those that were given up and have not ended."""
        self._timer: asyncio.TimerHandle | None = None
        # Weak: a set lives as long as a route or an event has it, however often a peer changes its attributes.
        self._attributes: WeakValueDictionary[tuple[bytes, bytes], AttributeSet] = WeakValueDictionary()
        self._image: Image | None = None
        self._sent = 0
        self._withdrawn_by_us = 0
        self._closed_early = ""
        self._end_of_rib = False
        self._last_update: float | None = None
        self._watch = PrefixWatch(config.max_prefix) if config.max_prefix else None
        self._disabled = False
        """AFI/SAFI disable (RFC 7606 §2): what the peer announces or withdraws is ignored until the session ends."""
        caller = config.remote.host if config.remote else config.peer_address
        self._addresses = Addresses(peer=caller.packed, own=config.local_address.packed)
        self._stale: set[bytes] | None = None
        """While the peer answers a route refresh: what it has not announced again (RFC 7313 §4.2)."""

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
        while self._dials or self._ending:
            await asyncio.wait({*self._dials, *self._ending})

    def rule(self, connection_state: ConnectionState | None, *, session_validated: bool) -> Change:
        """Provisioning's ruling on this session's gate: lifts or re-denies on the running session, without a reset."""
        change = self.gate.rule(connection_state, session_validated=session_validated)
        if change is Change.LIFTED:
            self._moved(sent=self._send_everything(), taken=self._take_everything())
        elif change is Change.DENIED:
            self._moved(sent=self._withdraw_everything(), taken=self._forget_everything())
        return change

    def apply_policy(self, policy: Policy) -> None:
        """Judge all that is held again by another policy, on the running session; what that changes passes the gate."""
        self.config = replace(self.config, policy=policy)
        family, judged = self.config.family, dict[AttributeSet, AttributeSet]()

        def judge_set(before: AttributeSet) -> AttributeSet:
            if before not in judged:
                hits = policy.judge_attributes(before.path)
                judged[before] = before if hits == before.hits else AttributeSet(before.path, hits)
            return judged[before]

        def judge_prefixes(keys: list[bytes], attributes: AttributeSet) -> dict[bytes, Hits]:
            hits = policy.judge_prefixes(family, keys, attributes.path)
            if self._watch is None or self._watch.rule.action is not Action.BLOCK:
                return hits
            # What came beyond the prefix limit stays beyond it, whatever the policy says.
            blocked = {key: hit for key in keys for hit in self.adj_in.hits(family, key) if hit.rule == BLOCKED}
            return hits | {key: (*hits.get(key, ()), hit) for key, hit in blocked.items()}

        refused, accepted = self.adj_in.judge_again(family, judge_set, judge_prefixes)
        for raw, known in list(self._attributes.items()):
            self._attributes[raw] = judge_set(known)
        self._services.loc_rib.forget(self.config.id, family, refused)
        self._take(accepted)
        self._services.emit(PolicyApplied(self.config.id, self._now(), len(refused), len(accepted)))
        self._watch_limit()
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
            disabled=self._disabled,
        )

    # --- TCP tells ---

    def tcp_made(self, wire: Wire) -> None:
        now = self._now()
        if wire.channel is Channel.ACCEPTED:
            wanted = self._session.tcp_accepted(now)
        else:
            wanted = self._session.fsm_state(Channel.DIALLED) in (BgpState.CONNECT, BgpState.ACTIVE)
            if wanted:
                self._dialling = None  # it is a connection now: nothing is left to give up
                self._session.tcp_connected(now)
        self._ending.add(wire.ended)
        wire.ended.add_done_callback(self._ending.discard)
        if wanted:
            self._wires[wire.channel] = wire
            if self._services.tap is not None:
                self._services.tap.opened(self.config, wire, now)
        else:
            wire.abort()
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
        try:
            reading = read_update(body)
        except UpdateError as error:
            self._malformed(body, error.faults)
            raise
        self._last_update = self._now()
        if reading.end_of_rib is not None:
            self._end_of_rib = self._end_of_rib or reading.end_of_rib is family
            self._services.emit(EndOfRib(self.config.id, self._now(), reading.end_of_rib))
            return
        agreed = self._session.negotiated
        usable = agreed is not None and family in agreed.families  # or nobody asked for these (RFC 4760 §8)
        ours = [part for part in reading.announced if part.family is family and usable]
        verdicts = [self._judged(part, reading.attributes) for part in ours]
        faults = dict.fromkeys((*reading.faults, *(fault for _, faults in verdicts for fault in faults)))
        if not ours and reading.attributes:
            faults |= dict.fromkeys(self._judge(reading.attributes, reading.reach).faults)
        if faults:
            self._malformed(body, faults, tuple(key for part in ours for key in part.keys))
            if max(fault.outcome for fault in faults) is Outcome.SESSION_RESET:
                raise UpdateError(tuple(faults))
        if not usable or self._disabled:
            return
        disabling = [fault for fault in reading.faults if fault.afi_safi == family.value]
        if disabling:
            self._disabled = True
            self._withdraw(list(self.adj_in.keys(family)), malformed=disabling[0].reason)
            return
        for withdrawn, keys in reading.withdrawn:
            if withdrawn is family:
                self._withdraw(keys)
        for part, (attributes, why) in zip(ours, verdicts, strict=True):
            if attributes is None:
                self._withdraw(part.keys, malformed=strongest(why).reason)
            else:
                self._announce(part.keys, attributes)
        if ours:
            self._watch_limit()

    def _malformed(self, body: bytes, faults: Iterable[Fault], keys: tuple[bytes, ...] = ()) -> None:
        for fault in faults:
            family: Family | None = self.config.family
            if fault.afi_safi is not None:
                family = next((known for known in Family if known.value == fault.afi_safi), None)
            told = fault.outcome, fault.code, fault.reason, fault.clause, fault.octets
            self._services.emit(MalformedUpdate(self.config.id, self._now(), family, *told, body, keys))

    def _judge(self, raw: bytes, reach: Reach) -> Judgement:
        agreed = self._session.negotiated
        return judge(raw, asn4=agreed is not None and agreed.asn4, reach=reach, addresses=self._addresses)

    def _judged(self, part: Announced, raw: bytes) -> tuple[AttributeSet | None, tuple[Fault, ...]]:
        """The attribute set, None for treat-as-withdraw or worse, and what is wrong with the octets."""
        try:
            attributes = self._intern(raw, part)
        except AttributeFault as refused:
            return None, refused.faults
        return attributes, attributes.path.discarded

    def _intern(self, raw: bytes, part: Announced) -> AttributeSet:
        """Decode and judge each distinct attribute set once. Raises AttributeFault."""
        found = self._attributes.get((raw, part.next_hop))
        if found is None:
            agreed = self._session.negotiated
            asn4 = agreed is not None and agreed.asn4
            path = decode(raw, asn4=asn4, reach=part.reach, next_hop=part.next_hop, addresses=self._addresses)
            policy = self.config.policy
            found = AttributeSet(path, policy.judge_attributes(path) if policy else ())
            self._attributes[raw, part.next_hop] = found
        return found

    def _announce(self, keys: list[bytes], attributes: AttributeSet) -> None:
        family, policy = self.config.family, self.config.policy
        hits = _NO_HITS
        if policy is not None:
            hits = policy.judge_prefixes(family, keys, attributes.path)
        if self._stale:
            self._stale.difference_update(keys)
        if self._watch is not None:
            hits = self._beyond_limit(keys, hits)
        self.adj_in.announce(family, keys, attributes, hits)
        self._services.emit(RoutesAnnounced(self.config.id, self._now(), family, tuple(keys), attributes))
        if attributes.hits:
            self._services.loc_rib.forget(self.config.id, family, keys)
            return
        if hits:
            self._services.loc_rib.forget(self.config.id, family, hits)
            keys = [key for key in keys if key not in hits]
        self._take(dict.fromkeys(keys, attributes))

    def _beyond_limit(self, keys: list[bytes], hits: dict[bytes, Hits]) -> dict[bytes, Hits]:
        """With the action `block`, new routes beyond the limit are rejected; those that came first stay."""
        assert self._watch is not None
        rule = self._watch.rule
        if rule.action is not Action.BLOCK:
            return hits
        held = self.adj_in.keys(self.config.family)
        fresh = [key for key in dict.fromkeys(keys) if key not in held]
        room = max(0, rule.limit - len(held))
        hit = Hit(BLOCKED, f"more than {rule.limit} prefixes", "the session's prefix limit is reached")
        return hits | {key: (*hits.get(key, ()), hit) for key in fresh[room:]}

    def _watch_limit(self) -> None:
        """Once an UPDATE: tell a border that was crossed, and close the session where that is what was asked for."""
        if self._watch is None:
            return
        rule = self._watch.rule
        level = self._watch.observe(self.adj_in.received, self.adj_in.accepted)
        if level is None:
            return
        count = self.adj_in.received if rule.count is Count.RECEIVED else self.adj_in.accepted
        self._services.emit(PrefixLimit(self.config.id, self._now(), level, count, rule))
        if level is Level.EXCEEDED and rule.action is Action.CEASE:
            family = self.config.family
            # RFC 4486 §4: AFI, SAFI and the upper bound.
            data = struct.pack("!HBI", family.afi, family.safi, rule.limit)
            self._session.reset(self._now(), Notification(ErrorCode.CEASE, Cease.MAX_PREFIXES, data))

    def _withdraw(self, keys: list[bytes], malformed: str = "") -> None:
        family = self.config.family
        self.adj_in.withdraw(family, keys)
        self._services.loc_rib.forget(self.config.id, family, keys)
        self._services.emit(RoutesWithdrawn(self.config.id, self._now(), family, tuple(keys), malformed))

    def _refresh(self, body: bytes) -> None:
        refresh, agreed = decode_refresh(body), self._session.negotiated
        if refresh is None or refresh.family is not self.config.family or agreed is None:
            return
        if refresh.subtype == _REQUEST:
            if agreed.enhanced_route_refresh:
                self._send_octets(encode_refresh(RouteRefresh(refresh.family, _BEGIN)))
            self._send_routes()
            if agreed.enhanced_route_refresh:
                self._send_octets(encode_refresh(RouteRefresh(refresh.family, _END)))
        elif agreed.enhanced_route_refresh:
            stale, self._stale = self._stale, None
            if refresh.subtype == _BEGIN:
                self._stale = self.adj_in.keys(refresh.family)
            elif stale:
                self._withdraw(list(stale))

    # --- the gate, both directions ---

    def _passes(self, direction: Direction, keys: Iterable[bytes]) -> bool:
        if not self.config.gated:
            return True
        return self.gate.asks(direction, self.config.family.label, tuple(keys), self._now())

    def _take(self, routes: dict[bytes, AttributeSet]) -> int:
        """Past the gate into Loc-RIB."""
        if not routes or not self._passes(Direction.IN, routes):
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
                    self._dial()
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
        self._image = self._services.images.get(
            config.family, negotiated, config.local_as, config.local_address, config.role
        )
        if not config.gated or self.gate.is_open:
            self._send_everything()
        else:
            self._send_routes()  # held back by the gate, which counts what would have gone

    def _down(self) -> None:
        self._image, self._sent = None, 0
        self._end_of_rib, self._last_update, self._stale = False, None, None
        self._disabled = False
        if self._watch is not None:
            self._watch.reset()
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
        wire.write(data)
        if not wire.blocked:
            self._session.octets_taken(wire.channel, self._now())
        if self._services.tap is not None:
            self._services.tap.octets(self.config, wire, data, outbound=True, now=self._now())
        if self.config.gated and not self.gate.is_open:
            self.gate.saw_beyond(Direction.OUT, _announced(data))

    def _dial(self) -> None:
        self._dialling = asyncio.get_running_loop().create_task(self._connect())
        self._dials.add(self._dialling)
        self._dialling.add_done_callback(self._dials.discard)

    async def _connect(self) -> None:
        config, services = self.config, self._services
        try:
            await services.connect(
                services.place,
                config.local.host,
                config.remote,
                lambda: Wire(Channel.DIALLED, self),
                md5=config.md5,
                gtsm=config.gtsm,
            )
        except (OSError, LabError) as error:
            self._dialling = None
            why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
            self._session.tcp_failed(Channel.DIALLED, self._now(), why)
            self._carry_out()

    def _close(self, channel: Channel) -> None:
        if channel is Channel.DIALLED and self._dialling is not None:
            self._dialling.cancel()
            self._dialling = None
        wire = self._wires.pop(channel, None)
        if wire is not None:
            wire.close()
            if self._services.tap is not None:
                self._services.tap.closed(self.config, wire, self._now())

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


def _announced(octets: bytes) -> int:
    """NLRI announced in these messages, counted from the octets themselves."""
    framer = Framer()
    framer.max_size = 65535
    framer.feed(octets)
    return sum(count_nlri(body)[0] for kind, body in framer.messages() if kind == MessageType.UPDATE)
