"""A server on which peerings come and go: after each of them no container of the process is longer than before it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from simulator.connection.states import ConnectionState
from simulator.portal.arm import ask, resource_path
from simulator.topology.schema import Topology
from tests import held
from tests.azure.provider import support
from tests.portal.support import exchange_document, put_asn
from tests.serving.support import Served, served
from tests.topologies import build, document

ROUNDS: Final = 3
WINDOWS: Final = 4
"""The first is for what is made once; a container that grows does in each of the others, by one a peering at least."""
PAGES: Final = (
    *("/", "/asns", "/desk", "/lab", "/walkthrough"),
    *(f"/peerings/lab/rg/{{name}}{page}" for page in ("", "/routes", "/report", "/configuration")),
    *(f"/lab/v1/{each}" for each in ("status", "sessions", "connections", "checks", "gates", "events?after=0")),
)
BOUNDED: Final = {
    "EventLog.entries": "docs/architecture.md, `_EVENTS_KEPT`",
    "Tap.records": "docs/architecture.md, `_RECORDED_OCTETS`",
    "RefusedCalls._told": "docs/architecture.md, `MOST`",
    "Suspicions.innocent": "tests/many/test_remembered.py",
    "WeakSet.data": "of tasks: the last call of each router that turnup plays, of which every round has its own",
    "UnitOfWork._steps": "one number for each name that a connection ever had, of which the store has all steps",
}


def lab() -> Topology:
    """A peer for each round: one that has just been told to cease calls again only after a while."""
    numbers = range(1, WINDOWS * ROUNDS + 1)
    found = document() | {"times": {"soak": 0.05, "deadline": 20}, "policy": {"rules": {"bogon-asn": False}}}
    found["peers"] = [
        {
            "name": f"peer{number}",
            "asn": 64496 + number,
            "router": "simulated",
            "ipv4": f"206.126.239.{number}",
            "announce": [{"prefixes": [f"41.{number}.0.0/16"]}],
        }
        for number in numbers
    ]
    found["peerings"] = [{"name": f"of-{n}", "peer": f"peer{n}", "families": ["IPv4"]} for n in numbers]
    return build(found)


async def play(served: Served, number: int) -> None:
    """One peering of its own name and PeerAsn, from its request to its end; every page is looked at while it runs."""
    provider, name = served.provider, f"peering-{number}"
    await put_asn(provider, 64496 + number, name)
    asn, path = resource_path("lab", "peerAsns", name), resource_path("lab", "peerings", name, group="rg")
    await ask(provider, "PUT", path, exchange_document({"peerSessionIPv4Address": f"206.126.239.{number}"}, asn=asn))
    await support.until_all(provider, ConnectionState.ACTIVE)
    for page in PAGES:
        answer = await served.client.get(page.format(name=name), headers={"Accept": "text/html, */*"})
        assert answer.status_code == 200, (page, answer.text[:300])
    await ask(provider, "DELETE", path)
    await support.until(provider, lambda: not provider.control.records)
    await ask(provider, "DELETE", asn)


async def test_what_is_remembered_of_peerings_goes_with_them(tmp_path: Path) -> None:
    async with served(tmp_path, topology=lab()) as running:
        numbers = iter(range(1, WINDOWS * ROUNDS + 1))
        found, lengths = list[Any](), list[list[int]]()
        for _ in range(WINDOWS):
            for _ in range(ROUNDS):
                await play(running, next(numbers))
            found = found or held.containers()
            lengths.append(list(map(len, found)))
        growing = [
            container
            for container, *of in zip(found, *lengths, strict=True)
            if all(after - before >= ROUNDS for before, after in pairwise(of))
        ]
        names = list(filter(None, map(held.names_of, growing)))
    assert [each for each in names if each.isdisjoint(BOUNDED)] == []
    assert {"Tap.records"} in names, "what is known to grow is seen"
