"""`make benchmark`: measures turnup beside a real BIRD that does the same work in the same run.

Figures are ratios; absolute times stand beside them and are never judged. Needs network namespaces and BIRD.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

from simulator.lab.link import LanSpec, NodeSpec, Place
from simulator.lab.netns import NetnsLink
from simulator.lab.process import stop
from simulator.routers.bird import _exchange
from tests.benchmarks import bird_filter, feed

ROOT = Path(__file__).parent.parent.parent
EDGE, PEER = "198.51.100.1", "198.51.100.2"
LAN = LanSpec(
    (IPv4Network("198.51.100.0/24"),),
    (NodeSpec("edge", (IPv4Address(EDGE),)), NodeSpec("peer", (IPv4Address(PEER),))),
)


class Child:
    """A helper process that speaks JSON lines through a log file, and takes lines on a pipe."""

    def __init__(self, place: Place, module: str, arguments: list[str], log: Path) -> None:
        self._place, self._module, self._arguments, self.log = place, module, arguments, log
        self.process: asyncio.subprocess.Process | None = None
        self._input = -1

    async def start(self) -> None:
        self.log.unlink(missing_ok=True)
        reading, self._input = os.pipe()
        # spawn() gives its children no input: the pipe is inherited by number and opened as standard input by sh.
        os.set_inheritable(reading, True)
        script = (
            f"exec {sys.executable} -m {self._module} {' '.join(self._arguments)} < /proc/{os.getpid()}/fd/{reading}"
        )
        self.process = await self._place.spawn(
            ["sh", "-c", script], log=self.log, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )

    def tell(self) -> None:
        os.write(self._input, b"\n")

    async def until(self, event: str, seconds: float = 120) -> dict[str, Any]:
        """The first line with this event; raises with the log when it does not come."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for line in self.log.read_text().splitlines() if self.log.exists() else []:
                if line.startswith("{") and (found := json.loads(line))["event"] == event:
                    return dict(found)
            await asyncio.sleep(0.01)
        raise RuntimeError(f"no {event} from {self._module}: {self.log.read_text()[-2000:]}")

    async def stop(self) -> None:
        if self.process is not None:
            await stop(self.process)
        if self._input >= 0:
            os.close(self._input)


async def inbound(directory: Path, table: feed.Feed) -> dict[str, float]:
    """P1 (b) and P7: ready-made octets into our edge until every route has its verdict."""
    async with NetnsLink(LAN) as link:
        arguments = [EDGE, PEER, str(feed.PEER_AS), str(table.prefixes)]
        receiver = Child(link.place("edge"), "tests.benchmarks.receiver", arguments, directory / "receiver.log")
        await receiver.start()
        await receiver.until("ready")
        sender = await _sender(link, directory)
        try:
            sender.tell()
            began = (await sender.until("sending"))["time"]
            loaded = await receiver.until("loaded")
            bytes_a_route = (loaded["rss"] - loaded["base"]) / table.prefixes
            return {"seconds": loaded["at"] - began, "bytes-a-route": bytes_a_route, "base-mb": loaded["base"] / 1e6}
        finally:
            await sender.stop()
            await receiver.stop()


async def inbound_bird(directory: Path, table: feed.Feed) -> dict[str, float]:
    """The same octets into BIRD, through a filter of the same rules."""
    async with NetnsLink(LAN) as link:
        config, control = directory / "bird.conf", directory / "bird.ctl"
        config.write_text(bird_filter.configuration(EDGE, PEER))
        argv = ["bird", "-f", "-c", str(config), "-s", str(control), "-P", str(directory / "bird.pid")]
        bird = await link.place("edge").spawn(argv, log=directory / "bird.log")
        sender = await _sender(link, directory)
        try:
            before = _resident(bird.pid)
            sender.tell()
            began = (await sender.until("sending"))["time"]
            while await _bird_count(control) < table.prefixes:
                if time.monotonic() - began > 120:
                    raise RuntimeError("BIRD did not take the feed")
            seconds = time.monotonic() - began
            return {"seconds": seconds, "bytes-a-route": (_resident(bird.pid) - before) / table.prefixes}
        finally:
            await sender.stop()
            await stop(bird)


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


async def _bird_count(control: Path) -> int:
    answer = await _exchange(control, "show route count")
    for line in answer.splitlines():
        if " of " in line and "routes" in line:
            return int(line.split(" of ")[1].split()[0])
    return 0


async def _sender(link: NetnsLink, directory: Path) -> Child:
    log = directory / f"sender-{time.monotonic_ns()}.log"
    files = [str(directory / "announce.bin"), str(directory / "withdraw.bin")]
    sender = Child(link.place("peer"), "tests.benchmarks.sender", [PEER, EDGE, "179", str(feed.PEER_AS), *files], log)
    await sender.start()
    await sender.until("established")
    return sender


async def repeat(name: str, runs: int, measure: Callable[[], Any]) -> dict[str, float]:
    """The median of several runs, key by key."""
    results = [await measure() for _ in range(runs)]
    times = ", ".join(f"{result['seconds']:.3f}" for result in results)
    sys.stdout.write(f"{name:<34} {times} s\n")
    return {key: statistics.median(result[key] for result in results) for key in results[0]}


async def main(prefixes: int, per_set: int, runs: int) -> None:
    with tempfile.TemporaryDirectory(prefix="turnup-bench-") as name:
        directory = Path(name)
        table = feed.build(prefixes, per_set, PEER)
        (directory / "announce.bin").write_bytes(table.announce)
        (directory / "withdraw.bin").write_bytes(table.withdraw)
        sys.stdout.write(f"{table.prefixes} prefixes, {table.attribute_sets} attribute sets, {runs} runs each\n")
        ours = await repeat("turnup, every route judged", runs, lambda: inbound(directory, table))
        bird = await repeat("BIRD, import filter, same rules", runs, lambda: inbound_bird(directory, table))
    seconds, theirs = ours["seconds"], bird["seconds"]
    sys.stdout.write(f"P1 (b)  {seconds / theirs:.2f} × BIRD: {seconds:.3f} s to {theirs:.3f} s (aim: at most 3)\n")
    memory = f"{ours['bytes-a-route']:.0f} bytes a route (aim: at most 700; BIRD {bird['bytes-a-route']:.0f})"
    sys.stdout.write(f"P7      {memory}, base {ours['base-mb']:.0f} MB (aim: at most 80)\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prefixes", type=int, default=200_000)
    parser.add_argument("--per-set", type=int, default=5)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    asyncio.run(main(options.prefixes, options.per_set, options.runs))
