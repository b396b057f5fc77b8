"""What children print: the newest of it in a file, and never more than so much.

A child writes into a pipe, and the event loop moves that into the file a piece at a time: a router that prints without
end waits for us, and takes neither memory nor disk. To read such a file, call `read`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from pathlib import Path
from typing import Final

LOG_OCTETS: Final = 8 << 20
"""Of one log, so much stays at most, and the newer half of it when it is full (simulator)."""
_PIECE: Final = 1 << 16
"""Octets that are moved in one turn of the event loop: as much as a pipe holds."""
_DROPPED: Final = re.compile(rb"turnup: (\d+) older lines \((\d+) octets\) were dropped\n")


def keep(path: Path, octets: bytes, limit: int = LOG_OCTETS) -> None:
    """Append to a log. Where it becomes longer than `limit`, its older half goes, and its first line says how much.

    Raises OSError.
    """
    with path.open("ab+") as file:
        file.write(octets)
        if file.tell() <= limit:
            return
        file.seek(0)
        text = file.read()
        lines, gone = 0, 0
        if before := _DROPPED.match(text):
            lines, gone, text = int(before[1]), int(before[2]), text[before.end() :]
        if len(text) <= limit:
            return
        cut = text.find(b"\n", len(text) - limit // 2) + 1 or len(text) - limit // 2
        lines, gone = lines + text.count(b"\n", 0, cut), gone + cut
        file.truncate(0)
        file.write(b"turnup: %d older lines (%d octets) were dropped\n" % (lines, gone))
        file.write(text[cut:])


class LogPipe:
    """What one child writes into, until it has ended."""

    def __init__(self, path: Path) -> None:
        """Raises OSError where there can be no such file."""
        path.open("ab").close()
        self.path = path
        self._read, self.write_end = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._read, False)
        self._child = 0
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._read, self.move)

    def started(self, child: int) -> None:
        """The child has its end: ours is not needed any more."""
        os.close(self.write_end)
        self._child = child
        _OPEN[child] = self

    def move(self) -> None:
        """Move what was written so far: a pipe holds no more than a piece."""
        try:
            octets = os.read(self._read, _PIECE)
        except BlockingIOError:
            return
        if not octets:  # the child, and all that it left behind, are gone
            self._end()
            return
        with contextlib.suppress(OSError):  # a lab that is taken down has no directory any more
            keep(self.path, octets)

    def close(self) -> None:
        """Move the last of it."""
        self.move()
        self._end()

    def _end(self) -> None:
        _OPEN.pop(self._child, None)
        if self._read >= 0:
            if not self._loop.is_closed():
                self._loop.remove_reader(self._read)
            os.close(self._read)
            self._read = -1


_OPEN: Final[dict[int, LogPipe]] = {}
"""By the child's process id."""


def close(child: int) -> None:
    """A child has ended, and its whole group."""
    if pipe := _OPEN.get(child):
        pipe.close()


def read(path: Path) -> str:
    """All that a log has, up to now. Raises OSError."""
    for pipe in [each for each in _OPEN.values() if each.path == path]:
        pipe.move()
    return path.read_text(errors="replace")
