"""Which checks run: selected, left out, made strict, added by users; and what a check does that breaks."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.diagnosis.catalogue import evaluate, rejected_routes
from simulator.diagnosis.check import Check, Finding, When, failed, passed
from simulator.diagnosis.check_ids import CheckId
from simulator.diagnosis.evidence import LanAnswer, RejectedRoutes
from simulator.diagnosis.selection import ALWAYS, CATALOGUE, Selection
from simulator.views.check import Blocks, Side, Status
from simulator.views.diagnosis import diagnosis
from tests.diagnosis.test_catalogue import HEALTHY, PEER_OPEN, evidence, observe

V = When.VALIDATING
ALL = [check.id for check in chain.from_iterable(CATALOGUE.values())]
SHORT_HOLD = evidence(replace(HEALTHY, peer_open=replace(PEER_OPEN, hold_time=6)))
REJECTED = evidence(rejected=(RejectedRoutes("bogon-prefix", "RFC 6890", "special", 1, ("10.0.0.0/8",)),))


def ids(selection: Selection, when: When = V) -> list[str]:
    return [str(check.id) for check in selection.of(when)]


def own(judge: Any, **changes: Any) -> Check:
    return replace(Check("routes-even", "An even number of routes", "house rule", Blocks.ACTIVE, judge), **changes)


def test_without_a_choice_all_run() -> None:
    for when, checks in CATALOGUE.items():
        assert Selection().of(when) == checks


def test_a_selected_check_brings_what_it_rests_on_and_the_denial_is_always_looked_at() -> None:
    assert ids(Selection(only=("R1",))) == ["L1", "T1", "S1", "S3", "S4", "S5", "D1", "D2", "R1"]
    assert ids(Selection(only=("R1",)), When.LIFTED) == []
    assert ids(Selection(exclude=("S6", "R9", "D3"))) == [c for c in ids(Selection()) if c not in ("S6", "R9", "D3")]


@given(st.lists(st.sampled_from([*ALL, "R3"]), max_size=5), st.lists(st.sampled_from([*ALL, "R3"]), max_size=5))
def test_whatever_is_chosen_the_denial_is_looked_at_and_order_and_number_stay(only: list[str], out: list[str]) -> None:
    found = ids(Selection(tuple(only), tuple(out)))
    assert set(found) >= ALWAYS
    assert not (set(out) - ALWAYS) & set(found)
    assert found == [check for check in ids(Selection()) if check in found]


def test_a_strict_check_blocks_where_it_would_warn() -> None:
    soft, hard = (evaluate(Selection(strict=strict).of(V), observe(SHORT_HOLD)) for strict in ((), ("S3",)))
    assert [check.id for check in soft if check.stops] == []
    assert [check.id for check in hard if check.stops] == ["S3"]
    (cause,) = diagnosis("c", hard)
    assert (cause.id, cause.warns) == ("hold-time-short", False)
    lan = evidence(lan=LanAnswer(frozenset({"a"}), True, rtt=0.2, whole="no answer"))
    (mtu,) = [check for check in evaluate(Selection(strict=("L2",)).of(V), observe(lan)) if check.stops]
    assert (mtu.id, mtu.blocks) == ("L2", Blocks.ACTIVE)


@pytest.mark.parametrize("strict", ["R3", "R3.bogon-prefix"])
def test_a_rules_check_is_strict_left_out_or_selected_by_its_rule_or_with_all(strict: str) -> None:
    found = rejected_routes(observe(REJECTED))
    assert [each.blocks for each in Selection().rejected(found, V)] == [Blocks.WARN]
    assert [each.blocks for each in Selection(strict=(strict,)).rejected(found, V)] == [Blocks.ACTIVE]
    assert [each.blocks for each in Selection(strict=(strict,)).rejected(found, When.LIFTED)] == [Blocks.REHEARSAL]
    assert Selection(exclude=(strict,)).rejected(found, V) == []
    assert Selection(only=("S1",)).rejected(found, V) == []
    assert len(Selection(only=(strict,)).rejected(found, V)) == 1
    assert len(Selection(exclude=("R3.bogon-asn",)).rejected(found, V)) == 1


def test_a_users_check_runs_at_its_time_and_its_failure_is_a_cause_with_its_own_remedy() -> None:
    check = own(lambda session, observation: failed([f"{session.view.received} routes"]), remedy="announce one more")
    check = replace(check, side=Side.REQUESTER)
    found = evaluate(Selection(own=(check,)).of(V), observe())
    assert found[-1].id == "routes-even" and found[-1].stops
    (cause,) = diagnosis("c", found)
    assert (cause.id, cause.side, cause.check) == ("routes-even", Side.REQUESTER, "routes-even")
    assert (cause.text, cause.remedy) == ("An even number of routes: 3 routes", "announce one more")
    assert ids(Selection(own=(replace(check, when=When.LIFTED),)), When.LIFTED)[-1] == "routes-even"
    assert "routes-even" not in ids(Selection(own=(replace(check, when=When.LIFTED),)))


def test_a_users_check_rests_on_others_and_others_do_not_mind_it() -> None:
    check = own(lambda session, observation: passed("even"), needs=("S5",))
    assert ids(Selection(only=("routes-even",), own=(check,)))[-1] == "routes-even"
    assert "S5" in ids(Selection(only=("routes-even",), own=(check,)))
    found = evaluate(Selection(own=(check,)).of(V), observe())
    assert found[-1].status is Status.SUCCESS
    assert diagnosis("c", found) == ()


def _raises(*_: object) -> Finding:
    raise ValueError("no such thing")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"of_session": _raises}, "ValueError: no such thing"),
        ({"of_session": lambda *_: None}, "TypeError: it returned None"),
        ({"of_session": lambda: passed()}, "TypeError"),
        ({"of_session": None, "of_connection": _raises}, "ValueError: no such thing"),
        ({"applies": _raises}, "ValueError: no such thing"),
    ],
)
@pytest.mark.parametrize("blocks", Blocks)
def test_a_check_that_breaks_is_an_error_of_its_own_and_stops_what_it_would_stop(
    change: dict[str, Any], words: str, blocks: Blocks
) -> None:
    check = replace(own(lambda *_: passed()), blocks=blocks, **change)
    found = evaluate(Selection(own=(check,)).of(V), observe())
    assert found[-1].status is Status.ERROR
    assert words in found[-1].evidence[0]
    assert found[-1].stops is (blocks is not Blocks.WARN)
    assert all(each.status is Status.SUCCESS for each in found[:-1]), "the others go on"


def test_every_check_of_the_catalogue_has_an_id_of_the_list() -> None:
    assert set(ALL) <= set(CheckId)
