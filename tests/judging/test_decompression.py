"""Packed files, and text in other encodings: unpacked as they are read, and what is damaged or refused is said."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from simulator.judging.decompression import DecompressedFile, DecompressionError
from simulator.tables.encodings import utf8

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

DATA = b"".join(b"41.%d.%d.0/24\n" % (number >> 8, number & 255) for number in range(20_000))


def zipped(data: bytes, *names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names or ("table",):
            archive.writestr(name, data)
    return file.getvalue()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd.compress,
    "zip": zipped,
    "gzip in a zip": lambda data: zipped(gzip.compress(data)),
    "two of xz": lambda data: lzma.compress(data[:100_000]) + b"\0" * 4 + lzma.compress(data[100_000:]),
    "two of zstd": lambda data: zstd.compress(data[:100_000]) + zstd.compress(data[100_000:]),
}


def read(path: Path, data: bytes) -> tuple[bytes, str]:
    path.write_bytes(data)
    with path.open("rb") as file:
        source = DecompressedFile(file)
        return b"".join(source.chunks()), source.problem


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_what_is_packed_is_unpacked_and_damage_is_told(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    packed = pack(DATA)
    assert read(tmp_path / "table", packed) == (DATA, "")
    found, problem = read(tmp_path / "table", packed[: len(packed) * 2 // 3])
    assert DATA.startswith(found)
    assert "damaged or cut short" in problem


NOT_UNPACKED: dict[str, tuple[bytes, str]] = {
    "7-Zip": (b"7z\xbc\xaf\x27\x1c\0\4", "7-Zip"),
    "lz4": (b"\x04\x22\x4d\x18xxxx", "lz4"),
    "a capture": (b"\x0a\x0d\x0d\x0axxxx", "packet capture"),
    "a zip of two": (zipped(b"x", "a", "b"), "a zip archive of 2 files"),
    "a zip of one": (zipped(b"x"), ""),
    "a tar archive": (gzip.compress(bytes(257) + b"ustar" + bytes(300)), "tar archive"),
    "four times": (gzip.compress(gzip.compress(gzip.compress(gzip.compress(b"x")))), "packed more than 3 times"),
}


# By name: an archive says when it was made, and the tests of one run have to be those of another.
@pytest.mark.parametrize(("data", "words"), NOT_UNPACKED.values(), ids=NOT_UNPACKED)
def test_what_is_not_unpacked_is_refused_by_name(data: bytes, words: str, tmp_path: Path) -> None:
    if not words:
        assert read(tmp_path / "table", data) == (b"x", "")
        return
    with pytest.raises(DecompressionError, match=words):
        read(tmp_path / "table", data)


def test_what_grows_without_end_is_given_up(tmp_path: Path) -> None:
    (tmp_path / "table").write_bytes(bz2.compress(bytes(300 << 20), 9))
    with (tmp_path / "table").open("rb") as file:
        source = DecompressedFile(file)
        assert max(map(len, source.chunks())) <= 1 << 20
        assert "grows without end" in source.problem


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_text_is_utf_8_whatever_it_was(encoding: str, size: int) -> None:
    text = "41.0.0.0/16\r\n" * 5 + "41.0.0.0/16 # première\r\n" * 50
    data = text.encode(encoding)
    assert b"".join(utf8(data[at : at + size] for at in range(0, len(data), size))) == text.encode()
