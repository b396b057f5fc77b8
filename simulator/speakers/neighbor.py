"""One neighbour of a speaker: gives its peer time and TCP, and carries out what the peer asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from simulator.addresses import IpAddress
from simulator.connection.states import ConnectionState
from simulator.gate import Change, Gate
from simulator.peer.effects import Abort, Close, Dial, Reset, StopDial, TcpEffect, Write
from simulator.peer.events import NeighborConfig
from simulator.peer.peer import BgpPeer
from simulator.peer.stream import Stream
from simulator.policy.max_prefix import MaxPrefix
from simulator.policy.policy import Policy
from simulator.rib.adj_in import AdjRibIn
from simulator.session.messages import Family, Notification
from simulator.session.states import BgpState
from simulator.speakers.connections import Connections, octets_written
from simulator.speakers.dispatch import dispatch
from simulator.speakers.gc_pause import gc_paused
from simulator.speakers.runtime import Runtime
from simulator.speakers.tcp import Owner, TcpConnection
from simulator.views.session import SessionView
from simulator.wire.path_attributes import PathAttributes


class Neighbor:
    """One session of a speaker."""

    def __init__(self, config: NeighborConfig, runtime: Runtime, peer: BgpPeer | None = None) -> None:
        """`peer`: one that was made for this configuration already."""
        self.peer = BgpPeer(config, runtime.loc_rib, runtime.images) if peer is None else peer
        self.connections = Connections(config, runtime, self)
        self._runtime = runtime
        self._timer: asyncio.TimerHandle | None = None

    # --- what is known ---

    @property
    def config(self) -> NeighborConfig:
        return self.peer.config

    @property
    def gate(self) -> Gate:
        return self.peer.gate

    @property
    def adj_in(self) -> AdjRibIn:
        return self.peer.adj_in

    @property
    def bgp_state(self) -> BgpState:
        return self.peer.bgp_state

    def view(self) -> SessionView:
        return self.peer.view()

    def taken(self) -> Iterator[tuple[Family, bytes, PathAttributes]]:
        """This session's routes in Loc-RIB, with their attributes as the import policy leaves them."""
        return self.peer.taken()

    @property
    def talking(self) -> tuple[TcpConnection, ...]:
        """The connections on which the session talks."""
        return tuple(self.connections.open[stream] for stream in self.peer.streams.kept.values())

    def written(self, *, whole: bool = False) -> dict[tuple[IpAddress, int, IpAddress, int], int]:
        """How many octets were ever written to each connection that talks; as `octets_written`."""
        found = {}
        for tcp in self.talking:
            found.update(octets_written(tcp, whole=whole))
        return found

    # --- commands ---

    def start(self) -> None:
        self.peer.start(self._now())
        self._carry_out()

    def stop(self, notification: Notification) -> None:
        """Close the session with this NOTIFICATION and stay Idle."""
        self.peer.stop(notification, self._now())
        self._carry_out()

    async def stopped(self) -> None:
        """Wait until no TCP connection and no dial of a stopped session is left."""
        await self.connections.ended()

    def rule(self, connection_state: ConnectionState | None, *, session_validated: bool) -> Change:
        """Provisioning's ruling on this session's gate: lifts or re-denies on the running session, without a reset."""
        change = self.peer.rule(
            connection_state,
            session_validated=session_validated,
            now=self._now(),
            kernel=self.connections.kernel_queues() if self.peer.gate.is_open else {},
        )
        self._carry_out()
        return change

    def apply_policy(self, policy: Policy) -> None:
        """Judge all that is held again by another policy, on the running session; what that changes passes the gate."""
        self.peer.apply_policy(policy, self._now())
        self._carry_out()

    def apply_max_prefix(self, limit: MaxPrefix | None) -> None:
        """Count all that is held by another limit, on the running session."""
        self.peer.apply_max_prefix(limit, self._now())
        self._carry_out()

    def apply_md5(self, key: str | None) -> None:
        """Sign with another key from now on; what is open is closed."""
        self.connections.sign_with(key)
        self.peer.apply_md5(key, self._now())
        self._carry_out()

    def announce_again(self) -> None:
        """The speaker's announcements have changed."""
        self.peer.announce_again(self._now())
        self._carry_out()
        self.write()

    def write(self) -> None:
        """There may be something to send."""
        stream = self.peer.established
        if stream is not None:
            self._write(stream)

    # --- TCP ---

    def owner_of(self, tcp: TcpConnection) -> Owner:
        return self

    def tcp_made(self, tcp: TcpConnection) -> None:
        self.connections.open[tcp.stream] = tcp
        self.peer.connected(tcp.stream, self._now())
        tap = self._runtime.tap
        if tap is not None and tcp.stream.is_kept:
            tap.opened(self.config, tcp, self._now())
        self._carry_out()

    def tcp_received(self, tcp: TcpConnection, octets: bytes) -> None:
        if self._runtime.tap is not None:
            self._runtime.tap.octets(self.config, tcp, octets, outbound=False, now=self._now())
        self.peer.receive(tcp.stream, octets, self._now())
        self._carry_out()

    def tcp_to_send(self, tcp: TcpConnection) -> bytes | memoryview:
        with gc_paused():  # a portion for a client that is behind is some thousand objects, few of which stay
            return self.peer.to_send(tcp.stream, self._now())

    def tcp_sent(self, tcp: TcpConnection, octets: bytes | memoryview) -> None:
        now = self._now()
        self.peer.sent(tcp.stream, len(octets), now)
        if self._runtime.tap is not None and tcp.stream.is_kept:
            self._runtime.tap.octets(self.config, tcp, bytes(octets), outbound=True, now=now)

    def tcp_written(self, tcp: TcpConnection) -> None:
        self._carry_out()

    def tcp_finished(self, tcp: TcpConnection) -> None:
        if self._runtime.tap is not None and tcp.stream.is_kept:
            self._runtime.tap.closed(self.config, tcp, self._now())

    def tcp_lost(self, tcp: TcpConnection, why: str) -> None:
        if self._runtime.tap is not None and self.peer.streams.holds(tcp.stream):
            self._runtime.tap.lost(self.config, tcp, self._now())
        self.peer.disconnected(tcp.stream, why, self._now())
        self._carry_out()

    def tcp_gone(self, tcp: TcpConnection) -> None:
        self.connections.open.pop(tcp.stream, None)
        self.peer.gone(tcp.stream)

    def dial_failed(self, why: str) -> None:
        self.peer.dial_failed(why, self._now())
        self._carry_out()

    # --- carrying out what the peer asks for ---

    def _carry_out(self) -> None:
        """Everything, in order. What a listener asks for in the middle is carried out behind what was there before."""
        effects, emit = self.peer.effects, self._runtime.emit
        while effects:
            effect = effects.popleft()
            if isinstance(effect, TcpEffect):
                self._act(effect)
            else:
                dispatch(emit, effect)
        self._schedule()

    def _act(self, effect: TcpEffect) -> None:
        match effect:
            case Write(stream):
                self._write(stream)
            case Dial():
                self.connections.dial()
            case StopDial():
                self.connections.stop_dial()
            case Close(stream):
                self.connections.close(stream)
            case Abort(stream):
                self.connections.abort(stream)
            case Reset(stream):
                self._reset(stream)

    def _write(self, stream: Stream) -> None:
        tcp = self.connections.open.get(stream)
        if tcp is not None:
            tcp.write()

    def _reset(self, stream: Stream) -> None:
        tcp = self.connections.open.get(stream)
        if tcp is not None:
            tcp.reset()
            if self._runtime.tap is not None and stream.is_kept:
                self._runtime.tap.reset(self.config, tcp, self._now())
        self.peer.reset_done(stream, self._now())

    # --- time ---

    def _schedule(self) -> None:
        when = self.peer.next_timer()
        if self._timer is not None:
            # One that comes too early finds nothing due and is set again, which is cheaper than to move it each time.
            if when is not None and self._timer.when() <= self._runtime.clock.to_loop(when):
                return
            self._timer.cancel()
            self._timer = None
        if when is not None:
            self._timer = self._runtime.clock.call_at(when, self._timer_fired)

    def _timer_fired(self) -> None:
        self._timer = None
        self.peer.timer(self._now())
        self._carry_out()

    def _now(self) -> float:
        return self._runtime.clock.now()
