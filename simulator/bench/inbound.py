"""P1 and P7: a table comes in, until every route has its verdict."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

from simulator.bench import feed
from simulator.bench.children import HelperProcess
from simulator.bench.feeders import Feeder
from simulator.bench.guard import Measure
from simulator.bench.reading import Reading
from simulator.bench.receivers import EDGE, LAN_SPEC, NODES, PEER, RECEIVERS, SOURCE
from simulator.bench.stage import BenchStage, Work
from simulator.bench.usage import CpuWatch, resident
from simulator.lab.netns import NetnsLink

PREFIXES = 200_000
PER_SET = 5


def write_feed(directory: Path, prefixes: int, asn: int, hop: str) -> None:
    """The octets that the sender of `asn` sends: a file of announcements, and one that withdraws them."""
    built = feed.build(feed.table(prefixes, PER_SET), asn, hop)
    (directory / f"{asn}-announce.bin").write_bytes(built.announce)
    (directory / f"{asn}-withdraw.bin").write_bytes(built.withdraw)


async def sender(link: NetnsLink, node: str, peer: str, asn: int, directory: Path) -> HelperProcess:
    """A plain client with its session up."""
    log = directory / f"sender-{time.monotonic_ns()}.log"
    files = [str(directory / f"{asn}-{name}.bin") for name in ("announce", "withdraw")]
    child = HelperProcess(link.place(node), "sender", [NODES[node], peer, "179", str(asn), *files], log)
    try:
        await child.start()
        await child.until("established")
    except BaseException:
        await child.stop()
        raise
    return child


@contextlib.asynccontextmanager
async def ready_made(stage: BenchStage, prefixes: int = PREFIXES) -> AsyncIterator[Measure]:
    """P1 (b) and P7: octets that are ready, from the first one sent until the receiver has all; then the withdraw."""
    directory, count = stage.directory, stage.size(prefixes)
    write_feed(directory, count, feed.PEER_AS, PEER)
    async with NetnsLink(LAN_SPEC, offloads=True) as link:

        async def measure(who: str) -> Reading:
            receiver, source = RECEIVERS[who](link.place("edge"), directory, count), None
            try:
                await receiver.start()
                base = resident(receiver.pid)
                source = await sender(link, "peer", EDGE, feed.PEER_AS, directory)
                await receiver.established()
                watch = CpuWatch((receiver.pid, source.pid))
                source.tell()
                began = float((await source.until("sending"))["time"])
                at, accepted = await receiver.loaded()
                cpu, sender_cpu = watch.read()
                memory = resident(receiver.pid)
                source.tell()
                again = float((await source.until("sending again"))["time"])
                emptied = await receiver.emptied() - again
                values = {
                    "seconds": at - began,
                    "withdraw": emptied,
                    "memory": memory / 1e6,
                    "base": base / 1e6,
                    "route": (memory - base) / count,
                }
                note = "the sender was measured" if sender_cpu > 0.9 * (at - began) > cpu else ""
                leaked = await receiver.leaked()
                return watch.judge(Reading(values, cpu, watch.foreign, agreed=accepted, leaked=leaked, note=note))
            finally:
                if source is not None:
                    await source.stop()
                await receiver.stop()

        yield measure


def passed_on(kind: str) -> Work:
    """P1 (a): from Established, out of a real daemon that already has the table."""

    @contextlib.asynccontextmanager
    async def work(stage: BenchStage) -> AsyncIterator[Measure]:
        count = stage.size(PREFIXES)
        async with NetnsLink(LAN_SPEC, offloads=True) as link, fed(stage, link, kind, count) as feeder:

            async def measure(who: str) -> Reading:
                receiver = RECEIVERS[who](link.place("edge"), stage.directory, count)
                try:
                    await receiver.start()
                    watch = CpuWatch((receiver.pid, feeder.pid))
                    began = await receiver.established()
                    at, accepted = await receiver.loaded()
                    cpu, feeder_cpu = watch.read()
                    seconds = at - began
                    note = f"{kind} was measured" if feeder_cpu > 0.9 * seconds > cpu else ""
                    values, leaked = {"seconds": seconds}, await receiver.leaked()
                    return watch.judge(Reading(values, cpu, watch.foreign, agreed=accepted, leaked=leaked, note=note))
                finally:
                    await receiver.stop()

            yield measure

    return work


@contextlib.asynccontextmanager
async def fed(stage: BenchStage, link: NetnsLink, kind: str, count: int) -> AsyncIterator[Feeder]:
    """A real daemon that holds the table, and passes it on to the edge."""
    write_feed(stage.directory, count, feed.SOURCE_AS, SOURCE)
    feeder = Feeder(kind, link.place("peer"), stage.directory, local=PEER, source=SOURCE, edge=EDGE)
    source = None
    try:
        await feeder.start()
        source = await sender(link, "source", PEER, feed.SOURCE_AS, stage.directory)
        source.tell()
        await feeder.loaded(count)
        yield feeder
    finally:
        if source is not None:
            await source.stop()
        await feeder.stop()
