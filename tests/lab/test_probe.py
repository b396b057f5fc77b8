"""Probes between real nodes."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from functools import partial
from ipaddress import ip_address

import pytest

from simulator.addresses import IpAddress
from simulator.lab.netns import NetnsLink, mac
from simulator.lab.probe import neighbors_on_lan, ping, tcp_port
from simulator.places.errors import LabError
from simulator.places.link import LanSpec, NodeSpec
from simulator.places.loopback import LoopbackPlace
from simulator.speakers.sockets import set_md5
from tests.lab_support import LAN4, LAN6, lan, require_netns, v4, v6
from tests.patience import PATIENCE

pytestmark = pytest.mark.privileged

BOTH = pytest.mark.parametrize("address", [v4, v6], ids=["IPv4", "IPv6"])
Numbered = Callable[[int], IpAddress]


@pytest.fixture
async def link() -> AsyncIterator[NetnsLink]:
    require_netns()
    async with NetnsLink(lan(2)) as link:
        yield link


@BOTH
async def test_one_neighbor_answers(link: NetnsLink, address: Numbered) -> None:
    probe = await neighbors_on_lan(link.place("n1"), address(2))
    assert probe.macs == {mac(2)}
    assert probe.requests >= 1


@BOTH
async def test_nobody_answers(link: NetnsLink, address: Numbered) -> None:
    probe = await neighbors_on_lan(link.place("n1"), address(9), deadline=0.4, resend=0.15)
    assert probe.macs == set()
    assert probe.requests >= 2


@BOTH
async def test_two_owners_of_an_address_are_both_heard(address: Numbered) -> None:
    require_netns()
    nodes = (*lan(2).nodes, NodeSpec("thief", (address(2),)))
    async with NetnsLink(LanSpec((LAN4, LAN6), nodes)) as link:
        assert (await neighbors_on_lan(link.place("n1"), address(2))).macs == {mac(2), mac(3)}


async def test_a_probe_beyond_the_lan_is_one_line(link: NetnsLink) -> None:
    with pytest.raises(LabError, match="no ARP or ND probe from n1: Network is unreachable"):
        await neighbors_on_lan(link.place("n1"), ip_address("203.0.113.1"))
    with pytest.raises(LabError, match="use link: netns"):
        await neighbors_on_lan(LoopbackPlace("n1", {}), v4(2))


@BOTH
@pytest.mark.parametrize("size", [None, 1500])
async def test_ping(link: NetnsLink, address: Numbered, size: int | None) -> None:
    result = await ping(link.place("n1"), address(2), size=size, dont_fragment=True, timeout=PATIENCE)
    assert result.answered, result.error
    assert result.rtt_ms is not None
    assert 0 < result.rtt_ms < 5000
    assert result.error == ""


@BOTH
async def test_a_long_ping_is_fragmented_unless_forbidden(link: NetnsLink, address: Numbered) -> None:
    assert (await ping(link.place("n1"), address(2), size=3001, timeout=PATIENCE)).answered
    forbidden = await ping(link.place("n1"), address(2), size=1501, dont_fragment=True, timeout=PATIENCE)
    assert not forbidden.answered
    assert "longer than the path MTU" in forbidden.error


@BOTH
async def test_ping_without_an_answer_says_why(link: NetnsLink, address: Numbered) -> None:
    result = await ping(link.place("n1"), address(9), timeout=0.2)
    assert (result.answered, result.rtt_ms, result.error) == (False, None, "no answer within 0.2 s")
    nowhere = await ping(link.place("n1"), ip_address("203.0.113.1"), timeout=0.2)
    assert nowhere.error == "network unreachable: no route to it"


async def test_pings_at_the_same_time_do_not_take_each_others_answers(link: NetnsLink) -> None:
    hits, misses = await asyncio.gather(
        asyncio.gather(*(ping(link.place("n1"), v4(2), timeout=PATIENCE) for _ in range(20))),
        asyncio.gather(*(ping(link.place("n1"), v4(9), timeout=0.5) for _ in range(20))),
    )
    assert all(result.answered for result in hits)
    assert not any(result.answered for result in misses)


def listener(link: NetnsLink, address: IpAddress, md5: bytes = b"") -> socket.socket:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    sock = link.place("n2").socket(family, socket.SOCK_STREAM)
    if md5:
        peer = v4(1).packed.ljust(124, b"\0")
        option = struct.pack("HH", family, 0) + peer + struct.pack("BBHi80s", 0, 0, len(md5), 0, md5)
        sock.setsockopt(socket.IPPROTO_TCP, 14, option)
    sock.bind((str(address), 179))
    sock.listen()
    return sock


@BOTH
async def test_tcp_ports(link: NetnsLink, address: Numbered) -> None:
    assert await tcp_port(link.place("n1"), address(1), address(2), 179) == "refused"
    with listener(link, address(2)) as server:
        assert await tcp_port(link.place("n1"), address(1), address(2), 179) == "open"
        # Gone with a RST: nothing stays behind, not even in the remote kernel.
        connection, peer = server.accept()
        with connection:
            assert peer[0] == str(address(1))
            with pytest.raises(ConnectionResetError):
                connection.recv(1)


async def test_silence_is_filtered_and_no_answer_to_arp_is_unreachable(link: NetnsLink) -> None:
    place = link.place("n1")
    with listener(link, v4(2), md5=b"secret"):
        filtered, absent, nowhere = await asyncio.gather(
            tcp_port(place, v4(1), v4(2), 179, timeout=0.3),
            tcp_port(place, v4(1), v4(9), 179, timeout=20),
            tcp_port(place, v4(1), ip_address("203.0.113.1"), 179),
        )
    assert (filtered, absent, nowhere) == ("filtered", "unreachable", "unreachable")


async def test_a_listener_with_a_key_answers_who_signs_with_it(link: NetnsLink) -> None:
    place = link.place("n1")
    with listener(link, v4(2), md5=b"secret"):
        signed = (partial(set_md5, peer=v4(2), key=key) for key in ("secret", "another"))
        ways = (tcp_port(place, v4(1), v4(2), 179, 0.3, prepare) for prepare in signed)
        assert await asyncio.gather(*ways) == ["open", "filtered"]


async def test_a_foreign_source_address_is_one_line(link: NetnsLink) -> None:
    with pytest.raises(LabError, match=r"cannot probe .* Cannot assign requested address"):
        await tcp_port(link.place("n1"), v4(7), v4(2), 179)
