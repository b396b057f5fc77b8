"""A file or standard input as chunks, unpacked where it is gzip or bzip2."""

from __future__ import annotations

import bz2
import gzip
import zlib
from collections.abc import Iterator
from io import BufferedReader
from typing import Final

_CHUNK: Final = 1 << 20
_GZIP, _BZIP2 = b"\x1f\x8b", b"BZh"


class Source:
    """Reads once. What goes wrong while it unpacks ends the chunks and is kept in `problem`."""

    def __init__(self, file: BufferedReader) -> None:
        self._file = file
        self.problem = ""
        self.chunks_read = 0

    def chunks(self) -> Iterator[bytes]:
        """Raises OSError for what the file itself cannot be asked."""
        head = self._file.peek(4)[:4]
        opened: BufferedReader | gzip.GzipFile | bz2.BZ2File = self._file
        if head.startswith(_GZIP):
            opened = gzip.GzipFile(fileobj=self._file)
        elif head.startswith(_BZIP2):
            opened = bz2.BZ2File(self._file)
        packed = opened is not self._file
        while True:
            try:
                # One read, not a full buffer: a pipe is judged as it comes.
                chunk = opened.read(_CHUNK) if packed else self._file.read1(_CHUNK)
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                self.problem = f"the compressed data is damaged or cut short ({error})"
                return
            except OSError as error:
                if not packed or error.errno is not None:
                    raise
                self.problem = f"the compressed data is damaged or cut short ({error})"
                return
            if not chunk:
                return
            self.chunks_read += 1
            yield chunk
