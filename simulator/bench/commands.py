"""Commands that run and end: how long they take to start, and what they need for a table as a file."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import select
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

from simulator.bench.children import environment
from simulator.bench.guard import Measure, judged
from simulator.bench.machine import BGPDUMP
from simulator.bench.reading import OURS, BenchError, Reading
from simulator.bench.stage import BenchStage, Work
from simulator.bench.table_files import write
from simulator.bench.usage import busy, cpu
from simulator.places.process import find_program

TURNUP: Final = (sys.executable, "-m", "simulator")
_REJECTED: Final = 1
_LOOK: Final = 0.02
"""Seconds between two looks at the memory of a command."""

Argv = Sequence[str]


def timed(argv: Argv, codes: Sequence[int] = (0,), output: Path | None = None) -> Reading:
    """Run a command to its end: `seconds`, CPU seconds as `cpu`, and the most memory that it had, in MB, as `memory`.

    Raises BenchError where it ends with another code.
    """
    began, before, own = time.monotonic(), busy(), cpu(os.getpid())
    null = os.open(os.devnull if output is None else output, os.O_RDWR | os.O_CREAT, 0o600)
    errors = os.open(os.devnull, os.O_WRONLY)
    try:
        actions = [(os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, errors, 2)]
        pid = os.posix_spawn(argv[0], list(argv), environment(), file_actions=actions)
        memory = _most_memory(pid)
        _, status, used = os.wait4(pid, 0)
    finally:
        os.close(null)
        os.close(errors)
    seconds = time.monotonic() - began
    code = os.waitstatus_to_exitcode(status)
    if code not in codes:
        raise BenchError(f"{' '.join(argv)} ended with {code}")
    spent = used.ru_utime + used.ru_stime
    foreign = max(0.0, busy() - before - spent - (cpu(os.getpid()) - own)) / seconds
    values = {"seconds": seconds, "cpu": spent, "memory": memory / 1e6}
    return judged(Reading(values, spent, foreign), seconds)


def _most_memory(pid: int) -> int:
    """The most bytes that a child had, to its end. What the kernel tells afterwards counts this process, too."""
    most, end = 0, os.pidfd_open(pid)
    try:
        while not select.select((end,), (), (), _LOOK)[0]:
            found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
            most = max(most, int(found[1]) * 1024 if found else 0)
    finally:
        os.close(end)
    return most


def compared(commands: Callable[[Path], Mapping[str, Argv]], codes: Sequence[int] = (0,)) -> Work:
    """Commands that do the same work, by the name of who does it; given is a shipped topology's file."""

    @contextlib.asynccontextmanager
    async def work(stage: BenchStage) -> AsyncIterator[Measure]:
        with as_file(files("simulator").joinpath("topologies/exchange.yaml")) as topology:
            argv = commands(topology)

            async def measure(who: str) -> Reading:
                return await asyncio.to_thread(timed, argv[who], codes if who == OURS else (0,))

            yield measure

    return work


PYTHON: Final = "python -c 'import asyncio, json'"


def _beside_python(words: Sequence[str]) -> Callable[[Path], Mapping[str, Argv]]:
    return lambda _: {OURS: (*TURNUP, *words), PYTHON: (sys.executable, "-c", "import asyncio, json")}


start_help = compared(_beside_python(["--help"]))
start_explain = compared(
    _beside_python(["policy", "explain", "--prefix", "41.0.0.0/16", "--as-path", "64496"]), (0, _REJECTED)
)
start_rehearse = compared(
    lambda topology: {OURS: (*TURNUP, "rehearse", str(topology), "--link", "loopback", "--soak", "0")}
)


def table(kind: str, routes: int, sets: int) -> Work:
    """`turnup policy check` of a file; and bgpdump, which prints and judges nothing, of the same file."""

    @contextlib.asynccontextmanager
    async def work(stage: BenchStage) -> AsyncIterator[Measure]:
        file, printed = stage.directory / f"table-{kind}", stage.directory / "printed"
        await asyncio.to_thread(write, file, kind, stage.size(routes), stage.size(sets))

        async def measure(who: str) -> Reading:
            dumped = who != OURS and (str(find_program(BGPDUMP)), "-m", "-O", str(printed), str(file))
            argv = dumped or (*TURNUP, "policy", "check", str(file))
            return await asyncio.to_thread(timed, argv, (0, _REJECTED))

        yield measure

    return work
