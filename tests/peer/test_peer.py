"""One peer on the bench: orders of events that real sockets show once in a thousand runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from simulator.connection.states import ConnectionState
from simulator.peer.effects import Reset
from simulator.peer.events import BgpStateChanged, CallerRefused, GateMoved, NotificationExchanged, SpeakerEvent, cease
from simulator.peer.stream import KernelQueue
from simulator.rib.loc import LocRib
from simulator.session.messages import Cease
from simulator.session.states import BgpState
from simulator.views.session import Cut
from simulator.wire.framing import KEEPALIVE
from simulator.wire.notification import encode_notification
from tests.peer.bench import Bench, Line
from tests.speakers.support import V4, announcement, prefixes, raw_open

Make = Callable[..., Bench]


@pytest.fixture
def events() -> list[SpeakerEvent]:
    return []


@pytest.fixture
def make(events: list[SpeakerEvent]) -> Make:
    def made(**options: Any) -> Bench:
        ours = (announcement(V4, prefixes(V4, 3)),)
        return Bench(V4, ours, LocRib(), told=events.append, **options)

    return made


def bring_up(bench: Bench, hold: int = 90) -> Line:
    line = bench.call()
    line.says(raw_open(hold=hold) + KEEPALIVE)
    assert bench.peer.view().bgp_state is BgpState.ESTABLISHED
    return line


def test_a_refused_dial_is_tried_again(make: Make, events: list[SpeakerEvent]) -> None:
    bench = make()
    bench.start()
    for _ in range(3):
        bench.refuse()
        assert "Connection refused" in bench.peer.view().last_error
        assert not bench.is_dialling
        bench.advance(1.0)
        assert bench.is_dialling


def test_a_silent_dial_is_tried_again_and_the_old_one_is_gone(make: Make) -> None:
    bench = make()
    bench.start()
    assert (bench.dials, bench.dials_stopped) == (1, 0)
    bench.advance(0.3)
    assert (bench.dials, bench.dials_stopped) == (2, 1)


def test_the_hold_timer_is_kept_by_messages_and_expires_without(make: Make) -> None:
    """However seldom the timer itself is moved."""
    bench = make(dial=False)
    bench.start()
    line = bring_up(bench, hold=9)
    for _ in range(20):
        bench.advance(8.0)
        line.says(KEEPALIVE)
        assert bench.peer.view().bgp_state is BgpState.ESTABLISHED
    bench.advance(8.9)
    assert bench.peer.view().bgp_state is BgpState.ESTABLISHED
    bench.advance(0.2)
    assert bench.peer.view().bgp_state is not BgpState.ESTABLISHED
    assert bench.peer.view().notifications[-1].notification.code == 4


def test_keepalives_leave_in_time(make: Make) -> None:
    bench = make(dial=False)
    bench.start()
    line = bring_up(bench, hold=9)
    for _ in range(10):
        line.received.clear()
        bench.advance(3.0)
        line.says(KEEPALIVE)
        assert bytes(line.received) in (KEEPALIVE, KEEPALIVE * 2)


def test_the_send_hold_timer_looks_at_what_tcp_takes(make: Make) -> None:
    """RFC 9687: KEEPALIVEs come in and nothing goes out."""
    bench = make(dial=False)
    bench.start()
    line = bring_up(bench, hold=90)
    line.room = 0
    started = bench.now
    while bench.peer.view().bgp_state is BgpState.ESTABLISHED and bench.now < started + 1000:
        bench.advance(10.0)
        line.says(KEEPALIVE)
    assert 480 <= bench.now - started <= 540
    assert bench.peer.view().notifications[-1].notification.code == 8


@pytest.mark.parametrize("room", [None, 7])
def test_a_slow_peer_that_takes_something_now_and_then_is_kept(make: Make, room: int | None) -> None:
    """Be it less than a message: more than the kernel has left, it can only take when the peer has read."""
    bench = make(dial=False)
    bench.start()
    line = bring_up(bench, hold=90)
    for _ in range(6):
        line.room = 0
        for _ in range(40):
            bench.advance(10.0)
            line.says(KEEPALIVE)
        line.reads(room)
    assert bench.peer.view().bgp_state is BgpState.ESTABLISHED


def test_nothing_is_heard_or_said_after_the_last_word(make: Make, events: list[SpeakerEvent]) -> None:
    bench = make(dial=False)
    bench.start()
    line = bring_up(bench)
    bench.stop(cease(Cease.ADMINISTRATIVE_SHUTDOWN))
    said, told = bytes(line.received), len(events)
    line.says(raw_open() + KEEPALIVE)
    line.reads(None)
    bench.lift()
    bench.deny()
    assert bytes(line.received) == said
    assert [e for e in events[told:] if isinstance(e, BgpStateChanged | NotificationExchanged)] == []
    bench.lose(line, fin=True)
    assert not bench.peer.streams.open


def test_a_caller_in_idle_is_told_that_it_is_rejected(make: Make, events: list[SpeakerEvent]) -> None:
    """RFC 4486 §4; the session itself does not move, and its next caller is heard once the idle hold time is over."""
    bench = make(dial=False)
    bench.start()
    line = bring_up(bench)
    line.says(encode_notification(cease(Cease.ADMINISTRATIVE_SHUTDOWN)))
    before = bench.peer.view()
    assert before.bgp_state is BgpState.IDLE
    told = len(events)
    early = bench.call()
    assert bytes(early.received) == encode_notification(cease(Cease.CONNECTION_REJECTED))
    assert early.half_closed, "closed behind the NOTIFICATION, not reset"
    early.says(raw_open() + KEEPALIVE)
    assert bytes(early.received) == encode_notification(cease(Cease.CONNECTION_REJECTED)), "nothing is answered"
    assert bench.peer.view() == before
    (refused,) = events[told:]
    assert isinstance(refused, CallerRefused) and refused.again == bench.peer.next_timer()
    assert refused.why.startswith("the session rests: NOTIFICATION received: 6/2")
    bench.advance(1.0)
    bring_up(bench)


def test_a_second_connection_of_a_session_that_talks_is_cut_without_a_word(make: Make) -> None:
    """A NOTIFICATION could make the caller end the session that it has."""
    bench = make(dial=False)
    bench.start()
    bring_up(bench)
    second = bench.call()
    assert not second.received and not second.is_up
    assert bench.peer.view().bgp_state is BgpState.ESTABLISHED


def test_whose_call_is_rejected_still_listens(make: Make) -> None:
    """Else two that reject each other's calls, each in its idle hold time, would never meet."""
    bench = make()
    bench.start()
    line = bench.answer()
    line.says(encode_notification(cease(Cease.CONNECTION_REJECTED)))
    assert bench.peer.view().bgp_state is BgpState.ACTIVE
    assert "Connection Rejected" in bench.peer.view().last_error
    bring_up(bench)


# --- a deny while the kernel still holds announcements ---


def test_a_deny_resets_before_it_counts(make: Make, events: list[SpeakerEvent]) -> None:
    """To count takes time, in which the kernel would go on sending."""
    bench = make(dial=False)
    bench.start()
    line = bring_up(bench)
    bench.lift()
    events.clear()
    denied = {"session_validated": False, "now": bench.now}
    bench.peer.rule(ConnectionState.PENDING_REMOVE, kernel={line.stream: KernelQueue(90, 170)}, **denied)  # type: ignore[arg-type]
    assert list(bench.peer.effects) == [Reset(line.stream)]
    assert bench.peer.to_send(line.stream, bench.now) == b"", "nothing more goes to the kernel"
    bench.carry_out()
    moved, changed = events
    assert isinstance(moved, GateMoved) and moved.cut == Cut(handed=3, held=170) == bench.peer.view().cut
    assert isinstance(changed, BgpStateChanged) and "reset by us, denied while" in changed.transition.reason
    assert line.was_reset and not bench.peer.streams.open


@pytest.mark.parametrize("unsent", [0, 20])
def test_what_the_kernel_has_sent_is_withdrawn(make: Make, unsent: int) -> None:
    """Less than what was written behind the last announcement: the announcements have left."""
    bench = make(dial=False)
    bench.start()
    line = bring_up(bench)
    bench.lift()
    held = {line.stream: KernelQueue(unsent, 170)}
    bench.peer.rule(ConnectionState.PENDING_REMOVE, session_validated=False, now=bench.now, kernel=held)
    bench.carry_out()
    view = bench.peer.view()
    assert (view.bgp_state, view.withdrawn_by_us, view.cut) == (BgpState.ESTABLISHED, 3, None)


def test_a_connection_that_ends_is_reset_where_announcements_are_unsent(make: Make) -> None:
    bench = make(dial=False)
    bench.start()
    line = bring_up(bench)
    bench.lift()
    bench.stop(cease(Cease.ADMINISTRATIVE_SHUTDOWN))
    assert line.is_up and line.half_closed
    held = {line.stream: KernelQueue(90, 170)}
    bench.peer.rule(ConnectionState.PENDING_REMOVE, session_validated=False, now=bench.now, kernel=held)
    bench.carry_out()
    assert line.was_reset
