"""Many plain BGP clients in a process of their own, to load a route server and to see what they get.

    python -m simulator.bench.helpers.clients SERVER FIRST_CLIENT FIRST_AS CLIENTS PREFIXES PER_SET

While the clock runs it only reads, and notes when which octets came; what was in them is counted afterwards. So it
does not hide the route server, however fast that is. It prints one JSON object a line: `established`; after a line on
its input all announce and `converged` tells the seconds until every client held every prefix of the others, for good;
after the next all withdraw, and `emptied` tells how long that took.
"""

from __future__ import annotations

import contextlib
import random
import select
import socket
import sys
import time
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from simulator.bench.helpers.said import say
from simulator.session.messages import Capabilities, Family, Open
from simulator.wire import nlri
from simulator.wire.attribute_codec import AsSegment, PathAttributes, SegmentKind, encode
from simulator.wire.framing import KEEPALIVE, Framer, MessageType
from simulator.wire.open import encode_open
from simulator.wire.update import pack_announcements, pack_withdrawals, split_update

_HOLD = 240
_QUIET = 1.0
"""Seconds without an octet after which the counting begins."""
_DEADLINE = 120.0
_READ = 1 << 20
_BASE = 41 << 24
"""41.0.0.0, where the prefixes begin."""

_Content = tuple[tuple[bytes, ...], tuple[bytes, ...]]
"""What an UPDATE announces and withdraws."""


@dataclass
class PlainClient:
    """One of the clients."""

    sock: socket.socket
    announce: bytes
    withdraw: bytes
    own: frozenset[bytes]
    unsent: memoryview = field(default_factory=lambda: memoryview(b""))
    chunks: list[tuple[float, bytes]] = field(default_factory=list)
    """What came and was not counted, with the moment."""
    rest: bytes = b""
    """The beginning of a message."""
    held: set[bytes] = field(default_factory=set)
    reached: float | None = None
    """When it came to hold what it should, if it does now."""

    def digest(self, expected: int, known: dict[bytes, _Content]) -> None:
        for moment, data in self.chunks:
            octets = self.rest + data if self.rest else data
            at, total = 0, len(octets)
            while total - at >= 19 and total - at >= (size := octets[at + 16] << 8 | octets[at + 17]):
                message = octets[at : at + size]
                at += size
                if message[18] == MessageType.NOTIFICATION:
                    raise SystemExit(f"the route server sent NOTIFICATION {message[19]}/{message[20]}")
                if message[18] == MessageType.UPDATE:
                    content = known.get(message)
                    if content is None:
                        content = known[message] = read(message)
                    announced, withdrawn = content
                    self.held.difference_update(withdrawn)
                    self.held.update(announced)
            self.rest = octets[at:]
            self.held.difference_update(self.own)  # FRR sends a client its own routes back
            if len(self.held) != expected:
                self.reached = None
            elif self.reached is None:
                self.reached = moment
        self.chunks.clear()


def read(message: bytes) -> _Content:
    parts = split_update(message[19:])
    return tuple(nlri.split(parts.announced, Family.IPV4)), tuple(nlri.split(parts.withdrawn, Family.IPV4))


def made(server: str, address: IPv4Address, asn: int, index: int, prefixes: int, per_set: int) -> PlainClient:
    """A client with its session up."""
    rng = random.Random(index)
    first = _BASE + (index * prefixes << 8)
    keys = [bytes((24,)) + (first + (n << 8)).to_bytes(4, "big")[:3] for n in range(prefixes)]
    octets = []
    for start in range(0, prefixes, per_set):
        path = (asn, *(rng.randrange(13000, 23000) for _ in range(rng.randrange(1, 5))))
        attributes = PathAttributes(
            as_path=(AsSegment(SegmentKind.SEQUENCE, path),),
            next_hop=address,
            med=start,  # no two sets of a client are the same
            communities=tuple(path[-1] << 16 | rng.randrange(1, 5000) for _ in range(rng.randrange(0, 4))),
        )
        raw = encode(attributes, asn4=True)
        octets += [m for m, _ in pack_announcements(Family.IPV4, raw, b"", keys[start : start + per_set], 4096)]
    octets += refused(asn, address, index)
    withdraw = b"".join(message for message, _ in pack_withdrawals(Family.IPV4, keys, 4096))
    return PlainClient(session(server, address, asn), b"".join(octets), withdraw, frozenset(keys))


def refused(asn: int, address: IPv4Address, index: int) -> list[bytes]:
    """Routes that no route server may pass on: a bogon, a private ASN, a leak, another one's next hop, too specific."""
    good = bytes((24, 105, index >> 8, index & 0xFF))
    wrong: tuple[tuple[bytes, tuple[int, ...], IPv4Address], ...] = (
        (bytes((24, 10, index >> 8, index & 0xFF)), (asn,), address),
        (good, (asn, 4200000007), address),
        (good, (asn, 64999, 13001), address),
        (good, (asn, 1299, 13001), address),
        (good, (asn + 1,), address),
        (good, (asn,), address + 1),
        (bytes((25, *good[1:], 0)), (asn,), address),
    )
    octets = []
    for key, path, hop in wrong:
        attributes = PathAttributes(as_path=(AsSegment(SegmentKind.SEQUENCE, path),), next_hop=hop)
        raw = encode(attributes, asn4=True)
        octets += [message for message, _ in pack_announcements(Family.IPV4, raw, b"", [key], 4096)]
    return octets


def session(server: str, address: IPv4Address, asn: int) -> socket.socket:
    """A connection with its session up. A daemon may need a moment, and some reset a caller that is too early."""
    deadline = time.monotonic() + 60
    while True:
        try:
            sock = socket.create_connection((server, 179), source_address=(str(address), 0), timeout=5)
            greet(sock, address, asn)
            sock.setblocking(False)
            return sock
        except (ConnectionError, TimeoutError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def greet(sock: socket.socket, address: IPv4Address, asn: int) -> None:
    """Until the route server has confirmed the session."""
    capabilities = Capabilities(families=frozenset({Family.IPV4}), extended_message=False)
    sock.sendall(encode_open(Open(asn, _HOLD, address, capabilities)))
    framer, seen = Framer(), set[int]()
    while MessageType.KEEPALIVE not in seen:
        data = sock.recv(65536)
        if not data:
            raise ConnectionResetError("closed before the session was up")
        framer.feed(data)
        for kind, body in framer.messages():
            if kind == MessageType.NOTIFICATION:
                raise ConnectionResetError(f"NOTIFICATION {body[0]}/{body[1]}")
            if kind == MessageType.OPEN:
                sock.sendall(KEEPALIVE)
            seen.add(kind)


class _Clients:
    """All of them."""

    def __init__(self, clients: list[PlainClient]) -> None:
        self._clients = {client.sock.fileno(): client for client in clients}
        self._poll = select.epoll()
        for number in self._clients:
            self._poll.register(number, select.EPOLLIN)

    def settle(self) -> None:
        """What comes with the sessions is not measured."""
        self._until_quiet(time.monotonic() + 10)
        for client in self._clients.values():
            client.digest(0, {})

    def send(self, expected: int, *, withdraw: bool) -> tuple[float, int]:
        """Seconds until every client held as many prefixes, for good, and the octets that came. SystemExit if not."""
        began = time.monotonic()
        for number, client in self._clients.items():
            client.reached = None
            client.unsent = memoryview(client.withdraw if withdraw else client.announce)
            self._send_more(number, client)
        known: dict[bytes, _Content] = {}
        octets = 0
        while True:
            self._until_quiet(began + _DEADLINE)
            octets += sum(len(data) for client in self._clients.values() for _, data in client.chunks)
            for client in self._clients.values():
                client.digest(expected, known)
            reached = [client.reached for client in self._clients.values()]
            if None not in reached:
                return max(moment for moment in reached if moment is not None) - began, octets
            if time.monotonic() > began + _DEADLINE:
                counts = sorted(len(client.held) for client in self._clients.values())
                raise SystemExit(f"clients hold {counts[0]} to {counts[-1]} prefixes, not {expected}")

    def _until_quiet(self, deadline: float) -> None:
        clients, poll, now = self._clients, self._poll.poll, time.monotonic
        while now() < deadline:
            events = poll(_QUIET)
            if not events:
                return
            for number, event in events:
                client = clients[number]
                if event & select.EPOLLOUT:
                    self._send_more(number, client)
                if event & ~select.EPOLLOUT:
                    data = client.sock.recv(_READ)
                    if not data:
                        raise SystemExit("the route server closed a connection")
                    client.chunks.append((now(), data))

    def _send_more(self, number: int, client: PlainClient) -> None:
        with contextlib.suppress(BlockingIOError):
            client.unsent = client.unsent[client.sock.send(client.unsent) :]
        self._poll.modify(number, select.EPOLLIN | (select.EPOLLOUT if client.unsent else 0))


def main(server: str, first: str, first_as: str, count: str, prefixes: str, per_set: str) -> None:
    clients = [
        made(server, IPv4Address(first) + n, int(first_as) + n, n, int(prefixes), int(per_set))
        for n in range(int(count))
    ]
    together = _Clients(clients)
    together.settle()
    say(event="established")
    expected = (int(count) - 1) * int(prefixes)
    for event, held in (("converged", expected), ("emptied", 0)):
        if not sys.stdin.readline():
            return
        before = time.process_time()
        seconds, octets = together.send(held, withdraw=not held)
        say(event=event, seconds=seconds, octets=octets, cpu=time.process_time() - before)
    sys.stdin.readline()


if __name__ == "__main__":
    main(*sys.argv[1:])
