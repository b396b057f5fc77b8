"""What is wrong with a user's own configuration file: asked of the daemon's own parser. Nothing is started."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from simulator.lab.privilege import MARK, USERNS, userns_problem
from simulator.places.cell import Cell, files_named
from simulator.places.errors import LabError
from simulator.places.process import find_program, launching
from simulator.routers.daemon import one_line, read_file, write_file
from simulator.routers.exabgp.adapter import program as exabgp_program
from simulator.routers.gobgp.adapter import file_type
from simulator.routers.openbgpd.adapter import BGPD

_TIMEOUT = 60.0
"""Seconds; ExaBGP reads 20,000 routes in ten."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that the daemon refuses. `line` counts from 1; 0 where the daemon does not tell it."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}" if self.line else f"{self.file}: {self.text}"


def faults(kind: str, path: Path) -> list[Fault]:
    """Everything that the daemon of this kind refuses in a file, in its own words.

    Raises LabError where that cannot be found out: the daemon is not installed, or there is no cell to run it in.
    """
    path = path.absolute()
    try:
        text = read_file(path)
    except LabError as error:
        return [Fault(str(path), 0, str(error).removeprefix(f"{path}: "))]
    with tempfile.TemporaryDirectory(prefix="turnup-") as directory:
        return _PARSERS[kind](path, text, Path(directory))


def _run(
    argv: list[str], path: Path, text: str, scratch: Path, env: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Exit status and all words of a parser in a cell: some open the files that they are to log to."""
    program = str(find_program(argv[0]))
    before: list[str] = []
    if os.geteuid() != 0 and MARK not in os.environ:
        problem = userns_problem()
        if problem is not None:
            raise LabError(problem)
        before = [str(find_program("unshare")), *USERNS]
    cell = Cell((str(scratch),), names=files_named(text), cwd=str(path.parent))
    command = [*before, *launching(os.getpid(), cell=cell), program, *argv[1:]]
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
        raise LabError(f"{Path(program).name} did not read {path} within {_TIMEOUT:g} s") from None
    return done.returncode, done.stdout.decode(errors="replace")


def _otherwise(path: Path, words: str) -> list[Fault]:
    """The daemon refused and told no line."""
    return [Fault(str(path), 0, one_line(words) or "refused without a word")]


def _bird(path: Path, text: str, scratch: Path) -> list[Fault]:
    status, words = _run(["bird", "-p", "-c", str(path)], path, text, scratch)
    found = re.findall(r"^(?:bird: )?(/.+?):(\d+):\d+ (.+)$", words, re.MULTILINE)
    if status == 0:
        return []
    return [Fault(file, int(line), what) for file, line, what in found] or _otherwise(path, words)


def _frr(path: Path, text: str, scratch: Path) -> list[Fault]:
    (scratch / "vtysh.conf").touch()
    argv = ["vtysh", "--config_dir", str(scratch), "--dryrun", "--inputfile", str(path)]
    status, words = _run(argv, path, text, scratch)
    found = re.findall(r"^line (\d+): (.+)$", words, re.MULTILINE)
    if status == 0 and not found:
        return []
    return [Fault(str(path), int(line), " ".join(what.split())) for line, what in found] or _otherwise(path, words)


def _openbgpd(path: Path, text: str, scratch: Path) -> list[Fault]:
    copy = scratch / "bgpd.conf"  # bgpd refuses a file that others may read
    copy.touch(mode=0o600)
    write_file(copy, text)
    status, words = _run([BGPD, "-n", "-f", str(copy)], path, text, scratch)
    if status == 0:
        return []
    found = re.findall(r"^(.+?):(\d+): (.+)$", words.replace(str(copy), str(path)), re.MULTILINE)
    # What it includes by a relative name it names so.
    return [Fault(str(path.parent / file), int(line), what) for file, line, what in found] or _otherwise(path, words)


def _gobgp(path: Path, text: str, scratch: Path) -> list[Fault]:
    argv = ["gobgpd", "--dry-run", "--config-file", str(path), "--config-type", file_type(path), "--log-plain"]
    status, words = _run(argv, path, text, scratch)
    if status == 0:
        return []
    told = re.search(r'level=fatal msg=("(?:[^"\\]|\\.)*"|\S+)(?: Error=("(?:[^"\\]|\\.)*"|\S+))?', words)
    what = (told[2] or told[1]).strip('"').replace('\\"', '"').replace("\\n", "\n") if told else words
    line = re.search(r"\((\d+), \d+\)|\bline (\d+)", what)
    return [Fault(str(path), int(line[1] or line[2]) if line else _line_of_a_word(what, text), one_line(what))]


def _line_of_a_word(what: str, text: str) -> int:
    """The first line with the key or the value that GoBGP names where it tells no line; 0 where there is none."""
    words = re.findall(r"""invalid keys: ([\w-]+)|([\w-]+)' as |parsing "([^"]+)"|lookup ([^\s:]+)""", what)
    for word in (word for found in words for word in found if word):
        for number, line in enumerate(text.splitlines(), 1):
            if word in line.partition("#")[0]:
                return number
    return 0


def _exabgp(path: Path, text: str, scratch: Path) -> list[Fault]:
    inherited = {name: value for name, value in os.environ.items() if not name.lower().startswith("exabgp")}
    env = {**inherited, "EXABGP_ROOT": str(scratch), "exabgp_log_destination": "stdout"}
    status, words = _run([str(exabgp_program()), "validate", str(path)], path, text, scratch, env)
    if status == 0:
        return []
    what = words.rpartition("is not a valid config file:")[2]
    line = re.search(r"^(?: *problem parsing configuration file )?line (\d+)(?:: *(.*))?$", what, re.MULTILINE)
    said = re.sub(r"^line \d+:.*$", "", what, flags=re.MULTILINE)
    told = one_line(f"{said}\n{line[2] if line else ''}")
    return [Fault(str(path), int(line[1]) if line else 0, told)] if told else _otherwise(path, words)


_PARSERS: dict[str, Callable[[Path, str, Path], list[Fault]]] = {
    "bird": _bird,
    "frr": _frr,
    "openbgpd": _openbgpd,
    "gobgp": _gobgp,
    "exabgp": _exabgp,
}
