"""What some of the peers do while all others only keep their sessions."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from simulator.session.messages import Family
from simulator.wire.attribute_codec import AsSegment, PathAttributes, SegmentKind, encode
from simulator.wire.framing import KEEPALIVE
from simulator.wire.update import end_of_rib, pack_announcements
from tests.lab_support import eventually
from tests.many.lab import Lab, serving, topology
from tests.many.peers import Peer, Swarm, calling

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

    Yields how many octets were sent so far.
    """
    sent, over = 0, False

    async def drip(peer: Peer) -> None:
        nonlocal sent
        octets = updates(peer, 50, _PER_SET) + KEEPALIVE
        peer.beats = False
        while peer.is_up and not over:
            for octet in octets:
                peer.send(bytes((octet,)))
                sent += 1
                await asyncio.sleep(0)
        peer.beats = True

    tasks = [asyncio.ensure_future(drip(peer)) for peer in peers]
    try:
        yield lambda: sent
    finally:
        over = True
        await asyncio.gather(*tasks)


@contextlib.asynccontextmanager
async def flapping(peers: list[Peer]) -> AsyncIterator[Callable[[], Awaitable[int]]]:
    """All at once: each resets its connection as soon as its session is up, and calls again, while the block lasts.

    Yields what tells how often the one that came up least often did. The edge lets a session rest between two.
    """

    def cut(peer: Peer) -> None:
        asyncio.get_running_loop().call_soon(peer.reset)

    began = {peer: peer.ups for peer in peers}

    async def least() -> int:
        return min(peer.ups - began[peer] for peer in peers)

    for peer in peers:
        peer.established = cut
        peer.reset()
    try:
        yield least
    finally:
        announcing(peers)
        for peer in peers:
            peer.reset()


def stopping(peers: Iterable[Peer]) -> None:
    """Each announces its route and reads nothing from then on."""
    for peer in peers:
        octets = updates(peer)

        def stop(up: Peer, octets: bytes = octets) -> None:
            up.send(octets)
            up.stop_reading()

        peer.established = stop


async def load(lab: Lab, peers: list[Peer], count: int = ROUTES, within: float = 240) -> None:
    """All at once: each sends its table of `count` routes; over once the edge has judged every one of them."""
    tables = list[tuple[Peer, bytes]]()
    for peer in peers:
        tables.append((peer, updates(peer, count, _PER_SET)))
        await asyncio.sleep(0)  # to make a table takes a moment, and KEEPALIVEs are due meanwhile
    for peer, octets in tables:
        peer.send(octets)

    async def missing() -> int:
        found = await lab.sessions()
        return sum(found[peer.number]["received"] != count for peer in peers)

    await eventually(missing, lambda number: number == 0, within)


@dataclass
class Crowd:
    """A lab with peers of every kind, all of them up; those that load have announced nothing, the others are Active."""

    lab: Lab
    swarm: Swarm
    quiet: list[Peer]
    dripping: list[Peer]
    flapping: list[Peer]
    loading: list[Peer]

    @property
    def steady(self) -> list[Peer]:
        """Whose session has no reason to end."""
        return [*self.quiet, *self.dripping, *self.loading]


@contextlib.asynccontextmanager
async def crowd(directory: Path, *, quiet: int, dripping: int, flapping: int, loading: int) -> AsyncIterator[Crowd]:
    """So many peers of each kind call an edge that announces 100 routes."""
    ends = [0, *itertools.accumulate((quiet, dripping, flapping, loading))]
    async with serving(directory, topology(ends[-1], routes=100)) as lab:
        await lab.request(range(ends[-1]))
        kinds = [lab.peers(range(first, end)) for first, end in itertools.pairwise(ends)]
        announcing(itertools.chain(*kinds[:3]))
        async with calling([*itertools.chain(*kinds)]) as swarm:
            await swarm.up(300)
            await lab.until(300, Active=ends[3], Validating=loading)
            yield Crowd(lab, swarm, *kinds)


@contextlib.asynccontextmanager
async def slow_reader(directory: Path, routes: int) -> AsyncIterator[tuple[Lab, Swarm, int]]:
    """Two peers, of which the second stops reading once it is up; the first has all of so many routes.

    Yields how many of them the kernels have for the second.
    """
    async with serving(directory, topology(2, routes=routes)) as lab:
        await lab.request(range(2))
        (quiet,), slow = lab.peers([0]), lab.peers([1], narrow=True)
        announcing([quiet])
        stopping(slow)
        async with calling([quiet, *slow]) as swarm:
            await swarm.up()
            await lab.until(Active=2)

            async def octets() -> int:
                return quiet.announced

            await eventually(octets, lambda found: found == 4 * routes, 120)
            yield lab, swarm, (await lab.sessions())[slow[0].number]["sent"]
