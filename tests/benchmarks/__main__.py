"""`make benchmark`: measures turnup beside real daemons that do the same work in the same run on this machine.

Figures are ratios; absolute times stand beside them and are never judged. Needs network namespaces, BIRD, FRR, GoBGP.
What is measured, and how, is in docs/performance.md.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from simulator import compiled
from simulator.lab.netns import NetnsLink
from simulator.places.link import LanSpec, NodeSpec
from simulator.places.place import Place
from tests.benchmarks import api, bird_filter, feed
from tests.benchmarks.children import Bird, Child, Watch, resident
from tests.benchmarks.feeders import Feeder

EDGE, PEER, SOURCE = "198.51.100.1", "198.51.100.2", "198.51.100.3"
_NODES = {"edge": EDGE, "peer": PEER, "source": SOURCE}
LAN_SPEC = LanSpec((IPv4Network(feed.LAN),), tuple(NodeSpec(n, (IPv4Address(a),)) for n, a in _NODES.items()))


@dataclass(frozen=True, slots=True)
class Run:
    """One measurement. `accepted` is -1 where nothing is judged."""

    seconds: float
    withdraw: float = 0.0
    accepted: int = -1
    receiver_cpu: float = 0.0
    sender_cpu: float = 0.0
    foreign: float = 0.0
    bytes_a_route: float = 0.0
    base: float = 0.0

    @property
    def told(self) -> str:
        """One run as it is printed: seconds, CPU seconds of both ends, cores used by strangers."""
        note = " (the sender was measured)" if self.sender_cpu > 0.9 * self.seconds > self.receiver_cpu else ""
        cpu = f"{self.receiver_cpu:.2f}+{self.sender_cpu:.2f} CPU, {self.foreign:.2f} foreign"
        return f"{self.seconds:.3f} s [{cpu}]{note}"


class Edge:
    """turnup as the receiver: loaded when every route has its verdict."""

    def __init__(self, place: Place, directory: Path, prefixes: int) -> None:
        arguments = [EDGE, PEER, str(feed.PEER_AS), str(prefixes), "0"]
        self.child = Child(place, "tests.benchmarks.edge", arguments, directory / "edge.log")

    async def start(self) -> None:
        await self.child.start()
        await self.child.until("ready")

    @property
    def pid(self) -> int:
        return self.child.pid

    async def established(self) -> float:
        return float((await self.child.until("established"))["time"])

    async def loaded(self) -> tuple[float, int]:
        found = await self.child.until("loaded")
        return float(found["at"]), int(found["accepted"])

    async def emptied(self) -> float:
        return float((await self.child.until("empty"))["time"])

    async def stop(self) -> None:
        await self.child.stop()


class BirdEdge:
    """BIRD as the receiver, with a filter of the same rules."""

    configuration = staticmethod(lambda: bird_filter.receiver(EDGE, PEER))

    def __init__(self, place: Place, directory: Path, prefixes: int) -> None:
        self._bird = Bird(place, directory, self.configuration())
        self._prefixes = prefixes

    async def start(self) -> None:
        await self._bird.start()

    @property
    def pid(self) -> int:
        return self._bird.pid

    async def established(self) -> float:
        return await self._bird.established()

    async def loaded(self) -> tuple[float, int]:
        at = await self._bird.holds(self._prefixes)
        await asyncio.sleep(0.3)  # it must not change any more
        accepted, filtered = await self._bird.counts()
        if accepted + filtered != self._prefixes:
            raise RuntimeError(f"BIRD went on to {accepted + filtered} routes")
        return at, accepted

    async def emptied(self) -> float:
        return await self._bird.holds(0)

    async def stop(self) -> None:
        await self._bird.stop()


class BirdPeer(BirdEdge):
    """BIRD as a receiver that takes everything."""

    configuration = staticmethod(lambda: bird_filter.taker(EDGE, PEER, asn=8075, peer_as=feed.PEER_AS))


Receiver = Edge | BirdEdge
Make = Callable[[Place, Path, int], Receiver]
RECEIVERS: Mapping[str, Make] = {"turnup": Edge, "BIRD": BirdEdge}


async def _sender(link: NetnsLink, node: str, peer: str, asn: int, directory: Path) -> Child:
    log = directory / f"sender-{time.monotonic_ns()}.log"
    files = [str(directory / f"{asn}-{name}.bin") for name in ("announce", "withdraw")]
    sender = Child(link.place(node), "tests.benchmarks.sender", [_NODES[node], peer, "179", str(asn), *files], log)
    await sender.start()
    await sender.until("established")
    return sender


async def ready_made(link: NetnsLink, directory: Path, make: Make, prefixes: int) -> Run:
    """P1 (b), P7: octets that are ready, from the first one sent until the receiver has all; then the withdraw."""
    receiver = make(link.place("edge"), directory, prefixes)
    sender = None
    try:
        await receiver.start()
        base = resident(receiver.pid)
        sender = await _sender(link, "peer", EDGE, feed.PEER_AS, directory)
        await receiver.established()
        watch = Watch((receiver.pid, sender.pid))
        sender.tell()
        began = float((await sender.until("sending"))["time"])
        at, accepted = await receiver.loaded()
        (receiver_cpu, sender_cpu), foreign = watch.read()
        grown = (resident(receiver.pid) - base) / prefixes
        sender.tell()
        began_again = float((await sender.until("sending again"))["time"])
        emptied = await receiver.emptied() - began_again
        return Run(at - began, emptied, accepted, receiver_cpu, sender_cpu, foreign, grown, base)
    finally:
        if sender is not None:
            await sender.stop()
        await receiver.stop()


async def passed_on(link: NetnsLink, directory: Path, feeder: Feeder, make: Make, prefixes: int) -> Run:
    """P1 (a): from Established, out of a real daemon that already has the table."""
    receiver = make(link.place("edge"), directory, prefixes)
    try:
        await receiver.start()
        watch = Watch((receiver.pid, feeder.pid))
        began = await receiver.established()
        at, accepted = await receiver.loaded()
        (receiver_cpu, sender_cpu), foreign = watch.read()
        return Run(at - began, 0.0, accepted, receiver_cpu, sender_cpu, foreign)
    finally:
        await receiver.stop()


async def lifted(link: NetnsLink, directory: Path, prefixes: int) -> Run:
    """P2, P3, P9: from Active until the last route is in a BIRD peer; and the re-deny."""
    arguments = [PEER, EDGE, str(feed.PEER_AS), "1", str(prefixes)]
    edge = Child(link.place("peer"), "tests.benchmarks.edge", arguments, directory / "lift.log")
    peer = Bird(
        link.place("edge"), directory, bird_filter.taker(EDGE, PEER, asn=feed.PEER_AS, peer_as=8075, dials=True)
    )
    try:
        await peer.start()
        await edge.start()
        await edge.until("rendered")
        watch = Watch((peer.pid, edge.pid))
        edge.tell()
        began = float((await edge.until("moved Active"))["at"])
        at = await peer.holds(prefixes)
        (peer_cpu, edge_cpu), foreign = watch.read()
        edge.tell()
        began_again = float((await edge.until("moved PendingRemove"))["at"])
        emptied = await peer.holds(0)
        return Run(at - began, emptied - began_again, -1, peer_cpu, edge_cpu, foreign)
    finally:
        await edge.stop()
        await peer.stop()


async def repeat(name: str, runs: int, measure: Callable[[], Awaitable[Run]]) -> Run:
    """The run with the median time; all of them are printed."""
    found = [await measure() for _ in range(runs)]
    if len({run.accepted for run in found}) > 1:
        raise RuntimeError(f"{name}: not the same routes were accepted in each run: {[run.accepted for run in found]}")
    _say(f"  {name:<34} {', '.join(run.told for run in found)}")
    return sorted(found, key=lambda run: run.seconds)[len(found) // 2]


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _verdict(name: str, ours: Run, theirs: Run, aim: float) -> None:
    if ours.accepted != theirs.accepted:
        raise RuntimeError(f"{name}: turnup accepts {ours.accepted} routes, BIRD {theirs.accepted}: not the same rules")
    told = f"{ours.seconds:.3f} s to {theirs.seconds:.3f} s; both accept {ours.accepted}; aim: at most {aim:g} ×"
    _say(f"{name}: {ours.seconds / theirs.seconds:.2f} × BIRD ({told}){_doubt(ours, theirs)}")
    _say(f"        CPU of the receiver: {ours.receiver_cpu:.2f} s to {theirs.receiver_cpu:.2f} s")


def _doubt(*runs: Run) -> str:
    return ": NO VERDICT, others used more than a core" if max(run.foreign for run in runs) > 1 else ""


async def inbound(link: NetnsLink, directory: Path, prefixes: int, runs: int) -> None:
    """P1 (b) and P7."""
    ours, theirs = [
        await repeat(f"ready-made octets into {title}", runs, partial(ready_made, link, directory, make, prefixes))
        for title, make in RECEIVERS.items()
    ]
    _verdict(f"P1 (b), {compiled.code()}", ours, theirs, 1.3 if compiled.code() == "compiled" else 2.5)
    _say(f"        withdraw of all: {ours.withdraw:.3f} s to {theirs.withdraw:.3f} s")
    memory = f"{ours.bytes_a_route:.0f} bytes a route (aim: at most 700; BIRD {theirs.bytes_a_route:.0f})"
    _say(f"P7: {memory}, base {ours.base / 1e6:.0f} MB (aim: at most 80)")


async def between(link: NetnsLink, directory: Path, kind: str, prefixes: int, runs: int) -> float:
    """P1 (a) with one daemon; returns how long the same daemon takes to fill a BIRD that imports everything."""
    feeder = Feeder(kind, link.place("peer"), directory, local=PEER, source=SOURCE, edge=EDGE)
    source = None
    try:
        await feeder.start()
        source = await _sender(link, "source", PEER, feed.SOURCE_AS, directory)
        source.tell()
        await feeder.loaded(prefixes)
        if kind != "bird":  # two BIRDs show a constant of some seconds that nobody has explained
            ours, theirs = [
                await repeat(f"{kind} to {title}", runs, partial(passed_on, link, directory, feeder, make, prefixes))
                for title, make in RECEIVERS.items()
            ]
            _verdict(f"P1 (a), {kind}", ours, theirs, 1)
        found = await repeat(
            f"{kind} to BIRD, no filter", runs, partial(passed_on, link, directory, feeder, BirdPeer, prefixes)
        )
        return found.seconds
    finally:
        if source is not None:
            await source.stop()
        await feeder.stop()


async def outbound(link: NetnsLink, directory: Path, prefixes: int, runs: int, fastest: float) -> None:
    """P2, P3 and P9."""
    many = await repeat(f"lift of {prefixes}", runs, partial(lifted, link, directory, prefixes))
    if fastest:
        ratio = many.seconds / fastest
        told = f"{many.seconds:.3f} s to {fastest:.3f} s"
        _say(f"P2: {ratio:.2f} × the fastest real sender ({told}; aim: at most 0.25 ×){_doubt(many)}")
    _say(f"P3: re-deny {many.withdraw:.3f} s (aim: at most the lift's {many.seconds:.3f} s)")
    few = await repeat("lift of 20000", runs, partial(lifted, link, directory, 20_000))
    _say(f"P9: {few.seconds * 1000:.0f} ms (aim: at most 100 ms), re-deny {few.withdraw * 1000:.0f} ms")


async def main(prefixes: int, runs: int, feeders: list[str]) -> int:
    """Measure and print everything; how many of the feeders did not get to an end."""
    _say(f"{os.cpu_count()} cores; [CPU seconds of receiver + sender, cores that all other processes used]")
    with tempfile.TemporaryDirectory(prefix="turnup-bench-") as name:
        directory, table = Path(name), feed.table(prefixes, 5)
        for asn, hop in ((feed.PEER_AS, PEER), (feed.SOURCE_AS, SOURCE)):
            built = feed.build(table, asn, hop)
            (directory / f"{asn}-announce.bin").write_bytes(built.announce)
            (directory / f"{asn}-withdraw.bin").write_bytes(built.withdraw)
        _say(f"{built.prefixes} prefixes, {built.attribute_sets} attribute sets, {runs} runs each, medians compared")
        async with NetnsLink(LAN_SPEC) as link:
            await inbound(link, directory, prefixes, runs)
            times, stalled = [], 0
            for kind in feeders:
                try:
                    times.append(await between(link, directory, kind, prefixes, runs))
                except RuntimeError as error:  # a receiver that stalls is a failure, not a slow run
                    stalled += 1
                    _say(f"FAILED, {kind}: {error}")
            await outbound(link, directory, prefixes, runs, min(times, default=0.0))
    return stalled


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prefixes", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--feeders", default="frr,gobgp,bird", help="real daemons that pass the table on")
    parser.add_argument("--api", action="store_true", help="only how long the server's answers take, with 200 peerings")
    options = parser.parse_args()
    if options.api:
        api.measure(_say)
        raise SystemExit
    raise SystemExit(
        bool(asyncio.run(main(options.prefixes, options.runs, [kind for kind in options.feeders.split(",") if kind])))
    )
