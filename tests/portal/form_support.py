"""Forms for tests: what a person types into them, and what a page then says at a field."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

from simulator.portal.forms.peering_fields import EDGE_NETWORK, ROUTE_SERVER_NETWORK, VOICE_NETWORK, Use
from tests.portal.support import ASN_PATH, IPV4, send
from tests.serving.support import Served
from tests.topologies import mixed

BASICS = {
    "subscription": "lab",
    "group-choice": "new",
    "new-group": "rg",
    "name": "p",
    "region": "eastus",
    "peer-asn": ASN_PATH,
}
CONFIGURATION: Mapping[Use, dict[str, str]] = {
    Use.EXCHANGE: {"peering-type": "Exchange", "network": EDGE_NETWORK, "sku": "Basic", "metro": "Ashburn"},
    Use.DIRECT: {"peering-type": "Direct", "network": EDGE_NETWORK, "sku": "Basic", "metro": "Ashburn"},
    Use.ROUTE_SERVER: {
        "peering-type": "Direct",
        "network": ROUTE_SERVER_NETWORK,
        "sku": "Premium",
        "metro": "Ashburn",
    },
    Use.VOICE: {"peering-type": "Direct", "network": VOICE_NETWORK, "sku": "Premium", "metro": "Ashburn"},
}
CONNECTION: Mapping[Use, dict[str, str]] = {
    Use.EXCHANGE: {"facility": "1", "peer-4": IPV4},
    Use.DIRECT: {"facility": "99999", "provider": "Peer", "prefix-4": "198.51.100.4/30", "bandwidth": "10000"},
    Use.ROUTE_SERVER: {"facility": "1", "provider": "Peer", "peer-4": IPV4, "bandwidth": "10000"},
    Use.VOICE: {"facility": "99999", "provider": "Microsoft", "bandwidth": "10000"},
}
"""Right answers in the lab of `mixed`."""


def with_microsofts_circuits() -> dict[str, Any]:
    """The lab of `mixed`, with two circuits whose addresses Microsoft gives."""
    found = mixed()
    links = [
        {"edge": edge, "ipv4": prefix, "session-address-provider": "Microsoft"}
        for edge, prefix in (("ash-edge-3", "198.51.100.8/30"), ("ash-edge-1", "198.51.100.12/30"))
    ]
    found["peerings"].append({"name": "voice", "kind": "Direct", "peer": "contoso", "connections": links})
    return found


class Browser:
    """A person without a script: forms and redirects."""

    def __init__(self, lab: Served) -> None:
        self.lab = lab
        self.path = ""
        self.text = ""
        self.status = 0

    async def open(self, path: str) -> str:
        """The page at a path, and where its redirects lead."""
        answer = await self.lab.client.get(path, follow_redirects=True)
        self.path, self.text, self.status = answer.url.path, answer.text, answer.status_code
        return self.text

    async def submit(self, path: str = "", **fields: str) -> str:
        """Send a form of this page, and follow where it leads."""
        answer = await send(self.lab, path or self.path, **fields)
        if answer.status_code == 303:
            return await self.open(answer.headers["location"])
        self.path, self.text, self.status = answer.url.path, answer.text, answer.status_code
        return self.text

    def error(self, field: str) -> str:
        """What the page says at a field, which it marks as wrong and as described by that."""
        found = re.search(rf'<p class="field-error" id="e-{re.escape(field)}">(.*?)</p>', self.text, re.S)
        if found is None:
            return ""
        described = re.search(rf'id="f-{re.escape(field)}"[^>]*aria-describedby="([^"]*)"', self.text)
        marked = f'href="#f-{field}"' in self.text, described is not None and f"e-{field}" in described[1].split()
        assert marked == (True, True), (field, marked)
        text = re.sub(r"<[^>]*>", "", found[1]).replace("✕", "").replace("Error:", "")
        return html.unescape(re.sub(r"\s+", " ", text)).strip()

    def value(self, field: str) -> str:
        """What is typed in a field, or chosen."""
        typed = re.search(rf'<input[^>]*id="f-{re.escape(field)}"[^>]*? value="([^"]*)"', self.text)
        if typed:
            return html.unescape(typed[1])
        chosen = re.search(rf'name="{re.escape(field)}"[^>]*value="([^"]*)" checked', self.text)
        whole = re.search(rf'<select id="f-{re.escape(field)}".*?</select>', self.text, re.S)
        selected = re.search(r'<option value="([^"]*)" selected', whole[0]) if whole else None
        found = chosen or selected
        return html.unescape(found[1]) if found else ""

    # --- Create a Peering ---

    async def basics(self, **fields: str) -> str:
        return await self.submit("/create", **(BASICS | fields), do="next")

    async def configuration(self, use: Use, do: str = "next", **fields: str) -> str:
        return await self.submit(**(CONFIGURATION[use] | fields), do=do)

    async def connection(self, use: Use, **fields: str) -> str:
        """From Configuration to the connection's form, which is filled in and saved."""
        await self.configuration(use, "add")
        return await self.submit(**(CONNECTION[use] | fields), do="save")

    async def request(self, use: Use, connection: Mapping[str, str] | None = None, **basics: str) -> str:
        """All of it up to Review + create."""
        await self.basics(**basics)
        for _ in range(2 if use is Use.VOICE else 1):
            await self.connection(use, **(connection or {}))
        return await self.configuration(use)
