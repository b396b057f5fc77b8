"""Direct peerings: their life cycle, their links, their checks; alone and beside an exchange."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from typing import Any

import pytest

from simulator.connection.states import ConnectionState, Flow
from simulator.engine.log import ConnectionMoved, Remark
from simulator.places.link import LinkKind
from simulator.rehearsal.rehearsal import Rehearsal
from simulator.report.model import Report
from simulator.topology.plan import plans
from simulator.views.check import Blocks, CheckView, Status
from tests.lab_support import require_netns, require_program
from tests.topologies import build, document, mixed, shipped

LIFE = (
    "PendingApproval",
    "ProvisioningStarted",
    "ProvisioningCompleted",
    "Validating",
    "Active",
    "PendingRemove",
    "None",
)


async def run(found: dict[str, Any], kind: LinkKind = LinkKind.LOOPBACK) -> tuple[Rehearsal, Report]:
    played = Rehearsal(build(found), kind)
    async with asyncio.timeout(90):
        return played, await played.run()


def checks(report: Report, connection: int = 0) -> dict[str, CheckView]:
    return {check.id: check for check in report.connections[connection].checks}


def one_link() -> dict[str, Any]:
    """The shipped Direct topology without its second edge."""
    found = document("direct")
    del found["edges"][1], found["peerings"][0]["connections"][1]
    return found


def test_each_session_is_planned_in_full() -> None:
    first, second = (plan for plan in plans(shipped("direct")) if plan.family.label == "IPv4")
    assert (first.peer_address, first.edge_address) == (ip_address("198.51.100.0"), ip_address("198.51.100.1"))
    assert (second.peer_address, second.edge_address) == (ip_address("198.51.100.5"), ip_address("198.51.100.6"))
    assert {plan.profile for plan in plans(shipped("direct"))} == {"direct"}
    assert first.lan == ()


def test_profiles_follow_the_kind_unless_the_topology_names_one() -> None:
    found = mixed()
    del found["policy"]["profile"]
    found["policy"]["rules"]["exchange-lan"] = False
    exchange, direct = plans(build(found))[0], plans(build(found))[-1]
    assert (exchange.profile, direct.profile) == ("exchange", "direct")
    assert "exchange-lan" in exchange.rules
    assert "exchange-lan" not in direct.rules, "a rule that the profile does not have"
    found["policy"]["profile"] = "ixrs"
    assert {plan.profile for plan in plans(build(found))} == {"ixrs"}
    found["peerings"][1]["profile"] = "peering-service"
    assert plans(build(found))[-1].profile == "peering-service"


async def test_the_documented_life_cycle_of_a_direct_peering() -> None:
    played, report = await run(document("direct"))
    assert report.outcome == "passed", report.errors
    assert [tuple(map(str, connection.reached)) for connection in report.connections] == [LIFE, LIFE]
    for connection in report.connections:
        assert (connection.kind.value, connection.profile) == ("Direct", "direct")
        assert [(s.received, s.accepted, s.sent) for s in connection.sessions] == [(2, 2, 5), (2, 2, 3)]
        assert {check.id for check in connection.checks if check.status is not Status.SUCCESS} == {"L1", "A2"}, (
            "no LAN on loopback"
        )
    assert report.gate.nlri_sent_while_denied == report.gate.routes_taken_while_denied == 0
    steps = [e.transition for e in played.log.entries if isinstance(e, ConnectionMoved)]
    notified = [step for step in steps if step.source is step.target is ConnectionState.PROVISIONING_STARTED]
    assert len(notified) == 2
    assert all("finished its cabling" in step.reason for step in notified)


async def test_the_loa_the_addresses_and_the_cabling_are_told_in_their_order() -> None:
    played, _ = await run(document("direct"))
    mine = [
        event.text if isinstance(event, Remark) else event.transition.target.value
        for event in played.log.entries
        if isinstance(event, Remark | ConnectionMoved) and event.connection == "contoso-seattle/sea-edge-2"
    ]
    story = (
        *("PendingApproval", "ProvisioningStarted", "sends contoso the LOA", "Microsoft provides the addresses"),
        *("finishes the cabling", "addresses its end", "ProvisioningCompleted"),
    )
    found = [next(index for index, text in enumerate(mine) if words in text) for words in story]
    assert found == sorted(found)
    other = " ".join(e.text for e in played.log.entries if isinstance(e, Remark) and e.connection.endswith("edge-1"))
    assert "Microsoft provides" not in other, "the peer provides these"


async def test_one_edge_only_is_a_warning_that_stops_nothing() -> None:
    _, report = await run(one_link())
    assert report.outcome == "passed", report.errors
    check = checks(report)["C1"]
    assert (check.status, check.blocks, check.causes[0].id) == (Status.FAILURE, Blocks.WARN, "one-edge")
    assert "sea-edge-1" in check.evidence[0]
    _, report = await run(document("direct"))
    assert [checks(report, index)["C1"].status for index in (0, 1)] == [Status.SUCCESS] * 2


async def test_two_links_to_one_edge_are_no_redundancy() -> None:
    found = one_link()
    found["peerings"][0]["connections"].append({"edge": "sea-edge-1", "id": "second", "ipv4": "198.51.100.4/30"})
    _, report = await run(found)
    assert report.outcome == "passed", report.errors
    assert [connection.id for connection in report.connections] == ["contoso-seattle/sea-edge-1", "second"]
    assert [checks(report, index)["C1"].status for index in (0, 1)] == [Status.FAILURE] * 2


async def test_latency_that_is_not_there_is_a_warning_and_never_silent() -> None:
    found = one_link()
    found["peerings"][0]["connections"][0] |= {"latency": 5, "loss": 1}
    played, report = await run(found)
    assert report.outcome == "passed", report.errors
    check = checks(report)["L4"]
    assert (check.status, check.blocks, check.causes[0].id) == (Status.FAILURE, Blocks.WARN, "no-netem")
    assert check.evidence == ("the topology asks for latency 5 ms, loss 1 %",)
    assert any("use link: netns" in note for note in report.notes)
    assert any("use link: netns" in e.text for e in played.log.entries if isinstance(e, Remark))


async def test_an_exchange_and_a_direct_peering_side_by_side() -> None:
    found = mixed()
    del found["policy"]["profile"]
    played, report = await run(found)
    assert report.outcome == "passed", report.errors
    kinds = {
        connection.id: (connection.kind.value, connection.profile, connection.reached[1].value)
        for connection in report.connections
    }
    assert kinds == {
        "contoso-ashburn/ash-edge-1": ("Exchange", "exchange", "Approved"),
        "contoso-ashburn/ash-edge-2": ("Exchange", "exchange", "Approved"),
        "private/ash-edge-3": ("Direct", "direct", "ProvisioningStarted"),
    }
    assert checks(report, 0)["C1"].status is Status.SUCCESS
    assert checks(report, 2)["C1"].status is Status.FAILURE
    assert [record.flow for record in played.control.records.values()] == [Flow.EXCHANGE, Flow.EXCHANGE, Flow.DIRECT]


async def test_a_peer_asn_that_is_not_approved_gets_no_loa() -> None:
    found = document("direct")
    found["peers"][0]["asn-state"] = "Pending"
    played, report = await run(found)
    assert report.outcome == "failed"
    assert not any("LOA" in event.text for event in played.log.entries if isinstance(event, Remark))


# --- real links ---


@pytest.mark.privileged
@pytest.mark.router
async def test_a_real_frr_on_two_links() -> None:
    require_netns()
    require_program("/usr/lib/frr/bgpd")
    found = document("direct-frr")
    found["times"]["soak"] = 1
    played, report = await run(found, LinkKind.NETNS)
    assert report.outcome == "passed", report.errors
    assert [tuple(map(str, connection.reached)) for connection in report.connections] == [LIFE, LIFE]
    for index in (0, 1):
        found_checks = checks(report, index)
        assert {check.status for check in found_checks.values()} == {Status.SUCCESS}
        assert found_checks["D1"].evidence[1].partition(": ")[2].startswith("gap-free capture")
        assert "1500 octets with DF was answered" in found_checks["L2"].evidence[0]
    assert sorted(played.network.captures.running) == [("sea-edge-1", "pni1"), ("sea-edge-2", "pni2")]


@pytest.mark.privileged
async def test_real_links_beside_a_real_lan() -> None:
    require_netns()
    found = mixed()
    found["link"] = "netns"
    found["edges"][2] |= {"ipv4": "206.126.236.20", "ipv6": "2001:504:0:2::8075:3"}
    played, report = await run(found, LinkKind.NETNS)
    assert report.outcome == "passed", report.errors
    assert len(report.connections) == 4, "the third edge is on the LAN now too"
    assert {interface for edge, interface in played.network.captures.running if edge == "ash-edge-3"} == {"lan", "pni1"}
    assert all(checks(report, index)["D1"].evidence[1].partition(": ")[2].startswith("gap-free") for index in range(4))


@pytest.mark.privileged
async def test_the_wrong_half_of_a_prefix_is_named_as_the_first_cause() -> None:
    require_netns()
    found = document("direct")
    found["link"] = "netns"
    found["times"]["deadline"] = 3
    found["peerings"][0]["peer-side"] = {"halves": "faq"}
    _, report = await run(found, LinkKind.NETNS)
    sound, wrong = report.connections
    assert ConnectionState.ACTIVE in sound.reached, "a /31 and a /127 have only one way"
    assert wrong.connection_state is ConnectionState.PROVISIONING_FAILED
    check = checks(report, 1)["L1"]
    assert check.evidence[0] == "IPv4 198.51.100.5: no MAC answered, and 198.51.100.4 answers"
    assert [cause.id for cause in check.causes] == ["wrong-half"] * 2, "each family has its own"
    assert "configure 198.51.100.5 on the router and 198.51.100.6 as its neighbor" in check.remedy
    assert [check.id for check in wrong.checks if check.status is Status.FAILURE] == ["L1"]


@pytest.mark.privileged
async def test_a_smaller_mtu_at_the_peer_is_a_warning() -> None:
    require_netns()
    found = document()
    found["link"] = "netns"
    found["peers"][0]["mtu"] = 1400
    _, report = await run(found, LinkKind.NETNS)
    assert report.outcome == "passed", report.errors
    check = checks(report)["L2"]
    assert (check.status, check.blocks, check.causes[0].id) == (Status.FAILURE, Blocks.WARN, "mtu")
    assert "to 1500 octets" in check.remedy
