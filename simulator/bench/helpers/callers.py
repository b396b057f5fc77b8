"""Many plain BGP clients that call all at once, announce their routes, and then only keep their sessions alive.

    python -m simulator.bench.helpers.callers SESSIONS ROUTES

It prints one JSON object a line: `calling`, `established` with the last session, and `ended` for each that ends.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import sys
import time
from ipaddress import IPv4Address

from simulator.bench.helpers.limits import open_files
from simulator.bench.helpers.said import say
from simulator.bench.many_sessions import HOLD
from simulator.bench.route_server_daemons import SERVER, clients
from simulator.session.messages import Capabilities, Family, Open
from simulator.wire.attribute_codec import AsSegment, PathAttributes, SegmentKind, encode
from simulator.wire.framing import KEEPALIVE, Framer, MessageType
from simulator.wire.open import encode_open
from simulator.wire.update import pack_announcements

_AT_ONCE = 64
"""Calls on the way: a listener's queue has an end."""


class _Caller:
    """One session."""

    def __init__(self, address: IPv4Address, asn: int, announce: bytes) -> None:
        self.address, self.asn, self.announce = address, asn, announce
        self.framer = Framer()
        self.up = False
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.bind((str(address), 0))
        with contextlib.suppress(BlockingIOError):
            self.sock.connect((SERVER, 179))

    def greet(self) -> None:
        if problem := self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise SystemExit(f"{self.address} cannot call: error {problem}")
        capabilities = Capabilities(families=frozenset({Family.IPV4}), extended_message=False)
        self.sock.send(encode_open(Open(self.asn, HOLD, self.address, capabilities)))

    def heard(self) -> bool:
        """Whether the session is still there."""
        try:
            octets = self.sock.recv(1 << 16)
        except ConnectionError:
            return False
        if not octets:
            return False
        self.framer.feed(octets)
        for kind, _ in self.framer.messages():
            if kind == MessageType.NOTIFICATION:
                return False
            if kind == MessageType.OPEN:
                self.sock.send(KEEPALIVE)
            elif kind == MessageType.KEEPALIVE and not self.up:
                self.up = True
                self.sock.send(self.announce)
        return True


def announced(index: int, address: IPv4Address, asn: int, routes: int) -> bytes:
    """A client's routes, with one set of attributes."""
    first = (41 << 24) + (index * routes << 8)
    keys = [bytes((24,)) + (first + (n << 8)).to_bytes(4, "big")[:3] for n in range(routes)]
    path = (AsSegment(SegmentKind.SEQUENCE, (asn, 13000 + index)),)
    raw = encode(PathAttributes(as_path=path, next_hop=address), asn4=True)
    return b"".join(octets for octets, _ in pack_announcements(Family.IPV4, raw, b"", keys, 4096))


def main(count: int, routes: int) -> None:
    open_files()
    waiting = [(n, address, asn) for n, (address, asn) in enumerate(clients(count))]
    octets = [announced(n, address, asn, routes) for n, address, asn in waiting]
    poll, calling, up = selectors.EpollSelector(), 0, list[_Caller]()
    say(event="calling")
    keepalive = time.monotonic() + HOLD / 3
    while True:
        while waiting and calling < _AT_ONCE:
            n, address, asn = waiting.pop(0)
            caller = _Caller(address, asn, octets[n])
            poll.register(caller.sock, selectors.EVENT_WRITE, caller)
            calling += 1
        for key, events in poll.select(max(0.0, keepalive - time.monotonic())):
            caller = key.data
            if events & selectors.EVENT_WRITE:
                caller.greet()
                poll.modify(caller.sock, selectors.EVENT_READ, caller)
                continue
            before = caller.up
            if not caller.heard():
                say(event="ended", address=str(caller.address))
                poll.unregister(caller.sock)
                continue
            if caller.up and not before:
                calling -= 1
                up.append(caller)
                if len(up) == count:
                    say(event="established", at=time.monotonic())
        if time.monotonic() >= keepalive:
            keepalive = time.monotonic() + HOLD / 3
            for caller in up:
                with contextlib.suppress(OSError):
                    caller.sock.send(KEEPALIVE)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
