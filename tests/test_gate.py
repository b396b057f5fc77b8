"""The gate: the rule that joins the two axes, and the valve that enforces and counts it."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.connection.states import ConnectionState
from simulator.gate import Change, Direction, Gate, Withheld, nlri_may_pass

IN, OUT = Direction.IN, Direction.OUT
P1, P2, P3 = b"\x18\xc0\x00\x02", b"\x18\xc6\x33\x64", b"\x18\xcb\x00\x71"
STATES: list[ConnectionState | None] = [*ConnectionState, None]


def _open() -> Gate:
    gate = Gate()
    gate.rule(ConnectionState.ACTIVE, session_validated=True)
    return gate


def _is_open(gate: Gate) -> bool:
    return gate.is_open


# --- the rule ---


@pytest.mark.parametrize("state", STATES, ids=str)
@pytest.mark.parametrize("validated", [True, False])
def test_only_active_and_validated_passes(state: ConnectionState | None, validated: bool) -> None:
    expected = state is ConnectionState.ACTIVE and validated
    assert nlri_may_pass(state, validated) is expected
    gate = Gate()
    gate.rule(state, session_validated=validated)
    assert gate.is_open is expected


@pytest.mark.parametrize("state", ["Active", 1, True, object()])
def test_what_is_no_connection_state_denies(state: object) -> None:
    """A state from a store or the BGP FSM's Active is not this enum's Active."""
    assert not nlri_may_pass(cast(ConnectionState, state), True)


@pytest.mark.parametrize("validated", [None, 0, 1, "yes", object()])
def test_only_true_is_validated(validated: object) -> None:
    assert not nlri_may_pass(ConnectionState.ACTIVE, cast(bool, validated))


# --- fail closed ---


def test_a_new_gate_is_shut() -> None:
    gate = Gate()
    assert not gate.is_open
    assert not gate.asks(OUT, "IPv4", [P1], 1.0)
    assert gate.why == "the connection's state is unknown"


def test_a_lost_state_shuts_it() -> None:
    gate = _open()
    assert gate.rule(None, session_validated=True) is Change.DENIED
    assert not gate.is_open


def test_a_session_that_is_no_longer_validated_shuts_it() -> None:
    gate = _open()
    assert gate.rule(ConnectionState.ACTIVE, session_validated=False) is Change.DENIED
    assert gate.why == "the session has not been validated"


# --- rulings ---


def test_a_ruling_says_what_it_changed() -> None:
    gate = Gate()
    active = ConnectionState.ACTIVE
    assert gate.rule(ConnectionState.VALIDATING, session_validated=True) is Change.NOTHING
    assert gate.rule(active, session_validated=False) is Change.NOTHING
    assert gate.rule(active, session_validated=True) is Change.LIFTED
    assert gate.rule(active, session_validated=True) is Change.NOTHING
    assert gate.rule(ConnectionState.PENDING_REMOVE, session_validated=True) is Change.DENIED
    assert gate.rule(ConnectionState.NONE, session_validated=False) is Change.NOTHING


@pytest.mark.parametrize("state", [state for state in ConnectionState if state is not ConnectionState.ACTIVE], ids=str)
def test_why_names_the_state(state: ConnectionState) -> None:
    gate = Gate()
    gate.rule(state, session_validated=True)
    assert gate.why == f"the connection is {state.value}"


def test_an_open_gate_has_no_reason_to_be_shut() -> None:
    assert _open().why == ""


# --- the valve ---


def test_a_shut_gate_counts_and_logs_what_it_holds_back() -> None:
    log: list[Withheld] = []
    gate = Gate(log.append)
    gate.rule(ConnectionState.VALIDATING, session_validated=False)
    assert not gate.asks(OUT, "IPv4", [P1, P2], 5.0)
    assert not gate.asks(IN, "IPv6", (P3,), 6.0)
    assert gate.withheld == {IN: 1, OUT: 2}
    assert gate.passed == {IN: 0, OUT: 0}
    assert log == [
        Withheld(5.0, OUT, "IPv4", (P1, P2), "the connection is Validating"),
        Withheld(6.0, IN, "IPv6", (P3,), "the connection is Validating"),
    ]


def test_an_open_gate_counts_what_passes_and_logs_nothing() -> None:
    log: list[Withheld] = []
    gate = Gate(log.append)
    gate.rule(ConnectionState.ACTIVE, session_validated=True)
    assert gate.asks(IN, "IPv4", [P1, P2], 5.0)
    assert gate.asks(OUT, "IPv4", [P3], 5.0)
    assert gate.passed == {IN: 2, OUT: 1}
    assert gate.withheld == {IN: 0, OUT: 0}
    assert log == []


def test_each_time_that_something_tries_to_pass_counts() -> None:
    gate = Gate()
    for _ in range(3):
        gate.asks(OUT, "IPv4", [P1], 1.0)
    assert gate.withheld[OUT] == 3


def test_nothing_to_pass_is_nothing_to_log() -> None:
    log: list[Withheld] = []
    gate = Gate(log.append)
    assert not gate.asks(OUT, "IPv4", [], 1.0)
    assert (gate.withheld, log) == ({IN: 0, OUT: 0}, [])


def test_the_log_keeps_what_was_asked_for_and_not_the_callers_list() -> None:
    log: list[Withheld] = []
    keys = [P1]
    Gate(log.append).asks(OUT, "IPv4", keys, 1.0)
    keys.append(P2)
    assert log[0].nlri == (P1,)


def test_what_is_seen_behind_a_shut_gate_is_a_leak() -> None:
    gate = Gate()
    gate.saw_beyond(OUT, 3)
    gate.saw_beyond(IN, 1)
    gate.saw_beyond(OUT, 2)
    assert gate.leaked == {IN: 1, OUT: 5}


def test_what_is_seen_behind_an_open_gate_is_none() -> None:
    gate = _open()
    gate.saw_beyond(OUT, 3)
    assert gate.leaked == {IN: 0, OUT: 0}


def test_gates_do_not_share_anything() -> None:
    one, two = Gate(), Gate()
    one.rule(ConnectionState.ACTIVE, session_validated=True)
    one.asks(OUT, "IPv4", [P1], 1.0)
    one.saw_beyond(OUT, 1)
    assert not two.is_open
    assert two.passed == two.withheld == two.leaked == {IN: 0, OUT: 0}


_rulings = st.tuples(st.just("rule"), st.sampled_from(STATES), st.booleans())
_questions = st.tuples(st.just("ask"), st.sampled_from(Direction), st.integers(0, 5))


@settings(deadline=None)
@given(st.lists(_rulings | _questions))
def test_every_nlri_is_counted_exactly_once_and_only_the_last_ruling_counts(steps: list[tuple[Any, ...]]) -> None:
    log: list[Withheld] = []
    gate, asked, may_pass = Gate(log.append), 0, False
    for step in steps:
        if step[0] == "rule":
            was, may_pass = may_pass, step[1] is ConnectionState.ACTIVE and step[2]
            change = gate.rule(step[1], session_validated=step[2])
            assert change is {
                (False, True): Change.LIFTED,
                (True, False): Change.DENIED,
            }.get((was, may_pass), Change.NOTHING)
        else:
            asked += step[2]
            assert gate.asks(step[1], "IPv4", [P1] * step[2], 0.0) is may_pass
        assert _is_open(gate) is may_pass
        assert bool(gate.why) is not may_pass
    assert sum(gate.passed.values()) + sum(gate.withheld.values()) == asked
    assert sum(len(entry.nlri) for entry in log) == sum(gate.withheld.values())
