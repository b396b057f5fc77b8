"""The screenshots of docs/portal.md: `python -m tests.portal.screenshots` takes them again, of a lab that it starts."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from playwright.async_api import Page

from simulator.azure.provider.settings import Settings
from simulator.connection.states import ConnectionState
from tests.azure.provider import support as provider_support
from tests.portal.browsing import chromium
from tests.portal.support import PAGE, put_asn, put_peering, until
from tests.serving.support import Served, served
from tests.topologies import document

FOLDER = Path(__file__).parents[2] / "docs" / "portal"
PEOPLE = Settings(peer_asn_review=None, peering_review=None, notification=None, removal=None)
SHOTS = {
    "overview": ("/", 620),
    "peering": (PAGE, 1150),
    "diagnosis": ("/peerings/lab/peering-rg/fabrikam-ashburn", 800),
    "routes": (f"{PAGE}/routes?show=rejected", 560),
    "configuration": (f"{PAGE}/configuration", 820),
    "desk": ("/desk", 760),
    "lab": ("/lab", 760),
    "walkthrough": ("/walkthrough", 760),
}
"""Name → page, and how high the picture is; all are 1080 pixels wide."""


async def fill(lab: Served) -> None:
    """An Active peering with routes that are rejected, one that failed, and requests that wait."""
    provider = lab.provider
    await put_asn(provider)
    await put_asn(provider, 64511, "fabrikam", "Fabrikam", approved=False)
    await put_peering(provider)
    await put_peering(provider, "fabrikam-ashburn", {"peerSessionIPv4Address": "206.126.239.222"})
    for verb in ("approve", "notify"):
        for record in list(provider.control.records.values()):
            await provider.operate(record, verb)
    wanted = {"contoso-ashburn": ConnectionState.ACTIVE, "fabrikam-ashburn": ConnectionState.PROVISIONING_FAILED}
    records = provider.control.records.values()
    await until(provider, lambda: all(each.state is wanted[each.peering] for each in records))
    await put_peering(provider, "contoso-second", {"peerSessionIPv4Address": "206.126.239.201"})


async def take(page: Page, name: str) -> None:
    path, height = SHOTS[name]
    await page.set_viewport_size({"width": 1080, "height": height})
    await page.goto(path.replace("peering-rg", "rg"))
    await page.screenshot(path=FOLDER / f"{name}.png")


async def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    rules = {"bogon-prefix": {"documentation": False}, "bogon-asn": {"documentation": False}}
    announced = [
        {"prefixes": ["192.0.2.0/24", "198.51.100.0/24", "2001:db8::/32"]},
        {"prefixes": ["203.0.113.0/25", "10.0.0.0/8"], "as-path": [64500]},
    ]
    peer = document("exchange")["peers"][0] | {"announce": announced}
    topology = provider_support.topology(
        peers=[peer], times={"deadline": 3, "soak": 0}, policy={"profile": "exchange", "rules": rules}
    )
    with tempfile.TemporaryDirectory() as folder:
        async with served(Path(folder), settings=PEOPLE, topology=topology) as lab:
            await fill(lab)
            async with chromium(lab.url) as page:
                for name in SHOTS:
                    if name == "walkthrough":
                        await page.goto("/walkthrough")
                        await page.get_by_role("button", name="Start the walkthrough").click()
                    await take(page, name)


if __name__ == "__main__":
    asyncio.run(main())
