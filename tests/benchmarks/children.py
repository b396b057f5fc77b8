"""What the benchmarks run: helper processes of our own and real daemons, in network namespaces; and what they cost."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from simulator.places.place import Place
from simulator.places.process import stop
from simulator.routers.bird.adapter import _exchange

ROOT = Path(__file__).parent.parent.parent
_TICK = os.sysconf("SC_CLK_TCK")
_STALL = 60.0
"""Seconds without progress after which a receiver has failed."""


class Child:
    """A helper process that speaks JSON lines through a log file, and takes lines on a pipe."""

    def __init__(self, place: Place, module: str, arguments: list[str], log: Path) -> None:
        self._place, self._module, self._arguments, self.log = place, module, arguments, log
        self.process: asyncio.subprocess.Process | None = None
        self._input = -1

    async def start(self) -> None:
        self.log.unlink(missing_ok=True)
        reading, self._input = os.pipe()
        # spawn() gives its children no input: the pipe is opened as standard input by sh.
        script = (
            f"exec {sys.executable} -m {self._module} {' '.join(self._arguments)} < /proc/{os.getpid()}/fd/{reading}"
        )
        self.process = await self._place.spawn(
            ["sh", "-c", script], log=self.log, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def tell(self) -> None:
        os.write(self._input, b"\n")

    async def until(self, event: str, seconds: float = _STALL) -> dict[str, Any]:
        """The first line with this event; raises with the log when it does not come."""

        async def look() -> dict[str, Any] | None:
            for line in self.log.read_text().splitlines() if self.log.exists() else []:
                if line.startswith("{") and line.endswith("}") and (found := json.loads(line))["event"] == event:
                    return dict(found)
            return None

        found: dict[str, Any] = await until(look, f"{event} of {self._module}: {self.log}", seconds)
        return found

    async def stop(self) -> None:
        if self.process is not None:
            await stop(self.process)
        if self._input >= 0:
            os.close(self._input)


async def until(look: Callable[[], Awaitable[Any]], what: str, seconds: float = _STALL, every: float = 0.01) -> Any:
    """Poll until there is something. RuntimeError when it does not come."""
    deadline = time.monotonic() + seconds
    while (found := await look()) is None:
        if time.monotonic() > deadline:
            raise RuntimeError(f"no {what} within {seconds:g} s")
        await asyncio.sleep(every)
    return found


class Bird:
    """A BIRD, asked by counters that cost it nothing, however large its table is."""

    def __init__(self, place: Place, directory: Path, configuration: str) -> None:
        self._place, self._directory = place, directory
        self._text = configuration
        self._log, self._control = directory / "bird.log", directory / "bird.ctl"
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self._log.unlink(missing_ok=True)
        config = self._directory / "bird.conf"
        config.write_text(self._text)
        argv = ["bird", "-f", "-c", str(config), "-s", str(self._control), "-P", str(self._directory / "bird.pid")]
        self.process = await self._place.spawn(argv, log=self._log)
        await until(self._answers, "answer of BIRD: " + str(self._log))

    async def _answers(self) -> bool | None:
        try:
            await _exchange(self._control, "show status")
        except (OSError, EOFError):
            return None
        return True

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    async def established(self) -> float:
        """When the session came up, by the monotonic clock, from BIRD's own log."""

        async def look() -> float | None:
            found = re.search(r"^(\S+ \S+) <TRACE> feed: State changed to up", self._log.read_text(), re.MULTILINE)
            if found is None:
                return None
            moment = time.mktime(time.strptime(found[1].split(".")[0], "%Y-%m-%d %H:%M:%S"))
            return moment + float("0." + found[1].split(".")[1]) - time.time() + time.monotonic()

        return float(await until(look, "session of BIRD: " + str(self._log)))

    async def counts(self) -> tuple[int, int]:
        """Routes imported and filtered."""
        found = re.search(r"Routes:\s+(\d+) imported,(?: (\d+) filtered,)?", await self._ask())
        return (int(found[1]), int(found[2] or 0)) if found else (0, 0)

    async def _ask(self) -> str:
        return await _exchange(self._control, "show protocols all feed")

    async def holds(self, count: int) -> float:
        """When it held as many routes, by the monotonic clock."""

        async def look() -> float | None:
            return time.monotonic() if sum(await self.counts()) == count else None

        try:
            return float(await until(look, f"{count} routes in BIRD", every=0.005))
        except RuntimeError as error:
            state = re.search(r"BGP state:\s+(\S+)", await self._ask())
            told = f"{sum(await self.counts())} are there, session {state[1] if state else 'unknown'}"
            raise RuntimeError(f"{error}: {told}") from None

    async def stop(self) -> None:
        if self.process is not None:
            await stop(self.process)


def resident(pid: int) -> int:
    """Bytes of memory that a process has."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Watch:
    """CPU time of the benchmark's own processes, and of all others on the machine meanwhile."""

    def __init__(self, pids: Iterable[int]) -> None:
        self._pids = (os.getpid(), *pids)
        self._began, self._busy = time.monotonic(), _busy()
        self._own = {pid: _cpu(pid) for pid in self._pids}

    def read(self) -> tuple[list[float], float]:
        """CPU seconds of each process given, and the cores that the rest of the machine used."""
        elapsed = time.monotonic() - self._began
        own = {pid: _cpu(pid) - self._own[pid] for pid in self._pids}
        foreign = max(0.0, _busy() - self._busy - sum(own.values())) / elapsed
        return [own[pid] for pid in self._pids[1:]], foreign


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def _busy() -> float:
    """User, nice, system, irq and softirq; softirq is mostly the packets that the benchmark sends."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    return (fields[0] + fields[1] + fields[2]) / _TICK
