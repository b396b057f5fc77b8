"""A plain BGP client in a process of its own: comes up, waits for a line on its input, sends a file of octets.

    python -m simulator.bench.helpers.sender LOCAL REMOTE PORT ASN FILE…

It prints one JSON object a line, with the system's monotonic clock: `established`, then `sending` (`sending again`) and
`sent` for each file. It reads what it receives, and ends when its input ends.
"""

from __future__ import annotations

import selectors
import socket
import sys
import time
from ipaddress import IPv4Address
from pathlib import Path

from simulator.bench.helpers.said import say
from simulator.session.messages import Capabilities, Family, Open
from simulator.wire.framing import KEEPALIVE, Framer, MessageType
from simulator.wire.open import encode_open


def main(local: str, remote: str, port: str, asn: str, *files: str) -> None:
    payloads = [Path(name).read_bytes() for name in files]
    sock = connect(local, remote, int(port))
    capabilities = Capabilities(families=frozenset({Family.IPV4}), extended_message=False)
    sock.sendall(encode_open(Open(int(asn), 240, IPv4Address(local), capabilities)) + KEEPALIVE)
    framer, seen = Framer(), set()
    framer.max_size = 65535
    while MessageType.KEEPALIVE not in seen:
        framer.feed(sock.recv(65536))
        seen |= {kind for kind, _ in framer.messages()}
    say(event="established")
    with selectors.DefaultSelector() as selector:
        selector.register(sys.stdin, selectors.EVENT_READ)
        selector.register(sock, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select(60):
                if key.fileobj is sock:
                    if not sock.recv(1 << 20):
                        return
                elif not sys.stdin.readline():
                    return
                elif payloads:
                    say(event="sending" if len(payloads) == len(files) else "sending again")
                    sock.sendall(payloads.pop(0))
                    say(event="sent")


def connect(local: str, remote: str, port: int) -> socket.socket:
    """The receiver may need a moment to listen."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return socket.create_connection((remote, port), source_address=(local, 0), timeout=20)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


if __name__ == "__main__":
    main(*sys.argv[1:])
