"""Some peers misbehave, or load: the sessions of all others, the API and the portal go on, and nothing passes a gate.

Nothing here is timed: what is asked is which came first, and whether it came.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

from tests.lab_support import eventually
from tests.many.asking import PAGES
from tests.many.lab import Lab
from tests.many.loads import crowd, flapping, load, single_octets, slow_reader
from tests.many.peers import Peer

MICROSOFT = 100_000
"""Routes: more than the two kernels hold for a peer that does not read."""
LOADED = 8_000
_CLOCKS = 0.05
"""Seconds by which two clocks of one machine may differ."""


async def ask_every_page(lab: Lab) -> None:
    for name, path in PAGES.items():
        accept = "text/html" if name.startswith("portal") else "*/*"
        answer = await lab.client.get(path, headers={"Accept": accept})
        assert answer.status_code == 200, (name, answer.text[:300])


async def test_who_loads_and_who_flaps_holds_nobody_up(tmp_path: Path) -> None:
    async with crowd(tmp_path, quiet=8, dripping=2, flapping=20, loading=10) as those:
        lab, loaders = those.lab, {peer.number for peer in those.loading}
        async with single_octets(those.dripping) as sent:
            await ask_every_page(lab)
            assert sent() > 0
        async with flapping(those.flapping) as times:
            await ask_every_page(lab)
            await eventually(times, lambda least: least >= 2, 120)
        loading = asyncio.ensure_future(load(lab, those.loading, LOADED))
        await ask_every_page(lab)
        received = sum(row["received"] for number, row in (await lab.sessions()).items() if number in loaders)
        assert received < len(loaders) * LOADED, "every page was answered before the tables were in"
        await loading
        await those.swarm.up()
        await lab.until(Active=40)
        assert {row["received"] for n, row in (await lab.sessions()).items() if n in loaders} == {LOADED}
        assert [(peer.number, peer.why) for peer in those.steady if peer.downs or peer.refused] == []
        await nothing_passed_a_shut_gate(lab, those.swarm.peers)


async def test_who_does_not_read_waits_alone(tmp_path: Path) -> None:
    """Who reads has the table; who does not has what the two kernels hold."""
    async with slow_reader(tmp_path, MICROSOFT) as (lab, swarm, sent):
        assert 0 < sent < MICROSOFT
        await ask_every_page(lab)
        assert {row["bgpState"] for row in (await lab.sessions()).values()} == {"Established"}
        assert sum(peer.downs for peer in swarm.peers) == 0
        await nothing_passed_a_shut_gate(lab, swarm.peers[:1])


async def nothing_passed_a_shut_gate(lab: Lab, peers: list[Peer]) -> None:
    """By the counters behind the gates, and by what the peers' sockets read, with the moment."""
    assert await lab.leaked() == 0
    lifts: dict[str, float] = {}
    for event in await lab.events("gate-lifted", "notification"):
        if event["event"] == "notification":
            assert event["row"]["code"] != 4, "no hold timer expired"
        else:
            lifts.setdefault(event["subject"], datetime.fromisoformat(event["row"]["time"]).timestamp())
    names = {number: row["id"] for number, row in (await lab.sessions()).items()}
    for peer in peers:
        first = peer.nlri_of_sessions[0][1]
        assert first >= lifts[names[peer.number]] - _CLOCKS, f"{peer.address} had NLRI before the lift"
