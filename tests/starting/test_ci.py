"""The CI files that `turnup init` writes, their steps played as a runner would; and the Containerfile."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml

from simulator.starting.ci import PACKAGES
from simulator.starting.writing import WORKFLOWS
from tests.cli.test_main import ROOT
from tests.lab_support import require_netns, require_program
from tests.starting import samples
from tests.starting.test_init import start

CI_PACKAGES = ROOT / ".ci" / "packages"
_INSTALLS = 4
"""How many lines install what a bare Debian lacks."""
LEAK = ("if source = RTS_STATIC then accept; reject;", "accept;")
"""The file's own filter, and one that lets everything out: Microsoft's own routes go back to it."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This tree's, as a stranger gets it."""
    here = tmp_path_factory.mktemp("wheel")
    source = here / "source"
    skip = shutil.ignore_patterns("__pycache__", "*.so")
    shutil.copytree(ROOT / "simulator", source / "simulator", ignore=skip)
    for name in ("pyproject.toml", "README.md", "LICENSE", "setup.py"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(here)]
    done = subprocess.run([*command, str(source)], capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stderr
    (found,) = here.glob("*.whl")
    return found


def lines_of(ci: str, directory: Path) -> list[list[str]]:
    """The scripts of a CI file, a list of lines for each shell that the CI starts."""
    found: Any = yaml.safe_load((directory / WORKFLOWS[ci][0]).read_text())
    if ci == "github":
        (job,) = found["jobs"].values()
        return [each["run"].splitlines() for each in job["steps"] if "run" in each]
    return [found["rehearse"]["script"]]


def run(scripts: list[list[str]], directory: Path, wheel: Path) -> tuple[int, str]:
    """Each script as a runner runs it; packages are noted and not installed, and pip takes the wheel alone."""
    programs = directory.parent / "programs"
    programs.mkdir(exist_ok=True)
    (programs / "apt-get").write_text(f'#!/bin/sh\necho "$@" >> {directory.parent}/apt\n')
    (programs / "apt-get").chmod(0o755)
    (programs / "python3").unlink(missing_ok=True)
    (programs / "python3").symlink_to(sys.executable)
    env = {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "TURNUP": str(wheel),
        "PIP_NO_DEPS": "1",
        "PIP_NO_INDEX": "1",
        "PYTHONPATH": sysconfig.get_path("purelib"),  # its dependencies; its own editable install is not found so
    }
    for number, script in enumerate(scripts):
        path = directory.parent / f"step{number}.sh"
        path.write_text("\n".join(script))
        # As both CIs do: the first line that fails ends it.
        command = ["bash", "-e", str(path)]
        done = subprocess.run(command, cwd=directory, env=env, capture_output=True, text=True, timeout=300)
        if done.returncode:
            return done.returncode, f"{script}\n{done.stdout}{done.stderr}"
    return 0, ""


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the first steps were run, which install turnup: the slow part, done once."""
    here = tmp_path_factory.mktemp("installed") / "lab"
    start(here)
    assert run(lines_of("github", here)[:2], here, wheel) == (0, "")
    assert (here / ".venv" / "bin" / "turnup").is_file()
    return here


def play(ci: str, directory: Path, wheel: Path, installed: Path) -> tuple[int, str]:
    """What comes after the installation."""
    if not (directory / ".venv").exists():
        (directory / ".venv").symlink_to(installed / ".venv")
    scripts = lines_of(ci, directory)
    first = [line for script in scripts for line in script][:_INSTALLS]
    assert all(re.match(r"apt-get |python3 -m venv|\.venv/bin/pip install", line) for line in first)
    return run(scripts[2:] if ci == "github" else [scripts[0][_INSTALLS:]], directory, wheel)


@pytest.mark.timeout(600)
@pytest.mark.privileged
@pytest.mark.router
def test_the_steps_judge_a_peers_own_bird_conf(wheel: Path, installed: Path, tmp_path: Path) -> None:
    """Sound, it passes; with a leak the rehearsal stops the job, and says by which rule and what to type."""
    require_netns()
    require_program("bird")
    theirs = tmp_path / "my-bird.conf"
    theirs.write_text(samples.BIRD)
    here = tmp_path / "lab"
    start(here, files=(theirs,))
    assert play("github", here, wheel, installed) == (0, "")
    assert (here / "report" / "report.html").is_file() and (here / "junit.xml").is_file()
    assert "bird2" in (here / WORKFLOWS["github"][0]).read_text()
    (here / "my-bird.conf").write_text(samples.BIRD.replace(*LEAK))
    lab = (here / "lab.yaml").read_text()
    (here / "lab.yaml").write_text(lab.replace("{state: Active}", "{state: Active, rejected: 0}"))
    code, said = play("github", here, wheel, installed)
    assert code == 1, said
    assert "microsoft-prefix" in said and "as-path-loop" in said and "type (bird):" in said


def test_the_steps_of_gitlab_pass_without_any_privilege(wheel: Path, installed: Path, tmp_path: Path) -> None:
    start(tmp_path / "lab", ci="gitlab")
    assert play("gitlab", tmp_path / "lab", wheel, installed) == (0, "")


@pytest.mark.parametrize("kind", ["simulated", *samples.ROUTERS])
def test_both_do_the_same_and_install_what_our_own_ci_does(kind: str, tmp_path: Path) -> None:
    """One list of steps; each package that it installs is one that this project's tests run with."""
    scripts = {}
    for ci in WORKFLOWS:
        start(tmp_path / ci, ci=ci, router=kind)
        scripts[ci] = [line for script in lines_of(ci, tmp_path / ci) for line in script]
    assert scripts["github"] == scripts["gitlab"]
    (install,) = (line for line in scripts["github"] if line.startswith("apt-get install"))
    named = {word for word in install.split()[2:] if not word.startswith("-")}
    assert named <= set(CI_PACKAGES.read_text().split())
    assert set(PACKAGES.get(kind, ())) <= named


def test_the_containers_steps_are_those_of_ci() -> None:
    """One script installs, one list says what, and one command runs all: whoever changes CI changes the container."""
    container = (ROOT / "Containerfile").read_text()
    ci = (ROOT / ".ci" / "run").read_text()
    assert ".ci/install" in container and ".ci/install" in ci
    assert re.findall(r"^(?:CMD|ENTRYPOINT) (.*)$", container, re.MULTILINE) == ['[".ci/run"]']
    assert "packages" in (ROOT / ".ci" / "install").read_text()
    assert "apt-get" not in container and "apt-get" not in ci, "packages stand in .ci/packages alone"
    (image,) = re.findall(r"^FROM (\S+)$", container, re.MULTILINE)
    assert f"image: {image.removeprefix('docker.io/library/')}" in "".join(
        path.read_text() for path in (ROOT / "simulator" / "starting" / "templates").glob("git*.j2")
    )
