"""Labs with the addresses, ASNs and names of the published examples, and what happens in them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx

from simulator.connection.states import ConnectionState
from simulator.connection.table import ADDRESS_CONFLICT_MESSAGE
from simulator.engine.control import ConnectionRecord
from tests.azure.rest import published as spec
from tests.azure.rest.plain import AT_ONCE, PlainLab, states
from tests.lab_support import eventually

Lab = dict[str, Any]
BY_HAND = AT_ONCE.model_copy(update={"peering_review": None, "mesh": False, "peering_service_agreement": True})
TIMES = {"soak": 0.05, "deadline": 10}
ANY = {"rules": {"bogon-asn": False, "bogon-prefix": False, "first-as": False}}


def lab(**more: Any) -> Lab:
    microsoft = {"asn": 8075, "announce": [{"prefixes": ["192.168.1.0/24"], "communities": ["8069:51026"]}]}
    return {
        "name": "peeringLocation0",
        "link": "loopback",
        "microsoft": microsoft,
        "times": TIMES,
        "policy": ANY,
        **more,
    }


def peer(number: int, **more: Any) -> Lab:
    routes = [{"prefixes": ["203.0.113.0/24", "2001:db8::/32"]}]
    return {"name": f"contoso{number}", "asn": 65000, "router": "simulated", "announce": routes, **more}


def exchange(ipv4: str, ipv6: str | None = None) -> Lab:
    lan = {"ipv4": ipv4, **({"ipv6": ipv6} if ipv6 else {})}
    return {"name": "name1", "metro": "peeringLocation0", "lan": lan}


def exchange_lab(legacy: bool = False) -> Lab:
    edges = [{"name": f"e{n}", "ipv4": f"192.168.3.{n}", "ipv6": f"fd00::1:{n}"} for n in (1, 2)]
    peers = [peer(n, ipv4=f"192.168.2.{n}", ipv6=f"fd00::{n}") for n in (1, 2)]
    limits = {"max-prefixes": {"ipv4": 1000, "ipv6": 100}, "md5": "test-md5-auth-key"}
    peerings = [
        {
            "name": "peeringName" if n == 1 else "other",
            "kind": "Exchange",
            "peer": f"contoso{n}",
            "connections": [{"edge": f"e{n}"}] if legacy else [{"edge": "e1"}],
            "legacy": legacy and n == 1,
            **limits,
        }
        for n in (1, 2)
    ]
    return lab(exchange=exchange("192.168.0.0/17", "fd00::/98"), edges=edges, peers=peers, peerings=peerings)


def direct_lab() -> Lab:
    links = [
        {"edge": "e1", "ipv4": "192.168.0.0/31", "ipv6": "fd00::/127"},
        {
            "edge": "e2",
            "ipv4": "192.168.1.0/31",
            "ipv6": "fd00::2/127",
            "session-address-provider": "Microsoft",
        },
    ]
    peering = {"name": "direct", "kind": "Direct", "peer": "contoso1", "connections": links}
    return lab(edges=[{"name": "e1"}, {"name": "e2"}], peers=[peer(1)], peerings=[peering])


def route_server_lab() -> Lab:
    routes = ["route 1.1.1.0/24 next-hop self as-path [ 123 456 ]", {"prefixes": ["192.168.1.0/24"]}]
    rs = peer(1, ipv4="192.168.0.234", announce=routes)
    peering = {"name": "rs", "kind": "IxRs", "peer": "contoso1", "families": ["IPv4"]}
    edges = [{"name": "e1", "ipv4": "192.168.0.123"}]
    return lab(exchange=exchange("192.168.0.0/24"), edges=edges, peers=[rs], peerings=[peering])


# --- one example ---

Prepare = Callable[[PlainLab], Awaitable[None]]


async def nothing(_lab: PlainLab) -> None:
    """The lab is ready as it is."""


@dataclass(frozen=True)
class Call:
    """One request of an example and the answer that is published."""

    name: str
    """The example's file, without its ending."""
    verb: str
    path: str
    status: int
    body: Any = None
    """What is published; None for no body."""
    asked: Any = None
    query: dict[str, str] = field(default_factory=dict)
    before: Prepare = nothing

    async def send(self, lab: PlainLab) -> httpx.Response:
        await self.before(lab)
        query = {"api-version": "2025-05-01", **self.query}
        return await lab.client.request(self.verb, self.path, json=self.asked, params=query)


# --- what happens in between ---


async def approved_asn(lab: PlainLab) -> None:
    path = f"{spec.SUB}/peerAsns/myAsn1"
    assert (await lab.put(path, spec.PEER_ASN_ASKED)).status_code in (200, 201)
    await eventually(lambda: lab.get(path), lambda asn: asn["properties"]["validationState"] == "Approved")


def _records(lab: PlainLab) -> list[ConnectionRecord]:
    (record,) = lab.provider.peerings.records.values()
    return [live.record for live in record.connections]


async def conflict_and_active(lab: PlainLab) -> None:
    """The first connection finds its address taken, the others become Active."""
    first, *others = _records(lab)
    lab.provider.control.find_conflict(first, ADDRESS_CONFLICT_MESSAGE)
    await _active(lab, others)


async def all_active(lab: PlainLab) -> None:
    await _active(lab, _records(lab))


async def _active(lab: PlainLab, records: list[ConnectionRecord]) -> None:
    for record in records:
        if record.state is ConnectionState.PENDING_APPROVAL:
            lab.provider.workflow.approve(record)
    left = {"Active", *(["ProvisioningFailed"] if len(records) < len(_records(lab)) else [])}
    await eventually(lambda: lab.get(spec.PEERING), lambda shown: set(states(shown)) == left, 30)


async def made_again(lab: PlainLab) -> None:
    """The peering is deleted, asked for again, and becomes Active."""
    await lab.call("DELETE", spec.PEERING)
    for _ in range(400):
        if not lab.provider.peerings.records:
            break
        await lab.provider.log.next_event(0.02)
    assert (await lab.put(spec.PEERING, spec.EXCHANGE_ASKED)).status_code == 201
    await all_active(lab)


async def judged(lab: PlainLab) -> None:
    path = f"{spec.PEERING}/registeredPrefixes/registeredPrefixName"
    await eventually(lambda: lab.get(path), lambda shown: shown["properties"]["prefixValidationState"] != "Pending")


async def numbered_asns(lab: PlainLab) -> None:
    """The ASNs of the list are registered, by the names that they have there."""
    await lab.call("DELETE", f"{spec.PEERING}/registeredAsns/registeredAsnName")
    for number in range(3):
        path = f"{spec.PEERING}/registeredAsns/registeredAsnName{number}"
        assert (await lab.put(path, {"properties": {"asn": 65000 + number}})).status_code == 201


async def named_asn(lab: PlainLab) -> None:
    """The ASN of the first example is there again, by its name."""
    await lab.call("DELETE", f"{spec.PEERING}/registeredAsns/registeredAsnName0")
    path = f"{spec.PEERING}/registeredAsns/registeredAsnName"
    assert (await lab.put(path, {"properties": {"asn": 65000}})).status_code == 201


async def numbered_prefixes(lab: PlainLab) -> None:
    """The prefixes of the list are registered, by the names that they have there; the third is not validated yet."""
    await lab.call("DELETE", f"{spec.PEERING}/registeredPrefixes/registeredPrefixName")
    for number in range(3):
        if number == 2:
            lab.provider.set(lab.provider.settings.model_copy(update={"prefix_validation": None}))
        path = f"{spec.PEERING}/registeredPrefixes/registeredPrefixName{number}"
        assert (await lab.put(path, {"properties": {"prefix": f"10.22.2{number}.0/24"}})).status_code == 201
        if number < 2:
            await eventually(partial(lab.get, path), _is_judged)


async def named_prefix(lab: PlainLab) -> None:
    """The prefix of the first example is there again, by its name."""
    await lab.call("DELETE", f"{spec.PEERING}/registeredPrefixes/registeredPrefixName0")
    path = f"{spec.PEERING}/registeredPrefixes/registeredPrefixName"
    assert (await lab.put(path, {"properties": {"prefix": "10.22.20.0/24"}})).status_code == 201


def _is_judged(shown: Any) -> bool:
    return bool(shown["properties"]["prefixValidationState"] != "Pending")


async def monitored(lab: PlainLab) -> None:
    """The service has a workspace."""
    workspace = {"workspaceID": spec.ZERO, "key": "key"}
    properties = {**spec.SERVICE_ASKED["properties"], "logAnalyticsWorkspaceProperties": workspace}
    assert (await lab.put(spec.SERVICE, {**spec.SERVICE_ASKED, "properties": properties})).status_code == 200


async def numbered_service_prefixes(lab: PlainLab) -> None:
    """The prefixes of the list, by the names that they have there."""
    for number in (1, 2):
        path = f"{spec.SERVICE}/prefixes/peeringServicePrefixName{number}"
        asked = {"prefix": f"192.168.{number}.0/24", "peeringServicePrefixKey": spec.ZERO}
        if number == 1:
            await lab.call("DELETE", f"{spec.SERVICE}/prefixes/peeringServicePrefixName")
        assert (await lab.put(path, {"properties": asked})).status_code == 201
        await eventually(partial(lab.get, path), _is_judged)


async def named_service_prefix(lab: PlainLab) -> None:
    """The prefix of the first example is there again, by its name."""
    for number in (1, 2):
        await lab.call("DELETE", f"{spec.SERVICE}/prefixes/peeringServicePrefixName{number}")
    path = f"{spec.SERVICE}/prefixes/peeringServicePrefixName"
    assert (await lab.put(path, spec.SERVICE_PREFIX_ASKED)).status_code == 201


async def numbered_tests(lab: PlainLab) -> None:
    """The tests of the list, by the names that they have there."""
    await lab.call("DELETE", f"{spec.SERVICE}/connectionMonitorTests/connectionMonitorTestName")
    for number, destination in ((1, "Example Destination"), (2, "Example Destination 2")):
        path = f"{spec.SERVICE}/connectionMonitorTests/connectionMonitorTestName{number}"
        assert (await lab.put(path, {"properties": spec.monitor_asked(destination)})).status_code == 201


async def named_test(lab: PlainLab) -> None:
    """The test of the first example is there again, by its name."""
    path = f"{spec.SERVICE}/connectionMonitorTests/connectionMonitorTestName"
    assert (await lab.put(path, {"properties": spec.monitor_asked()})).status_code == 201


async def example_asn_approved(lab: PlainLab) -> None:
    path = f"{spec.SUB}/peerAsns/peerAsnName"
    await eventually(lambda: lab.get(path), lambda asn: asn["properties"]["validationState"] == "Approved")


async def service_judged(lab: PlainLab) -> None:
    path = f"{spec.SERVICE}/prefixes/peeringServicePrefixName"
    await eventually(lambda: lab.get(path), lambda shown: shown["properties"]["prefixValidationState"] != "Pending")


async def legacy_up(lab: PlainLab) -> None:
    """Every session of the topology's legacy peering is Established."""
    network = lab.provider.network
    plans = [plan for record in lab.provider.control.records.values() for plan in record.plans]

    async def look() -> set[str]:
        return {network.edges.bgp_state(plan).value for plan in plans if network.edges.is_provisioned(plan)}

    await eventually(look, lambda found: found == {"Established"})
