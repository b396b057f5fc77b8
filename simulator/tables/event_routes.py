"""Routes that a stream of events tells one after the other: what each session held last."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from simulator.session.messages import Family
from simulator.tables.table_entries import (
    ENDED,
    REPLACED,
    WITHDRAWN,
    Announcer,
    FilePosition,
    TableEntry,
    TableRoutes,
    taken_back,
)
from simulator.wire.path_attributes import PathAttributes

_Held = tuple[PathAttributes, Announcer | None, FilePosition | None]


@dataclass(slots=True)
class EventRoutes:
    """Session → its routes. Equal attribute sets are kept once: a stream may tell a whole table."""

    _sessions: dict[str, dict[tuple[Family, bytes], _Held]] = field(default_factory=dict)
    _paths: dict[PathAttributes, PathAttributes] = field(default_factory=dict)
    _announcers: dict[Announcer | None, Announcer | None] = field(default_factory=dict)

    def announced(self, session: str, routes: TableRoutes) -> Iterator[TableEntry]:
        """They replace what the session announced before."""
        table = self._sessions.setdefault(session, {})
        path = self._paths.setdefault(routes.path, routes.path)
        announcer = self._announcers.setdefault(routes.announcer, routes.announcer)
        for key in routes.keys:
            before = table.pop((routes.family, key), None)
            yield from taken_back(REPLACED, before is not None)
            table[routes.family, key] = path, announcer, routes.place

    def withdrawn(self, session: str, family: Family, key: bytes) -> Iterator[TableEntry]:
        before = self._sessions.get(session, {}).pop((family, key), None)
        yield from taken_back(WITHDRAWN, before is not None)

    def ended(self, session: str) -> Iterator[TableEntry]:
        yield from taken_back(ENDED, len(self._sessions.pop(session, ())))

    def routes(self) -> Iterator[TableEntry]:
        """What is left, also of sessions that are down since."""
        for table in self._sessions.values():
            for (family, key), (path, announcer, place) in table.items():
                yield TableRoutes(family, (key,), path, announcer, place=place)
