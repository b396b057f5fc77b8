"""What `turnup fault` prints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from typer.testing import CliRunner

from simulator.cli.app import app
from simulator.cli.run import fault as commands
from simulator.faults import matrix
from simulator.faults.cell import CellResult, FaultCell
from simulator.faults.load import shipped
from simulator.faults.matrix import pooled
from simulator.faults.mutations import Mutation, MutationOutcome, MutationResult
from simulator.faults.verdict import CellVerdict, Outcome


@pytest.fixture(autouse=True)
def _no_lab(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "_require_namespaces", lambda: None)


def test_what_is_done_is_printed_when_it_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    def one_and_no_more(cells: Sequence[FaultCell], jobs: int, told: Callable[[CellResult], None]) -> list[CellResult]:
        told(CellResult(cells[0], Outcome(CellVerdict.FIRST, ("filtered",))))
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "run_all", one_and_no_more)
    result = CliRunner().invoke(app, ["fault", "run", "bgp-filtered", "--router", "bird", "--format", "csv"])
    assert result.exit_code == 130
    assert "interrupted after 1 of 2: the labs are taken down" in result.stderr
    assert result.stdout.splitlines()[1:] == ["bgp-filtered,bird,IPv4,first,filtered,"]


def test_mutations_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def one_and_no_more(function: Any, wanted: Sequence[Mutation], jobs: int, told: Any, failed: Any) -> None:
        told(MutationResult(wanted[0], "hold time 1", MutationOutcome.NAMED, ("hold-time",)))
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "pooled", one_and_no_more)
    result = CliRunner().invoke(app, ["fault", "mutate", "--router", "bird", "--count", "3", "--format", "csv"])
    assert result.exit_code == 130
    assert "interrupted after 1 of 3" in result.stderr
    assert result.stdout.splitlines()[1:] == ["bird,1,hold time 1,named,hold-time,"]


@pytest.mark.parametrize("name", sorted(shipped()))
def test_where_a_fault_does_not_apply_is_told_once(name: str) -> None:
    lines = CliRunner().invoke(app, ["fault", "show", name]).stdout.splitlines()[-6:]
    assert all(line.startswith("# ") and line.count("IPv4: ") <= 1 and line.count("IPv6: ") <= 1 for line in lines)


def _cells_of(arguments: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> tuple[Any, list[FaultCell]]:
    """What `turnup fault run` would rehearse."""
    asked: list[FaultCell] = []

    def none(cells: Sequence[FaultCell], jobs: int, told: Callable[[CellResult], None]) -> list[CellResult]:
        asked.extend(cells)
        return [CellResult(cell, Outcome(CellVerdict.FIRST, ("x",), texts=("why",))) for cell in cells]

    monkeypatch.setattr(commands, "run_all", none)
    options = ("--router", "bird", "--family", "ipv4")
    return CliRunner().invoke(app, ["fault", "run", *arguments, *options]), asked


def test_several_faults_and_patterns_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    result, asked = _cells_of(["shut-down", "md5-*", "md5-wrong", "shut-down"], monkeypatch)
    md5 = [name for name in shipped() if name.startswith("md5-")]
    assert len(md5) > 2
    assert [cell.fault for cell in asked] == ["shut-down", *md5]
    assert result.exit_code == 0
    assert "md5-wrong bird IPv4: why" in result.stdout, "of several, each text says whose it is"


@pytest.mark.parametrize("names", [["no-*-such"], ["shut-down", "shut-up"], ["--blind", "shut-*"], ["--all", "md5-*"]])
def test_a_name_that_is_none_starts_nothing(names: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    result, asked = _cells_of(names, monkeypatch)
    assert (result.exit_code, asked) == (2, [])


def test_an_interrupt_that_a_worker_has_first_is_no_result() -> None:
    with pytest.raises(KeyboardInterrupt):
        pooled(_interrupted, ["a cell"], 1, pytest.fail, lambda item, why: pytest.fail(why))


def _interrupted(item: str) -> str:
    raise KeyboardInterrupt


def test_a_worker_that_was_interrupted_takes_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """What heeds the signal itself, in an event loop, says so by what it raises."""
    monkeypatch.setattr(matrix, "_interrupted", False)
    with pytest.raises(KeyboardInterrupt):
        matrix._unless_interrupted(_interrupted, "the first")
    with pytest.raises(KeyboardInterrupt):
        matrix._unless_interrupted(pytest.fail, "the next")
