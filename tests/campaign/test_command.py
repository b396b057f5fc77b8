"""`turnup campaign` as its users have it: real rehearsals, interrupted and killed on the way."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from simulator.campaign.journal import read
from simulator.campaign.model import Attempt, CampaignCell, CellKind, Ending
from simulator.campaign.tally import tallied
from simulator.cli.run.campaign import _seen
from tests.cli.test_main import turnup

TURNUP = (sys.executable, "-m", "simulator", "campaign")


def _turnup(directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [*TURNUP, *options, "--report", str(directory)]
    return subprocess.run(command, capture_output=True, text=True, timeout=170, check=False)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_one_that_is_interrupted_or_killed_goes_on_and_loses_nothing(tmp_path: Path, number: signal.Signals) -> None:
    options = ("exchange", "--soak", "0", "--repeat", "3", "-j", "1")
    command = [*TURNUP, *options, "--report", str(tmp_path)]
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # whoever runs the tests may ignore it
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, preexec_fn=heard
    ) as process:
        assert process.stderr is not None
        assert "[1 done, 0 failed, 2 left" in process.stderr.readline()
        process.send_signal(number)
        rest = process.stderr.read()
    assert process.returncode == (-number if number is signal.SIGKILL else 130), rest
    begun = read(tmp_path)
    assert not begun.finished and 1 <= len(begun.attempts) < 3
    done = _turnup(tmp_path, *options, "--resume", "--format", "json")
    assert done.returncode == 0, done.stderr
    [row] = json.loads(done.stdout)
    assert (row["outcome"], row["passed"], row["attempts"]) == ("passed", 3, 3)
    finished = read(tmp_path)
    assert [attempt.number for attempt in finished.attempts] == [1, 2, 3]
    assert finished.attempts[: len(begun.attempts)] == begun.attempts


def _files(tmp_path: Path) -> tuple[str, str]:
    good = tmp_path / "good.scenario.yaml"
    text = "name: {name}\nproves: It comes up.\ntopology: exchange\nchanges: {{times: {{soak: 0}}}}\nsteps: {steps}\n"
    good.write_text(text.format(name="good", steps="[request]"))
    bad = tmp_path / "never.scenario.yaml"
    bad.write_text(text.format(name="never", steps="[request, {wait: {connection-state: Active}, within: 0.1}]"))
    return str(good), str(bad)


def test_what_failed_is_first_and_has_its_report(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = _turnup(out, *_files(tmp_path), "--format", "json")
    assert done.returncode == 1, done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    assert [(row["cell"], row["outcome"]) for row in rows] == [
        ("never.scenario", "failed"),
        ("good.scenario", "passed"),
    ]
    assert (out / rows[0]["report"] / "report.html").exists() and rows[1]["report"] == ""
    assert str(out / rows[0]["report"]) in rows[0]["detail"], "the evidence is where its words say"
    assert f'href="{rows[0]["report"]}/report.html"' in (out / "campaign.html").read_text()
    assert sorted(path.name for path in out.iterdir()) == [
        *("campaign.html", "campaign.json", "cells", "journal.jsonl", "junit.xml"),
    ]


def test_a_terminal_tells_what_was_seen_of_what_did_not_pass_and_not_without_end(tmp_path: Path) -> None:
    done = _turnup(tmp_path / "out", *_files(tmp_path))
    assert done.returncode == 1, done.stderr
    assert "\nnever.scenario: " in done.stdout and done.stdout.index("never.scenario: ") > done.stdout.index("Why")
    cells = [CampaignCell(CellKind.TOPOLOGY, f"{number}.yaml", f"cell{number}") for number in range(30)]
    lines = "\n".join(f"line {number}\x1b" for number in range(100))
    endings = {0: Ending.PASSED, 1: Ending.CRASHED}
    attempts = [
        Attempt(cell.key, 1, endings.get(number, Ending.FAILED), "it did not", lines)
        for number, cell in enumerate(cells)
    ]
    shown = "".join(_seen(tallied(cells, attempts)))
    assert shown.count("it did not") == 20 and "9 more cells that did not pass" in shown
    assert "cell0:" not in shown and "\x1b" not in shown
    crashed = shown[shown.index("cell1: it did not") :].split("\n\n")[0].splitlines()
    failed = shown[shown.index("cell2: it did not") :].split("\n\n")[0].splitlines()
    assert [line.strip("␛ ") for line in crashed[1:3]] == ["(80 more lines)", "line 80"] and len(crashed) == 22
    assert [line.strip("␛ ") for line in failed[-2:]] == ["line 19", "(80 more lines)"] and len(failed) == 22


def test_what_is_overdue_says_where_it_was_in_one_line_and_its_report_what_there_was(tmp_path: Path) -> None:
    slow = tmp_path / "slow.scenario.yaml"
    slow.write_text("name: slow\nproves: Nothing.\ntopology: exchange\nsteps: [request, {wait: {seconds: 60}}]\n")
    done = _turnup(tmp_path / "out", str(slow), "exchange", "--soak", "25", "--time-limit", "8")
    assert done.returncode == 3, done.stderr
    assert "most recent call" not in done.stdout and 'File "' not in done.stdout
    document = json.loads((tmp_path / "out" / "campaign.json").read_text())
    found = {row["cell"]: row for row in document["cells"]}
    late = "it was not over after 8 s (--time-limit): "
    assert found["slow.scenario"]["text"] == f"{late}{slow}:4: wait 60 s"
    assert found["exchange"]["text"].startswith(f"{late}contoso-ashburn/ash-edge-1, contoso-ashburn/ash-edge-2 in ")
    for row in found.values():
        assert "most recent call" in row["detail"], "where Python was"
        report = json.loads((tmp_path / "out" / row["report"] / "report.json").read_text())
        assert report["outcome"] == "error" and report["errors"][0].startswith("interrupted: ")


def test_where_nothing_is_left_to_do_no_cluster_is_asked(tmp_path: Path) -> None:
    good, _ = _files(tmp_path)
    out = tmp_path / "out"
    nowhere = ("--on", "127.0.0.1:1")
    refused = _turnup(out, good, *nowhere)
    assert (refused.returncode, refused.stderr) == (3, "turnup: --on 127.0.0.1:1: nobody answers: Connection refused\n")
    assert _turnup(out, good).returncode == 0, "nothing was begun"
    before = (out / "campaign.json").read_text()
    assert _turnup(out, good, *nowhere).returncode == 3
    assert (out / "campaign.json").read_text() == before, "what there was of another campaign stays"
    done = _turnup(out, good, "--resume", *nowhere)
    assert done.returncode == 0 and "1 cell: 1 passed" in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        ((), 2, "name scenario or topology files"),
        (("exchnge",), 2, "did you mean 'exchange'"),
        (("exchange", "--fault", "wrong-remote"), 2, "there is no such fault"),
        (("exchange", "--only", "nothing"), 2, "no cell is left"),
        (("exchange", "--resume"), 2, "nothing was begun there"),
        (("exchange", "--resume", "--fresh"), 2, "say one of them"),
        (("exchange", "--set", "x"), 2, "NAME=VALUE is wanted"),
        (("external",), 2, "nobody is there to start it"),
        (("exchange", "--router", "frr", "--list"), 0, ""),
    ],
)
def test_how_it_ends_without_a_lab(tmp_path: Path, options: tuple[str, ...], code: int, told: str) -> None:
    done = turnup("campaign", *options, "--report", tmp_path / "out")
    assert (done.returncode, told in done.stderr) == (code, True), done.stderr
