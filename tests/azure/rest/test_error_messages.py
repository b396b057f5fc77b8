"""errorMessage names the session that failed by the addresses that were asked for, never by the lab's own."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.azure.rest.plain import GROUP, connections, exchange_body, plain_lab, states
from tests.lab_support import eventually
from tests.topologies import document

PEERING = f"{GROUP}/peerings/p"
_INSIDE = re.compile(r"127\.\d|(?<![0-9a-f:])::1(?![0-9a-f:])|\bport (?!179\b)\d|:\d{4,5}\b(?!:)")
FAULTS: dict[str, Callable[[Any], Any]] = {
    "no such session at the router": lambda found: found["peers"][0].update(ipv4="206.126.239.77"),
    "another ASN": lambda found: found["peers"][0].update(asn=64499),
    "another key": lambda found: found["peerings"][0].update(md5="key"),
    "a router outside that is not there": lambda found: found["peers"][0].update(
        router={"kind": "external", "address": "127.0.0.9"}
    ),
    "every route is rejected": lambda found: found["policy"]["rules"].update({"bogon-asn": True}),
}


@pytest.mark.parametrize("fault", list(FAULTS))
async def test_it_names_the_session_as_it_was_asked_for(tmp_path: Path, fault: str) -> None:
    found = document()
    found["times"] = {"soak": 0.1, "deadline": 1}
    FAULTS[fault](found)
    async with plain_lab(tmp_path, found) as lab:
        await lab.asn()
        assert (await lab.put(PEERING, exchange_body())).status_code == 201
        shown = await eventually(
            lambda: lab.get(PEERING), lambda peering: set(states(peering)) == {"ProvisioningFailed"}, 30
        )
        for each in connections(shown):
            message, session = each["errorMessage"], each["bgpSession"]
            pairs = [
                f"{family} {session[f'peerSession{family}Address']} with "
                f"{session[f'microsoftSession{family}Address']}: "
                for family in ("IPv4", "IPv6")
            ]
            assert any(pair in message for pair in pairs), message
            assert not _INSIDE.search(message), message
