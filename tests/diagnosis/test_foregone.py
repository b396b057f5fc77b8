"""What is decisive before the deadline, and what is not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.diagnosis.evidence import Observation
from simulator.diagnosis.fact import Fact
from simulator.diagnosis.foregone import DECISIVE, STANDS, Standing, Still, decisive, repeats
from simulator.diagnosis.router_answer import RouterAnswer
from simulator.session.messages import Notification
from simulator.session.outputs import NotificationSeen
from simulator.session.states import BgpState
from simulator.views.session import SessionView
from tests.diagnosis.test_catalogue import DOWN, HEALTHY, evidence, observe


def came(code: int, subcode: int, *times: float, sent: bool = False) -> tuple[NotificationSeen, ...]:
    return tuple(NotificationSeen(time, sent, Notification(code, subcode)) for time in times)


@pytest.mark.parametrize("sent", [False, True])
@pytest.mark.parametrize("subcode", [1, 2, 3, 6, 11])
def test_an_open_refused_three_times_alike_is_refused_for_good(subcode: int, sent: bool) -> None:
    times = (0.0, 1.0, 3.0, 7.0)
    assert repeats(replace(DOWN, notifications=came(2, subcode, *times, sent=sent)))
    assert not repeats(replace(DOWN, notifications=came(2, subcode, *times[:3], sent=sent))), "too soon"
    assert not repeats(replace(DOWN, notifications=came(2, subcode, 0.0, 7.0, sent=sent))), "it may be a slip"


@pytest.mark.parametrize(("subcode", "final"), [(1, False), (2, True), (3, True), (4, False), (5, False), (8, False)])
def test_of_the_ceases_those_of_an_operator_are_final(subcode: int, final: bool) -> None:
    """6/5 is what a router answers that is not ready yet, 6/4 and 6/8 pass by."""
    assert repeats(replace(DOWN, notifications=came(6, subcode, 0, 2, 4, 8))) is final


def test_what_comes_last_counts() -> None:
    slow = (*came(2, 2, 0, 2, 6), *came(6, 5, 8))
    assert not repeats(replace(DOWN, notifications=slow))


@pytest.mark.parametrize("view", [HEALTHY, replace(DOWN, established_transitions=1)])
def test_a_session_that_has_come_up_is_not_given_up(view: SessionView) -> None:
    assert not repeats(replace(view, notifications=came(2, 2, 0, 1, 3, 7)))


def seen(answer: RouterAnswer | None, observation: Observation | None = None) -> frozenset[Fact]:
    (found,) = decisive(observation or observe(evidence(DOWN, answer=answer), final=False)).values()
    return found


@pytest.mark.parametrize(
    ("answer", "fact"),
    [
        (RouterAnswer(configured=False), Fact.NO_SESSION),
        (RouterAnswer(shut_down=True), Fact.SHUT_DOWN),
        (RouterAnswer(local_as=64999), Fact.CONFIGURED_LOCAL_AS),
        (RouterAnswer(remote_as=64999), Fact.CONFIGURED_REMOTE_AS),
        (RouterAnswer(md5=True), Fact.MD5_PEER_SIGNS),
        (RouterAnswer(gtsm=True), Fact.TTL_LOW_THERE),
        (RouterAnswer(family=False), Fact.NO_FAMILY),
    ],
)
def test_what_the_router_says_of_its_configuration_is_decisive(answer: RouterAnswer, fact: Fact) -> None:
    assert seen(answer) == {fact}


@pytest.mark.parametrize("answer", [None, RouterAnswer(), RouterAnswer(state="Connect", reason="connection refused")])
def test_a_router_that_is_only_slow_says_nothing_decisive(answer: RouterAnswer | None) -> None:
    assert not seen(answer)


def test_the_counters_of_a_node_may_tell_of_another_session() -> None:
    view = replace(DOWN, md5=True)
    counted = evidence(view, answer=RouterAnswer(md5=True), tcp_counters={"TCPMD5Failure": 9, "TCPMD5NotFound": 9})
    assert not seen(None, observe(counted, final=False))


def test_a_session_that_is_up_is_not_looked_at() -> None:
    assert decisive(observe(evidence(answer=RouterAnswer(remote_as=64999)), final=False)) == {}


@given(st.lists(st.tuples(st.floats(0.1, 4), st.frozensets(st.sampled_from(sorted(DECISIVE, key=str)))), max_size=12))
def test_a_fact_decides_when_it_was_seen_at_every_look_for_long_enough(
    looks: list[tuple[float, frozenset[Fact]]],
) -> None:
    standing, now, history = Standing(), 0.0, list[tuple[float, frozenset[Fact]]]()
    for pause, facts in looks:
        now += pause
        history.append((now, facts))
        standing.see("s", facts, now)
        expected = False
        for fact in facts:
            run = []
            for time, those in reversed(history):
                if fact not in those:
                    break
                run.append(time)
            expected |= now - run[-1] >= STANDS
        assert standing.decided("s", now) is expected
        assert standing.any_stands("s") is bool(facts)
        assert not standing.decided("other", now)


def test_no_fact_of_a_session_that_is_up_or_may_come_up_is_decisive() -> None:
    assert not DECISIVE & {Fact.UP, Fact.NO_ECHO, Fact.NOBODY_ANSWERS, Fact.SILENT, Fact.CLOSED_EARLY, Fact.TCP_REFUSED}
    assert BgpState.ESTABLISHED is HEALTHY.bgp_state


def test_what_members_hold_is_still_when_it_has_not_moved_for_long_enough() -> None:
    still = Still()
    assert not still.see({"alpha": 1}, 100.0)
    assert not still.see({"alpha": 1}, 100.0 + STANDS - 0.1)
    assert still.see({"alpha": 1}, 100.0 + STANDS)
    assert not still.see({"alpha": 2}, 100.1 + STANDS), "it moves: it is waited for again"
    assert still.see({"alpha": 2}, 100.1 + 2 * STANDS)
