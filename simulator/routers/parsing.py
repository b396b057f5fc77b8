"""What is wrong with a user's own configuration file: asked of the daemon's own parser. Nothing is started."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from simulator.lab.privilege import MARK, UNSHARE, USERNS, userns_problem
from simulator.places.errors import LabError
from simulator.places.process import Program, find_program, launching
from simulator.places.sandbox import Sandbox, files_named
from simulator.places.scratch import scratch
from simulator.routers.own_file import Fault, OwnFile

_TIMEOUT = 60.0
"""Seconds; ExaBGP reads 20,000 routes in ten."""


def faults(own: OwnFile, path: Path) -> list[Fault]:
    """Everything that the daemon refuses in a file, in its own words.

    Raises LabError where that cannot be found out: the daemon is not installed, or there is no sandbox to run it in.
    """
    path = path.absolute()
    try:
        text = read_file(path)
    except LabError as error:
        return [Fault(str(path), 0, str(error).removeprefix(f"{path}: "))]
    with scratch("turnup-") as directory:
        return own.parse(path, text, directory)


def run(
    program: Program | Path, argv: list[str], path: Path, text: str, scratch: Path, env: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Exit status and all words of a parser in a sandbox: some open the files that they are to log to."""
    found = program if isinstance(program, Path) else find_program(program)
    before: list[str] = []
    if os.geteuid() != 0 and MARK not in os.environ:
        problem = userns_problem()
        if problem is not None:
            raise LabError(problem)
        before = [str(find_program(UNSHARE)), *USERNS]
    sandbox = Sandbox((str(scratch),), names=files_named(text), cwd=str(path.parent))
    command = [*before, *launching(os.getpid(), sandbox=sandbox), str(found), *argv]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_TIMEOUT,
            env=env,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise LabError(f"{found.name} did not read {path} within {_TIMEOUT:g} s") from None
    return done.returncode, done.stdout.decode(errors="replace")


def otherwise(path: Path, words: str) -> list[Fault]:
    """The daemon refused and told no line."""
    return [Fault(str(path), 0, one_line(words) or "refused without a word")]


def one_line(text: str) -> str:
    return "; ".join(" ".join(line.split()) for line in text.splitlines() if line.strip())


def read_file(path: Path) -> str:
    """The user's own configuration file; `write_file` gives back each of its octets. Raises LabError."""
    try:
        return path.read_bytes().decode(errors="surrogateescape")
    except OSError as error:
        raise LabError(f"{path}: {error.strerror}") from None


def write_file(path: Path, text: str) -> None:
    """Write what `read_file` has read, whatever its encoding and its line ends: the daemon judges that."""
    path.write_bytes(text.encode(errors="surrogateescape"))
