"""One neighbour on the bench: orders of events that real sockets show once in a thousand runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from simulator.peer.events import BgpStateChanged, CallerRefused, NotificationExchanged, SpeakerEvent, cease
from simulator.rib.loc import LocRib
from simulator.session.messages import Cease
from simulator.session.states import BgpState
from simulator.speakers.tap import Tap
from simulator.wire.framing import KEEPALIVE
from simulator.wire.notification import encode_notification
from tests.speakers.harness import Bench, Line
from tests.speakers.support import V4, announcement, deny, lift, prefixes, raw_open, raw_routes

Make = Callable[..., Bench]


@pytest.fixture
def events() -> list[SpeakerEvent]:
    return []


@pytest.fixture
def make(events: list[SpeakerEvent]) -> Make:
    def made(**options: Any) -> Bench:
        ours = (announcement(V4, prefixes(V4, 3)),)
        return Bench(V4, ours, LocRib(), lambda bench, line, data: None, events.append, **options)

    return made


async def turns(count: int = 6) -> None:
    """Let the event loop go round."""
    for _ in range(count):
        await asyncio.sleep(0)


def bring_up(bench: Bench, hold: int = 90) -> Line:
    line = bench.call()
    line.wire.data_received(raw_open(hold=hold) + KEEPALIVE)
    assert bench.neighbor.view().bgp_state is BgpState.ESTABLISHED
    return line


async def test_a_dial_that_is_given_up_leaves_nothing(make: Make) -> None:
    bench = make()
    bench.neighbor.start()
    await turns()
    assert bench.is_dialling
    bench.neighbor.stop(cease(Cease.PEER_DECONFIGURED))
    await asyncio.wait_for(bench.neighbor.stopped(), 5)
    assert (bench._dial, bench.neighbor.connections.dials, bench.clock.next()) == (None, set(), None)


async def test_a_dial_that_succeeds_as_it_is_given_up(make: Make) -> None:
    """The connection comes up and nobody wants it any more: it is cut, and nothing is said on it."""
    bench = make()
    bench.neighbor.start()
    await turns()
    assert bench._dial is not None
    wire = bench._dial[1]
    bench.neighbor.stop(cease(Cease.PEER_DECONFIGURED))
    line = bench._up(wire())
    assert not line.is_up and not line.received and not bench.neighbor.connections.wires
    await asyncio.wait_for(bench.neighbor.stopped(), 5)


async def test_stop_right_after_the_connection_came_up_says_goodbye(make: Make) -> None:
    """The dial's task has not ended yet: to cancel it would cut the connection before the NOTIFICATION is out."""
    bench = make()
    bench.neighbor.start()
    await turns()
    line = bench.answer()
    bench.neighbor.stop(cease(Cease.PEER_DECONFIGURED))
    assert bytes(line.received).endswith(encode_notification(cease(Cease.PEER_DECONFIGURED)))
    assert line.outlet.half_closed and line.is_up
    (task,) = bench.neighbor.connections.dials
    await turns()
    assert task.done() and not task.cancelled()
    bench.lose(line, fin=True)
    await asyncio.wait_for(bench.neighbor.stopped(), 5)


async def test_a_refused_dial_is_tried_again(make: Make, events: list[SpeakerEvent]) -> None:
    bench = make()
    bench.neighbor.start()
    for _ in range(3):
        await turns()
        bench.refuse()
        await turns()
        assert "Connection refused" in bench.neighbor.view().last_error
        assert not bench.is_dialling
        bench.clock.advance(1.0)
        await turns()
        assert bench.is_dialling
    bench.crash()


async def test_a_silent_dial_is_tried_again_and_the_old_one_is_gone(make: Make) -> None:
    bench = make()
    bench.neighbor.start()
    await turns()
    first = bench._dial
    bench.clock.advance(1.0)
    await turns()
    assert bench._dial is not None and bench._dial is not first
    assert len(bench.neighbor.connections.dials) == 1
    bench.crash()


async def test_the_hold_timer_is_kept_by_messages_and_expires_without(make: Make) -> None:
    """However seldom the timer itself is moved."""
    bench = make(dial=False)
    bench.neighbor.start()
    line = bring_up(bench, hold=9)
    for _ in range(20):
        bench.clock.advance(8.0)
        line.wire.data_received(KEEPALIVE)
        assert bench.neighbor.view().bgp_state is BgpState.ESTABLISHED
    bench.clock.advance(8.9)
    assert bench.neighbor.view().bgp_state is BgpState.ESTABLISHED
    bench.clock.advance(0.2)
    assert bench.neighbor.view().bgp_state is not BgpState.ESTABLISHED
    assert bench.neighbor.view().notifications[-1].notification.code == 4
    bench.crash()


async def test_keepalives_leave_in_time(make: Make) -> None:
    bench = make(dial=False)
    bench.neighbor.start()
    line = bring_up(bench, hold=9)
    for _ in range(10):
        line.received.clear()
        bench.clock.advance(3.0)
        line.wire.data_received(KEEPALIVE)
        assert bytes(line.received) in (KEEPALIVE, KEEPALIVE * 2)
    bench.crash()


async def test_the_send_hold_timer_looks_at_what_tcp_takes(make: Make) -> None:
    """RFC 9687: KEEPALIVEs come in and nothing goes out."""
    bench = make(dial=False)
    bench.neighbor.start()
    line = bring_up(bench, hold=90)
    line.outlet.room = 0
    started = bench.clock.time
    while bench.neighbor.view().bgp_state is BgpState.ESTABLISHED and bench.clock.time < started + 1000:
        bench.clock.advance(10.0)
        line.wire.data_received(KEEPALIVE)
    assert 480 <= bench.clock.time - started <= 540
    assert bench.neighbor.view().notifications[-1].notification.code == 8
    bench.crash()


@pytest.mark.parametrize("room", [None, 7])
async def test_a_slow_peer_that_takes_something_now_and_then_is_kept(make: Make, room: int | None) -> None:
    """Be it less than a message: more than the kernel has left, it can only take when the peer has read."""
    bench = make(dial=False)
    bench.neighbor.start()
    line = bring_up(bench, hold=90)
    for _ in range(6):
        line.outlet.room = 0
        for _ in range(40):
            bench.clock.advance(10.0)
            line.wire.data_received(KEEPALIVE)
        line.outlet.reads(room)
    assert bench.neighbor.view().bgp_state is BgpState.ESTABLISHED
    bench.crash()


async def test_nothing_is_heard_or_said_after_the_last_word(make: Make, events: list[SpeakerEvent]) -> None:
    bench = make(dial=False)
    bench.neighbor.start()
    line = bring_up(bench)
    bench.neighbor.stop(cease(Cease.ADMINISTRATIVE_SHUTDOWN))
    said, told = bytes(line.received), len(events)
    line.wire.data_received(raw_open() + KEEPALIVE)
    line.outlet.reads(None)
    lift(bench.neighbor)
    deny(bench.neighbor)
    assert bytes(line.received) == said
    assert [e for e in events[told:] if isinstance(e, BgpStateChanged | NotificationExchanged)] == []
    bench.lose(line, fin=True)
    await asyncio.wait_for(bench.neighbor.stopped(), 5)


async def test_a_peer_that_half_closes_is_lost_at_once(make: Make) -> None:
    bench = make(dial=False)
    bench.neighbor.start()
    line = bring_up(bench)
    line.wire.eof_received()
    assert bench.neighbor.view().bgp_state is not BgpState.ESTABLISHED and not line.is_up and not line.outlet.was_reset
    await turns()
    assert not bench.neighbor.connections.ending
    bench.crash()


async def test_a_peer_that_half_closes_may_still_read_our_last_word(make: Make) -> None:
    bench = make(dial=False)
    bench.neighbor.start()
    line = bring_up(bench)
    line.outlet.room = 0
    bench.neighbor.stop(cease(Cease.ADMINISTRATIVE_SHUTDOWN))
    line.wire.eof_received()
    assert line.wire.blocked and line.is_up
    line.outlet.reads(None)
    assert bytes(line.received).endswith(encode_notification(cease(Cease.ADMINISTRATIVE_SHUTDOWN)))
    said = "FIN" if line.outlet.half_closed else "nothing"
    assert (said, line.transport.ended, line.outlet.was_reset) == ("FIN", True, False)
    bench.crash()


# --- who calls at the wrong time ---


async def test_a_caller_in_idle_is_told_that_it_is_rejected(make: Make, events: list[SpeakerEvent]) -> None:
    """RFC 4486 §4; the session itself does not move, and its next caller is heard once the idle hold time is over."""
    bench = make(dial=False)
    bench.neighbor.start()
    line = bring_up(bench)
    line.wire.data_received(encode_notification(cease(Cease.ADMINISTRATIVE_SHUTDOWN)))
    before = bench.neighbor.view()
    assert before.bgp_state is BgpState.IDLE
    told = len(events)
    early = bench.call()
    assert bytes(early.received) == encode_notification(cease(Cease.CONNECTION_REJECTED))
    assert early.outlet.half_closed, "closed behind the NOTIFICATION, not reset"
    early.wire.data_received(raw_open() + KEEPALIVE)
    assert bytes(early.received) == encode_notification(cease(Cease.CONNECTION_REJECTED)), "nothing is answered"
    assert bench.neighbor.view() == before
    (refused,) = events[told:]
    assert isinstance(refused, CallerRefused) and refused.again == bench.neighbor._session.next_timer()
    assert refused.why.startswith("the session rests: NOTIFICATION received: 6/2")
    bench.clock.advance(1.0)
    bring_up(bench)
    bench.crash()


async def test_a_second_connection_of_a_session_that_talks_is_cut_without_a_word(make: Make) -> None:
    """A NOTIFICATION could make the caller end the session that it has."""
    bench = make(dial=False)
    bench.neighbor.start()
    bring_up(bench)
    second = bench.call()
    assert not second.received and not second.is_up
    assert bench.neighbor.view().bgp_state is BgpState.ESTABLISHED
    bench.crash()


async def test_whose_call_is_rejected_still_listens(make: Make) -> None:
    """Else two that reject each other's calls, each in its idle hold time, would never meet."""
    bench = make()
    bench.neighbor.start()
    await turns()
    line = bench.answer()
    line.wire.data_received(encode_notification(cease(Cease.CONNECTION_REJECTED)))
    assert bench.neighbor.view().bgp_state is BgpState.ACTIVE
    assert "Connection Rejected" in bench.neighbor.view().last_error
    bring_up(bench)
    bench.crash()


# --- who listens and fails ---


async def test_a_listener_that_fails_costs_nobody_anything() -> None:
    """Every event is told to a listener that raises: up, lifted, denied, flapped, as if nobody listened."""
    heard: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context.get("exception")))

    def broken(event: SpeakerEvent) -> None:
        raise RuntimeError(type(event).__name__)

    ours = (announcement(V4, prefixes(V4, 3)),)
    bench = Bench(V4, ours, LocRib(), lambda *_: None, broken, dial=False)
    neighbor = bench.neighbor
    neighbor.start()
    line = bring_up(bench)
    line.wire.data_received(raw_routes(prefixes(V4, 2, 50)))
    assert neighbor.view().received == 2
    lift(neighbor)
    assert (neighbor.view().sent, neighbor.view().taken, neighbor.view().gate_open) == (3, 2, True)
    deny(neighbor)
    view = neighbor.view()
    assert (view.sent, view.taken, view.gate_open, view.withdrawn_by_us) == (0, 0, False, 3)
    neighbor.stop(cease(Cease.ADMINISTRATIVE_SHUTDOWN))
    assert bytes(line.received).endswith(encode_notification(cease(Cease.ADMINISTRATIVE_SHUTDOWN)))
    assert line.outlet.half_closed and bench.clock.next() is None
    assert {str(error) for error in heard} >= {"BgpStateChanged", "GateMoved", "GateWithheld", "NotificationExchanged"}
    bench.crash()


# --- what the tap keeps ---


@pytest.mark.parametrize(("fin", "flags"), [(True, ["FA", "FA"]), (False, ["R"])])
async def test_the_tap_keeps_how_the_peer_ended(make: Make, fin: bool, flags: list[str]) -> None:
    bench = make(dial=False, tap=Tap())
    tap = bench.tap
    assert tap is not None
    bench.neighbor.start()
    line = bring_up(bench)
    bench.lose(line, fin=fin)
    ends = [record for record in tap.records if record.flags not in ("S", "SA", "PA")]
    assert [record.flags for record in ends] == flags
    assert ends[0].source == str(bench.neighbor.config.peer_address), "the peer's comes first"
    assert {record.source for record in ends} == {ends[0].source} if not fin else len({r.source for r in ends}) == 2
    bench.crash()


async def test_the_tap_keeps_our_own_end(make: Make) -> None:
    bench = make(dial=False, tap=Tap())
    assert bench.tap is not None
    bench.neighbor.start()
    bring_up(bench)
    bench.neighbor.stop(cease(Cease.ADMINISTRATIVE_SHUTDOWN))
    assert bench.tap.records[-1].flags == "FA"
    assert bench.tap.records[-1].source == str(bench.neighbor.config.local_address)
    bench.crash()
