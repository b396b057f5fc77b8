"""Text out of chunks of octets, line by line, whatever the octets are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

LONGEST: Final = 1024 * 1024
"""Octets of a line; what is longer is cut there, and then is no route."""

_RETURNS: Final = re.compile(r"\r+\n")


def numbered_lines(chunks: Iterable[bytes]) -> Iterator[tuple[int, str]]:
    """(number from 1, text without its end) of every line. What is no UTF-8 is replaced, never raised."""
    rest, number = b"", 0
    for chunk in chunks:
        lines = (rest + chunk).split(b"\n")
        rest = lines.pop()
        for line in lines:
            number += 1
            yield number, _text(line)
        if len(rest) > LONGEST:
            # Only its beginning is kept: nothing longer is read, and memory stays bounded.
            rest = rest[: LONGEST + 1]
    if rest:
        yield number + 1, _text(rest)


def whole_lines(chunks: Iterable[bytes]) -> Iterator[tuple[int, str]]:
    """The same lines, as many at once as a chunk has: (number of the first, text; each line ends with `\\n`)."""
    rest, number = b"", 1
    for chunk in chunks:
        end = chunk.rfind(b"\n") + 1
        if end:
            text = _texts(rest + chunk[:end])
            yield number, text
            number += text.count("\n")
            rest = b""
        rest += chunk[end:]
        if len(rest) > LONGEST:
            rest = rest[: LONGEST + 1]
    if rest:
        yield number, _texts(rest + b"\n")


def _texts(lines: bytes) -> str:
    if len(lines) > LONGEST:
        lines = b"\n".join(line[:LONGEST] for line in lines.split(b"\n"))
    text = lines.decode("utf-8", "replace")
    return _RETURNS.sub("\n", text) if "\r" in text else text


def _text(line: bytes) -> str:
    return line[:LONGEST].decode("utf-8", "replace").rstrip("\r")
