"""The changes that one client of a route server has not got yet. They are bounded, however long it does not read."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice

from simulator.rib.route_server.client import Client
from simulator.rib.route_server.offer import Pick
from simulator.rib.route_server.stream import Piece, UpdateRenderer
from simulator.rib.route_server.table import RouteChange, RouteServerTable
from simulator.rib.route_server.transparent import MessageFormat

_SHARED = 1024 * 1024
"""Octets that wait as they were rendered, for all clients together (simulator)."""
_PORTION = 64 * 1024
"""Octets that are given to TCP at once, unless one piece is longer (simulator)."""
_KEYS = 1000
"""Prefixes that are rendered at once for a client that is behind (simulator)."""


class Backlog:
    """Changes in their order: the oldest as pieces that other clients share, the rest as the prefixes alone.

    A prefix is here at most once, and only while the client has it or is to get it. So a backlog is never larger than
    what the client has and what the table holds.
    """

    def __init__(self, client: Client, table: RouteServerTable, renderer: UpdateRenderer) -> None:
        self._client, self._table, self._renderer = client, table, renderer
        self._pieces: deque[Piece] = deque()
        self._size = 0
        self._behind: dict[bytes, bool] = {}
        """Prefixes that have changed since, and whether the client has them."""

    def __bool__(self) -> bool:
        return bool(self._pieces or self._behind)

    def __len__(self) -> int:
        """Pieces and prefixes."""
        return len(self._pieces) + len(self._behind)

    def clear(self) -> None:
        self._pieces.clear()
        self._behind.clear()
        self._size = 0

    def add(self, piece: Piece) -> None:
        if not self._behind and self._size < _SHARED:
            self._pieces.append(piece)
            self._size += len(piece.octets)
            return
        behind = self._behind
        had, goes = piece.growth <= 0, not piece.announces
        for key in piece.keys:
            if key not in behind:
                behind[key] = had
            elif goes and not piece.unsent and not behind[key]:
                del behind[key]  # it never heard of this one

    @property
    def is_behind(self) -> bool:
        """The next portion is rendered from the table, all of whose changes have to be sent before."""
        return not self._pieces and bool(self._behind)

    def take(self, format_: MessageFormat) -> list[Piece]:
        """The next portion, which may be empty."""
        if not self._pieces:
            self._pieces.extend(self._renderer.pieces(self._render(), format_))
            self._size = sum(len(piece.octets) for piece in self._pieces)
        found: list[Piece] = []
        size = 0
        while self._pieces and (not found or size + len(self._pieces[0].octets) <= _PORTION):
            found.append(self._pieces.popleft())
            size += len(found[-1].octets)
        self._size -= size
        return found

    def _render(self) -> Iterator[RouteChange]:
        """What holds now of the prefixes that changed first."""
        client, behind = self._client, self._behind
        by_pick: dict[tuple[Pick | None, bool], list[bytes]] = {}
        for key in list(islice(behind, _KEYS)):
            by_pick.setdefault((self._table.pick(client, key), behind.pop(key)), []).append(key)
        for (pick, had), keys in by_pick.items():
            if pick is not None or had:
                yield RouteChange(tuple(keys), pick, not had, frozenset(), client)


def portions(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Pieces that are given to TCP together."""
    found: list[Piece] = []
    size = 0
    for piece in pieces:
        if found and size + len(piece.octets) > _PORTION:
            yield found
            found, size = [], 0
        found.append(piece)
        size += len(piece.octets)
    if found:
        yield found
