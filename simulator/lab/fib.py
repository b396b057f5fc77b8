"""A node's kernel FIB: routes put in, taken out and counted by the thousand, over rtnetlink (rtnetlink(7)).

Packed by hand: a library that builds an object for each message takes seconds for a table that the kernel takes in
100 ms. All functions here block; call them in the node's namespace.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from simulator.addresses import IpAddress

_NEWROUTE, _DELROUTE, _GETROUTE = 24, 25, 26
_ERROR, _DONE = 2, 3
_REQUEST, _ACK, _DUMP, _REPLACE, _CREATE = 0x1, 0x4, 0x300, 0x100, 0x400
_DST, _SRC, _IIF, _OIF, _GATEWAY, _TABLE = 1, 2, 3, 4, 5, 15
_PROTOCOL_BGP, _UNICAST, _ONLINK, _COMPAT = 186, 1, 0x4, 252
_SOL_NETLINK, _STRICT = 270, 12
_HEADER, _ROUTE = struct.Struct("=IHHII"), struct.Struct("=BBBBBBBBI")
_AT_ONCE = 1000
"""Messages in one system call: what the socket's buffer takes."""


@dataclass(frozen=True, slots=True)
class FibRoute:
    """One route. `key`: its prefix, length first (see the glossary)."""

    key: bytes
    gateway: IpAddress
    interface: int
    """By its index. The gateway counts as being on it, whether or not somebody answers there."""


def change(version: int, table: int, add: Iterable[FibRoute], remove: Iterable[bytes] = ()) -> list[str]:
    """Take some prefixes out of a routing table, then put routes in; what the kernel refused, in words."""
    messages = (
        *(_message(_DELROUTE, _REQUEST, version, table, key) for key in remove),
        *(_message(_NEWROUTE, _REQUEST | _CREATE | _REPLACE, version, table, route.key, route) for route in add),
    )
    refused: list[str] = []
    with _socket() as sock:
        for first in range(0, len(messages), _AT_ONCE):
            batch = list(messages[first : first + _AT_ONCE])
            kind, flags = _HEADER.unpack_from(batch[-1])[1:3]
            batch[-1] = batch[-1][:4] + struct.pack("=HH", kind, flags | _ACK) + batch[-1][8:]
            batch[-1] = batch[-1][:8] + struct.pack("=I", _LAST) + batch[-1][12:]
            sock.send(b"".join(batch))
            refused += _refusals(sock)
    return refused


def held(version: int, table: int) -> int:
    """How many routes a table holds."""
    body = _ROUTE.pack(_family(version), 0, 0, 0, _COMPAT, 0, 0, 0, 0) + _attribute(_TABLE, struct.pack("=I", table))
    count = 0
    with _socket() as sock:
        sock.setsockopt(_SOL_NETLINK, _STRICT, 1)  # the kernel looks at that table alone
        sock.send(_HEADER.pack(_HEADER.size + len(body), _GETROUTE, _REQUEST | _DUMP, 1, 0) + body)
        while True:
            for kind, payload in _received(sock):
                if kind == _NEWROUTE:
                    count += 1
                elif kind == _DONE:
                    return count
                elif kind == _ERROR:  # a table that never had a route does not exist
                    return _number(payload) and 0


def way(source: IpAddress, address: IpAddress, incoming: int) -> tuple[int, IpAddress | None] | None:
    """Where the kernel sends what came in by an interface: the outgoing one, by index, and the gateway; or None."""
    bits = address.max_prefixlen
    body = _ROUTE.pack(_family(address.version), bits, bits, 0, 0, 0, 0, 0, 0)
    body += _attribute(_DST, address.packed) + _attribute(_SRC, source.packed)
    body += _attribute(_IIF, struct.pack("=I", incoming))
    with _socket() as sock:
        sock.send(_HEADER.pack(_HEADER.size + len(body), _GETROUTE, _REQUEST, 1, 0) + body)
        for kind, payload in _received(sock):
            if kind == _NEWROUTE:
                found = dict(_attributes(payload[_ROUTE.size :]))
                gateway = ip_address(found[_GATEWAY]) if _GATEWAY in found else None
                return struct.unpack("=I", found[_OIF])[0], gateway
    return None


_LAST = 0xFFFFFFFF
"""The sequence number of a batch's last message: its answer ends the batch."""


def _refusals(sock: socket.socket) -> Iterator[str]:
    while True:
        for kind, payload in _received(sock):
            if kind != _ERROR:
                continue
            number, sequence = _number(payload), _HEADER.unpack_from(payload, 4)[3]
            if number:
                yield f"{_prefix_of(payload[4 + _HEADER.size :])}: {errno.errorcode.get(-number, number)}"
            if sequence == _LAST:
                return


def _prefix_of(body: bytes) -> str:
    if len(body) < _ROUTE.size:
        return "a route"
    family, length = _ROUTE.unpack_from(body)[:2]
    found = dict(_attributes(body[_ROUTE.size :])).get(_DST, b"")
    size = 4 if family == socket.AF_INET else 16
    return f"{ip_address(found.ljust(size, bytes(1))[:size])}/{length}"


def _number(payload: bytes) -> int:
    number: int = struct.unpack_from("=i", payload)[0]
    return number


def _socket() -> socket.socket:
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    return sock


def _received(sock: socket.socket) -> Iterator[tuple[int, bytes]]:
    data, at = sock.recv(1 << 18), 0
    while at < len(data):
        length, kind, _, _, _ = _HEADER.unpack_from(data, at)
        yield kind, data[at + _HEADER.size : at + length]
        at += (length + 3) & ~3


def _family(version: int) -> int:
    return int(socket.AF_INET if version == 4 else socket.AF_INET6)


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        yield kind & 0x3FFF, data[at + 4 : at + length]
        at += max((length + 3) & ~3, 4)


def _message(kind: int, flags: int, version: int, table: int, key: bytes, route: FibRoute | None = None) -> bytes:
    size = 4 if version == 4 else 16
    body = _ROUTE.pack(
        _family(version), key[0], 0, 0, _COMPAT, _PROTOCOL_BGP, 0, _UNICAST, _ONLINK if route is not None else 0
    )
    if kind == _DELROUTE:
        body = _ROUTE.pack(_family(version), key[0], 0, 0, _COMPAT, 0, 255, 0, 0)
    body += _attribute(_DST, key[1:].ljust(size, bytes(1))) + _attribute(_TABLE, struct.pack("=I", table))
    if route is not None:
        body += _attribute(_GATEWAY, route.gateway.packed) + _attribute(_OIF, struct.pack("=I", route.interface))
    return _HEADER.pack(_HEADER.size + len(body), kind, flags, 0, 0) + body
