"""The figures of many peers, as a table: python -m tests.many.figures [PART …] [--quick] [--write docs/performance.md]

It runs the drivers beside it (`turn_up`, `loads`, `asking`), half an hour in all, as root for the namespaces; or some
of its parts, one after the other. With `--write` the table goes between the marks of that page, whose rows stay that
were not taken again. It ends with 1 where something went wrong.
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
from tests.many.lab import Lab
from tests.many.loads import ROUTES, crowd, flapping, load, single_octets, slow_reader
from tests.many.turn_up import children, hold, kill, kill_rehearsal, rehearse

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
        before = children()
        wrong = rehearse(count, "loopback")
        points.append((count, children() - before))
        rows.append(
            (f"`turnup rehearse`, {count:,} peers on loopback", f"{points[-1][1]:.1f} s of CPU", "; ".join(wrong))
        )
    (few, least), (many, most) = points[-3 if len(points) > 2 else 0], points[-1]
    exponent = math.log(most / least) / math.log(many / few)
    return [*rows, (f"from {few:,} to {many:,} peers", f"exponent {exponent:.2f}", "")]


async def loads(loading: int, routes: int, flappers: int, times: int) -> list[Row]:
    """What some peers do at once, beside quiet ones: who else lost a session, and how long pages took."""
    rows = list[Row]()
    with tempfile.TemporaryDirectory(prefix="tu-") as name:
        async with crowd(Path(name), quiet=_QUIET, dripping=2, flapping=flappers, loading=loading) as those:
            lab = those.lab

            async def measured(what: str, during: Callable[[], Awaitable[None]]) -> None:
                ended = {peer: peer.downs for peer in those.steady}
                began = time.monotonic()
                async with _asking(lab) as pages:
                    await during()
                    took = time.monotonic() - began
                lost = [str(peer.address) for peer in those.steady if peer.downs != ended[peer]]
                leaked = await lab.leaked()
                wrong = [f"sessions ended: {lost}"] if lost else []
                wrong += [f"{leaked} NLRI passed a shut gate"] if leaked else []
                rows.append((what, f"{took:.1f} s; {_in_words(pages)}; {lab.resident:.0f} MB", "; ".join(wrong)))
                print(rows[-1], flush=True)

            async def drip() -> None:
                async with single_octets(those.dripping):
                    await asyncio.sleep(5)

            async def flap() -> None:
                async with flapping(those.flapping) as least:
                    await eventually(least, lambda ups: ups >= 2, 120)
                await those.swarm.up(120)

            await measured("2 peers that send single octets, for 5 s", drip)
            await measured(f"{flappers} peers that flap at once, twice each", flap)
            for number in range(1, times + 1):
                what = f"{loading} peers with {routes:,} routes each at once ({number} of {times})"
                await measured(what, lambda: load(lab, those.loading, routes))
                if number < times:
                    for peer in those.loading:
                        peer.reset()
                    await those.swarm.up(120)
    return rows


async def held(count: int, minutes: float) -> list[Row]:
    """Sessions that only live on; the server's own share of a core."""
    figures = list[str]()
    wrong = await hold(count, minutes * 60, figures.append)
    return [(f"{count} sessions at hold 9, keepalive 3, for {minutes:g} minutes", figures[0], "; ".join(wrong))]


async def stopped(routes: int) -> list[Row]:
    """Who does not read has what two kernels hold; who reads has all."""
    with tempfile.TemporaryDirectory(prefix="tu-") as name:
        async with slow_reader(Path(name), routes) as (lab, swarm, sent):
            async with _asking(lab) as pages:
                await asyncio.sleep(5)
            wrong = [] if sent < routes else ["nothing waited"]
            wrong += [f"{peer.address} ended" for peer in swarm.peers if peer.downs]
    what = f"a reader that stopped, of {routes:,} routes"
    return [(what, f"{sent:,} are in the kernels; {_in_words(pages)}", "; ".join(wrong))]


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


def namespaces(count: int) -> list[Row]:
    """Each peer in a network namespace of its own; needs root."""
    if os.geteuid() != 0:
        return []
    before = children()
    wrong = rehearse(count, "netns")
    what = f"`turnup rehearse`, {count} peers in namespaces; no namespace is left"
    rows = [(what, f"{children() - before:.1f} s of CPU", "; ".join(wrong))]
    return [
        *rows,
        _judged("`kill -9` half-way of the same, and `turnup clean` at once", kill_rehearsal(count, "netns")),
    ]


def killed(count: int) -> list[Row]:
    """A server that another one follows."""
    what = f"`kill -9` of a server half-way to Active with {count:,} peers; started again"
    return [_judged(what, asyncio.run(kill(count)))]


def _judged(what: str, wrong: list[str]) -> Row:
    return what, "not so" if wrong else "as it should be", "; ".join(wrong)


PARTS: Final[dict[str, Callable[[bool, float], list[Row]]]] = {
    "rehearse": lambda quick, _: rehearsals([10, 20] if quick else [50, 200, 500, 1000]),
    "netns": lambda quick, _: namespaces(5 if quick else 200),
    "kill": lambda quick, _: killed(20 if quick else 1000),
    "loads": lambda quick, _: asyncio.run(loads(*((4, 500, 6, 2) if quick else (50, ROUTES, 100, _TIMES)))),
    "stopped": lambda quick, _: asyncio.run(stopped(100_000)),
    "held": lambda quick, minutes: asyncio.run(held(20 if quick else 500, 0.2 if quick else minutes)),
}
"""Each takes whether it is quick, and for how many minutes sessions are held."""


def merged(told: str, rows: list[Row]) -> list[Row]:
    """The rows of a page's table that were taken again, in their places, and behind them what is new."""
    cells = (line.strip("| ").split(" | ") for line in told.splitlines() if line.startswith("| ") and " | " in line)
    before = [(what, figure, rest[0]) for what, figure, *rest in cells if what != "what"]
    again = {what: (what, figure, wrong) for what, figure, wrong in rows}
    kept = [again.pop(row[0], row) for row in before]
    return [*kept, *again.values()]


def table(rows: list[Row]) -> str:
    lines = ["| what | figure | |", "|---|---|---|"]
    lines += [f"| {what} | {figure} | {wrong or 'nothing wrong'} |" for what, figure, wrong in rows]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description="The figures of many peers.")
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help=f"{', '.join(PARTS)}; all where none is named")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long sessions are held")
    parser.add_argument("--write", type=Path)
    asked = parser.parse_args()
    if asked.quick and asked.write:
        parser.error("a quick run is not for the page")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    rows = list[Row]()
    for name in asked.parts or PARTS:
        began = time.monotonic()
        rows += PARTS[name](asked.quick, asked.minutes)
        print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
    print(table(rows))
    if asked.write:
        before, rest = asked.write.read_text(encoding="utf-8").split(_BEGIN)
        told, after = rest.split(_END, 1)
        page = f"{before}{_BEGIN}\n{table(merged(told, rows))}\n{_END}{after}"
        asked.write.write_text(page, encoding="utf-8")
    return 1 if any(wrong for *_, wrong in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
