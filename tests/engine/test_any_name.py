"""A peering is looked at as a whole by any name: also by one that the topology does not plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.connection.states import ConnectionState
from simulator.views.check import CheckView, Status
from tests.azure.provider import support as provider_support
from tests.portal.support import put_asn, put_peering, until_all
from tests.serving.support import Served, served


async def results(lab: Served, name: str, address: dict[str, str]) -> dict[str, dict[str, CheckView]]:
    """What the last validation found, by connection and check, once the peering is Active."""
    await put_asn(lab.provider)
    await put_peering(lab.provider, name, address)
    await until_all(lab.provider, ConnectionState.ACTIVE)
    return {id_: {each.id: each for each in record.results} for id_, record in lab.provider.control.records.items()}


@pytest.mark.parametrize("name", ["contoso-ashburn", "of-any-name"])
async def test_the_edges_of_a_peering_are_counted(tmp_path: Path, name: str) -> None:
    async with served(tmp_path) as lab:
        found = await results(lab, name, {"peerSessionIPv4Address": provider_support.IPV4})
    assert set(found) == {f"{name}/ash-edge-1", f"{name}/ash-edge-2"}
    assert {(checks["C1"].status, checks["C1"].evidence) for checks in found.values()} == {
        (Status.SUCCESS, ("connections to ash-edge-1, ash-edge-2",))
    }
