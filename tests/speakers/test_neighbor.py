"""One neighbour on the bench: what asyncio and sockets do that real ones show once in a thousand runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from simulator.peer.events import BgpStateChanged, NotificationExchanged, SpeakerEvent, cease
from simulator.session.messages import Cease
from simulator.session.states import BgpState
from simulator.speakers.tap import Tap
from simulator.wire.framing import KEEPALIVE
from simulator.wire.notification import encode_notification
from tests.patience import PATIENCE
from tests.speakers.harness import Bench, Line
from tests.speakers.support import V4, deny, lift, prefixes, raw_open, raw_routes

Make = Callable[..., Bench]


@pytest.fixture
def events() -> list[SpeakerEvent]:
    return []


@pytest.fixture
def make(events: list[SpeakerEvent]) -> Make:
    def made(**options: Any) -> Bench:
        return Bench(events.append, **options)

    return made


async def turns(count: int = 6) -> None:
    """Let the event loop go round."""
    for _ in range(count):
        await asyncio.sleep(0)


def bring_up(bench: Bench, hold: int = 90) -> Line:
    line = bench.call()
    line.tcp.data_received(raw_open(hold=hold) + KEEPALIVE)
    assert bench.neighbor.view().bgp_state is BgpState.ESTABLISHED
    return line


async def test_a_dial_that_is_given_up_leaves_nothing(make: Make) -> None:
    bench = make()
    bench.neighbor.start()
    await turns()
    assert bench.dialled is not None
    bench.neighbor.stop(cease(Cease.PEER_DECONFIGURED))
    await asyncio.wait_for(bench.neighbor.stopped(), PATIENCE)
    left: tuple[object, ...] = (bench.dialled, bench.neighbor.connections.dials, bench.neighbor._timer)
    assert left == (None, set(), None)


async def test_a_dial_that_succeeds_as_it_is_given_up(make: Make) -> None:
    """The connection comes up and nobody wants it any more: it is cut, and nothing is said on it."""
    bench = make()
    bench.neighbor.start()
    await turns()
    made = bench.dialled
    assert made is not None
    bench.neighbor.stop(cease(Cease.PEER_DECONFIGURED))
    line = bench.up(made())
    assert not line.is_up and not line.received and not bench.neighbor.talking
    await asyncio.wait_for(bench.neighbor.stopped(), PATIENCE)


async def test_stop_right_after_the_connection_came_up_says_goodbye(make: Make) -> None:
    """The dial's task has not ended yet: to cancel it would cut the connection before the NOTIFICATION is out."""
    bench = make()
    bench.neighbor.start()
    await turns()
    line = bench.answer()
    bench.neighbor.stop(cease(Cease.PEER_DECONFIGURED))
    assert bytes(line.received).endswith(encode_notification(cease(Cease.PEER_DECONFIGURED)))
    assert line.is_up
    (task,) = bench.neighbor.connections.dials
    await turns()
    assert task.done() and not task.cancelled()
    bench.lose(line, fin=True)
    await asyncio.wait_for(bench.neighbor.stopped(), PATIENCE)


async def test_a_refused_dial_is_told_to_the_peer(make: Make, events: list[SpeakerEvent]) -> None:
    bench = make()
    bench.neighbor.start()
    await turns()
    bench.refuse()
    await turns()
    assert "Connection refused" in bench.neighbor.view().last_error
    assert bench.dialled is None and not bench.neighbor.connections.dials


async def test_a_peer_that_half_closes_is_lost_at_once(make: Make) -> None:
    bench = make(dial=False)
    bench.neighbor.start()
    line = bring_up(bench)
    line.tcp.eof_received()
    assert bench.neighbor.view().bgp_state is not BgpState.ESTABLISHED and not line.is_up and not line.was_reset
    await turns()
    assert not bench.neighbor.connections.open


async def test_a_peer_that_half_closes_may_still_read_our_last_word(make: Make) -> None:
    bench = make(dial=False)
    bench.neighbor.start()
    line = bring_up(bench)
    line.room = 0
    bench.neighbor.stop(cease(Cease.ADMINISTRATIVE_SHUTDOWN))
    line.tcp.eof_received()
    assert line.tcp.stream.is_blocked and line.is_up
    line.reads(None)
    assert bytes(line.received).endswith(encode_notification(cease(Cease.ADMINISTRATIVE_SHUTDOWN)))
    said = "FIN" if line.half_closed else "nothing"
    assert (said, not line.is_up, line.was_reset) == ("FIN", True, False)


async def test_the_peer_may_close_first(make: Make) -> None:
    """Our direction ends behind the peer's: an FRR that reads our end too early forgets the next connection."""
    bench = make(dial=False)
    bench.neighbor.start()
    line = bring_up(bench)
    bench.neighbor.stop(cease(Cease.ADMINISTRATIVE_SHUTDOWN))
    await turns()
    assert line.is_up and not line.half_closed
    line.tcp.eof_received()
    assert (line.half_closed, line.is_up, line.was_reset) == (True, False, False)
    await asyncio.wait_for(bench.neighbor.stopped(), 5)


async def test_a_peer_that_does_not_close_is_not_waited_for(make: Make) -> None:
    bench = make(dial=False)
    bench.neighbor.start()
    line = bring_up(bench)
    bench.neighbor.stop(cease(Cease.ADMINISTRATIVE_SHUTDOWN))
    await asyncio.wait_for(line.finished.wait(), 5)
    assert line.is_up, "it may still be reading"
    bench.lose(line, fin=True)
    await asyncio.wait_for(bench.neighbor.stopped(), 5)


async def test_nothing_is_heard_or_said_after_the_last_word(make: Make, events: list[SpeakerEvent]) -> None:
    bench = make(dial=False)
    bench.neighbor.start()
    line = bring_up(bench)
    bench.neighbor.stop(cease(Cease.ADMINISTRATIVE_SHUTDOWN))
    said, told = bytes(line.received), len(events)
    line.tcp.data_received(raw_open() + KEEPALIVE)
    line.reads(None)
    lift(bench.neighbor)
    deny(bench.neighbor)
    assert bytes(line.received) == said
    assert [e for e in events[told:] if isinstance(e, BgpStateChanged | NotificationExchanged)] == []
    bench.lose(line, fin=True)
    await asyncio.wait_for(bench.neighbor.stopped(), PATIENCE)


async def test_a_listener_that_fails_costs_nobody_anything() -> None:
    """Every event is told to a listener that raises: up, lifted, denied, flapped, as if nobody listened."""
    heard: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context.get("exception")))

    def broken(event: SpeakerEvent) -> None:
        raise RuntimeError(type(event).__name__)

    bench = Bench(broken, dial=False)
    neighbor = bench.neighbor
    neighbor.start()
    line = bring_up(bench)
    line.tcp.data_received(raw_routes(prefixes(V4, 2, 50)))
    assert neighbor.view().received == 2
    lift(neighbor)
    assert (neighbor.view().sent, neighbor.view().taken, neighbor.view().gate_open) == (3, 2, True)
    deny(neighbor)
    view = neighbor.view()
    assert (view.sent, view.taken, view.gate_open, view.withdrawn_by_us) == (0, 0, False, 3)
    neighbor.stop(cease(Cease.ADMINISTRATIVE_SHUTDOWN))
    assert bytes(line.received).endswith(encode_notification(cease(Cease.ADMINISTRATIVE_SHUTDOWN)))
    assert neighbor._timer is None
    await asyncio.wait_for(line.finished.wait(), 5)
    assert {str(error) for error in heard} >= {"BgpStateChanged", "GateMoved", "GateWithheld", "NotificationExchanged"}


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


async def test_the_tap_keeps_our_own_end(make: Make) -> None:
    bench = make(dial=False, tap=Tap())
    assert bench.tap is not None
    bench.neighbor.start()
    line = bring_up(bench)
    bench.neighbor.stop(cease(Cease.ADMINISTRATIVE_SHUTDOWN))
    await asyncio.wait_for(line.finished.wait(), 5)
    assert bench.tap.records[-1].flags == "FA"
    assert bench.tap.records[-1].source == str(bench.neighbor.config.local_address)
