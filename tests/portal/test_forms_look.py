"""How the pages that ask look: to everybody (axe-core), light and dark, from 360 px on, with long and wrong words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from simulator.azure.provider.settings import Settings
from simulator.connection.states import ConnectionState
from simulator.portal.forms.drafts import DraftConnection, drafts, new_identifier
from simulator.portal.forms.peering_fields import Use
from tests.portal.browsing import chromium, looks, needs_chromium
from tests.portal.form_support import BASICS, CONFIGURATION, CONNECTION, Browser
from tests.portal.support import ASN_PATH, put_asn, until_all
from tests.serving.support import served
from tests.topologies import build, mixed

LONG = "a-very-long-name-of-a-resource-that-goes-on-until-63-characters"
pytestmark = [needs_chromium, pytest.mark.timeout(300)]


async def test_the_pages_of_a_new_request(tmp_path: Path) -> None:
    found: list[str] = []
    topology = mixed()
    topology["peerings"][0]["legacy"] = True
    async with served(tmp_path, topology=build(topology)) as lab, chromium(lab.url) as page:
        for path, name in (("/asns", "asns-none"), ("/peering-services", "services-none"), ("/legacy", "legacy-none")):
            await page.goto(path)
            found += await looks(page, name)
        await put_asn(lab.provider)
        await put_asn(lab.provider, 64500, LONG, "x" * 250, approved=False)
        await until_all(lab.provider, ConnectionState.ACTIVE)
        kept = drafts(lab.provider)
        wrong = CONNECTION[Use.EXCHANGE] | {"peer-4": "192.0.2.1", "peer-6": "y" * 200, "md5": "k" * 90}
        draft = kept.new("peering", BASICS | CONFIGURATION[Use.EXCHANGE])
        bad = kept.new("peering", dict.fromkeys((*BASICS, *CONFIGURATION[Use.EXCHANGE]), "w" * 100))
        bad.values |= {"peering-type": "Exchange", "peer-asn": f"{ASN_PATH[:-7]}{LONG}"}
        bad.visited = ["basics", "configuration"]
        connections = [DraftConnection(new_identifier(), dict(wrong)) for _ in range(12)]
        bad.connections = connections
        draft.connections = [DraftConnection(new_identifier(), dict(CONNECTION[Use.EXCHANGE]))]
        asn = kept.new("asn", {"name": "..", "asn": "8075", "email": "x"})
        asn.visited = ["basics"]
        for path, name in (
            ("/asns", "asns"),
            ("/legacy", "legacy"),
            (f"/asns/create/{asn.id}/basics", "asn-basics-errors"),
            ("/create", "basics"),
            (f"/create/{bad.id}/basics", "basics-errors"),
            (f"/create/{draft.id}/configuration", "configuration"),
            (f"/create/{bad.id}/configuration", "configuration-errors"),
            (f"/create/{draft.id}/connections/{new_identifier()}", "connection"),
            (f"/create/{bad.id}/connections/{connections[0].identifier}", "connection-errors"),
            (f"/create/{bad.id}/review", "review-errors"),
        ):
            await page.goto(path)
            found += await looks(page, name)
    assert found == []


async def test_the_pages_of_a_peering_and_of_a_service(tmp_path: Path) -> None:
    found: list[str] = []
    async with served(tmp_path, settings=Settings(removal=None)) as lab, chromium(lab.url) as page:
        await put_asn(lab.provider)
        browser = Browser(lab)
        await browser.request(Use.ROUTE_SERVER, name=LONG)
        await page.goto(browser.path)
        found += await looks(page, "review")
        await page.goto("about:blank")  # the open page would go on by itself
        await browser.submit(do="create")
        await page.goto(browser.path)
        found += await looks(page, "deployment")
        await until_all(lab.provider, ConnectionState.ACTIVE)
        base = f"/peerings/lab/rg/{LONG}"
        await browser.submit(f"{base}/registered-asns", name="alpha", asn="64500")
        await browser.submit(f"{base}/registered-prefixes", name="one", prefix="9.9.9.0/24")
        await browser.submit(f"{base}/registered-prefixes", name=LONG, prefix="192.0.2.0/24")
        await browser.submit("/create-service", **BASICS | {"name": LONG}, do="next")
        await browser.submit(provider="Contoso", primary="Ashburn", backup="", do="next")
        await browser.submit(do="create")
        service = f"/peering-services/lab/rg/{LONG}"
        await browser.submit(service, name="one", prefix="9.9.9.0/24", key="no-key")
        edit = re.search(rf'href="({base}/connections/[0-9A-F-]+)"', await browser.open(base))
        assert edit
        for path, name in (
            (f"{base}/registered-asns", "registered-asns"),
            (f"{base}/registered-prefixes", "registered-prefixes"),
            (edit[1], "connection-edit"),
            (f"{edit[1]}/delete", "connection-delete"),
            (f"{base}/connections/new", "connection-add"),
            (f"{base}/delete", "peering-delete"),
            ("/peering-services", "services"),
            (service, "service"),
            (f"{service}/delete", "service-delete"),
        ):
            await page.goto(path)
            found += await looks(page, name)
    assert found == []
