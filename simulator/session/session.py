"""One BGP session with one neighbour: up to two TCP connections, one outcome. Pure: no I/O, `now` is an argument.

The owner feeds it what happened (`tcp_connected`, `open_received`, …) and takes its `outputs()`: what to dial, send
and close, and what changed. Two FSMs run side by side, one for the connection that we dial and one for the connection
that we accept; a collision between them is resolved by RFC 4271 §6.8. The session's state is that of the FSM that is
further on.

Both ends of a collision have to keep the same connection, whatever arrives first. So the outcome depends on nothing but
the BGP Identifiers, even where one end is Established already (CollisionDetectEstablishedState); and a side that has
heard an OPEN on the peer's connection gives up a dial that is still on its way, so that this hardly ever happens.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from random import random

from simulator.session.config import SessionConfig
from simulator.session.fsm import Channel, Fsm
from simulator.session.messages import Cease, ErrorCode, Notification, Open
from simulator.session.negotiation import Negotiated, judge_open, negotiate, we_win_collision
from simulator.session.outputs import (
    BgpTransition,
    CloseChannel,
    DialPeer,
    Down,
    NotificationSeen,
    Output,
    Send,
    Up,
)
from simulator.session.states import BgpState, FsmEvent, Timer
from simulator.session.table import STARTED, Action

_PROGRESS = {
    state: rank
    for rank, state in enumerate(
        (
            *(BgpState.IDLE, BgpState.ACTIVE, BgpState.CONNECT),
            *(BgpState.OPEN_SENT, BgpState.OPEN_CONFIRM, BgpState.ESTABLISHED),
        )
    )
}
"""How far on a state is. Who dials (Connect) is further on than who waits for a call (Active)."""
_TALKING = frozenset({BgpState.OPEN_SENT, BgpState.OPEN_CONFIRM, BgpState.ESTABLISHED})
_WIRE_ERRORS: dict[int, FsmEvent] = {
    ErrorCode.OPEN_MESSAGE: FsmEvent.BGP_OPEN_MSG_ERR,
    ErrorCode.UPDATE_MESSAGE: FsmEvent.UPDATE_MSG_ERR,
}
_LEAST_SPREAD = 0.75
"""RFC 4271 §10: jitter is a factor between this and 1."""
_BEATS = 16
"""So many moments of a second are there for KEEPALIVEs, the same ones for all sessions (simulator).

A process that is woken for each KEEPALIVE by itself works twice as much for 500 sessions at hold time 9 as one that is
woken 16 times a second; and there are still 12 moments for the jitter to choose from."""
_NOTIFICATIONS = 100
"""So many are kept as evidence: a peer that never gives up may send one every few seconds (simulator)."""
_REJECTED = Notification(ErrorCode.CEASE, Cease.CONNECTION_REJECTED)


def _is_prefix_limit(notification: Notification) -> bool:
    return (notification.code, notification.subcode) == (ErrorCode.CEASE, Cease.MAX_PREFIXES)


def _is_its_turn(notification: Notification) -> bool:
    """Whether a peer that refuses our call so is about to call itself."""
    return notification == _REJECTED or _is_collision(notification)


def _is_collision(notification: Notification) -> bool:
    return (notification.code, notification.subcode) == (ErrorCode.CEASE, Cease.COLLISION_RESOLUTION)


class BgpSession:
    """RFC 4271 with one peer."""

    def __init__(self, config: SessionConfig, *, jitter: Callable[[], float] = random) -> None:
        self.config = config
        self.state = BgpState.IDLE
        self.negotiated: Negotiated | None = None
        self.channel: Channel | None = None
        """The channel that is Established."""
        self.last_open: Open | None = None
        """The peer's last OPEN, acceptable or not."""
        self.last_open_at: float | None = None
        self.last_error = ""
        """Why the session last failed, in words."""
        self.last_error_at: float | None = None
        self.established_transitions = 0
        self.established_at: float | None = None
        self.notifications: list[NotificationSeen] = []
        """The last ones, without those that only resolved a collision."""
        self._fsms = {channel: Fsm(channel, self._perform) for channel in Channel}
        self._agreed: dict[Channel, Negotiated] = {}
        self._outputs: deque[Output] = deque()
        self._jitter = jitter
        self._back_off = 0
        self._started = False

    # --- what the owner asks ---

    def outputs(self) -> list[Output]:
        """Take everything there is to do, in order."""
        taken = list(self._outputs)
        self._outputs.clear()
        return taken

    def next_timer(self) -> float | None:
        """When `handle_timers` wants to be called next."""
        return min([when for fsm in self._fsms.values() for when in fsm.timers.values()], default=None)

    def fsm_state(self, channel: Channel) -> BgpState:
        return self._fsms[channel].state

    def rests_until(self, channel: Channel) -> float | None:
        """When the idle hold time of this channel is over; None where it does not rest."""
        return self._fsms[channel].timers.get(Timer.IDLE_HOLD)

    def agreed(self, channel: Channel) -> Negotiated | None:
        """What the OPENs of this channel agreed on, before or after Established."""
        return self._agreed.get(channel)

    # --- what the owner reports ---

    def start(self, now: float) -> None:
        """AutomaticStart: listen, then dial where configured. Ignored where the session is started already."""
        if self._started:
            return
        self._started = True
        self._fsms[Channel.ACCEPTED].fire(FsmEvent.AUTOMATIC_START_PASSIVE, now)
        reason = f"{STARTED}, listening for the peer"
        if self.config.dial:
            first = FsmEvent.AUTOMATIC_START if self.config.dial_first else FsmEvent.AUTOMATIC_START_PASSIVE
            rule = self._fsms[Channel.DIALLED].fire(first, now)
            reason = rule.reason if rule else reason
        self._settle(now, reason)

    def stop(self, now: float, notification: Notification) -> None:
        """ManualStop: close with this NOTIFICATION, stay Idle, forget the back-off."""
        self._started = False
        self._back_off = 0
        for fsm in self._fsms.values():
            fsm.fire(FsmEvent.MANUAL_STOP, now, notification)
        self._settle(now, f"closed by us: {notification}")

    def reset(self, now: float, notification: Notification) -> None:
        """Close whatever is open with this NOTIFICATION and come back after the idle hold time."""
        if not self._talking():
            return
        if _is_prefix_limit(notification) and self.channel is not None:
            self._fire(self.channel, FsmEvent.PREFIX_LIMIT_REACHED, now, notification, str(notification))
            return
        self.last_error, self.last_error_at = f"closed by us: {notification}", now
        self._rest(now, notification)
        self._settle(now, self.last_error)

    def tcp_connected(self, now: float) -> None:
        """Our dial succeeded."""
        self._fire(Channel.DIALLED, FsmEvent.TCP_CR_ACKED, now)

    def tcp_accepted(self, now: float) -> bool:
        """The peer's connection arrived. False: refuse it (the session is Idle, or already talks on such a one)."""
        if self._fsms[Channel.ACCEPTED].state is not BgpState.ACTIVE:
            return False
        self._fire(Channel.ACCEPTED, FsmEvent.TCP_CONNECTION_CONFIRMED, now)
        return True

    def tcp_failed(self, channel: Channel, now: float, why: str) -> None:
        """The dial failed, or the connection ended."""
        self._fire(channel, FsmEvent.TCP_CONNECTION_FAILS, now, None, why)

    def open_received(self, channel: Channel, open_: Open, now: float) -> None:
        """Judge the peer's OPEN, resolve a collision, go on to OpenConfirm."""
        if self._fsms[channel].state is not BgpState.OPEN_SENT:
            self._fire(channel, FsmEvent.BGP_OPEN, now)
            return
        self.last_open, self.last_open_at = open_, now
        refusal = judge_open(self.config.local, open_, self.config.peer_as)
        if refusal is not None:
            self._fire(channel, FsmEvent.BGP_OPEN_MSG_ERR, now, *refusal)
            return
        self._agreed[channel] = negotiate(self.config.local, open_)
        if self._loses_collision(channel, open_, now):
            return
        self._fire(channel, FsmEvent.BGP_OPEN, now)

    def keepalive_received(self, channel: Channel, now: float) -> None:
        self._fire(channel, FsmEvent.KEEPALIVE_MSG, now)

    def update_received(self, channel: Channel, now: float) -> bool:
        """Whether the FSM admits an UPDATE on this channel now; where not, the attempt ends as the table says."""
        self._fire(channel, FsmEvent.UPDATE_MSG, now)
        return self._fsms[channel].state is BgpState.ESTABLISHED

    def refresh_received(self, channel: Channel, now: float) -> bool:
        """Whether the FSM admits a ROUTE-REFRESH on this channel now."""
        self._fire(channel, FsmEvent.ROUTE_REFRESH_MSG, now)
        return self._fsms[channel].state is BgpState.ESTABLISHED

    def notification_received(self, channel: Channel, notification: Notification, now: float) -> None:
        if self._fsms[channel].state is BgpState.IDLE:
            return
        version = (notification.code, notification.subcode) == (ErrorCode.OPEN_MESSAGE, 1)
        event = FsmEvent.NOTIF_MSG_VER_ERR if version else FsmEvent.NOTIF_MSG
        if _is_collision(notification):
            self._forget_if_established(channel)
            self._hurry(channel.other, now)
        self._note(channel, notification, sent=False, now=now)
        self._fire(channel, event, now, notification, str(notification))

    def wire_error(self, channel: Channel, notification: Notification, now: float, why: str) -> None:
        """The peer's octets are malformed; `notification` says how."""
        self._fire(channel, _WIRE_ERRORS.get(notification.code, FsmEvent.BGP_HEADER_ERR), now, notification, why)

    def octets_taken(self, channel: Channel, now: float) -> None:
        """TCP took everything that was sent: the SendHoldTimer starts again (RFC 9687 §4.3)."""
        fsm = self._fsms[channel]
        if Timer.SEND_HOLD in fsm.timers:
            self._start_send_hold(fsm, now)

    def handle_timers(self, now: float) -> None:
        """Fire every timer that has expired."""
        for fsm in self._fsms.values():
            for event in fsm.due(now):
                if event is FsmEvent.IDLE_HOLD_TIMER_EXPIRES:
                    self._wake(fsm, now)
                else:
                    self._fire(fsm.channel, event, now)

    # --- inside ---

    def _fire(
        self, channel: Channel, event: FsmEvent, now: float, notification: Notification | None = None, detail: str = ""
    ) -> None:
        fsm = self._fsms[channel]
        was = fsm.state
        rule = fsm.fire(event, now, notification)
        if rule is None or fsm.state is was:
            return
        reason = f"{rule.reason}: {detail}" if detail else rule.reason
        if _PROGRESS[fsm.state] < _PROGRESS[was] and not self._talking():
            self.last_error, self.last_error_at = reason, now
        self._follow_rival(now)
        self._settle(now, reason)

    def _talking(self) -> bool:
        return any(fsm.state in _TALKING for fsm in self._fsms.values())

    def _rest(self, now: float, notification: Notification, after: float | None = None) -> None:
        """Close both channels, with this NOTIFICATION where there is somebody to read it; both start again later."""
        for fsm in self._fsms.values():
            fsm.fire(FsmEvent.AUTOMATIC_STOP, now, notification)
        wait = self._damping() if after is None else after
        for fsm in self._fsms.values():
            if self._uses(fsm):
                fsm.timers[Timer.IDLE_HOLD] = now + wait

    def _uses(self, fsm: Fsm) -> bool:
        return self.config.dial or fsm.channel is Channel.ACCEPTED

    def _wake(self, fsm: Fsm, now: float) -> None:
        if fsm.channel is Channel.DIALLED:
            self._fire(fsm.channel, FsmEvent.IDLE_HOLD_TIMER_EXPIRES, now)
        else:
            fsm.fire(FsmEvent.AUTOMATIC_START_PASSIVE, now)
            self._settle(now, "idle hold time over, listening for the peer")

    def _follow_rival(self, now: float) -> None:
        """Start or stop each channel as the other one's state asks: no dial beside a session, no rest without one."""
        for fsm in self._fsms.values():
            rival = self._fsms[fsm.channel.other].state
            dialled = fsm.channel is Channel.DIALLED
            if rival is BgpState.ESTABLISHED or (rival is BgpState.OPEN_CONFIRM and dialled):
                if fsm.state not in _TALKING:
                    fsm.fire(FsmEvent.AUTOMATIC_STOP, now)
            elif self._started and rival not in _TALKING and fsm.state is BgpState.IDLE and not fsm.timers:
                if dialled and self.config.dial:
                    self._perform(fsm, Action.REST, None, now)
                elif not dialled:
                    fsm.fire(FsmEvent.AUTOMATIC_START_PASSIVE, now)

    def _loses_collision(self, channel: Channel, open_: Open, now: float) -> bool:
        """RFC 4271 §6.8, also against an Established connection (CollisionDetectEstablishedState)."""
        rival = self._fsms[channel.other]
        if rival.state not in (BgpState.OPEN_CONFIRM, BgpState.ESTABLISHED):
            return False
        ours_stays = we_win_collision(self.config.local, open_)
        loser = channel if (channel is Channel.ACCEPTED) == ours_stays else rival.channel
        self._forget_if_established(loser)
        cease = Notification(ErrorCode.CEASE, Cease.COLLISION_RESOLUTION)
        self._fire(loser, FsmEvent.OPEN_COLLISION_DUMP, now, cease)
        return loser is channel

    def _forget_if_established(self, loser: Channel) -> None:
        """A connection that loses a collision never was the session, even if it was Established for a moment."""
        if self._fsms[loser].state is BgpState.ESTABLISHED and self._fsms[loser.other].state in _TALKING:
            self.established_transitions -= 1

    def _hurry(self, kept: Channel, now: float) -> None:
        """The peer keeps this connection: its OPEN comes within our hold time, or nothing does (an FRR that hung), and
        the peer would refuse every other one meanwhile."""
        timers, hold = self._fsms[kept].timers, self.config.local.hold_time
        if hold and self._fsms[kept].state is BgpState.OPEN_SENT and Timer.HOLD in timers:
            timers[Timer.HOLD] = min(timers[Timer.HOLD], now + hold)

    def _settle(self, now: float, reason: str) -> None:
        """Derive the session's state from both FSMs and report a change."""
        state = max((fsm.state for fsm in self._fsms.values()), key=_PROGRESS.__getitem__)
        if state is self.state:
            return
        change = BgpTransition(now, self.state, state, reason)
        self.state = state
        if self._outputs and isinstance(self._outputs[-1], Up):
            self._outputs.insert(-1, change)  # the change comes before its consequences
        else:
            self._outputs.append(change)

    def _note(self, channel: Channel, notification: Notification, *, sent: bool, now: float) -> None:
        if _is_collision(notification):
            return
        seen = NotificationSeen(now, sent, notification)
        self.notifications.append(seen)
        del self.notifications[:-_NOTIFICATIONS]
        self._outputs.append(seen)

    def _damp(self, fsm: Fsm, notification: Notification | None, now: float) -> None:
        """An attempt failed: both channels rest, unless the other one goes on."""
        limit = notification is not None and _is_prefix_limit(notification)
        if limit:
            self._rest(now, _REJECTED, self.config.times.prefix_limit_hold)
        elif notification is not None and _is_its_turn(notification) and fsm.channel is Channel.DIALLED:
            # A peer that is Idle and refuses our call will call as soon as it is not: two that both rest never meet.
            # One that resolves a collision keeps its own call, which may not have come in here yet.
            fsm.timers[Timer.IDLE_HOLD] = now + max(self._damping(), self.config.times.connect_retry * self._spread())
        elif self._fsms[fsm.channel.other].state not in _TALKING:
            self._rest(now, _REJECTED)

    def _damping(self) -> float:
        """The next IdleHold time: doubled each time, forgotten after a stable session, with jitter."""
        times = self.config.times
        wait = min(times.idle_hold * 2.0**self._back_off, times.idle_hold_max)
        self._back_off = min(self._back_off + 1, 16)
        return wait * self._spread()

    def _spread(self) -> float:
        """RFC 4271 §10: a factor between 0.75 and 1, drawn each time."""
        return _LEAST_SPREAD + self._jitter() * (1 - _LEAST_SPREAD)

    def _start_send_hold(self, fsm: Fsm, now: float) -> None:
        """RFC 9687 §4.3: not where no keepalives were agreed, because then there may be nothing to send."""
        hold, configured = self._agreed[fsm.channel].hold_time, self.config.times.send_hold
        if hold and configured:
            fsm.timers[Timer.SEND_HOLD] = now + max(configured, 2.0 * hold)

    def _start_keepalive(self, fsm: Fsm, now: float) -> None:
        """RFC 4271 §4.4: no more often than once a second, whatever the jitter says.

        On a beat, so that one wake-up of a process is enough for all its sessions that are due then: the last beat
        before the moment that the jitter gives, but none before the least of the jitter.
        """
        interval = self._agreed[fsm.channel].keepalive
        least = now + max(1.0, _LEAST_SPREAD * interval)
        drawn = now + interval * self._spread()
        fsm.timers[Timer.KEEPALIVE] = max(drawn * _BEATS // 1, math.ceil(least * _BEATS)) / _BEATS

    def _perform(self, fsm: Fsm, action: Action, notification: Notification | None, now: float) -> None:
        if action is Action.RESTART_HOLD:  # first, because every message does it
            hold = self._agreed[fsm.channel].hold_time
            if hold:
                fsm.timers[Timer.HOLD] = now + hold
            else:
                fsm.timers.pop(Timer.HOLD, None)
            return
        times, channel = self.config.times, fsm.channel
        match action:
            case Action.DIAL:
                self._outputs.append(DialPeer())
            case Action.DROP:
                self._outputs.append(CloseChannel(channel))
            case Action.SEND_OPEN:
                self._agreed.pop(channel, None)
                self._outputs.append(Send(channel, self.config.local))
            case Action.SEND_KEEPALIVE:
                self._outputs.append(Send(channel, None))
            case Action.SEND_NOTIFICATION:
                if notification is not None:
                    self._note(channel, notification, sent=True, now=now)
                    self._outputs.append(Send(channel, notification))
            case Action.START_CONNECT_RETRY:
                if self.config.dial and channel is Channel.DIALLED:
                    fsm.timers[Timer.CONNECT_RETRY] = now + times.connect_retry * self._spread()
            case Action.STOP_CONNECT_RETRY:
                fsm.timers.pop(Timer.CONNECT_RETRY, None)
            case Action.START_OPEN_HOLD:
                fsm.timers[Timer.HOLD] = now + times.open_hold
            case Action.START_HOLD:
                if self._agreed[channel].hold_time:
                    fsm.timers[Timer.HOLD] = now + self._agreed[channel].hold_time
                    self._start_keepalive(fsm, now)
            case Action.RESTART_KEEPALIVE:
                self._start_keepalive(fsm, now)
            case Action.STOP_TIMERS:
                fsm.timers.clear()
            case Action.REST:
                if self._started and channel is Channel.DIALLED:
                    fsm.timers[Timer.IDLE_HOLD] = now + times.connect_retry * self._spread()
            case Action.DAMP:
                self._damp(fsm, notification, now)
            case Action.UP:
                self._up(channel, now)
            case Action.DOWN:
                self.negotiated, self.channel = None, None
                if self.established_at is not None and now - self.established_at >= times.stable:
                    self._back_off = 0
                self._outputs.append(Down())

    def _up(self, channel: Channel, now: float) -> None:
        self.negotiated, self.channel = self._agreed[channel], channel
        self.established_transitions += 1
        self.established_at = now
        self._start_send_hold(self._fsms[channel], now)
        self._follow_rival(now)
        self._outputs.append(Up(channel, self.negotiated))
