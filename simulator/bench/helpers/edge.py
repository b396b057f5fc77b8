"""An AS8075 edge in a process of its own, under DENY ALL until a line on its input lifts it, and the next re-denies.

    python -m simulator.bench.helpers.edge LOCAL PEER PEER_AS EXPECTED ANNOUNCED

EXPECTED routes are awaited, ANNOUNCED (prefixes of the feed) are ready to be sent. It prints one JSON object a line
with the system's monotonic clock: `ready`, `established`, `rendered`, `loaded` (counts and memory), `empty`, `moved`.
"""

from __future__ import annotations

import asyncio
import sys
import time
from ipaddress import IPv4Address, ip_address

from simulator.bench import feed
from simulator.bench.helpers.said import say
from simulator.connection.states import ConnectionState
from simulator.peer.events import BgpStateChanged, NeighborConfig, RoutesAnnounced, RoutesWithdrawn, SpeakerEvent
from simulator.places.loopback import HostPlace
from simulator.policy.policy import Policy
from simulator.policy.prefixes import PrefixSet
from simulator.policy.rules import PolicyContext
from simulator.session.states import BgpState
from simulator.speakers.clock import Clock
from simulator.speakers.speaker import Speaker
from simulator.views.session import SessionView

_QUIET = 0.3
"""Seconds for which the count must not change any more."""


class _Watched:
    """Counts the routes of the one session of a speaker."""

    def __init__(self, session: str, expected: int) -> None:
        self._session = session
        self._expected = expected
        self._seen = 0
        self._gone = 0
        self.speaker: Speaker | None = None

    def hear(self, event: SpeakerEvent) -> None:
        match event:
            case BgpStateChanged(_, transition) if transition.target is BgpState.ESTABLISHED:
                say(event="established")
                asyncio.get_running_loop().call_soon(lambda: say(event="rendered"))  # Adj-RIB-Out comes with it
            case RoutesAnnounced(_, _, _, keys, _):
                self._seen += len(keys)
                if self._seen >= self._expected and self.view.received == self._expected:
                    asyncio.get_running_loop().call_later(_QUIET, self._settled, time.monotonic())
            case RoutesWithdrawn():
                self._gone += len(event.keys)
                if self._gone >= self._expected and self.view.received == 0:
                    say(event="empty")

    @property
    def view(self) -> SessionView:
        assert self.speaker is not None
        return self.speaker.view(self._session)

    def _settled(self, now: float) -> None:
        say(event="loaded", at=now, received=self.view.received, accepted=self.view.accepted)


async def main(local: str, peer: str, peer_as: str, expected: str, announced: str) -> None:
    edge, loop = _Watched(peer, int(expected)), asyncio.get_running_loop()
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
    edge.speaker = speaker
    speaker.add(config, ip_address(peer))
    speaker.rule(peer, ConnectionState.VALIDATING, session_validated=False)
    say(event="ready")
    for state in (ConnectionState.ACTIVE, ConnectionState.PENDING_REMOVE):
        if not int(announced):
            break
        await loop.run_in_executor(None, sys.stdin.readline)
        began = time.monotonic()
        speaker.rule(peer, state, session_validated=True)
        say(event=f"moved {state}", at=began)
    await loop.run_in_executor(None, sys.stdin.readline)
    say(event="done", leaked=edge.view.leaked_in + edge.view.leaked_out)
    await speaker.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
