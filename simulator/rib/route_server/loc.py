"""A route server's Loc-RIB as its sessions see it: they bring routes and take them back, by session."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from simulator.rib.attribute_set import AttributeSet
from simulator.rib.loc import LocRib
from simulator.rib.route_server.client import Client
from simulator.rib.route_server.control import ControlCommunities
from simulator.rib.route_server.table import RouteServerTable
from simulator.session.messages import Family


class RouteServerRib(LocRib):
    """One table a family, the clients of it, and whose session is whose."""

    __slots__ = ("_clients", "tables")

    def __init__(self, control: ControlCommunities) -> None:
        super().__init__()
        self.tables = {family: RouteServerTable(control) for family in Family}
        self._clients: dict[str, Client] = {}

    def add(self, client: Client) -> None:
        """Serve one more client. ValueError when its session is known already."""
        if client.id in self._clients:
            raise ValueError(f"there is a client {client.id} already")
        self._clients[client.id] = client
        self.tables[client.family].add(client)

    def remove(self, client: Client) -> None:
        """Serve it no more; what it announced is forgotten."""
        table = self.tables[client.family]
        table.forget_all(client)
        table.remove(client)
        del self._clients[client.id]

    def take(self, session: str, family: Family, routes: Mapping[bytes, AttributeSet]) -> None:
        if routes:
            self.tables[family].take(self._clients[session], routes)

    def take_set(self, session: str, family: Family, keys: Sequence[bytes], attributes: AttributeSet) -> None:
        self.tables[family].take_set(self._clients[session], keys, attributes)

    def forget(self, session: str, family: Family, keys: Iterable[bytes]) -> None:
        self.tables[family].forget(self._clients[session], keys)

    def forget_all(self, session: str) -> None:
        client = self._clients.get(session)
        if client is not None:
            self.tables[client.family].forget_all(client)

    def prefixes(self, session: str) -> dict[Family, frozenset[bytes]]:
        return {family: frozenset(self._own(session, family)) for family in Family}

    def routes(self, session: str, family: Family) -> list[tuple[bytes, AttributeSet]]:
        return list(self._own(session, family).items())

    def count(self, session: str) -> int:
        client = self._clients.get(session)
        return len(self.tables[client.family].own(client)) if client is not None else 0

    def _own(self, session: str, family: Family) -> dict[bytes, AttributeSet]:
        client = self._clients.get(session)
        if client is None or client.family is not family:
            return {}
        return {key: offer.attributes for key, offer in self.tables[family].own(client).items()}
