"""What some of the peers do while all others only keep their sessions."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Final

from simulator.session.messages import Family
from simulator.wire.attribute_codec import AsSegment, PathAttributes, SegmentKind, encode
from simulator.wire.framing import KEEPALIVE
from simulator.wire.update import end_of_rib, pack_announcements
from tests.lab_support import eventually
from tests.many.lab import Lab
from tests.many.peers import Peer

ROUTES: Final = 20_000
"""The most that an Exchange session may announce."""
_PER_SET: Final = 5
"""Prefixes an attribute set: a poor case, see docs/performance.md."""


def updates(peer: Peer, count: int = 1, per_set: int = 100) -> bytes:
    """A peer's table: its own route and `count` - 1 others, all of which the policy accepts; and End-of-RIB."""
    keys = [bytes((24, 41, peer.number >> 8, peer.number & 255))]
    keys += [bytes((24, 42 + (at >> 16), at >> 8 & 255, at & 255)) for at in range(count - 1)]
    hop, found = peer.address, list[bytes]()
    for number, start in enumerate(range(0, len(keys), per_set)):
        path = AsSegment(SegmentKind.SEQUENCE, (peer.asn, 13_000 + number % 8_000))
        raw = encode(PathAttributes(as_path=(path,), next_hop=hop, med=number), asn4=True)
        some = keys[start : start + per_set]
        found += [message for message, _ in pack_announcements(Family.IPV4, raw, hop.packed, some, 4096)]
    return b"".join(found) + end_of_rib(Family.IPV4)


def announcing(peers: Iterable[Peer], count: int = 1) -> None:
    """Each announces its table whenever its session comes up."""
    for peer in peers:
        octets = updates(peer, count, _PER_SET)
        peer.established = lambda up, octets=octets: up.send(octets)  # type: ignore[misc]


@contextlib.asynccontextmanager
async def single_octets(peers: list[Peer]) -> AsyncIterator[Callable[[], int]]:
    """Each sends its table and KEEPALIVEs an octet a segment, for as long as the block lasts.

    Yields how many octets were sent so far. Nothing else may be sent on these sessions meanwhile.
    """
    sent = 0

    async def drip(peer: Peer) -> None:
        nonlocal sent
        while True:
            for octet in updates(peer, 50, _PER_SET) + KEEPALIVE:
                if not peer.is_up:
                    return
                peer.send(bytes((octet,)))
                sent += 1
                await asyncio.sleep(0)

    tasks = [asyncio.ensure_future(drip(peer)) for peer in peers]
    try:
        yield lambda: sent
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def flap(peers: list[Peer], times: int, within: float = 120) -> None:
    """All at once: up, RST, and again, until each was up so often. The edge lets a session rest between two."""

    def cut(peer: Peer) -> None:
        asyncio.get_running_loop().call_soon(peer.reset)

    goal = {peer: peer.ups + times for peer in peers}
    for peer in peers:
        peer.established = cut
        peer.reset()
    async with asyncio.timeout(within):
        for peer in peers:
            while peer.ups < goal[peer]:
                peer.changed.clear()
                await peer.changed.wait()


async def load(lab: Lab, peers: list[Peer], count: int = ROUTES, within: float = 240) -> None:
    """All at once: each sends its table of `count` routes; over once the edge has judged every one of them."""
    tables = [(peer, updates(peer, count, _PER_SET)) for peer in peers]
    for peer, octets in tables:
        peer.send(octets)

    async def missing() -> int:
        found = await lab.sessions()
        return sum(found[peer.number]["received"] != count for peer in peers)

    await eventually(missing, lambda number: number == 0, within)
