"""A whole turn-up in a browser: by a new person with the documents' text, with a mouse and by the keyboard alone."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from simulator.azure.provider.settings import Settings
from simulator.places.link import LinkKind
from simulator.serving.server import listen, serving
from simulator.topology.load import load
from tests.azure.provider import support
from tests.portal.browsing import Keyboard, Mouse, chromium, needs_chromium
from tests.topologies import SHIPPED, document, write

BY_HAND = Settings(
    peer_asn_review=None, peering_review=None, notification=None, provisioning=0, validation=None, removal=0
)
pytestmark = [needs_chromium, pytest.mark.timeout(300)]


@contextlib.asynccontextmanager
async def lab(
    tmp_path: Path, found: dict[str, Any], kind: LinkKind, settings: Settings = BY_HAND
) -> AsyncIterator[str]:
    """A topology behind the server; its URL."""
    shutil.copy(SHIPPED / "rs1.bird.conf", tmp_path)
    topology = load(write(found, tmp_path / "lab.yaml"))
    async with support.provider(f"sqlite:///{tmp_path}/store.db", settings, topology, kind) as provider:
        with listen("127.0.0.1", 0) as socket:
            async with serving(provider, socket) as url:
                yield url


async def turn_up(person: Mouse, tmp_path: Path) -> None:
    """The steps of "Create or modify an Exchange peering with route server", with Microsoft's part played between."""
    page = person.page
    await page.goto("/")
    # Associate the ASN; Microsoft approves it.
    await person.follow("Peer ASNs")
    await person.follow("Associate a Peer ASN")
    for label, text in (("Name", "example-ix"), ("Peer name", "Example IX"), ("Peer ASN", "64500")):
        await person.fill(label, text)
    await person.fill("Email address", "noc@example.net")
    await person.press("Review + create")
    await person.sees("Validation passed")
    await person.press("Create")
    await person.sees("Your deployment is complete", "Pending")
    await person.follow("Microsoft's desk")
    await person.press("Approve AS64500")
    await person.sees("Approved")
    # Basics.
    await person.follow("Peerings")
    await person.follow("Create a Peering")
    await person.check("Create new")
    await person.fill("New resource group", "peering-rg")
    await person.fill("Name", "example-ix")
    await person.choose("Region", "eastus")
    await person.choose("Peer ASN", "AS64500")
    await person.press("Next: Configuration")
    # Configuration, as the article of 2020 has it.
    await person.check("Direct")
    await person.check("AS8075 (with exchange route server)")
    await person.check("Basic Free")
    await person.choose("Metro", "Ashburn")
    await person.press("Create new connection")
    await person.check("Peer")
    await person.fill("Session IPv4 prefix", "203.0.113.0/24")
    await person.fill("Peer session IPv4 address", "203.0.113.1")
    await person.fill("Microsoft session IPv4 address", "203.0.113.75")
    await person.fill("Maximum advertised IPv4 addresses", "20000")
    await person.press("Save")
    await person.press("Review + create")
    await person.sees("Validation passed")
    await person.press("Create")
    await person.sees("Your deployment is complete", "PendingApproval")
    # Microsoft approves; the peer configures its side and says so.
    await person.follow("Microsoft's desk")
    await person.press("Approve example-ix/edge-1")
    await person.follow("Peerings")
    await person.follow("example-ix")
    await person.press("Notify Microsoft: my side is configured")
    # Under DENY ALL.
    await person.sees("ProvisioningCompleted", "Established", "shut")
    await person.follow("Routes")
    await person.sees("gate shut")
    await person.follow("Microsoft's desk")
    await person.press("Advance example-ix/edge-1")
    await person.follow("Peerings")
    await person.follow("example-ix")
    states = page.locator("#now .state").first
    await expect(states).to_contain_text("Active")
    # A route is rejected by a rule; the registration of its ASN lets it through.
    await person.follow("Routes")
    await person.follow("Would be rejected")
    await person.sees("registered-origin")
    await person.follow("Registered ASNs")
    await person.fill("Name", "alpha")
    await person.fill("ASN", "64501")
    await person.press("Save")
    await person.sees("alpha is registered", "AS64501")
    await expect(page.locator("code[id^=k-]")).to_have_count(1)
    await person.follow("Routes")
    await person.follow("Accepted")
    await person.sees("192.0.2.0/25", "accepted")
    await report(person, tmp_path)


async def report(person: Mouse, tmp_path: Path) -> None:
    await person.follow("Report")
    async with person.page.expect_download() as started:
        await person.activate(person.page.locator("main a[download]").first)
    found = await started.value
    await found.save_as(tmp_path / "report")
    assert (tmp_path / "report").stat().st_size > 100


def small(name: str, *customers: str) -> dict[str, Any]:
    """A shipped topology with fewer customers."""
    found = document(name)
    found["customers"] = [each for each in found["customers"] if each["name"] in customers]
    return found


@pytest.mark.privileged
@pytest.mark.router
async def test_a_new_person_turns_up_a_real_bird_route_server(tmp_path: Path) -> None:
    if os.geteuid() or shutil.which("bird") is None:
        pytest.skip("needs root and BIRD")
    found = small("route-server-bird", "alpha", "delta")
    async with lab(tmp_path, found, LinkKind.NETNS) as url, chromium(url) as page:
        await turn_up(Mouse(page), tmp_path)


async def test_the_keyboard_alone_turns_up_a_route_server(tmp_path: Path) -> None:
    found = small("route-server", "alpha", "delta")
    async with lab(tmp_path, found, LinkKind.LOOPBACK) as url, chromium(url) as page:
        await turn_up(Keyboard(page), tmp_path)


KEY = "s3cret-of-both"


async def test_a_wrong_md5_key_is_diagnosed_and_mended(tmp_path: Path) -> None:
    """Production refused another key in 2021 (405); in this lab the desk's rule allows it."""
    found = document("exchange")
    found["peerings"][0]["md5"] = KEY
    found["times"] = {"soak": 0.2, "deadline": 3}
    settings = Settings(removal=0, mesh=False, notification=None)
    async with lab(tmp_path, found, LinkKind.LOOPBACK, settings) as url, chromium(url) as page:
        person = Mouse(page)
        await page.goto("/asns/create")
        for label, text in (("Name", "contoso"), ("Peer name", "Contoso"), ("Peer ASN", "64496")):
            await person.fill(label, text)
        await person.press("Review + create")
        await person.press("Create")
        await person.sees("Approved")
        await person.follow("Create a Peering")
        await person.fill("New resource group", "peering-rg")
        await person.fill("Name", "contoso")
        await person.choose("Region", "eastus")
        await person.choose("Peer ASN", "AS64496")
        await person.press("Next: Configuration")
        await person.check("Exchange")
        await person.choose("Metro", "Ashburn")
        await person.press("Create new connection")
        await person.choose("Peering facility", "Equinix Ashburn")
        await person.fill("IPv4 address", "206.126.239.200")
        await person.fill("BGP authentication key (MD5)", "another-key")
        await person.press("Save")
        await person.press("Review + create")
        await person.sees("Validation passed")
        await person.press("Create")
        await person.follow("Go to resource")
        await person.press("Notify Microsoft")
        await expect(page.locator("#now")).to_contain_text("ProvisioningFailed")
        await expect(page.locator("#diagnosis")).to_contain_text("MD5")
        await person.follow("Edit connection")
        await person.fill("BGP authentication key (MD5)", KEY)
        await person.press("Save")
        await person.sees("Md5AuthenticationKey and MaxPrefix updates are not yet supported")
        await person.follow("Microsoft's desk")
        await person.follow("Delays and rules")
        await page.get_by_label("MD5").check()
        await person.press("Save")
        await person.follow("Peerings")
        await person.follow("contoso")
        await person.follow("Edit connection")
        await person.fill("BGP authentication key (MD5)", KEY)
        await person.press("Save")
        await person.sees("The connection is changed")
        await person.press("Notify Microsoft")
        await expect(page.locator("#now .state").first).to_contain_text("Active")
        await person.sees("Established")
