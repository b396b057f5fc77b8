"""Captures and MRT files become recordings: what was received is judged, and what cannot be used is counted."""

from __future__ import annotations

import bz2
import gzip
import random
import struct
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, ip_address
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from simulator.addresses import IpAddress
from simulator.cli.app import app
from simulator.connection.states import ConnectionState
from simulator.mrt.bgp4mp import pack_message
from simulator.mrt.records import MrtType, pack_record
from simulator.recording.file import RecordingError
from simulator.recording.importing.messages import ImportedFile, ImportFileError
from simulator.recording.importing.sessions import Imported, Importer
from simulator.session.messages import Capabilities, Family, Notification, Open
from simulator.views.check import Status
from simulator.wire import nlri
from simulator.wire.attribute_codec import encode
from simulator.wire.framing import KEEPALIVE
from simulator.wire.notification import encode_notification
from simulator.wire.open import encode_open
from simulator.wire.path_attributes import AsSegment, PathAttributes, SegmentKind
from simulator.wire.update import pack_announcements
from tests.recording.rehearsals import played

EDGE, PEER = ip_address("206.126.236.17"), ip_address("206.126.239.200")
EDGE6, PEER6 = ip_address("2001:504:0:2::17"), ip_address("2001:504:0:2::200")
PREFIXES = {4: ("41.0.0.0/16", "41.1.0.0/16", "10.0.0.0/8"), 6: ("2c0f:1::/32", "fc00::/7")}


def _open(asn: int, version: int) -> bytes:
    family = Family.IPV4 if version == 4 else Family.IPV6
    return encode_open(Open(asn, 180, IPv4Address("10.0.0.1"), Capabilities(families=frozenset({family}))))


def _update(version: int, asn: int) -> list[bytes]:
    family = Family.IPV4 if version == 4 else Family.IPV6
    hop = PEER if version == 4 else PEER6
    keys = [nlri.key(prefix)[1] for prefix in PREFIXES[version]]
    path = PathAttributes(as_path=(AsSegment(SegmentKind.SEQUENCE, (asn,)),), next_hop=hop)
    found = pack_announcements(family, encode(path, asn4=True), hop.packed if version == 6 else b"", keys, 4096)
    return [message for message, _ in found]


def session(version: int = 4, asn: int = 3320) -> list[tuple[bool, bytes]]:
    """(whether the peer says it, a message), of a session that comes up and announces."""
    end_of_rib = bytes.fromhex("ff" * 16 + "00170200000000") if version == 4 else None
    return [
        (False, _open(8075, version)),
        (True, _open(asn, version)),
        (False, KEEPALIVE),
        (True, KEEPALIVE),
        *((True, message) for message in _update(version, asn)),
        *([(True, end_of_rib)] if end_of_rib else []),
        (True, KEEPALIVE),
    ]


# --- captures ---


def ip(source: IpAddress, target: IpAddress, payload: bytes) -> bytes:
    if source.version == 4:
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0x4000, 64, 6, 0)
        return head + source.packed + target.packed + payload
    return struct.pack("!LHBB", 6 << 28, len(payload), 6, 64) + source.packed + target.packed + payload


Segment = tuple[float, bytes]


class Talk:
    """One TCP connection as packets; the peer dials."""

    def __init__(self, edge: IpAddress = EDGE, peer: IpAddress = PEER, port: int = 40000) -> None:
        self.ends = {True: (peer, port), False: (edge, 179)}
        self.next = {True: 0xFFFFFF00, False: 1000}  # the peer's numbers wrap
        self.time = 1_700_000_000.0
        self.packets: list[Segment] = []

    def segment(self, from_peer: bool, data: bytes = b"", flags: int = 0x18, *, at: int | None = None) -> Segment:
        self.time += 0.01
        (source, ours), (target, theirs) = self.ends[from_peer], self.ends[not from_peer]
        sequence = self.next[from_peer] if at is None else at
        head = struct.pack("!HHLLBBHHH", ours, theirs, sequence, self.next[not from_peer], 0x50, flags, 1000, 0, 0)
        if at is None:
            self.next[from_peer] = self.next[from_peer] + len(data) + bool(flags & 3) & 0xFFFFFFFF
        return self.time, ip(source, target, head + data)

    def begin(self) -> None:
        self.packets += [
            self.segment(True, flags=0x02),
            self.segment(False, flags=0x12),
            self.segment(True, flags=0x10),
        ]

    def say(self, messages: Iterable[tuple[bool, bytes]]) -> None:
        for from_peer, message in messages:
            self.packets.append(self.segment(from_peer, message))


def talked(*, begins: bool = True, version: int = 4, size: int = 0) -> list[Segment]:
    """`size`: octets of a segment; 0: a message each."""
    talk = Talk() if version == 4 else Talk(EDGE6, PEER6)
    if begins:
        talk.begin()
    for from_peer, message in session(version):
        for at in range(0, len(message), size or len(message)):
            talk.packets.append(talk.segment(from_peer, message[at : at + (size or len(message))]))
    return talk.packets


def ethernet(packet: bytes) -> bytes:
    return bytes(12) + (b"\x08\x00" if packet[0] >> 4 == 4 else b"\x86\xdd") + packet


def vlan(packet: bytes) -> bytes:
    frame = ethernet(packet)
    return frame[:12] + b"\x88\xa8\x00\x05\x81\x00\x00\x07" + frame[12:]


def cooked(packet: bytes) -> bytes:
    return bytes(14) + ethernet(packet)[12:]


def cooked2(packet: bytes) -> bytes:
    return ethernet(packet)[12:14] + bytes(18) + packet


def pcap(
    packets: Iterable[Segment], link: int = 1, wrap: Callable[[bytes], bytes] = ethernet, order: str = "<"
) -> bytes:
    found = struct.pack(f"{order}LHHlLLL", 0xA1B2C3D4, 2, 4, 0, 0, 65535, link)
    for time, packet in packets:
        frame = wrap(packet)
        found += struct.pack(f"{order}LLLL", int(time), int(time % 1 * 1e6), len(frame), len(frame)) + frame
    return found


def pcapng(packets: Iterable[Segment]) -> bytes:
    def block(kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        size = struct.pack("<L", len(body) + 12)
        return struct.pack("<L", kind) + size + body + size

    found = block(0x0A0D0D0A, struct.pack("<LHHq", 0x1A2B3C4D, 1, 0, -1))
    found += block(1, struct.pack("<HHL", 1, 0, 0) + struct.pack("<HHB3x", 9, 1, 9) + bytes(4))
    for time, packet in packets:
        frame, units = ethernet(packet), round(time * 1e9)
        found += block(6, struct.pack("<LLLLL", 0, units >> 32, units & 0xFFFFFFFF, len(frame), len(frame)) + frame)
    return found


def imported(folder: Path, content: bytes) -> Imported:
    file = folder / "incident"
    file.write_bytes(content)
    found = Importer(ImportedFile(file), None, None).write(folder / "incident.recording")
    again = played(folder / "incident.recording")
    assert (again.differences, again.cut_off, again.tampered) == ([], False, False)
    return found


def counts(found: Imported) -> list[tuple[int, int, int]]:
    views = [view for connection in found.played.report.connections for view in connection.sessions]
    return [(view.received, view.accepted, view.rejected) for view in views]


IPV4, IPV6 = [(3, 2, 1)], [(2, 1, 1)]


@pytest.mark.parametrize(
    "content",
    [
        pcap(talked()),
        pcap(talked(), order=">"),
        pcap(talked(), wrap=vlan),
        pcap(talked(), 113, cooked),
        pcap(talked(), 276, cooked2),
        pcap(talked(), 101, lambda packet: packet),
        pcap(talked(), 0, lambda packet: b"\x02\x00\x00\x00" + packet),
        pcapng(talked()),
        gzip.compress(pcap(talked())),
        bz2.compress(pcapng(talked())),
        pcap(talked(size=7)),
    ],
    ids=["ethernet", "big-endian", "vlan", "cooked", "cooked2", "raw", "null", "pcapng", "gzip", "bzip2", "in pieces"],
)
def test_a_capture_is_played_and_judged(tmp_path: Path, content: bytes) -> None:
    found = imported(tmp_path, content)
    assert counts(found) == IPV4
    assert (found.unused, found.notes, found.assumed, found.sessions) == ({}, [], 0, 1)
    (connection,) = found.played.report.connections
    assert connection.sessions[0].bgp_state.value == "Established"
    assert connection.peer_as == 3320


def test_a_session_with_nothing_wrong_becomes_active(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody looked at when the file was taken is skipped, and holds nothing up."""
    monkeypatch.setitem(PREFIXES, 4, ("41.0.0.0/16", "41.1.0.0/16"))
    talk = Talk()
    talk.begin()
    talk.say(session())
    talk.time += 60
    talk.say([(True, KEEPALIVE)])
    found = imported(tmp_path, pcap(talk.packets))
    (connection,) = found.played.report.connections
    skipped = {check.id for check in connection.checks if check.status is Status.SKIPPED}
    assert (connection.connection_state, connection.error_message) == (ConnectionState.ACTIVE, "")
    assert skipped == {"L1", "D3"}
    assert not any(check.rests_on for check in connection.checks)


def test_both_families_and_many_sessions(tmp_path: Path) -> None:
    packets = sorted([*talked(), *talked(version=6)])
    found = imported(tmp_path, pcap(packets))
    assert counts(found) == [*IPV4, *IPV6]


def test_order_and_retransmissions_do_not_matter(tmp_path: Path) -> None:
    """Segments are swapped with their neighbours, doubled, and sent again in other pieces."""
    whole = talked(size=11)
    chance = random.Random(7)
    for _ in range(8):
        packets = [segment for segment in whole for _ in range(chance.choice((1, 1, 2)))]
        for at in range(4, len(packets) - 1, 3):
            if chance.random() < 0.5:
                packets[at], packets[at + 1] = packets[at + 1], packets[at]
        times = sorted(time for time, _ in packets)
        found = imported(tmp_path, pcap([(time, packet) for time, (_, packet) in zip(times, packets, strict=True)]))
        assert counts(found) == IPV4
        assert "octets that the capture lacks" not in found.unused


def test_what_the_capture_lacks_is_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    talk = Talk()
    talk.begin()
    said = session()
    talk.say(said[:4])
    (update,) = _update(4, 3320)
    talk.segment(True, update)  # the capture has it not
    talk.say([(True, KEEPALIVE), (False, KEEPALIVE), *said[4:]])
    found = imported(tmp_path, pcap(talk.packets))
    assert found.unused["octets that the capture lacks"] == len(update)
    assert counts(found) == IPV4
    events = [row for row in found.played.report.events if "lacks" in str(row.get("text"))]
    assert len(events) == 1


def test_a_file_that_begins_in_the_middle(tmp_path: Path) -> None:
    """No SYN, no OPEN of the peer; the edge's is not needed where the topology, or the user, tells the side."""
    talk = Talk()
    talk.say([(False, KEEPALIVE), *session()[4:]])
    file = tmp_path / "incident"
    file.write_bytes(pcap(talk.packets))
    with pytest.raises(ImportFileError, match="no BGP session"):
        Importer(ImportedFile(file), None, None).write(tmp_path / "a.recording")
    talk = Talk()
    talk.say(session()[:4])
    later = Talk(port=40001)
    later.say(session()[4:])
    found = imported(tmp_path, pcap([*talk.packets, *((time + 9, packet) for time, packet in later.packets)]))
    assert found.assumed == 1
    assert counts(found) == IPV4


def test_the_end_and_its_cause_are_in_the_diagnosis(tmp_path: Path) -> None:
    talk = Talk()
    talk.begin()
    talk.say([*session(), (True, encode_notification(Notification(6, 2, b"", "maintenance")))])
    talk.packets.append(talk.segment(True, flags=0x11))
    found = imported(tmp_path, pcap(talk.packets))
    assert counts(found) == IPV4, "as it stood before its end"
    assert found.played.report.outcome == "failed"
    words = str(found.played.report.connections[0].checks)
    assert "maintenance" in words


def test_what_is_no_session_of_microsofts_is_counted(tmp_path: Path) -> None:
    other = Talk(ip_address("192.0.2.1"), ip_address("192.0.2.2"))
    other.begin()
    other.say([(True, _open(64500, 4)), (False, _open(64501, 4)), (True, KEEPALIVE)])
    udp = (1_700_000_000.0, ip(PEER, EDGE, bytes(8)).replace(b"\x40\x06", b"\x40\x11", 1))
    found = imported(tmp_path, pcap([udp, *other.packets, *talked()]))
    assert counts(found) == IPV4
    assert sum(count for what, count in found.unused.items() if "192.0.2" in what) == 3
    assert found.unused["packets that are not TCP"] == 1


def test_a_capture_that_is_cut_off_is_read_up_to_there(tmp_path: Path) -> None:
    found = imported(tmp_path, pcap(talked())[:-20])
    assert found.notes == ["after 9 packets: the file ends inside a packet"]
    assert counts(found) == IPV4


# --- MRT ---


class End(NamedTuple):
    asn: int
    address: IpAddress
    identifier: IPv4Address = IPv4Address("10.0.0.1")


_PEER, _EDGE = End(3320, PEER), End(8075, EDGE)


def mrt(*, asn4: bool = True, et: bool = True, sent: bool = True, messages: Iterable[tuple[bool, bytes]] = ()) -> bytes:
    found = b""
    for at, (from_peer, message) in enumerate(messages or session()):
        if from_peer or sent:
            found += pack_message(
                1_700_000_000 + at, _PEER, _EDGE, message, asn4=asn4, sent=not from_peer, extended_time=et
            )
    return found


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
@pytest.mark.parametrize("et", [True, False])
def test_mrt_messages_are_played_and_judged(tmp_path: Path, pack: Callable[[bytes], bytes], et: bool) -> None:
    found = imported(tmp_path, pack(mrt(et=et)))
    assert counts(found) == IPV4
    assert (found.unused, found.notes, found.assumed) == ({}, [], 0)


def test_mrt_without_opens_and_with_changes_of_state(tmp_path: Path) -> None:
    down = struct.pack("!LLHH", 3320, 8075, 0, 1) + PEER.packed + EDGE.packed + struct.pack("!HH", 6, 1)
    content = mrt(messages=session()[4:]) + pack_record(1_700_000_100, MrtType.BGP4MP, 5, down)
    found = imported(tmp_path, content)
    assert found.assumed == 1
    assert counts(found) == IPV4
    rows = [row for row in found.played.report.events if row["event"] == "bgp-state"]
    assert rows[-1]["to"] == "Idle"


def test_other_mrt_records_are_counted(tmp_path: Path) -> None:
    content = pack_record(1, MrtType.TABLE_DUMP_V2, 1, bytes(8)) + mrt() + pack_record(2, MrtType.BGP4MP, 4, b"xx")
    found = imported(tmp_path, content)
    assert sum(found.unused.values()) == 2
    assert counts(found) == IPV4


def test_what_is_neither_gets_one_line(tmp_path: Path) -> None:
    for content in (b"", b"nothing", bytes(100), gzip.compress(b"nothing"), b"\x1f\x8bxx", b"BZhxx"):
        file = tmp_path / "a"
        file.write_bytes(content)
        with pytest.raises(ImportFileError) as caught:
            Importer(ImportedFile(file), None, None).write(tmp_path / "a.recording")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [pcap(talked()), pcapng(talked()), mrt()], ids=["pcap", "pcapng", "mrt"])
def test_whatever_is_done_to_a_file_it_is_read_or_refused(tmp_path: Path, content: bytes) -> None:
    chance = random.Random(3)
    file = tmp_path / "a"
    for _ in range(60):
        changed = bytearray(content)
        for _ in range(chance.randrange(1, 4)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        file.write_bytes(bytes(changed[: chance.randrange(len(changed))] if chance.random() < 0.2 else changed))
        try:
            Importer(ImportedFile(file), None, None).write(tmp_path / "a.recording")
        except (ImportFileError, RecordingError) as error:
            assert "\n" not in str(error)


def test_what_is_read_is_not_written_over(tmp_path: Path) -> None:
    capture, link = tmp_path / "incident.pcap", tmp_path / "link.recording"
    capture.write_bytes(b"an incident")
    link.symlink_to(capture)
    for output in (capture, link):
        done = CliRunner().invoke(app, ["import", str(capture), "-o", str(output)])
        assert done.exit_code == 2
        assert "this is the file that is read: give the recording another name" in done.stderr
        assert capture.read_bytes() == b"an incident"
