"""lookingGlass: routes out of the edge's tables; ping and traceroute where there is a network to do them in."""

from __future__ import annotations

from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError

from simulator.places.link import LinkKind
from tests.azure.rest.support import AT_ONCE, PEER4, Lab, serving
from tests.lab_support import require_netns


async def ask(lab: Lab, command: str, destination: str, location: str = "ash-edge-1", source: str = "EdgeSite") -> str:
    found = await lab.do(
        lab.client.looking_glass.invoke,
        command=command,
        source_type=source,
        source_location=location,
        destination_ip=destination,
    )
    assert found.command == command
    return str(found.output)


async def test_bgp_routes_come_with_their_verdict(tmp_path: Path) -> None:
    async with serving(tmp_path) as lab:
        assert await ask(lab, "BgpRoute", "203.0.113.9") == "ash-edge-1: no session holds a route to 203.0.113.9"
        await lab.exchange()
        found = await ask(lab, "BgpRoute", "203.0.113.9")
        assert "connection Active, BGP Established" in found
        assert "203.0.113.0/24" in found
        assert "BGP.as_path: 64496 64500" in found
        assert "turnup.verdict: accept" in found
        assert "192.0.2.0/24" not in found
        assert "2001:db8::/32" in await ask(lab, "BgpRoute", "2001:db8::1", "East US", "AzureRegion")
        assert "203.0.113.0/24" in await ask(lab, "BgpRoute", "203.0.113.9", "ashburn")


@pytest.mark.parametrize(
    ("command", "destination", "location", "source", "message"),
    [
        ("Telnet", "192.0.2.1", "ash-edge-1", "EdgeSite", "not one of Traceroute, Ping, BgpRoute"),
        ("Ping", "example.net", "ash-edge-1", "EdgeSite", "not an IP address"),
        ("Ping", "192.0.2.1", "Seattle", "EdgeSite", "Ashburn, ash-edge-1, ash-edge-2"),
        ("Ping", "192.0.2.1", "-", "AzureRegion", "an Azure region, like West US"),
        ("Ping", "192.0.2.1", "x", "Moon", "not one of EdgeSite, AzureRegion"),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(
    tmp_path: Path, command: str, destination: str, location: str, source: str, message: str
) -> None:
    async with serving(tmp_path) as lab:
        with pytest.raises(HttpResponseError, match=message) as refused:
            await ask(lab, command, destination, location, source)
        assert refused.value.status_code == 400


async def test_on_loopback_a_ping_says_why_it_was_not_done(tmp_path: Path) -> None:
    async with serving(tmp_path) as lab:
        for command in ("Ping", "Traceroute"):
            assert "was not done: on the loopback link" in await ask(lab, command, PEER4)


@pytest.mark.privileged
async def test_in_a_namespace_the_edge_really_asks(tmp_path: Path) -> None:
    require_netns()
    async with serving(tmp_path, None, AT_ONCE, LinkKind.NETNS) as lab:
        assert (await ask(lab, "Ping", PEER4)).endswith("4 sent, 4 answered")
        hops = (await ask(lab, "Traceroute", PEER4)).splitlines()
        assert hops[1].startswith(f" 1 {PEER4} ")
        assert len(hops) == 2
        assert "network unreachable" in await ask(lab, "Traceroute", "8.8.8.8")
        published = (await ask(lab, "Traceroute", "0.0.0.0", "West US", "AzureRegion")).splitlines()
        assert published[0] == "West US: this lab has no edge there, so that ash-edge-1 was asked"
        assert published[1].startswith("traceroute to 0.0.0.0 from ash-edge-1")
        assert "0 answered" in await ask(lab, "Ping", "8.8.8.8")
