"""Adj-RIB-In of one session (RFC 4271 §3.2): what the peer announced, with the verdict that each route would get.

It is kept in full while the policy is DENY ALL; that is how a peer learns what would be rejected, and why the lift
needs nothing from the peer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, ItemsView, Iterable, Iterator, Mapping
from typing import NamedTuple

from simulator.policy.verdict import Hits
from simulator.rib.attribute_set import AttributeSet
from simulator.session.messages import Family


class HeldRoute(NamedTuple):  # tables come by the ten thousand: a tuple is made in a third of the time
    """One route of an Adj-RIB-In. `hits` is empty when the policy accepts the route."""

    family: Family
    key: bytes
    attributes: AttributeSet
    hits: Hits


class AdjRibIn:
    """Prefix key → attribute set, by family. Only the exceptions (prefixes that a prefix rule rejects) cost more."""

    __slots__ = ("_prefix_hits", "_rejected", "_routes")

    def __init__(self) -> None:
        self._routes: dict[Family, dict[bytes, AttributeSet]] = {family: {} for family in Family}
        self._prefix_hits: dict[Family, dict[bytes, Hits]] = {family: {} for family in Family}
        self._rejected = 0

    def announce(
        self, family: Family, keys: Collection[bytes], attributes: AttributeSet, hits: dict[bytes, Hits]
    ) -> int:
        """Add or replace routes; returns how many were added. `hits` names the keys that a prefix rule rejects."""
        routes, prefix_hits = self._routes[family], self._prefix_hits[family]
        by_attributes, before_all = bool(attributes.hits), len(routes)
        if routes.keys().isdisjoint(keys):  # all new, as in a table that loads
            for key in keys:  # faster than an update from another dictionary
                routes[key] = attributes
            if hits:
                prefix_hits.update(hits)
            self._rejected += len(routes) - before_all if by_attributes else len(hits)
            return len(routes) - before_all
        for key in keys:
            before = routes.get(key)
            if before is not None and (before.hits or key in prefix_hits):
                self._rejected -= 1
            routes[key] = attributes
            if key in hits:
                prefix_hits[key] = hits[key]
                self._rejected += 1
            else:
                if prefix_hits:
                    prefix_hits.pop(key, None)
                if by_attributes:
                    self._rejected += 1
        return len(routes) - before_all

    def judge_again(
        self,
        family: Family,
        judge_set: Callable[[AttributeSet], AttributeSet],
        judge_prefixes: Callable[[list[bytes], AttributeSet], dict[bytes, Hits]],
    ) -> tuple[list[bytes], dict[bytes, AttributeSet]]:
        """Another policy is in force. Returns what is no longer acceptable, and the routes that have become so."""
        routes, prefix_hits = self._routes[family], self._prefix_hits[family]
        by_set: dict[AttributeSet, list[bytes]] = {}
        for key, attributes in routes.items():
            by_set.setdefault(attributes, []).append(key)
        refused: list[bytes] = []
        accepted: dict[bytes, AttributeSet] = {}
        for before, keys in by_set.items():
            after = judge_set(before)
            hits = judge_prefixes(keys, after)
            for key in keys:
                was = not before.hits and key not in prefix_hits
                now = not after.hits and key not in hits
                routes[key] = after
                if key in hits:
                    prefix_hits[key] = hits[key]
                else:
                    prefix_hits.pop(key, None)
                if was and not now:
                    refused.append(key)
                elif now and not was:
                    accepted[key] = after
        self._rejected += len(refused) - len(accepted)
        return refused, accepted

    def withdraw(self, family: Family, keys: Iterable[bytes]) -> list[bytes]:
        """Forget routes; returns the keys that were held."""
        routes, prefix_hits, held = self._routes[family], self._prefix_hits[family], []
        for key in keys:
            attributes = routes.pop(key, None)
            if attributes is None:
                continue
            held.append(key)
            if prefix_hits.pop(key, None) is not None or attributes.hits:
                self._rejected -= 1
        return held

    def clear(self) -> None:
        """The session is down: forget everything (RFC 4271 §8.2.2)."""
        for family in Family:
            self._routes[family].clear()
            self._prefix_hits[family].clear()
        self._rejected = 0

    @property
    def received(self) -> int:
        return sum(len(routes) for routes in self._routes.values())

    @property
    def rejected(self) -> int:
        return self._rejected

    @property
    def accepted(self) -> int:
        """Routes that the lifted policy accepts, whether or not it is lifted."""
        return self.received - self._rejected

    def items(self, family: Family) -> ItemsView[bytes, AttributeSet]:
        """Every route of a family, without what a prefix rule says of it: a tenth of the price of `routes`."""
        return self._routes[family].items()

    def exceptions(self, family: Family) -> Mapping[bytes, Hits]:
        """What prefix rules say, of the routes that they reject."""
        return self._prefix_hits[family]

    def attributes(self, family: Family, key: bytes) -> AttributeSet | None:
        """Of one route; None when it is not held."""
        return self._routes[family].get(key)

    def hits(self, family: Family, key: bytes) -> Hits:
        """Every rule that fired for a held route. Raises KeyError when it is not held."""
        return self._prefix_hits[family].get(key, ()) + self._routes[family][key].hits

    def keys(self, family: Family) -> set[bytes]:
        return set(self._routes[family])

    def routes(self) -> Iterator[HeldRoute]:
        for family, routes in self._routes.items():
            prefix_hits = self._prefix_hits[family]
            for key, attributes in routes.items():
                yield HeldRoute(family, key, attributes, prefix_hits.get(key, ()) + attributes.hits)

    def acceptable(self, family: Family) -> dict[bytes, AttributeSet]:
        """What the lift takes into Loc-RIB."""
        prefix_hits = self._prefix_hits[family]
        return {
            key: attributes
            for key, attributes in self._routes[family].items()
            if not attributes.hits and key not in prefix_hits
        }
