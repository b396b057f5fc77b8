"""operations, and the registration of a subscription."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.azure.rest.support import SUBSCRIPTION, serving
from tests.patience import PATIENCE


async def test_operations_are_those_of_the_specification(tmp_path: Path) -> None:
    async with serving(tmp_path) as lab:
        found = {each.name: each for each in await lab.all(lab.client.operations.list)}
        assert len(found) == 27
        assert "Microsoft.Peering/register/action" in found
        read = found["Microsoft.Peering/peerings/receivedRoutes/read"]
        assert read.is_data_action is False
        assert read.display.operation == "Read PeeringReceivedRoutes"
        assert read.display.description == "Read any receivedRoutes"


async def test_a_subscription_registers_with_the_resource_managers_own_api_version(tmp_path: Path) -> None:
    async with serving(tmp_path) as lab, httpx.AsyncClient(base_url=lab.url, timeout=PATIENCE) as http:
        path = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Peering"
        made = await http.post(f"{path}/register", params={"api-version": "2016-02-01"})
        found = await http.get(path, params={"api-version": "2021-04-01"})
        assert (made.status_code, found.status_code) == (200, 200)
        assert made.json() == found.json()
        assert found.json()["registrationState"] == "Registered"
        types = {each["resourceType"] for each in found.json()["resourceTypes"]}
        assert {"operations", "peerings", "peerings/registeredAsns", "peeringServices/prefixes"} <= types
        refused = await http.get(path, params={"api-version": "yesterday"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "InvalidResourceType")
