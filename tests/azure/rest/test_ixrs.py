"""A peering with an exchange's route servers, from the portal's form to the customers' traffic, over the API."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError

from simulator.azure.provider.settings import Settings
from simulator.serving.lab_api import lab_api
from simulator.session.messages import Family
from simulator.topology.plan import SessionPlan
from simulator.wire import nlri
from tests.azure.rest.support import AT_ONCE, GROUP, Lab, m, serving, states, told
from tests.azure.rest.test_registrations import register
from tests.lab_support import eventually
from tests.patience import PATIENCE
from tests.topologies import document

EXCHANGE_AS = 64500
LAN = {"session_prefix_v4": "203.0.113.0/24", "session_prefix_v6": "2001:db8:ffff::/64"}
CUSTOMERS = {
    "alpha": (64501, "192.0.2.0/25", "2001:db8:a::/48"),
    "beta": (64502, "198.51.100.0/25", "2001:db8:b::/48"),
    "gamma": (64503, "198.51.100.128/26", "2001:db8:c::/48"),
    "delta": (64504, "198.51.100.192/26", "2001:db8:d::/48"),
    "echo": (64505, "192.0.2.192/26", "2001:db8:e::/48"),
}


def exchange(edges: int = 1) -> dict[str, Any]:
    """The shipped pair of route servers with so many edges: a peering for Peering Service needs two."""
    found = document("route-server")
    found["edges"] = [
        {"name": f"edge-{number}", "ipv4": f"203.0.113.{74 + number}", "ipv6": f"2001:db8:ffff::{74 + number}"}
        for number in range(1, edges + 1)
    ]
    return found


def connection(number: int, bgp: dict[str, Any] | None = None, **changes: Any) -> Any:
    """To the route server of this number, as the form is filled in."""
    session = {
        **LAN,
        "peer_session_i_pv4_address": f"203.0.113.{number}",
        "peer_session_i_pv6_address": f"2001:db8:ffff::{number}",
        "microsoft_session_i_pv4_address": "203.0.113.75",
        "microsoft_session_i_pv6_address": "2001:db8:ffff::75",
        "max_prefixes_advertised_v4": 20000,
        **(bgp or {}),
    }
    return m.DirectConnection(
        **{
            "session_address_provider": "Peer",
            "peering_db_facility_id": 99999,
            "connection_identifier": f"CE495334-0E94-4E51-8164-8116D6CD284{number}",
            "bgp_session": m.BgpSession(**{name: value for name, value in session.items() if value is not None}),
            **changes,
        }
    )


def request(asn: str, *connections: Any, sku: str = "Premium_Direct_Free") -> Any:
    inner = m.PeeringPropertiesDirect(
        peer_asn=m.SubResource(id=asn), direct_peering_type="IxRs", connections=list(connections)
    )
    return m.Peering(
        sku=m.PeeringSku(name=sku), kind="Direct", location="eastus", peering_location="Ashburn", direct=inner
    )


async def pair(lab: Lab, name: str = "ixrs") -> Any:
    """One peering with a connection to each route server, Active."""
    await lab.put(name, request(await lab.asn("exampleix", EXCHANGE_AS), connection(1), connection(2)))
    return await lab.active(name)


def sessions(lab: Lab, peering: str = "") -> list[SessionPlan]:
    records = lab.provider.control.records.values()
    return [plan for record in records for plan in record.plans if peering in ("", plan.peering)]


def taken(lab: Lab, plan: SessionPlan) -> set[str]:
    return {nlri.text(family, key) for family, key, _ in lab.provider.network.edges.taken(plan)}


def prefixes(family: Family, *customers: str) -> set[str]:
    found = [CUSTOMERS[name] for name in customers]
    return {four if family is Family.IPV4 else six for _, four, six in found}


async def held_everywhere(lab: Lab, *customers: str, peering: str = "") -> None:
    """Every session has the routes of these customers, and of nobody else, in its Loc-RIB."""
    await eventually(
        lambda: lab.do(lambda: [(plan.id, plan.family, taken(lab, plan)) for plan in sessions(lab, peering)]),
        lambda found: all(held == prefixes(family, *customers) for _, family, held in found),
    )


async def heard(lab: Lab, *wanted: str) -> None:
    """These prefixes have come on every session of their family, taken or not."""
    keys = [nlri.key(prefix) for prefix in wanted]

    def missing() -> list[str]:
        return [
            f"{nlri.text(family, key)} on {plan.id}"
            for plan in sessions(lab)
            for family, key in keys
            if plan.family is family and lab.provider.network.edges.route(plan, key) is None
        ]

    await eventually(lambda: lab.do(missing), lambda found: not found)


async def heard_everywhere(lab: Lab, *but: str) -> None:
    """The routes of every customer but these have come on every session."""
    names = CUSTOMERS.keys() - set(but)
    await heard(lab, *(prefix for family in Family for prefix in prefixes(family, *names)))


def rules(lab: Lab, plan: SessionPlan, customer: str) -> list[str]:
    (prefix,) = prefixes(plan.family, customer)
    route = lab.provider.network.edges.route(plan, nlri.key(prefix)[1])
    assert route is not None
    return [hit.rule for hit in route.hits]


def resets(lab: Lab, server: str = "") -> list[Any]:
    views = [lab.provider.network.edges.view(plan) for plan in sessions(lab) if server in ("", plan.peer.name)]
    return [(view.id, view.established_at, view.established_transitions, view.notifications) for view in views]


# --- from the form to traffic ---


@pytest.mark.parametrize("sku", ["Basic_Direct_Free", "Premium_Direct_Free"])
async def test_from_the_form_to_traffic(tmp_path: Path, sku: str) -> None:
    async with serving(tmp_path, exchange()) as lab:
        asn = await lab.asn("exampleix", EXCHANGE_AS)
        made = await lab.put("ixrs", request(asn, connection(1), connection(2), sku=sku))
        assert (made.kind, made.sku.name, made.direct.direct_peering_type) == ("Direct", sku, "IxRs")
        shown = await lab.active("ixrs")
        for number, one in enumerate(shown.direct.connections, 1):
            assert one.session_address_provider == "Peer"
            session = one.bgp_session
            assert (session.session_prefix_v4, session.session_prefix_v6) == tuple(LAN.values())
            assert session.peer_session_i_pv4_address == f"203.0.113.{number}"
            assert session.microsoft_session_i_pv4_address == "203.0.113.75"
            assert (session.session_state_v4, session.session_state_v6) == ("Established", "Established")
        await heard_everywhere(lab)
        await held_everywhere(lab)  # nobody's: nobody is registered
        before = resets(lab)
        assert len(before) == 4

        for name in ("alpha", "beta", "gamma", "delta"):
            await register(lab, name, CUSTOMERS[name][0])
        await held_everywhere(lab, "alpha", "beta", "gamma", "delta")
        assert [rules(lab, plan, "echo") for plan in sessions(lab)] == [["registered-origin"]] * 4
        assert {lab.provider.network.edges.view(plan).sent for plan in sessions(lab)} == {3, 2}

        await register(lab, "echo", CUSTOMERS["echo"][0])
        await held_everywhere(lab, *CUSTOMERS)
        await lab.do(lab.client.registered_asns.delete, GROUP, "ixrs", "alpha")
        await held_everywhere(lab, "beta", "gamma", "delta", "echo")
        assert [rules(lab, plan, "alpha") for plan in sessions(lab)] == [["registered-origin"]] * 4
        assert resets(lab) == before, "no session was reset"
        seen = {(plan.peer.name, plan.id): lab.provider.network.edges.view(plan) for plan in sessions(lab)}
        assert not any(view.leaked_in or view.leaked_out for view in seen.values())


async def test_the_mesh_is_made_by_itself(tmp_path: Path) -> None:
    """The form has one pair of addresses; every edge on the LAN gets its session."""
    async with serving(tmp_path, exchange(edges=3)) as lab:
        shown = await pair(lab)
        assert len(shown.direct.connections) == 2
        ends = {(plan.peer.name, plan.edge.name, plan.family) for plan in sessions(lab)}
        edges = ("edge-1", "edge-2", "edge-3")
        assert ends == {(server, edge, family) for server in ("rs1", "rs2") for edge in edges for family in Family}
        await register(lab, "alpha", CUSTOMERS["alpha"][0])
        await held_everywhere(lab, "alpha")


async def test_ipv6_is_optional_and_can_be_added(tmp_path: Path) -> None:
    only4 = dict.fromkeys(("session_prefix_v6", "peer_session_i_pv6_address", "microsoft_session_i_pv6_address"))
    async with serving(tmp_path, exchange()) as lab:
        asn = await lab.asn("exampleix", EXCHANGE_AS)
        await lab.put("ixrs", request(asn, connection(1, only4)))
        await lab.active("ixrs")
        (plan,) = sessions(lab)
        before = lab.provider.network.edges.view(plan).established_at
        await register(lab, "alpha", CUSTOMERS["alpha"][0])
        wrong = {"session_prefix_v6": "2001:db8:fffe::/64"}
        with pytest.raises(HttpResponseError) as refused:
            await lab.put("ixrs", request(asn, connection(1, wrong)))
        assert "The session prefix 2001:db8:fffe::/64 is not the exchange's 2001:db8:ffff::/64" in told(refused)[2]
        await lab.put("ixrs", request(asn, connection(1)))
        await eventually(lambda: lab.do(lambda: len(sessions(lab))), lambda count: count == 2)
        await held_everywhere(lab, "alpha")
        assert lab.provider.network.edges.view(plan).established_at == before


# --- what the form does not take ---

OUTSIDE = "is not in the LAN 203.0.113.0/24, 2001:db8:ffff::/64"


@pytest.mark.parametrize(
    ("changes", "bgp", "words"),
    [
        ({"session_address_provider": "Microsoft"}, {}, "an exchange with route server brings its own (Peer)"),
        ({}, {"session_prefix_v4": "203.0.113.0/25"}, "The session prefix 203.0.113.0/25 is not the exchange's"),
        ({}, {"session_prefix_v4": "203.0.113.0/33"}, "'203.0.113.0/33' is not a prefix"),
        ({}, {"peer_session_i_pv4_address": "192.0.2.1"}, f"The peer address 192.0.2.1 {OUTSIDE}"),
        ({}, {"microsoft_session_i_pv4_address": "192.0.2.1"}, f"The Microsoft address 192.0.2.1 {OUTSIDE}"),
        ({}, {"peer_session_i_pv6_address": "2001:db8::1"}, f"The peer address 2001:db8::1 {OUTSIDE}"),
        ({}, {"microsoft_session_i_pv4_address": "203.0.113.76"}, "is not an address of one Microsoft edge here"),
        (
            {},
            {
                "peer_session_i_pv4_address": None,
                "peer_session_i_pv6_address": None,
                "max_prefixes_advertised_v4": None,
            },
            "an address of the peer is required",
        ),
        ({"peering_db_facility_id": 1}, {}, "this lab's exchange is 99999 (Example-IX)"),
    ],
)
async def test_what_the_form_does_not_take(
    tmp_path: Path, changes: dict[str, Any], bgp: dict[str, Any], words: str
) -> None:
    async with serving(tmp_path, exchange()) as lab:
        asn = await lab.asn("exampleix", EXCHANGE_AS)
        with pytest.raises(HttpResponseError) as refused:
            await lab.put("ixrs", request(asn, connection(1, bgp, **changes)))
        assert told(refused)[:2] == (400, "BadArgument")
        assert words in told(refused)[2]
        assert refused.value.error is not None and refused.value.error.target
        assert await lab.all(lab.client.peerings.list_by_subscription) == []


async def test_another_sku_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path, exchange()) as lab:
        asn = await lab.asn("exampleix", EXCHANGE_AS)
        with pytest.raises(HttpResponseError) as refused:
            await lab.put("ixrs", request(asn, connection(1), sku="Premium_Direct_Metered"))
        assert (
            told(refused)[2]
            == "sku.name: 'Premium_Direct_Metered' is not one of Basic_Direct_Free, Premium_Direct_Free"
        )


@pytest.mark.parametrize(("limit", "warned"), [(20000, False), (20001, True)])
async def test_more_than_20000_prefixes_are_warned_of(tmp_path: Path, limit: int, warned: bool) -> None:
    async with serving(tmp_path, exchange()) as lab:
        wanted = request(await lab.asn("exampleix", EXCHANGE_AS), connection(1, {"max_prefixes_advertised_v4": limit}))
        headers: dict[str, str] = {}
        await lab.do(
            lab.client.peerings.create_or_update,
            GROUP,
            "ixrs",
            wanted,
            raw_response_hook=lambda answer: headers.update(answer.http_response.headers),
        )
        assert ("20001 is more than" in headers.get("x-turnup-warning", "")) is warned
        await lab.active("ixrs")
        (plan, _) = sessions(lab)
        assert plan.max_prefix.limit == limit


async def test_it_is_for_peering_service_once_the_agreement_is_signed(tmp_path: Path) -> None:
    async with serving(tmp_path, exchange()) as lab:
        shown = await pair(lab)
        assert shown.direct.use_for_peering_service is False
        assert {each.use_for_peering_service for each in shown.direct.connections} == {False}  # nobody said so
        lab.provider.set(AT_ONCE.model_copy(update={"peering_service_agreement": True}))
        shown = await lab.do(lab.client.peerings.get, GROUP, "ixrs")
        assert shown.direct.use_for_peering_service is True
        assert {each.use_for_peering_service for each in shown.direct.connections} == {True}


# --- registered ASNs ---


async def test_nobody_is_registered_before_a_connection_is_active(tmp_path: Path) -> None:
    async with serving(tmp_path, exchange(), Settings(peering_review=None)) as lab:
        await lab.put("ixrs", request(await lab.asn("exampleix", EXCHANGE_AS), connection(1)))
        with pytest.raises(HttpResponseError, match="until a connection of the peering is Active"):
            await register(lab, "alpha", CUSTOMERS["alpha"][0])


async def test_a_customer_is_registered_once_and_that_counts_at_every_peering(tmp_path: Path) -> None:
    async with serving(tmp_path, exchange()) as lab:
        asn = await lab.asn("exampleix", EXCHANGE_AS)
        await lab.put("one", request(asn, connection(1)))
        await lab.put("two", request(asn, connection(2)))
        await lab.active("one")
        await lab.active("two")
        alpha, beta = CUSTOMERS["alpha"][0], CUSTOMERS["beta"][0]
        first = await register(lab, "alpha", alpha, "one")
        await held_everywhere(lab, "alpha")
        with pytest.raises(ResourceExistsError, match="AS64501 is already registered at the peering one, as alpha"):
            await register(lab, "alpha", alpha, "two")
        with pytest.raises(ResourceExistsError, match="AS64501 is already registered at this peering, as alpha"):
            await register(lab, "alpha-2", alpha, "one")
        other = await register(lab, "beta", beta, "two")
        assert first.peering_service_prefix_key != other.peering_service_prefix_key
        await held_everywhere(lab, "alpha", "beta")
        await lab.do(lab.client.registered_asns.delete, GROUP, "one", "alpha")
        await held_everywhere(lab, "beta")
        await lab.do(lab.client.peerings.delete, GROUP, "two")  # with what is registered there
        await eventually(lambda: lab.do(lambda: {plan.peering for plan in sessions(lab)}), lambda left: left == {"one"})
        await held_everywhere(lab)


# --- the customer's side ---


async def service(lab: Lab) -> None:
    wanted = m.PeeringService(
        location="eastus",
        peering_service_location="Ashburn",
        peering_service_provider="exampleix",
        provider_primary_peering_location="Ashburn",
    )
    await lab.do(lab.client.peering_services.create_or_update, GROUP, "office", wanted)


async def validated(lab: Lab, prefix: str, key: str, seconds: float = PATIENCE) -> tuple[str, str | None]:
    """State and message of a customer's prefix, once it is not Pending any more."""
    wanted = m.PeeringServicePrefix(prefix=prefix, peering_service_prefix_key=key)
    await lab.do(lab.client.prefixes.create_or_update, GROUP, "office", "p", wanted)
    done = await eventually(
        lambda: lab.do(lab.client.prefixes.get, GROUP, "office", "p"),
        lambda found: found.prefix_validation_state != "Pending",
        seconds,
    )
    await lab.do(lab.client.prefixes.delete, GROUP, "office", "p")
    return done.prefix_validation_state, done.error_message


def announcing(found: dict[str, Any], **route: Any) -> dict[str, Any]:
    """Beta announces its IPv4 prefix otherwise."""
    found["customers"][1]["announce"][0] |= {name.replace("_", "-"): value for name, value in route.items()}
    return found


@pytest.mark.parametrize(
    ("edges", "route", "expected"),
    [
        (2, {}, None),
        (2, {"as_path": [65536, 65537]}, None),  # three with beta's own
        (1, {}, "Provider has fewer than two sessions in its primary location"),
        (2, {"communities": []}, "Received route for prefix {} should have the MAPS community 8075:8007"),
        (2, {"as_path": [3356, 3357, 3358]}, "AS path length for prefix should be <=3 for prefix {}"),
        (2, {"as_path": [64512]}, "AS path for prefix {} shouldn't have any private ASN"),
        (
            2,
            {"large_communities": ["64500:0:8075"]},
            "Not receiving prefix advertisement from IP {servers} for prefix {}",
        ),
    ],
)
async def test_a_customers_prefix_is_judged_by_the_routes_that_came(
    tmp_path: Path, edges: int, route: dict[str, Any], expected: str | None
) -> None:
    found = announcing(exchange(edges), **route)
    found["policy"]["rules"]["transit-free-asn"] = False  # the route servers are to pass on what Microsoft judges
    found["policy"]["rules"]["bogon-asn"] = False
    _, prefix, _ = CUSTOMERS["beta"]
    async with serving(tmp_path, found) as lab:
        await pair(lab)
        await heard_everywhere(lab, *(["beta"] if "large_communities" in route else []))
        key = (await register(lab, "beta", CUSTOMERS["beta"][0])).peering_service_prefix_key
        await service(lab)
        state, message = await validated(lab, prefix, key)
        if expected is not None:
            expected = expected.replace("{servers}", "203.0.113.1, 203.0.113.2").replace("{}", prefix)
        assert (state, message) == ("Verified" if expected is None else "Failed", expected)


async def test_a_prefix_has_to_come_from_both_route_servers(tmp_path: Path) -> None:
    found = exchange(2)
    found["customers"][1]["route-servers"] = ["rs1"]
    async with serving(tmp_path, found) as lab:
        await pair(lab)
        await heard_everywhere(lab, "beta")
        key = (await register(lab, "beta", CUSTOMERS["beta"][0])).peering_service_prefix_key
        await service(lab)
        prefix = CUSTOMERS["beta"][1]
        missing = f"Not receiving prefix advertisement from IP 203.0.113.2 for prefix {prefix}"
        assert await validated(lab, prefix, key) == ("Failed", missing)
        wrong = "Peering service prefix key is not one of the provider's"
        assert await validated(lab, prefix, "00000000-0000-0000-0000-000000000000") == ("Failed", wrong)


async def test_what_a_route_server_sends_back_to_microsoft_is_billed_to_nobody(tmp_path: Path) -> None:
    """Each edge hears by the route servers what the other one announced."""
    async with serving(tmp_path, exchange(2)) as lab:
        await pair(lab)
        await heard_everywhere(lab, "alpha")
        received = await eventually(
            lambda: lab.all(lab.client.received_routes.list_by_peering, GROUP, "ixrs"),
            lambda routes: any(each.as_path == "8075" for each in routes),
        )
        back = {each.prefix for each in received if each.as_path == "8075"}
        unbilled = {each.prefix for each in await lab.all(lab.client.rp_unbilled_prefixes.list, GROUP, "ixrs")}
        assert CUSTOMERS["alpha"][1] in unbilled
        assert not back & unbilled


async def test_one_key_is_for_all_prefixes_of_a_customer(tmp_path: Path) -> None:
    found = announcing(exchange(2), prefixes=["198.51.100.0/26", "198.51.100.64/26", "2001:db8:b::/48"])
    async with serving(tmp_path, found) as lab:
        await pair(lab)
        await heard(lab, "198.51.100.0/26", "198.51.100.64/26")
        key = (await register(lab, "beta", CUSTOMERS["beta"][0])).peering_service_prefix_key
        await service(lab)
        for prefix in ("198.51.100.0/26", "198.51.100.64/26"):
            assert await validated(lab, prefix, key) == ("Verified", None)


# --- never both route servers at once by our own doing ---


async def test_an_action_on_the_peering_takes_one_route_server_out_of_service(tmp_path: Path) -> None:
    async with serving(tmp_path, exchange()) as lab:
        await pair(lab)
        await register(lab, "alpha", CUSTOMERS["alpha"][0])
        await held_everywhere(lab, "alpha")
        transport = httpx.ASGITransport(lab_api(lab.provider, asyncio.Event()))
        one, two = lab.provider.control.records.values()
        async with httpx.AsyncClient(transport=transport, base_url="http://lab") as api:
            answer = await api.post("/lab/v1/peerings/ixrs/block", json={"message": "maintenance"})
            assert answer.status_code == 200
            assert (str(one.state), str(two.state)) == ("ExternalBlocker", "Active")
            assert [taken(lab, plan) for plan in one.plans] == [set(), set()]
            assert all(taken(lab, plan) == prefixes(plan.family, "alpha") for plan in two.plans)
            for action in ("revalidate", "block", "deprovision", "request-type-change"):
                refused = await api.post(f"/lab/v1/connections/{two.id}/{action}")
                assert refused.status_code == 409
                assert refused.json()["detail"] == (
                    f"{two.id} is the only route server of AS64500 in service: wait for {one.id} (ExternalBlocker)"
                )
            assert (await api.post(f"/lab/v1/connections/{one.id}/unblock")).status_code == 200
            await eventually(lambda: lab.do(lambda: str(one.state)), lambda state: state == "Active")
            assert (await api.post(f"/lab/v1/connections/{two.id}/revalidate")).status_code == 200
            assert all(taken(lab, plan) == prefixes(plan.family, "alpha") for plan in one.plans)
        await lab.active("ixrs")
        await held_everywhere(lab, "alpha")


async def test_the_last_one_is_not_taken_out_while_the_other_is_requested_again(tmp_path: Path) -> None:
    """Whatever the other one waits for: it does not matter why it is not in service."""
    async with serving(tmp_path, exchange()) as lab:
        asn = await lab.asn("exampleix", EXCHANGE_AS)
        for number, name in ((1, "one"), (2, "two")):
            await lab.put(name, request(asn, connection(number)))
            await lab.active(name)
        transport = httpx.ASGITransport(lab_api(lab.provider, asyncio.Event()))
        (one,) = [each for each in lab.provider.control.records.values() if each.peering == "one"]

        def other() -> list[str]:
            return [str(each.state) for each in lab.provider.control.records.values() if each.peering == "two"]

        async with httpx.AsyncClient(transport=transport, base_url="http://lab") as api:
            await lab.do(lab.client.peerings.delete, GROUP, "two")
            await eventually(lambda: lab.do(other), lambda states: states == [])
            by_hand = {"peering_review": None, "notification": None}
            lab.provider.set(AT_ONCE.model_copy(update=by_hand))
            await lab.put("two", request(asn, connection(2)))
            for step in ("approve", "notify"):
                for action in ("revalidate", "block", "deprovision", "request-type-change"):
                    refused = await api.post(f"/lab/v1/connections/{one.id}/{action}")
                    assert (refused.status_code, str(one.state)) == (409, "Active")
                    assert "is the only route server of AS64500 in service: wait for two/" in refused.json()["detail"]
                assert (await api.post(f"/lab/v1/peerings/two/{step}")).status_code == 200
            await lab.active("two")
            assert (await api.post(f"/lab/v1/connections/{one.id}/revalidate")).status_code == 200
        await lab.active("one")


async def test_the_keys_of_both_are_not_changed_at_once(tmp_path: Path) -> None:
    settings = AT_ONCE.model_copy(update={"allow_md5_updates": True})
    async with serving(tmp_path, exchange(), settings) as lab:
        await pair(lab)
        asn = await lab.asn("exampleix", EXCHANGE_AS)
        before, other = resets(lab), resets(lab, "rs2")
        key = {"md5_authentication_key": "secret"}
        with pytest.raises(ResourceExistsError, match="of one route server is changed at a time"):
            await lab.put("ixrs", request(asn, connection(1, key), connection(2, key)))
        assert resets(lab) == before
        await lab.put("ixrs", request(asn, connection(1, key), connection(2)))
        with pytest.raises(ResourceExistsError, match="is the only route server of AS64500 in service"):
            await lab.put("ixrs", request(asn, connection(1, key), connection(2, key)))
        assert resets(lab, "rs2") == other


async def test_other_data_reset_no_session_and_leave_what_they_do_not_speak_of(tmp_path: Path) -> None:
    """What the rules look things up in changes under both route servers: only the routes that it refuses go."""
    found = exchange()
    vrps = tmp_path / "vrps.json"
    elsewhere = {"prefix": "41.0.0.0/16", "maxLength": 24, "asn": "AS1"}
    vrps.write_text(json.dumps({"roas": [elsewhere]}))
    found["policy"]["data"] = {"vrp": str(vrps)}
    async with serving(tmp_path, found) as lab:
        await pair(lab)
        for name in ("alpha", "beta"):
            await register(lab, name, CUSTOMERS[name][0])
        await held_everywhere(lab, "alpha", "beta")
        before, lost = resets(lab), list[set[str]]()
        kept = {plan.id: prefixes(plan.family, "beta") for plan in sessions(lab)}
        lab.provider.log.subscribe(
            lambda event: lost.extend(kept[plan.id] - taken(lab, plan) for plan in sessions(lab))
        )
        _, four, six = CUSTOMERS["alpha"]
        roas = [{"prefix": prefix, "maxLength": 32, "asn": "AS1"} for prefix in (four, six)]
        roas[1]["maxLength"] = 64
        vrps.write_text(json.dumps({"roas": roas}))
        await held_everywhere(lab, "beta")
        assert lost and not any(lost)
        assert resets(lab) == before
        assert states(await lab.do(lab.client.peerings.get, GROUP, "ixrs")) == ["Active", "Active"]
