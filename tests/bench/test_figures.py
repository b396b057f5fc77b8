"""The tables of figures, trials and growths are whole, and what is measured becomes rows with a verdict."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from simulator.bench.figure import Aim, Figure, outcomes
from simulator.bench.figures import FIGURES, TRIALS, chosen
from simulator.bench.growths import BY_ID, GROWTHS, of_peers
from simulator.bench.machine import RIVALS, Machine, machine
from simulator.bench.reading import OURS, Reading, Series
from simulator.bench.running import LEAKS, leaks
from simulator.topology.load import load
from tests.topologies import write

_ABSENT = "BIRD is not installed: apt-get install bird2"
_NOT_THE_SAME = "failed: not the same work was done"
_FIGURE = Figure("X", "something", "s", "t", "seconds", Aim(2, compiled=1))


def _series(*seconds: float, disturbed: bool = False, agreed: int = -1) -> Series:
    return Series([Reading({"seconds": each}, 1.0, 0.1, disturbed, agreed) for each in seconds])


def test_every_figure_has_a_trial_and_every_trial_a_figure() -> None:
    assert {figure.trial for figure in FIGURES if figure.id != LEAKS} == set(TRIALS)
    assert len({figure.id.casefold() for figure in FIGURES}) == len(FIGURES)
    assert all(figure.what and figure.unit for figure in FIGURES)


def test_the_aims_of_the_design_have_a_row() -> None:
    wanted = {"P1a-FRR", "P1a-GoBGP", "P1b", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9", "P10"}
    assert wanted <= {figure.id for figure in FIGURES if figure.aim}


def test_who_is_compared_is_known_or_no_program() -> None:
    programs = {who for trial in TRIALS.values() for who in (*trial.rivals, *trial.needs)}
    assert {who for who in programs if who not in RIVALS} == {"python -c 'import asyncio, json'"}
    assert {who for growth in GROWTHS for who in growth.rivals} <= set(RIVALS)


def test_a_figure_with_a_ratio_has_somebody_to_compare_with() -> None:
    for figure in FIGURES:
        if figure.aim and figure.aim.ratio:
            assert figure.beside or TRIALS[figure.trial].rivals, figure.id


def test_ids_choose_in_the_order_of_the_table() -> None:
    assert [figure.id for figure in chosen(["p9", "P1B"])] == ["P1b", "P9"]
    assert chosen([]) == list(FIGURES)
    with pytest.raises(KeyError, match="P99"):
        chosen(["P99"])


def test_growths_go_up() -> None:
    for growth in GROWTHS:
        assert list(growth.points) == sorted(set(growth.points)), growth.id
    assert {growth.id: growth.points[-1] for growth in GROWTHS} == {
        "routes": 1_000_000,
        "sessions": 500,
        "peerings": 1_000,
        "validate": 10_000,
        "rehearse": 1_000,
    }


def test_the_topology_that_grows_is_a_sound_one(tmp_path: Path) -> None:
    """With the last of ten thousand peers."""
    found = of_peers(BY_ID["validate"].points[-1])
    for part in ("peers", "peerings"):
        found[part] = [found[part][0], found[part][-1]]
    write(found, tmp_path / "many.yaml")
    assert [peer.name for peer in load(tmp_path / "many.yaml").peers] == ["peer0", "peer9999"]


@pytest.mark.parametrize(
    ("ours", "theirs", "code", "ratio", "verdict"),
    [
        (_series(3, 4, 5), _series(2, 2, 2), "pure", 2.0, "reached"),
        (_series(3, 4, 5), _series(2, 2, 2), "compiled", 2.0, "missed"),
        (_series(5, 5, 5), _series(2, 2, 2), "pure", 2.5, "missed"),
        (_series(3, disturbed=True), _series(2), "pure", 1.5, "not judged: others used the CPU"),
        (_series(3), _series(2, disturbed=True), "pure", 1.5, "not judged: others used the CPU"),
        (_series(3), Series(problem=_ABSENT), "pure", None, "not judged: nothing to compare with"),
        (Series(problem="no lab", failed=True), _series(2), "pure", None, "failed: no lab"),
        (_series(3, agreed=5), _series(2, agreed=4), "pure", 1.5, f"{_NOT_THE_SAME}: turnup [5], BIRD [4]"),
    ],
)
def test_a_verdict(ours: Series, theirs: Series, code: str, ratio: float | None, verdict: str) -> None:
    first, second = outcomes(_FIGURE, {OURS: ours, "BIRD": theirs}, code)
    assert (first.who, first.ratio, first.verdict) == (OURS, ratio, verdict)
    assert second.who == "BIRD"
    if theirs.problem:
        assert second.verdict == f"skipped: {_ABSENT}"


def test_the_ratio_is_to_the_least_of_the_others_and_each_has_its_own() -> None:
    rows = outcomes(_FIGURE, {OURS: _series(2), "BIRD": _series(4), "FRR": _series(1)}, "pure")
    assert [(row.who, row.ratio) for row in rows] == [(OURS, 2), ("BIRD", 0.5), ("FRR", 2)]


def test_a_figure_beside_another_of_its_own() -> None:
    figure = Figure("X", "re-deny", "s", "t", "withdraw", Aim(1), "seconds", "its own lift")
    readings = [Reading({"seconds": 2.0, "withdraw": 1.0})]
    found = {OURS: Series(readings), "BIRD": _series(0.1, disturbed=True)}
    rows = outcomes(figure, found, "pure")
    assert [(row.who, row.value, row.ratio) for row in rows] == [(OURS, 1, 0.5), ("its own lift", 2, 0.5)]
    assert rows[0].verdict == "reached", "the others have nothing to do with it"


def test_memory_is_judged_whatever_others_do() -> None:
    figure = Figure("X", "memory", "MB", "t", "seconds", Aim(80, ratio=False))
    assert outcomes(figure, {OURS: _series(33, disturbed=True)}, "pure")[0].verdict == "reached"


def test_leaks_of_everything_are_counted() -> None:
    figure = FIGURES[-1]
    found = [{OURS: Series([Reading({}, leaked=leaked)])} for leaked in (0, 2, 0)]
    assert (leaks(figure, found, "pure").value, leaks(figure, found, "pure").verdict) == (2, "failed: 2 routes leaked")
    assert leaks(figure, [found[0]], "pure").verdict == "reached"
    assert leaks(figure, [], "pure").verdict == ""


def test_the_machine_names_itself() -> None:
    here = machine()
    assert isinstance(here, Machine)
    assert here.cpu in here.told
    assert f"{here.cores} cores" in here.told
    assert here.code in ("pure", "compiled")


def test_helpers_say_how_they_are_called() -> None:
    from simulator.bench.helpers import callers, clients, edge, many, route_server, sender

    for helper in (callers, clients, edge, many, route_server, sender):
        assert f"python -m {helper.__name__} " in (inspect.getdoc(helper) or "")
