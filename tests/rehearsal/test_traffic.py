"""Rehearsals in namespaces: packets pass exactly while a connection is Active, over every router."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pyroute2 import IPRoute

from simulator.engine.kernel_routes import KernelRoutes
from simulator.lab.netns import netns_place
from simulator.places.link import LinkKind
from simulator.rehearsal.rehearsal import Rehearsal
from simulator.rehearsal.script import Audience
from simulator.report.model import Report
from simulator.views.check import CheckView, Status
from tests.lab_support import require_netns, require_program
from tests.topologies import build, document

FAMILIES = ("IPv4", "IPv6")


def one_link(router: str = "simulated") -> dict[str, Any]:
    found = document("direct")
    del found["edges"][1], found["peerings"][0]["connections"][1]
    found["peers"][0]["router"] = router
    found["microsoft"] = {"announce": [{"prefixes": ["20.33.0.0/16", "2603:1000::/24"]}]}
    found["times"] = {"soak": 0.5, "deadline": 20, "active": 0.2}
    return found


async def play(found: dict[str, Any], kind: LinkKind = LinkKind.NETNS, rehearsal: Rehearsal | None = None) -> Report:
    played = rehearsal or Rehearsal(build(found), kind)
    async with asyncio.timeout(90):
        return await played.run()


def a2(report: Report, connection: int = 0) -> CheckView:
    return next(check for check in report.connections[connection].checks if check.id == "A2")


@pytest.mark.privileged
@pytest.mark.parametrize(
    ("router", "program"), [("simulated", ""), ("bird", "bird"), ("frr", "zebra"), ("gobgp", "gobgpd")]
)
async def test_packets_pass_while_the_connection_is_active(router: str, program: str) -> None:
    require_netns()
    if program in ("bird", "gobgpd"):
        require_program(program)
    report = await play(one_link(router))
    found = a2(report)
    assert (report.outcome, found.status) == ("passed", Status.SUCCESS), (report.errors, found)
    text = "\n".join(found.evidence)
    for words in ("before the lift none of 2", "after the lift datagrams pass", "after the deny none of 2"):
        assert text.count(words) == len(FAMILIES)
    assert ("programs no kernel" in text) is (router in ("simulated", "gobgp")), "what turnup did itself is said"
    d2 = next(check for check in report.connections[0].checks if check.id == "D2")
    assert all("the kernel's FIB none" in line for line in d2.evidence)


@pytest.mark.privileged
async def test_a_router_with_an_address_of_what_it_announces_is_not_taken_for_a_packet_filter() -> None:
    """As real ones have on their loopback; the host behind it is another one."""
    require_netns()

    def give() -> None:
        with IPRoute() as ip:
            (loopback,) = ip.link_lookup(ifname="lo")
            for each in ("192.0.2.1/32", "192.0.2.2/32", "2001:db8::1/128"):
                ip.addr("add", index=loopback, address=each.partition("/")[0], prefixlen=int(each.partition("/")[2]))

    async def before(step: str, what: str) -> None:
        if step == "request":
            netns_place(played.network.site.place("contoso"), "this test").run(give)

    played = Rehearsal(build(one_link()), LinkKind.NETNS, audience=Audience(pause=before))
    report = await play({}, rehearsal=played)
    assert (report.outcome, a2(report).status) == ("passed", Status.SUCCESS), a2(report)


@pytest.mark.privileged
async def test_behind_a_route_server_the_next_hop_is_the_member() -> None:
    require_netns()
    found = document("route-server")
    found["times"] = {"soak": 0.5, "deadline": 20, "active": 0.2}
    report = await play(found)
    assert report.outcome == "passed", report.errors
    for number in range(2):
        check = a2(report, number)
        assert check.status is Status.SUCCESS, check
        assert sum("programs no kernel" in line for line in check.evidence) == 4 * 2 * len(FAMILIES), (
            "each member's router"
        )


async def test_where_there_are_no_hosts_it_is_skipped_and_says_why() -> None:
    found = a2(await play(one_link(), LinkKind.LOOPBACK))
    assert found.status is Status.SKIPPED and "loopback" in found.evidence[0]


@pytest.mark.privileged
async def test_a_topology_may_want_none() -> None:
    require_netns()
    found = a2(await play(one_link() | {"traffic": False}))
    assert found.status is Status.SKIPPED and found.evidence[0].endswith("the topology says traffic: false")


@pytest.mark.privileged
async def test_a_next_hop_that_nobody_has_fails_it_with_its_cause() -> None:
    require_netns()
    found = document("exchange")
    del found["edges"][1]
    found["peers"][0]["announce"] = ["route 192.0.2.0/24 next-hop 206.126.239.99", {"prefixes": ["2001:db8::/32"]}]
    found["microsoft"] = {"announce": [{"prefixes": ["20.33.0.0/16", "2603:1000::/24"]}]}
    found["policy"]["rules"]["next-hop"] = False
    found["peerings"][0]["expect"] = {"failing-checks": ["A2"]}
    found["times"] = {"soak": 0.5, "deadline": 20, "active": 0.2}
    check = a2(await play(found))
    assert check.status is Status.FAILURE
    assert [(cause.id, cause.sessions) for cause in check.causes] == [
        ("next-hop-silent", ("contoso-ashburn/ash-edge-1/ipv4",))
    ]


@pytest.mark.privileged
async def test_a_default_route_to_microsoft_is_found_before_the_lift() -> None:
    require_netns()

    async def point(step: str, what: str) -> None:
        if step != "lift":
            return

        def add() -> None:
            with IPRoute() as ip:
                ip.route("add", dst="default", gateway="198.51.100.1")

        netns_place(played.network.site.place("contoso"), "this test").run(add)

    played = Rehearsal(build(one_link()), LinkKind.NETNS, audience=Audience(pause=point))
    check = a2(await play({}, rehearsal=played))
    assert check.status is Status.FAILURE
    assert [cause.id for cause in check.causes] == ["static-route"]


@pytest.mark.privileged
async def test_routes_that_never_reach_the_kernel_are_microsofts_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    require_netns()
    monkeypatch.setattr(KernelRoutes, "_wanted", lambda self, plan: {})
    check = a2(await play(one_link()))
    assert check.status is Status.FAILURE
    assert [cause.id for cause in check.causes] == ["edge-without-route"]


@pytest.mark.privileged
async def test_routes_that_stay_in_the_kernel_are_found_after_the_deny(monkeypatch: pytest.MonkeyPatch) -> None:
    require_netns()
    whole = KernelRoutes._wanted

    def keeps(self: KernelRoutes, plan: Any) -> Any:
        return whole(self, plan) or self._programmed.get(plan.id, {})

    monkeypatch.setattr(KernelRoutes, "_wanted", keeps)
    report = await play(one_link())
    assert a2(report).status is Status.FAILURE and report.outcome == "failed"
    assert any("after the deny a datagram from 20.33.0.1" in line for line in a2(report).evidence)
