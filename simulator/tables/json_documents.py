"""Routes as JSON that is not one object a line: pretty-printed, an array, or a document with an array of routes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from simulator.tables.json_lines import read_json_lines, read_object
from simulator.tables.json_stream import BrokenJson, JsonPath, values
from simulator.tables.table_entries import FilePosition, TableEntry, Unreadable
from simulator.tables.terminal import is_chatter

_ENOUGH: Final = 65_536
_LINES: Final = 100
_LISTS: Final = ("routes", "rib", "prefixes", "networks", "announcements")
_LIST: Final = re.compile(rb'"(?:' + "|".join(_LISTS).encode() + rb')"\s*:\s*\[')


def read_json(chunks: Iterable[bytes]) -> Iterator[TableEntry]:
    """JSON lines, or documents: told from how the text begins."""
    source = iter(chunks)
    head = b""
    for chunk in source:
        head += chunk
        if len(head) >= _ENOUGH:
            break
    rest = chain((head,), source)
    listed = _LIST.search(head) is not None
    if head.lstrip()[:1] != b"[" and any(map(_is_route, head.split(b"\n", _LINES)[:_LINES])):
        yield from read_json_lines(rest)
    else:
        yield from _documents(rest, listed)


def _is_route(line: bytes) -> bool:
    """Whether a line is an object of its own. A line that is longer than what was looked at is not a document's."""
    if not line.startswith(b"{"):
        return False
    try:
        found = json.loads(line)
        # An event may have a list of that name too, of prefixes.
        return isinstance(found, dict) and ("event" in found or not any(isinstance(found.get(n), list) for n in _LISTS))
    except (ValueError, RecursionError):
        return len(line) >= _ENOUGH


def _documents(chunks: Iterable[bytes], listed: bool) -> Iterator[TableEntry]:
    """`listed`: the outermost object holds a list of routes, and is no route itself."""

    def walk(path: JsonPath) -> bool:
        if not path:
            return listed or is_array
        return listed and len(path) == 1 and path[0] in _LISTS

    source = iter(chunks)
    head = next(source, b"")
    is_array = head.lstrip()[:1] == b"["
    for found in values(chain((head,), source), walk):
        place = FilePosition("line", found.line)
        if isinstance(found, BrokenJson):
            if not (found.text and is_chatter(found.text)):
                yield Unreadable(place, found.reason + (f": {found.text[:60]!r}" if found.text else ""))
        elif not listed or (len(found.path) == 2 and found.path[0] in _LISTS):
            yield read_object(found.value, place)
