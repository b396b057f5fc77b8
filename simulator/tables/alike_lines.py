"""Objects of JSON that differ in their prefix alone: what stands beside it is read once for many of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from simulator.tables.alike_routes import AlikeRoutes
from simulator.tables.table_entries import FilePosition, TableEntry
from simulator.tables.text_lines import whole_lines

_LONGEST: Final = 2048
"""Characters of an object that is looked at so."""
_PREFIX: Final = re.compile(r'"(?:prefix|network)"\s*:\s*"([0-9a-fA-F.:]+/[0-9]+)"')

ReadObject = Callable[[str, FilePosition], Iterable[TableEntry]]
"""Makes entries of one object's text."""


class AlikeObjects:
    """Objects wait under what stands around their prefixes, where there is one and it is plain to see."""

    def __init__(self, read: ReadObject) -> None:
        self._routes = AlikeRoutes(lambda prefix, shared, place: read(shared.replace("\0", prefix, 1), place))
        self.flush = self._routes.flush

    def add(self, text: str, line: int) -> bool:
        """An object waits. False: it is to be read on its own."""
        found = _PREFIX.search(text)
        if found is None or len(text) > _LONGEST or "\\" in text or "\0" in text:
            return False
        start, end = found.span(1)
        if _PREFIX.search(text, end) is not None:
            return False
        return self._routes.add(found[1], f"{text[:start]}\0{text[end:]}", line)

    @property
    def is_full(self) -> bool:
        """Whether it is time to `flush`."""
        return self._routes.is_full


def read_lines(
    chunks: Iterable[bytes], read: ReadObject, is_alone: Callable[[str], bool] = lambda _: False
) -> Iterator[TableEntry]:
    """What `read` makes of every line, in about their order; `is_alone`: whether a line has to be read in its turn."""
    alike = AlikeObjects(read)
    for first, text in whole_lines(chunks):
        for number, line in enumerate(text.split("\n")[:-1], first):
            if not is_alone(line) and alike.add(line, number):
                if alike.is_full:
                    yield from alike.flush()
            elif stripped := line.strip():
                yield from read(stripped, FilePosition("line", number))
    yield from alike.flush()
