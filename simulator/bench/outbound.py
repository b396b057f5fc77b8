"""P2, P3 and P9: a table goes out, from the moment when the connection is Active."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from functools import partial

from simulator.bench import bird_filter, feed
from simulator.bench.children import CountingBird, HelperProcess
from simulator.bench.feeders import Feeder
from simulator.bench.guard import Measure
from simulator.bench.inbound import PREFIXES, fed
from simulator.bench.reading import OURS, Reading
from simulator.bench.receivers import EDGE, LAN_SPEC, PEER, BirdTaker
from simulator.bench.stage import BenchStage
from simulator.bench.usage import CpuWatch
from simulator.lab.netns import NetnsLink

FEW = 20_000
"""The most that an Exchange session may advertise."""


@contextlib.asynccontextmanager
async def lift(stage: BenchStage, prefixes: int = PREFIXES) -> AsyncIterator[Measure]:
    """P2 and P3: turnup from Active, every other from Established, until a BIRD has the last route; and the re-deny."""
    count = stage.size(prefixes)
    async with NetnsLink(LAN_SPEC, offloads=True) as link:

        async def measure(who: str) -> Reading:
            if who == OURS:
                return await lifted(link, stage, count)
            async with fed(stage, link, who, count) as feeder:
                return await taken(link, stage, feeder, count)

        yield measure


few = partial(lift, prefixes=FEW)
"""P9."""


async def lifted(link: NetnsLink, stage: BenchStage, prefixes: int) -> Reading:
    """turnup's edge, which has all its routes rendered, lifts a session to a BIRD, and denies it again."""
    arguments = [PEER, EDGE, str(feed.PEER_AS), "1", str(prefixes)]
    edge = HelperProcess(link.place("peer"), "edge", arguments, stage.directory / "lift.log")
    text = bird_filter.taker(EDGE, PEER, asn=feed.PEER_AS, peer_as=8075, dials=True)
    peer = CountingBird(link.place("edge"), stage.directory, text)
    try:
        await peer.start()
        await edge.start()
        await edge.until("rendered")
        before = sum(await peer.counts())
        watch = CpuWatch((edge.pid, peer.pid))
        edge.tell()
        began = float((await edge.until("moved Active"))["at"])
        at = await peer.holds(prefixes)
        cpu, _ = watch.read()
        edge.tell()
        again = float((await edge.until("moved PendingRemove"))["at"])
        emptied = await peer.holds(0)
        edge.tell()
        leaked = before + int((await edge.until("done"))["leaked"])
        values = {"seconds": at - began, "withdraw": emptied - again, "ms": 1000 * (at - began)}
        return watch.judge(Reading(values, cpu, watch.foreign, leaked=leaked))
    finally:
        await edge.stop()
        await peer.stop()


async def taken(link: NetnsLink, stage: BenchStage, feeder: Feeder, prefixes: int) -> Reading:
    """A real daemon fills the same BIRD."""
    receiver = BirdTaker(link.place("edge"), stage.directory, prefixes)
    try:
        await receiver.start()
        watch = CpuWatch((feeder.pid, receiver.pid))
        began = await receiver.established()
        at, _ = await receiver.loaded()
        cpu, _ = watch.read()
        return watch.judge(Reading({"seconds": at - began}, cpu, watch.foreign))
    finally:
        await receiver.stop()
