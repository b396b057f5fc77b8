"""turnup as a route server in a process of its own: lifts each client as it comes up.

    python -m simulator.bench.helpers.route_server CLIENTS

It prints one JSON object a line: `ready`, and `done` after a line on its input.
"""

from __future__ import annotations

import asyncio
import sys
from ipaddress import ip_address

from simulator.bench.helpers.said import say
from simulator.bench.route_server_daemons import LAN, RS_AS, SERVER, clients
from simulator.connection.states import ConnectionState
from simulator.peer.events import BgpStateChanged, NeighborConfig, SpeakerEvent
from simulator.places.loopback import HostPlace
from simulator.policy.rules import PolicyContext
from simulator.rib.route_server.client import RouteServerSettings
from simulator.rib.route_server.policy import ClientPolicy
from simulator.session.states import BgpState
from simulator.speakers.clock import Clock
from simulator.speakers.route_server import RouteServer


async def serve(count: int) -> None:
    """Until a line comes."""
    loop = asyncio.get_running_loop()
    up: set[str] = set()

    def hear(event: SpeakerEvent) -> None:
        if isinstance(event, BgpStateChanged) and event.transition.target is BgpState.ESTABLISHED:
            loop.call_soon(lift, event.session)

    def lift(session: str) -> None:
        server.rule(session, ConnectionState.ACTIVE, session_validated=True)
        up.add(session)

    server = RouteServer("rs", HostPlace("rs", {}), Clock(loop), hear, RouteServerSettings(RS_AS))
    where = await server.listen(ip_address(SERVER), 179)
    for address, asn in clients(count):
        config = NeighborConfig(
            id=str(address),
            local_as=RS_AS,
            router_id=SERVER,
            local_address=ip_address(SERVER),
            peer_address=address,
            peer_as=asn,
            local=where,
            remote=None,
            policy=ClientPolicy(PolicyContext(asn, str(address), RS_AS, lan=(LAN,))),
            hold_time=240,
        )
        server.add(config)
    say(event="ready")
    await loop.run_in_executor(None, sys.stdin.readline)
    leaked = [session for session in server.sessions if _leaks(server, session)]
    say(event="done", lifted=len(up), leaked=leaked)
    await server.close()


def _leaks(server: RouteServer, session: str) -> bool:
    view = server.view(session)
    return bool(view.leaked_in or view.leaked_out)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
