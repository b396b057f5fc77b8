"""`turnup bench` itself, with the smallest sizes that there are."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from simulator.bench.figure import Aim, Figure, Trial
from simulator.bench.figures import FIGURES, TRIALS
from simulator.bench.guard import Measure, Repeats, series
from simulator.bench.reading import BenchError, Reading
from simulator.bench.record import Part
from simulator.bench.running import BenchRun
from simulator.bench.stage import BenchStage, Work
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


def _interrupted_at(call: int) -> Work:
    """Something that is measured, until a signal comes while it is for the so manieth time; then it fails."""
    calls = 0

    @contextlib.asynccontextmanager
    async def opened(stage: BenchStage) -> AsyncIterator[Measure]:
        async def measure(who: str) -> Reading:
            nonlocal calls
            calls += 1
            if calls == call:
                os.kill(os.getpid(), signal.SIGINT)
                try:
                    await asyncio.Event().wait()
                finally:
                    raise BenchError("its process is gone")
            return Reading({"x": 2.0})

        yield measure

    return opened


@pytest.mark.parametrize(
    ("call", "value", "verdict"),
    [(1, None, "not measured: interrupted"), (2, 2.0, "not judged: interrupted")],
)
def test_an_interruption_leaves_what_was_measured_and_says_what_was_not(
    call: int, value: float | None, verdict: str
) -> None:
    trials = {
        "whole": Trial(_interrupted_at(0)),
        "half": Trial(_interrupted_at(call)),
        "none": Trial(_interrupted_at(0)),
    }
    figures = [Figure(name, name, "s", name, "x", Aim(3, ratio=False)) for name in trials]
    run = BenchRun(figures, trials, False, 3, "pure", lambda line: None)
    rows = [(row.figure, row.value, row.verdict) for row in run.measure()]
    assert rows == [("whole", 2.0, "reached"), ("half", value, verdict), ("none", None, "not measured: interrupted")]
    assert run.left == figures[1:]


@pytest.mark.parametrize("words", [("run", "S1"), ("growth", "validate")])
def test_an_interrupted_command_shows_its_rows(words: tuple[str, ...], tmp_path: Path) -> None:
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # whoever runs the tests may ignore it
    command = [sys.executable, "-m", "simulator", "bench", *words, "--format", "json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, preexec_fn=heard
    ) as process:
        assert process.stderr is not None
        while not process.stderr.readline().startswith("  "):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        shown, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "turnup: interrupted: not measured to the end: " in told
    assert any(row.get("value") or row.get("seconds") for row in json.loads(shown))
