"""A route server's Loc-RIB: what each client announces, and what that changes for the others, in the order of events.

What a client gets of a prefix is a function of the prefix's candidates and the client. So no table is kept for a
client: a change is worked out once for all plain clients, and once for each special one (the announcers themselves,
those that a control community mentions, those that refuse an announcer).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import NamedTuple

from simulator.rib.attribute_set import AttributeSet
from simulator.rib.route_server.client import Client
from simulator.rib.route_server.control import ControlCommunities
from simulator.rib.route_server.offer import NONE, Candidates, Offer, Pick, same

_NOBODY = frozenset[Client]()


class RouteChange(NamedTuple):
    """Prefixes for which some clients get another route than before, or none."""

    keys: tuple[bytes, ...]
    pick: Pick | None
    """None: withdrawn."""
    fresh: bool
    """They had none before."""
    but: frozenset[Client]
    """Who is left out, where `to` is None."""
    to: Client | None = None
    """The one client that it is for."""


class RouteServerTable:
    """One family of a route server."""

    def __init__(self, control: ControlCommunities) -> None:
        self.changes: list[RouteChange] = []
        """Not sent yet, oldest first. The sender clears the list."""
        self._control = control
        self._entries: dict[bytes, Candidates] = {}
        self._own: dict[Client, dict[bytes, Offer]] = {}
        self._special: set[bytes] = set()
        """Prefixes with more than one route, or one that does not go to everybody else."""
        self._hidden: dict[Client, frozenset[Client]] = {}
        """By announcer: itself and those who refuse it."""
        self._by_asn: dict[int, frozenset[Client]] = {}
        self._no_blackholes = _NOBODY
        self._plain: dict[Client, list[RouteChange]] = {}
        """By announcer: its routes that go to everybody else, as changes for a client that has none yet."""

    # --- clients ---

    def add(self, client: Client) -> None:
        """A client that may announce and get routes. It gets what changes from now on; `view` has the rest."""
        self._own[client] = {}
        self._clients_changed()

    def remove(self, client: Client) -> None:
        """Its routes have to be forgotten before."""
        del self._own[client]
        self._hidden.pop(client, None)
        self._plain.pop(client, None)
        self._clients_changed()

    def _clients_changed(self) -> None:
        clients = list(self._own)
        by_asn: dict[int, list[Client]] = {}
        for client in clients:
            by_asn.setdefault(client.asn, []).append(client)
        self._by_asn = {asn: frozenset(found) for asn, found in by_asn.items()}
        refusing = [client for client in clients if client.refuses]
        self._hidden = {a: frozenset((a, *(c for c in refusing if a.asn in c.refuses))) for a in clients}
        self._no_blackholes = frozenset(client for client in clients if not client.blackholes)

    # --- routes in ---

    def take(self, client: Client, routes: Mapping[bytes, AttributeSet]) -> None:
        """Routes that a client announces; each replaces an earlier one of the same client."""
        by_set: dict[AttributeSet, list[bytes]] = {}
        for key, attributes in routes.items():
            by_set.setdefault(attributes, []).append(key)
        for attributes, keys in by_set.items():
            self.take_set(client, keys, attributes)

    def take_set(self, client: Client, keys: Sequence[bytes], attributes: AttributeSet) -> None:
        """The same for prefixes that share their attributes."""
        entries, own = self._entries, self._own[client]
        offer = Offer(client, attributes, self._control)
        routes = dict.fromkeys(keys, offer)
        own.update(routes)
        if offer.is_plain and entries.keys().isdisjoint(routes):  # as in a table that loads
            entries.update(routes)
            self.changes.append(RouteChange(tuple(routes), Pick(offer), True, self._hidden[client]))
            if self._plain:
                self._plain.pop(client, None)
            return
        self._replace(list(routes), lambda before: before.with_offer(offer))

    def forget(self, client: Client, keys: Iterable[bytes]) -> None:
        """Routes that a client has no more; those that it had not are ignored."""
        own = self._own[client]
        gone = list(dict.fromkeys(filter(own.__contains__, keys)))
        if not gone:
            return
        deque(map(own.pop, gone), maxlen=0)
        if self._special and not self._special.isdisjoint(gone):
            special = self._special
            self._replace([key for key in gone if key in special], lambda before: before.without(client))
            gone = [key for key in gone if key in self._entries and self._entries[key].offers[0].client is client]
        if gone:
            deque(map(self._entries.pop, gone), maxlen=0)
            self.changes.append(RouteChange(tuple(gone), None, False, self._hidden[client]))
            self._plain.pop(client, None)

    def forget_all(self, client: Client) -> None:
        """A client's session is down, or denied."""
        self.forget(client, list(self._own[client]))

    def _replace(self, keys: list[bytes], made: Callable[[Candidates], Candidates]) -> None:
        """New candidates for these prefixes, worked out once for all that had the same ones before."""
        entries, special = self._entries, self._special
        by_before: dict[Candidates, list[bytes]] = {}
        for key, before in zip(keys, map(entries.get, keys, repeat(NONE)), strict=True):
            by_before.setdefault(before, []).append(key)
        for before, group in by_before.items():
            after = made(before)
            if after is NONE:
                deque(map(entries.pop, group), maxlen=0)
            else:
                entries.update(dict.fromkeys(group, after))
            if after.is_plain or after is NONE:
                special.difference_update(group)
            else:
                special.update(group)
            for candidates in (before, after):
                for offer in candidates.offers:
                    self._plain.pop(offer.client, None)
            self._tell(tuple(group), before, after)

    def _tell(self, keys: tuple[bytes, ...], before: Candidates, after: Candidates) -> None:
        apart = self._set_apart(before) | self._set_apart(after)
        if not same(before.common, after.common):
            self.changes.append(RouteChange(keys, after.common, before.common is None, apart))
        for client in apart:
            had, gets = before.pick(client), after.pick(client)
            if not same(had, gets):
                self.changes.append(RouteChange(keys, gets, had is None, _NOBODY, client))

    def _set_apart(self, candidates: Candidates) -> frozenset[Client]:
        """The clients that may get another route than `Candidates.common`."""
        hidden, by_asn = self._hidden, self._by_asn
        found = _NOBODY.union(*(hidden[offer.client] for offer in candidates.offers))
        if candidates.mentions:
            found = found.union(*(by_asn.get(asn, _NOBODY) for asn in candidates.mentions))
        return found | self._no_blackholes if candidates.blackholes else found

    # --- routes out ---

    def announcers(self, client: Client) -> Iterator[Client]:
        """Those whose routes a client may get."""
        return (announcer for announcer, hidden in self._hidden.items() if client not in hidden)

    def special(self, client: Client) -> Iterator[RouteChange]:
        """What a client gets of the prefixes that are not plain, as for one that has nothing yet."""
        by_candidates: dict[Candidates, list[bytes]] = {}
        for key in sorted(self._special):
            by_candidates.setdefault(self._entries[key], []).append(key)
        for candidates, keys in by_candidates.items():
            pick = candidates.pick(client)
            if pick is not None:
                yield RouteChange(tuple(keys), pick, True, _NOBODY, client)

    def view(self, client: Client) -> Iterator[RouteChange]:
        """Everything that a client gets, as for one that has nothing yet. `changes` are in it."""
        for announcer in self.announcers(client):
            yield from self.plain(announcer)
        yield from self.special(client)

    def plain(self, announcer: Client) -> list[RouteChange]:
        """A client's routes that go to everybody else; the same list until one of them changes."""
        found = self._plain.get(announcer)
        if found is None:
            by_set: dict[AttributeSet, tuple[Offer, list[bytes]]] = {}
            special = self._special
            for key, offer in self._own[announcer].items():
                if key not in special:
                    by_set.setdefault(offer.attributes, (offer, []))[1].append(key)
            hidden = self._hidden[announcer]
            found = [RouteChange(tuple(keys), Pick(offer), True, hidden) for offer, keys in by_set.values()]
            self._plain[announcer] = found
        return found

    def pick(self, client: Client, key: bytes) -> Pick | None:
        """What a client gets of one prefix."""
        return self._entries.get(key, NONE).pick(client)

    def entry(self, key: bytes) -> Candidates:
        """The routes to one prefix, as one object for all prefixes that have the same ones."""
        return self._entries.get(key, NONE)

    def candidates(self, key: bytes) -> tuple[Offer, ...]:
        """Every route to one prefix."""
        return self._entries.get(key, NONE).offers

    def own(self, client: Client) -> Mapping[bytes, Offer]:
        """What one client announces."""
        return self._own[client]

    def __len__(self) -> int:
        return len(self._entries)

    def keys(self) -> Collection[bytes]:
        return self._entries.keys()
