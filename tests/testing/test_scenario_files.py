"""Scenario files in a project of a user of pytest: collected, passed, failed with all that a failure says."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.cli.test_contract import ROOT
from tests.users_pytest import users_pytest

_EXAMPLE = ROOT / "tests" / "cli" / "printed" / "scenarios" / "bogon-leak.scenario.yaml"


def test_a_file_has_a_test_for_each_case(tmp_path: Path) -> None:
    shutil.copy(_EXAMPLE, tmp_path)
    text = _EXAMPLE.read_text(encoding="utf-8")
    wrong = text.replace("bogon-leak", "wrong").replace("rule: bogon-prefix", "rule: otc")
    (tmp_path / "wrong.scenario.yaml").write_text(wrong)
    done = users_pytest(tmp_path, "--turnup-router", "simulated")
    assert "1 failed, 1 passed" in done.stdout
    line = text.splitlines().index(text.splitlines()[-1]) + 1
    assert f"wrong.scenario.yaml:{line}: expect rejects: 10.1.0.0/24" in done.stdout
    assert "10.1.0.0/24 is refused by bogon-prefix" in done.stdout
    assert "Validating → Active" in done.stdout
    assert "Play it alone: turnup test" in done.stdout
    assert done.returncode == 1


def test_a_mistake_in_a_file_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "bad.scenario.yaml").write_text("name: bad\nmatrix: {router: [brid]}\n")
    done = users_pytest(tmp_path)
    assert "bad.scenario.yaml:2: matrix.router[0]: " in done.stdout
    assert done.returncode == 2
