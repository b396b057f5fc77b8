"""States of the two axes are never compared, nor with a name: that is an error which says what to write."""

from __future__ import annotations

import copy
import operator
import pickle
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from simulator.axis import AxisError
from simulator.connection.states import ConnectionState
from simulator.session.states import BgpState

COMPARISONS = (operator.eq, operator.ne)
EVERY: tuple[Any, ...] = (*ConnectionState, *BgpState)


@pytest.mark.parametrize("compare", COMPARISONS)
@pytest.mark.parametrize(("mine", "other"), [*product(ConnectionState, BgpState), *product(BgpState, ConnectionState)])
def test_a_state_of_the_other_axis_is_no_operand(compare: Callable[[Any, Any], bool], mine: Any, other: Any) -> None:
    with pytest.raises(AxisError) as raised:
        compare(mine, other)
    text = str(raised.value)
    assert f"{type(mine).__name__}.{mine.name}" in text
    assert f"{type(other).__name__}.{other.name}" in text
    assert "Ask the peering for its connection state and the session for its BGP state" in text


@pytest.mark.parametrize("compare", COMPARISONS)
@pytest.mark.parametrize("state", EVERY)
def test_a_name_is_no_operand(compare: Callable[[Any, Any], bool], state: Any) -> None:
    for operands in ((state, state.value), (state.value, state)):
        with pytest.raises(AxisError, match=rf"Write {type(state).__name__}\.{state.name}"):
            compare(*operands)


def test_a_state_is_equal_to_itself_alone() -> None:
    for axis in (ConnectionState, BgpState):
        for one, another in product(axis, axis):
            assert (one == another) is (one is another)
            assert (one != another) is (one is not another)
    assert all(state != other for state in EVERY for other in (None, 3, "", "nonsense", Ellipsis))


@pytest.mark.parametrize("state", EVERY)
def test_a_copy_is_the_state_itself(state: Any) -> None:
    assert pickle.loads(pickle.dumps(state)) is state
    assert copy.deepcopy(state) is state
    assert type(state)(state.value) is state


def test_a_container_holds_states_of_both_axes() -> None:
    """Nothing is compared there: members are single objects, and no two have the same hash."""
    words = {state: state.name for state in EVERY}
    assert all(words[state] == state.name for state in EVERY)
    assert len(set(EVERY)) == len(EVERY) == len({hash(state) for state in EVERY})
    assert all(state in frozenset(EVERY) for state in EVERY)
    of_sessions: set[Any] = set(BgpState)
    assert not any(state in of_sessions for state in ConnectionState)
