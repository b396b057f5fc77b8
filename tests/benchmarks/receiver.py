"""An AS8075 edge in a process of its own, under DENY ALL, that says when every route has its verdict.

    python -m tests.benchmarks.receiver LOCAL PEER PEER_AS COUNT

It prints one JSON object a line with the system's monotonic clock: `ready`, `loaded` (with counts and memory), `empty`.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from ipaddress import IPv4Address, ip_address
from pathlib import Path

from simulator.connection.states import ConnectionState
from simulator.lab.link import HostPlace
from simulator.policy.policy import Policy
from simulator.policy.rules import PolicyContext
from simulator.speakers.clock import Clock
from simulator.speakers.events import NeighborConfig, RoutesAnnounced, RoutesWithdrawn, SpeakerEvent
from simulator.speakers.neighbor import Neighbor
from simulator.speakers.speaker import Speaker


def resident() -> int:
    """Bytes of memory in use now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def say(**what: object) -> None:
    print(json.dumps({"time": time.monotonic(), **what}), flush=True)


async def main(local: str, peer: str, peer_as: str, count: str) -> None:
    wanted, done = int(count), asyncio.Event()
    made: list[Neighbor] = []

    def take(event: SpeakerEvent) -> None:
        if not made:
            return
        (neighbor,) = made
        if isinstance(event, RoutesAnnounced) and neighbor.adj_in.received >= wanted:
            now = time.monotonic()
            adj = neighbor.adj_in
            say(event="loaded", at=now, received=adj.received, accepted=adj.accepted, rss=resident(), base=base)
        elif isinstance(event, RoutesWithdrawn) and neighbor.adj_in.received == 0:
            say(event="empty")
            done.set()

    speaker = Speaker("edge", HostPlace("edge", {}), Clock(asyncio.get_running_loop()), take)
    where = await speaker.listen(ip_address(local), 179)
    context = PolicyContext(int(peer_as), peer)
    config = NeighborConfig(
        id=peer,
        local_as=8075,
        router_id=str(IPv4Address(local)),
        local_address=ip_address(local),
        peer_address=ip_address(peer),
        peer_as=int(peer_as),
        local=where,
        remote=None,
        policy=Policy("exchange", context),
        hold_time=240,
    )
    neighbor = speaker.add(config, ip_address(peer))
    made.append(neighbor)
    neighbor.rule(ConnectionState.VALIDATING, session_validated=False)
    base = resident()
    say(event="ready")
    await done.wait()
    await speaker.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
