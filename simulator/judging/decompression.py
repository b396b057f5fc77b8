"""A file or standard input as chunks, unpacked where it is packed: gzip, bzip2, xz, zstd, or a zip of one file.

It is unpacked as it is read, a chunk at a time: what a small file would grow to is never held, and a file that grows
without end is given up.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from io import BufferedReader
from typing import IO, Any, Final, cast

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_CHUNK: Final = 1 << 20
_MEMORY: Final = 256 << 20
"""Octets that unpacking xz may take; `xz -9` needs 65 MiB."""
_WINDOW: Final = 27
"""Zstandard's window, as a power of two: what the `zstd` command takes without being told (128 MiB)."""
_PATIENCE: Final = 256 << 20
_GROWTH: Final = 5000
"""A file that has grown so much, this many times over, holds no routes: no table is packed so well."""
_LAYERS: Final = 3
"""A zip of a gzip is unpacked too; nobody packs more often by accident."""

_REFUSED: Final = (
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive: unpack it (7z e -so FILE | turnup policy check -)"),
    (b"Rar!\x1a\x07", "a RAR archive: unpack it first"),
    (b"\x04\x22\x4d\x18", "packed with lz4: unpack it (lz4 -dc FILE | turnup policy check -)"),
    (b"\x1f\x9d", "packed with compress: unpack it (zcat FILE | turnup policy check -)"),
    (b"LZIP", "packed with lzip: unpack it (lzip -dc FILE | turnup policy check -)"),
    (b"\xd4\xc3\xb2\xa1", "a packet capture, not a table: give an MRT dump of the router"),
    (b"\xa1\xb2\xc3\xd4", "a packet capture, not a table: give an MRT dump of the router"),
    (b"\x0a\x0d\x0d\x0a", "a packet capture, not a table: give an MRT dump of the router"),
    (b"%PDF", "a PDF, not a table"),
)
"""How files begin that cannot be read → what they are, and what to give instead."""


class DecompressionError(ValueError):
    """The file is of a kind that is not unpacked; one line that says what to do."""


def _xz(file: IO[bytes]) -> IO[bytes]:
    return cast(IO[bytes], _Xz(file))


class _Xz:
    """lzma.LZMAFile has no limit on memory, which the file itself asks for."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file: Any = file
        self._unpack: lzma.LZMADecompressor | None = None
        self._rest = b""

    def read(self, size: int) -> bytes:
        while self._unpack is not None or self._begin():
            assert self._unpack is not None
            data = self._file.read(_CHUNK) if self._unpack.needs_input else b""
            if self._unpack.needs_input and not data:
                raise EOFError("the file ends before the end-of-stream marker")
            chunk = self._unpack.decompress(data, size)
            if self._unpack.eof:
                self._rest, self._unpack = self._unpack.unused_data, None
            if chunk:
                return chunk
        return b""

    def _begin(self) -> bool:
        """Another stream; they may follow each other with zeros between them (the xz file format, §2.2)."""
        self._rest = self._rest.lstrip(b"\0")
        while not self._rest:
            if not (data := self._file.read(_CHUNK)):
                return False
            self._rest = data.lstrip(b"\0")
        self._unpack = lzma.LZMADecompressor(memlimit=_MEMORY)
        self._file, self._rest = _Joined(self._rest, self._file), b""
        return True


class _Joined:
    """Octets that were read already, and the file behind them."""

    def __init__(self, first: bytes, file: Any) -> None:
        self._first = first
        self._file = file

    def read(self, size: int) -> bytes:
        if self._first:
            found, self._first = self._first, b""
            return found
        return cast(bytes, self._file.read(size))


def _zip(opened: IO[bytes]) -> IO[bytes]:
    file = cast(_Ahead, opened).file
    if not file.seekable():
        raise DecompressionError("a zip archive on a pipe: give the file itself, or unpack it (unzip -p FILE)")
    with_names = [member for member in zipfile.ZipFile(file).infolist() if not member.is_dir()]
    if len(with_names) != 1:
        what = f"{len(with_names)} files" if with_names else "no file"
        raise DecompressionError(f"a zip archive of {what}: say which one (unzip -p FILE NAME | turnup policy check -)")
    if with_names[0].flag_bits & 1:
        raise DecompressionError("an encrypted zip archive: unpack it first (unzip -p FILE)")
    return zipfile.ZipFile(file).open(with_names[0])


def _zstd(file: IO[bytes]) -> IO[bytes]:
    options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _WINDOW}
    return cast(IO[bytes], zstd.ZstdFile(cast(Any, file), options=options))


_PACKED: Final[tuple[tuple[bytes, Callable[[IO[bytes]], IO[bytes]]], ...]] = (
    (b"\x1f\x8b", lambda file: cast(IO[bytes], gzip.GzipFile(fileobj=file))),
    (b"BZh", lambda file: cast(IO[bytes], bz2.BZ2File(file))),
    (b"\xfd7zXZ\x00", _xz),
    (b"\x28\xb5\x2f\xfd", _zstd),
    (b"PK\x03\x04", _zip),
    (b"PK\x05\x06", _zip),
)
"""How a packed file begins → who unpacks it."""
_SHORTEST: Final = 6
_LONGEST: Final = 262
"""Octets that tell: a tar archive says so behind its first file's name."""
_DAMAGE: Final = (EOFError, zlib.error, lzma.LZMAError, zstd.ZstdError, zipfile.BadZipFile, NotImplementedError)


class _Ahead:
    """Octets that can be looked ahead into, and how many of them were read."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.taken = 0
        self._ahead = b""
        # One read, not a full buffer: a pipe is judged as it comes.
        self._more = file.read1 if isinstance(file, BufferedReader) else file.read

    def peek(self, enough: int) -> bytes:
        """The next octets: so many, but for the end of the file, and more where they are at hand."""
        while len(self._ahead) < enough and (more := self._more(_CHUNK)):
            self._ahead += more
        return self._ahead

    def read(self, size: int = _CHUNK) -> bytes:
        if self._ahead:
            found, self._ahead = self._ahead[:size], self._ahead[size:]
        else:
            found = self._more(size)
        self.taken += len(found)
        return found

    def seekable(self) -> bool:
        return False


class DecompressedFile:
    """Reads once. What goes wrong while it unpacks ends the chunks and is kept in `problem`."""

    def __init__(self, file: BufferedReader) -> None:
        self._file = file
        self.problem = ""
        self.chunks_read = 0

    def chunks(self) -> Iterator[bytes]:
        """Raises OSError for what the file itself cannot be asked, DecompressionError for what is not unpacked."""
        file = opened = _Ahead(self._file)
        try:
            head = file.peek(_SHORTEST)
            for layer in range(_LAYERS + 1):
                self._refuse(head)
                unpack = next((unpack for mark, unpack in _PACKED if head.startswith(mark)), None)
                if unpack is None:
                    break
                if layer == _LAYERS:
                    raise DecompressionError(f"this is packed more than {_LAYERS} times: unpack it first")
                opened = _Ahead(unpack(cast(IO[bytes], opened)))
                head = opened.peek(_LONGEST)
            grown = 0
            while chunk := opened.read(_CHUNK):
                self.chunks_read += 1
                grown += len(chunk)
                if grown > max(_PATIENCE, _GROWTH * file.taken):
                    self.problem = f"it grows without end: {grown >> 20} MiB so far, and no table is so much alike"
                    return
                yield chunk
        except _DAMAGE as error:
            self.problem = f"the compressed data is damaged or cut short ({error})"
        except OSError as error:
            if opened is file or error.errno is not None:
                raise
            self.problem = f"the compressed data is damaged or cut short ({error})"

    @staticmethod
    def _refuse(head: bytes) -> None:
        for mark, why in _REFUSED:
            if head.startswith(mark):
                raise DecompressionError(f"this is {why}")
        if head[257:262] == b"ustar":
            raise DecompressionError("this is a tar archive: unpack it (tar -xOf FILE NAME | turnup policy check -)")
