"""Routes of one session in an order, a page of them at a time: found once for a table, not once for a look.

A table is walked once, and each prefix put into a heap of those that stand together in the order. Only the heaps that a
page shows are sorted.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from simulator.engine.edges import Edges
from simulator.policy.verdict import Hits
from simulator.session.messages import Family
from simulator.topology.plan import SessionPlan
from simulator.wire.path_attributes import PathAttributes

_LOOK: Final = 1000
"""Routes between two looks at the clock (simulator)."""
_TURN: Final = 0.015
"""Seconds after which a walk lets others go on (simulator)."""
_KEPT: Final = 8
"""Orders of a lab, the last that were asked for (simulator)."""
_HEAD: Final = {Family.IPV4: 3, Family.IPV6: 5}
"""Where the octets of a prefix key end, its length the first, by which prefixes come into one heap."""

_Row = tuple[bytes, PathAttributes, Hits]
"""A prefix key, and what is said of its set of attributes."""
Column = Callable[[PathAttributes, Hits], Any]
COLUMNS: Final[Mapping[str, Column]] = {
    "prefix": lambda _path, _hits: 0,
    "origin": lambda path, _hits: path.origin_as or 0,
    "length": lambda path, _hits: path.path_length,
    "rule": lambda _path, hits: hits[0].rule if hits else "~",
}
"""By what routes can be sorted; those that are alike by their prefixes."""


class ShownRoute(NamedTuple):
    """One route, as little of it as a list needs."""

    key: bytes
    path: PathAttributes
    hits: Hits


class RouteQuery(NamedTuple):
    """Which routes, in which order."""

    shown: str
    """`received`, `rejected`, `accepted` or `sent`."""
    near: str
    """The words of `is_near`."""
    asn: int | None
    """In the path."""
    rule: str
    """That rejects them; empty: any or none."""
    column: str
    """One of `COLUMNS`."""
    descending: bool


@dataclass(slots=True)
class RouteOrder:
    """What passed, in heaps."""

    look_up: Callable[[bytes], ShownRoute | None]
    """The route of a prefix key; None: it is gone meanwhile."""
    descending: bool
    rules: Counter[str] = field(default_factory=Counter)
    """How many of the routes each rule rejects, whatever rule was asked for."""
    heaps: dict[tuple[Any, bytes], list[bytes]] = field(default_factory=dict)
    _order: list[tuple[Any, bytes]] = field(default_factory=list)
    _total: int = 0

    def __len__(self) -> int:
        return self._total

    def close(self) -> None:
        """No route comes any more."""
        self._order = sorted(self.heaps, reverse=self.descending)
        self._total = sum(map(len, self.heaps.values()))

    def __getitem__(self, places: slice) -> list[ShownRoute]:
        """The routes at these places, counted from 0."""
        start, end, _ = places.indices(self._total)
        at, found = 0, []
        for name in self._order:
            heap = self.heaps[name]
            if at >= end:
                break
            if at + len(heap) > start:
                heap.sort(key=lambda key: (key[1:], key[0]), reverse=self.descending)
                found += heap[max(0, start - at) : end - at]
            at += len(heap)
        return [route for route in map(self.look_up, found) if route is not None]


class RouteOrders:
    """Those of one lab."""

    def __init__(self, edges: Edges) -> None:
        self._edges = edges
        self._kept: OrderedDict[Hashable, tuple[Hashable, RouteOrder]] = OrderedDict()

    async def find(self, plan: SessionPlan, wanted: RouteQuery, is_near: Callable[[bytes], bool] | None) -> RouteOrder:
        """The routes of a session that is configured. `is_near`: which prefixes; None: every one."""
        view, policy = self._edges.view(plan), self._edges.config(plan).policy
        table = (view.last_update, view.established_transitions, view.received, view.rejected, policy)
        before, found = self._kept.get((plan.id, wanted), (None, None))
        if found is None or before != table:
            found = await self._walk(plan, wanted, is_near)
            self._kept[plan.id, wanted] = table, found
        self._kept.move_to_end((plan.id, wanted))
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return found

    async def _walk(self, plan: SessionPlan, wanted: RouteQuery, is_near: Callable[[bytes], bool] | None) -> RouteOrder:
        order, rows, exceptions = self._sent(plan, wanted) if wanted.shown == "sent" else self._held(plan, wanted)
        column, head = COLUMNS[wanted.column], _HEAD[plan.family]
        values: dict[int, Any] = {}  # a table has few sets of attributes, and what they say takes long to find out
        until = time.perf_counter() + _TURN
        for number, (key, path, hits) in enumerate(rows):
            if number % _LOOK == 0 and time.perf_counter() > until:
                await asyncio.sleep(0)
                until = time.perf_counter() + _TURN
            special = exceptions.get(key)
            if special is not None:
                hits = special + hits
            if wanted.shown == ("accepted" if hits else "rejected") or (is_near is not None and not is_near(key)):
                continue
            if wanted.asn is not None and wanted.asn not in path.asns:
                continue
            if hits:
                names = {hit.rule for hit in hits}
                order.rules.update(names)
                if wanted.rule and wanted.rule not in names:
                    continue
            elif wanted.rule:
                continue
            if special is not None:
                value = column(path, hits)
            elif (value := values.get(id(path))) is None:
                value = values[id(path)] = column(path, hits)
            order.heaps.setdefault((value, key[1:head]), []).append(key)
        order.close()
        return order

    def _held(self, plan: SessionPlan, wanted: RouteQuery) -> tuple[RouteOrder, Iterator[_Row], Mapping[bytes, Hits]]:
        def look_up(key: bytes) -> ShownRoute | None:
            held = self._edges.route(plan, key) if self._edges.is_provisioned(plan) else None
            return ShownRoute(key, held.attributes.path, held.hits) if held is not None else None

        held = list(self._edges.attributes(plan))  # it may change while others go on
        rows = ((key, attributes.path, attributes.hits) for key, attributes in held)
        return RouteOrder(look_up, wanted.descending), rows, dict(self._edges.exceptions(plan))

    def _sent(self, plan: SessionPlan, wanted: RouteQuery) -> tuple[RouteOrder, Iterator[_Row], Mapping[bytes, Hits]]:
        announced = [each for each in self._edges.announcements(plan.edge.name) if each.family is plan.family]
        paths = {key: each.attributes for each in announced for key in each.keys}

        def look_up(key: bytes) -> ShownRoute:
            return ShownRoute(key, paths[key], ())

        return RouteOrder(look_up, wanted.descending), ((key, path, ()) for key, path in paths.items()), {}
