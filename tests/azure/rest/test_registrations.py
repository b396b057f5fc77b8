"""registeredAsns and registeredPrefixes: who may register, and what that does to routes that really came."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError

from simulator.azure.provider.settings import Settings
from simulator.policy.verdict import Hits
from simulator.session.messages import Family
from simulator.wire import nlri
from tests.azure.rest.support import GROUP, PEER4, Lab, m, route_server_request, serving, told
from tests.lab_support import eventually
from tests.topologies import document

GOOD = "198.51.100.0/24"


def announcing(*communities: str, path: list[int] | None = None) -> dict[str, Any]:
    """The shipped exchange, where contoso announces one more prefix, for Peering Service."""
    found = document()
    one = {"prefixes": [GOOD], "communities": list(communities), "as-path": path or []}
    found["peers"][0]["announce"] = [{"prefixes": ["192.0.2.0/24", "2001:db8::/32"]}, one]
    return found


def taken(lab: Lab) -> set[str]:
    """Every IPv4 prefix in the Loc-RIB of the edges."""
    network = lab.provider.network
    plans = [plan for record in lab.provider.control.records.values() for plan in record.plans]
    return {
        nlri.text(family, key)
        for plan in plans
        if network.edges.is_provisioned(plan)
        for family, key, _ in network.edges.taken(plan)
        if family is Family.IPV4
    }


def hits(lab: Lab, prefix: str) -> Hits:
    plan = next(plan for record in lab.provider.control.records.values() for plan in record.plans)
    route = lab.provider.network.edges.route(plan, nlri.key(prefix)[1])
    assert route is not None
    return route.hits


async def register(lab: Lab, name: str, asn: int, peering: str = "ixrs") -> Any:
    wanted = m.PeeringRegisteredAsn(asn=asn)
    return await lab.do(lab.client.registered_asns.create_or_update, GROUP, peering, name, wanted)


async def judged(lab: Lab, name: str, peering: str = "ixrs") -> Any:
    return await eventually(
        lambda: lab.do(lab.client.registered_prefixes.get, GROUP, peering, name),
        lambda prefix: prefix.prefix_validation_state != "Pending",
    )


async def put_prefix(lab: Lab, name: str, prefix: str, peering: str = "ixrs") -> Any:
    wanted = m.PeeringRegisteredPrefix(prefix=prefix)
    return await lab.do(lab.client.registered_prefixes.create_or_update, GROUP, peering, name, wanted)


# --- ASNs ---


async def test_only_registered_origins_are_taken_and_removing_one_withdraws_its_routes(tmp_path: Path) -> None:
    async with serving(tmp_path) as lab:
        await lab.route_server()
        network = lab.provider.network
        ((live,),) = [record.connections for record in lab.provider.peerings.records.values()]
        up = {plan.id: network.edges.view(plan).established_at for plan in live.record.plans}
        assert taken(lab) == set()
        assert [hit.rule for hit in hits(lab, "192.0.2.0/24")] == ["registered-origin"]

        own = await register(lab, "own", 64496)
        assert taken(lab) == {"192.0.2.0/24", "198.51.100.0/24"}
        customer = await register(lab, "customer", 64500)
        assert taken(lab) == {"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"}
        assert own.peering_service_prefix_key and own.peering_service_prefix_key != customer.peering_service_prefix_key

        await lab.do(lab.client.registered_asns.delete, GROUP, "ixrs", "customer")
        assert taken(lab) == {"192.0.2.0/24", "198.51.100.0/24"}
        assert {plan.id: network.edges.view(plan).established_at for plan in live.record.plans} == up
        with pytest.raises(ResourceNotFoundError):
            await lab.do(lab.client.registered_asns.get, GROUP, "ixrs", "customer")
        await lab.do(lab.client.registered_asns.delete, GROUP, "ixrs", "customer")


async def test_one_asn_has_one_key_and_is_registered_once(tmp_path: Path) -> None:
    async with serving(tmp_path) as lab:
        await lab.route_server()
        first = await register(lab, "own", 64496)
        again = await register(lab, "own", 64496)
        assert first.peering_service_prefix_key == again.peering_service_prefix_key
        with pytest.raises(ResourceExistsError, match="AS64496 is already registered at this peering, as own"):
            await register(lab, "another", 64496)
        with pytest.raises(HttpResponseError, match="cannot be changed"):
            await register(lab, "own", 64500)
        listed = await lab.all(lab.client.registered_asns.list_by_peering, GROUP, "ixrs")
        assert [(each.name, each.asn, each.type) for each in listed] == [
            ("own", 64496, "Microsoft.Peering/peerings/registeredAsns")
        ]


async def test_an_exchange_peering_registers_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path) as lab:
        await lab.exchange()
        for call in (register(lab, "a", 64496, "contoso"), put_prefix(lab, "p", GOOD, "contoso")):
            with pytest.raises(HttpResponseError) as refused:
                await call
            assert told(refused)[:2] == (405, "OperationNotSupported")
            assert told(refused)[2] == "Operation is not supported for this peering type"


async def test_nothing_is_registered_before_a_connection_is_active(tmp_path: Path) -> None:
    async with serving(tmp_path, settings=Settings(peering_review=None)) as lab:
        await lab.put("ixrs", route_server_request(await lab.asn()))
        with pytest.raises(HttpResponseError) as refused:
            await register(lab, "own", 64496)
        assert told(refused)[:2] == (405, "OperationNotSupported")
        assert "until a connection of the peering is Active" in told(refused)[2]


async def test_a_peering_that_is_not_there_is_404(tmp_path: Path) -> None:
    async with serving(tmp_path) as lab:
        with pytest.raises(ResourceNotFoundError, match=r"'Microsoft\.Peering/peerings/ixrs' under"):
            await register(lab, "own", 64496)


async def test_registrations_survive_a_restart(tmp_path: Path) -> None:
    async with serving(tmp_path) as lab:
        await lab.route_server()
        before = await register(lab, "own", 64496)
        await eventually(lambda: lab.do(lambda: taken(lab)), bool)
    async with serving(tmp_path) as lab:
        assert taken(lab) == set()
        after = await lab.do(lab.client.registered_asns.get, GROUP, "ixrs", "own")
        assert after.as_dict() == before.as_dict()
        await eventually(
            lambda: lab.do(lambda: taken(lab)), lambda prefixes: prefixes == {"192.0.2.0/24", "198.51.100.0/24"}
        )


# --- prefixes ---


async def test_a_prefix_is_pending_then_verified_and_has_its_key(tmp_path: Path) -> None:
    async with serving(tmp_path, announcing("8075:8007")) as lab:
        await lab.route_server()
        await register(lab, "own", 64496)
        made = await put_prefix(lab, "good", GOOD)
        assert (made.prefix_validation_state, made.peering_service_prefix_key) == ("Pending", None)
        done = await judged(lab, "good")
        assert (done.prefix_validation_state, done.error_message) == ("Verified", None)
        key = done.peering_service_prefix_key
        assert key
        assert taken(lab) == {GOOD}  # only what is verified, from now on

        again = await lab.do(lab.client.registered_prefixes.validate, GROUP, "ixrs", "good")
        assert again.prefix_validation_state == "Pending"
        assert (await judged(lab, "good")).peering_service_prefix_key == key

        listed = await lab.all(lab.client.registered_prefixes.list_by_peering, GROUP, "ixrs")
        assert [each.prefix for each in listed] == [GOOD]
        await lab.do(lab.client.registered_prefixes.delete, GROUP, "ixrs", "good")
        assert taken(lab) == {"192.0.2.0/24", GOOD}


@pytest.mark.parametrize(
    ("prefix", "communities", "path", "message"),
    [
        ("192.0.2.0/25", ["8075:8007"], [], f"Prefix not received from IP: {PEER4}"),
        (GOOD, ["64496:1"], [], "Advertisement missing MAPS community"),
        (GOOD, ["8075:8007"], [64500, 64501, 64502], "AS path isn't correct"),
        (GOOD, ["8075:8007"], [64500, 64500], "AS path isn't correct"),
        (GOOD, ["8075:8007"], [64512], "AS path isn't correct"),
        ("10.22.20.0/24", ["8075:8007"], [], "Prefix is in a private range"),
    ],
)
async def test_a_prefix_fails_for_what_was_really_received(
    tmp_path: Path, prefix: str, communities: list[str], path: list[int], message: str
) -> None:
    async with serving(tmp_path, announcing(*communities, path=path)) as lab:
        await lab.route_server()
        await put_prefix(lab, "bad", prefix)
        done = await judged(lab, "bad")
        assert (done.prefix_validation_state, done.error_message) == ("Failed", message)
        assert done.peering_service_prefix_key is None


@pytest.mark.parametrize("prefix", ["prefix", "2001:db8::/32", "192.0.2.1/24", ""])
async def test_what_is_no_ipv4_prefix_is_refused(tmp_path: Path, prefix: str) -> None:
    async with serving(tmp_path) as lab:
        await lab.route_server()
        with pytest.raises(HttpResponseError) as refused:
            await put_prefix(lab, "p", prefix)
        assert refused.value.status_code == 400
        assert told(refused)[2] == f"Unrecognized routePrefix {prefix}"


async def test_a_prefix_belongs_to_one_peering(tmp_path: Path) -> None:
    async with serving(tmp_path) as lab:
        await lab.route_server()
        await put_prefix(lab, "one", GOOD)
        with pytest.raises(ResourceExistsError, match="already registered, at the peering ixrs"):
            await put_prefix(lab, "two", GOOD)


async def test_a_validation_by_hand_waits_until_somebody_asks(tmp_path: Path) -> None:
    settings = Settings(prefix_validation=None)
    async with serving(tmp_path, announcing("8075:8007"), settings) as lab:
        await lab.route_server()
        await put_prefix(lab, "good", GOOD)
    async with serving(tmp_path, announcing("8075:8007"), settings) as lab:
        await lab.active("ixrs")
        waiting = await lab.do(lab.client.registered_prefixes.get, GROUP, "ixrs", "good")
        assert waiting.prefix_validation_state == "Pending"
        await lab.do(lab.client.registered_prefixes.validate, GROUP, "ixrs", "good")
        assert (await judged(lab, "good")).prefix_validation_state == "Verified"


async def test_a_direct_peering_for_peering_service_registers_prefixes_but_no_asns(tmp_path: Path) -> None:
    found = document("direct")
    found["peers"][0]["announce"] = [{"prefixes": ["192.0.2.0/24"], "communities": ["8075:8007"]}]
    found["peerings"][0] |= {"families": ["IPv4"], "legacy": True}
    async with serving(tmp_path, found) as lab:
        await lab.asn()
        (shown,) = await lab.all(lab.client.legacy_peerings.list, peering_location="Seattle", kind="Direct")
        wanted = shown.as_dict()
        for connection in wanted["properties"]["direct"]["connections"]:
            connection["useForPeeringService"] = True
        made = await lab.put("direct", wanted)
        assert made.direct.use_for_peering_service
        await put_prefix(lab, "good", "192.0.2.0/24", "direct")
        assert (await judged(lab, "good", "direct")).prefix_validation_state == "Verified"
        with pytest.raises(HttpResponseError, match="not supported for this peering type"):
            await register(lab, "own", 64496, "direct")
