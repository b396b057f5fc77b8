"""Plain BGP peers by the hundred in one event loop: each calls an edge, keeps its session up, and counts what comes.

They share nothing with turnup but its framing. Some of them misbehave: see `loads`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable
from ipaddress import IPv4Address
from typing import Final, cast

from simulator.places.endpoint import Endpoint
from simulator.session.messages import Capabilities, Family, Open
from simulator.wire.framing import KEEPALIVE, MessageType
from simulator.wire.notification import decode_notification
from simulator.wire.open import encode_open

HOLD: Final = 9
"""Seconds; a KEEPALIVE goes out every third of it."""
_WINDOW: Final = 1 << 16
"""Octets that the kernel takes for a peer that may stop reading: a window that does not grow by itself."""
_REST: Final = 0.3
"""Seconds before it calls again."""


class Peer(asyncio.Protocol):
    """One peer: a BGP session from one address to one edge."""

    def __init__(self, number: int, asn: int, address: IPv4Address, edge: Endpoint, *, narrow: bool = False) -> None:
        """`narrow`: its kernel takes little, for a peer that may stop reading."""
        self.number, self.asn, self.address, self.edge = number, asn, address, edge
        self.narrow = narrow
        self.is_up = False
        self.ups = self.downs = self.refused = 0
        """How often the session came up, ended without its own wish, and a call was not taken."""
        self.why = ""
        """What the last end was told with."""
        self.announced = 0
        """Prefixes' octets that came, in all its sessions: more than none means that a gate was open."""
        self.first_nlri: float | None = None
        """Seconds since the epoch when the first octet of NLRI of the session that is up was read."""
        self.nlri_of_sessions: list[tuple[float, float]] = []
        """Of each session: when it came up, and when its first NLRI came."""
        self.changed = asyncio.Event()
        """Set whenever the session comes up or ends; who waits clears it."""
        self.established: Callable[[Peer], None] = lambda _peer: None
        """Called when the session is up."""
        self.transport: asyncio.Transport | None = None
        self.wanted = True
        self.beats = True
        """Whether the swarm sends its KEEPALIVEs: not in the middle of a message."""
        self._up_at = 0.0
        self._octets = b""

    # --- calling ---

    async def call(self) -> None:
        """Call once. Raises OSError where nobody answers."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            sock.setblocking(False)
            if self.narrow:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _WINDOW)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.bind((str(self.address), 0))
            loop = asyncio.get_running_loop()
            await loop.sock_connect(sock, (str(self.edge.host), self.edge.port))
            await loop.create_connection(lambda: self, sock=sock)
        except BaseException:
            sock.close()
            raise

    async def keep_calling(self) -> None:
        """Have a session for as long as it is wanted."""
        while self.wanted:
            if self.transport is None:
                try:
                    await self.call()
                except OSError as error:
                    self.refused += 1
                    self.why = str(error)
            self.changed.clear()
            if self.transport is None:
                await asyncio.sleep(_REST)
            else:
                await self.changed.wait()

    # --- the connection ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._octets = b""
        capabilities = Capabilities(families=frozenset({Family.IPV4}))
        self.transport.write(encode_open(Open(self.asn, HOLD, self.address, capabilities)))

    def data_received(self, data: bytes) -> None:
        octets = self._octets + data if self._octets else data
        at, total = 0, len(octets)
        while total - at >= 19 and total - at >= (size := octets[at + 16] << 8 | octets[at + 17]):
            self._message(octets[at + 18], octets[at + 19 : at + size])
            at += size
        self._octets = octets[at:]

    def _message(self, kind: int, body: bytes) -> None:
        if kind == MessageType.UPDATE:
            withdrawn = body[0] << 8 | body[1]
            attributes = body[2 + withdrawn] << 8 | body[3 + withdrawn]
            if (nlri := len(body) - 4 - withdrawn - attributes) and self.first_nlri is None:
                self.first_nlri = time.time()
                self.nlri_of_sessions.append((self._up_at, self.first_nlri))
            self.announced += nlri
        elif kind == MessageType.OPEN:
            self.send(KEEPALIVE)
        elif kind == MessageType.KEEPALIVE:
            if not self.is_up:
                self.is_up, self.first_nlri, self._up_at = True, None, time.time()
                self.ups += 1
                self.changed.set()
                self.established(self)
        elif kind == MessageType.NOTIFICATION:
            self.why = str(decode_notification(body))

    def connection_lost(self, error: Exception | None) -> None:
        if self.transport is None:  # it was cut by us
            return
        if self.is_up:
            self.downs += 1
            self.why = self.why or str(error or "closed by the edge")
        else:
            self.refused += 1
        self._gone()

    def _gone(self) -> None:
        self.transport, self.is_up = None, False
        self.changed.set()

    # --- what it does ---

    def send(self, octets: bytes) -> None:
        if self.transport is not None:
            self.transport.write(octets)

    def stop_reading(self) -> None:
        assert self.transport is not None
        self.transport.pause_reading()

    def read_on(self) -> None:
        assert self.transport is not None
        self.transport.resume_reading()

    def reset(self) -> None:
        """End the connection by a RST."""
        transport, self.transport = self.transport, None
        if transport is not None:
            sock = transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        self._gone()


class Swarm:
    """Peers that call and keep their sessions; one clock for all their KEEPALIVEs."""

    def __init__(self, peers: list[Peer]) -> None:
        self.peers = peers

    async def beat(self) -> None:
        while True:
            await asyncio.sleep(HOLD / 3)
            for peer in self.peers:
                if peer.is_up and peer.beats:
                    peer.send(KEEPALIVE)

    async def up(self, within: float = 60) -> None:
        """Wait until every session is up at the same time. Raises TimeoutError with those that are not."""
        try:
            async with asyncio.timeout(within):
                while not all(peer.is_up for peer in self.peers):
                    waiting = next(peer for peer in self.peers if not peer.is_up)
                    waiting.changed.clear()
                    await waiting.changed.wait()
        except TimeoutError:
            down = [f"{peer.address}: {peer.why}" for peer in self.peers if not peer.is_up]
            raise TimeoutError(f"{len(down)} of {len(self.peers)} are not up: {down[:3]}") from None


@contextlib.asynccontextmanager
async def calling(peers: list[Peer]) -> AsyncIterator[Swarm]:
    """All call from now on; at the end every connection is cut."""
    swarm = Swarm(peers)
    tasks = [asyncio.ensure_future(peer.keep_calling()) for peer in peers]
    tasks.append(asyncio.ensure_future(swarm.beat()))
    try:
        yield swarm
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for peer in peers:
            peer.reset()
        await asyncio.sleep(0)
