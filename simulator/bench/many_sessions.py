"""P6: many sessions at hold 9 on one edge, beside a BIRD with the same callers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from ipaddress import IPv4Network, ip_address
from typing import Final

from simulator.bench.children import CountingBird, HelperProcess
from simulator.bench.guard import Measure
from simulator.bench.reading import OURS, BenchError, Reading
from simulator.bench.route_server_daemons import LAN, SERVER, clients
from simulator.bench.stage import BenchStage, Work
from simulator.bench.usage import CpuWatch, resident
from simulator.lab.netns import NetnsLink
from simulator.places.link import LanSpec, NodeSpec

HOLD: Final = 9
OURS_AS: Final = 8075
ROUTES: Final = 20
"""Of each session, with one set of attributes."""


def bird(count: int) -> str:
    """A passive BIRD with a session for each caller; what it imports it keeps, filtered."""
    protocols = "\n".join(
        f"""protocol bgp feed{n} {{
    local {SERVER} as {OURS_AS};
    neighbor {address} as {asn};
    passive on;
    hold time {HOLD};
    ipv4 {{ import all; export none; }};
}}"""
        for n, (address, asn) in enumerate(clients(count))
    )
    return f"router id {SERVER};\nlog stderr all;\nprotocol device {{}}\n{protocols}\n"


def sessions(count: int, seconds: float) -> Work:
    """So many sessions come up with 20 routes each, and are then left alone for so long."""

    @contextlib.asynccontextmanager
    async def work(stage: BenchStage) -> AsyncIterator[Measure]:
        number, idle = stage.size(count), stage.size(int(seconds), least=4)
        nodes = (
            NodeSpec("edge", (ip_address(SERVER),)),
            NodeSpec("callers", tuple(address for address, _ in clients(number))),
        )
        async with NetnsLink(LanSpec((IPv4Network(LAN),), nodes), offloads=True) as link:

            async def measure(who: str) -> Reading:
                return await held(link, stage, who, number, idle)

            yield measure

    return work


async def held(link: NetnsLink, stage: BenchStage, who: str, count: int, idle: float) -> Reading:
    """`seconds` until all are up with their routes, `share` of a core (%) while they idle, `lost` sessions."""
    place, log = link.place("edge"), stage.directory / "many.log"
    words = [str(count), str(ROUTES)]
    ours = HelperProcess(place, "many", words, log) if who == OURS else None
    server = ours or CountingBird(place, stage.directory, bird(count))
    callers = HelperProcess(link.place("callers"), "callers", words, stage.directory / "callers.log")
    try:
        await server.start()
        if ours is not None:
            await ours.until("ready")
        base = resident(server.pid)
        watch = CpuWatch((server.pid,))
        await callers.start()
        began = float((await callers.until("calling"))["time"])
        at = await _loaded(server, count * ROUTES)
        await callers.until("established")
        coming = watch.read()[0]
        memory = resident(server.pid)
        quiet = CpuWatch((server.pid, callers.pid))
        await asyncio.sleep(idle)
        idling, _ = quiet.read()
        lost = callers.log.read_text().count('"ended"')
        values = {
            "seconds": at - began,
            "cpu": coming,
            "share": 100 * idling / quiet.elapsed,
            "lost": lost,
            "memory": memory / 1e6,
            "session": (memory - base) / 1e3 / count,
        }
        leaked = 0
        if ours is not None:
            ours.tell()
            leaked = int((await ours.until("done"))["leaked"])
        if lost:
            raise BenchError(f"{lost} of {count} sessions ended")
        return quiet.judge(Reading(values, coming + idling, quiet.foreign, leaked=leaked))
    finally:
        await callers.stop()
        await server.stop()


async def _loaded(server: HelperProcess | CountingBird, routes: int) -> float:
    if isinstance(server, HelperProcess):
        return float((await server.until("loaded"))["at"])
    return await server.holds(routes)
