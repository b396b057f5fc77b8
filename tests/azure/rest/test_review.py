"""A review finds what the PUT is refused for, all of it, each at its field; and it changes nothing."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from simulator.azure.rest.ids import ResourceId
from simulator.azure.rest.review import RequestReview, review
from simulator.connection.states import ConnectionState
from tests.azure.provider.support import BY_HAND
from tests.azure.rest.plain import GROUP, ROOT, PlainLab, direct_body, exchange_body, plain_lab, route_server_body
from tests.azure.rest.test_refusals import CONNECTION, DOCUMENTS, PEERINGS, changed
from tests.topologies import mixed

PEERING = ResourceId("lab", "rg", ("peerings",), ("p",))
SESSION = f"{CONNECTION}.bgpSession"


def targets(found: RequestReview) -> list[str]:
    return [fault.target for fault in found.faults]


async def disagreement(lab: PlainLab, resource: ResourceId, body: Any) -> str | None:
    """Where a review and the PUT differ; None: both take the document, or both refuse it with the same words."""
    before = dict(lab.provider.unit.resources), list(lab.provider.control.records)
    found = review(lab.provider, resource, copy.deepcopy(body))
    if (dict(lab.provider.unit.resources), list(lab.provider.control.records)) != before:
        return f"the review changed something: {body}"
    answer = await lab.put(str(resource), body)
    if found.passed:
        return None if answer.status_code < 300 else f"passed, and refused: {answer.text}"
    if answer.status_code < 300:
        return f"not passed, and taken: {found.faults}"
    error = answer.json()["error"]
    words = [(each.target, each.text) for each in found.faults]
    target = error.get("target", "")
    told = (target, error["message"].removeprefix(f"{target}: "))
    return None if told in words else f"{told} is not in {words}"


async def test_the_review_says_what_the_put_is_refused_for(tmp_path: Path) -> None:
    async with plain_lab(tmp_path, mixed()) as lab:
        await lab.asn()
        found = [await disagreement(lab, PEERING, body) for body, _ in PEERINGS]
        assert [each for each in found if each] == []
        for path, body, field, values in DOCUMENTS:
            type_, name = path.rsplit("/", 2)[1:]
            if type_ in ("peerAsns", "peeringServices"):
                group = "" if path.startswith(ROOT) else "rg"
                resource = ResourceId("lab", group, (type_,), (name,))
                for value in values:
                    assert await disagreement(lab, resource, changed(body, field, value)) is None
        for good in (exchange_body(), direct_body()):
            assert await disagreement(lab, PEERING, good) is None
            await lab.call("DELETE", str(PEERING))


async def test_every_fault_is_found_at_once(tmp_path: Path) -> None:
    async with plain_lab(tmp_path) as lab:
        body = exchange_body(peerSessionIPv4Address="192.0.2.1", peerSessionIPv6Address="2001:db8::1")
        connections = body["properties"]["exchange"]["connections"]
        other = copy.deepcopy(connections[0]) | {"connectionIdentifier": None, "peeringDBFacilityId": 2}
        connections.append(other)
        right = exchange_body()["properties"]["exchange"]["connections"][0] | {"connectionIdentifier": None}
        connections.insert(0, right)
        assert targets(review(lab.provider, ResourceId("lab", "r g", ("peerings",), ("..",)), body)) == [
            "group",
            "name",
            "properties.exchange.peerAsn.id",
            "properties.exchange.connections[1].bgpSession.peerSessionIPv4Address",
            "properties.exchange.connections[1].bgpSession.peerSessionIPv6Address",
            "properties.exchange.connections[2].peeringDBFacilityId",
        ]
        body = changed(changed(exchange_body(), "sku", {}), f"{SESSION}.maxPrefixesAdvertisedV4", "many")
        assert targets(review(lab.provider, PEERING, body)) == [
            "properties.exchange.peerAsn.id",
            "sku.name",
            f"{SESSION}.maxPrefixesAdvertisedV4",
        ]


async def test_a_field_that_is_missing_hides_no_other(tmp_path: Path) -> None:
    async with plain_lab(tmp_path) as lab:
        body = exchange_body(peerSessionIPv4Address="192.0.2.1", maxPrefixesAdvertisedV6="many")
        del body["location"], body["properties"]["exchange"]["peerAsn"]
        connections = body["properties"]["exchange"]["connections"]
        connections.insert(0, {"bgpSession": {"peerSessionIPv4Address": "x"}})
        assert targets(review(lab.provider, PEERING, body)) == [
            "location",
            "properties.exchange.connections[0].peeringDBFacilityId",
            "properties.exchange.connections[0].bgpSession.peerSessionIPv4Address",
            "properties.exchange.connections[1].bgpSession.maxPrefixesAdvertisedV6",
            "properties.exchange.peerAsn",
            "properties.exchange.connections[1].bgpSession.peerSessionIPv4Address",
        ]
        asn = ResourceId("lab", "", ("peerAsns",), ("x",))
        wrong = {"properties": {"peerAsn": 8075, "peerContactDetail": [{"email": "nobody"}]}}
        assert targets(review(lab.provider, asn, wrong)) == [
            "properties.peerContactDetail[0].email",
            "properties.peerAsn",
        ]


async def test_a_pending_asn_is_a_fault_of_its_own(tmp_path: Path) -> None:
    async with plain_lab(tmp_path, settings=BY_HAND) as lab:
        await lab.put(f"{ROOT}/peerAsns/contoso", {"properties": {"peerAsn": 64496}})
        (fault,) = review(lab.provider, PEERING, exchange_body()).faults
        assert (fault.target, fault.code) == ("properties.exchange.peerAsn.id", "PeerAsnNotApproved")
        assert "contoso (AS64496) is Pending" in fault.text


async def test_what_only_clients_refuse_is_a_warning(tmp_path: Path) -> None:
    async with plain_lab(tmp_path) as lab:
        await lab.asn()
        body = route_server_body(bandwidthInMbps=15000)
        body["properties"]["direct"]["connections"][0]["bgpSession"]["maxPrefixesAdvertisedV4"] = 20001
        found = review(lab.provider, PEERING, body)
        start = "properties.direct.connections[0]"
        assert found.passed
        assert [each.target for each in found.warnings] == [f"{start}.bgpSession.maxPrefixesAdvertisedV4", start]


async def test_a_change_of_a_peering_is_reviewed_as_a_change(tmp_path: Path) -> None:
    async with plain_lab(tmp_path) as lab:
        await lab.asn()
        await lab.put(f"{GROUP}/peerings/p", exchange_body())
        await lab.active(f"{GROUP}/peerings/p")
        assert review(lab.provider, PEERING, exchange_body(maxPrefixesAdvertisedV4=2000)).passed
        wrong = exchange_body(peerSessionIPv4Address="206.126.239.201")
        assert targets(review(lab.provider, PEERING, wrong)) == [f"{SESSION}.peerSessionIPv4Address"]
        wrong = exchange_body(md5AuthenticationKey="another")
        assert targets(review(lab.provider, PEERING, wrong)) == [f"{SESSION}.md5AuthenticationKey"]
        lab.provider.set(lab.provider.settings.model_copy(update={"allow_max_prefix_updates": False}))
        wrong = exchange_body(maxPrefixesAdvertisedV4=3000)
        assert targets(review(lab.provider, PEERING, wrong)) == [f"{SESSION}.maxPrefixesAdvertisedV4"]
        assert targets(review(lab.provider, PEERING, changed(exchange_body(), "location", "westus"))) == ["location"]
        states = {record.state for record in lab.provider.control.records.values()}
        assert states == {ConnectionState.ACTIVE}, "nothing was done"
