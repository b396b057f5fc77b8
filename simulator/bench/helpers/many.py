"""An AS8075 edge with many sessions under DENY ALL, in a process of its own.

    python -m simulator.bench.helpers.many SESSIONS ROUTES

It waits for callers. It prints one JSON object a line: `ready`, `up` with the last session, `loaded` when it has all
routes of all of them, `lost` for each session that ends, and `done` after a line on its input.
"""

from __future__ import annotations

import asyncio
import sys
import time
from ipaddress import ip_address

from simulator.bench.helpers.limits import open_files
from simulator.bench.helpers.said import say
from simulator.bench.many_sessions import HOLD, OURS_AS
from simulator.bench.route_server_daemons import LAN, SERVER, clients
from simulator.connection.states import ConnectionState
from simulator.peer.events import BgpStateChanged, NeighborConfig, RoutesAnnounced, SpeakerEvent
from simulator.places.loopback import HostPlace
from simulator.policy.policy import Policy
from simulator.policy.rules import PolicyContext
from simulator.session.states import BgpState
from simulator.speakers.clock import Clock
from simulator.speakers.speaker import Speaker


async def serve(count: int, routes: int) -> None:
    """Until a line comes."""
    open_files()
    loop, up, received = asyncio.get_running_loop(), set[str](), 0

    def hear(event: SpeakerEvent) -> None:
        nonlocal received
        if isinstance(event, RoutesAnnounced):
            received += len(event.keys)
            if received == count * routes:
                say(event="loaded", at=time.monotonic())
        elif isinstance(event, BgpStateChanged) and event.transition.target is BgpState.ESTABLISHED:
            up.add(event.session)
            if len(up) == count:
                say(event="up", at=time.monotonic())
        elif isinstance(event, BgpStateChanged) and event.session in up:
            say(event="lost", session=event.session)

    speaker = Speaker("edge", HostPlace("edge", {}), Clock(loop), hear)
    where = await speaker.listen(ip_address(SERVER), 179)
    for address, asn in clients(count):
        config = NeighborConfig(
            id=str(address),
            local_as=OURS_AS,
            router_id=SERVER,
            local_address=ip_address(SERVER),
            peer_address=address,
            peer_as=asn,
            local=where,
            remote=None,
            policy=Policy("exchange", PolicyContext(asn, str(address), lan=(LAN,))),
            hold_time=HOLD,
        )
        speaker.add(config)
        speaker.rule(config.id, ConnectionState.VALIDATING, session_validated=False)
    say(event="ready")
    await loop.run_in_executor(None, sys.stdin.readline)
    say(event="done", leaked=sum(speaker.gate_counts.leaked.values()))
    await speaker.close()


if __name__ == "__main__":
    asyncio.run(serve(*map(int, sys.argv[1:])))
