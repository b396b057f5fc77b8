"""Packets of a capture file: pcap and pcapng, Ethernet with VLANs and MPLS, Linux cooked, raw IP, BSD loopback.

Written from draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng. Of each packet the TCP segment is given, where there
is one to or from port 179; all else is counted.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Final, NamedTuple

from simulator.addresses import IpAddress
from simulator.counts import count_of

BGP: Final = 179
_LONGEST: Final = 1 << 18
"""Octets of a packet (draft-ietf-opsawg-pcap §4: 262,144)."""
_BLOCK: Final = 1 << 24
_LATEST: Final = 1 << 32
"""Seconds since the epoch: what a pcap's own field holds."""
_PCAP: Final = {
    b"\xa1\xb2\xc3\xd4": (">", 1_000_000),
    b"\xd4\xc3\xb2\xa1": ("<", 1_000_000),
    b"\xa1\xb2\x3c\x4d": (">", 1_000_000_000),
    b"\x4d\x3c\xb2\xa1": ("<", 1_000_000_000),
}
_PCAPNG: Final = b"\x0a\x0d\x0d\x0a"
_VLANS: Final = (0x8100, 0x88A8, 0x9100)
_EXTENSIONS: Final = frozenset({0, 43, 60, 135})
"""IPv6 headers that stand before TCP, but for fragments (RFC 8200 §4)."""


class CaptureFileError(ValueError):
    """The file is no capture, or is damaged from some place on; in one line."""


class CapturedTcp(NamedTuple):
    """One segment of a BGP session's TCP connection."""

    time: float
    source: tuple[IpAddress, int]
    target: tuple[IpAddress, int]
    sequence: int
    acknowledged: int | None
    syn: bool
    fin: bool
    rst: bool
    data: bytes
    lost: int
    """Octets that the capture did not keep (a snap length)."""


def looks_like_capture(head: bytes) -> bool:
    """Whether a file that begins so is a capture."""
    return head[:4] in _PCAP or head[:4] == _PCAPNG


class _File:
    """A stream of octets, read in pieces of a given size."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read

    def take(self, size: int) -> bytes:
        """Fewer octets at the end alone."""
        found = self._read(size)
        while len(found) < size and (more := self._read(size - len(found))):
            found += more
        return found


class CaptureFile:
    """Reads once."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        """`read` gives at most so many octets, and none at the end."""
        self._file = _File(read)
        self.unused: Counter[str] = Counter()
        """Packets that are of no use, by what they are."""
        self.packets = 0
        self.problem = ""
        """Why it was not read to its end; empty where it was."""

    def segments(self) -> Iterator[CapturedTcp]:
        """Every BGP segment. Raises CaptureFileError where the file is no capture."""
        head = self._file.take(4)
        frames = self._pcapng() if head == _PCAPNG else self._pcap(head)
        for time, link, frame, size in frames:
            self.packets += 1
            possible = 0 <= time < _LATEST
            found = self._segment(time, link, frame, size) if possible else "packets of an impossible time"
            if isinstance(found, str):
                self.unused[found] += 1
            else:
                yield found

    # --- files ---

    def _pcap(self, head: bytes) -> Iterator[tuple[float, int, bytes, int]]:
        if head not in _PCAP:
            raise CaptureFileError("this is no capture file (pcap or pcapng)")
        order, resolution = _PCAP[head]
        rest = self._file.take(20)
        if len(rest) < 20:
            raise CaptureFileError("the file ends inside its header")
        link = struct.unpack(f"{order}L", rest[16:])[0] & 0xFFFF
        while header := self._file.take(16):
            if len(header) < 16:
                self.problem = "the file ends inside a packet's header"
                return
            seconds, fraction, kept, size = struct.unpack(f"{order}LLLL", header)
            if kept > _LONGEST:
                self.problem = f"a packet of {count_of(kept, 'octet')}: the file is damaged here"
                return
            frame = self._file.take(kept)
            if len(frame) < kept:
                self.problem = "the file ends inside a packet"
                return
            yield seconds + fraction / resolution, link, frame, size

    def _pcapng(self) -> Iterator[tuple[float, int, bytes, int]]:
        order, links = "<", list[tuple[int, float]]()
        kind_octets = _PCAPNG
        while True:
            head = kind_octets + self._file.take(8 - len(kind_octets))
            kind_octets = b""
            if not head:
                return
            if len(head) < 8:
                self.problem = "the file ends inside a block's header"
                return
            body_at = b""
            if head[:4] == _PCAPNG:
                body_at = self._file.take(4)
                order = ">" if body_at == b"\x1a\x2b\x3c\x4d" else "<"
                links = []
            kind, size = struct.unpack(f"{order}LL", head)
            if size < 12 or size > _BLOCK or size % 4:
                self.problem = f"a block of {count_of(size, 'octet')}: the file is damaged here"
                return
            body = body_at + self._file.take(size - 8 - len(body_at))
            if len(body) < size - 8:
                self.problem = "the file ends inside a block"
                return
            body = body[:-4]
            if kind == 1 and len(body) >= 8:
                links.append((struct.unpack(f"{order}H", body[:2])[0], _resolution(order, body[8:])))
            elif kind == 6 and len(body) >= 20:
                number, high, low, kept, whole = struct.unpack(f"{order}LLLLL", body[:20])
                if number < len(links):
                    link, unit = links[number]
                    yield ((high << 32) | low) * unit, link, body[20 : 20 + kept], whole
                else:
                    self.unused["packets of an interface that the file does not have"] += 1
            elif kind in (2, 3):
                self.unused["packets without a time, or in an obsolete block"] += 1

    # --- packets ---

    def _segment(self, time: float, link: int, frame: bytes, size: int) -> CapturedTcp | str:
        """The segment, or what else it is."""
        try:
            packet = _network_layer(link, frame)
            if isinstance(packet, str):
                return packet
            return _tcp(time, packet, max(0, size - len(frame)))
        except (IndexError, struct.error, ValueError):
            return "packets that are cut short or damaged"


def _resolution(order: str, options: bytes) -> float:
    """Seconds of a unit of an interface's time (`if_tsresol`)."""
    at = 0
    while at + 4 <= len(options):
        code, size = struct.unpack(f"{order}HH", options[at : at + 4])
        if code == 9 and size == 1:
            value = options[at + 4]
            return float(2.0 ** -(value & 0x7F) if value & 0x80 else 10.0**-value)
        if code == 0:
            break
        at += 4 + (size + 3) // 4 * 4
    return 1e-6


def _network_layer(link: int, frame: bytes) -> bytes | str:
    """The IP packet, or what else it is."""
    if link == 1:
        kind, at = frame[12] << 8 | frame[13], 14
    elif link == 113:
        kind, at = frame[14] << 8 | frame[15], 16
    elif link == 276:
        kind, at = frame[0] << 8 | frame[1], 20
    elif link in (12, 14, 101, 228, 229):
        return frame
    elif link in (0, 108):
        return frame[4:]
    else:
        return f"packets of link type {link}"
    while kind in _VLANS:
        kind, at = frame[at + 2] << 8 | frame[at + 3], at + 4
    if kind == 0x8847:
        while not frame[at + 2] & 1:
            at += 4
        return frame[at + 4 :]
    if kind not in (0x0800, 0x86DD):
        return "frames that are not IP"
    return frame[at:]


def _tcp(time: float, packet: bytes, lost: int) -> CapturedTcp | str:
    version = packet[0] >> 4
    if version == 4:
        start, end = (packet[0] & 15) * 4, packet[2] << 8 | packet[3]
        if (packet[6] << 8 | packet[7]) & 0x3FFF:
            return "fragments of IP packets"
        protocol, source, target = packet[9], packet[12:16], packet[16:20]
    elif version == 6:
        protocol, start, end = packet[6], 40, 40 + (packet[4] << 8 | packet[5])
        source, target = packet[8:24], packet[24:40]
        while protocol in _EXTENSIONS:
            protocol, start = packet[start], start + 8 + packet[start + 1] * 8
        if protocol == 44:
            return "fragments of IP packets"
    else:
        return "frames that are not IP"
    if protocol != 6:
        return "packets that are not TCP"
    header = packet[start : start + 20]
    ours, theirs, sequence, acknowledged, offset, flags = struct.unpack("!HHLLBB", header[:14])
    if BGP not in (ours, theirs):
        return "packets of other TCP ports"
    begin = start + (offset >> 4) * 4
    end = end or len(packet) + lost  # segmentation offload writes no length
    data = packet[begin:end]
    return CapturedTcp(
        time,
        (ip_address(source), ours),
        (ip_address(target), theirs),
        sequence,
        acknowledged if flags & 0x10 else None,
        bool(flags & 2),
        bool(flags & 1),
        bool(flags & 4),
        data,
        max(0, end - begin - len(data)),
    )
