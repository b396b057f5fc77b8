"""A rehearsal takes work in proportion to its sessions."""

from __future__ import annotations

import asyncio
from typing import Any

from simulator.places.link import LinkKind
from simulator.rehearsal.rehearsal import Rehearsal
from tests.topologies import build
from tests.work import lines


def _peers(count: int) -> dict[str, Any]:
    return {
        "name": "many",
        "link": "loopback",
        "exchange": {"name": "x", "lan": {"ipv4": "10.0.0.0/16"}},
        "microsoft": {"announce": [{"prefixes": ["13.64.0.0/11"]}]},
        "edges": [{"name": "e", "ipv4": "10.0.0.1"}],
        "peers": [
            {"name": f"p{n}", "asn": 200_000 + n, "ipv4": f"10.0.1.{n}", "announce": [{"prefixes": ["192.0.2.0/24"]}]}
            for n in range(count)
        ],
        "peerings": [{"name": f"a{n}", "peer": f"p{n}", "families": ["IPv4"]} for n in range(count)],
        "policy": {"rules": {"bogon-prefix": {"documentation": False}}},
        "times": {"soak": 0.2, "deadline": 60, "active": 0.2},
    }


def test_four_times_the_peers_take_four_times_the_work() -> None:
    async def rehearse(count: int) -> None:
        report = await Rehearsal(build(_peers(count)), LinkKind.LOOPBACK).run()
        assert report.outcome == "passed", report.errors

    few, many = lines(lambda: asyncio.run(rehearse(15))), lines(lambda: asyncio.run(rehearse(60)))
    assert many < 5 * few
