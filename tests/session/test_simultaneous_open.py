"""Two sessions back to back: both dial at once, and both have to keep the same TCP connection, exactly one.

The network is a handful of queues. What happens next is a choice, and every choice is tried: TCP keeps the order on one
connection in one direction, and nothing keeps any order between connections.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.session.config import SessionConfig
from simulator.session.fsm import Channel
from simulator.session.messages import Capabilities, Family, Notification, Open
from simulator.session.outputs import CloseChannel, DialPeer, Send
from simulator.session.session import BgpSession
from simulator.session.states import BgpState
from tests.session.support import LOCAL

SYN, CONNECTED, ACCEPT, END = "SYN", "CONNECTED", "ACCEPT", "END"
Item = str | Open | Notification | None


@dataclass
class Connection:
    """A TCP connection: `dialler` is the end that dialled it (0 or 1), `to[end]` is what is on its way to an end."""

    dialler: int
    to: tuple[deque[Item], deque[Item]] = field(default_factory=lambda: (deque(), deque()))
    open: list[bool] = field(default_factory=lambda: [True, True])
    """Whether an end still holds it."""

    def channel(self, end: int) -> Channel:
        return Channel.DIALLED if end == self.dialler else Channel.ACCEPTED


class Pair:
    """Two sessions and the network between them. `time` moves only when nothing is left to deliver."""

    def __init__(self, configs: tuple[SessionConfig, SessionConfig], jitter: float = 1.0) -> None:
        self.ends = [BgpSession(config, jitter=lambda: jitter) for config in configs]
        self.connections: list[Connection] = []
        self.held: list[dict[Channel, Connection]] = [{}, {}]
        self.dialling: list[Connection | None] = [None, None]
        self.time = 0.0

    def start(self) -> Pair:
        for end, session in enumerate(self.ends):
            session.start(self.time)
            self._carry_out(end)
        return self

    def choices(self) -> list[tuple[int, int]]:
        """(connection, end) of every delivery that could be the next."""
        return [(number, end) for number, c in enumerate(self.connections) for end in (0, 1) if c.to[end]]

    def deliver(self, number: int, end: int) -> None:
        """Hand the next thing on this connection to this end."""
        connection = self.connections[number]
        item = connection.to[end].popleft()
        session, channel, now = self.ends[end], connection.channel(end), self.time
        if item == SYN:  # the kernel of the listening end completes the handshake by itself
            connection.to[end].append(ACCEPT)
            connection.to[1 - end].appendleft(CONNECTED)
        elif not connection.open[end]:
            pass
        elif item == ACCEPT:
            if session.tcp_accepted(now):
                self.held[end][channel] = connection
            else:
                self._end(connection, end)
        elif item == CONNECTED:
            self.dialling[end] = None
            self.held[end][channel] = connection
            session.tcp_connected(now)
            assert session.fsm_state(channel) is BgpState.OPEN_SENT
        elif self.held[end].get(channel) is not connection:
            raise AssertionError("an open connection that nobody holds")
        elif item == END:
            del self.held[end][channel]
            connection.open[end] = False
            session.tcp_failed(channel, now, "closed by the peer")
        elif isinstance(item, Open):
            session.open_received(channel, item, now)
        elif isinstance(item, Notification):
            session.notification_received(channel, item, now)
        else:
            session.keepalive_received(channel, now)
        self._carry_out(end)

    def tick(self) -> None:
        """Nothing is on its way: the next timer of either end expires."""
        whens = [when for session in self.ends if (when := session.next_timer()) is not None]
        self.time = min(whens)
        for end, session in enumerate(self.ends):
            session.handle_timers(self.time)
            self._carry_out(end)

    def _carry_out(self, end: int) -> None:
        for output in self.ends[end].outputs():
            match output:
                case DialPeer():
                    assert self.dialling[end] is None
                    assert Channel.DIALLED not in self.held[end], "dialled beside a dialled connection"
                    connection = Connection(end)
                    connection.to[1 - end].append(SYN)
                    self.connections.append(connection)
                    self.dialling[end] = connection
                case Send(channel, message):
                    self.held[end][channel].to[1 - end].append(message)
                case CloseChannel(channel):
                    held = self.held[end].pop(channel, None)
                    if held is None and channel is Channel.DIALLED:
                        held, self.dialling[end] = self.dialling[end], None
                    if held is not None:
                        self._end(held, end)

    def _end(self, connection: Connection, end: int) -> None:
        connection.open[end] = False
        connection.to[end].clear()
        if SYN in connection.to[1 - end]:
            connection.to[1 - end].clear()  # given up before the SYN was out
            connection.open[1 - end] = False
        elif connection.open[1 - end]:
            connection.to[1 - end].append(END)

    def key(self) -> object:
        """Two networks with the same key go on in the same ways."""
        return (
            tuple(
                (tuple((session.fsm_state(channel), session.agreed(channel)) for channel in Channel), session.channel)
                for session in self.ends
            ),
            tuple((c.dialler, *(tuple(map(repr, queue)) for queue in c.to), tuple(c.open)) for c in self.connections),
        )

    def assert_one_and_the_same(self) -> None:
        channels = [session.channel for session in self.ends]
        assert [session.state for session in self.ends] == [BgpState.ESTABLISHED] * 2
        kept = [self.held[end][channel] for end, channel in enumerate(channels) if channel is not None]
        assert kept[0] is kept[1], "both ends keep the same TCP connection"
        assert [c for c in self.connections if any(c.open)] == [kept[0]], "and no other one is left"


FIRST = Open(8075, 90, IPv4Address("198.51.100.2"), Capabilities(families=frozenset({Family.IPV4})))
LOWER = replace(FIRST, asn=64500, bgp_identifier=IPv4Address("198.51.100.1"))
HIGHER = replace(FIRST, asn=64500, bgp_identifier=IPv4Address("198.51.100.3"))
SAME = replace(FIRST, asn=64500)
"""The same BGP Identifier: RFC 6286 lets the AS number decide."""


def _configs(peer: Open, first_dials: bool = True, peer_dials: bool = True) -> tuple[SessionConfig, SessionConfig]:
    return (
        SessionConfig(FIRST, peer.asn, dial=first_dials),
        SessionConfig(peer, FIRST.asn, dial=peer_dials),
    )


def _outcomes(pair: Pair) -> Iterator[Pair]:
    """Every network that can be reached without the time moving, when nothing is left to deliver."""
    seen, todo = set(), [pair]
    while todo:
        here = todo.pop()
        choices = here.choices()
        if not choices:
            yield here
        for number, end in choices:
            there = copy.deepcopy(here)
            there.deliver(number, end)
            key = there.key()
            if key not in seen:
                seen.add(key)
                todo.append(there)


@pytest.mark.parametrize("peer", [LOWER, HIGHER, SAME], ids=["lower", "higher", "same identifier"])
def test_every_interleaving_ends_with_the_same_connection_at_both_ends(peer: Open) -> None:
    outcomes = list(_outcomes(Pair(_configs(peer)).start()))
    assert outcomes
    for outcome in outcomes:
        outcome.assert_one_and_the_same()
    assert {outcome.connections.index(next(iter(outcome.held[0].values()))) for outcome in outcomes} == {0, 1}, (
        "the search reached outcomes over either connection"
    )


@pytest.mark.parametrize(("first_dials", "peer_dials"), [(True, False), (False, True)])
def test_with_one_dialling_end_there_is_no_collision(first_dials: bool, peer_dials: bool) -> None:
    for outcome in _outcomes(Pair(_configs(LOWER, first_dials, peer_dials)).start()):
        outcome.assert_one_and_the_same()
        assert len(outcome.connections) == 1
        assert [session.established_transitions for session in outcome.ends] == [1, 1]


def test_no_collision_is_told_as_an_error() -> None:
    for outcome in _outcomes(Pair(_configs(LOWER)).start()):
        assert all(session.notifications == [] for session in outcome.ends)
        assert all(session.last_error == "" for session in outcome.ends)


_opens = st.builds(
    lambda asn, identifier, hold: replace(LOCAL, asn=asn, bgp_identifier=IPv4Address(identifier), hold_time=hold),
    st.integers(1, 2**32 - 1),
    st.integers(1, 2**32 - 1),
    st.sampled_from([0, 3, 90]),
)


def _settle(pair: Pair, data: st.DataObject, ticks: int = 40) -> None:
    """Deliver in any order; let time pass when nothing is left, until both are up."""
    for _ in range(ticks):
        while choices := pair.choices():
            pair.deliver(*data.draw(st.sampled_from(choices)))
        if all(session.state is BgpState.ESTABLISHED for session in pair.ends):
            return
        pair.tick()
    raise AssertionError([session.state for session in pair.ends])


@settings(deadline=None)
@given(_opens, _opens, st.booleans(), st.booleans(), st.booleans(), st.data())
def test_any_two_speakers_in_any_order(
    one: Open, two: Open, one_first: bool, two_first: bool, cut: bool, data: st.DataObject
) -> None:
    """With listeners that dial later, and with a connection that is cut once both are up."""
    if (one.asn, one.bgp_identifier) == (two.asn, two.bgp_identifier):
        return
    first = SessionConfig(one, two.asn, dial_first=one_first)
    pair = Pair((first, SessionConfig(two, one.asn, dial_first=two_first))).start()
    _settle(pair, data)
    pair.assert_one_and_the_same()
    if cut:
        for end in (0, 1):
            for channel, connection in list(pair.held[end].items()):
                del pair.held[end][channel]
                connection.open[end] = False
                connection.to[end].clear()
                pair.ends[end].tcp_failed(channel, pair.time, "cut")
                pair._carry_out(end)
        _settle(pair, data)
        pair.assert_one_and_the_same()


@settings(deadline=None)
@given(st.sampled_from([LOWER, HIGHER]), st.data())
def test_a_restarted_peer_is_found_again(peer: Open, data: st.DataObject) -> None:
    """One end stops with a Cease and starts again while the other still rests."""
    pair = Pair(_configs(peer)).start()
    _settle(pair, data)
    pair.ends[1].stop(pair.time, Notification(6, 4))
    pair._carry_out(1)
    while choices := pair.choices():
        pair.deliver(*data.draw(st.sampled_from(choices)))
    assert [session.state for session in pair.ends] == [BgpState.IDLE] * 2
    pair.ends[1].start(pair.time)
    pair._carry_out(1)
    _settle(pair, data)
    pair.assert_one_and_the_same()
