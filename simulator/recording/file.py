"""A recording as a file: gzip of lines, each a JSON array; the first says what it is, the last that it is whole.

It is written as it happens, by a thread of its own, with a flush a few times a second: what a killed process leaves
behind can be read up to there. What waits for the disk is bounded, and so is what is read.
"""

from __future__ import annotations

import json
import threading
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

VERSION: Final = 1
MAGIC: Final = "turnup-recording"
END: Final = "end"
SUFFIX: Final = ".recording"

LARGEST: Final = 1 << 30
"""Octets of a file, as it lies on the disk, that are written at most (simulator)."""
_LONGEST: Final = 32 << 20
"""Octets of a line (simulator): a topology of ten thousand peers is one."""
_GROWN: Final = 8 << 30
"""Octets of all lines that are read (simulator)."""
_WAITING: Final = 64 << 20
"""Octets of lines that wait for the disk (simulator)."""
_FLUSH: Final = 0.25
"""Seconds until what was written can be read."""
_GZIP: Final = 31
_CHUNK: Final = 1 << 16


class RecordingError(ValueError):
    """A file that cannot be played; in one line."""


class RecordingWriter:
    """Takes lines at any speed. Where the disk does not follow, or is full, the recording ends; nobody waits for it."""

    def __init__(self, path: Path, stopped: Callable[[str], None] = lambda why: None, *, waits: bool = False) -> None:
        """Raises RecordingError where the file cannot be written. `stopped` hears, once, why it ended early. `waits`: a
        writer that is faster than the disk waits for it."""
        self.path = path
        self.problem = ""
        """Why it ended early; empty where it did not."""
        self._stopped = stopped
        self._waits = waits
        self._told = False
        self._lines: deque[bytes] = deque()
        self._waiting = 0
        self._closing = False
        self._wake = threading.Condition()
        try:
            self._file = path.open("wb")
        except OSError as error:
            raise RecordingError(f"{path}: {error.strerror}") from None
        self._thread = threading.Thread(target=self._run, name="turnup-recording", daemon=True)
        self._thread.start()

    def write(self, record: list[Any]) -> None:
        """One line; dropped once the recording has ended."""
        if self.is_over():
            return
        line = json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
        with self._wake:
            if self._waits:
                self._wake.wait_for(lambda: self._waiting + len(line) <= _WAITING or bool(self.problem))
            if self._waiting + len(line) > _WAITING:
                self.problem = f"{self.path}: the disk does not follow: what waits for it is bounded"
            else:
                self._waiting += len(line)
                self._lines.append(line)
            if len(self._lines) == 1 or self.problem:
                self._wake.notify_all()
        if self.problem:
            self._tell()

    def is_over(self) -> bool:
        """Whether it has ended early, which the first who asks makes it say: nothing need be remembered for it then."""
        if self.problem:
            self._tell()
        return bool(self.problem)

    def close(self) -> None:
        """Write the end, where it did not end early, and wait for the disk."""
        with self._wake:
            self._closing = True
            self._wake.notify_all()
        self._thread.join()
        self._tell()

    def _tell(self) -> None:
        if self.problem and not self._told:
            self._told = True
            self._stopped(self.problem)

    # --- the thread ---

    def _run(self) -> None:
        pack, digest, count, size = zlib.compressobj(6, zlib.DEFLATED, _GZIP), sha256(), 0, 0
        try:
            with self._file as file:
                while True:
                    with self._wake:
                        while not (self._lines or self._closing or self.problem):
                            self._wake.wait()
                        lines, self._lines, self._waiting = list(self._lines), deque(), 0
                        self._wake.notify_all()
                        closing = self._closing
                    if self.problem:
                        return
                    for line in lines:
                        digest.update(line)
                    count += len(lines)
                    text = b"".join(lines)
                    if closing:
                        text += json.dumps([END, count, digest.hexdigest()]).encode() + b"\n"
                    packed = pack.compress(text) + pack.flush(zlib.Z_FINISH if closing else zlib.Z_SYNC_FLUSH)
                    size += len(packed)
                    if size > LARGEST:
                        self.problem = f"{self.path}: {LARGEST >> 20} MiB are recorded: the recording ends here"
                        return
                    file.write(packed)
                    file.flush()
                    if closing:
                        return
                    with self._wake:
                        self._wake.wait_for(lambda: self._closing or self._waiting > _WAITING // 16, _FLUSH)
        except OSError as error:
            self.problem = f"{self.path}: {error.strerror}: the recording ends here"
        finally:
            with self._wake:
                self._wake.notify_all()


class RecordingReader:
    """The lines of a recording, one after the other; whether it is whole is known once all are read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cut_off = False
        """It has no end: who wrote it was killed, or the file is cut."""
        self.tampered = False
        """Its lines are not those that its end counted."""
        self.number = 0
        """Of the line that was read last; the first is 1."""
        self._packed_whole = False
        """What is packed has its end too, with the right sum."""

    def fail(self, why: str) -> RecordingError:
        """What is wrong with the line that was read last."""
        return RecordingError(f"{self.path}: line {self.number}: {why}")

    def __iter__(self) -> Iterator[list[Any]]:
        """Raises RecordingError."""
        digest, ended = sha256(), False
        for line in self._lines():
            self.number += 1
            if ended:
                raise self.fail("there is more behind its end")
            record = self._parsed(line)
            if record[0] == END and self.number > 1:
                ended = True
                self.tampered = record[1:] != [self.number - 1, digest.hexdigest()]
                continue
            digest.update(line + b"\n")
            if self.number == 1:
                self._require_known(record)
            yield record
        if not self.number:
            raise RecordingError(f"{self.path}: an empty file is no recording")
        self.cut_off = not (ended and self._packed_whole)

    def _require_known(self, record: list[Any]) -> None:
        if record[0] != MAGIC or len(record) != 3 or not isinstance(record[2], dict):
            raise RecordingError(f"{self.path}: this is no recording of turnup's")
        if record[1] != VERSION:
            raise RecordingError(
                f"{self.path}: a recording of format {str(record[1])[:20]}: this turnup plays format {VERSION}"
            )

    def _parsed(self, line: bytes) -> list[Any]:
        try:
            record = json.loads(line, parse_constant=_refuse)
        except (ValueError, RecursionError):
            raise self.fail("it cannot be read") from None
        if not isinstance(record, list) or not record or not isinstance(record[0], str):
            raise self.fail("it is no record")
        return record

    def _lines(self) -> Iterator[bytes]:
        """What is whole of each line; of a cut file the rest of the last one is left out."""
        rest = b""
        for text in self._unpacked():
            *lines, rest = (rest + text).split(b"\n")
            yield from lines
            if len(rest) > _LONGEST:
                raise RecordingError(f"{self.path}: a line of more than {_LONGEST >> 20} MiB: this is no recording")

    def _unpacked(self) -> Iterator[bytes]:
        unpack, grown = zlib.decompressobj(_GZIP), 0
        try:
            with self.path.open("rb") as file:
                while data := file.read(_CHUNK):
                    while data:
                        if unpack.eof:
                            raise RecordingError(f"{self.path}: there is more behind its end")
                        text = unpack.decompress(data, 1 << 20)
                        grown += len(text)
                        if grown > _GROWN:
                            raise RecordingError(f"{self.path}: it unpacks to more than {_GROWN >> 30} GiB")
                        yield text
                        data = unpack.unconsumed_tail or (unpack.unused_data if unpack.eof else b"")
            self._packed_whole = unpack.eof
        except OSError as error:
            raise RecordingError(f"{self.path}: {error.strerror}") from None
        except zlib.error:
            if not grown:
                raise RecordingError(f"{self.path}: this is no recording of turnup's") from None
            raise RecordingError(f"{self.path}: it is damaged after line {self.number}") from None


def _refuse(word: str) -> Any:
    raise ValueError(word)
