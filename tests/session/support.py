"""What the session tests share: OPENs, sessions whose jitter is known, and the way to Established."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address
from typing import TypeVar

from simulator.session.config import SessionConfig, SessionTimes
from simulator.session.fsm import Channel
from simulator.session.messages import Capabilities, Family, Notification, Open
from simulator.session.outputs import CloseChannel, Output, Send
from simulator.session.session import BgpSession
from simulator.session.states import BgpState

D, A = Channel.DIALLED, Channel.ACCEPTED
CEASE = Notification(6, 2, communication="bye")
LOCAL = Open(8075, 90, IPv4Address("198.51.100.2"), Capabilities(families=frozenset({Family.IPV4})))
LOW = Open(64500, 90, IPv4Address("198.51.100.1"), Capabilities(families=frozenset({Family.IPV4})))
"""A peer whose BGP Identifier is below ours: the connection that we dialled wins a collision."""
HIGH = replace(LOW, bgp_identifier=IPv4Address("198.51.100.3"))
"""A peer whose BGP Identifier is above ours: the connection that it dialled wins."""

T = TypeVar("T")


def session(
    *,
    local: Open = LOCAL,
    peer_as: int | None = 64500,
    dial: bool = True,
    dial_first: bool = True,
    times: SessionTimes | None = None,
    jitter: Callable[[], float] = lambda: 1.0,
) -> BgpSession:
    """A session without jitter: the factor of RFC 4271 §10 is 1 unless the test says otherwise."""
    config = SessionConfig(local, peer_as, dial=dial, dial_first=dial_first, times=times or SessionTimes())
    return BgpSession(config, jitter=jitter)


def started(
    now: float = 0.0, *, dial: bool = True, dial_first: bool = True, times: SessionTimes | None = None
) -> BgpSession:
    made = session(dial=dial, dial_first=dial_first, times=times)
    made.start(now)
    made.outputs()
    return made


def connect(made: BgpSession, channel: Channel, now: float = 0.0) -> None:
    """The TCP connection of this channel comes up."""
    if channel is D:
        made.tcp_connected(now)
    else:
        assert made.tcp_accepted(now)
    assert made.fsm_state(channel) is BgpState.OPEN_SENT


def confirm(made: BgpSession, channel: Channel, now: float = 0.0, peer: Open = LOW) -> None:
    connect(made, channel, now)
    made.open_received(channel, peer, now)
    assert made.fsm_state(channel) is BgpState.OPEN_CONFIRM


def establish(made: BgpSession, channel: Channel = D, now: float = 0.0, peer: Open = LOW) -> None:
    confirm(made, channel, now, peer)
    made.keepalive_received(channel, now)
    assert made.fsm_state(channel) is BgpState.ESTABLISHED


def established(
    now: float = 0.0, *, channel: Channel = D, peer: Open = LOW, times: SessionTimes | None = None
) -> BgpSession:
    """A session that is up on this channel, with nothing left to do."""
    made = started(now, times=times)
    establish(made, channel, now, peer)
    made.outputs()
    return made


def state(made: BgpSession) -> BgpState:
    """The state that is shown (a call, so that mypy does not take it for constant between two asserts)."""
    return made.state


def of(kind: type[T], outputs: list[Output]) -> list[T]:
    return [output for output in outputs if isinstance(output, kind)]


def notifications(outputs: list[Output]) -> list[tuple[Channel, int, int]]:
    """(channel, code, subcode) of every NOTIFICATION to send, in order."""
    return [
        (sent.channel, sent.message.code, sent.message.subcode)
        for sent in of(Send, outputs)
        if isinstance(sent.message, Notification)
    ]


def keepalives(outputs: list[Output]) -> list[Channel]:
    return [sent.channel for sent in of(Send, outputs) if sent.message is None]


def closes(outputs: list[Output]) -> list[Channel]:
    return [closed.channel for closed in of(CloseChannel, outputs)]
