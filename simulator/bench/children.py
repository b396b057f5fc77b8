"""What the benchmarks run: helper processes of our own, and a BIRD to send to; in network namespaces."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import simulator
from simulator.bench.reading import BenchError
from simulator.places.place import Place
from simulator.places.process import last_lines, stop
from simulator.routers.bird.adapter import exchange
from simulator.routers.bird.file import BIRD

_STALL = 60.0
"""Seconds without progress after which a receiver has failed."""


def environment() -> dict[str, str]:
    """Of a child that imports this very package, wherever it was started."""
    return {**os.environ, "PYTHONPATH": str(Path(simulator.__file__).parent.parent), "PYTHONUNBUFFERED": "1"}


class HelperProcess:
    """A helper process that speaks JSON lines through a log file, and takes lines on a pipe."""

    def __init__(self, place: Place, helper: str, arguments: Sequence[str], log: Path) -> None:
        self._place, self._helper, self._arguments, self.log = place, helper, arguments, log
        self.process: asyncio.subprocess.Process | None = None
        self._reading = self._input = -1

    async def start(self) -> None:
        self.log.unlink(missing_ok=True)
        self._reading, self._input = os.pipe()
        module = f"simulator.bench.helpers.{self._helper}"
        # spawn() gives its children no input: the pipe is opened as standard input by sh.
        script = f'exec "$0" -m {module} "$@" < /proc/{os.getpid()}/fd/{self._reading}'
        command = ["sh", "-c", script, sys.executable, *self._arguments]
        self.process = await self._place.spawn(command, log=self.log, env=environment())

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def tell(self) -> None:
        os.write(self._input, b"\n")

    async def until(self, event: str, seconds: float = _STALL) -> dict[str, Any]:
        """The first line with this event. Raises BenchError with the end of the log when it does not come."""

        async def look() -> dict[str, Any] | None:
            for line in self.log.read_text().splitlines() if self.log.exists() else []:
                if line.startswith("{") and line.endswith("}") and (found := json.loads(line))["event"] == event:
                    return dict(found)
            if self.process is not None and self.process.returncode is not None:
                raise BenchError(f"{self._helper} ended: {last_lines(self.log)}")
            return None

        try:
            found: dict[str, Any] = await until(look, f"'{event}' of {self._helper}", seconds)
        except TimeoutError as error:
            raise BenchError(f"{error}: {last_lines(self.log)}") from None
        return found

    async def stop(self) -> None:
        if self.process is not None:
            await stop(self.process)
        if self._input >= 0:
            os.close(self._reading)
            os.close(self._input)


async def until(look: Callable[[], Awaitable[Any]], what: str, seconds: float = _STALL, every: float = 0.01) -> Any:
    """Poll until there is something. Raises TimeoutError when it does not come."""
    deadline = time.monotonic() + seconds
    while (found := await look()) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"no {what} within {seconds:g} s")
        await asyncio.sleep(every)
    return found


class CountingBird:
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
        files = ["-c", str(config), "-s", str(self._control), "-P", str(self._directory / "bird.pid")]
        self.process = await self._place.spawn([BIRD.path, "-f", *files], log=self._log)
        await self._wait(self._answers, "answer of BIRD")

    async def _answers(self) -> bool | None:
        try:
            await exchange(self._control, "show status")
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

        return float(await self._wait(look, "session of BIRD"))

    async def counts(self) -> tuple[int, int]:
        """Routes imported and filtered, in all protocols together."""
        found = re.findall(r"Routes:\s+(\d+) imported,(?: (\d+) filtered,)?", await self._ask())
        return sum(int(imported) for imported, _ in found), sum(int(filtered or 0) for _, filtered in found)

    async def up(self) -> int:
        """How many sessions are Established."""
        return (await self._ask()).count("Established")

    async def _ask(self) -> str:
        return await exchange(self._control, "show protocols all")

    async def holds(self, count: int) -> float:
        """When it held as many routes, by the monotonic clock. Raises BenchError."""

        async def look() -> float | None:
            return time.monotonic() if sum(await self.counts()) == count else None

        try:
            return float(await until(look, f"{count} routes in BIRD", every=0.005))
        except TimeoutError as error:
            state = re.search(r"BGP state:\s+(\S+)", await self._ask())
            there = sum(await self.counts())
            raise BenchError(f"{error}: {there} are there, session {state[1] if state else 'unknown'}") from None

    async def _wait(self, look: Callable[[], Awaitable[Any]], what: str) -> Any:
        try:
            return await until(look, what)
        except TimeoutError as error:
            raise BenchError(f"{error}: {last_lines(self._log)}") from None

    async def stop(self) -> None:
        if self.process is not None:
            await stop(self.process)
