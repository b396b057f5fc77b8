"""Frames that an exchange's LAN forbids: each kind is told, by its sender, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.contrib.lldp import LLDPDUChassisID, LLDPDUEndOfLLDPDU, LLDPDUPortID, LLDPDUTimeToLive
from scapy.contrib.ospf import OSPF_Hdr
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.dhcp6 import DHCP6_Solicit
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6ND_NS, ICMPv6ND_RA, ICMPv6ND_RS, IPv6
from scapy.layers.l2 import ARP, LLC, SNAP, STP, Dot3, Ether
from scapy.packet import Packet

from simulator.packets.forbidden import ForbiddenFrames

MAC, OTHER = "02:00:00:00:00:03", "02:00:00:00:00:04"
LLDP = (
    LLDPDUChassisID(subtype=4, id=MAC) / LLDPDUPortID(subtype=7, id="1") / LLDPDUTimeToLive(ttl=9) / LLDPDUEndOfLLDPDU()
)
UDP6 = UDP(sport=546, dport=547)


def eth(packet: Packet, source: str = MAC, kind: int | None = None) -> bytes:
    return bytes(Ether(src=source, dst="ff:ff:ff:ff:ff:ff", **({"type": kind} if kind else {})) / packet)


def arp(address: str, operation: int = 2, source: str = MAC) -> bytes:
    return eth(ARP(op=operation, hwsrc=source, psrc=address, pdst="192.0.2.9"), source)


FORBIDDEN = [
    ("LLDP", eth(LLDP, kind=0x88CC)),
    ("STP", bytes(Dot3(src=MAC, dst="01:80:c2:00:00:00") / LLC(dsap=0x42, ssap=0x42) / STP())),
    ("CDP", bytes(Dot3(src=MAC, dst="01:00:0c:cc:cc:cc") / LLC() / SNAP(OUI=0xC, code=0x2000) / (b"x" * 30))),
    ("RA", eth(IPv6(src="fe80::1", dst="ff02::1") / ICMPv6ND_RA())),
    ("DHCP", eth(IP(src="0.0.0.0", dst="255.255.255.255") / UDP(sport=68, dport=67) / BOOTP() / DHCP())),
    ("DHCP", eth(IPv6(src="fe80::1", dst="ff02::1:2") / UDP6 / DHCP6_Solicit())),
    ("OSPF", eth(IP(src="192.0.2.1", dst="224.0.0.5") / OSPF_Hdr())),
]
FINE = [
    eth(IP(src="192.0.2.1", dst="192.0.2.2") / ICMP()),
    eth(IP(src="192.0.2.1", dst="192.0.2.2") / UDP(sport=5000, dport=5001) / b"data"),
    eth(IP(src="192.0.2.1", dst="192.0.2.2") / TCP(dport=179)),
    eth(IPv6(src="fe80::1", dst="ff02::1") / ICMPv6ND_NS()),
    eth(IPv6(src="fe80::1", dst="ff02::2") / ICMPv6ND_RS()),
    arp("192.0.2.1", operation=1),
    arp("192.0.2.1"),
    arp("192.0.2.1"),
]


@pytest.mark.parametrize(("kind", "frame"), FORBIDDEN, ids=[kind for kind, _ in FORBIDDEN])
def test_each_kind_is_told_by_its_sender(kind: str, frame: bytes) -> None:
    heard = ForbiddenFrames()
    heard.look_at(frame)
    heard.look_at(frame)
    assert heard.of(frozenset({MAC})) == (f"2 {kind}",)
    assert heard.of(frozenset({OTHER})) == ()


def test_what_belongs_on_a_lan_is_no_finding() -> None:
    heard = ForbiddenFrames()
    for frame in FINE:
        heard.look_at(frame)
    assert heard.of(frozenset({MAC})) == ()


def test_one_mac_that_answers_for_two_addresses_is_a_proxy() -> None:
    heard = ForbiddenFrames()
    for frame in (arp("192.0.2.1"), arp("192.0.2.2", source=OTHER), arp("192.0.2.7")):
        heard.look_at(frame)
    assert heard.of(frozenset({MAC})) == ("1 proxy ARP",)
    assert heard.of(frozenset({OTHER})) == ()


@given(st.binary(max_size=200))
def test_any_octets_can_be_looked_at(frame: bytes) -> None:
    ForbiddenFrames().look_at(frame)


@pytest.mark.parametrize("frame", [frame for _, frame in FORBIDDEN])
def test_a_frame_cut_anywhere_can_be_looked_at(frame: bytes) -> None:
    for length in range(len(frame)):
        ForbiddenFrames().look_at(frame[:length])
