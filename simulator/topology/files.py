"""Files that people name, read within bounds: no device, no pipe that stays silent, no more than a size."""

from __future__ import annotations

import os
import select
import stat
from pathlib import Path
from typing import Final

LARGEST_DATA: Final = 512_000_000
"""Octets of a data file (simulator): the VRPs of the whole Internet have 60,000,000, all of PeeringDB 100,000,000."""
PATIENCE: Final = 10.0
"""Seconds that a pipe may take for its next octets: `<(…)` of a shell is one (simulator)."""


class FileReadError(Exception):
    """A file that cannot be read: one line that says why, without its name."""


def read_octets(path: Path, largest: int, *, pipes: bool = True) -> bytes:
    """The whole file, of at most `largest` octets; `pipes`: one will do as well. Raises FileReadError."""
    try:
        # A pipe that nobody writes to would hold up its reader; the flag means nothing to a file.
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise FileReadError("there is no such file") from None
    except (OSError, ValueError) as error:
        raise FileReadError(f"it cannot be read: {getattr(error, 'strerror', None) or error}") from None
    try:
        mode = os.fstat(number).st_mode
        if stat.S_ISDIR(mode):
            raise FileReadError("this is a directory: name a file")
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            raise FileReadError("this is a device or a socket: name a file")
        if stat.S_ISFIFO(mode) and not pipes:
            raise FileReadError("this is a pipe, and it may have to be read again: name a file")
        return _whole(number, largest, pipe=stat.S_ISFIFO(mode))
    except OSError as error:
        raise FileReadError(f"it cannot be read: {error.strerror}") from None
    finally:
        os.close(number)


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
                raise FileReadError(f"this pipe has said nothing for {PATIENCE:g} seconds: name a file") from None
            continue
        if not part:
            if pipe and not parts:
                raise FileReadError("this is a pipe that nobody writes to: name a file")
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
