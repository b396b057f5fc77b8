"""How many prefixes a peer may announce."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.peer.events import NotificationExchanged, PrefixLimit, RoutesAnnounced
from simulator.policy.max_prefix import (
    BLOCKED,
    CountedRoutes,
    Level,
    MaxPrefix,
    MaxPrefixAction,
    PrefixRoom,
    PrefixWatch,
)
from simulator.rib.loc import LocRib
from simulator.session.messages import Cease, Family, Notification
from simulator.wire.framing import KEEPALIVE
from tests.peer.bench import Bench, Line
from tests.speakers.support import (
    TIMES,
    V4,
    announcement,
    ask_again,
    lift,
    prefixes,
    raw_open,
    raw_routes,
    raw_withdrawals,
    scene,
    two_speakers,
)


def test_each_border_is_told_once_and_again_after_falling_below() -> None:
    watch = PrefixWatch(MaxPrefix(10))
    told = [watch.observe(count) for count in (7, 8, 9, 10, 11, 12, 10, 11, 3, 8)]
    assert told == [
        *(None, Level.WARNING, None, None, Level.EXCEEDED, None),
        *(None, Level.EXCEEDED, None, Level.WARNING),
    ]


def test_which_routes_count() -> None:
    assert (MaxPrefix(1).counted(5, 1), MaxPrefix(1, count=CountedRoutes.ACCEPTED).counted(5, 1)) == (5, 1)


@given(st.integers(1, 20000), st.lists(st.integers(0, 25000), max_size=30))
def test_exceeded_is_told_exactly_when_the_count_comes_to_lie_above_the_limit(limit: int, counts: list[int]) -> None:
    watch, above = PrefixWatch(MaxPrefix(limit)), False
    for count in counts:
        told = watch.observe(count)
        assert (told is Level.EXCEEDED) == (count > limit and not above)
        above = count > limit
    watch.reset()
    assert watch.observe(limit + 1) is Level.EXCEEDED


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
        ends = await limited(stage, family, MaxPrefix(5, MaxPrefixAction.BLOCK), 8)
        await stage.holds(ends.here, 8)
        view = ends.here.view()
        assert (view.accepted, view.rejected, view.taken) == (5, 3, 5)
        rejected = [route for route in ends.here.adj_in.routes() if route.hits]
        assert {hit.rule for route in rejected for hit in route.hits} == {"max-prefix"}
        told = len(stage.of(RoutesAnnounced, "edge"))
        assert ask_again(ends.here)
        await stage.until(lambda: len(stage.of(RoutesAnnounced, "edge")) > told, "the routes came again")
        view = ends.here.view()
        assert (view.accepted, view.rejected, view.taken) == (5, 3, 5), "the same routes again are not new ones"
        assert [route.key for route in ends.here.adj_in.routes() if route.hits] == [route.key for route in rejected]


# --- the action `block`, UPDATE by UPDATE ---

KEYS = prefixes(V4, 8)


def bench(rule: MaxPrefix, **options: Any) -> tuple[Bench, Line]:
    made = Bench(V4, (), LocRib(), max_prefix=rule, dial=False, **options)
    made.start()
    line = made.call()
    line.says(raw_open() + KEEPALIVE)
    made.lift()
    return made, line


def blocked(made: Bench) -> set[bytes]:
    """What the limit keeps out; everything else that the policy accepts is in Loc-RIB."""
    peer = made.peer
    held = list(peer.adj_in.routes())
    beyond = {route.key for route in held if any(hit.rule == BLOCKED for hit in route.hits)}
    assert {key for _, key, _ in peer.taken()} == {route.key for route in held if not route.hits}
    assert peer.view().accepted == peer.view().taken
    return beyond


def test_a_blocked_route_that_is_announced_again_stays_blocked() -> None:
    made, line = bench(MaxPrefix(3, MaxPrefixAction.BLOCK))
    for _ in range(3):
        line.says(raw_routes(KEYS[:5], V4))
        assert blocked(made) == set(KEYS[3:5])
    line.says(raw_routes([KEYS[4]], V4))
    assert blocked(made) == set(KEYS[3:5])


def test_room_that_comes_free_goes_to_whatever_is_announced_next() -> None:
    made, line = bench(MaxPrefix(3, MaxPrefixAction.BLOCK))
    line.says(raw_routes(KEYS[:5], V4))
    line.says(raw_withdrawals([KEYS[0]]))
    assert blocked(made) == set(KEYS[3:5]), "nothing is taken that was not announced again"
    line.says(raw_routes([KEYS[4], KEYS[6]], V4))
    assert blocked(made) == {KEYS[3], KEYS[6]}
    line.says(raw_withdrawals([KEYS[3], KEYS[6]]))
    line.says(raw_routes([KEYS[0]], V4))
    assert blocked(made) == {KEYS[0]}, "what was blocked and is withdrawn leaves no room"
    line.says(raw_withdrawals(KEYS) + raw_routes(KEYS[5:], V4))
    assert blocked(made) == set()


def test_a_limit_of_accepted_routes_leaves_rejected_ones_uncounted() -> None:
    made, line = bench(MaxPrefix(2, MaxPrefixAction.BLOCK, CountedRoutes.ACCEPTED))
    long = tuple(bytes((25, *key[1:], 0)) for key in KEYS)
    line.says(raw_routes(long, V4) + raw_routes(KEYS[:3], V4))
    assert blocked(made) == {KEYS[2]}
    assert made.peer.view().rejected == len(long) + 1


@given(st.lists(st.tuples(st.booleans(), st.sets(st.sampled_from(KEYS), min_size=1)), max_size=12), st.integers(1, 6))
def test_never_more_than_the_limit_and_none_lost_without_need(
    updates: list[tuple[bool, set[bytes]]], limit: int
) -> None:
    room, held, let_in = PrefixRoom(MaxPrefix(limit, MaxPrefixAction.BLOCK)), set[bytes](), set[bytes]()
    for announce, keys in updates:
        if announce:
            beyond = set(room.beyond(sorted(keys), ()))
            assert not beyond & let_in, "what was let in stays in"
            held |= keys
            let_in |= keys - beyond
            assert not beyond or len(let_in) == limit, "nothing is kept out while there is room"
        else:
            room.withdraw(keys)
            held -= keys
            let_in -= keys
        assert len(let_in) <= limit
        assert room.blocked == held - let_in


async def test_a_full_session_is_warned_of_and_stays() -> None:
    async with scene() as stage:
        ends = await limited(stage, Family.IPV4, MaxPrefix(10, MaxPrefixAction.CEASE), 9)
        await stage.holds(ends.here, 9)
        assert levels(stage) == [(Level.WARNING, False)]
        assert ends.here.view().notifications == ()


@pytest.mark.parametrize("family", list(Family))
async def test_cease_closes_the_session_for_the_restart_time(family: Family) -> None:
    async with scene() as stage:
        ends = await limited(stage, family, MaxPrefix(5, MaxPrefixAction.CEASE, restart=0.2), 8)

        def ceases() -> list[Notification]:
            seen = [event.seen for event in stage.of(NotificationExchanged, "peer") if not event.seen.sent]
            return [note.notification for note in seen if note.notification.subcode != Cease.CONNECTION_REJECTED]

        await stage.until(lambda: len(ceases()) >= 2, "it trips again after the restart")
        for note in ceases():
            assert (note.code, note.subcode) == (6, 1)
            # RFC 4486 §4: AFI, SAFI, the upper bound.
            assert note.data == family.afi.to_bytes(2, "big") + bytes([1]) + (5).to_bytes(4, "big")
        assert ends.here.view().taken == 0 or ends.here.view().received <= 5
