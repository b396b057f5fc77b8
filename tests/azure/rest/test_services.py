"""peeringServices and their prefixes, validated by what the provider's sessions really hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError

from tests.azure.rest.support import GROUP, PEER4, Lab, m, serving, told
from tests.azure.rest.test_registrations import GOOD, announcing, register
from tests.lab_support import eventually


def service(**properties: str) -> Any:
    wanted = {
        "peering_service_location": "Ashburn",
        "peering_service_provider": "contoso",
        "provider_primary_peering_location": "Ashburn",
        **properties,
    }
    return m.PeeringService(location="eastus", **wanted)


async def make(lab: Lab, **properties: str) -> Any:
    return await lab.do(lab.client.peering_services.create_or_update, GROUP, "office", service(**properties))


async def put_prefix(lab: Lab, name: str, prefix: str, key: str | None) -> Any:
    wanted = m.PeeringServicePrefix(prefix=prefix, peering_service_prefix_key=key)
    return await lab.do(lab.client.prefixes.create_or_update, GROUP, "office", name, wanted)


async def judged(lab: Lab, name: str) -> Any:
    return await eventually(
        lambda: lab.do(lab.client.prefixes.get, GROUP, "office", name, expand="events"),
        lambda prefix: prefix.prefix_validation_state != "Pending",
    )


async def fault(lab: Lab, prefix: str, key: str | None) -> str | None:
    """Why a prefix fails; None where it is Verified."""
    made = await put_prefix(lab, "p", prefix, key)
    assert made.prefix_validation_state == "Pending"
    done = await judged(lab, "p")
    assert done.prefix_validation_state == ("Failed" if done.error_message else "Verified")
    await lab.do(lab.client.prefixes.delete, GROUP, "office", "p")
    return None if done.error_message is None else str(done.error_message)


async def provided(lab: Lab) -> str:
    """A provider with a registered ASN; its key."""
    await lab.route_server()
    return str((await register(lab, "own", 64496)).peering_service_prefix_key)


async def test_a_service_lives_as_every_resource_does(tmp_path: Path) -> None:
    async with serving(tmp_path) as lab:
        made = await make(lab)
        assert (made.provisioning_state, made.type) == ("Succeeded", "Microsoft.Peering/peeringServices")
        assert (await make(lab)).id == made.id
        tags = await lab.do(lab.client.peering_services.update, GROUP, "office", m.ResourceTags(tags={"a": "b"}))
        assert tags.tags == {"a": "b"}
        by_group = await lab.all(lab.client.peering_services.list_by_resource_group, GROUP)
        everywhere = await lab.all(lab.client.peering_services.list_by_subscription)
        assert [each.name for each in by_group] == [each.name for each in everywhere] == ["office"]
    async with serving(tmp_path) as lab:
        kept = await lab.do(lab.client.peering_services.get, GROUP, "office")
        assert (kept.tags, kept.peering_service_provider) == ({"a": "b"}, "contoso")
        await put_prefix(lab, "p", GOOD, None)
        await lab.do(lab.client.peering_services.delete, GROUP, "office")
        with pytest.raises(ResourceNotFoundError):
            await lab.do(lab.client.prefixes.get, GROUP, "office", "p")
        await lab.do(lab.client.peering_services.delete, GROUP, "office")


async def test_a_prefix_is_verified_when_both_edges_have_it(tmp_path: Path) -> None:
    async with serving(tmp_path, announcing("8075:8007")) as lab:
        key = await provided(lab)
        await make(lab)
        await put_prefix(lab, "good", GOOD, key)
        done = await judged(lab, "good")
        assert (done.prefix_validation_state, done.learned_type) == ("Verified", "ViaServiceProvider")
        assert done.error_message is None
        assert [(each.event_level, each.event_summary) for each in done.events] == [
            ("Informational", "Prefix validation: Pending"),
            ("Informational", "Prefix validation: Verified"),
        ]
        (listed,) = await lab.all(lab.client.prefixes.list_by_peering_service, GROUP, "office")
        assert (listed.prefix, listed.events) == (GOOD, None)  # asked for without $expand
        unbilled = await lab.all(lab.client.rp_unbilled_prefixes.list, GROUP, "ixrs")
        assert [each.prefix for each in unbilled] == ["192.0.2.0/24"]
        with pytest.raises(ResourceExistsError):
            await put_prefix(lab, "again", GOOD, key)


@pytest.mark.parametrize(
    ("communities", "path", "message"),
    [
        (["64496:1"], [], f"Received route for prefix {GOOD} should have the MAPS community 8075:8007"),
        (["8075:8007"], [64500, 64501, 64502], f"AS path length for prefix should be <=3 for prefix {GOOD}"),
        (["8075:8007"], [64512], f"AS path for prefix {GOOD} shouldn't have any private ASN"),
    ],
)
async def test_a_route_that_is_not_as_it_should_be_is_named(
    tmp_path: Path, communities: list[str], path: list[int], message: str
) -> None:
    async with serving(tmp_path, announcing(*communities, path=path)) as lab:
        key = await provided(lab)
        await make(lab)
        assert await fault(lab, GOOD, key) == message


async def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    async with serving(tmp_path, announcing("8075:8007")) as lab:
        await make(lab)
        assert await fault(lab, GOOD, "no key") == "Peering service provider not found"
        key = await provided(lab)
        assert await fault(lab, "2001:db8::/32", key) == "Peering service prefix is invalid"
        wrong = "Peering service prefix key is not one of the provider's"
        assert await fault(lab, GOOD, "00000000-0000-0000-0000-000000000000") == wrong
        assert await fault(lab, GOOD, None) == wrong
        missing = f"Not receiving prefix advertisement from IP {PEER4} for prefix 198.51.100.0/25"
        assert await fault(lab, "198.51.100.0/25", key) == missing
        assert await fault(lab, GOOD, key) is None
        await make(lab, provider_backup_peering_location="Seattle")
        assert await fault(lab, GOOD, key) == "Provider has no sessions in its backup location"
        await make(lab, provider_primary_peering_location="Seattle")
        assert await fault(lab, GOOD, key) == "Provider has fewer than two sessions in its primary location"


async def test_a_verified_prefix_survives_a_restart(tmp_path: Path) -> None:
    found = announcing("8075:8007")
    async with serving(tmp_path, found) as lab:
        key = await provided(lab)
        await make(lab)
        await put_prefix(lab, "good", GOOD, key)
        before = await judged(lab, "good")
    async with serving(tmp_path, found) as lab:
        after = await lab.do(lab.client.prefixes.get, GROUP, "office", "good", expand="events")
        assert after.as_dict() == before.as_dict()


@pytest.mark.parametrize("body", [{}, {"properties": {}}, {"properties": {"prefix": 7}}])
async def test_a_prefix_without_a_prefix_is_refused(tmp_path: Path, body: dict[str, Any]) -> None:
    async with serving(tmp_path) as lab:
        await make(lab)
        with pytest.raises(HttpResponseError) as refused:
            await lab.do(lab.client.prefixes.create_or_update, GROUP, "office", "p", body)
        assert told(refused)[:2] == (400, "BadArgument")
