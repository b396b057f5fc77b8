"""R6 and R7: nothing to announce, and what a route server must leave as it found it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulator.diagnosis.catalogue import LIFTED, evaluate
from simulator.diagnosis.evidence import Observation, PeerTable, RouteServerPaths
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


# --- A5: the members ---


def members(**tables: PeerTable) -> Observation:
    return observe(evidence(members=tables, announced=ANNOUNCED))


ANNOUNCED = frozenset({"13.64.0.0/11", "20.33.0.0/16"})
ALL, HALF = PeerTable(ANNOUNCED), PeerTable(frozenset({"13.64.0.0/11"}))
OUTSIDE, MUTE = PeerTable(not_ours="the lab does not run it"), PeerTable(error="it did not answer in time")


@pytest.mark.parametrize(
    ("tables", "status", "words"),
    [
        ({"alpha": ALL, "beta": ALL}, Status.SUCCESS, "alpha, beta hold all 2 prefixes"),
        ({"alpha": ALL, "beta": HALF}, Status.FAILURE, "beta lacks 1 of 2 prefixes: 20.33.0.0/16"),
        ({"alpha": PeerTable()}, Status.FAILURE, "alpha lacks 2 of 2 prefixes"),
        ({"alpha": ALL, "beta": MUTE}, Status.FAILURE, "beta: it did not answer in time"),
        ({"alpha": OUTSIDE}, Status.SKIPPED, "the lab runs none of the members' routers"),
        ({"alpha": OUTSIDE, "beta": HALF}, Status.FAILURE, "beta lacks 1 of 2"),
    ],
)
def test_members_that_lack_microsofts_routes_warn(tables: dict[str, PeerTable], status: Status, words: str) -> None:
    (found,) = (each for each in evaluate(LIFTED, replace(members(**tables), final=True)) if each.id == "A5")
    assert (found.status, found.stops) == (status, False)
    assert words in " ".join(found.evidence)
    assert [cause.id for cause in found.causes] == (["rs-keeps-routes"] if status is Status.FAILURE else [])


def test_the_members_are_waited_for_and_only_behind_a_route_server() -> None:
    (waiting,) = (each for each in evaluate(LIFTED, replace(members(alpha=HALF), final=False)) if each.id == "A5")
    assert waiting.status is Status.UNSET
    assert "A5" not in {each.id for each in evaluate(LIFTED, observe(evidence()))}
