"""From captures and MRT files to BGP messages of sessions, with what of the file cannot be used."""

from __future__ import annotations

import bz2
import gzip
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Final, Literal, NamedTuple, cast

from simulator.addresses import IpAddress
from simulator.counts import count_of
from simulator.mrt.bgp4mp import STATE_CHANGE, RecordHead, parse_head, split_record
from simulator.mrt.records import MrtError, MrtType, looks_like, records
from simulator.recording.importing.packets import CaptureFile, CaptureFileError, looks_like_capture
from simulator.recording.importing.reassembly import Reassembly, TcpHeard
from simulator.wire.framing import HEADER_SIZE, MARKER

_CHUNK: Final = 1 << 20
_MOST: Final = 1 << 30
"""Octets of a file, unpacked, that are read (simulator)."""
_KINDS: Final = range(1, 6)
_ESTABLISHED: Final = 6


_UNPACKED_ELSEWHERE: Final = {
    b"\xfd7zXZ": "packed with xz: unpack it first (xz -dk FILE)",
    b"\x28\xb5\x2f\xfd": "packed with zstd: unpack it first (zstd -d FILE)",
    b"PK\x03\x04": "a zip archive: unpack it first (unzip FILE)",
}
"""How files begin that are not unpacked here → what to do."""
_HEAD: Final = 12
"""Octets that tell what a file is."""


class ImportFileError(ValueError):
    """A file that cannot be imported; in one line."""


class ImportedMessage(NamedTuple):
    """A whole message of one side, or what happened to the connection."""

    time: float
    source: IpAddress
    target: IpAddress
    connection: int
    what: Literal["up", "message", "end", "gap"]
    octets: bytes = b""
    asns: tuple[int, int] | None = None
    """Of source and target, where the file says so."""
    asn4: bool = True
    """ASNs of four octets stand in its paths."""
    whole: bool = False
    """Of what came up: its beginning is in the file."""
    why: str = ""


class ImportedFile:
    """Reads one capture or MRT file, packed with gzip or bzip2 or not."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.unused: Counter[str] = Counter()
        """What cannot be used, by what it is."""
        self.notes: list[str] = []
        self._unpacked = 0
        """Octets so far."""
        self._packed_problem = ""

    def said(self) -> Iterator[ImportedMessage]:
        """Raises ImportFileError."""
        try:
            with self.path.open("rb") as packed:
                read = self._reader(packed)
                head = b""
                while len(head) < _HEAD and (more := read(_HEAD - len(head))):
                    head += more
                rest = _Behind(head, read)
                if looks_like_capture(head):
                    yield from self._captured(rest)
                elif looks_like(head):
                    yield from self._dumped(rest)
                else:
                    raise ImportFileError(f"{self.path}: {self._packed_problem or _neither(head)}")
            if self._packed_problem:
                self.notes.append(self._packed_problem)
        except CaptureFileError as error:
            raise ImportFileError(f"{self.path}: {error}") from None
        except OSError as error:
            raise ImportFileError(f"{self.path}: {error.strerror or error}") from None

    def _reader(self, packed: IO[bytes]) -> Callable[[int], bytes]:
        head = packed.read(3)
        packed.seek(0)
        file: Any = packed
        if head[:2] == b"\x1f\x8b":
            file = gzip.GzipFile(fileobj=packed)
        elif head == b"BZh":
            file = bz2.BZ2File(packed)

        def read(size: int) -> bytes:
            """What there is of it: none at the end, and where it cannot be unpacked any further."""
            if self._packed_problem:
                return b""
            try:
                found = cast(bytes, file.read1(size))
            except (OSError, EOFError, zlib.error) as error:
                if isinstance(error, OSError) and error.errno is not None:
                    raise
                where = f"after {count_of(self._unpacked, 'octet')} of what is unpacked"
                self._packed_problem = f"{where} the compressed data are damaged or cut short"
                return b""
            self._unpacked += len(found)
            if self._unpacked > _MOST:
                raise ImportFileError(f"{self.path}: more than {_MOST >> 20} MiB: import the part of the incident")
            return found

        return read

    # --- captures ---

    def _captured(self, rest: _Behind) -> Iterator[ImportedMessage]:
        capture, streams = CaptureFile(rest.read), Reassembly()
        framers: dict[tuple[int, object], _Messages] = {}
        for segment in capture.segments():
            for heard in streams.take(segment):
                yield from self._framed(heard, framers)
        for heard in streams.finish():
            yield from self._framed(heard, framers)
        left = sum(len(framer.rest) for framer in framers.values())
        self.unused.update(capture.unused)
        for what, count in (
            ("octets that were sent again", streams.again),
            ("octets of messages that the capture has in part", left),
            ("segments of connections that were too many", streams.refused),
        ):
            if count:
                self.unused[what] += count
        if capture.problem:
            self.notes.append(f"after {count_of(capture.packets, 'packet')}: {capture.problem}")

    def _framed(self, heard: TcpHeard, framers: dict[tuple[int, object], _Messages]) -> Iterator[ImportedMessage]:
        source, target = heard.source[0], heard.target[0]
        if heard.what == "up":
            for end in (heard.source, heard.target):
                framers[heard.connection, end] = _Messages(seeks=not heard.whole)
            yield ImportedMessage(heard.time, source, target, heard.connection, "up", whole=heard.whole)
        elif heard.what == "end":
            yield ImportedMessage(heard.time, source, target, heard.connection, "end", why=heard.why)
        else:
            framer = framers.setdefault((heard.connection, heard.source), _Messages(seeks=True))
            if heard.what == "gap":
                self.unused["octets that the capture lacks"] += heard.lost
                framer.gap()
                yield ImportedMessage(
                    heard.time, source, target, heard.connection, "gap", why=count_of(heard.lost, "octet")
                )
            for message in framer.take(heard.octets):
                yield ImportedMessage(heard.time, source, target, heard.connection, "message", message)
            if passed := framer.passed_over():
                self.unused["octets between messages"] += passed

    # --- MRT ---

    def _dumped(self, rest: _Behind) -> Iterator[ImportedMessage]:
        connections: dict[frozenset[bytes], int] = {}
        try:
            for record in records(iter(lambda: rest.read(_CHUNK), b"")):
                if record.kind != MrtType.BGP4MP:
                    self.unused[f"MRT records of type {record.kind} (messages are of type 16 and 17)"] += 1
                    continue
                try:
                    head, kind, body = split_record(record.subtype, record.body)
                    found = parse_head(record.subtype, head)
                except (ValueError, IndexError):
                    self.unused["MRT records that are damaged"] += 1
                    continue
                number = connections.setdefault(frozenset(found.ends[:2]), len(connections) + 1)
                yield from self._record(record.time, number, found, kind, body)
        except MrtError as error:
            self.notes.append(str(error))

    def _record(self, time: float, number: int, found: RecordHead, kind: int, body: bytes) -> Iterator[ImportedMessage]:
        asns = found.asn, found.receiver_asn
        if kind == STATE_CHANGE:
            state = int.from_bytes(body, "big")
            if state < _ESTABLISHED:
                yield ImportedMessage(
                    time, found.address, found.receiver, number, "end", asns=asns, why=f"state {state}"
                )
            return
        if found.addpath:
            self.unused["messages with path identifiers (ADD-PATH)"] += 1
            return
        octets = MARKER + (HEADER_SIZE + len(body)).to_bytes(2, "big") + bytes([kind]) + body
        yield ImportedMessage(
            time, found.address, found.receiver, number, "message", octets, asns=asns, asn4=found.asn4
        )


def _neither(head: bytes) -> str:
    packed = next((words for mark, words in _UNPACKED_ELSEWHERE.items() if head.startswith(mark)), None)
    if packed is not None:
        return f"this is {packed}"
    few = f": it has {count_of(len(head), 'octet')}" if len(head) < _HEAD else ""
    return f"neither a capture (pcap, pcapng) nor MRT{few}"


class _Behind:
    """Octets that were read already, and what follows them."""

    def __init__(self, first: bytes, read: Callable[[int], bytes]) -> None:
        self._first, self._read = first, read

    def read(self, size: int) -> bytes:
        if self._first:
            found, self._first = self._first[:size], self._first[size:]
            return found
        return self._read(size)


class _Messages:
    """Cuts one direction into messages; where octets are missing it goes on at the next one that begins."""

    def __init__(self, *, seeks: bool) -> None:
        self.rest = b""
        self._seeks = seeks
        self._passed = 0

    def gap(self) -> None:
        self._passed += len(self.rest)
        self.rest, self._seeks = b"", True

    def passed_over(self) -> int:
        """Octets that were passed over since this was asked last."""
        found, self._passed = self._passed, 0
        return found

    def take(self, octets: bytes) -> Iterator[bytes]:
        data = self.rest + octets
        at = 0
        while True:
            if self._seeks:
                found = self._next(data, at)
                self._passed += found - at
                at = found
                if len(data) - at < HEADER_SIZE:
                    break
                self._seeks = False
            if len(data) - at < HEADER_SIZE:
                break
            size = data[at + 16] << 8 | data[at + 17]
            if data[at : at + 16] != MARKER or size < HEADER_SIZE:
                yield data[at:]  # this is what its reader has to make something of
                at = len(data)
                break
            if len(data) - at < size:
                break
            yield data[at : at + size]
            at += size
        self.rest = data[at:]

    @staticmethod
    def _next(data: bytes, at: int) -> int:
        """Where a message may begin: a marker, a length that can be, a type that there is."""
        begin = at
        while (found := data.find(MARKER, begin)) >= 0:
            if len(data) - found < HEADER_SIZE:
                return found
            if data[found + 18] in _KINDS and data[found + 16] << 8 | data[found + 17] >= HEADER_SIZE:
                return found
            begin = found + 1
        return max(at, len(data) - len(MARKER) + 1)
