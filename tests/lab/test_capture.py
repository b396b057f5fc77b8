"""Captures as evidence: what they prove, and when they prove nothing."""

from __future__ import annotations

import asyncio
import functools
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from simulator.addresses import IpAddress
from simulator.lab import streams
from simulator.lab.capture import Capture
from simulator.lab.merge import keep_captures
from simulator.lab.netns import NetnsLink, netns_place
from simulator.lab.streams import (
    AbsenceProof,
    Beginnings,
    Ends,
    UnreadableError,
    Watch,
    WatchedStream,
    bgp_messages,
    dissect,
    load_scapy,
    prove_absence,
)
from simulator.places.endpoint import BGP_PORT
from simulator.places.errors import LabError
from simulator.places.link import INTERFACE
from simulator.places.loopback import LoopbackPlace
from tests.lab_support import lan, require_netns, v4, v6

MARKER = b"\xff" * 16
ORIGIN = b"\x40\x01\x01\x00"
AS_PATH = b"\x40\x02\x06\x02\x01" + (65001).to_bytes(4)
Packet = tuple[bytes, int, int]
Packets = list[Packet]


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


async def exchange(link: NetnsLink, local: IpAddress, remote: IpAddress, sent: bytes, answer: bytes = OPEN) -> None:
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


def packets(path: Path | None) -> Packets:
    load_scapy()
    from scapy.utils import RawPcapReader

    with RawPcapReader(str(path)) as reader:
        return [(frame, metadata.sec, metadata.usec) for frame, metadata in reader]


def seen(watch: Watch, content: Packets, beginnings: Beginnings | None = None, cut: int = 0) -> Watch:
    """The watch after these packets; of each but `cut` octets were captured."""
    for frame, _, _ in content:
        try:
            segment = dissect(frame[: len(frame) - cut], len(frame))
        except UnreadableError as error:
            watch.doubt(error.source, error.destination, str(error))
            continue
        if segment is not None:
            if beginnings is not None:
                beginnings.take(segment)
            watch.take(segment)
    return watch


def streams_of(content: Packets, ours: IpAddress, theirs: IpAddress) -> list[WatchedStream]:
    return seen(Watch([(ours, theirs)]), content).streams()


def proof_of(
    content: Packets, *pairs: tuple[IpAddress, IpAddress], sent: dict[Ends, int] | None = None, cut: int = 0
) -> AbsenceProof:
    watch = seen(Watch(pairs or [(v4(1), v4(2)), (v6(1), v6(2))]), content, cut=cut)
    return prove_absence(watch.streams(sent), watch.doubts)


def carrying(content: Packets, payload: bytes) -> int:
    """The first packet that holds these bytes."""
    return next(number for number, (frame, _, _) in enumerate(content) if payload in frame)


@pytest.fixture
async def link() -> AsyncIterator[NetnsLink]:
    require_netns()
    async with NetnsLink(lan(2)) as link:
        yield link


@pytest.fixture
async def captured(link: NetnsLink, tmp_path: Path) -> Packets:
    """A capture in which n1 says OPEN, KEEPALIVE and End-of-RIB, each in a segment or so, and no route."""
    async with Capture(link.place("n1"), tmp_path / "n1.pcap") as capture:
        await exchange(link, v4(1), v4(2), OPEN + KEEPALIVE + END_OF_RIB)
    return packets(capture.path)


@pytest.mark.privileged
@pytest.mark.parametrize("address", [v4, v6])
@pytest.mark.parametrize("node", ["n1", "n2"])
async def test_an_exchange_is_gap_free_and_complete(
    link: NetnsLink, tmp_path: Path, node: str, address: Callable[[int], IpAddress]
) -> None:
    sent = OPEN + KEEPALIVE * 3000
    began = time.time()
    async with Capture(link.place(node), tmp_path / "x.pcap") as capture:
        await exchange(link, address(1), address(2), sent)
    content = packets(capture.path)
    (there,) = streams_of(content, address(1), address(2))
    (back,) = streams_of(content, address(2), address(1))
    assert (there.ends.address, there.ends.peer_address, there.ends.peer_port) == (address(1), address(2), BGP_PORT)
    assert (there.problem, there.data) == ("", sent)
    assert (back.ends.address, back.ends.port, back.problem, back.data) == (address(2), BGP_PORT, "", OPEN)
    assert capture.dropped == 0
    assert capture.packets == len(content) >= there.packets + back.packets
    assert all(began - 1 < sec + usec / 1e6 < time.time() + 1 for _, sec, usec in content)


def _lldp(interface: str) -> str:
    """Send one LLDP frame, to everybody, from an interface of the caller's namespace; returns its MAC."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((interface, 0))
        mac: bytes = raw.getsockname()[4]
        raw.send(b"\xff" * 6 + mac + b"\x88\xcc" + b"\x02\x07\x04" + mac + bytes(40))
    return mac.hex(":")


@pytest.mark.privileged
async def test_frames_that_an_exchange_forbids_are_heard_with_their_sender(link: NetnsLink) -> None:
    async with Capture(link.place("n1")) as capture:
        await exchange(link, v4(1), v4(2), OPEN)  # the switch forwards by then: nobody sends such a frame again
        mac = netns_place(link.place("n2"), "a frame").run(functools.partial(_lldp, INTERFACE))
        await exchange(link, v4(1), v4(2), OPEN)  # what was sent before is there by then
    assert capture.forbidden.of(frozenset({mac})) == ("1 LLDP",)
    assert capture.forbidden.of(frozenset({"02:00:00:00:00:99"})) == ()


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
async def test_no_route_sent_is_proven(captured: Packets) -> None:
    proof = proof_of(captured)
    assert proof == AbsenceProof(True, proof.reason, updates=1, nlri=0, messages=3, packets=proof.packets)
    assert proof.absent
    assert proof.reason == "all 3 messages of 1 connection seen, no prefix in them"


@pytest.mark.privileged
@pytest.mark.parametrize(
    ("local", "remote", "routes", "nlri"), [(v4(1), v4(2), ROUTES_4, 2), (v6(1), v6(2), ROUTES_6, 1)]
)
async def test_routes_sent_are_counted_while_the_capture_runs(
    link: NetnsLink, local: IpAddress, remote: IpAddress, routes: bytes, nlri: int
) -> None:
    """Without a file, and without anything kept of what nobody watches."""
    async with Capture(link.place("n2")) as capture:
        ours, theirs = capture.watch([(local, remote)], {}), capture.watch([(remote, local)], {})
        await exchange(link, local, remote, OPEN + routes * 3 + END_OF_RIB)
        proof = await capture.prove_absence(ours, {})
        assert (proof.conclusive, proof.absent, proof.updates, proof.nlri) == (True, False, 4, 3 * nlri)
        other = await capture.prove_absence(theirs, {})
        assert (other.absent, other.messages, other.nlri) == (True, 1, 0)


@pytest.mark.privileged
async def test_every_connection_of_the_speaker_counts(link: NetnsLink, tmp_path: Path) -> None:
    async with Capture(link.place("n1"), tmp_path / "x.pcap") as capture:
        await exchange(link, v4(1), v4(2), OPEN + END_OF_RIB)
        await exchange(link, v4(1), v4(2), OPEN + ROUTES_4)
        await exchange(link, v6(1), v6(2), OPEN + ROUTES_6)
    content = packets(capture.path)
    assert proof_of(content).nlri == 3
    assert proof_of(content, (v4(1), v4(2))).nlri == 2


@pytest.mark.privileged
async def test_a_missing_packet_makes_it_inconclusive(link: NetnsLink, tmp_path: Path) -> None:
    sent = OPEN + KEEPALIVE * 500 + END_OF_RIB
    async with Capture(link.place("n1"), tmp_path / "x.pcap") as capture:
        await exchange(link, v4(1), v4(2), sent)
    content = packets(capture.path)
    data = [number for number, (frame, _, _) in enumerate(content) if MARKER in frame and v4(1).packed == frame[26:30]]
    assert len(data) >= 3
    for missing in (data[0], data[1], data[-1]):
        damaged = [*content[:missing], *content[missing + 1 :]]
        proof = proof_of(damaged)
        assert not proof.conclusive
        assert not proof.absent
        assert "a gap after octet" in proof.reason
        (there,) = streams_of(damaged, v4(1), v4(2))
        assert there.problem
        assert sent.startswith(there.data)
        assert len(there.data) < len(sent)


@pytest.mark.privileged
async def test_a_route_seen_beside_a_gap_is_still_a_route(link: NetnsLink, tmp_path: Path) -> None:
    async with Capture(link.place("n1"), tmp_path / "x.pcap") as capture:
        await exchange(link, v4(1), v4(2), OPEN + ROUTES_4 + KEEPALIVE * 500)
    content = packets(capture.path)
    last = max(number for number, (frame, _, _) in enumerate(content) if MARKER in frame[-1448:])
    proof = proof_of([*content[:last], *content[last + 1 :]])
    assert (proof.conclusive, proof.absent, proof.nlri) == (True, False, 2)


@pytest.mark.privileged
async def test_a_capture_begun_too_late_is_inconclusive(captured: Packets) -> None:
    proof = proof_of(captured[carrying(captured, OPEN) :])
    assert not proof.conclusive
    assert "its beginning is missing" in proof.reason


@pytest.mark.privileged
async def test_packets_sent_twice_or_in_another_order_are_no_gap(captured: Packets) -> None:
    begin = carrying(captured, OPEN)
    proof = proof_of([*captured[:begin], *reversed(captured[begin:]), *captured[begin:]])
    assert proof.absent, proof.reason
    assert proof.messages == 3


@pytest.mark.privileged
async def test_packets_dropped_meanwhile_make_it_inconclusive_and_those_before_do_not(
    link: NetnsLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped = 5
    monkeypatch.setattr(Capture, "dropped", property(lambda _self: dropped, lambda _self, _value: None))
    async with Capture(link.place("n1")) as capture:
        watch = capture.watch([(v4(1), v4(2))], {})
        await exchange(link, v4(1), v4(2), OPEN)
        assert (await capture.prove_absence(watch, {})).absent
        dropped = 8
        proof = await capture.prove_absence(watch, {})
    assert (proof.conclusive, proof.reason) == (False, "3 packets were dropped")


@pytest.mark.privileged
async def test_packets_cut_short_make_it_inconclusive(captured: Packets) -> None:
    proof = proof_of(captured, (v4(1), v4(2)), cut=5)
    assert not proof.conclusive
    assert proof.reason.startswith(f"{v4(1)}: a packet was captured only in part")


@pytest.mark.privileged
async def test_what_is_not_bgp_is_inconclusive(link: NetnsLink, tmp_path: Path) -> None:
    async with Capture(link.place("n1"), tmp_path / "x.pcap") as capture:
        await exchange(link, v4(1), v4(2), OPEN + b"GET / HTTP/1.1\r\n")
    proof = proof_of(packets(capture.path))
    assert not proof.conclusive
    assert "not BGP" in proof.reason


@pytest.mark.privileged
async def test_a_speaker_that_said_nothing_proves_nothing(captured: Packets) -> None:
    proof = proof_of(captured, (v6(1), v6(2)))
    assert (proof.conclusive, proof.reason) == (False, "no BGP connection of this speaker was captured")


def test_nothing_captured_is_inconclusive() -> None:
    assert proof_of([]).reason == "no BGP connection of this speaker was captured"
    running = {Ends(v4(1), 40000, v4(2), BGP_PORT): 100}
    proof = proof_of([], sent=running)
    assert (proof.conclusive, proof.absent) == (False, False)
    assert "its beginning is missing" in proof.reason


# --- from a moment on ---

HERE = Ends(v4(1), 40000, v4(2), BGP_PORT)
INITIAL = 0xFFFFFF00
"""Sequence numbers run over in the middle."""


def frame(
    ends: Ends, sequence: int, acknowledged: int | None, flags: int, payload: bytes = b""
) -> tuple[bytes, int, int]:
    """A frame of an IPv4 TCP packet; nobody looks at its checksums."""
    flags |= 0x10 if acknowledged is not None else 0
    tcp = struct.pack(
        "!HHIIBBHHH", ends.port, ends.peer_port, sequence % 2**32, acknowledged or 0, 0x50, flags, 0, 0, 0
    )
    total = 20 + len(tcp) + len(payload)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, total, 0, 0, 64, 6, 0, ends.address.packed, ends.peer_address.packed)
    return bytes(12) + b"\x08\x00" + ip + tcp + payload, 0, 0


def back(ends: Ends) -> Ends:
    return Ends(ends.peer_address, ends.peer_port, ends.address, ends.port)


def handshake(ends: Ends) -> Packets:
    return [
        frame(ends, INITIAL, None, 0x02),
        frame(back(ends), 7000, (INITIAL + 1) % 2**32, 0x02),
        frame(ends, INITIAL + 1, 7001, 0),
    ]


def said(ends: Ends, offset: int, octets: bytes) -> Packet:
    return frame(ends, INITIAL + 1 + offset, 7001, 0x08, octets)


def later(before: Packets, sent: dict[Ends, int], after: Packets, by_now: dict[Ends, int]) -> AbsenceProof:
    """What a watch proves that begins between `before` and `after`."""
    beginnings = Beginnings()
    seen(Watch([]), before, beginnings)
    watch = seen(Watch([(v4(1), v4(2))], sent, beginnings), after)
    return prove_absence(watch.streams(by_now), watch.doubts)


EARLIER = OPEN + ROUTES_4 * 20
"""So long that what follows has numbers beyond the wrap."""


@pytest.mark.parametrize("ends", [HERE, Ends(v4(1), BGP_PORT, v4(2), 40000)], ids=["dialled", "accepted"])
@pytest.mark.parametrize(
    ("after", "expected"),
    [(b"", (True, 0, 0)), (KEEPALIVE * 2, (True, 0, 2)), (END_OF_RIB + ROUTES_4, (True, 2, 2))],
    ids=["nothing", "keepalives", "routes"],
)
def test_what_a_connection_sent_before_the_watch_is_of_another_time(
    ends: Ends, after: bytes, expected: tuple[bool, int, int]
) -> None:
    before = [*handshake(HERE), said(HERE, 0, EARLIER)]
    if ends is not HERE:  # the peer dialled: its SYN comes first
        before = [frame(back(ends), 7000, None, 2), frame(ends, INITIAL, 7001, 2)]
        before.append(said(ends, 0, EARLIER))
    start = len(EARLIER)
    new = [said(ends, start, after)] if after else []
    # What the peer had not acknowledged may be sent again, together with what is new.
    for sent_again in ([], [said(ends, start - 100, EARLIER[-100:] + after)]):
        proof = later(before, {ends: start}, [*sent_again, *new], {ends: start + len(after)})
        assert (proof.conclusive, proof.nlri, proof.messages) == expected, proof.reason


def test_every_octet_that_the_kernel_took_has_to_be_captured() -> None:
    before, start = [*handshake(HERE), said(HERE, 0, EARLIER)], len(EARLIER)
    proof = later(before, {HERE: start}, [said(HERE, start, KEEPALIVE)], {HERE: start + 2 * len(KEEPALIVE)})
    assert (proof.conclusive, proof.reason) == (False, f"{HERE}: a gap after octet 19 of 38")
    unseen = later([], {HERE: start}, [said(HERE, start, KEEPALIVE)], {HERE: start + len(KEEPALIVE)})
    assert (unseen.conclusive, unseen.reason) == (False, f"{HERE}: its beginning is missing")


def test_a_connection_that_was_being_made_when_the_watch_began_counts_from_its_beginning() -> None:
    """Its SYN was seen before, and no session talked on it yet."""
    octets = OPEN + KEEPALIVE
    proof = later(handshake(HERE), {}, [said(HERE, 0, octets)], {HERE: len(octets)})
    assert (proof.absent, proof.messages) == (True, 2), proof.reason
    late = later([*handshake(HERE), said(HERE, 0, OPEN)], {}, [said(HERE, len(OPEN), KEEPALIVE)], {HERE: len(octets)})
    assert (late.conclusive, late.reason) == (False, f"{HERE}: a gap after octet 0 of {len(octets)}")


def test_only_the_pairs_of_the_watch_count() -> None:
    """Another peer on the same exchange gets routes, and so does another speaker's session with the same peer."""
    others = [Ends(v4(1), BGP_PORT, v4(3), 40000), Ends(v4(3), 40000, v4(2), BGP_PORT)]
    theirs = [packet for ends in others for packet in (*handshake(ends), said(ends, 0, OPEN + ROUTES_4))]
    proof = later([], {}, [*theirs, *handshake(HERE), said(HERE, 0, OPEN), *theirs], {HERE: len(OPEN)})
    assert (proof.absent, proof.messages) == (True, 1)


def test_a_new_connection_counts_from_its_beginning_also_on_the_same_ports() -> None:
    before, start = [*handshake(HERE), said(HERE, 0, EARLIER)], len(EARLIER)
    again = [(frame[:38] + struct.pack("!I", 5000) + frame[42:], sec, usec) for frame, sec, usec in handshake(HERE)[:1]]
    again.append(frame(HERE, 5001, 7001, 0x08, OPEN + ROUTES_4))
    proof = later(before, {HERE: start}, again, {HERE: len(OPEN + ROUTES_4)})
    assert (proof.conclusive, proof.nlri) == (True, 2), proof.reason


def test_what_is_too_much_to_keep_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "_KEPT", 30)
    proof = later([], {}, [*handshake(HERE), said(HERE, 0, OPEN + KEEPALIVE)], {})
    assert not proof.conclusive
    assert "not kept" in proof.reason


def test_the_beginnings_of_connections_that_ended_or_never_began_are_forgotten() -> None:
    beginnings = Beginnings()
    seen(Watch([]), [frame(HERE, 1, None, 2)], beginnings)
    assert beginnings.of(HERE.flow) is None, "nobody answered"
    seen(Watch([]), handshake(HERE), beginnings)
    assert (beginnings.of(HERE.flow), beginnings.of(back(HERE).flow)) == (INITIAL, 7000)
    seen(Watch([]), [frame(HERE, 1, 1, 1), frame(back(HERE), 1, 1, 4)], beginnings)
    assert (beginnings.of(HERE.flow), beginnings.of(back(HERE).flow)) == (None, None)


@pytest.mark.privileged
async def test_an_ip_fragment_of_the_speaker_is_inconclusive(captured: Packets) -> None:
    frame, sec, usec = captured[carrying(captured, OPEN)]
    fragment = frame[:20] + b"\x20\x00" + frame[22:]
    proof = proof_of([*captured, (fragment, sec, usec)])
    assert (proof.conclusive, proof.reason) == (False, f"{v4(1)}: an IP fragment")
    assert proof_of([*captured, (fragment, sec, usec)], (v4(1), v4(3)), (v4(2), v4(1))).absent, "between two others"


@pytest.mark.privileged
async def test_thousands_of_packets_are_read_in_time(link: NetnsLink, tmp_path: Path) -> None:
    async with Capture(link.place("n1"), tmp_path / "x.pcap") as capture:
        await exchange(link, v4(1), v4(2), OPEN + KEEPALIVE * 300_000)
    assert capture.packets > 4000
    began = time.process_time()
    proof = proof_of(packets(capture.path))
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
    assert proof_of(packets(tmp_path / "x.pcap")).absent


async def test_loopback_has_no_frames_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="use link: netns"):
        Capture(LoopbackPlace("n1", {}), tmp_path / "x.pcap")


@pytest.mark.privileged
async def test_a_file_that_cannot_be_opened_takes_nothing_from_what_is_seen(link: NetnsLink, tmp_path: Path) -> None:
    capture, target = Capture(link.place("n1"), tmp_path / "none" / "x.pcap"), tmp_path / "all.pcap"
    await capture.start()
    watch = capture.watch([(v4(1), v4(2))], {})
    await exchange(link, v4(1), v4(2), OPEN + KEEPALIVE + ROUTES_4)
    proof = await capture.prove_absence(watch, {})
    assert (proof.conclusive, proof.nlri) == (True, 2)
    assert capture.problem == f"{capture.path} cannot be written: No such file or directory"
    assert await keep_captures([capture], target) == capture.problem
    assert not target.exists()


@pytest.mark.privileged
async def test_a_disk_that_is_full_ends_the_file_and_not_what_is_seen(link: NetnsLink, tmp_path: Path) -> None:
    capture, target = Capture(link.place("n1"), tmp_path / "n1.pcap"), tmp_path / "all.pcap"
    await capture.start()
    capture._writer.f.close()
    capture._writer.f = open("/dev/full", "wb")  # noqa: ASYNC230, PTH123, SIM115
    watch = capture.watch([(v4(1), v4(2))], {})
    await exchange(link, v4(1), v4(2), OPEN + KEEPALIVE * 5000 + ROUTES_4)
    proof = await capture.prove_absence(watch, {})
    assert (proof.conclusive, proof.nlri) == (True, 2)
    assert capture.problem == f"{capture.path} cannot be written: No space left on device"
    assert await keep_captures([capture], target) == capture.problem
    assert not target.exists()


async def test_captures_that_cannot_be_joined_leave_no_half_a_file(tmp_path: Path) -> None:
    full = tmp_path / "all.pcap"
    full.symlink_to("/dev/full")
    assert "No space left on device" in await keep_captures([], full)
    assert not full.exists()


def test_scapy_is_loaded_only_when_needed_and_then_in_silence() -> None:
    script = """
import sys
import simulator.lab.capture, simulator.lab.probe, simulator.lab.streams
print("scapy" in sys.modules)
simulator.lab.streams.load_scapy()
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


HERE = Ends(v4(1), 179, v4(2), 40000)


@pytest.mark.parametrize("count", [1, 150, 300, 900])
def test_withdrawals_of_any_length_announce_nothing(count: int) -> None:
    """Scapy reads no long list of withdrawn prefixes."""
    keys = b"".join(b"\x18" + (0x29000000 + (n << 8)).to_bytes(4)[:3] for n in range(count))
    unreach = struct.pack("!HB", 2, 1) + b"".join(b"\x20" + (0x2A000000 + n).to_bytes(4) for n in range(count))
    for withdrawal in (
        message(2, len(keys).to_bytes(2) + keys + bytes(2)),
        update(b"\x90\x0f" + len(unreach).to_bytes(2) + unreach),
    ):
        proof = prove_absence([WatchedStream(HERE, 1, "", OPEN + withdrawal + KEEPALIVE)])
        assert proof.absent and (proof.updates, proof.messages) == (1, 3), proof
        behind = prove_absence([WatchedStream(HERE, 1, "", OPEN + withdrawal + ROUTES_4 + ROUTES_6)])
        assert behind.nlri == 3, "what comes behind them is seen"


@pytest.mark.parametrize(
    "body", [b"\xff\xff", b"\0\0\xff\xff", b"\0\0\0\3\x40\x01\x09", b"\0\0\0\1\x40", b"\0\0\0\3\x90\x0f\0", b"\0"]
)
def test_an_update_that_cannot_be_read_proves_nothing(body: bytes) -> None:
    proof = prove_absence([WatchedStream(HERE, 1, "", OPEN + message(2, body))])
    assert not proof.absent and not proof.conclusive, proof


def test_routes_between_long_withdrawals_in_one_update_are_not_overlooked() -> None:
    keys = b"".join(b"\x18" + (0x29000000 + (n << 8)).to_bytes(4)[:3] for n in range(300))
    routes = ORIGIN + AS_PATH + b"\x40\x03\x04\xc0\x00\x02\x01"
    both = message(2, len(keys).to_bytes(2) + keys + len(routes).to_bytes(2) + routes + b"\x18\x0a\x00\x00")
    assert not prove_absence([WatchedStream(HERE, 1, "", both)]).absent
