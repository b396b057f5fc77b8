"""Traceroute: who answers on the way, and whose answers are not ours."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from simulator.addresses import IpAddress
from simulator.lab.netns import NetnsLink
from simulator.lab.traceroute import is_ours, traceroute
from tests.lab_support import lan, require_netns, v4, v6

IDENTIFIER = b"turn"
ECHO = {4: struct.pack("!BBH", 8, 0, 0) + IDENTIFIER, 6: struct.pack("!BBH", 128, 0, 0) + IDENTIFIER}
HEADER = {4: b"\x46" + bytes(23), 6: b"\x60" + bytes(39)}
"""IPv4 with one word of options: its header is not always 20 octets."""


def received(version: int, kind: int, rest: bytes) -> bytes:
    """As a raw socket hands it over: IPv4 with its header, IPv6 without."""
    return (HEADER[4] if version == 4 else b"") + struct.pack("!BBH", kind, 0, 0) + rest


@pytest.mark.parametrize(("version", "reply", "expired"), [(4, 0, 11), (6, 129, 3)])
def test_only_what_answers_our_request_counts(version: int, reply: int, expired: int) -> None:
    inner = bytes(4) + HEADER[version] + ECHO[version]
    assert is_ours(received(version, reply, IDENTIFIER), version, IDENTIFIER)
    assert is_ours(received(version, expired, inner), version, IDENTIFIER)
    assert not is_ours(received(version, reply, b"else"), version, IDENTIFIER)
    assert not is_ours(received(version, expired, inner), version, b"else")
    assert not is_ours(received(version, expired, b""), version, IDENTIFIER)
    assert not is_ours(received(version, 5, IDENTIFIER), version, IDENTIFIER)


@pytest.mark.privileged
@pytest.mark.parametrize("address", [v4, v6], ids=["IPv4", "IPv6"])
async def test_a_neighbor_is_one_hop_away_and_nobody_is_silent(address: Callable[[int], IpAddress]) -> None:
    require_netns()
    async with NetnsLink(lan(2)) as link:
        (hop,) = await traceroute(link.place("n1"), address(2))
        assert (hop.ttl, hop.responder, hop.error) == (1, address(2), "")
        assert hop.rtt_ms is not None and hop.rtt_ms > 0
        silent = await traceroute(link.place("n1"), address(9), timeout=0.05)
        assert [(hop.ttl, hop.responder) for hop in silent] == [(1, None), (2, None), (3, None)]


@pytest.mark.privileged
async def test_without_a_route_nobody_is_asked() -> None:
    require_netns()
    async with NetnsLink(lan(2)) as link:
        (hop,) = await traceroute(link.place("n1"), v4(2) + 65536)
        assert hop.error == "network unreachable: no route to it"
