"""Faults in a lab that runs: in, seen, out, and everything as it was; by the API and the desk alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.azure.provider.provider import Provider
from simulator.connection.states import Actor, ConnectionState
from simulator.engine.awaited import awaited
from simulator.faults.injection import InjectionError, Injections, offered
from simulator.places.link import LinkKind
from simulator.policy.max_prefix import MaxPrefix
from simulator.portal.arm import ask, resource_path
from simulator.session.states import BgpState
from simulator.wire.nlri import text
from tests.azure.provider import support
from tests.lab_support import require_netns, require_program
from tests.portal.support import BOTH_FAMILIES, put_asn, put_peering, send, text_of, until, until_all
from tests.serving.support import served
from tests.topologies import build, document

WORKING = {
    *("address-taken-twice", "bgp-filtered", "icmp-filtered", "router-frozen", "router-not-started", "small-mtu"),
    *("md5-changed-at-edge", "md5-removed-at-edge", "packets-lost"),
    *("wrong-own-address", "bogons", "default-route", "nothing-to-announce", "too-many-prefixes"),
}


def test_what_a_running_lab_can_have_is_told_apart_from_what_it_cannot() -> None:
    refusals = {fault.name: why for fault, why in offered()}
    assert {name for name in WORKING if refusals[name]} == set()
    for name in ("md5-wrong", "session-flaps", "wrong-remote-as", "asn-pending", "pair-as-md5", "flapping-aggregate"):
        assert refusals[name]


def received(provider: Provider, family: str) -> set[str]:
    found = set()
    for record in provider.control.records.values():
        for plan in record.plans:
            if plan.family.label == family and provider.network.edges.is_provisioned(plan):
                found |= {text(route.family, route.key) for route in provider.network.edges.routes(plan)}
    return found


async def test_routes_come_and_go_by_the_api_and_the_desk_shows_it(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        await put_asn(lab.provider)
        await put_peering(lab.provider)
        await until_all(lab.provider, ConnectionState.ACTIVE)
        before = {family: received(lab.provider, family) for family in ("IPv4", "IPv6")}
        answer = await lab.client.post("/lab/v1/faults", json={"name": "bogons"})
        assert answer.status_code == 200, answer.text
        fault = answer.json()
        assert (fault["name"], fault["family"]) == ("bogons", "IPv4")
        await until(lab.provider, lambda: "10.1.0.0/16" in received(lab.provider, "IPv4"))
        assert received(lab.provider, "IPv6") == before["IPv6"]
        for page in ("/desk", "/lab", "/desk/faults"):
            assert "1 fault in the lab: bogons on IPv4" in text_of((await lab.client.get(page)).text)
        again = await lab.client.post("/lab/v1/faults", json={"name": "nothing-to-announce"})
        assert again.status_code == 409 and "bogons (f1) is there already" in again.json()["detail"]
        gone = await lab.client.delete(f"/lab/v1/faults/{fault['id']}")
        assert gone.status_code == 200
        await until(lab.provider, lambda: received(lab.provider, "IPv4") == before["IPv4"])
        assert (await lab.client.delete(f"/lab/v1/faults/{fault['id']}")).status_code == 409
        assert (await lab.client.get("/lab/v1/faults")).json()["active"] == []
        assert (await lab.client.get("/lab/v1/status")).json()["leaked"] == 0


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"name": "md5-wrong"}, "not while a lab runs"),
        ({"name": "no-such"}, "there is no fault no-such"),
        ({"name": "bogons", "peer": "<b>nobody</b>"}, "there is no peer"),
        ({"name": "bogons", "family": "IPv5"}, "IPv4 or IPv6"),
        ({"name": "router-frozen"}, "no process"),
        ({"name": "bgp-filtered"}, "netns"),
        ({"name": "md5-removed-at-edge"}, "no MD5 key was agreed"),
    ],
)
async def test_what_cannot_be_is_refused_with_the_reason(tmp_path: Path, fields: dict[str, str], reason: str) -> None:
    async with served(tmp_path) as lab:
        told = await lab.client.post("/lab/v1/faults", json=fields)
        assert told.status_code == 409 and reason in told.json()["detail"]
        page = await send(lab, "/desk/faults", **fields)
        assert page.status_code == 409 and reason in text_of(page.text) and "<b>nobody" not in page.text
        assert (await lab.client.get("/lab/v1/faults")).json()["active"] == []


async def test_the_desk_puts_a_limit_in_and_takes_it_out(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        await put_asn(lab.provider)
        await put_peering(lab.provider)
        await until_all(lab.provider, ConnectionState.ACTIVE)
        edges = lab.provider.network.edges

        def limits() -> list[MaxPrefix | None]:
            return [
                edges.config(plan).max_prefix for each in lab.provider.control.records.values() for plan in each.plans
            ]

        before = limits()
        assert (await send(lab, "/desk/faults", name="too-many-prefixes")).status_code == 303
        assert {limit.limit for limit in limits() if limit is not None} > {1}
        assert (await send(lab, "/desk/faults/remove", id="f1")).status_code == 303
        assert limits() == before


async def test_a_squeezed_limit_holds_for_later_sessions_and_goes_back_to_what_is_asked_by_then(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        edges, records = lab.provider.network.edges, lab.provider.control.records

        def limits(family: str) -> set[int]:
            plans = [plan for record in records.values() for plan in record.plans if plan.family.label == family]
            found = [edges.config(plan).max_prefix for plan in plans if edges.is_provisioned(plan)]
            return {limit.limit for limit in found if limit is not None}

        asked = dict(BOTH_FAMILIES, maxPrefixesAdvertisedV4=500, maxPrefixesAdvertisedV6=50)
        assert (await lab.client.post("/lab/v1/faults", json={"name": "too-many-prefixes"})).status_code == 200
        await put_asn(lab.provider)
        for _ in range(2):
            await put_peering(lab.provider, "contoso-ashburn", asked)
            await until(lab.provider, lambda: bool(limits("IPv4")) and bool(limits("IPv6")))
            assert (limits("IPv4"), limits("IPv6")) == ({1}, {50})
            await ask(lab.provider, "DELETE", resource_path("lab", "peerings", "contoso-ashburn", group="rg"))
            await until(lab.provider, lambda: not records)
        await put_peering(lab.provider, "contoso-ashburn", asked)
        await until_all(lab.provider, ConnectionState.ACTIVE)
        await put_peering(lab.provider, "contoso-ashburn", asked | {"maxPrefixesAdvertisedV4": 600})
        assert (limits("IPv4"), limits("IPv6")) == ({1}, {50})
        assert (await lab.client.delete("/lab/v1/faults/f1")).status_code == 200
        assert (limits("IPv4"), limits("IPv6")) == ({600}, {50})


@pytest.mark.parametrize(
    ("name", "agreed", "told"),
    [
        ("md5-changed-at-edge", None, "has an MD5 key, and none was agreed"),
        ("md5-changed-at-edge", "agreed-key", "has another MD5 key than was agreed"),
        ("md5-removed-at-edge", "agreed-key", "has no MD5 key, and one was agreed"),
    ],
)
async def test_a_wrong_key_at_the_edge_is_microsofts_fault_and_goes_back(
    tmp_path: Path, name: str, agreed: str | None, told: str
) -> None:
    peering = document("exchange")["peerings"][0] | ({"md5": agreed} if agreed else {})
    lab_topology = support.topology(peerings=[peering])
    async with served(tmp_path, topology=lab_topology) as lab:
        await put_asn(lab.provider)
        asked = {"peerSessionIPv4Address": support.IPV4}
        await put_peering(lab.provider, "contoso-ashburn", asked | ({"md5AuthenticationKey": agreed} if agreed else {}))
        await until_all(lab.provider, ConnectionState.ACTIVE)
        edges, records = lab.provider.network.edges, lab.provider.control.records
        record = next(each for each in records.values() if each.plans[0].edge.name == "ash-edge-1")
        plan = record.plans[0]
        assert (await lab.client.post("/lab/v1/faults", json={"name": name, "family": "IPv4"})).status_code == 200
        await until(lab.provider, lambda: any(told in cause.text for each in record.watched for cause in each.causes))
        causes = [(cause.id, cause.side.value) for each in record.watched for cause in each.causes]
        assert set(causes) == {("md5-at-microsoft", "microsoft")}
        waits = awaited(record)
        assert waits.what.startswith("this is mended: Microsoft's edge") and waits.who is Actor.MICROSOFT
        assert "This is mended: Microsoft's edge" in text_of(
            (await lab.client.get("/peerings/lab/rg/contoso-ashburn")).text
        )
        assert "this is mended: Microsoft's edge" in text_of((await lab.client.get("/")).text)
        others = [other for each in records.values() for other in each.plans if other.id != plan.id]
        assert all(edges.bgp_state(other) is BgpState.ESTABLISHED for other in others), "another edge has its key"
        assert record.state is ConnectionState.ACTIVE
        assert (await lab.client.delete("/lab/v1/faults/f1")).status_code == 200
        await until(lab.provider, lambda: edges.bgp_state(plan) is BgpState.ESTABLISHED and edges.is_lifted(plan))
        assert edges.config(plan).md5 == agreed


async def test_a_restart_has_no_faults(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        await put_asn(lab.provider)
        await put_peering(lab.provider)
        await until_all(lab.provider, ConnectionState.ACTIVE)
        before = received(lab.provider, "IPv4")
        for name in ("bogons", "too-many-prefixes"):
            assert (await lab.client.post("/lab/v1/faults", json={"name": name})).status_code == 200
        await until(lab.provider, lambda: "10.1.0.0/16" in received(lab.provider, "IPv4"))
    async with served(tmp_path) as lab:
        assert (await lab.client.get("/lab/v1/faults")).json()["active"] == []
        await until(lab.provider, lambda: received(lab.provider, "IPv4") == before)
        assert "in the lab:" not in text_of((await lab.client.get("/lab")).text)
        plans = [plan for each in lab.provider.control.records.values() for plan in each.plans]
        assert plans and all(lab.provider.network.edges.config(plan).max_prefix == plan.max_prefix for plan in plans)


@pytest.mark.privileged
async def test_a_real_router_and_its_link_are_put_back(tmp_path: Path) -> None:
    require_netns()
    require_program("bird")
    lab = build(document("exchange-bird") | {"link": "netns"})
    async with support.provider(f"sqlite:///{tmp_path}/store.db", support.AT_ONCE, lab, LinkKind.NETNS) as provider:
        faults = Injections(provider.network, provider.clock.now)
        await put_asn(provider)
        await put_peering(provider)
        await until_all(provider, ConnectionState.ACTIVE)
        edges = provider.network.edges
        plans = [plan for record in provider.control.records.values() for plan in record.plans]

        def up() -> bool:
            return all(edges.bgp_state(plan) is BgpState.ESTABLISHED for plan in plans)

        for name in ("small-mtu", "icmp-filtered", "bgp-filtered", "router-frozen", "packets-lost"):
            fault = await faults.inject(name, family="IPv4")
            with pytest.raises(InjectionError, match="there already"):
                await faults.inject(name, family="IPv4")
            await faults.remove(fault.id)
        assert faults.active == []
        for name in ("router-not-started", "wrong-own-address"):
            fault = await faults.inject(name)
            if name == "router-not-started":
                await until(provider, lambda: not up())
            await faults.remove(fault.id)
            await until(provider, up)
