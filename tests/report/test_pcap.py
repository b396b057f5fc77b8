from __future__ import annotations

import io
import shutil
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from scapy.utils import RawPcapReader

from simulator.report.packets import ACK, FIN, PSH, RST, SYN
from simulator.report.pcap import write_capture, write_segments
from simulator.views.octets import Octets
from tests.report import sample
from tests.report.wirebytes import KEEPALIVE, open_message, session_segments

from .test_packets import slow_checksum

A, B = "192.0.2.254", "192.0.2.1"


@dataclass(frozen=True)
class Packet:
    """What the tests look at; parsed by hand, so that writer and reader share no code."""

    time: float
    source: tuple[bytes, int]
    destination: tuple[bytes, int]
    sequence: int
    acknowledged: int
    flags: int
    data: bytes


def parse(frame: bytes, moment: float) -> Packet:
    kind, rest = frame[12:14], frame[14:]
    if kind == b"\x08\x00":
        assert slow_checksum(rest[:20]) == 0
        assert int.from_bytes(rest[2:4], "big") == len(rest)
        source, destination, tcp = rest[12:16], rest[16:20], rest[20:]
    else:
        assert kind == b"\x86\xdd"
        assert int.from_bytes(rest[4:6], "big") == len(rest) - 40
        source, destination, tcp = rest[8:24], rest[24:40], rest[40:]
    assert slow_checksum(source + destination + len(tcp).to_bytes(4, "big") + b"\0\0\0\x06" + tcp) == 0
    assert len(rest) <= 1500
    words = [int.from_bytes(tcp[at : at + size], "big") for at, size in ((0, 2), (2, 2), (4, 4), (8, 4))]
    data = tcp[(tcp[12] >> 4) * 4 :]
    return Packet(moment, (source, words[0]), (destination, words[1]), words[2], words[3], tcp[13], data)


def written(segments: Iterable[Octets]) -> list[Packet]:
    file = io.BytesIO()
    count, _ = write_segments(file, segments)
    file.seek(0)
    reader: Any = RawPcapReader(file)
    packets = [parse(frame, meta.sec + meta.usec / 1e6) for frame, meta in reader]
    assert len(packets) == count
    return packets


def streams(packets: list[Packet]) -> dict[tuple[bytes, int], bytes]:
    """Reassemble, and insist on sequence numbers without gap or overlap and on truthful acknowledgements."""
    following: dict[tuple[bytes, int], int] = {}
    content: dict[tuple[bytes, int], bytes] = {}
    for packet in packets:
        if packet.flags & SYN:
            following[packet.source] = packet.sequence
            content.setdefault(packet.source, b"")
        assert packet.sequence == following.get(packet.source, packet.sequence)
        if packet.flags & ACK:
            assert packet.acknowledged == following[packet.destination]
        length = len(packet.data) + bool(packet.flags & SYN) + bool(packet.flags & FIN)
        following[packet.source] = (packet.sequence + length) % 2**32
        content[packet.source] = content.get(packet.source, b"") + packet.data
    return content


def flags(packets: list[Packet]) -> list[int]:
    return [packet.flags for packet in packets]


def test_the_octets_arrive_complete_in_both_directions() -> None:
    segments = session_segments(1.7e9, A, B)
    content = streams(written(segments))
    for port, source in ((40001, A), (179, B)):
        (got,) = [data for (_, number), data in content.items() if number == port]
        assert got == b"".join(segment.data for segment in segments if segment.source == source)


def test_ipv6_and_ipv4_interleaved() -> None:
    segments = [*session_segments(1.7e9, A, B), *session_segments(1.7e9, "2001:db8::f", "2001:db8::1", port=40002)]
    packets = written(segments)
    assert len(streams(packets)) == 4
    assert [packet.time for packet in packets] == sorted(packet.time for packet in packets)
    assert max(len(packet.data) for packet in packets if len(packet.source[0]) == 4) == 1460
    assert max(len(packet.data) for packet in packets if len(packet.source[0]) == 16) == 1440


def test_a_missing_handshake_is_supplied_by_the_end_that_dialled() -> None:
    packets = written([Octets(1.0, B, 179, A, 40001, KEEPALIVE)])
    assert flags(packets) == [SYN, SYN | ACK, ACK, PSH | ACK, ACK]
    assert packets[0].source[1] == 40001


@pytest.mark.parametrize("recorded", ["S", "S SA", "S SA A", "SA", "SA A"])
def test_a_recorded_handshake_is_kept_and_completed(recorded: str) -> None:
    ends = {"S": (A, 40001, B, 179), "SA": (B, 179, A, 40001), "A": (A, 40001, B, 179)}
    segments = [Octets(1.0, *ends[name], b"", name) for name in recorded.split()]
    packets = written([*segments, Octets(2.0, A, 40001, B, 179, KEEPALIVE)])
    streams(packets)
    assert flags(packets) == [SYN, SYN | ACK, ACK, PSH | ACK, ACK]


def test_an_unanswered_syn_is_repeated_with_its_number() -> None:
    first, second = written([Octets(t, A, 40001, B, 179, b"", "S") for t in (1.0, 2.0)])
    assert first.sequence == second.sequence
    assert flags([first, second]) == [SYN, SYN]


def test_a_refused_connection_and_the_next_try() -> None:
    tries = [
        Octets(t + dt, *ends, b"", name)
        for t in (1.0, 2.0)
        for dt, ends, name in ((0, (A, 40001, B, 179), "S"), (0.1, (B, 179, A, 40001), "R"))
    ]
    packets = written(tries)
    assert flags(packets) == [SYN, RST | ACK, SYN, RST | ACK]
    assert packets[0].sequence != packets[2].sequence
    assert packets[1].acknowledged == packets[0].sequence + 1


def test_a_second_connection_on_the_same_ports_has_its_own_handshake() -> None:
    packets = written([*session_segments(1.7e9, A, B), *session_segments(1.7e9 + 100, A, B)])
    assert sum(packet.flags == SYN for packet in packets) == 2
    streams(packets)


def test_both_ends_close() -> None:
    packets = written(session_segments(1.7e9, A, B, routes=0))
    assert flags(packets)[-4:] == [FIN | ACK, ACK, FIN | ACK, ACK]


def test_a_high_server_port_is_shown_as_179_and_said_so() -> None:
    segments = session_segments(1.7e9, "127.0.0.1", "127.0.0.2", server_port=11790, routes=10)
    file = io.BytesIO()
    _, notes = write_segments(file, segments)
    assert notes == ["TCP port 11790 is shown as 179, so that Wireshark reads it as BGP."]
    assert {packet.source[1] for packet in written(segments)} == {179, 40001}


def test_two_servers_on_one_address_stay_apart() -> None:
    segments = [
        segment
        for server_port in (11790, 11791)
        for segment in session_segments(1.7e9, "127.0.0.1", "127.0.0.2", server_port=server_port, routes=1)
    ]
    assert {packet.source[1] for packet in written(segments)} == {179, 11791, 40001}


def test_segments_out_of_order_are_sorted() -> None:
    segments = session_segments(1.7e9, A, B, routes=3000)[:-2]
    assert written(reversed(segments)) == written(segments)


def test_unusable_segments_are_counted_not_fatal() -> None:
    file = io.BytesIO()
    odd = [
        Octets(float("nan"), "peer.example", 1, B, 179, b"x"),
        Octets(1, "2001:db8::1", 1, B, 179, b"x"),
        Octets(1, A, 70000, B, 179, b"x"),
        Octets(1, A, 179, A, 179, b"x"),
    ]
    assert write_segments(file, odd) == (0, ["4 segments without usable addresses were left out."])


@pytest.mark.parametrize("moment", [float("nan"), float("inf"), -5.0, 1e12])
def test_an_impossible_time_is_no_crash(moment: float) -> None:
    assert written([Octets(moment, A, 40001, B, 179, KEEPALIVE)])


def test_the_same_segments_make_the_same_file() -> None:
    first, second = io.BytesIO(), io.BytesIO()
    write_segments(first, sample.segments())
    write_segments(second, sample.segments())
    assert first.getvalue() == second.getvalue()


def test_two_hundred_thousand_routes_take_less_than_three_seconds() -> None:
    segments = session_segments(1.7e9, A, B, routes=200_000)
    before = time.process_time()
    write_segments(io.BytesIO(), segments)
    assert time.process_time() - before < 3


def test_no_segments_make_a_valid_empty_pcap(tmp_path: Path) -> None:
    path = tmp_path / "x"
    capture = write_capture(path, sample.broken_report(), "wire.pcap")
    assert (capture.source, capture.packets) == ("speakers", 0)
    assert path.read_bytes()[:4] == bytes.fromhex("d4c3b2a1")
    assert len(path.read_bytes()) == 24
    assert written([]) == []


def test_a_capture_is_copied(tmp_path: Path) -> None:
    original = tmp_path / "lab.pcap"
    original.write_bytes(b"\xd4\xc3\xb2\xa1 whatever it is")
    capture = write_capture(tmp_path / "x", replace(sample.passed_report(), capture=str(original)), "wire.pcap")
    assert (capture.source, capture.packets) == ("interfaces", None)
    assert (tmp_path / "x").read_bytes() == original.read_bytes()


@pytest.mark.parametrize("name", ["gone.pcap", ".", "nul\0"])
def test_a_lost_capture_falls_back_to_the_speakers_and_says_so(tmp_path: Path, name: str) -> None:
    report = replace(sample.passed_report(), capture=f"{tmp_path}/{name}")
    capture = write_capture(tmp_path / "x", report, "wire.pcap")
    assert capture.source == "speakers"
    assert capture.packets
    assert "could not be read" in capture.note


needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


def tshark(path: Path, *arguments: str) -> list[str]:
    command = ["tshark", "-r", str(path), "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()


@needs_tshark
@pytest.mark.parametrize("server_port", [179, 11790])
def test_wireshark_reads_every_message(tmp_path: Path, server_port: int) -> None:
    path = tmp_path / "wire.pcap"
    segments = [
        *session_segments(1.7e9, A, B, server_port=server_port),
        *session_segments(1.7e9, "2001:db8::f", "2001:db8::1", port=40002, server_port=server_port),
    ]
    with path.open("wb") as file:
        write_segments(file, segments)
    types = [kind for line in tshark(path, "-Y", "bgp", "-T", "fields", "-e", "bgp.type") for kind in line.split(",")]
    sent = [str(segment.data[18]) for segment in segments if segment.data]
    assert sorted(types) == sorted(sent)
    assert tshark(path, "-Y", "_ws.malformed") == []
    trouble = (
        "tcp.analysis.flags || tcp.checksum.status == 0 || ip.checksum.status == 0 || _ws.expert.severity >= 6291456"
    )
    assert tshark(path, "-Y", trouble) == []


@needs_tshark
def test_wireshark_reads_messages_that_were_cut_and_glued(tmp_path: Path) -> None:
    octets = open_message(64496, "192.0.2.1") + KEEPALIVE * 300
    pieces = [octets[start : start + 777] for start in range(0, len(octets), 777)]
    path = tmp_path / "wire.pcap"
    with path.open("wb") as file:
        write_segments(file, [Octets(1e9 + n, B, 179, A, 40001, data) for n, data in enumerate(pieces)])
    types = [kind for line in tshark(path, "-Y", "bgp", "-T", "fields", "-e", "bgp.type") for kind in line.split(",")]
    assert types == ["1"] + ["4"] * 300
