"""connectionMonitorTests, and initializeConnectionMonitor."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from simulator.places.endpoint import BGP_PORT
from simulator.places.link import LinkKind
from tests.azure.rest.support import GROUP, PEER4, Lab, m, serving
from tests.azure.rest.test_services import make
from tests.lab_support import eventually, require_netns


async def put(lab: Lab, **changes: object) -> Any:
    wanted = {"source_agent": "agent", "destination": "192.0.2.1", "destination_port": 443, **changes}
    test = m.ConnectionMonitorTest(**wanted)
    return await lab.do(lab.client.connection_monitor_tests.create_or_update, GROUP, "office", "t", test)


async def test_a_test_without_an_agent_is_kept_and_never_runs(tmp_path: Path) -> None:
    async with serving(tmp_path) as lab:
        await make(lab)
        made = await put(lab, test_frequency_in_sec=30)
        assert (made.is_test_successful, made.path, made.provisioning_state) == (False, [], "Succeeded")
    async with serving(tmp_path) as lab:
        (kept,) = await lab.all(lab.client.connection_monitor_tests.list_by_peering_service, GROUP, "office")
        assert (kept.destination, kept.destination_port, kept.test_frequency_in_sec) == ("192.0.2.1", 443, 30)
        await lab.do(lab.client.connection_monitor_tests.delete, GROUP, "office", "t")
        with pytest.raises(ResourceNotFoundError):
            await lab.do(lab.client.connection_monitor_tests.get, GROUP, "office", "t")


async def test_a_test_needs_a_service_and_a_port_that_is_one(tmp_path: Path) -> None:
    async with serving(tmp_path) as lab:
        with pytest.raises(ResourceNotFoundError, match=r"'Microsoft\.Peering/peeringServices/office'"):
            await put(lab)
        await make(lab)
        with pytest.raises(HttpResponseError, match="destinationPort"):
            await put(lab, destination_port=65536)
        with pytest.raises(HttpResponseError, match="testFrequencyInSec"):
            await put(lab, test_frequency_in_sec=0)


async def test_the_monitor_is_initialised_with_200(tmp_path: Path) -> None:
    async with serving(tmp_path) as lab:
        await lab.do(lab.client.peering_services.initialize_connection_monitor)
        assert "connection-monitor" in {event.event for event in lab.provider.unit.events(0, 1000)}


@pytest.mark.privileged
async def test_a_test_from_a_node_is_really_done(tmp_path: Path) -> None:
    require_netns()
    async with serving(tmp_path, kind=LinkKind.NETNS) as lab:
        await make(lab)
        get = lab.client.connection_monitor_tests.get

        async def run(**changes: Any) -> tuple[bool, list[str]]:
            """The outcome of the first run."""
            await put(lab, source_agent="ash-edge-1", **changes)
            key = next(key for key in lab.provider.unit.resources if key.endswith("/connectionmonitortests/t"))
            await eventually(
                lambda: asyncio.sleep(0, lab.provider.monitor.outcome(key)), lambda outcome: bool(outcome.path)
            )
            shown = await lab.do(get, GROUP, "office", "t")
            return shown.is_test_successful, shown.path

        assert await run(destination=PEER4, destination_port=None) == (True, [PEER4])
        assert await run(destination=PEER4, destination_port=BGP_PORT) == (True, [PEER4])
        assert await run(destination=PEER4, destination_port=443) == (False, [PEER4])  # nobody listens there
