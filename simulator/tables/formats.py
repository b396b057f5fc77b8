"""Which format a route table is in, told from how it begins; and its reader."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from itertools import chain
from typing import Final

from simulator.tables import mrt
from simulator.tables.bird import ROUTE, read_bird
from simulator.tables.entries import Entry
from simulator.tables.json_lines import read_json_lines
from simulator.tables.mrt_reader import read_mrt
from simulator.tables.route_lines import read_route_lines


class Format(StrEnum):
    """What can be read."""

    MRT = "mrt"
    EXABGP = "exabgp"
    BIRD = "bird"
    JSON = "json"


READERS: Final[dict[Format, Callable[[Iterable[bytes]], Iterator[Entry]]]] = {
    Format.MRT: read_mrt,
    Format.EXABGP: read_route_lines,
    Format.BIRD: read_bird,
    Format.JSON: read_json_lines,
}
_ENOUGH: Final = 4096
"""Octets that always tell, unless they are all comment."""
_MOST: Final = 1024 * 1024
_LINES: Final = 200
"""Lines to look at before giving up: a router's greeting is never as long."""
_PREFIX: Final = re.compile(r"^[0-9a-fA-F]*[.:][0-9a-fA-F.:]*/\d{1,3}\s*(?:#.*|;)?$")
_STATEMENT: Final = re.compile(r"^(?:announce\s+)?(?:route|attributes)\s")


def recognise(chunks: Iterable[bytes]) -> tuple[Format | None, Iterator[bytes]]:
    """The format, or None for none of ours; and the same chunks, from the start."""
    source, seen, size, found = iter(chunks), list[bytes](), 0, None
    for chunk in source:
        seen.append(chunk)
        size += len(chunk)
        if size >= _ENOUGH and ((found := _judge(b"".join(seen))) is not None or size >= _MOST):
            break
    else:
        found = _judge(b"".join(seen))
    return found, chain(seen, source)


def _judge(head: bytes) -> Format | None:
    if mrt.looks_like(head):
        return Format.MRT
    for line in head[:_MOST].decode("utf-8", "replace").splitlines()[:_LINES]:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if text.startswith("{"):
            return Format.JSON
        if _STATEMENT.match(text) or _PREFIX.match(text):
            return Format.EXABGP
        if ROUTE.match(line) or re.match(r"^(?:\d{4}[- ])?(?:BIRD \d|Table \S+:)", line):
            return Format.BIRD
    return None
