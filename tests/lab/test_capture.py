"""Captures as evidence: what they prove, and when they prove nothing."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from simulator.lab.capture import AbsenceProof, Capture, bgp_messages, bgp_streams, load_scapy, prove_absence
from simulator.lab.link import Address, LabError, LoopbackPlace
from simulator.lab.netns import BGP_PORT, NetnsLink
from tests.lab_support import lan, require_netns, v4, v6

MARKER = b"\xff" * 16
ORIGIN = b"\x40\x01\x01\x00"
AS_PATH = b"\x40\x02\x06\x02\x01" + (65001).to_bytes(4)
Packets = list[tuple[bytes, int, int]]


def message(kind: int, body: bytes = b"") -> bytes:
    return MARKER + struct.pack("!HB", 19 + len(body), kind) + body


def update(attributes: bytes, nlri: bytes = b"") -> bytes:
    return message(2, struct.pack("!HH", 0, len(attributes)) + attributes + nlri)


OPEN = message(1, struct.pack("!BHH4sB", 4, 65001, 90, bytes(4), 0))
KEEPALIVE = message(4)
END_OF_RIB = update(b"")
ROUTES_4 = update(ORIGIN + AS_PATH + b"\x40\x03\x04\xc0\x00\x02\x01", b"\x18\x0a\x00\x00\x18\x0a\x00\x01")
REACH_6 = struct.pack("!HBB", 2, 1, 16) + v6(1).packed + b"\x00" + b"\x30\x20\x01\x0d\xb8\x00\x01"
ROUTES_6 = update(ORIGIN + AS_PATH + b"\x90\x0e" + len(REACH_6).to_bytes(2) + REACH_6)


async def exchange(link: NetnsLink, local: Address, remote: Address, sent: bytes, answer: bytes = OPEN) -> None:
    """n1 dials n2's port 179, sends, takes the answer, closes."""
    family = socket.AF_INET if local.version == 4 else socket.AF_INET6
    listener = link.place("n2").socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((str(remote), BGP_PORT))
    taken = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(sent))
        writer.write(answer)
        await reader.read()
        writer.close()
        await writer.wait_closed()
        taken.set()

    server = await asyncio.start_server(serve, sock=listener)
    async with server:
        dialler = link.place("n1").socket(family, socket.SOCK_STREAM)
        dialler.setblocking(False)
        await asyncio.get_running_loop().sock_connect(dialler, (str(remote), BGP_PORT))
        reader, writer = await asyncio.open_connection(sock=dialler)
        writer.write(sent)
        await reader.readexactly(len(answer))
        writer.close()
        await writer.wait_closed()
        await taken.wait()


def packets(path: Path) -> Packets:
    load_scapy()
    from scapy.utils import RawPcapReader

    with RawPcapReader(str(path)) as reader:
        return [(frame, metadata.sec, metadata.usec) for frame, metadata in reader]


def write(path: Path, content: Packets) -> Path:
    from scapy.utils import RawPcapWriter

    with RawPcapWriter(str(path), linktype=1) as writer:
        writer.write_header(None)
        for frame, sec, usec in content:
            writer.write_packet(frame, sec=sec, usec=usec)
    return path


def cut_within(path: Path, payload: bytes, target: Path) -> Path:
    """A copy of a capture file that ends in the middle of these bytes."""
    whole = path.read_bytes()
    target.write_bytes(whole[: whole.index(payload) + len(payload) // 2])
    return target


def carrying(content: Packets, payload: bytes) -> int:
    """The first packet that holds these bytes."""
    return next(number for number, (frame, _, _) in enumerate(content) if payload in frame)


@pytest.fixture
async def link() -> AsyncIterator[NetnsLink]:
    require_netns()
    async with NetnsLink(lan(2)) as link:
        yield link


@pytest.fixture
async def captured(link: NetnsLink, tmp_path: Path) -> Path:
    """A capture in which n1 says OPEN, KEEPALIVE and End-of-RIB, each in a segment or so, and no route."""
    async with Capture(link.place("n1"), tmp_path / "n1.pcap") as capture:
        await exchange(link, v4(1), v4(2), OPEN + KEEPALIVE + END_OF_RIB)
    return capture.path


@pytest.mark.privileged
@pytest.mark.parametrize("address", [v4, v6])
@pytest.mark.parametrize("node", ["n1", "n2"])
async def test_an_exchange_is_gap_free_and_complete(
    link: NetnsLink, tmp_path: Path, node: str, address: Callable[[int], Address]
) -> None:
    sent = OPEN + KEEPALIVE * 3000
    began = time.time()
    async with Capture(link.place(node), tmp_path / "x.pcap") as capture:
        await exchange(link, address(1), address(2), sent)
    there, back = bgp_streams(capture.path)
    assert (there.source, there.destination, there.destination_port) == (address(1), address(2), BGP_PORT)
    assert there.gap_free, there.problem
    assert there.data == sent
    assert (back.source, back.source_port, back.gap_free, back.data) == (address(2), BGP_PORT, True, OPEN)
    assert capture.dropped == 0
    content = packets(capture.path)
    assert capture.packets == len(content) >= there.packets + back.packets
    assert all(began - 1 < sec + usec / 1e6 < time.time() + 1 for _, sec, usec in content)


@pytest.mark.privileged
async def test_frames_are_as_on_a_wire(link: NetnsLink, tmp_path: Path) -> None:
    """None is longer than the MTU, checksums are there, and ARP is seen too."""
    async with Capture(link.place("n1"), tmp_path / "x.pcap") as capture:
        await exchange(link, v4(1), v4(2), OPEN + KEEPALIVE * 5000)
    from scapy.layers.inet import IP, TCP
    from scapy.layers.l2 import Ether

    content = packets(capture.path)
    assert max(len(frame) for frame, _, _ in content) == 1514
    assert any(frame[12:14] == b"\x08\x06" for frame, _, _ in content)
    for frame, _, _ in content:
        packet = Ether(frame)
        if TCP in packet:
            seen = packet[TCP].chksum
            del packet[TCP].chksum
            assert Ether(bytes(packet))[IP][TCP].chksum == seen


@pytest.mark.privileged
async def test_no_route_sent_is_proven(captured: Path) -> None:
    proof = prove_absence(captured, [v4(1), v6(1)], 0)
    assert proof == AbsenceProof(True, proof.reason, updates=1, nlri=0, messages=3, packets=proof.packets)
    assert proof.absent
    assert proof.reason == "all 3 messages of 1 connections seen, no prefix in them"


@pytest.mark.privileged
@pytest.mark.parametrize(
    ("local", "remote", "routes", "nlri"), [(v4(1), v4(2), ROUTES_4, 2), (v6(1), v6(2), ROUTES_6, 1)]
)
async def test_routes_sent_are_counted_while_the_capture_runs(
    link: NetnsLink, tmp_path: Path, local: Address, remote: Address, routes: bytes, nlri: int
) -> None:
    async with Capture(link.place("n2"), tmp_path / "x.pcap") as capture:
        await exchange(link, local, remote, OPEN + routes * 3 + END_OF_RIB)
        proof = await capture.prove_absence([local])
        assert (proof.conclusive, proof.absent, proof.updates, proof.nlri) == (True, False, 4, 3 * nlri)
        other = await capture.prove_absence([remote])
        assert (other.absent, other.messages, other.nlri) == (True, 1, 0)


@pytest.mark.privileged
async def test_every_connection_of_the_speaker_counts(link: NetnsLink, tmp_path: Path) -> None:
    async with Capture(link.place("n1"), tmp_path / "x.pcap") as capture:
        await exchange(link, v4(1), v4(2), OPEN + END_OF_RIB)
        await exchange(link, v4(1), v4(2), OPEN + ROUTES_4)
        await exchange(link, v6(1), v6(2), OPEN + ROUTES_6)
    assert prove_absence(capture.path, [v4(1), v6(1)], 0).nlri == 3
    assert prove_absence(capture.path, [v4(1)], 0).nlri == 2


@pytest.mark.privileged
async def test_a_missing_packet_makes_it_inconclusive(link: NetnsLink, tmp_path: Path) -> None:
    sent = OPEN + KEEPALIVE * 500 + END_OF_RIB
    async with Capture(link.place("n1"), tmp_path / "x.pcap") as capture:
        await exchange(link, v4(1), v4(2), sent)
    content = packets(capture.path)
    data = [number for number, (frame, _, _) in enumerate(content) if MARKER in frame and v4(1).packed == frame[26:30]]
    assert len(data) >= 3
    for missing in (data[0], data[1], data[-1]):
        damaged = write(tmp_path / "damaged.pcap", [*content[:missing], *content[missing + 1 :]])
        proof = prove_absence(damaged, [v4(1)], 0)
        assert not proof.conclusive
        assert not proof.absent
        assert "a gap after byte" in proof.reason
        there, _ = bgp_streams(damaged)
        assert not there.gap_free
        assert sent.startswith(there.data)
        assert len(there.data) < len(sent)


@pytest.mark.privileged
async def test_a_route_seen_beside_a_gap_is_still_a_route(link: NetnsLink, tmp_path: Path) -> None:
    async with Capture(link.place("n1"), tmp_path / "x.pcap") as capture:
        await exchange(link, v4(1), v4(2), OPEN + ROUTES_4 + KEEPALIVE * 500)
    content = packets(capture.path)
    last = max(number for number, (frame, _, _) in enumerate(content) if MARKER in frame[-1448:])
    proof = prove_absence(write(tmp_path / "damaged.pcap", [*content[:last], *content[last + 1 :]]), [v4(1)], 7)
    assert (proof.conclusive, proof.absent, proof.nlri) == (True, False, 2)


@pytest.mark.privileged
async def test_a_capture_begun_too_late_is_inconclusive(captured: Path, tmp_path: Path) -> None:
    content = packets(captured)
    begin = carrying(content, OPEN)
    proof = prove_absence(write(tmp_path / "late.pcap", content[begin:]), [v4(1)], 0)
    assert not proof.conclusive
    assert "its beginning is missing" in proof.reason


@pytest.mark.privileged
async def test_packets_sent_twice_or_in_another_order_are_no_gap(captured: Path, tmp_path: Path) -> None:
    content = packets(captured)
    begin = carrying(content, OPEN)
    shuffled = [*content[:begin], *reversed(content[begin:]), *content[begin:]]
    proof = prove_absence(write(tmp_path / "twice.pcap", shuffled), [v4(1)], 0)
    assert proof.absent, proof.reason
    assert proof.messages == 3


@pytest.mark.privileged
async def test_dropped_packets_make_it_inconclusive(captured: Path) -> None:
    proof = prove_absence(captured, [v4(1)], 3)
    assert (proof.conclusive, proof.reason) == (False, "3 packets were dropped")


@pytest.mark.privileged
async def test_packets_cut_short_make_it_inconclusive(captured: Path, tmp_path: Path) -> None:
    proof = prove_absence(cut_within(captured, OPEN, tmp_path / "cut.pcap"), [v4(1)], 0)
    assert (proof.conclusive, proof.reason) == (False, f"{v4(1)}: a packet was captured only in part")


@pytest.mark.privileged
async def test_what_is_not_bgp_is_inconclusive(link: NetnsLink, tmp_path: Path) -> None:
    async with Capture(link.place("n1"), tmp_path / "x.pcap") as capture:
        await exchange(link, v4(1), v4(2), OPEN + b"GET / HTTP/1.1\r\n")
    proof = prove_absence(capture.path, [v4(1)], 0)
    assert not proof.conclusive
    assert "not BGP" in proof.reason


@pytest.mark.privileged
async def test_a_speaker_that_said_nothing_proves_nothing(captured: Path) -> None:
    proof = prove_absence(captured, [v6(1)], 0)
    assert (proof.conclusive, proof.reason) == (False, "no BGP message of this speaker was captured")


def test_an_empty_capture_is_inconclusive(tmp_path: Path) -> None:
    load_scapy()
    header_only = write(tmp_path / "header.pcap", [])
    nothing = tmp_path / "nothing.pcap"
    nothing.touch()
    for path in (header_only, nothing):
        proof = prove_absence(path, [v4(1)], 0)
        assert (proof.conclusive, proof.absent, proof.reason) == (False, False, "nothing was captured")
    with pytest.raises(LabError, match="cannot be read"):
        prove_absence(tmp_path / "none.pcap", [v4(1)], 0)


@pytest.mark.privileged
async def test_an_ip_fragment_of_the_speaker_is_inconclusive(captured: Path, tmp_path: Path) -> None:
    content = packets(captured)
    frame, sec, usec = content[carrying(content, OPEN)]
    fragment = frame[:20] + b"\x20\x00" + frame[22:]
    proof = prove_absence(write(tmp_path / "fragment.pcap", [*content, (fragment, sec, usec)]), [v4(1)], 0)
    assert (proof.conclusive, proof.reason) == (False, f"{v4(1)}: an IP fragment")


@pytest.mark.privileged
async def test_thousands_of_packets_are_read_in_time(link: NetnsLink, tmp_path: Path) -> None:
    async with Capture(link.place("n1"), tmp_path / "x.pcap") as capture:
        await exchange(link, v4(1), v4(2), OPEN + KEEPALIVE * 300_000)
    assert capture.packets > 4000
    began = time.process_time()
    proof = prove_absence(capture.path, [v4(1)], capture.dropped)
    assert time.process_time() - began < 3
    assert proof.messages == 300_001 or not proof.conclusive


@pytest.mark.privileged
async def test_the_end_of_the_lab_does_not_disturb_a_capture(tmp_path: Path) -> None:
    require_netns()
    async with NetnsLink(lan(2)) as link:
        capture = Capture(link.place("n1"), tmp_path / "x.pcap")
        await capture.start()
        await exchange(link, v4(1), v4(2), OPEN)
    await capture.stop()
    await capture.stop()
    assert prove_absence(capture.path, [v4(1)], capture.dropped).absent


async def test_loopback_has_no_frames_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="use link: netns"):
        Capture(LoopbackPlace("n1", {}), tmp_path / "x.pcap")


@pytest.mark.privileged
async def test_a_capture_that_cannot_be_written_is_one_line(link: NetnsLink, tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"no capture of n1 to .*: No such file or directory"):
        await Capture(link.place("n1"), tmp_path / "none" / "x.pcap").start()


def test_scapy_is_loaded_only_when_needed_and_then_in_silence() -> None:
    script = """
import sys
import simulator.lab.capture, simulator.lab.probe
print("scapy" in sys.modules)
simulator.lab.capture.load_scapy()
from scapy.contrib.bgp import bgp_module_conf
print(bgp_module_conf.use_2_bytes_asn)
"""
    command = [sys.executable, "-W", "error", "-c", script]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [Path(__file__).parents[2], *sys.path]))}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert (done.stdout.split(), done.stderr) == (["False", "False"], "")


def test_messages_are_split_at_their_lengths() -> None:
    assert bgp_messages(OPEN + KEEPALIVE) == ([OPEN, KEEPALIVE], b"")
    assert bgp_messages(OPEN + KEEPALIVE[:18]) == ([OPEN], KEEPALIVE[:18])
    assert bgp_messages(MARKER + b"\x00\x05\x04") == ([], MARKER + b"\x00\x05\x04")
