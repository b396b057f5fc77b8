"""`turnup bench` itself, with the smallest sizes that there are."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from simulator.bench.figures import FIGURES, TRIALS
from simulator.bench.guard import Repeats, series
from simulator.bench.record import Part
from simulator.bench.stage import BenchStage
from simulator.cli.run.bench import _check_page
from tests.cli.test_main import ROOT
from tests.lab_support import require_bird, require_netns


def _turnup(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "simulator", "bench", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False)


@pytest.mark.parametrize("how", ["table", "csv", "json"])
def test_the_list_has_every_figure(how: str) -> None:
    done = _turnup("list", "--format", how)
    assert done.returncode == 0
    assert all(figure.id in done.stdout for figure in FIGURES)
    if how == "json":
        assert {row["figure"] for row in json.loads(done.stdout)} == {figure.id for figure in FIGURES}


@pytest.mark.router
@pytest.mark.privileged
def test_a_figure_beside_bird() -> None:
    require_bird()
    require_netns()
    done = _turnup("run", "P1b", "p10", "--quick", "--format", "csv")
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [(row["Id"], row["Who"]) for row in rows] == [("P1b", "turnup"), ("P1b", "BIRD"), ("P10", "turnup")]
    assert all(float(row["Value"]) > 0 and float(row["Ratio"]) > 0 for row in rows[:2])
    assert (rows[2]["Value"], rows[2]["Verdict"]) == ("0.0", "reached")


async def test_commands_and_tables_as_files(tmp_path: Path) -> None:
    for name in ("help", "text"):
        async with TRIALS[name].work(BenchStage(tmp_path, quick=True)) as measure:
            found = await series(measure, {"turnup": ""}, Repeats(1, 0), lambda: 0.0)
        (reading,) = found["turnup"].readings
        assert reading.values["cpu"] > 0
        assert 10 < reading.values["memory"] < 500


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["run", "P99"], "there is no figure 'P99'"),
        (["growth", "trees"], "there is no growth 'trees'"),
        (["run", "S1", "--write", "nowhere.md"], "nowhere.md: No such file"),
        (["run", "S1", "--write", "README.md"], "README.md: it has no line <!-- bench: figures -->"),
        (["run", "S1", "--quick", "--write", "README.md"], "--write is for whole runs"),
    ],
)
def test_a_wrong_usage_is_one_line_and_nothing_is_measured(words: list[str], told: str) -> None:
    done = _turnup(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr.splitlines()[-1]
    assert "1 of 1" not in done.stderr


def test_where_the_pictures_cannot_be_put_nothing_is_measured(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- bench: figures -->\n<!-- end -->\n")
    (tmp_path / "page").touch()
    done = _turnup("run", "S1", "--write", str(page))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{tmp_path / 'page'} is to be the directory of its pictures" in done.stderr and "1 of 1" not in done.stderr


@pytest.mark.parametrize("closed", ["page.md", "."])
def test_what_cannot_be_written_is_told_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], closed: str
) -> None:
    """Root may write anything but on a disk that is read-only, which `access` tells too."""
    page = tmp_path / "page.md"
    page.write_text("<!-- bench: figures -->\n<!-- end -->\n")
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path / closed)
    with pytest.raises(SystemExit, match="2"):
        _check_page(page, Part.FIGURES, quick=False)
    assert capsys.readouterr().err == f"turnup: {page}: {tmp_path / closed} cannot be written\n"
