"""What AS8075 does to a route that it takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.policy.policy import Policy
from simulator.policy.transform import FROM_PEER, GRACEFUL_SHUTDOWN, MAPS_COMMUNITY, ImportSettings
from simulator.session.messages import Family, Role
from simulator.wire.attribute_codec import PathAttributes
from tests.policy.support import V4, context, path

OURS = (8075, FROM_PEER, 3321)


def taken(attributes: PathAttributes, settings: ImportSettings | None = None, **changes: Any) -> PathAttributes:
    return Policy("exchange", context(V4, **changes), None, settings).imported(attributes)


@pytest.mark.parametrize("family", Family)
def test_med_is_overwritten_and_the_rest_stays(family: Family) -> None:
    before = path(family, 100, med=77, communities=(1, 2), unknown=((0xC0, 99, b"x"),))
    after = taken(before)
    assert after == replace(before, med=0, local_pref=100, large_communities=(OURS,))


def test_what_it_is_overwritten_with_is_a_choice() -> None:
    assert taken(path(V4, med=77), ImportSettings(med=None)).med is None
    assert taken(path(V4), ImportSettings(med=5, local_pref=200)).med == 5
    assert taken(path(V4), ImportSettings(med=5, local_pref=200)).local_pref == 200


def test_nobody_else_speaks_in_our_name_except_for_maps() -> None:
    ours = 8075 << 16 | 1
    before = path(V4, communities=(ours, MAPS_COMMUNITY, 5), large_communities=((8075, 1, 1), (64500, 1, 1)))
    after = taken(before)
    assert after.communities == (MAPS_COMMUNITY, 5)
    assert after.large_communities == ((64500, 1, 1), OURS)
    assert taken(before, ImportSettings(informational=False)).large_communities == ((64500, 1, 1),)


def test_graceful_shutdown_makes_it_the_last_choice() -> None:
    after = taken(path(V4, communities=(GRACEFUL_SHUTDOWN,)))
    assert after.local_pref == 0 and after.communities == (GRACEFUL_SHUTDOWN,)


@pytest.mark.parametrize("role", [None, *Role])
def test_otc_as_our_role_demands(role: Role | None) -> None:
    marks = role in (Role.PEER, Role.CUSTOMER, Role.RS_CLIENT)
    assert taken(path(V4), role=role).otc == (3321 if marks else None)
    assert taken(path(V4, otc=9), role=role).otc == 9, "one that is there is never changed"


def test_anybodys_routes_are_from_the_first_as() -> None:
    assert taken(path(V4), peer_as=None).large_communities == (OURS,)
    assert taken(path(V4, as_path=()), peer_as=None).large_communities == ()


@given(
    communities=st.lists(st.integers(0, 2**32 - 1) | st.just(MAPS_COMMUNITY), max_size=4),
    large=st.lists(st.tuples(st.sampled_from([8075, 1]), st.integers(0, 3), st.integers(0, 3)), max_size=3),
    med=st.none() | st.integers(0, 9),
)
def test_taking_what_was_taken_changes_nothing(
    communities: list[int], large: list[tuple[int, int, int]], med: int | None
) -> None:
    once = taken(path(V4, communities=tuple(communities), large_communities=tuple(large), med=med))
    assert taken(once) == once
