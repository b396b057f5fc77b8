"""Files that people name, read within bounds: no device, no pipe that stays silent, no more than a size."""

from __future__ import annotations

import os
import select
import stat
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import Any, Final

LARGEST_DATA: Final = 512_000_000
"""Octets of a data file (simulator): the VRPs of the whole Internet have 60,000,000, all of PeeringDB 100,000,000."""
PATIENCE: Final = 10.0
"""Seconds that a pipe may take for its next octets: `<(…)` of a shell is one (simulator)."""
STREAM_PATIENCE: Final = 60.0
"""The same for a routing table: a router may think about it for a while (simulator)."""
_NOBODY: Final = "this is a pipe that nobody writes to: name a file"


def _silent(seconds: float) -> str:
    return f"this pipe has said nothing for {seconds:g} seconds: name a file"


class FileReadError(Exception):
    """A file that cannot be read: one line that says why, without its name."""


def read_octets(path: Path, largest: int, *, pipes: bool = True) -> bytes:
    """The whole file, of at most `largest` octets; `pipes`: one will do as well. Raises FileReadError."""
    number, is_pipe = _opened(path)
    try:
        if is_pipe and not pipes:
            raise FileReadError("this is a pipe, and it may have to be read again: name a file")
        return _whole(number, largest, pipe=is_pipe)
    except OSError as error:
        raise FileReadError(f"it cannot be read: {error.strerror}") from None
    finally:
        os.close(number)


def open_stream(path: Path) -> BufferedReader:
    """A file of any size, to be read as it comes. Raises FileReadError; so does reading a pipe that stays silent."""
    number, is_pipe = _opened(path)
    return BufferedReader(_Pipe(number)) if is_pipe else os.fdopen(number, "rb")


class _Pipe(RawIOBase):
    """A pipe, read with patience."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._waiting = select.poll()
        self._waiting.register(number, select.POLLIN)
        self._has_said = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while True:
            try:
                part = os.read(self._number, len(buffer))
            except BlockingIOError:
                if not self._waiting.poll(STREAM_PATIENCE * 1000):
                    raise FileReadError(_silent(STREAM_PATIENCE)) from None
                continue
            if not part and not self._has_said:
                raise FileReadError(_NOBODY)
            self._has_said = True
            buffer[: len(part)] = part
            return len(part)

    def close(self) -> None:
        if not self.closed:
            os.close(self._number)
        super().close()


def _opened(path: Path) -> tuple[int, bool]:
    """A descriptor that does not block, and whether it is a pipe's. Raises FileReadError."""
    try:
        # A pipe that nobody writes to would hold up its reader; the flag means nothing to a file.
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise FileReadError("there is no such file") from None
    except (OSError, ValueError) as error:
        raise FileReadError(f"it cannot be read: {getattr(error, 'strerror', None) or error}") from None
    mode = os.fstat(number).st_mode
    if stat.S_ISREG(mode) or stat.S_ISFIFO(mode):
        return number, stat.S_ISFIFO(mode)
    os.close(number)
    what = "a directory" if stat.S_ISDIR(mode) else "a device or a socket"
    raise FileReadError(f"this is {what}: name a file")


def _whole(number: int, largest: int, *, pipe: bool) -> bytes:
    parts: list[bytes] = []
    left = largest + 1
    waiting = select.poll()
    waiting.register(number, select.POLLIN)
    while left:
        try:
            part = os.read(number, min(left, 1 << 20))
        except BlockingIOError:
            if not waiting.poll(PATIENCE * 1000):
                raise FileReadError(_silent(PATIENCE)) from None
            continue
        if not part:
            if pipe and not parts:
                raise FileReadError(_NOBODY)
            return b"".join(parts)
        parts.append(part)
        left -= len(part)
    raise FileReadError(f"it has more than the {largest} octets that are read")


def read_text(path: Path, largest: int, expected: str) -> str:
    """The same as UTF-8 text; `expected` says what the file should be. Raises FileReadError."""
    try:
        return read_octets(path, largest).decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise FileReadError(f"this is not UTF-8 text: {expected}") from None
