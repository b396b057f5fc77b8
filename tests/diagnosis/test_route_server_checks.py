"""R6 and R7: nothing to announce, and what a route server must leave as it found it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulator.diagnosis.evidence import RouteServerPaths
from simulator.views.check import Status
from tests.diagnosis.test_catalogue import evidence, observe, run

CLEAN = RouteServerPaths(3, (0, ()), (0, ()), (0, ()))
ONE = (2, ("41.0.0.0/16", "41.1.0.0/16"))


def test_an_as8075_that_announces_nothing_is_told_loudly_and_blocks_nothing() -> None:
    found = run(observe(evidence(announced=frozenset())))
    assert (found["R6"].status, found["R6"].stops) == (Status.FAILURE, False)
    assert "AS8075 announces nothing" in found["R6"].evidence[0]
    assert "R6" not in run(observe(evidence()))
    assert "R6" not in run(observe(evidence(), evidence(announced=frozenset()))), "one family is enough"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"own_as": ONE}, "2 of 3 routes hold the route server's own AS in their path"),
        ({"next_hop": ONE}, "2 of 3 routes have the route server as their next hop"),
        ({"control": ONE}, "2 of 3 routes still carry control communities"),
    ],
)
def test_what_a_route_server_changed_warns_with_the_routes(
    change: dict[str, tuple[int, tuple[str, ...]]], words: str
) -> None:
    found = run(observe(evidence(through_server=replace(CLEAN, **change))))["R7"]  # type: ignore[arg-type]
    assert (found.status, found.stops) == (Status.FAILURE, False)
    assert words in found.evidence[0]
    assert "41.0.0.0/16, 41.1.0.0/16" in found.evidence[0]


def test_a_route_server_that_leaves_all_as_it_is_passes_and_other_peers_are_not_asked() -> None:
    assert run(observe(evidence(through_server=CLEAN)))["R7"].status is Status.SUCCESS
    assert "R7" not in run(observe(evidence()))
