"""The figures of many peers, as a table: python -m tests.many.figures [--quick] [--write docs/performance.md]

It runs the drivers beside it (`turn_up`, `loads`, `asking`), half an hour in all, as root for the namespaces. With
`--write` the table goes between the marks of that page. It ends with 1 where something went wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import math
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final

from tests.lab_support import eventually
from tests.many.lab import Lab, serving, topology
from tests.many.loads import ROUTES, announcing, flapping, load, single_octets, stopping
from tests.many.peers import calling
from tests.many.turn_up import hold, kill, rehearse

_BEGIN, _END = "<!-- many: figures -->", "<!-- end -->"
_TIMES: Final = 5
"""How often in a row all tables come at once."""
_QUIET: Final = 10

Row = tuple[str, str, str]
"""What was done, what came of it, and what was wrong."""


def rehearsals(counts: list[int]) -> list[Row]:
    """CPU seconds of the command line's process, by peers; and the exponent from the second size to the last."""
    rows, points = list[Row](), list[tuple[int, float]]()
    for count in counts:
        before = _children()
        wrong = rehearse(count, "loopback")
        points.append((count, _children() - before))
        rows.append(
            (f"`turnup rehearse`, {count:,} peers on loopback", f"{points[-1][1]:.1f} s of CPU", "; ".join(wrong))
        )
    (few, least), (many, most) = points[-3 if len(points) > 2 else 0], points[-1]
    exponent = math.log(most / least) / math.log(many / few)
    return [*rows, (f"from {few:,} to {many:,} peers", f"exponent {exponent:.2f}", "")]


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def loads(loading: int, routes: int, flappers: int, times: int) -> list[Row]:
    """What some peers do at once, beside quiet ones: who else lost a session, and how long pages took."""
    first = _QUIET + 2
    numbers = range(first + loading + flappers)
    rows = list[Row]()
    with tempfile.TemporaryDirectory(prefix="tu-") as name:
        async with serving(Path(name), topology(len(numbers), routes=100)) as lab:
            await lab.request(numbers)
            quiet, dripping = lab.peers(range(_QUIET)), lab.peers(range(_QUIET, first))
            loaders = lab.peers(range(first, first + loading))
            flapping_ones = lab.peers(range(first + loading, len(numbers)))
            announcing([*quiet, *dripping, *flapping_ones])
            async with calling([*quiet, *dripping, *flapping_ones, *loaders]) as swarm:
                await swarm.up(300)
                await lab.until(300, Active=len(numbers) - loading)
                steady = [*quiet, *loaders, *dripping]

                async def measured(what: str, during: Callable[[], Awaitable[None]]) -> None:
                    ended = {peer: peer.downs for peer in steady}
                    began = time.monotonic()
                    async with _asking(lab) as pages:
                        await during()
                        took = time.monotonic() - began
                    lost = [str(peer.address) for peer in steady if peer.downs != ended[peer]]
                    leaked = await lab.leaked()
                    wrong = [f"sessions ended: {lost}"] if lost else []
                    wrong += [f"{leaked} NLRI passed a shut gate"] if leaked else []
                    rows.append((what, f"{took:.1f} s; {_in_words(pages)}", "; ".join(wrong)))
                    print(rows[-1], flush=True)

                async def drip() -> None:
                    async with single_octets(dripping):
                        await asyncio.sleep(5)

                async def flap() -> None:
                    async with flapping(flapping_ones) as least:
                        await eventually(lambda: _now(least()), lambda ups: ups >= 2, 120)
                    await swarm.up(120)

                await measured("2 peers that send single octets, for 5 s", drip)
                await measured(f"{flappers} peers that flap at once, twice each", flap)
                for number in range(1, times + 1):
                    what = f"{loading} peers with {routes:,} routes each at once ({number} of {times})"
                    await measured(what, lambda: load(lab, loaders, routes))
                    if number < times:
                        for peer in loaders:
                            peer.reset()
                        await swarm.up(120)
    return rows


async def held(count: int, minutes: float) -> list[Row]:
    """Sessions that only live on; the server's own share of a core."""
    figures = list[str]()
    wrong = await hold(count, minutes * 60, figures.append)
    return [(f"{count} sessions at hold 9, keepalive 3, for {minutes:g} minutes", figures[0], "; ".join(wrong))]


async def slow_reader(routes: int) -> list[Row]:
    """Who does not read has what two kernels hold; who reads has all."""
    with tempfile.TemporaryDirectory(prefix="tu-") as name:
        async with serving(Path(name), topology(2, routes=routes)) as lab:
            await lab.request(range(2))
            quiet, slow = lab.peers([0]), lab.peers([1], narrow=True)
            announcing(quiet)
            stopping(slow)
            async with calling([*quiet, *slow]) as swarm:
                await swarm.up()
                await lab.until(Active=2)
                await eventually(lambda: _now(quiet[0].announced), lambda octets: octets >= 4 * routes, 120)
                async with _asking(lab) as pages:
                    await asyncio.sleep(5)
                sent = (await lab.sessions())[1]["sent"]
                wrong = [] if sent < routes else ["nothing waited"]
                wrong += [f"{peer.address} ended" for peer in swarm.peers if peer.downs]
    what = f"a reader that stopped, of {routes:,} routes"
    return [(what, f"{sent:,} are in the kernels; {_in_words(pages)}", "; ".join(wrong))]


async def _now(found: int) -> int:
    return found


@contextlib.asynccontextmanager
async def _asking(lab: Lab) -> AsyncIterator[list[float]]:
    """Somebody asks for every page meanwhile; yields the milliseconds of the answers, which are there at the end."""
    pages: list[float] = []
    asker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.many.asking", str(lab.client.base_url)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield pages
    finally:
        output, _ = await asker.communicate(b"\n")
        for each in json.loads(output or b"{}").values():
            pages += each


def _in_words(pages: list[float]) -> str:
    if len(pages) < 2:
        return "no page was asked for"
    late = statistics.quantiles(pages, n=100)[98]
    return (
        f"{len(pages)} pages, median {statistics.median(pages):.0f} ms, p99 {late:.0f} ms, longest {max(pages):.0f} ms"
    )


def collected(minutes: float, *, quick: bool) -> list[Row]:
    """Every row."""
    said = list[Row]()

    def noted(what: str, wrong: list[str]) -> None:
        said.append((what, "as it should be" if not wrong else "not so", "; ".join(wrong)))

    said += rehearsals([10, 20] if quick else [50, 200, 500, 1000])
    if os.geteuid() == 0:
        count = 5 if quick else 200
        before = _children()
        wrong = rehearse(count, "netns")
        what = f"`turnup rehearse`, {count} peers in namespaces; no namespace is left"
        said.append((what, f"{_children() - before:.1f} s of CPU", "; ".join(wrong)))
    count = 20 if quick else 1000
    noted(f"`kill -9` of a server half-way to Active with {count:,} peers; started again", asyncio.run(kill(count)))
    said += asyncio.run(loads(*((4, 500, 6, 2) if quick else (50, ROUTES, 100, _TIMES))))
    said += asyncio.run(slow_reader(100_000))
    said += asyncio.run(held(20 if quick else 500, 0.2 if quick else minutes))
    return said


def table(rows: list[Row]) -> str:
    lines = ["| what | figure | |", "|---|---|---|"]
    lines += [f"| {what} | {figure} | {wrong or 'nothing wrong'} |" for what, figure, wrong in rows]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description="The figures of many peers.")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long sessions are held")
    parser.add_argument("--write", type=Path)
    asked = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    rows = collected(asked.minutes, quick=asked.quick)
    print(table(rows))
    if asked.write:
        before, rest = asked.write.read_text(encoding="utf-8").split(_BEGIN)
        after = rest.split(_END, 1)[1]
        asked.write.write_text(f"{before}{_BEGIN}\n{table(rows)}\n{_END}{after}", encoding="utf-8")
    return 1 if any(wrong for *_, wrong in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
