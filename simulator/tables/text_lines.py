"""Text out of chunks of octets, line by line, whatever the octets are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

LONGEST: Final = 1024 * 1024
"""Octets of a line; what is longer is cut there, and then is no route."""


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


def _text(line: bytes) -> str:
    return line[:LONGEST].decode("utf-8", "replace").rstrip("\r")
