"""Legacy peerings: listed while they run, converted without anybody noticing on the wire."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from simulator.connection.states import ConnectionEvent, ConnectionState
from simulator.engine.control import ConnectionRecord
from simulator.engine.log import ConnectionMoved
from tests.azure.rest.support import (
    AT_ONCE,
    GROUP,
    GUID,
    PEER4,
    Lab,
    connections,
    exchange_request,
    serving,
    states,
    told,
)
from tests.lab_support import eventually
from tests.topologies import document

KEY = "legacy-key"


def legacy(**changes: Any) -> dict[str, Any]:
    found = document()
    found["peerings"][0] |= {"legacy": True, **changes}
    return found


async def listed(lab: Lab, **options: Any) -> list[Any]:
    wanted = {"peering_location": "Ashburn", "kind": "Exchange", **options}
    return await lab.all(lab.client.legacy_peerings.list, **wanted)


def records(lab: Lab) -> list[ConnectionRecord]:
    return list(lab.provider.control.records.values())


async def running(lab: Lab) -> dict[str, float | None]:
    """When each session of the Active connections was established, once all of them pass traffic."""
    network = lab.provider.network
    active = [record for record in records(lab) if record.state is ConnectionState.ACTIVE]
    plans = [plan for record in active for plan in record.plans]

    async def gates() -> list[bool]:
        return [network.edges.is_provisioned(plan) and network.edges.view(plan).gate_open for plan in plans]

    await eventually(gates, all)
    return {plan.id: network.edges.view(plan).established_at for plan in plans}


def moved(lab: Lab) -> list[ConnectionEvent]:
    return [entry.transition.event for entry in lab.provider.log.entries if isinstance(entry, ConnectionMoved)]


async def test_a_legacy_peering_runs_without_anybody_asking(tmp_path: Path) -> None:
    async with serving(tmp_path, legacy(md5=KEY)) as lab:
        assert [record.state for record in records(lab)] == [ConnectionState.ACTIVE] * 2
        await running(lab)
        assert await lab.all(lab.client.peerings.list_by_subscription) == []
        assert await listed(lab) == []  # the subscription has no PeerAsn of that network
        asn = await lab.asn()
        (found,) = await listed(lab)
        assert (found.name, found.kind, found.peering_location) == ("contoso-ashburn", "Exchange", "Ashburn")
        assert found.exchange.peer_asn.id == asn
        assert states(found) == ["Active", "Active"]
        session = connections(found)[0].bgp_session
        assert (session.session_state_v4, session.session_state_v6) == ("Established", "Established")
        assert (session.peer_session_i_pv4_address, session.max_prefixes_advertised_v4) == (PEER4, 1000)
        assert session.md5_authentication_key == KEY
        assert len(await listed(lab, asn=64496)) == 1
        assert await listed(lab, asn=64497) == []
        assert await listed(lab, kind="Direct") == []
        assert await listed(lab, peering_location="Seattle") == []


async def test_a_conversion_is_active_at_once_and_touches_no_session(tmp_path: Path) -> None:
    async with serving(tmp_path, legacy()) as lab:
        before = await running(lab)
        taken = {
            plan.id: lab.provider.network.edges.view(plan).taken for record in records(lab) for plan in record.plans
        }
        asn = await lab.asn()
        made = await lab.put("converted", exchange_request(asn))
        assert states(made) == ["Active", "Active"]
        assert connections(made)[0].connection_identifier == GUID
        assert await listed(lab) == []
        views = {plan.id: lab.provider.network.edges.view(plan) for record in records(lab) for plan in record.plans}
        assert {name: view.established_at for name, view in views.items()} == before
        assert {name: view.taken for name, view in views.items()} == taken
        assert all(view.gate_open and not view.withdrawn_by_us for view in views.values())
        converted = [ConnectionEvent.CONVERSION_REQUESTED, ConnectionEvent.LEGACY_CONVERTED]
        assert moved(lab) == [ConnectionEvent.LEGACY_FOUND] * 2 + converted * 2


async def test_what_was_listed_can_be_put_as_it_is(tmp_path: Path) -> None:
    """As the PowerShell module does it."""
    async with serving(tmp_path, legacy(md5=KEY)) as lab:
        await running(lab)
        await lab.asn()
        (found,) = await listed(lab)
        made = await lab.put("converted", found.as_dict())
        assert states(made) == ["Active", "Active"]
        assert connections(made)[1].connection_identifier == connections(found)[1].connection_identifier
        assert connections(made)[0].bgp_session.md5_authentication_key == KEY
        assert connections(made)[0].bgp_session.max_prefixes_advertised_v4 == 1000


@pytest.mark.parametrize(
    "changes",
    [
        {"max_prefixes_advertised_v4": 999},
        {"md5_authentication_key": "another"},
        {"peer_session_i_pv6_address": None},
        {
            "microsoft_session_i_pv4_address": "206.126.236.17",
            "microsoft_session_i_pv6_address": "2001:504:0:2::8075:1",
        },
    ],
    ids=["max prefixes", "MD5 key", "one family less", "one connection less"],
)
async def test_a_conversion_changes_nothing(tmp_path: Path, changes: dict[str, Any]) -> None:
    async with serving(tmp_path, legacy()) as lab:
        before = await running(lab)
        asn = await lab.asn()
        with pytest.raises(HttpResponseError, match="modifications aren't supported in the same step") as refused:
            await lab.put("converted", exchange_request(asn, **changes))
        assert told(refused)[:2] == (405, "OperationNotSupported")
        assert await running(lab) == before
        assert len(await listed(lab)) == 1


async def test_it_is_found_once_whatever_restarts(tmp_path: Path) -> None:
    async with serving(tmp_path, legacy()) as lab:
        await running(lab)
    async with serving(tmp_path, legacy()) as lab:
        assert [record.state for record in records(lab)] == [ConnectionState.ACTIVE] * 2
        assert moved(lab) == []
        await running(lab)
        await lab.put("converted", exchange_request(await lab.asn()))
    async with serving(tmp_path, legacy()) as lab:
        kept = await lab.do(lab.client.peerings.get, GROUP, "converted")
        assert states(kept) == ["Active", "Active"]
        assert await listed(lab) == []
        assert moved(lab) == []
        await running(lab)
        await lab.do(lab.client.peerings.delete, GROUP, "converted")
        await eventually(lambda: lab.do(lambda: records(lab)), lambda left: not left)
    async with serving(tmp_path, legacy()) as lab:
        assert records(lab) == []  # removed is removed
        assert moved(lab) == []


async def test_the_addresses_of_a_legacy_peering_are_taken(tmp_path: Path) -> None:
    async with serving(tmp_path, legacy()) as lab:
        before = await running(lab)
        stranger = await lab.asn("fabrikam", 64499)
        await lab.put("stolen", exchange_request(stranger))
        refused = await eventually(
            lambda: lab.do(lab.client.peerings.get, GROUP, "stolen"),
            lambda peering: set(states(peering)) == {"ProvisioningFailed"},
        )
        message = "IPv4 address is already configured with a different ASN"
        assert {each.error_message for each in connections(refused)} == {message}
        assert await running(lab) == before


async def test_a_direct_legacy_peering_converts_with_its_circuits(tmp_path: Path) -> None:
    found = document("direct")
    found["peerings"][0]["legacy"] = True
    async with serving(tmp_path, found) as lab:
        before = await running(lab)
        await lab.asn()
        (shown,) = await listed(lab, kind="Direct", peering_location="Seattle")
        assert shown.direct.direct_peering_type == "Edge"
        assert (shown.location, states(shown)) == ("westus2", ["Active", "Active"])
        assert await listed(lab, kind="Direct", peering_location="Seattle", direct_peering_type="Cdn") == []
        made = await lab.put("converted", shown.as_dict())
        assert states(made) == ["Active", "Active"]
        assert [each.bgp_session.peer_session_i_pv4_address for each in connections(made)] == [
            "198.51.100.0",
            "198.51.100.5",
        ]
        assert await running(lab) == before


# --- Microsoft reviews a conversion first ---

REVIEWED = AT_ONCE.model_copy(update={"conversion_review": None})


async def shown(lab: Lab) -> list[str]:
    return states(await lab.do(lab.client.peerings.get, GROUP, "converted"))


async def test_a_conversion_is_reviewed_while_the_peering_runs_on(tmp_path: Path) -> None:
    async with serving(tmp_path, legacy(), REVIEWED) as lab:
        before = await running(lab)
        made = await lab.put("converted", exchange_request(await lab.asn()))
        assert states(made) == ["PendingApproval"] * 2
        assert await listed(lab) == [], "it cannot be asked for twice"
        for record in records(lab):
            lab.provider.control.ask(record, "which of your routers is it?")
        asked = await lab.do(lab.client.peerings.get, GROUP, "converted")
        assert states(asked) == ["PendingApproval"] * 2
        assert {each.error_message for each in connections(asked)} == {"which of your routers is it?"}
        assert await running(lab) == before
    async with serving(tmp_path, legacy(), REVIEWED) as lab:  # the review outlives the server
        assert await shown(lab) == ["PendingApproval"] * 2
        assert await listed(lab) == []
        before = await running(lab)
        with pytest.raises(HttpResponseError, match="modifications aren't supported"):
            await lab.put("converted", exchange_request(await lab.asn(), max_prefixes_advertised_v4=7))
        for record in records(lab):
            lab.provider.workflow.approve(record)
        approved = await lab.do(lab.client.peerings.get, GROUP, "converted")
        assert states(approved) == ["Active"] * 2
        assert {each.error_message for each in connections(approved)} == {None}
        assert await running(lab) == before


async def test_a_review_that_takes_its_time_ends_by_itself(tmp_path: Path) -> None:
    async with serving(tmp_path, legacy(), AT_ONCE.model_copy(update={"conversion_review": 0.5})) as lab:
        await running(lab)
        assert states(await lab.put("converted", exchange_request(await lab.asn()))) == ["PendingApproval"] * 2
        await eventually(lambda: shown(lab), lambda found: found == ["Active"] * 2)


@pytest.mark.parametrize("rejected", [True, False])
@pytest.mark.parametrize("restart", [True, False])
async def test_a_conversion_that_comes_to_nothing_leaves_the_legacy_peering(
    tmp_path: Path, rejected: bool, restart: bool
) -> None:
    async with contextlib.AsyncExitStack() as labs:
        lab = await labs.enter_async_context(serving(tmp_path, legacy(), REVIEWED))
        await running(lab)
        asn = await lab.asn()
        (before,) = await listed(lab)
        await lab.put("converted", exchange_request(asn))
        if rejected:
            for record in records(lab):
                lab.provider.control.reject(record)
            failed = await lab.do(lab.client.peerings.get, GROUP, "converted")
            assert states(failed) == ["ProvisioningFailed"] * 2
            message = "This request was not approved by the Microsoft's peering team."
            assert {each.error_message for each in connections(failed)} == {message}
        if restart:
            await labs.aclose()
            lab = await labs.enter_async_context(serving(tmp_path, legacy(), REVIEWED))
        since = await running(lab)
        await lab.do(lab.client.peerings.delete, GROUP, "converted")
        with pytest.raises(ResourceNotFoundError):
            await shown(lab)
        assert {record.state for record in records(lab)} == {ConnectionState.ACTIVE}
        assert await running(lab) == since
        (after,) = await listed(lab)
        assert after.as_dict() == before.as_dict()
        await lab.put("again", exchange_request(asn))
        for record in records(lab):
            lab.provider.workflow.approve(record)
        assert states(await lab.do(lab.client.peerings.get, GROUP, "again")) == ["Active"] * 2
