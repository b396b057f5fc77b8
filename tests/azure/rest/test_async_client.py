"""The SDK's asynchronous client, which has a transport of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.peering.aio import PeeringManagementClient

from tests.azure.rest.support import GROUP, SUBSCRIPTION, NoAuth, exchange_request, m, serving, states
from tests.lab_support import eventually


class AsyncCredential:
    """Never asked: NoAuth stands in its place."""

    async def get_token(self, *scopes: str, **options: Any) -> Any:
        raise NotImplementedError

    async def close(self) -> None:
        """There is nothing to close."""

    async def __aenter__(self) -> AsyncCredential:
        return self

    async def __aexit__(self, *error: object) -> None:
        """There is nothing to close."""


async def test_it_drives_a_peering_to_active(tmp_path: Path) -> None:
    async with (
        serving(tmp_path) as lab,
        PeeringManagementClient(
            AsyncCredential(), SUBSCRIPTION, base_url=lab.url, authentication_policy=NoAuth()
        ) as client,
    ):
        asn = await client.peer_asns.create_or_update("contoso", m.PeerAsn(peer_asn=64496, peer_name="Contoso"))
        await eventually(lambda: client.peer_asns.get("contoso"), lambda found: found.validation_state == "Approved")
        await client.peerings.create_or_update(GROUP, "contoso", exchange_request(str(asn.id)))
        await eventually(lambda: client.peerings.get(GROUP, "contoso"), lambda found: set(states(found)) == {"Active"})
        routes = [route.prefix async for route in client.received_routes.list_by_peering(GROUP, "contoso")]
        assert len(routes) == 10
        wrong = exchange_request(str(asn.id))
        wrong.exchange.connections[0].bgp_session.peer_session_i_pv4_address = "206.126.236.17"
        wrong.exchange.connections[0].connection_identifier = "8AB00818D5334504A25A03A17F61201C"
        with pytest.raises(HttpResponseError) as refused:
            await client.peerings.create_or_update(GROUP, "wrong", wrong)
        assert refused.value.error is not None
        assert str(refused.value.error.target).endswith("[0].bgpSession.peerSessionIPv4Address")
        assert "is Microsoft's own" in str(refused.value.error.message)
        assert [each async for each in client.cdn_peering_prefixes.list(peering_location="Atlantis")] == []
        assert [each.name async for each in client.peerings.list_by_subscription()] == ["contoso"]
