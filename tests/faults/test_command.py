"""What `turnup fault` prints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from typer.testing import CliRunner

from simulator.cli.app import app
from simulator.cli.run import fault as commands
from simulator.faults.cell import CellResult, FaultCell
from simulator.faults.load import shipped
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
