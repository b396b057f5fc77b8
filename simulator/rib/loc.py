"""Loc-RIB of one speaker: the routes that passed the gate, by the session that brought them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from simulator.rib.attribute_set import AttributeSet
from simulator.session.messages import Family


class LocRib:
    """One table for each session: an edge does not choose among routes, it only keeps which session brought them."""

    __slots__ = ("_tables",)

    def __init__(self) -> None:
        self._tables: dict[str, dict[Family, dict[bytes, AttributeSet]]] = {}

    def take(self, session: str, family: Family, routes: Mapping[bytes, AttributeSet]) -> None:
        self._tables.setdefault(session, {f: {} for f in Family})[family].update(routes)

    def take_set(self, session: str, family: Family, keys: Sequence[bytes], attributes: AttributeSet) -> None:
        """Prefixes that share their attributes."""
        self.take(session, family, dict.fromkeys(keys, attributes))

    def forget(self, session: str, family: Family, keys: Iterable[bytes]) -> None:
        table = self._tables.get(session)
        if table is not None:
            for key in keys:
                table[family].pop(key, None)

    def forget_all(self, session: str) -> None:
        self._tables.pop(session, None)

    def prefixes(self, session: str) -> dict[Family, frozenset[bytes]]:
        table = self._tables.get(session, {})
        return {family: frozenset(table.get(family, ())) for family in Family}

    def routes(self, session: str, family: Family) -> list[tuple[bytes, AttributeSet]]:
        return list(self._tables.get(session, {}).get(family, {}).items())

    def count(self, session: str) -> int:
        return sum(len(routes) for routes in self._tables.get(session, {}).values())
