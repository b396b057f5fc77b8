"""The one table of states, in words and in colours."""

from __future__ import annotations

import pytest

from simulator.connection.states import ConnectionState
from simulator.session.states import BgpState
from simulator.views.states import BGP_GROUPS, CONNECTION_GROUPS, group_of, label_of, style_named, style_of


@pytest.mark.parametrize("state", [*ConnectionState, *BgpState], ids=repr)
def test_every_state_has_exactly_one_group_with_words_and_a_colour(state: ConnectionState | BgpState) -> None:
    groups = CONNECTION_GROUPS if isinstance(state, ConnectionState) else BGP_GROUPS
    (mine,) = [group for group in groups if state in group.states]
    assert group_of(state) is mine
    assert mine.meaning and mine.css and mine.style
    assert style_named("connection" if isinstance(state, ConnectionState) else "bgp", state.value) == style_of(state)


def test_the_axes_share_no_class_and_no_label() -> None:
    assert not {group.css for group in CONNECTION_GROUPS} & {group.css for group in BGP_GROUPS}
    assert not {label_of(state) for state in ConnectionState} & {label_of(state) for state in BgpState}
    assert style_of(ConnectionState.ACTIVE) != style_of(BgpState.ACTIVE)


def test_only_what_someone_must_act_on_is_red() -> None:
    red = {state for state in [*ConnectionState, *BgpState] if "red" in style_of(state)}
    assert red == {ConnectionState.PROVISIONING_FAILED, ConnectionState.EXTERNAL_BLOCKER}


def test_a_state_that_nobody_knows_has_no_colour() -> None:
    assert style_named("connection", "Sleeping") == style_named("bgp", "") == ""
