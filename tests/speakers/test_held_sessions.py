"""What it takes to keep sessions that only live on: counted, not timed."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from types import FrameType
from typing import Any, Final

from simulator.peer.events import BgpStateChanged, SpeakerEvent
from simulator.session.states import BgpState
from simulator.speakers.clock import Clock
from simulator.wire.framing import KEEPALIVE
from tests.rehearsal import virtual_time
from tests.speakers.harness import Bench, Line
from tests.speakers.support import raw_open

HOLD: Final = 9
SESSIONS: Final = 100
BEATS: Final = 10
"""Intervals of the peers' KEEPALIVEs for which the sessions are held."""
A_SECOND: Final = 16
"""Moments at which KEEPALIVEs leave."""
_UP: Final = BgpState.ESTABLISHED


def up(clock: Clock, told: list[SpeakerEvent], **options: Any) -> tuple[Bench, Line]:
    bench = Bench(told.append, dial=False, hold_time=HOLD, clock=clock, **options)
    bench.neighbor.start()
    line = bench.call()
    line.tcp.data_received(raw_open(hold=HOLD) + KEEPALIVE)
    assert bench.neighbor.bgp_state is _UP
    return bench, line


def test_the_process_wakes_up_for_many_keepalives_at_once() -> None:
    """Sessions that came up at different moments; with a moment for each KEEPALIVE there would be 40 a second."""

    async def held() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, virtual_time.VirtualLoop)
        clock, told, pairs = Clock(loop), list[SpeakerEvent](), list[tuple[Bench, Line]]()
        for _ in range(SESSIONS):
            pairs.append(up(clock, told))
            await asyncio.sleep(HOLD / 3 / SESSIONS)
        for _, line in pairs:
            line.received.clear()
        events, waits, began = len(told), loop.waits, loop.time()
        for _ in range(BEATS):
            await asyncio.sleep(HOLD / 3)
            for _, line in pairs:
                line.tcp.data_received(KEEPALIVE)
        took = loop.time() - began
        sent = sum(line.received.count(KEEPALIVE) for _, line in pairs)
        assert sum(len(line.received) for _, line in pairs) == sent * len(KEEPALIVE)
        assert SESSIONS * BEATS <= sent <= SESSIONS * (BEATS / 0.75 + 1)
        assert loop.waits - waits <= took * A_SECOND + BEATS + 1
        assert told[events:] == [], "nobody is told of a KEEPALIVE"
        assert {bench.neighbor.bgp_state for bench, _ in pairs} == {_UP}

    virtual_time.run(held())


def test_a_session_ends_when_nothing_was_heard_for_its_hold_time() -> None:
    """Neither sooner nor later for what the process wakes up for."""

    async def ended() -> None:
        loop = asyncio.get_running_loop()
        clock, told, heard = Clock(loop), list[SpeakerEvent](), dict[str, float]()
        lines = {str(number): up(clock, told, id=str(number))[1] for number in range(30)}
        for session, line in lines.items():
            await asyncio.sleep(0.101)
            line.tcp.data_received(KEEPALIVE)
            heard[session] = clock.now()
        await asyncio.sleep(HOLD + 1)
        downs = [each for each in told if isinstance(each, BgpStateChanged) and each.transition.source is _UP]
        assert {each.session for each in downs} == set(lines)
        for down in downs:
            late = down.transition.time - heard[down.session] - HOLD
            assert -1e-6 < late < 0.002, "what is waited for is rounded up to milliseconds"

    virtual_time.run(ended())


async def test_a_keepalive_that_is_read_moves_a_deadline_and_no_more() -> None:
    """No timer of the event loop is set, and the kernel is asked for nothing."""
    bench, line = up(Clock(asyncio.get_running_loop()), [])
    timer, called = bench.neighbor._timer, Counter[str]()

    def note(frame: FrameType, event: str, given: Any) -> None:
        if event in ("call", "c_call"):
            called[frame.f_code.co_name if event == "call" else given.__name__] += 1

    sys.setprofile(note)
    try:
        line.tcp.data_received(KEEPALIVE)
    finally:
        sys.setprofile(None)
    assert bench.neighbor._timer is timer
    assert called["keepalive_received"] == called["_perform"] == 1
    asks_the_kernel = {"get_running_loop", "getpid", "write", "send", "fileno", "getsockopt", "ioctl"}
    assert not {"call_at", "call_later", "call_soon", "cancel", *asks_the_kernel} & set(called)
