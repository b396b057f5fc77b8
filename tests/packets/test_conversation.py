"""One session's packets: each kind is told by packets that scapy made, and by no other."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_NS, IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet

from simulator.packets.conversation import Conversation, Sorter
from simulator.packets.kinds import FIRST, Packets, PacketTally
from simulator.packets.kinds import PacketKind as K

EDGE, PEER = IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2")
EDGE6, PEER6 = IPv6Address("2001:db8::1"), IPv6Address("2001:db8::2")
MAC, OTHER = "02:00:00:00:00:02", "02:00:00:00:00:03"
MD5 = [("MSS", 1460), (19, b"\x11" * 16)]
HEAD = b"\xff" * 16


def bgp(kind: int, body: bytes = b"") -> bytes:
    return HEAD + (19 + len(body)).to_bytes(2, "big") + bytes([kind]) + body


OPEN = bgp(1, bytes(10))
CEASE = bgp(3, bytes([6, 2]))
KEEPALIVE = bgp(4)
UPDATE = bgp(2, b"\x00\x00\x00\x00" + bytes([16, 10, 1, 24, 192, 0, 2]))

END = bgp(2, bytes(4))


def framed(packet: Packet, source: str = MAC) -> bytes:
    return bytes(Ether(src=source, dst=OTHER) / packet)


def ours(flags: str, *, port: int = 40000, seq: int = 100, options: Iterable[object] = (), data: bytes = b"") -> bytes:
    head = IP(src=str(EDGE), dst=str(PEER), ttl=64)
    return framed(head / TCP(sport=port, dport=179, flags=flags, seq=seq, options=list(options)) / data)


def theirs(
    flags: str, *, port: int = 40000, seq: int = 900, ttl: int = 64, options: Iterable[object] = (), data: bytes = b""
) -> bytes:
    head = IP(src=str(PEER), dst=str(EDGE), ttl=ttl)
    return framed(head / TCP(sport=179, dport=port, flags=flags, seq=seq, options=list(options)) / data)


def calls(flags: str, *, options: Iterable[object] = ()) -> bytes:
    """The peer dials."""
    head = IP(src=str(PEER), dst=str(EDGE))
    return framed(head / TCP(sport=50000, dport=179, flags=flags, options=list(options)))


def told(
    frames: Iterable[bytes], *prefixes: str, ends: tuple[object, object] = (EDGE, PEER)
) -> dict[object, list[int]]:
    """Kind (and detail) → numbers."""
    conversation, sorter = Conversation(ends, prefixes), Sorter()  # type: ignore[arg-type]
    sorter.add(conversation)
    for number, frame in enumerate(frames, 1):
        sorter.take(number, frame)
    found = {key: tally for key, tally in conversation.found().items() if key[0] not in (K.SIGNED, K.UNSIGNED)}
    return {(kind if not detail else (kind, detail)): tally.first for (kind, detail), tally in found.items()}


WHO_HAS = framed(ARP(op=1, psrc=str(EDGE), pdst=str(PEER)), OTHER)
IS_AT = framed(ARP(op=2, hwsrc=MAC, psrc=str(PEER), pdst=str(EDGE)))
ECHO = framed(IP(src=str(EDGE), dst=str(PEER)) / ICMP(type=8, id=7, seq=1))
REPLY = framed(IP(src=str(PEER), dst=str(EDGE)) / ICMP(type=0, id=7, seq=1))
SYN = IP(src=str(EDGE), dst=str(PEER)) / TCP(sport=40000, dport=179, flags="S")
PROHIBITED = framed(IP(src="192.0.2.9", dst=str(EDGE)) / ICMP(type=3, code=13) / SYN)
EXPIRED = framed(IP(src="192.0.2.9", dst=str(EDGE)) / ICMP(type=11) / (IP(src=str(EDGE), dst=str(PEER)) / UDP(dport=9)))

TABLE: dict[str, tuple[list[bytes], dict[object, list[int]]]] = {
    "asked, no answer": ([WHO_HAS, WHO_HAS], {K.NEIGHBOR_ASKED: [1, 2]}),
    "asked, answered": ([WHO_HAS, IS_AT], {K.NEIGHBOR_ANSWERED: [2]}),
    "gratuitous": ([framed(ARP(op=1, psrc=str(PEER), pdst=str(PEER)))], {K.NEIGHBOR_ANSWERED: [1]}),
    "SYN without answer": (
        [ours("S"), ours("S")],
        {K.SYN_SENT: [1, 2], K.SYN_SENT_UNSIGNED: [1, 2], K.SYN_SENT_UNANSWERED: [1, 2]},
    ),
    "signed SYN": ([ours("S", options=MD5)], {K.SYN_SENT: [1], K.SYN_SENT_UNANSWERED: [1]}),
    "SYN refused": (
        [ours("S"), theirs("RA"), theirs("R")],
        {K.SYN_SENT: [1], K.SYN_SENT_UNSIGNED: [1], K.REFUSED: [2], K.RST_RECEIVED: [2, 3]},
    ),
    "the answer is to another port's SYN": (
        [ours("S"), theirs("RA", port=40001)],
        {K.SYN_SENT: [1], K.SYN_SENT_UNSIGNED: [1], K.SYN_SENT_UNANSWERED: [1], K.RST_RECEIVED: [2]},
    ),
    "SYN accepted": (
        [ours("S"), theirs("SA", ttl=255)],
        {K.SYN_SENT: [1], K.SYN_SENT_UNSIGNED: [1], K.OPENED: [2], K.TTL_FULL: [2]},
    ),
    "SYN prohibited": (
        [ours("S"), PROHIBITED],
        {K.SYN_SENT: [1], K.SYN_SENT_UNSIGNED: [1], K.UNREACHABLE: [2], K.REJECTED: [2]},
    ),
    "an error about a datagram": ([EXPIRED], {K.UNREACHABLE: [1]}),
    "the peer's SYN": (
        [calls("S"), calls("S", options=MD5)],
        {
            K.SYN_RECEIVED_UNSIGNED: [1],
            K.SYN_RECEIVED_SIGNED: [2],
            K.SYN_RECEIVED_UNANSWERED: [1, 2],
            K.TTL_LOW: [1, 2],
        },
    ),
    "echo": ([ECHO], {K.ECHO_UNANSWERED: [1]}),
    "echo and reply": ([ECHO, REPLY], {}),
    "datagrams": (
        [framed(IP(src=str(EDGE), dst=str(PEER)) / UDP()), framed(IP(src=str(PEER), dst=str(EDGE)) / UDP())],
        {K.DATAGRAM_SENT: [1], K.DATAGRAM_RECEIVED: [2]},
    ),
    "another pair": ([framed(IP(src=str(EDGE), dst="192.0.2.9") / TCP(dport=179, flags="S"))], {}),
    "no BGP": ([framed(IP(src=str(EDGE), dst=str(PEER)) / TCP(dport=80, flags="S"))], {}),
    "too short": ([b"", b"\x00" * 13, WHO_HAS[:30], ours("S")[:25], ours("S")[:36]], {}),
}


@pytest.mark.parametrize("name", TABLE)
def test_each_kind_is_told_by_its_packets(name: str) -> None:
    frames, expected = TABLE[name]
    assert told(frames) == expected


def stream(*messages: bytes, size: int) -> list[bytes]:
    """What the peer says, in segments of so many octets."""
    data = b"".join(messages)
    return [theirs("A", seq=901 + at, data=data[at : at + size]) for at in range(0, len(data), size)]


def said(frames: list[bytes], *prefixes: str) -> dict[object, list[int]]:
    found = told([theirs("S"), *frames], *prefixes)
    kinds = (K.OPEN_RECEIVED, K.UPDATE_RECEIVED, K.END_OF_RIB_RECEIVED, K.NOTIFICATION_RECEIVED, K.PREFIX_RECEIVED)
    return {key: numbers for key, numbers in found.items() if (key[0] if isinstance(key, tuple) else key) in kinds}


def test_a_message_counts_in_the_packet_that_completes_it() -> None:
    found = said(stream(OPEN, CEASE, size=40))
    assert found == {K.OPEN_RECEIVED: [2], K.NOTIFICATION_RECEIVED: [3], (K.NOTIFICATION_RECEIVED, "6/2"): [3]}


def test_an_update_has_its_prefixes_and_an_end_of_rib_none() -> None:
    found = said(stream(UPDATE, END, size=200), "10.1.0.0/16", "10.0.0.0/16", "192.0.2.0/24", "1.24.0.0/16")
    assert found == {
        K.UPDATE_RECEIVED: [2],
        K.END_OF_RIB_RECEIVED: [2],
        (K.PREFIX_RECEIVED, "10.1.0.0/16"): [2],
        (K.PREFIX_RECEIVED, "192.0.2.0/24"): [2],
    }


@given(st.integers(1, 80), st.data())
def test_what_is_cut_sent_twice_or_wraps_counts_once(size: int, data: st.DataObject) -> None:
    frames = stream(OPEN, KEEPALIVE, UPDATE, CEASE, size=size)
    again = data.draw(st.lists(st.integers(0, len(frames) - 1), max_size=4))
    sent = [frame for number, frame in enumerate(frames) for frame in [frame] * (2 if number in again else 1)]
    assert {key: len(numbers) for key, numbers in said(sent).items()} == {
        K.OPEN_RECEIVED: 1,
        K.UPDATE_RECEIVED: 1,
        K.NOTIFICATION_RECEIVED: 1,
        (K.NOTIFICATION_RECEIVED, "6/2"): 1,
    }


def test_after_a_gap_the_next_whole_message_counts() -> None:
    lost, kept = OPEN[:10], theirs("A", seq=901 + 500, data=CEASE)
    assert said([theirs("A", seq=901, data=lost), kept])[K.NOTIFICATION_RECEIVED] == [3]


@given(st.lists(st.binary(max_size=120), max_size=20))
def test_no_frame_breaks_it(frames: list[bytes]) -> None:
    told(
        [*frames, *(ours("S")[:34] + frame for frame in frames), *(theirs("A", data=HEAD + frame) for frame in frames)]
    )


def test_neighbor_discovery_and_icmpv6() -> None:
    head = IPv6(src=str(EDGE6), dst=str(PEER6))
    refused = IPv6(src="2001:db8::9", dst=str(EDGE6)) / ICMPv6DestUnreach() / (head / TCP(dport=179, flags="S"))
    frames = [
        framed(IPv6(src=str(EDGE6), dst="ff02::1:ff00:2") / ICMPv6ND_NS(tgt=str(PEER6))),
        framed(IPv6(src=str(PEER6), dst=str(EDGE6)) / ICMPv6ND_NA(tgt=str(PEER6))),
        framed(head / ICMPv6EchoRequest(id=3, seq=4)),
        framed(refused),
    ]
    assert told(frames, ends=(EDGE6, PEER6)) == {
        K.NEIGHBOR_ANSWERED: [2],
        K.ECHO_UNANSWERED: [3],
        K.UNREACHABLE: [4],
        K.REJECTED: [4],
    }


def test_forbidden_frames_are_the_peers_where_its_mac_is_known() -> None:
    lldp, other = (bytes(Ether(src=mac, dst=OTHER, type=0x88CC)) + bytes(10) for mac in (MAC, OTHER))
    assert told([lldp, other]) == {}
    assert told([lldp, other, IS_AT, lldp])[K.FORBIDDEN] == [1, 4]


def test_the_first_few_numbers_are_kept_and_all_are_counted() -> None:
    conversation = Conversation((EDGE, PEER))
    sorter = Sorter()
    sorter.add(conversation)
    for number in range(1, 5000):
        sorter.take(number, ours("S", port=number + 1000))
    assert conversation.found()[K.SYN_SENT, ""] == PacketTally(4999, [1, 2, 3, 4])
    unanswered = conversation.found()[K.SYN_SENT_UNANSWERED, ""]
    assert (unanswered.count, len(unanswered.first)) == (4999, FIRST)
    sorter.leave(conversation)
    assert not sorter


def test_in_words() -> None:
    assert str(Packets(K.NOTIFICATION_RECEIVED, (EDGE, PEER), "6/2")) == "NOTIFICATION 6/2 from 192.0.2.2 to 192.0.2.1"
    assert str(Packets(K.NOTIFICATION_SENT, (EDGE, PEER))) == "NOTIFICATION from 192.0.2.1 to 192.0.2.2"
    said = "UPDATE from 192.0.2.2 to 192.0.2.1 that announces 10.0.0.0/8"
    assert str(Packets(K.PREFIX_RECEIVED, (EDGE, PEER), "10.0.0.0/8")) == said
