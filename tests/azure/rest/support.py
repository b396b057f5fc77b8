"""A lab behind real HTTP, and the real SDK in front of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import pytest
import uvicorn
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.mgmt.peering import PeeringManagementClient, models

from simulator.azure.provider.provider import Provider
from simulator.azure.provider.settings import Settings
from simulator.azure.rest.app import ArmApp
from simulator.azure.store.store import Store
from simulator.places.link import LinkKind
from tests.lab_support import eventually
from tests.patience import PATIENCE
from tests.topologies import build, document

T = TypeVar("T")

m: Any = models
"""The models. Their types do not know the flattened names that the SDK takes and shows."""

SUBSCRIPTION = "00000000-0000-0000-0000-000000008075"
GROUP = "rg"
AT_ONCE = Settings(removal=0, prefix_validation=0)
PEER4, PEER6 = "206.126.239.200", "2001:504:0:2:0:6:4496:1"
GUID = "CE495334-0E94-4E51-8164-8116D6CD284D"


class NoAuth(SansIOHTTPPolicy[Any, Any]):
    """A token that nobody asks for: the SDK sends none of its own over plain HTTP."""

    def on_request(self, request: Any) -> None:
        request.http_request.headers["Authorization"] = "Bearer x"


class Credential:
    """Never asked: NoAuth stands in its place."""

    def get_token(self, *scopes: str, **options: Any) -> Any:
        raise NotImplementedError


class Lab:
    """A running lab, its URL, and a client of the SDK."""

    def __init__(self, provider: Provider, url: str) -> None:
        self.provider = provider
        self.url = url
        self.client: Any = PeeringManagementClient(
            Credential(), SUBSCRIPTION, base_url=url, authentication_policy=NoAuth(), retry_total=0
        )

    async def do(self, call: Callable[..., T], *args: Any, **options: Any) -> T:
        """One blocking call of the SDK, in a thread."""
        return await asyncio.to_thread(call, *args, **options)

    async def all(self, call: Callable[..., Iterable[T]], *args: Any, **options: Any) -> list[T]:
        """Every entry of a list, over all its pages."""
        return await asyncio.to_thread(lambda: list(call(*args, **options)))

    async def asn(self, name: str = "contoso", number: int = 64496) -> str:
        """An Approved PeerAsn; its id."""
        contact = m.ContactDetail(role="Noc", email="noc@contoso.example", phone="+1")
        wanted = m.PeerAsn(peer_asn=number, peer_name=name, peer_contact_detail=[contact])
        made = await self.do(self.client.peer_asns.create_or_update, name, wanted)
        await eventually(
            lambda: self.do(self.client.peer_asns.get, name), lambda asn: asn.validation_state == "Approved"
        )
        return str(made.id)

    async def put(self, name: str, wanted: Any) -> Any:
        return await self.do(self.client.peerings.create_or_update, GROUP, name, wanted)

    async def active(self, name: str, seconds: float = PATIENCE) -> Any:
        """Wait until every connection of a peering is Active."""
        return await eventually(
            lambda: self.do(self.client.peerings.get, GROUP, name),
            lambda peering: set(states(peering)) == {"Active"},
            seconds,
        )

    async def exchange(self, name: str = "contoso") -> Any:
        """An Exchange peering of contoso, Active: four sessions."""
        await self.put(name, exchange_request(await self.asn()))
        return await self.active(name)

    async def route_server(self, name: str = "ixrs") -> Any:
        """A Direct peering with route server, Active: its one pair of addresses meets both edges."""
        await self.put(name, route_server_request(await self.asn()))
        return await self.active(name)


def told(refused: pytest.ExceptionInfo[HttpResponseError]) -> tuple[int | None, str, str]:
    """Status, code and message of an error, as the SDK's users see them."""
    error = refused.value.error
    assert error is not None
    return refused.value.status_code, str(error.code), str(error.message)


def connections(peering: Any) -> list[Any]:
    inner = peering.exchange or peering.direct
    return list(inner.connections)


def states(peering: Any) -> list[str]:
    """The connections' states, not those of their sessions. The SDK makes enums of the words that it knows."""
    return [getattr(each.connection_state, "value", each.connection_state) for each in connections(peering)]


def exchange_request(asn: str, **session: Any) -> Any:
    session = {"peer_session_i_pv4_address": PEER4, "peer_session_i_pv6_address": PEER6, **session}
    connection = m.ExchangeConnection(
        peering_db_facility_id=1, connection_identifier=GUID, bgp_session=m.BgpSession(**session)
    )
    inner = m.PeeringPropertiesExchange(peer_asn=m.SubResource(id=asn), connections=[connection])
    return m.Peering(
        sku=m.PeeringSku(name="Basic_Exchange_Free"),
        kind="Exchange",
        location="eastus",
        peering_location="Ashburn",
        exchange=inner,
    )


def route_server_request(asn: str) -> Any:
    connection = m.DirectConnection(
        bandwidth_in_mbps=10000,
        session_address_provider="Peer",
        use_for_peering_service=True,
        peering_db_facility_id=1,
        connection_identifier=GUID,
        bgp_session=m.BgpSession(peer_session_i_pv4_address=PEER4, max_prefixes_advertised_v4=5000),
    )
    inner = m.PeeringPropertiesDirect(
        peer_asn=m.SubResource(id=asn), direct_peering_type="IxRs", connections=[connection]
    )
    return m.Peering(
        sku=m.PeeringSku(name="Premium_Direct_Free"),
        kind="Direct",
        location="eastus",
        peering_location="Ashburn",
        direct=inner,
    )


@contextlib.asynccontextmanager
async def serving(
    directory: Path,
    found: dict[str, Any] | None = None,
    settings: Settings = AT_ONCE,
    kind: LinkKind = LinkKind.LOOPBACK,
) -> AsyncIterator[Lab]:
    """The shipped exchange (or another topology) behind the API; the database stays in `directory`."""
    topology = build(document() if found is None else found)
    store = Store.open(f"sqlite:///{directory}/turnup.db")
    try:
        async with Provider(topology, kind, store, settings) as provider:
            config = uvicorn.Config(ArmApp(provider), "127.0.0.1", 0, log_level="warning", lifespan="off", ws="none")
            server = uvicorn.Server(config)
            task = asyncio.ensure_future(server.serve())
            try:
                await eventually(lambda: asyncio.sleep(0, server.started), bool)
                port = server.servers[0].sockets[0].getsockname()[1]
                lab = Lab(provider, f"http://127.0.0.1:{port}")
                try:
                    yield lab
                finally:
                    lab.client.close()
            finally:
                server.should_exit = True
                await task
            assert not provider.failure.done(), provider.failure
    finally:
        store.close()
