"""Commands that are printed to be typed work where they were printed."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from simulator.cli import own_command as module
from simulator.cli.own_command import commands_with_namespaces, own_command

_BIN = Path(sys.executable).parent


@pytest.fixture(params=["on PATH", "not on PATH", "another on PATH"])
def path(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    other = tmp_path / "turnup"
    other.write_text("#!/bin/sh\nexit 9\n")
    other.chmod(0o755)
    plain = "/usr/bin:/bin"
    found = {"on PATH": f"{_BIN}:{plain}", "not on PATH": plain, "another on PATH": f"{tmp_path}:{plain}"}
    monkeypatch.setenv("PATH", found[request.param])
    return str(request.param)


def test_turnup_is_called_as_it_can_be(path: str) -> None:
    command = own_command()
    assert (command == "turnup") == (path == "on PATH")
    done = subprocess.run(f"{command} --version", shell=True, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_init_says_next_works_from_top_to_bottom(path: str, tmp_path: Path) -> None:
    """In a directory whose name has a blank, as a user without an activated environment types it."""
    command = [str(_BIN / "turnup"), "init", "my lab", "--yes", "--ci", "none"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    *_, after = said.partition("next:\n")
    lines = [line.strip() for line in after.splitlines()]
    assert [line.split()[0] == "turnup" for line in lines[1:3]] == [path == "on PATH"] * 2
    assert lines[0] == "cd 'my lab'"
    validating = " && ".join(lines[:2])
    done = subprocess.run(validating, shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    testing = f"{lines[0]} && {lines[3]} --version"
    done = subprocess.run(testing, shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_python_without_scripts_runs_the_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python 3"))
    assert own_command() == f"'{tmp_path}/python 3' -m simulator"
    assert own_command("pytest") == f"'{tmp_path}/python 3' -m pytest"


@pytest.mark.parametrize(
    ("user", "problem", "expected"),
    [
        (0, None, ["turnup", "pytest"]),
        (1000, None, ["turnup", "unshare --user --map-root-user pytest"]),
        (1000, "no user namespace", [f"sudo {shlex.quote(str(_BIN / each))}" for each in ("turnup", "pytest")]),
    ],
    ids=["root", "a user who may", "a user who may not"],
)
def test_root_is_asked_for_where_nothing_else_will_do(
    user: int, problem: str | None, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{_BIN}:/usr/bin:/bin")
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(module, "userns_problem", lambda: problem)
    assert commands_with_namespaces("turnup", "pytest") == expected
