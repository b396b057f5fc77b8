"""Calls of routers without a peering are counted, not told one by one."""

from __future__ import annotations

import itertools
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from simulator.engine.refused_calls import MOST, WINDOW, RefusedCalls
from simulator.peer.events import CallerRefused, UnknownPeer

CALLS = st.lists(st.tuples(st.sampled_from(["192.0.2.1", "192.0.2.2", "2001:db8::1"]), st.floats(0, WINDOW)))


@given(CALLS)
def test_each_address_is_told_of_at_once_then_once_an_hour_and_no_call_is_told_twice(
    calls: list[tuple[str, float]],
) -> None:
    knocks, now, total = RefusedCalls(), 0.0, Counter[str]()
    told: dict[str, list[UnknownPeer]] = {}
    for address, wait in calls:
        now += wait
        total[address] += 1
        event = knocks.heard(UnknownPeer("edge", now, address))
        if event is not None:
            assert isinstance(event, UnknownPeer)
            told.setdefault(address, []).append(event)
            assert sum(each.count for each in told[address]) == total[address]
    assert told.keys() == total.keys()
    for events in told.values():
        assert all(after.time - before.time >= WINDOW for before, after in itertools.pairwise(events))


def test_what_is_remembered_is_bounded() -> None:
    knocks = RefusedCalls()
    callers = [f"2001:db8::{number:x}" for number in range(3 * MOST)]
    assert all(knocks.heard(UnknownPeer("edge", 1.0, address)) for address in callers)
    assert len(knocks._told) == MOST
    assert knocks.heard(UnknownPeer("edge", 2.0, callers[-1])) is None


def test_calls_beside_a_session_that_rests_are_counted_too() -> None:
    knocks = RefusedCalls()
    calls = [CallerRefused("s", 1.0 + number, "192.0.2.1", "it rests", 9.0) for number in range(3)]
    assert [knocks.heard(call) for call in calls] == [calls[0], None, None]
    other = CallerRefused("s", 4.0, "192.0.2.1", "no room", None)
    assert knocks.heard(other) == other, "for another reason"
