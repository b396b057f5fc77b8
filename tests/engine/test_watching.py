"""The pure watch of lifted sessions: from events to what is wrong, and when it is over."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.diagnosis.watched import Watched
from simulator.engine.watching import OFTEN, SETTLE, SHARE, STEADY, TABLE, WINDOW, Watching
from simulator.peer.events import BgpStateChanged, EndOfRib, GateMoved, PrefixLimit, RoutesAnnounced, RoutesWithdrawn
from simulator.policy.max_prefix import Level, MaxPrefix
from simulator.rib.attribute_set import AttributeSet
from simulator.session.messages import Family
from simulator.session.outputs import BgpTransition
from simulator.session.states import BgpState
from simulator.views.session import SessionView
from simulator.wire import nlri
from simulator.wire.path_attributes import PathAttributes
from tests.diagnosis.test_catalogue import HEALTHY, PEER_OPEN

UP, IDLE = BgpState.ESTABLISHED, BgpState.IDLE
LIFTED = replace(HEALTHY, gate_open=True, established_at=0.0, received=10, accepted=10, end_of_rib=True)
S = LIFTED.id
LIFT = 1000.0
NOTHING = Watched(window=WINDOW)


def watching(view: SessionView = LIFTED) -> Watching:
    found = Watching()
    found.begin(view, LIFT)
    assert found.judge(view, None, LIFT + SETTLE) == NOTHING
    return found


def holding(accepted: int, rejected: int = 0) -> SessionView:
    """The session with so many routes."""
    return replace(LIFTED, received=accepted + rejected, accepted=accepted, rejected=rejected)


def moved(source: BgpState, target: BgpState, when: float, reason: str = "the peer closed") -> BgpStateChanged:
    return BgpStateChanged(S, BgpTransition(when, source, target, reason))


def keys(*prefixes: str) -> tuple[bytes, ...]:
    return tuple(nlri.key(prefix)[1] for prefix in prefixes)


def withdrawn(when: float, *prefixes: str) -> RoutesWithdrawn:
    return RoutesWithdrawn(S, when, Family.IPV4, keys(*prefixes))


def announced(when: float, count: int, added: int | None = None) -> RoutesAnnounced:
    many = tuple(nlri.key(f"10.{n >> 8}.{n & 255}.0/24")[1] for n in range(count))
    attributes = AttributeSet(PathAttributes(), ())
    return RoutesAnnounced(S, when, Family.IPV4, many, attributes, count if added is None else added)


def test_nothing_is_watched_before_the_lift_nor_after_the_deny() -> None:
    found = Watching()
    assert not found.take(moved(UP, IDLE, 5.0))
    assert found.next_due() is None
    found.begin(LIFTED, LIFT)
    found.judge(LIFTED, None, LIFT)
    found.take(GateMoved(S, LIFT + 1, False, 0, 0))
    assert found.next_due() is None
    with pytest.raises(KeyError):
        found.judge(LIFTED, None, LIFT)


def test_a_flap_is_one_occurrence_until_the_session_was_steady() -> None:
    found = watching()
    down = replace(LIFTED, bgp_state=IDLE, established_at=None, received=0, end_of_rib=False)
    assert found.take(moved(UP, IDLE, 2000.0, "hold timer expired"))
    assert found.due(2000.0) == [S]
    seen = found.judge(down, None, 2000.0)
    assert (seen.flaps, seen.why_down, seen.lost) == (1, "hold timer expired", None)
    assert found.next_due() is None, "until something happens"
    found.take(moved(BgpState.OPEN_CONFIRM, UP, 2010.0))
    up = replace(LIFTED, established_at=2010.0)
    assert found.judge(up, None, 2010.0 + SETTLE).flaps == 1
    assert found.next_due() == 2010.0 + STEADY
    found.take(moved(UP, IDLE, 2020.0))
    assert found.judge(down, None, 2020.0).flaps == 2
    steady = replace(LIFTED, established_at=2030.0)
    assert found.judge(steady, None, 2030.0 + STEADY) == NOTHING
    assert found.next_due() is None


@pytest.mark.parametrize(("left", "lost"), [(10, False), (6, False), (5, True), (1, True), (0, True)])
def test_prefixes_are_lost_when_half_of_the_most_is_gone(left: int, lost: bool) -> None:
    assert SHARE == 0.5
    found = watching()
    assert found.take(withdrawn(2000.0, *(f"10.9.{n}.0/24" for n in range(10 - left))))
    assert found.next_due() == 2000.0 + SETTLE, "a table that is replaced goes before it comes"
    now = holding(left)
    assert found.judge(now, None, 2001.0).lost == ((10, left) if lost else None)
    assert found.judge(LIFTED, None, 2002.0).lost is None, "they came back"


def test_the_most_is_what_was_ever_announced() -> None:
    found = watching()
    found.take(announced(2000.0, 30))
    assert found.judge(holding(20), None, 2001.0).lost == (40, 20)


@pytest.mark.parametrize(
    ("then", "now", "lost"),
    [
        ((2, 5), (2, 0), None),  # what the policy rejected is gone: that mends it
        ((2, 50), (0, 50), (2, 0)),  # what it rejects does not stand for what is lost
        ((10, 0), (0, 10), None),  # all are there, and rejected since
        ((10, 5), (2, 7), (10, 4)),  # 2 of the 8 are rejected since, the others lost
        ((10, 5), (10, 0), None),
        ((0, 7), (0, 0), None),
    ],
)
def test_only_what_the_policy_took_can_be_lost(
    then: tuple[int, int], now: tuple[int, int], lost: tuple[int, int] | None
) -> None:
    found = watching(holding(*then))
    assert found.judge(holding(*now), None, 2000.0).lost == lost
    # The same where the rejected ones came after the lift.
    found = watching(holding(then[0]))
    assert not found.take(announced(1500.0, 3, 0))
    assert found.judge(holding(*then), None, 1501.0).lost is None
    assert found.judge(holding(*now), None, 2000.0).lost == lost


def test_a_session_that_is_down_or_still_sends_its_table_has_lost_nothing() -> None:
    found = watching()
    down = replace(LIFTED, bgp_state=IDLE, established_at=None, received=0)
    assert found.judge(down, None, 2000.0).lost is None
    young = replace(holding(1), established_at=2000.0, end_of_rib=False, last_update=2000.5)
    assert found.judge(young, None, 2000.6).lost is None
    assert found.next_due() == 2000.5 + TABLE
    assert found.judge(young, None, 2000.5 + TABLE).lost == (10, 1)
    found.take(EndOfRib(S, 2013.0, Family.IPV4))
    assert found.due(2013.0) == [S]


@pytest.mark.parametrize(("count", "found"), [(7, None), (8, None), (9, (9, 10)), (10, (10, 10)), (12, (12, 10))])
def test_above_the_warning_threshold_the_session_is_crowded(count: int, found: tuple[int, int] | None) -> None:
    limit = MaxPrefix(10, warn_at=0.8)
    watch = watching()
    watch.take(PrefixLimit(S, 2000.0, Level.WARNING, count, limit))
    assert watch.due(2000.0) == [S]
    assert watch.judge(replace(LIFTED, received=count), limit, 2000.0).crowded == found


OTHERWISE = [
    (replace(PEER_OPEN, hold_time=30), "hold time: 90 s before, 30 s now"),
    (replace(PEER_OPEN, bgp_identifier=IPv4Address("9.9.9.9")), "BGP Identifier: 206.126.239.200 before, 9.9.9.9 now"),
    (
        replace(PEER_OPEN, capabilities=replace(PEER_OPEN.capabilities, route_refresh=False)),
        "route refresh: yes before, no now",
    ),
    (
        replace(PEER_OPEN, capabilities=replace(PEER_OPEN.capabilities, families=frozenset(Family))),
        "families: IPv4 before, IPv4, IPv6 now",
    ),
]


@pytest.mark.parametrize(("open_", "line"), OTHERWISE)
def test_a_session_that_comes_back_otherwise_says_what_is_other(open_: object, line: str) -> None:
    found = watching()
    back = replace(LIFTED, established_at=2000.0, peer_open=open_)  # type: ignore[arg-type]
    assert found.judge(back, None, 2002.0).changed == (line,)
    assert found.judge(LIFTED, None, 2003.0).changed == ()


def test_a_prefix_that_is_withdrawn_often_flaps_until_it_rests() -> None:
    found = watching()
    for number in range(OFTEN):
        assert found.judge(LIFTED, None, 2000.0 + number).flapping == ()
        found.take(withdrawn(2000.0 + number, "192.0.2.0/24"))
    last = 2000.0 + OFTEN - 1
    assert found.judge(LIFTED, None, last + SETTLE).flapping == (("192.0.2.0/24", OFTEN),)
    assert found.next_due() == 2000.0 + WINDOW
    assert found.judge(LIFTED, None, last + WINDOW + 0.1).flapping == ()
    assert found.next_due() is None


def test_a_peer_that_withdraws_much_at_once_has_no_flapping_aggregate() -> None:
    found = watching()
    for number in range(9):
        found.take(withdrawn(2000.0 + number, *(f"10.{n}.0.0/16" for n in range(100))))
    assert found.judge(LIFTED, None, 2010.0).flapping == ()


@given(st.lists(st.tuples(st.integers(0, 2000), st.floats(0, 5)), max_size=300))
def test_what_is_kept_is_bounded(withdrawals: list[tuple[int, float]]) -> None:
    found, now = watching(), 2000.0
    for number, pause in withdrawals:
        now += pause
        found.take(withdrawn(now, f"10.{number >> 8}.{number & 255}.0/24"))
    watch = found._sessions[S]
    assert len(watch.withdrawn) <= 256
    assert all(len(times) <= 256 for times in watch.withdrawn.values())


@given(st.lists(st.integers(1, 3), max_size=40), st.integers(0, 10))
def test_the_running_count_is_what_the_table_holds(added: list[int], back: int) -> None:
    found = watching(holding(0))
    held = 0
    for number, count in enumerate(added):
        found.take(announced(2000.0 + number, count))
        held += count
    for number in range(min(back, held)):
        found.take(withdrawn(3000.0 + number, f"10.0.{number}.0/24"))
        held -= 1
    assert found._sessions[S].count == held
    assert found._sessions[S].most == sum(added)


def test_an_update_without_a_rejected_route_asks_for_nothing_while_all_is_well() -> None:
    found = watching()
    assert not found.take(announced(2000.0, 3))
    assert found.next_due() is None
    found.judged(S, wrong=True)
    assert found.take(announced(2001.0, 3)), "it may mend what is wrong"


def test_a_large_table_is_judged_more_seldom() -> None:
    found = watching(replace(LIFTED, received=1_000_000))
    found.take(withdrawn(2000.0, "192.0.2.0/24"))
    due = found.next_due()
    assert due is not None
    assert due > 2000.0 + 10 * SETTLE
