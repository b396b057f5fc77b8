"""What has changed for the clients of one format, rendered once: each client has a place in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from simulator.rib.route_server.client import Client
from simulator.rib.route_server.stream import Piece, Receiver, is_for

PORTION = 64 * 1024
"""Octets that are given to TCP at once, unless one piece is longer (simulator)."""
SHARED = 16 * 1024 * 1024
"""Octets that wait as they were rendered, for all clients of one format together (simulator)."""
_ENTRY = 512
"""Octets that an entry takes besides its messages, about."""


class Portion:
    """Pieces that go to TCP together."""

    __slots__ = ("announced", "announces", "growth", "is_even", "octets", "pieces", "unsent")

    def __init__(self, pieces: tuple[Piece, ...]) -> None:
        self.pieces = pieces
        if len(pieces) == 1:
            self.octets = pieces[0].octets
        else:
            self.octets = b"".join([piece.octets for piece in pieces])
        announced: list[bytes] = []
        self.growth = count = 0
        self.announces = self.unsent = False
        for piece in pieces:
            self.growth += piece.growth
            count += len(piece.keys)
            if piece.announces:
                self.announces = True
                announced += piece.keys
            if piece.unsent:
                self.unsent = True
        self.announced = tuple(announced)
        """Prefixes, for the gate."""
        self.is_even = abs(self.growth) == count
        """Every prefix is one more than before, or every one is one less."""

    def tell(self, receiver: Receiver) -> None:
        """Count what a client has then."""
        if self.unsent or receiver.lacks:
            for piece in self.pieces:
                receiver.told(piece)
        else:
            receiver.count += self.growth


class Entry:
    """A portion, and which clients get another one in its place."""

    __slots__ = ("_all", "_apart", "portion")

    def __init__(self, pieces: tuple[Piece, ...]) -> None:
        self._all = pieces
        apart: set[Client] = set()
        shared = []
        for piece in pieces:
            if piece.to is not None:
                apart.add(piece.to)
            else:
                apart |= piece.but
                shared.append(piece)
        self._apart = frozenset(apart)
        self.portion = Portion(pieces if len(shared) == len(pieces) else tuple(shared))

    def of(self, client: Client) -> Portion:
        """What one client is to get of it, which may be nothing."""
        if client in self._apart:
            return Portion(tuple([piece for piece in self._all if is_for(piece, client)]))
        return self.portion


class ChangeJournal:
    """Entries in their order. It is bounded: a client that has fallen too far behind does without them."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._first = 0
        """The place of the first of them."""
        self._size = 0

    @property
    def end(self) -> int:
        """The place behind the last entry."""
        return self._first + len(self._entries)

    @property
    def size(self) -> int:
        """Octets that it takes, about."""
        return self._size

    def __getitem__(self, place: int) -> Entry:
        return self._entries[place - self._first]

    def add(self, pieces: Sequence[Piece]) -> list[Entry]:
        """Something has changed."""
        made = [Entry(some) for some in portions(pieces)]
        self._entries += made
        self._size += sum(map(_size, made))
        return made

    def overflow(self) -> int:
        """The place from which on it is as long as it may be."""
        place, size = self._first, self._size
        for entry in self._entries:
            if size <= SHARED:
                break
            size -= _size(entry)
            place += 1
        return place

    def forget(self, place: int) -> None:
        """Nobody needs what is before this place."""
        gone = self._entries[: place - self._first]
        if gone:
            del self._entries[: len(gone)]
            self._first += len(gone)
            self._size -= sum(map(_size, gone))


def portions(pieces: Iterable[Piece]) -> Iterator[tuple[Piece, ...]]:
    """Pieces that are given to TCP together."""
    found: list[Piece] = []
    size = 0
    for piece in pieces:
        if found and size + len(piece.octets) > PORTION:
            yield tuple(found)
            found, size = [], 0
        found.append(piece)
        size += len(piece.octets)
    if found:
        yield tuple(found)


def _size(entry: Entry) -> int:
    return len(entry.portion.octets) + _ENTRY
