"""Somebody who has turnup from a wheel, which is built from this source, in a virtual environment of their own.

What it depends on is lent by the environment of these tests, so that nothing is downloaded twice; turnup itself comes
from the wheel. Run as a program to repeat the sample project's tests: `python -m tests.foreign.stranger 20`.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PROJECT: Final = Path(__file__).parent / "project"
_SOURCES: Final = ("simulator", "pyproject.toml", "setup.py", "README.md", "LICENSE")
_LEAK: Final = ('if proto = "own" then accept;', 'if proto = "own" || proto = "upstream" then accept;')
"""The export filter as it should be, and as it lets out what the upstream gave."""


_NO_PRIVILEGES: Final = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")
_PATIENCE: Final = 280
"""Seconds for one run of the sample project."""


class OfflineError(Exception):
    """The wheel cannot be built here, as what builds it cannot be had."""


@dataclass(frozen=True, slots=True)
class Stranger:
    """A virtual environment with turnup in it, and a place to work in."""

    venv: Path

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"

    def project(self, place: Path, *, leaks: bool) -> Path:
        """A copy of the sample project; `leaks`: its bird.conf tells Microsoft of its upstream's routes."""
        copied = place / "project"
        shutil.copytree(PROJECT, copied, ignore=shutil.ignore_patterns("__pycache__"))
        if leaks:
            file = copied / "bird.conf"
            text = file.read_text()
            assert text.count(_LEAK[0]) == 1
            file.write_text(text.replace(*_LEAK))
        return copied

    def pytest(self, project: Path, *arguments: str, privileged: bool = True) -> subprocess.CompletedProcess[str]:
        """Its own pytest in its own project; the output as of a terminal of 80 columns."""
        return self.run(project, "-m", "pytest", *arguments, privileged=privileged)

    def run(self, project: Path, *arguments: str, privileged: bool = True) -> subprocess.CompletedProcess[str]:
        """Its Python, in a folder of the stranger's: nothing of this repository is on its path."""
        kept = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "COLUMNS": "80", "LANG": "C.UTF-8", "HOME": str(project)}
        command = [*(() if privileged else _NO_PRIVILEGES), str(self.python), *arguments]
        return subprocess.run(command, cwd=project, env=kept, capture_output=True, text=True, timeout=_PATIENCE)


def stranger(shared: Path) -> Stranger:
    """One for all who share a folder; the first makes it. Raises OfflineError."""
    shared.mkdir(parents=True, exist_ok=True)
    venv = shared / "stranger"
    with (shared / "stranger.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (venv / "made").exists():
            shutil.rmtree(venv, ignore_errors=True)
            _make(venv, shared)
            (venv / "made").touch()
    return Stranger(venv)


def _make(venv: Path, shared: Path) -> None:
    with tempfile.TemporaryDirectory(dir=shared) as folder:
        source = Path(folder, "source")  # a copy: setuptools leaves things beside what it builds
        for name in _SOURCES:
            path = ROOT / name
            if path.is_dir():
                shutil.copytree(path, source / name, ignore=shutil.ignore_patterns("__pycache__", "_compiled"))
            else:
                source.mkdir(exist_ok=True)
                shutil.copy(path, source / name)
        _pip("wheel", str(source), "--no-deps", "--quiet", "--wheel-dir", folder)
        (wheel,) = Path(folder).glob("turnup-*.whl")
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
        python = str(venv / "bin" / "python")
        _pip("--python", python, "install", "--quiet", "--no-deps", "--no-index", "--no-compile", str(wheel))
    (packages,) = venv.glob("lib/python*/site-packages")
    # A folder that such a line names is searched last, and its own .pth files, of the editable turnup, are not read.
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise OfflineError(f"pip {arguments[0]} failed:\n{done.stdout}{done.stderr}")


def main(arguments: Sequence[str]) -> int:
    """Repeat the healthy project's tests, and the leaking one's, so many times under xdist."""
    times = int(arguments[0]) if arguments else 20
    with tempfile.TemporaryDirectory(prefix="turnup-stranger-") as folder:
        one = stranger(Path(folder))
        for number in range(1, times + 1):
            for leaks in (False, True):
                place = Path(folder, f"{number}-{leaks}")
                done = one.pytest(one.project(place, leaks=leaks), "-q", "-n", "8")
                last = done.stdout.strip().splitlines()[-1:]
                print(
                    f"{number} {'leaking' if leaks else 'mended'}: exit {done.returncode}: {' '.join(last)}", flush=True
                )
                if done.returncode != leaks:
                    print(done.stdout, done.stderr)
                    return 1
                shutil.rmtree(place)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
