"""Text in whatever encoding a terminal or PowerShell saved it: UTF-8 is what the readers get."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte order marks; UTF-32's begins as UTF-16's does."""
_ENOUGH: Final = 64


def utf8(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same octets, without a byte order mark, and UTF-16 and UTF-32 as UTF-8; what is no text is left alone."""
    source = iter(chunks)
    head = b""
    for chunk in source:
        head += chunk
        if len(head) >= _ENOUGH:
            break
    mark, encoding = next(((mark, name) for mark, name in _MARKS if head.startswith(mark)), (b"", _unmarked(head)))
    rest = chain((head[len(mark) :],), source)
    if encoding in ("", "utf-8"):
        yield from (chunk for chunk in rest if chunk)
        return
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for chunk in rest:
        if text := decoder.decode(chunk):
            yield text.encode("utf-8", "replace")
    if text := decoder.decode(b"", final=True):
        yield text.encode("utf-8", "replace")


def _unmarked(head: bytes) -> str:
    """UTF-16 without a mark: every other octet is 0 and the rest is printable; no MRT header is."""
    pairs = head[:_ENOUGH]
    if len(pairs) < 16:
        return ""
    for first, name in ((0, "utf-16-le"), (1, "utf-16-be")):
        letters, zeros = pairs[first::2], pairs[1 - first :: 2]
        if not any(zeros) and all(32 <= letter < 127 or letter in b"\t\r\n" for letter in letters):
            return name
    return ""
