"""An AS8075 edge in a process of its own, under DENY ALL until a line on its input lifts it, and the next re-denies.

    python -m tests.benchmarks.edge LOCAL PEER PEER_AS EXPECTED ANNOUNCED

EXPECTED routes are awaited, ANNOUNCED (prefixes of the feed) are ready to be sent. It prints one JSON object a line
with the system's monotonic clock: `ready`, `established`, `rendered`, `loaded` (counts and memory), `empty`, `moved`.
"""

from __future__ import annotations

import asyncio
import sys
import time
from ipaddress import IPv4Address, ip_address

from simulator.connection.states import ConnectionState
from simulator.peer.events import BgpStateChanged, NeighborConfig, RoutesAnnounced, RoutesWithdrawn, SpeakerEvent
from simulator.places.loopback import HostPlace
from simulator.policy.policy import Policy
from simulator.policy.prefixes import PrefixSet
from simulator.policy.rules import PolicyContext
from simulator.session.states import BgpState
from simulator.speakers.clock import Clock
from simulator.speakers.neighbor import Neighbor
from simulator.speakers.speaker import Speaker
from tests.benchmarks import feed
from tests.benchmarks.sender import say

_QUIET = 0.3
"""Seconds for which the count must not change any more."""


class Edge:
    """Watches one neighbour of a speaker."""

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self._seen = 0
        self.neighbor: Neighbor | None = None

    def hear(self, event: SpeakerEvent) -> None:
        match event:
            case BgpStateChanged(_, transition) if transition.target is BgpState.ESTABLISHED:
                say(event="established")
                asyncio.get_running_loop().call_soon(lambda: say(event="rendered"))  # Adj-RIB-Out comes with it
            case RoutesAnnounced(_, _, _, keys, _):
                self._seen += len(keys)
                if self._seen >= self._expected and self.neighbor is not None:
                    self._loaded(time.monotonic())
            case RoutesWithdrawn() if self.neighbor is not None and self.neighbor.adj_in.received == 0:
                say(event="empty")

    def _loaded(self, now: float) -> None:
        assert self.neighbor is not None
        if self.neighbor.adj_in.received == self._expected:
            asyncio.get_running_loop().call_later(_QUIET, self._settled, now)

    def _settled(self, now: float) -> None:
        assert self.neighbor is not None
        adj = self.neighbor.adj_in
        say(event="loaded", at=now, received=adj.received, accepted=adj.accepted)


async def main(local: str, peer: str, peer_as: str, expected: str, announced: str) -> None:
    edge, loop = Edge(int(expected)), asyncio.get_running_loop()
    table = feed.table(int(announced), 5) if int(announced) else []
    speaker = Speaker("edge", HostPlace("edge", {}), Clock(loop), edge.hear, table)
    where = await speaker.listen(ip_address(local), 179)
    own = PrefixSet((prefix, "Microsoft") for prefix in feed.MICROSOFT)
    config = NeighborConfig(
        id=peer,
        local_as=8075,
        router_id=str(IPv4Address(local)),
        local_address=ip_address(local),
        peer_address=ip_address(peer),
        peer_as=int(peer_as),
        local=where,
        remote=None,
        policy=Policy("exchange", PolicyContext(int(peer_as), peer, lan=(feed.LAN,), own=own)),
        hold_time=240,
    )
    neighbor = edge.neighbor = speaker.add(config, ip_address(peer))
    neighbor.rule(ConnectionState.VALIDATING, session_validated=False)
    say(event="ready")
    for state in (ConnectionState.ACTIVE, ConnectionState.PENDING_REMOVE):
        if not await loop.run_in_executor(None, sys.stdin.readline):
            break
        began = time.monotonic()
        neighbor.rule(state, session_validated=True)
        say(event=f"moved {state}", at=began)
    await loop.run_in_executor(None, sys.stdin.readline)
    await speaker.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
