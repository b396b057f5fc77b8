"""How many prefixes a peer may announce."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.session.messages import Family
from simulator.speakers.events import NotificationExchanged, PrefixLimit
from simulator.speakers.max_prefix import Action, Count, Level, MaxPrefix, PrefixWatch
from tests.speakers.support import TIMES, announcement, lift, prefixes, scene, two_speakers


def test_each_border_is_told_once_and_again_after_falling_below() -> None:
    watch = PrefixWatch(MaxPrefix(10))
    told = [watch.observe(count, 0) for count in (7, 8, 9, 10, 11, 12, 10, 11, 3, 8)]
    assert told == [
        *(None, Level.WARNING, None, None, Level.EXCEEDED, None),
        *(None, Level.EXCEEDED, None, Level.WARNING),
    ]


def test_which_routes_count() -> None:
    assert PrefixWatch(MaxPrefix(1)).observe(5, 1) is Level.EXCEEDED
    assert PrefixWatch(MaxPrefix(1, count=Count.ACCEPTED)).observe(5, 1) is Level.WARNING
    assert PrefixWatch(MaxPrefix(1, count=Count.ACCEPTED)).observe(5, 0) is None


@given(st.integers(1, 20000), st.lists(st.integers(0, 25000), max_size=30))
def test_exceeded_is_told_exactly_when_the_count_comes_to_lie_above_the_limit(limit: int, counts: list[int]) -> None:
    watch, above = PrefixWatch(MaxPrefix(limit)), False
    for count in counts:
        told = watch.observe(count, 0)
        assert (told is Level.EXCEEDED) == (count > limit and not above)
        above = count > limit
    watch.reset()
    assert (watch.observe(limit + 1, 0)) is Level.EXCEEDED


# --- on real sessions ---


async def limited(stage: Any, family: Family, rule: MaxPrefix, count: int) -> Any:
    theirs = [announcement(family, prefixes(family, count), 64500)]
    peer = {"times": replace(TIMES, prefix_limit_hold=0.1)}  # it comes back sooner than the edge lets it
    ends = await two_speakers(stage, family, [], theirs, edge={"max_prefix": rule}, peer=peer)
    lift(ends.here)
    return ends


def levels(stage: Any) -> list[tuple[Level, bool]]:
    return [(event.level, event.count > event.rule.limit) for event in stage.of(PrefixLimit, "edge")]


@pytest.mark.parametrize("family", list(Family))
async def test_warn_takes_everything_and_says_so(family: Family) -> None:
    async with scene() as stage:
        ends = await limited(stage, family, MaxPrefix(5), 8)
        await stage.holds(ends.here, 8)
        assert levels(stage) == [(Level.EXCEEDED, True)]
        assert ends.here.view().taken == 8


@pytest.mark.parametrize("family", list(Family))
async def test_block_keeps_what_came_first_and_rejects_the_rest(family: Family) -> None:
    async with scene() as stage:
        ends = await limited(stage, family, MaxPrefix(5, Action.BLOCK), 8)
        await stage.holds(ends.here, 8)
        view = ends.here.view()
        assert (view.accepted, view.rejected, view.taken) == (5, 3, 5)
        rejected = [route for route in ends.here.adj_in.routes() if route.hits]
        assert {hit.rule for route in rejected for hit in route.hits} == {"max-prefix"}
        assert ends.there.request_refresh() and ends.here.request_refresh()
        await stage.until(lambda: ends.here.view().end_of_rib, "End-of-RIB")
        assert ends.here.view().taken == 5, "the same routes again are not new ones"


async def test_a_full_session_is_warned_of_and_stays() -> None:
    async with scene() as stage:
        ends = await limited(stage, Family.IPV4, MaxPrefix(10, Action.CEASE), 9)
        await stage.holds(ends.here, 9)
        assert levels(stage) == [(Level.WARNING, False)]
        assert ends.here.view().notifications == ()


@pytest.mark.parametrize("family", list(Family))
async def test_cease_closes_the_session_for_the_restart_time(family: Family) -> None:
    async with scene() as stage:
        ends = await limited(stage, family, MaxPrefix(5, Action.CEASE, restart=0.2), 8)
        await stage.until(lambda: len(stage.of(NotificationExchanged, "peer")) >= 2, "it trips again after the restart")
        for event in stage.of(NotificationExchanged, "peer"):
            note = event.seen.notification
            assert (note.code, note.subcode, event.seen.sent) == (6, 1, False)
            # RFC 4486 §4: AFI, SAFI, the upper bound.
            assert note.data == family.afi.to_bytes(2, "big") + bytes([1]) + (5).to_bytes(4, "big")
        assert ends.here.view().taken == 0 or ends.here.view().received <= 5
