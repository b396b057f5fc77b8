"""Who receives a table: turnup's edge, a BIRD with a filter of the same rules, and a BIRD that takes everything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Final

from simulator.bench import bird_filter, feed
from simulator.bench.children import CountingBird, HelperProcess
from simulator.bench.reading import OURS, BenchError
from simulator.places.link import LanSpec, NodeSpec
from simulator.places.place import Place

EDGE, PEER, SOURCE = "198.51.100.1", "198.51.100.2", "198.51.100.3"
NODES: Final = {"edge": EDGE, "peer": PEER, "source": SOURCE}
LAN_SPEC: Final = LanSpec((IPv4Network(feed.LAN),), tuple(NodeSpec(n, (IPv4Address(a),)) for n, a in NODES.items()))


class EdgeReceiver:
    """turnup as the receiver: loaded when every route has its verdict."""

    def __init__(self, place: Place, directory: Path, prefixes: int) -> None:
        arguments = [EDGE, PEER, str(feed.PEER_AS), str(prefixes), "0"]
        self._child = HelperProcess(place, "edge", arguments, directory / "edge.log")

    async def start(self) -> None:
        await self._child.start()
        await self._child.until("ready")

    @property
    def pid(self) -> int:
        return self._child.pid

    async def established(self) -> float:
        return float((await self._child.until("established"))["time"])

    async def loaded(self) -> tuple[float, int]:
        """When, by the monotonic clock, and how many routes the policy accepts."""
        found = await self._child.until("loaded")
        return float(found["at"]), int(found["accepted"])

    async def emptied(self) -> float:
        return float((await self._child.until("empty"))["time"])

    async def leaked(self) -> int:
        """How many routes passed the gate, which never opens."""
        self._child.tell()
        return int((await self._child.until("done"))["leaked"])

    async def stop(self) -> None:
        await self._child.stop()


class BirdReceiver:
    """BIRD as the receiver, with a filter of the same rules."""

    configuration = staticmethod(lambda: bird_filter.receiver(EDGE, PEER))

    def __init__(self, place: Place, directory: Path, prefixes: int) -> None:
        self._bird = CountingBird(place, directory, self.configuration())
        self._prefixes = prefixes

    async def start(self) -> None:
        await self._bird.start()

    @property
    def pid(self) -> int:
        return self._bird.pid

    async def established(self) -> float:
        return await self._bird.established()

    async def loaded(self) -> tuple[float, int]:
        """As of the edge."""
        at = await self._bird.holds(self._prefixes)
        await asyncio.sleep(0.3)  # it must not change any more
        accepted, filtered = await self._bird.counts()
        if accepted + filtered != self._prefixes:
            raise BenchError(f"BIRD went on to {accepted + filtered} routes")
        return at, accepted

    async def emptied(self) -> float:
        return await self._bird.holds(0)

    async def leaked(self) -> int:
        return 0

    async def stop(self) -> None:
        await self._bird.stop()


class BirdTaker(BirdReceiver):
    """BIRD as a receiver that takes everything."""

    configuration = staticmethod(lambda: bird_filter.taker(EDGE, PEER, asn=8075, peer_as=feed.PEER_AS))


TableReceiver = EdgeReceiver | BirdReceiver
RECEIVERS: Final[dict[str, Callable[[Place, Path, int], TableReceiver]]] = {OURS: EdgeReceiver, "BIRD": BirdReceiver}
