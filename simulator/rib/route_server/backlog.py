"""The changes that one client of a route server has not got yet. They are bounded, however long it does not read."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice

from simulator.rib.route_server.client import Client
from simulator.rib.route_server.journal import PORTION, ChangeJournal, Entry, Portion, portions
from simulator.rib.route_server.offer import Candidates, Pick
from simulator.rib.route_server.stream import Piece, UpdateRenderer
from simulator.rib.route_server.table import RouteChange, RouteServerTable
from simulator.rib.route_server.transparent import MessageFormat

_KEYS = 1000
"""Prefixes that are rendered at once for a client that is behind (simulator)."""


class Backlog:
    """Changes in their order: a place in the journal that all clients share, or, once that is too long, prefixes alone.

    A prefix is here at most once, and only while the client has it or is to get it. So a backlog is never larger than
    what the client has and what the table holds.
    """

    def __init__(self, client: Client, table: RouteServerTable, renderer: UpdateRenderer) -> None:
        self._client, self._table, self._renderer = client, table, renderer
        self._portions: deque[Portion] = deque()
        """Rendered for this client alone."""
        self._behind: dict[bytes, bool] = {}
        """Prefixes that have changed since, and whether the client has them."""
        self._journal = ChangeJournal()
        self.place = 0
        """How far it has come in the journal, whose rest comes behind all that."""

    def __bool__(self) -> bool:
        return bool(self._portions or self._behind) or self.place < self._journal.end

    def __len__(self) -> int:
        """Prefixes that wait by themselves."""
        return len(self._behind)

    def follow(self, journal: ChangeJournal) -> None:
        """It gets all that changes from now on."""
        self._journal, self.place = journal, journal.end

    def leave(self, format_: MessageFormat) -> list[Portion]:
        """It gets what waits now, which is returned, and no more."""
        found = []
        while self:
            found.append(self.take(format_))
        self.follow(ChangeJournal())
        return found

    def clear(self) -> None:
        self._portions.clear()
        self._behind.clear()
        self.follow(ChangeJournal())

    def added(self) -> None:
        """The journal has grown."""
        if self._behind:
            self.fall()

    def fall(self) -> None:
        """Do without the journal's entries: what holds of their prefixes is rendered when it can be sent."""
        journal = self._journal
        for place in range(self.place, journal.end):
            for piece in journal[place].of(self._client).pieces:
                self._add(piece)
        self.place = journal.end

    def _add(self, piece: Piece) -> None:
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
        return not self._portions and bool(self._behind)

    def take(self, format_: MessageFormat) -> Portion:
        """The next portion, which may be empty."""
        if not self._portions and self._behind:
            pieces = self._renderer.pieces(self._render(), format_)
            self._portions.extend(map(Portion, portions(pieces)))
        if self._portions:
            return self._portions.popleft()
        return self._of_journal()

    def _of_journal(self) -> Portion:
        journal, end = self._journal, self._journal.end
        if self.place == end:
            return _NOTHING
        first = journal[self.place].of(self._client)
        self.place += 1
        size = len(first.octets)
        if self.place == end or size + len(journal[self.place].portion.octets) > PORTION:
            return first
        found = [*first.pieces]
        while self.place < end:  # many that are short go together
            entry: Entry = journal[self.place]
            size += len(entry.portion.octets)
            if size > PORTION:
                break
            found += entry.of(self._client).pieces
            self.place += 1
        return Portion(tuple(found))

    def _render(self) -> Iterator[RouteChange]:
        """What holds now of the prefixes that changed first."""
        client, behind, table = self._client, self._behind, self._table
        by_candidates: dict[tuple[Candidates, bool], list[bytes]] = {}
        for key in list(islice(behind, _KEYS)):
            by_candidates.setdefault((table.entry(key), behind.pop(key)), []).append(key)
        by_pick: dict[tuple[Pick | None, bool], list[bytes]] = {}
        for (candidates, had), keys in by_candidates.items():
            by_pick.setdefault((candidates.pick(client), had), []).extend(keys)
        for (pick, had), keys in by_pick.items():
            if pick is not None or had:
                yield RouteChange(tuple(keys), pick, not had, frozenset(), client)


_NOTHING = Portion(())
