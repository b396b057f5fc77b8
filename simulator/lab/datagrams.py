"""One UDP datagram from a host of the lab to another: whether it arrived, by which interface, or who refused it.

It is one way alone, unlike a ping: nothing has to come back. Who drops it may say so by ICMP (RFC 792, RFC 4443), which
the kernel passes on with the address of who said it (`IP_RECVERR`, ip(7)).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address

from simulator.addresses import IpAddress
from simulator.lab.netns import NetnsPlace
from simulator.lab.probe import reading


class DropReason(Enum):
    """Why a datagram went no further."""

    NO_ROUTE = "no route"
    NO_NEIGHBOR = "the next hop does not answer"
    PROHIBITED = "prohibited"
    EXPIRED = "its TTL expired"
    TOO_LONG = "it is longer than a link on the path takes"
    OTHER = "refused"


@dataclass(frozen=True, slots=True)
class Flight:
    """What became of one datagram."""

    arrived: bool
    over: str = ""
    """The interface of the receiving host by which it came."""
    ttl: int = 0
    """With which it came."""
    refusal: DropReason | None = None
    """What somebody on the way said of it; None: nothing was heard."""
    by: IpAddress | None = None
    """Who said so."""


_ICMP = {
    (3, 0): DropReason.NO_ROUTE,
    (3, 1): DropReason.NO_NEIGHBOR,
    (3, 4): DropReason.TOO_LONG,
    (3, 13): DropReason.PROHIBITED,
    (11, 0): DropReason.EXPIRED,
}
_ICMP6 = {
    (1, 0): DropReason.NO_ROUTE,
    (1, 1): DropReason.PROHIBITED,
    (1, 3): DropReason.NO_NEIGHBOR,
    (2, 0): DropReason.TOO_LONG,
    (3, 0): DropReason.EXPIRED,
}
TTL = 64
_LEVEL = {4: socket.IPPROTO_IP, 6: socket.IPPROTO_IPV6}
_FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
_PKTINFO, _RECVTTL, _RECVERR, _DISCOVER = {4: 8, 6: 49}, {4: 12, 6: 51}, {4: 11, 6: 25}, {4: 10, 6: 23}
_INFO, _TTL = {4: 8, 6: 50}, {4: 2, 6: 52}
_PROBE = 3
"""Set DF, and believe no cached path MTU."""
_HEADERS = {4: 28, 6: 48}
_TOKEN = 16
_ERROR = struct.Struct("=IBBBBII")


async def send(
    sender: NetnsPlace,
    receiver: NetnsPlace,
    ends: tuple[IpAddress, IpAddress],
    *,
    device: str = "",
    size: int = 64,
    within: float = 0.5,
) -> Flight:
    """One datagram between two addresses, source first, an IP packet of `size` octets with DF; `within` in seconds.

    `device`: the sender's interface to send it by.
    """
    source, target = ends
    version = source.version
    answer: asyncio.Future[Flight] = asyncio.get_running_loop().create_future()
    token = os.urandom(_TOKEN)
    with _ear(receiver, target) as ear, _mouth(sender, source, device) as mouth:
        names = receiver.run(lambda: dict(socket.if_nameindex()))

        def hear() -> None:
            with contextlib.suppress(OSError):
                data, controls, _, _ = ear.recvmsg(1 << 16, 512)
                if data[:_TOKEN] == token and not answer.done():
                    answer.set_result(_arrival(version, controls, names))

        def refused() -> None:
            with contextlib.suppress(OSError):
                _, controls, _, _ = mouth.recvmsg(1 << 16, 512, socket.MSG_ERRQUEUE)
                if not answer.done():
                    answer.set_result(_refusal(version, controls))

        with reading(ear.fileno(), hear), reading(mouth.fileno(), refused):
            payload = token + bytes(max(size - _HEADERS[version] - _TOKEN, 0))
            try:
                mouth.sendto(payload, (str(target), ear.getsockname()[1]))
                async with asyncio.timeout(within):
                    return await answer
            except TimeoutError:
                return Flight(False)
            except OSError as error:
                why = DropReason.TOO_LONG if error.errno == errno.EMSGSIZE else DropReason.NO_ROUTE
                return Flight(False, refusal=why)


@contextlib.contextmanager
def _ear(place: NetnsPlace, address: IpAddress) -> Iterator[socket.socket]:
    version = address.version
    with place.socket(_FAMILY[version], socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.setsockopt(_LEVEL[version], _PKTINFO[version], 1)
        sock.setsockopt(_LEVEL[version], _RECVTTL[version], 1)
        sock.bind((str(address), 0))
        yield sock


@contextlib.contextmanager
def _mouth(place: NetnsPlace, address: IpAddress, device: str) -> Iterator[socket.socket]:
    version = address.version
    with place.socket(_FAMILY[version], socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.setsockopt(_LEVEL[version], _RECVERR[version], 1)
        sock.setsockopt(_LEVEL[version], _DISCOVER[version], _PROBE)
        if device:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
        sock.bind((str(address), 0))
        yield sock


Controls = list[tuple[int, int, bytes]]


def _arrival(version: int, controls: Controls, names: dict[int, str]) -> Flight:
    over, ttl = "", 0
    for level, kind, data in controls:
        if level == _LEVEL[version] and kind == _INFO[version]:
            index = struct.unpack_from("=I", data, 0 if version == 4 else 16)[0]
            over = names.get(index, "")
        elif level == _LEVEL[version] and kind == _TTL[version]:
            ttl = struct.unpack_from("=i", data)[0]
    return Flight(True, over, ttl)


def _refusal(version: int, controls: Controls) -> Flight:
    for level, kind, data in controls:
        if level != _LEVEL[version] or kind != _RECVERR[version]:
            continue
        number, _, icmp, code, _, _, _ = _ERROR.unpack_from(data)
        why = (_ICMP if version == 4 else _ICMP6).get((icmp, code), DropReason.OTHER)
        if number == errno.EMSGSIZE:
            why = DropReason.TOO_LONG
        offender = data[_ERROR.size :]
        octets = offender[4:8] if version == 4 else offender[8:24]
        by = ip_address(octets) if any(octets) else None
        return Flight(False, refusal=why, by=by)
    return Flight(False, refusal=DropReason.OTHER)
