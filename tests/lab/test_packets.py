"""Real packets in namespaces: what a capture of one session's addresses counts, and the facts that follow from it."""

from __future__ import annotations

import asyncio
import math
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from simulator.addresses import IpAddress
from simulator.diagnosis.evidence import Observation, SessionEvidence
from simulator.diagnosis.fact import Fact
from simulator.diagnosis.facts import facts_of
from simulator.diagnosis.packet_facts import may_be_of
from simulator.faults.actions import change_address
from simulator.faults.packets import drop
from simulator.lab.capture import Capture
from simulator.lab.netns import NetnsLink, netns_place
from simulator.lab.probe import neighbors_on_lan
from simulator.packets.kinds import PacketKind as K
from simulator.packets.kinds import Packets, PacketsSeen
from simulator.places.endpoint import BGP_PORT
from simulator.session.states import BgpState
from simulator.speakers.sockets import set_md5
from tests.lab_support import lan, require_netns, v4
from tests.packets import tshark
from tests.patience import PATIENCE
from tests.report import sample

pytestmark = pytest.mark.privileged
EDGE, PEER = v4(1), v4(2)
BEHIND = IPv4Address("198.51.100.1")


@pytest.fixture
async def link() -> AsyncIterator[NetnsLink]:
    require_netns()
    async with NetnsLink(lan(3)) as made:
        yield made


def server(link: NetnsLink, node: str, address: IpAddress, key: str = "", ttl: int = 64) -> socket.socket:
    """Something that listens on the BGP port."""
    listener = link.place(node).socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
    if key:
        set_md5(listener, EDGE if node == "n2" else PEER, key)
    listener.bind((str(address), BGP_PORT))
    listener.listen()
    return listener


async def dial(link: NetnsLink, node: str, target: IpAddress, key: str = "") -> None:
    """One attempt to open TCP, for as long as two SYNs take."""
    caller = link.place(node).socket(socket.AF_INET, socket.SOCK_STREAM)
    caller.setblocking(False)
    if key:
        set_md5(caller, target, key)
    with caller:
        try:
            async with asyncio.timeout(1.3):
                await asyncio.get_running_loop().sock_connect(caller, (str(target), BGP_PORT))
        except (OSError, TimeoutError):
            return


async def heard(
    link: NetnsLink, *actions: Callable[[], object], until: K, least: int = 1, peer: IpAddress = PEER
) -> PacketsSeen:
    """What the edge's capture counted while all this was done, and until there is so much of a kind."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "wire.pcap"
        async with Capture(link.place("n1"), file) as capture:
            conversation = capture.listen(EDGE, peer)
            for action in actions:
                done = action()
                if asyncio.iscoroutine(done):
                    await done
            async with asyncio.timeout(PATIENCE):
                while capture.heard(conversation)[until] < least:  # noqa: ASYNC110 - a capture tells nobody
                    await asyncio.sleep(0)
            await capture.stop()
            seen = capture.heard(conversation)
            capture.forget(conversation)
        if shutil.which("tshark"):
            rows = tshark.read(file)
            counts = {kind: len(tshark.numbers(rows, Packets(kind, (EDGE, peer)), math.inf)) for kind in seen.counts}
            assert counts == seen.counts, "what findings count is what tshark counts"
    return seen


def facts(seen: PacketsSeen, *, md5: bool = False, gtsm: bool = False, up: bool = False) -> dict[Fact, list[str]]:
    """Of a session of which nothing else is known."""
    state = BgpState.ESTABLISHED if up else BgpState.CONNECT
    view = replace(
        sample.passed_report().connections[0].sessions[0],
        local_address=EDGE,
        peer_address=PEER,
        bgp_state=state,
        peer_open=None,
        notifications=(),
        md5=md5,
        gtsm=gtsm,
    )
    session = SessionEvidence(view=view, max_prefixes=10, soaked=False, settled=False, packets=seen)
    wanted = {Fact.TCP_REFUSED, Fact.TCP_REJECTED, Fact.TCP_SILENT, Fact.TTL_LOW_HERE, Fact.TWO_MACS}
    wanted |= {Fact.MD5_PEER_SIGNS, Fact.MD5_PEER_UNSIGNED}
    found = facts_of(session, Observation("c", (session,), has_lan=False, soak=1)).found
    return {fact: lines for fact, lines in found.items() if fact in wanted}


async def test_a_closed_port_resets(link: NetnsLink) -> None:
    seen = await heard(link, lambda: dial(link, "n1", PEER), until=K.REFUSED)
    assert (seen[K.SYN_SENT], seen[K.REFUSED], seen[K.SYN_SENT_UNANSWERED]) == (1, 1, 0)
    assert facts(seen) == {Fact.TCP_REFUSED: [f"1 RST of {PEER} answered our SYNs"]}


async def test_a_filter_says_nothing(link: NetnsLink) -> None:
    drop(netns_place(link.place("n2"), "a filter"), "bgp", "IPv4")
    seen = await heard(link, lambda: dial(link, "n1", PEER), until=K.SYN_SENT_UNANSWERED, least=2)
    assert seen.whole
    assert set(facts(seen)) == {Fact.TCP_SILENT}
    assert facts(replace(seen, whole=False)) == {}, "what may be lost proves no absence"


async def test_a_filter_that_rejects_sends_an_icmp_error(link: NetnsLink) -> None:
    def prohibit() -> None:
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        subprocess.run(["ip", "route", "add", "prohibit", str(BEHIND)], check=True)

    netns_place(link.place("n2"), "a route").run(prohibit)
    route = ["ip", "route", "add", str(BEHIND), "via", str(PEER)]
    netns_place(link.place("n1"), "a route").run(lambda: subprocess.run(route, check=True))
    seen = await heard(link, lambda: dial(link, "n1", BEHIND), until=K.REJECTED, peer=BEHIND)
    assert seen[K.SYN_SENT_UNANSWERED] == 0
    assert set(facts(seen)) == {Fact.TCP_REJECTED}


@pytest.mark.parametrize(("ours", "theirs"), [("", "key"), ("key", ""), ("key", "other")])
async def test_a_syn_tells_who_has_a_key(link: NetnsLink, ours: str, theirs: str) -> None:
    with server(link, "n1", EDGE, ours):
        kind = K.SYN_RECEIVED_SIGNED if theirs else K.SYN_RECEIVED_UNSIGNED
        seen = await heard(link, lambda: dial(link, "n2", EDGE, theirs), until=kind)
    expected = {("", "key"): {Fact.MD5_PEER_SIGNS}, ("key", ""): {Fact.MD5_PEER_UNSIGNED}}.get((ours, theirs), set())
    assert set(facts(seen, md5=bool(ours))) == expected
    assert facts(seen, md5=bool(ours), up=True) == {}, "a session that is up has no such trouble"


@pytest.mark.parametrize("ttl", [64, 254, 255])
async def test_the_ttl_tells_of_gtsm(link: NetnsLink, ttl: int) -> None:
    with server(link, "n2", PEER, ttl=ttl):
        seen = await heard(link, lambda: dial(link, "n1", PEER), until=K.OPENED)
    assert (seen[K.TTL_LOW] > 0, seen[K.TTL_FULL] > 0) == (ttl < 255, ttl == 255)
    assert set(facts(seen, gtsm=True)) == ({Fact.TTL_LOW_HERE} if ttl < 255 else set())
    assert facts(seen) == {}


async def test_arp_has_no_answer_or_two(link: NetnsLink) -> None:
    place = link.place("n1")
    nobody = IPv4Address(int(PEER) + 50)
    seen = await heard(link, lambda: neighbors_on_lan(place, nobody, deadline=0.7), until=K.NEIGHBOR_ASKED, peer=nobody)
    assert (seen[K.NEIGHBOR_ASKED] >= 2, seen.macs) == (True, frozenset())
    change_address(netns_place(link.place("n3"), "an address"), "add", str(PEER))
    seen = await heard(link, lambda: neighbors_on_lan(place, PEER), until=K.NEIGHBOR_ANSWERED, least=2)
    assert len(seen.macs) == 2
    assert set(facts(seen)) == {Fact.TWO_MACS}


SIGNED, PLAIN = {K.SIGNED: 3}, {K.UNSIGNED: 3, K.TTL_LOW: 3}
NOTHING: dict[K, int] = {}
OWN = [
    # counter, of the edge, what the peer sent, whether it can be this session's
    ("TCPMD5NotFound", True, PLAIN, True),
    ("TCPMD5NotFound", True, SIGNED, False),
    ("TCPMD5NotFound", True, NOTHING, False),
    ("TCPMD5Unexpected", False, SIGNED, False),
    ("TCPMD5Unexpected", False, PLAIN, True),
    ("TCPMD5Unexpected", False, NOTHING, True),
    ("TCPMD5Failure", True, SIGNED, True),
    ("TCPMD5Failure", True, PLAIN, False),
    ("TCPMD5Failure", False, PLAIN, False),
    ("TCPMD5Failure", False, NOTHING, True),
    ("TCPMD5NotFound", False, PLAIN, False),
    ("TCPMD5NotFound", False, SIGNED, True),
    ("TCPMinTTLDrop", True, PLAIN, True),
    ("TCPMinTTLDrop", True, SIGNED, False),
    ("TCPMinTTLDrop", False, NOTHING, True),
]


@pytest.mark.parametrize(("counter", "here", "sent", "own"), OWN)
def test_a_counter_of_a_node_counts_for_the_sessions_that_can_have_moved_it(
    counter: str, here: bool, sent: dict[K, int], own: bool
) -> None:
    assert may_be_of(PacketsSeen(sent, whole=True), counter, here=here) is own
    assert may_be_of(PacketsSeen(sent), counter, here=here), "with a gap it may be"
    assert may_be_of(None, counter, here=here), "without a capture it may be"
