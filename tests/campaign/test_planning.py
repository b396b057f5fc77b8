"""From files and choices to cells: every combination once, and a reason for each that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.campaign.model import CellKind
from simulator.campaign.planning import CampaignChoice, CampaignPlan, every_shipped, planned
from simulator.cli.run.campaign import passed_over
from simulator.topology.faults import TopologyError

SCENARIO = """\
name: up
proves: It comes up.
topology: exchange
matrix: {router: [simulated, bird]}
steps: [request, approve, notify, {wait: {connection-state: Active}}]
"""


def _plan(tmp_path: Path, *paths: str, **choice: object) -> CampaignPlan:
    scratch = tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    return planned(paths, CampaignChoice(**choice), scratch)  # type: ignore[arg-type]


def _names(plan: CampaignPlan) -> list[str]:
    return [str(cell) for cell in plan.cells]


def test_a_topology_has_every_combination_of_what_is_chosen(tmp_path: Path) -> None:
    plan = _plan(tmp_path, "exchange", routers=["bird", "frr"], families=["IPv4", "IPv6"], securities=["none", "md5"])
    assert sorted(_names(plan)) == sorted(
        f"exchange[{router}-{family}-{security}]"
        for router in ("bird", "frr")
        for family in ("IPv4", "IPv6")
        for security in ("none", "md5")
    )
    assert {cell.needs for cell in plan.cells} == {("bird", "namespaces"), ("frr", "namespaces")}
    assert len({cell.key for cell in plan.cells}) == 8


def test_a_topology_without_any_choice_is_as_it_stands(tmp_path: Path) -> None:
    plan = _plan(tmp_path, "exchange", times=[("soak", 0.5)])
    assert _names(plan) == ["exchange"] and plan.cells[0].needs == ()


def test_a_choice_narrows_a_matrix_and_adds_what_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "up.scenario.yaml").write_text(SCENARIO)
    plan = _plan(
        tmp_path, str(tmp_path / "up.scenario.yaml"), routers=["bird", "frr"], families=["IPv6"], securities=["md5"]
    )
    assert _names(plan) == ["up.scenario[bird-md5]"]


def test_each_fault_stands_beside_the_topology_without_it(tmp_path: Path) -> None:
    plan = _plan(tmp_path, "exchange", routers=["bird"], securities=["md5"], faults=["wrong-remote-as"])
    assert _names(plan) == [
        "exchange[bird-md5]",
        "exchange[bird-md5]+wrong-remote-as/IPv4",
        "exchange[bird-md5]+wrong-remote-as/IPv6",
    ]


def test_what_makes_no_sense_is_told_and_not_run(tmp_path: Path) -> None:
    plan = _plan(tmp_path, "external", "route-server", faults=["wrong-remote-as"])
    why = {str(cell): text for cell, text in plan.unfit}
    assert "nobody is there to start it" in why["external"]
    assert why["route-server+wrong-remote-as/IPv4"] == "it is for a lab like exchange"


def test_faults_alone_are_rehearsed_in_their_own_labs(tmp_path: Path) -> None:
    plan = _plan(tmp_path, routers=["bird", "simulated"], families=["IPv4"], faults=["all"])
    assert {cell.kind for cell in plan.cells} == {CellKind.FAULT} and {cell.file for cell in plan.cells} == {""}
    assert len(plan.cells) > 50 and plan.unfit


def test_of_a_directory_every_yaml_file_is_taken_or_named(tmp_path: Path) -> None:
    labs = tmp_path / "labs"
    labs.mkdir()
    (labs / "up.scenario.yaml").write_text(SCENARIO)
    (labs / "own.yml").write_bytes(Path(every_shipped()[-4]).read_bytes())
    (labs / "workflow.yaml").write_text("jobs: {}\n")
    plan = _plan(tmp_path, str(labs))
    assert {cell.name for cell in plan.cells} == {"up", "own"}
    assert plan.passed_over == [str(labs / "workflow.yaml")]


def test_files_to_pass_over_are_named_where_they_are_few_and_counted_where_a_directory_is_full_of_them() -> None:
    few = ["labs/a.yaml", "labs/b.yaml"]
    many = [f"faults/{number}.yaml" for number in range(91)]
    assert passed_over([*few, *many]) == [
        *(f"{file}: neither a scenario nor a topology: passed over" for file in few),
        "faults: 91 files are neither scenario nor topology: passed over",
    ]


def test_a_variable_without_a_scenario_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TopologyError) as caught:
        _plan(tmp_path, every_shipped()[-4], settings=[("speed", "fast")])
    assert [str(fault) for fault in caught.value.faults] == [
        "--set speed=fast: a variable is a scenario's, and no scenario is here"
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [("peerings: [", "labs/bad.yaml"), ("peerings: []\n", "labs/bad.yaml")],
)
def test_a_bad_file_ends_the_plan_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    labs = tmp_path / "labs"
    labs.mkdir()
    (labs / "bad.yaml").write_text(text)
    with pytest.raises(TopologyError) as caught:
        _plan(tmp_path, str(labs), "exchange")
    assert told in str(caught.value.faults[0])


def test_everything_that_comes_with_turnup_can_be_planned(tmp_path: Path) -> None:
    plan = _plan(tmp_path, *every_shipped(), routers=["bird"], securities=["md5+gtsm"])
    assert len({str(cell) for cell in plan.cells}) == len(plan.cells) > 15


def test_what_is_both_a_scenario_and_a_topology_is_both(tmp_path: Path) -> None:
    assert {cell.kind for cell in _plan(tmp_path, "direct").cells} == {CellKind.SCENARIO, CellKind.TOPOLOGY}


def test_a_fault_of_what_was_not_agreed_is_not_for_a_lab_that_agreed_on_it(tmp_path: Path) -> None:
    plan = _plan(tmp_path, "exchange", routers=["bird"], securities=["none", "md5", "gtsm"], faults=["all"])
    unfit = {(cell.value("security"), cell.fault, cell.on) for cell, why in plan.unfit if why.endswith("agreed there")}
    named = ["md5 md5-not-agreed", "md5 pair-as-md5", "md5 pair-md5-shut-down"]
    named += ["gtsm gtsm-at-peer-only", "gtsm pair-gtsm-limit"]
    assert unfit == {(*each.split(), family) for each in named for family in ("IPv4", "IPv6")}


def test_files_of_the_same_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "simulator" / "topologies" / "exchange.yaml").read_text()
    for folder in ("a/labs", "b/labs", "c"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "lab.yaml").write_text(text)
    (tmp_path / "c" / "other.yaml").write_text(text)
    plan = _plan(tmp_path, str(tmp_path))
    assert _names(plan) == ["a/labs/lab", "b/labs/lab", f"{tmp_path.name}/c/lab", "other"]
    alone = _plan(tmp_path, str(tmp_path / "a"))
    assert _names(alone) == ["lab"] and alone.cells[0].key == plan.cells[0].key
    assert _names(_plan(tmp_path, str(tmp_path), only=["b/labs"])) == ["b/labs/lab"]


def test_a_file_that_is_named_twice_is_played_once_however_it_is_spelled(tmp_path: Path) -> None:
    topology = _one_topology(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "in")
    spelled = [str(topology), str(tmp_path / "in" / ".." / "in" / "lab.yaml"), str(tmp_path / "link" / "lab.yaml")]
    for given in (spelled, [*spelled, str(tmp_path / "link")]):
        assert [cell.file for cell in planned(given, CampaignChoice(), tmp_path).cells] == [str(topology)]


def _one_topology(tmp_path: Path) -> Path:
    """A topology in a directory of its own."""
    (tmp_path / "in").mkdir()
    shipped = next(path for path in every_shipped() if path.endswith("/exchange.yaml"))
    copy = tmp_path / "in" / "lab.yaml"
    copy.write_bytes(Path(shipped).read_bytes())
    return copy
