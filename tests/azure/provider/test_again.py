"""A connection becomes Active again and again on real links: what is judged is of its own sessions and its own time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from simulator.azure.model.peering import PeeringRequest
from simulator.azure.provider.provider import Provider
from simulator.azure.provider.settings import Settings
from simulator.connection.states import ConnectionEvent, ConnectionState
from simulator.places.link import LinkKind
from simulator.views.check import Status
from tests.azure.provider import support
from tests.lab_support import neighbor_of, require_netns, require_program
from tests.topologies import build, document

SETTINGS = Settings(peer_asn_review=None, removal=0)


def exchange(routers: list[str], soak: float) -> dict[str, Any]:
    """One edge, and a peer for each of these routers, each with an ASN and a route of its own."""
    found = document()
    found |= {"link": "netns", "edges": found["edges"][:1], "peerings": []}
    found["times"] = {"soak": soak, "deadline": 30, "connect-retry": 1}
    found["peers"] = [
        {
            "name": f"peer{number}",
            "asn": 64495 + number,
            "router": router,
            "ipv4": f"206.126.239.{number}",
            "announce": [{"prefixes": [f"41.{number}.0.0/16"]}],
        }
        for number, router in enumerate(routers, 1)
    ]
    for peer in found["peers"]:  # what their routers are configured with
        found["peerings"].append({"name": f"of-{peer['name']}", "peer": peer["name"], "families": ["IPv4"]})
    return found


def asn_id(number: int) -> str:
    return f"{support.SUBSCRIPTION}/providers/Microsoft.Peering/peerAsns/peer{number}"


def peering_id(number: int) -> str:
    return support.PEERING_ID.replace("contoso", f"peer{number}")


def wanted(number: int) -> PeeringRequest:
    one = support.connection(f"peer{number}", ipv4=f"206.126.239.{number}", ipv6=None)
    return support.request(one, asn=64495 + number, peer_asn=asn_id(number))


def ask(running: Provider, number: int) -> None:
    request = wanted(number)
    running.put_peering(support.peering(request, peering_id(number)))


def revalidate(running: Provider) -> None:
    for record in support.records(running):
        running.control.operate(record, ConnectionEvent.REVALIDATION_REQUIRED)
        running.workflow.follow(record)


def statuses(running: Provider, *checks: str) -> set[Status]:
    """Of these checks of all connections."""
    found = (result for record in support.records(running) for result in record.results)
    return {result.status for result in found if result.id in checks}


async def all_active(running: Provider, count: int) -> None:
    """Wait until every connection is Active or has failed; all have to be Active."""

    def ended() -> bool:
        found = support.records(running)
        return len(found) == count and all(
            each.state is ConnectionState.PROVISIONING_FAILED or len(each.validated) == len(each.plans)
            for each in found
        )

    await support.until(running, ended, 60)
    failed = {each.id: each.connection.error_message for each in support.records(running) if not each.validated}
    assert failed == {}


@pytest.mark.privileged
@pytest.mark.parametrize(
    "routers", [["simulated"] * 3, ["bird", "simulated", "gobgp"]], ids=["simulated", "of-different-speed"]
)
async def test_active_again_and_again(tmp_path: Path, routers: list[str]) -> None:
    require_netns()
    for router in {*routers} & {"bird", "gobgp"}:
        require_program({"gobgp": "gobgpd"}.get(router, router))
    soak, count = 0.3, len(routers)
    lab = build(exchange(routers, soak))
    async with support.provider(f"sqlite:///{tmp_path}/store.db", SETTINGS, lab, LinkKind.NETNS) as running:
        for number in range(1, count + 1):
            running.asns.approve(support.put_asn(running, 64495 + number, f"peer{number}", asn_id(number)))
            ask(running, number)
        await all_active(running, count)
        for _ in range(2):
            began = running.clock.now()
            revalidate(running)
            assert support.open_gates(running) == set()
            await all_active(running, count)
            for record in support.records(running):
                assert record.connection.history[-1].time - began >= soak, "the soak counts from the deny"
            assert statuses(running, "D1", "D3") == {Status.SUCCESS}
        for number in range(1, count + 1):
            running.delete_peering(peering_id(number).lower())
        await support.until(running, lambda: not running.control.records)
        for number in range(1, count + 1):
            ask(running, number)
        await all_active(running, count)
        assert support.leaks(running) == 0


@pytest.mark.privileged
async def test_active_again_after_a_withdrawal_that_no_socket_holds(tmp_path: Path) -> None:
    """The validation begins while the kernel has a message of it in part."""
    require_netns()
    found = exchange(["simulated"], 0.3)
    found["microsoft"]["announce"] = [{"generate": {"within": "32.0.0.0/4", "length": 24, "count": 400_000}}]
    lab = build(found)
    async with support.provider(f"sqlite:///{tmp_path}/store.db", SETTINGS, lab, LinkKind.NETNS) as running:
        running.asns.approve(support.put_asn(running, 64496, "peer1", asn_id(1)))
        ask(running, 1)
        await all_active(running, 1)
        (record,) = support.records(running)
        (tcp,) = neighbor_of(running.network, record.plans[0]).talking
        await support.until(
            running, lambda: tcp.outlet is not None and not tcp.stream.is_blocked and not tcp.outlet.held, 30
        )
        revalidate(running)
        assert tcp.stream.is_blocked, "withdrawals: the session stays"
        await all_active(running, 1)
        assert tcp in neighbor_of(running.network, record.plans[0]).talking
        assert statuses(running, "D1", "D3") == {Status.SUCCESS}
        assert support.leaks(running) == 0
