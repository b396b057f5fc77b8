"""`turnup test`: which cases, what is printed and written, and the exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.cli.test_main import one_line, turnup

_GOOD = """name: {name}
proves: Something.
variables: {{state: PendingApproval}}
matrix: {{router: [simulated, bird], family: [IPv4, IPv6]}}
steps:
- request
- expect: {{connection-state: "${{state}}"}}
  within: 0.1
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.scenario.yaml").write_text(_GOOD.format(name="good"))
    return tmp_path


def test_the_cases_are_listed_and_chosen(folder: Path) -> None:
    listed = turnup("test", folder, "--list", "--format", "json", "--router", "bird")
    assert [row["case"] for row in json.loads(listed.stdout)] == ["good[bird-IPv4]", "good[bird-IPv6]"]
    listed = turnup("test", folder, "--list", "--format", "json", "--only", "simulated-IPv6")
    assert [row["case"] for row in json.loads(listed.stdout)] == ["good[simulated-IPv6]"]
    none = turnup("test", folder, "--only", "gobgp")
    assert (none.returncode, one_line(none)) == (
        2,
        "turnup: none of 4 cases is left: look at --list without --only, --router and --family",
    )


def test_what_passed_and_failed_is_printed_and_written(folder: Path, tmp_path: Path) -> None:
    file = folder / "good.scenario.yaml"
    passed = turnup("test", file, "--router", "simulated", "--format", "json", "--junit", tmp_path / "junit.xml")
    assert passed.returncode == 0, passed.stderr
    assert [(row["case"], row["outcome"]) for row in json.loads(passed.stdout)] == [
        ("good[simulated-IPv4]", "passed"),
        ("good[simulated-IPv6]", "passed"),
    ]
    assert "2/2 passed" in passed.stderr
    (suite,) = ET.parse(tmp_path / "junit.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors"), suite.get("skipped")) == (
        "2",
        "0",
        "0",
        "0",
    )
    arguments = ("--only", "simulated-IPv4", "--set", "state=Approved", "--junit", tmp_path / "junit.xml")
    failed = turnup("test", file, *arguments, "-j", "1")
    assert failed.returncode == 1
    assert f"{file}:7: expect connection-state: Approved of contoso-ashburn/ash-edge-1: " in failed.stdout
    (case,) = ET.parse(tmp_path / "junit.xml").getroot()[0]
    assert "the connection is PendingApproval" in case[0].get("message", "")
    assert case[0].tag == "failure"


def test_a_wrong_file_is_told_before_anything_is_started(folder: Path) -> None:
    (folder / "bad.scenario.yaml").write_text("name: bad\nproves: X.\nsteps: [requst, {wait: {bgp-state: Approved}}]\n")
    (folder / "worse.scenario.yaml").write_text("name: [")
    done = turnup("test", folder)
    assert (done.returncode, done.stdout) == (2, "")
    told = [line.removeprefix(f"turnup: {folder}/").partition(": ")[0] for line in done.stderr.splitlines()]
    assert told == ["worse.scenario.yaml:1"], "what is no YAML at all is told first"
    (folder / "worse.scenario.yaml").unlink()
    done = turnup("test", folder)
    told = [line.removeprefix(f"turnup: {folder}/").partition(": ")[0] for line in done.stderr.splitlines()]
    assert (done.returncode, told) == (2, ["bad.scenario.yaml:3", "bad.scenario.yaml:3"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name a scenario file or a directory of them, or say --shipped"),
        (("turn-upp",), "turn-upp: there is no such file, directory or scenario: did you mean 'turn-up'?"),
        (("FILE", "--set", "stat=x"), "--set stat: the file has no such variable: did you mean 'state'?"),
        (("FILE", "--set", "state"), "--set state: NAME=VALUE is wanted"),
        (("FILE", "--report", "FILE"), "good.scenario.yaml: this is a file: name a directory"),
    ],
)
def test_a_wrong_use_is_one_line(arguments: tuple[str, ...], said: str, folder: Path) -> None:
    file = str(folder / "good.scenario.yaml")
    done = turnup("test", *(file if each == "FILE" else each for each in arguments))
    assert done.returncode == 2
    assert said in one_line(done)


def test_an_interruption_takes_the_labs_down(tmp_path: Path) -> None:
    text = _GOOD.format(name="long") + "- wait: {seconds: 600}\n"
    (tmp_path / "long.scenario.yaml").write_text(text)
    command = [sys.executable, "-m", "simulator", "test", str(tmp_path), "--router", "simulated", "--junit"]
    command += [str(tmp_path / "junit.xml")]
    environment = {**os.environ, "TURNUP_STATE_DIR": str(tmp_path / "state")}
    (tmp_path / "state").mkdir(mode=0o700)
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        labs = tmp_path / "state"
        try:
            while not list(labs.glob("*/owner.json")):
                assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130, said
    assert "interrupted: the labs are taken down; 2 of 2 cases not played to the end" in said
    assert list(labs.glob("*/owner.json")) == []
