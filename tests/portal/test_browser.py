"""Every page in Chromium: no violation that axe-core knows, in both themes; live, with the focus kept; hostile text."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from simulator.azure.provider.settings import Settings
from simulator.connection.states import ConnectionState
from simulator.portal.app import PAGES
from simulator.views.check import Blocks, Cause, CheckView, Status
from tests.azure.provider import support as provider_support
from tests.patience import PATIENCE
from tests.portal.browsing import Mouse, chromium, needs_chromium
from tests.portal.support import ASN_PATH, PAGE, exchange_document, put_asn, put_peering, until
from tests.serving.support import Served, served

ROOT = Path(__file__).parents[2]
PEOPLE = Settings(peer_asn_review=None, peering_review=None, notification=None, removal=None)
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>\u202e\"'"
LONG = "contoso-northern-virginia-internet-exchange-of-a-very-long-name"
CUT_SHORT = """[...document.querySelectorAll("main *")].filter(
    each => each.scrollWidth > each.clientWidth + 1 && /auto|scroll/.test(getComputedStyle(each).overflowX)
).map(each => `${each.className} ${each.scrollWidth - each.clientWidth}`)"""
"""What scrolls sideways inside of the page, and how many pixels are out of sight."""
pytestmark = [needs_chromium, pytest.mark.timeout(300)]


async def full_lab(lab: Served) -> None:
    """One peering Active, one failed, one to be reviewed; ASNs in all states; the walkthrough under way."""
    provider = lab.provider
    await put_asn(provider)
    await put_asn(provider, 64511, "fabrikam", HOSTILE, approved=False)
    await put_peering(provider)
    await put_peering(provider, "broken", {"peerSessionIPv4Address": "206.126.239.222"})
    for verb in ("approve", "notify"):
        for record in list(provider.control.records.values()):
            await provider.operate(record, verb)
    await put_peering(provider, "waiting", {"peerSessionIPv4Address": "206.126.239.223"})
    wanted = {"contoso-ashburn": ConnectionState.ACTIVE, "broken": ConnectionState.PROVISIONING_FAILED}
    records = provider.control.records.values()
    await until(provider, lambda: all(each.state is wanted.get(each.peering, each.state) for each in records))


def every_page() -> list[str]:
    """Every page that shows or asks, but what leads on from a draft of a form; that is below."""
    filled = {"{subscription}": "lab", "{group}": "rg", "{name}": "contoso-ashburn"}
    found = []
    for page in PAGES:
        path = page.path.replace("{name:path}", "contoso-ashburn/ash-edge-1")
        if page.verb != "GET" or path.startswith("/peering-services/"):
            continue
        for name, value in filled.items():
            path = path.replace(name, value)
        if "{" not in path and not path.endswith("/file"):
            found.append(path)
    states = [f"/peerings/lab/rg/{name}" for name in ("broken", "waiting")]
    shown = [f"{PAGE}/routes?show={show}" for show in ("rejected", "sent")]
    return [*found, *states, *shown, "/?find=nothing", "/no/such/page"]


async def violations(page: Page) -> list[str]:
    """In both themes; what is no colour is alike in them."""
    await page.evaluate(Axe().axe_script)
    found = []
    for scheme, only in (("light", ""), ("dark", ", runOnly: ['color-contrast']")):
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        results = await page.evaluate(f"axe.run({{resultTypes: ['violations']{only}}})")
        for each in results["violations"]:
            nodes = [f"{node['html'][:140]} ({node['failureSummary'][:200]})" for node in each["nodes"][:3]]
            found.append(f"{page.url} {scheme} {each['id']}: {nodes}")
    return found


@pytest.mark.parametrize("part", ["one", "other"])
async def test_axe_finds_no_violation_on_any_page_in_either_theme(tmp_path: Path, part: str) -> None:
    topology = provider_support.topology(times={"deadline": 2, "soak": 0})
    async with served(tmp_path, settings=PEOPLE, topology=topology) as lab:
        await full_lab(lab)
        found: list[str] = []
        async with chromium(lab.url) as page:
            pages = every_page()
            for path in pages[::2] if part == "one" else pages[1::2]:
                await page.goto(path)
                found += await violations(page)
            for start in ("/create", "/asns/create", "/create-service") if part == "other" else ():
                await page.goto(start)
                begun = page.url.rsplit("/", 1)[0]
                for tab in ("basics", "configuration", "review"):
                    answer = await page.goto(f"{begun}/{tab}")
                    if answer is not None and answer.status == 200:
                        found += await violations(page)
            await page.goto("/walkthrough")
            await page.get_by_role("button", name="Start the walkthrough").click()
            await expect(page.locator(".walk-step.current")).to_be_visible()
            found += await violations(page)
        assert not found, "\n".join(found)


async def test_a_page_follows_the_lab_and_keeps_the_focus(tmp_path: Path) -> None:
    async with served(tmp_path, settings=PEOPLE) as lab:
        await put_asn(lab.provider)
        await put_peering(lab.provider)
        async with chromium(lab.url) as page:
            await page.goto(f"{PAGE}?connection=contoso-ashburn/ash-edge-1")
            other = await page.context.new_page()
            await other.goto("/")
            await page.evaluate("window.stays = true")
            link = page.locator("#connections").get_by_role("link", name="contoso-ashburn/ash-edge-2", exact=True)
            await link.focus()
            for record in list(lab.provider.control.records.values()):
                await lab.provider.operate(record, "approve")
            await expect(page.locator("#now .state").first).to_contain_text("Approved")
            await expect(page.locator("#announcer")).to_contain_text("Approved")
            assert await link.evaluate("each => each === document.activeElement")
            await page.get_by_role("button", name="Notify for all 2 connections").click()
            await page.evaluate("window.stays = true")
            await expect(page.locator("#now .state").first).to_contain_text("Active")
            await expect(page.locator("#connections .pill.ok").first).to_have_text("open")
            assert await page.evaluate("window.stays")  # it was never loaded again
            await expect(other.locator("#peerings .axis-c .state").first).to_contain_text("Active")


async def test_what_a_stranger_chose_stays_text_and_no_page_scrolls_sideways(tmp_path: Path) -> None:
    """`chromium` fails when a script runs, a dialog opens, or the policy had to refuse something."""
    topology = provider_support.topology(times={"deadline": 2, "soak": 0})
    async with served(tmp_path, settings=PEOPLE, topology=topology) as lab:
        await full_lab(lab)
        await put_peering(lab.provider, LONG, {"peerSessionIPv4Address": "206.126.239.224"})
        records = lab.provider.control.records
        cause = Cause("evil", HOSTILE, remedy=HOSTILE, evidence=(HOSTILE,))
        check = CheckView("T1", HOSTILE, HOSTILE, Blocks.ACTIVE, Status.FAILURE, (HOSTILE,), (cause,))
        records["broken/ash-edge-1"].results = [check]
        await lab.provider.operate(records["waiting/ash-edge-1"], "ask", HOSTILE.replace("\u202e", ""))
        async with chromium(lab.url) as page:
            for path in [*every_page(), f"/peerings/lab/rg/{LONG}", "/desk/connections/waiting/ash-edge-1"]:
                await page.goto(path)
                assert await page.locator("img[src=x]").count() == 0, path
                for width in (1440, 1280, 1024, 990, 360):
                    await page.set_viewport_size({"width": width, "height": 800})
                    beyond = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
                    assert beyond <= 0, (path, width)
                    assert width < 980 or await page.evaluate(CUT_SHORT) == [], (path, width)
            await page.goto("/peerings/lab/rg/broken")
            await expect(page.locator("#diagnosis")).to_contain_text("<img src=x onerror=alert(1)>")
            await expect(page.locator("#diagnosis")).to_contain_text("\\u202e")


@contextlib.asynccontextmanager
async def turnup(tmp_path: Path, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """`turnup serve` as a process of its own, once it answers; killed at the end, whatever it does then."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulator", "serve", str(ROOT / "topologies/exchange.yaml"), "--by-hand"),
        *("--port", str(port), "--database", f"sqlite:///{tmp_path}/store.db"),
        stdout=asyncio.subprocess.PIPE,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        assert process.stdout is not None
        async for line in process.stdout:
            if b"play Microsoft" in line:
                break
        else:
            raise AssertionError("turnup serve ended before it answered")
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.communicate()


async def test_an_open_page_outlives_a_killed_server(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    version = "?api-version=2025-05-01"
    asn = {
        "properties": {
            "peerAsn": 64496,
            "peerName": "Contoso",
            "peerContactDetail": [{"role": "Noc", "email": "a@b.c"}],
        }
    }
    peering = "/subscriptions/lab/resourceGroups/rg/providers/Microsoft.Peering/peerings/contoso-ashburn"
    document = exchange_document({"peerSessionIPv4Address": "206.126.239.200"})
    async with (
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=PATIENCE) as client,
        contextlib.AsyncExitStack() as stack,
    ):
        page = await stack.enter_async_context(chromium(url))
        async with turnup(tmp_path, port):
            assert (await client.put(f"{ASN_PATH}{version}", content=json.dumps(asn))).status_code == 201
            await client.post("/lab/v1/asns/lab/contoso/approve")
            assert (await client.put(f"{peering}{version}", content=json.dumps(document))).status_code == 201
            await page.goto(PAGE)
            await page.evaluate("window.stays = true")
            await expect(page.locator("#now .state").first).to_contain_text("PendingApproval")
            await expect(page.locator("#link-state")).to_have_text("live")
            who = Mouse(await page.context.new_page())
            await who.page.goto("/create")
            await who.fill("Name", "half-way")
        await expect(page.locator("#link-state")).to_contain_text("no connection")
        # What is sent to a server that is away would be lost: it stays on the page, which says so.
        await expect(who.page.locator("#link-state")).to_contain_text("no connection")
        await who.press("Next: Configuration")
        await expect(who.page.locator("#unsent")).to_contain_text("nothing was sent")
        await expect(who.field("Name")).to_have_value("half-way")
        async with turnup(tmp_path, port):
            answer = await client.post("/lab/v1/peerings/contoso-ashburn/approve")
            assert answer.status_code == 200
            await expect(page.locator("#now .state").first).to_contain_text("Approved")
            await expect(page.locator("#link-state")).to_have_text("live")
            assert await page.evaluate("window.stays")
            # A form of the page from before the kill still works.
            await page.get_by_role("button", name="Notify Microsoft: my side is configured").click()
            await expect(page.locator("#said")).to_contain_text("Microsoft is notified")
            await expect(who.page.locator("#unsent")).to_have_count(0)
            # And one that was being filled in: what was typed is there once, on both sides of another kill.
            await who.press("Next: Configuration")
            await who.sees("Peer ASN is required")
        async with turnup(tmp_path, port):
            await who.page.reload()
            await expect(who.field("Name")).to_have_value("half-way")
            found = (await client.get(f"/subscriptions/lab/providers/Microsoft.Peering/peerings{version}")).json()
            assert [each["name"] for each in found["value"]] == ["contoso-ashburn"]


async def test_what_is_to_be_typed_at_a_router_is_copied_by_a_button(tmp_path: Path) -> None:
    async with served(tmp_path, settings=PEOPLE) as lab, chromium(lab.url) as page:
        await put_asn(lab.provider)
        await put_peering(lab.provider)
        await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await page.goto(f"{PAGE}/configuration")
        await page.get_by_role("button", name="Copy").click()
        await expect(page.locator("#announcer")).to_have_text("Copied")
        file = await lab.client.get(f"{PAGE}/configuration/file")
        assert (await page.evaluate("navigator.clipboard.readText()")).strip() == file.text.strip()
