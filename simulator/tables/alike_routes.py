"""Routes of a text that differ in their prefix alone: what stands beside it is read once for many of them.

A table has several routes for each set of attributes, far from each other. So the routes wait for a while under the
text that they share; then that text is read, as if it stood alone, and all of its prefixes are one entry.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Final

from simulator.session.messages import Family
from simulator.tables.table_entries import FilePosition, TableEntry, TableRoutes
from simulator.wire import nlri

_WINDOW: Final = 2_400_000
"""What waits, in units of about 50 octets: a route is one of them. It bounds the memory that a table takes."""
_SET: Final = 6
"""Units of a text that routes share, besides its characters."""
_UNIT: Final = 48
"""Characters of it that are one more."""

ReadAlone = Callable[[str, str, FilePosition], Iterable[TableEntry]]
"""Makes entries of one prefix and the text beside it, at the place where they stand."""


class AlikeRoutes:
    """Takes routes in the order of the file, and hands them on by what they share, in about that order."""

    def __init__(self, read: ReadAlone) -> None:
        self._read = read
        self._waiting: tuple[dict[str, int], dict[str, int]] = {}, {}
        """Of IPv4 and of IPv6: what routes share → its number."""
        self._sets: list[tuple[Family, str, int, list[bytes]]] = []
        """By its number: the family, what they share, the line of the first, the prefixes."""
        self._lines = array("Q")
        """Of each route that waits: its line."""
        self._owners = array("L")
        """Of each route that waits: the number of what it shares."""
        self._room = _WINDOW

    def add(self, prefix: str, shared: str, line: int) -> bool:
        """A route waits. False: this is no prefix, and the route is to be read on its own."""
        try:
            family, key = nlri.key(prefix)
        except ValueError:
            return False
        waiting = self._waiting[family is Family.IPV6]
        number = waiting.get(shared)
        if number is None:
            number = waiting[shared] = len(self._sets)
            self._sets.append((family, shared, line, [key]))
            self._room -= _SET + len(shared) // _UNIT
        else:
            self._sets[number][3].append(key)
            self._room -= 1
        self._lines.append(line)
        self._owners.append(number)
        return True

    @property
    def is_full(self) -> bool:
        """Whether it is time to `flush`."""
        return self._room <= 0

    def flush(self) -> Iterator[TableEntry]:
        """What waits."""
        sets, lines, owners = self._sets, self._lines, self._owners
        self.__init__(self._read)  # type: ignore[misc]
        different = dict[int, Iterator[bytes]]()
        for number, (family, shared, line, keys) in enumerate(sets):
            entries = tuple(self._read(nlri.text(family, keys[0]), shared, FilePosition("line", line)))
            if len(entries) == 1 and isinstance(entries[0], TableRoutes) and entries[0].keys == (keys[0],):
                yield replace(entries[0], keys=tuple(keys)) if len(keys) > 1 else entries[0]
            else:
                different[number] = iter(keys)
        if not different:
            return
        for line, number in zip(lines, owners, strict=True):
            if (rest := different.get(number)) is not None:
                family, shared = sets[number][:2]
                yield from self._read(nlri.text(family, next(rest)), shared, FilePosition("line", line))
