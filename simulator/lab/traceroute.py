"""Traceroute from a node of the lab: ICMP echo requests with a growing TTL, and who answers when one expires."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from dataclasses import dataclass
from ipaddress import ip_address

from simulator.addresses import IpAddress
from simulator.lab.probe import ICMP_ECHO, echo_request, icmp_socket, reading, reason
from simulator.places.place import Place

_SILENT = 3
"""Hops in a row that do not answer, after which no further one is asked."""
_PAYLOAD = bytes(32)
_EXPIRED = {4: 11, 6: 3}
"""ICMP type of Time Exceeded (RFC 792, RFC 4443)."""


@dataclass(frozen=True, slots=True)
class Hop:
    """Who answered for one TTL."""

    ttl: int
    responder: IpAddress | None
    rtt_ms: float | None
    error: str = ""
    """Why nobody could be asked; empty where somebody was, answer or not."""


async def traceroute(
    place: Place,
    address: IpAddress,
    *,
    most: int = 16,
    timeout: float = 1.0,  # noqa: ASYNC109 - no answer is a result, not an exception
) -> list[Hop]:
    """The hops to `address`, until it answers itself; `timeout` in seconds for each, `most` hops."""
    target, hops = place.host(address), list[Hop]()
    for ttl in range(1, most + 1):
        hop = await _ask(place, target, ttl, timeout)
        hops.append(hop)
        silent = len(hops) >= _SILENT and all(each.responder is None for each in hops[-_SILENT:])
        if hop.error or hop.responder == target or silent:
            break
    return hops


async def _ask(place: Place, target: IpAddress, ttl: int, limit: float) -> Hop:
    loop, identifier = asyncio.get_running_loop(), os.urandom(4)
    answer: asyncio.Future[tuple[IpAddress, float]] = loop.create_future()
    try:
        sock = icmp_socket(place, target, dont_fragment=False)
    except OSError as error:
        return Hop(ttl, None, None, f"no raw socket in {place.name}: {error.strerror}")

    def read() -> None:
        with contextlib.suppress(OSError):  # nothing left to read
            while True:
                packet, sender = sock.recvfrom(1 << 16)
                if is_ours(packet, target.version, identifier) and not answer.done():
                    answer.set_result((ip_address(sender[0].split("%")[0]), loop.time()))

    with sock, reading(sock.fileno(), read):
        if target.version == 4:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
        else:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, ttl)
        try:
            started = loop.time()
            sock.sendto(echo_request(target, identifier, _PAYLOAD), (str(target), 0))
            async with asyncio.timeout(limit):
                responder, arrived = await answer
        except TimeoutError:
            return Hop(ttl, None, None)
        except OSError as error:
            return Hop(ttl, None, None, reason(error))
        finally:
            answer.cancel()
    return Hop(ttl, responder, round((arrived - started) * 1000, 3))


def is_ours(packet: bytes, version: int, identifier: bytes) -> bool:
    """Whether this is the answer to our request, or says that our request expired on its way."""
    if version == 4:
        packet = packet[(packet[0] & 0x0F) * 4 :]
    kind = packet[:1]
    if kind == bytes([ICMP_ECHO[version][1]]):
        return packet[4:8] == identifier
    if kind != bytes([_EXPIRED[version]]):
        return False
    inner = packet[8:]
    header = (inner[0] & 0x0F) * 4 if version == 4 and inner else 40
    return inner[header + 4 : header + 8] == identifier
