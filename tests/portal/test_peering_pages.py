"""The overview and the pages of one peering, over HTTP, on a running lab."""

from __future__ import annotations

import json
import re
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from simulator.azure.provider.settings import Settings
from simulator.connection.states import ConnectionState, Flow
from simulator.portal.arm import ask, resource_path
from simulator.portal.life_cycle import life_cycle
from simulator.portal.report_page import FILES
from simulator.routers.configs.registry import FORMATS
from simulator.session.states import BgpState
from simulator.views.states import group_of
from simulator.views.times import duration, timestamp
from tests.azure.provider import support as provider_support
from tests.portal.support import (
    BOTH_FAMILIES,
    PAGE,
    exchange_document,
    put_asn,
    put_peering,
    send,
    text_of,
    until,
    until_all,
)
from tests.serving.support import Served, served

BY_HAND = Settings(peering_review=None, notification=None, removal=None)


async def test_both_states_stand_in_their_own_columns_with_the_palette(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        await put_asn(lab.provider)
        await put_peering(lab.provider)
        await until_all(lab.provider, ConnectionState.ACTIVE)
        for path in ("/", PAGE):
            page = (await lab.client.get(path)).text
            active, established = group_of(ConnectionState.ACTIVE).css, group_of(BgpState.ESTABLISHED).css
            connection = page.split('data-label="Connection state" class="axis-c"')[1].split("</td>")[0]
            bgp = page.split('data-label="BGP session state" class="axis-b"')[1].split("</td>")[0]
            assert f'class="state {active}"' in connection and "Established" not in connection
            assert f'class="state {established}"' in bgp and f'"state {active}"' not in bgp


async def test_an_empty_overview_says_what_to_do(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        assert "No peering was requested yet." in text_of((await lab.client.get("/")).text)


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", ["alpha", "beta"]),
        ("sort=-name", ["beta", "alpha"]),
        ("sort=nonsense", ["alpha", "beta"]),
        ("find=ALP", ["alpha"]),
        ("state=Approved", ["alpha"]),
        ("state=PendingApproval", ["beta"]),
        ("bgp=not+configured", ["alpha", "beta"]),
        ("bgp=Established", []),
        ("metro=Ashburn&asn=AS64496", ["alpha", "beta"]),
        ("asn=1", []),
        ("page=99", ["alpha", "beta"]),
        ("page=-1", ["alpha", "beta"]),
    ],
)
async def test_the_overview_filters_and_sorts(tmp_path: Path, query: str, shown: list[str]) -> None:
    async with served(tmp_path, settings=BY_HAND) as lab:
        await put_asn(lab.provider)
        await put_peering(lab.provider, "alpha", {"peerSessionIPv4Address": provider_support.IPV4})
        await put_peering(lab.provider, "beta", {"peerSessionIPv4Address": "206.126.239.201"})
        for record in list(lab.provider.control.records.values()):
            if record.peering == "alpha":
                await lab.provider.operate(record, "approve")
        page = (await lab.client.get(f"/?{query}")).text
        places = sorted((page.find(f'href="/peerings/lab/rg/{name}"'), name) for name in ("alpha", "beta"))
        assert [name for at, name in places if at >= 0] == shown


async def test_a_peering_tells_who_has_to_act_and_takes_the_peers_notice(tmp_path: Path) -> None:
    async with served(tmp_path, settings=BY_HAND) as lab:
        await put_asn(lab.provider)
        await put_peering(lab.provider)
        assert "Who has to act: Microsoft" in text_of((await lab.client.get(PAGE)).text)
        assert "Notify Microsoft" not in (await lab.client.get(PAGE)).text
        assert (await send(lab, f"{PAGE}/notify")).status_code == 409
        for record in list(lab.provider.control.records.values()):
            await lab.provider.operate(record, "approve")
        assert "Who has to act: you, the peer" in text_of((await lab.client.get(PAGE)).text)
        answer = await send(lab, f"{PAGE}/notify", connection="contoso-ashburn/ash-edge-1")
        assert answer.status_code == 303
        assert "Microsoft is notified" in (await lab.client.get(answer.headers["location"])).text
        states = {record.id: record.state for record in lab.provider.control.records.values()}
        assert states["contoso-ashburn/ash-edge-2"] is ConnectionState.APPROVED
        assert (await send(lab, f"{PAGE}/notify")).status_code == 303
        await until_all(lab.provider, ConnectionState.ACTIVE)
        shown = text_of((await lab.client.get(PAGE)).text)
        assert "✓ Provisioning" in shown and "Connection Active" in shown
        assert (await send(lab, f"{PAGE}/notify", connection="contoso-ashburn/nobody")).status_code == 404


async def test_what_failed_stands_first_with_its_remedy(tmp_path: Path) -> None:
    lab_topology = provider_support.topology(times={"deadline": 1, "soak": 0})
    lab_topology.peers[0].announce.clear()
    async with served(tmp_path, topology=lab_topology) as lab:
        await put_asn(lab.provider)
        await put_peering(lab.provider, "contoso-ashburn", {"peerSessionIPv4Address": "206.126.239.222"})
        await until_all(lab.provider, ConnectionState.PROVISIONING_FAILED)
        page = (await lab.client.get(PAGE)).text
        assert page.index('id="diagnosis"') < page.index('id="checks"')
        diagnosis = page.split('id="diagnosis"')[1].split("</section>")[0]
        assert "Do this" in diagnosis and "explains" in diagnosis
        assert "errorMessage" in page.split('id="now"')[1].split("</section>")[0]


async def test_the_routes_of_a_session(tmp_path: Path) -> None:
    rules = {"bogon-prefix": {"documentation": False}, "bogon-asn": {"documentation": True}}
    lab_topology = provider_support.topology(policy={"profile": "exchange", "rules": rules})
    async with served(tmp_path, topology=lab_topology) as lab:
        await put_asn(lab.provider)
        await put_peering(lab.provider)
        edges = lab.provider.network.edges
        await until(
            lab.provider,
            lambda: any(edges.is_provisioned(plan) and edges.view(plan).received == 3 for plan in edges.plans),
        )
        session = "contoso-ashburn/ash-edge-1/ipv4"
        await until(lab.provider, lambda: edges.view(next(p for p in edges.plans if p.id == session)).received == 3)

        async def shown(query: str) -> str:
            answer = await lab.client.get(f"{PAGE}/routes?session={session}&{query}")
            assert answer.status_code == 200
            return text_of(answer.text)

        assert "203.0.113.0/24" in await shown("")
        rejected = await shown("show=rejected")
        assert "✕ bogon-asn" in rejected and "Would be rejected 3" in rejected
        assert "No route would be rejected" not in rejected
        assert "The peer announces" not in await shown("show=accepted")
        assert "13.64.0.0/11" not in await shown("show=received")
        assert "AS8075" in await shown("show=sent")
        one = await shown("find=203.0.113.7")
        assert "203.0.113.0/24" in one and "192.0.2.0/24" not in one
        assert "203.0.113.0/24" in await shown("asn=AS64500") and "192.0.2.0/24" not in await shown("asn=64500")
        assert "is no prefix or address" in await shown("find=%3Cscript%3E")
        assert "No route passes the filter" in await shown("rule=no-such-rule")
        assert (await lab.client.get(f"{PAGE}/routes?session=x/y/z")).status_code == 404


@pytest.mark.parametrize("format_", FORMATS)
async def test_the_routers_configuration_is_what_turnup_config_prints(tmp_path: Path, format_: str) -> None:
    async with served(tmp_path, settings=BY_HAND) as lab:
        await put_asn(lab.provider)
        await put_peering(lab.provider)
        answer = await lab.client.get(f"{PAGE}/configuration/file?format={format_}")
        assert answer.headers["content-disposition"].startswith("attachment")
        assert "206.126.236.17" in answer.text and "206.126.236.148" in answer.text
        page = await lab.client.get(f"{PAGE}/configuration?format={format_}")
        assert page.status_code == 200 and "206.126.236.148" in page.text


@pytest.mark.parametrize("path", ["/peerings/lab/rg/nobody", "/peerings/lab/rg/%3Cscript%3E", "/peerings/a/b/c/routes"])
async def test_a_peering_that_is_not_there_is_a_page_too(tmp_path: Path, path: str) -> None:
    async with served(tmp_path) as lab:
        answer = await lab.client.get(path)
        assert answer.status_code == 404 and "There is no peering" in answer.text and "<script>" not in answer.text


async def test_the_timeline_outlives_a_restart(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        await put_asn(lab.provider)
        await put_peering(lab.provider)
        await until_all(lab.provider, ConnectionState.ACTIVE)
        before = (await lab.client.get(PAGE)).text.count('data-label="Reason"')
        assert before > 8
    async with served(tmp_path) as lab:
        page = (await lab.client.get(PAGE)).text
        assert page.count('data-label="Reason"') >= before
        assert "the policy is lifted" in page


def lifted(lab: Served) -> list[bool]:
    plans = [plan for record in lab.provider.control.records.values() for plan in record.plans]
    return [lab.provider.network.edges.is_lifted(plan) for plan in plans]


def gate_words(page: str) -> list[str]:
    """How the timeline's gate stood, one after the other; a row of the drawing goes on where the one before ended."""
    drawn = page[page.index('id="timeline"') :]
    words = re.findall(r"Gate ([a-z ]+) for", drawn[: drawn.index("</section>")])
    return [word for before, word in pairwise(["", *words]) if word != before]


@pytest.mark.parametrize("killed", [False, True])
async def test_the_gate_is_drawn_shut_from_a_restart_to_the_next_validation(tmp_path: Path, killed: bool) -> None:
    first, after = tmp_path / "first", tmp_path / "after"
    first.mkdir()
    async with served(first) as lab:
        await put_asn(lab.provider)
        await put_peering(lab.provider)
        await until_all(lab.provider, ConnectionState.ACTIVE)
        await until(lab.provider, lambda: all(lifted(lab)))
        assert gate_words((await lab.client.get(PAGE)).text) == ["shut", "open"]
        lab.provider.unit.flush()
        if killed:  # what a killed server leaves behind: nobody told of an end
            shutil.copytree(first, after)
    if not killed:
        shutil.copytree(first, after)
    async with served(after, topology=provider_support.topology(times={"soak": 600})) as lab:
        assert not any(lifted(lab))
        assert gate_words((await lab.client.get(PAGE)).text) == ["shut", "open", "shut"]
        assert "still to be validated" in (await lab.client.get(f"{PAGE}/report/report.html")).text
    async with served(after) as lab:
        await until(lab.provider, lambda: all(lifted(lab)))
        assert gate_words((await lab.client.get(PAGE)).text) == ["shut", "open", "shut", "open"]


async def test_the_report_and_the_capture_are_downloaded(tmp_path: Path) -> None:
    async with served(tmp_path) as lab:
        await put_asn(lab.provider)
        await put_peering(lab.provider)
        await until_all(lab.provider, ConnectionState.ACTIVE)
        page = (await lab.client.get(f"{PAGE}/report")).text
        found = {}
        for name in FILES:
            assert f'href="{PAGE}/report/{name}"' in page
            answer = await lab.client.get(f"{PAGE}/report/{name}")
            assert answer.status_code == 200 and answer.headers["content-disposition"].startswith("attachment")
            found[name] = answer.content
        document = json.loads(found["report.json"])
        assert document["outcome"] == "passed" and len(document["connections"]) == 2
        assert b"Connection" in found["report.html"] and b"lifted" in found["events.jsonl"]
        assert found["wire.pcap"].count(b"\xff" * 16) > 8  # BGP's marker
        assert (await lab.client.get(f"{PAGE}/report/passwd")).status_code == 404


async def test_an_age_is_that_of_the_state_not_of_the_last_change(tmp_path: Path) -> None:
    """A connection that is edited stays Active, and has been so since before."""
    async with served(tmp_path) as lab:
        provider = lab.provider
        await put_asn(provider)
        await put_peering(provider)
        await until_all(provider, ConnectionState.ACTIVE)
        record = next(iter(provider.control.records.values()))
        since = record.connection.entered
        wanted = exchange_document({**BOTH_FAMILIES, "maxPrefixesAdvertisedV4": 777})
        identifier = next(iter(provider.peerings.records.values())).connections[0].request.identifier
        wanted["properties"]["exchange"]["connections"][0]["connectionIdentifier"] = identifier
        await ask(provider, "PUT", resource_path("lab", "peerings", "contoso-ashburn", group="rg"), wanted)
        assert record.connection.history[-1].source is record.connection.history[-1].target
        assert record.connection.entered == since < record.connection.history[-1].time
        shown = f'datetime="{timestamp(since)}"'
        for path in (PAGE, "/desk/connections"):
            assert shown in (await lab.client.get(path)).text, path
        assert f'<tspan data-age data-since="{timestamp(since)}">' in (await lab.client.get(PAGE)).text


async def test_what_is_done_by_hand_says_so_and_a_notice_is_asked_for_once(tmp_path: Path) -> None:
    async with served(tmp_path, settings=BY_HAND.model_copy(update={"provisioning": None})) as lab:
        await put_asn(lab.provider)
        await put_peering(lab.provider)
        records = list(lab.provider.control.records.values())
        for verb in ("approve", "notify"):
            for record in records:
                await lab.provider.operate(record, verb)
        page = text_of((await lab.client.get(PAGE)).text)
        assert "configured with DENY ALL. In this lab that is done by hand, at Microsoft's desk" in page
        assert "Notify Microsoft" not in page


async def test_a_request_that_was_never_approved_is_not_notified_but_made_again(tmp_path: Path) -> None:
    async with served(tmp_path, settings=BY_HAND) as lab:
        await put_asn(lab.provider)
        await put_peering(lab.provider)
        for record in list(lab.provider.control.records.values()):
            await lab.provider.operate(record, "reject")
        page = text_of((await lab.client.get(PAGE)).text)
        assert "The peer deletes the request, which was never approved, and makes another" in page
        assert "Notify Microsoft" not in page


def test_a_state_that_only_the_resource_shows_has_its_age_too() -> None:
    """A legacy connection under conversion runs as Active, and its resource is PendingApproval: no step led there."""
    cycle = life_cycle(Flow.EXCHANGE, ConnectionState.PENDING_APPROVAL, [], 100.0, 88.0)
    (now,) = (step for step in cycle.steps if step.word == "now")
    assert (now.state, now.since, now.note) == (ConnectionState.PENDING_APPROVAL, 88.0, duration(12.0))
