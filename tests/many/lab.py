"""A served lab for many peers: `turnup serve` in a process of its own, with peers' routers that it does not run."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Final

import httpx

from simulator.places.endpoint import LOOPBACK_HOSTS, Endpoint
from simulator.places.loopback import LoopbackLink
from simulator.topology.segments import lan_of
from tests.cli.test_main import ROOT
from tests.lab_support import eventually
from tests.many.peers import Peer
from tests.topologies import build, write

VERSION: Final = "api-version=2025-05-01"
SUBSCRIPTION: Final = "/subscriptions/lab/providers/Microsoft.Peering"
GROUP: Final = "/subscriptions/lab/resourceGroups/rg/providers/Microsoft.Peering"
EDGE: Final = IPv4Address("10.80.0.1")
_FIRST, _HERE, _FIRST_AS = IPv4Address("10.80.1.0"), IPv4Address("127.80.1.0"), 200_000
_READY: Final = "at http://"


def topology(count: int, *, routes: int = 1) -> dict[str, Any]:
    """An exchange with one edge that announces `routes` prefixes, and `count` external routers."""
    with socket.create_server((str(LOOPBACK_HOSTS[1]), 0)) as free:
        port = free.getsockname()[1]
    names = [(number, f"p{number}") for number in range(count)]
    return {
        "name": "many",
        "link": "loopback",
        "exchange": {"name": "Many", "peeringdb-ix": 1, "metro": "Ashburn", "lan": {"ipv4": "10.80.0.0/16"}},
        "microsoft": {
            "asn": 8075,
            "announce": [{"generate": {"within": "32.0.0.0/4", "length": 24, "count": routes}}],
            "port": port,
        },
        "edges": [{"name": "edge-1", "ipv4": str(EDGE)}],
        "peers": [
            {
                "name": name,
                "asn": _FIRST_AS + number,
                "ipv4": str(_FIRST + number),
                "router": {"kind": "external", "address": str(_HERE + number)},
                "announce": [{"prefixes": [f"41.{number >> 8}.{number & 255}.0/24"]}],
            }
            for number, name in names
        ],
        "peerings": [{"name": name, "peer": name, "families": ["IPv4"]} for _, name in names],
        "times": {"soak": 0.5, "deadline": 300},
    }


@dataclass
class Lab:
    """A lab that runs, a client of it, and its peers, who do not call yet."""

    process: asyncio.subprocess.Process
    client: httpx.AsyncClient
    edge: Endpoint
    count: int
    turns: Path
    """Where the server wrote, at its end, how long turns of its event loop took."""

    def peers(self, numbers: Sequence[int], *, narrow: bool = False) -> list[Peer]:
        return [Peer(n, _FIRST_AS + n, _HERE + n, self.edge, narrow=narrow) for n in numbers]

    async def ask(self, verb: str, path: str, body: Any = None) -> Any:
        answer = await self.client.request(verb, path, json=body)
        assert answer.status_code < 300, (verb, path, answer.status_code, answer.text[:300])
        return answer.json() if answer.content else None

    async def request(self, numbers: Sequence[int]) -> None:
        """Ask Microsoft for a peering for each of these peers."""
        for number in numbers:
            asn = {"properties": {"peerAsn": _FIRST_AS + number, "peerName": f"p{number}"}}
            await self.ask("PUT", f"{SUBSCRIPTION}/peerAsns/p{number}?{VERSION}", asn)
        asns = f"{SUBSCRIPTION}/peerAsns?{VERSION}"
        await eventually(lambda: self.ask("GET", asns), lambda found: "Pending" not in json.dumps(found))
        for number in numbers:
            await self.ask("PUT", f"{GROUP}/peerings/p{number}?{VERSION}", _peering(number))

    async def states(self) -> dict[str, int]:
        """How many connections are in each state."""
        found: dict[str, int] = (await self.ask("GET", "/lab/v1/status"))["connections"]
        return found

    async def until(self, within: float = 120, **states: int) -> None:
        """Wait until so many connections are in these states."""
        await eventually(self.states, lambda found: states.items() <= found.items(), within)

    async def sessions(self) -> dict[int, dict[str, Any]]:
        """What `/lab/v1/sessions` says of each peer's session."""
        rows = await self.ask("GET", "/lab/v1/sessions")
        return {int(row["id"].split("/")[0].removeprefix("p")): row for row in rows}

    async def leaked(self) -> int:
        """NLRI that passed a shut gate, by the counters behind the gates."""
        return sum(each["leakedIn"] + each["leakedOut"] for each in await self.ask("GET", "/lab/v1/gates"))

    async def events(self, *names: str) -> list[dict[str, Any]]:
        """The event log's rows of these kinds, all of them."""
        found, after = list[dict[str, Any]](), 0
        while rows := await self.ask("GET", f"/lab/v1/events?after={after}&limit=10000"):
            found += [each for each in rows if not names or each["event"] in names]
            after = rows[-1]["seq"]
        return found

    @property
    def cpu(self) -> float:
        """Seconds that the server has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def resident(self) -> float:
        """Megabytes that the server has now."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextlib.asynccontextmanager
async def serving(directory: Path, found: dict[str, Any], *, count_turns: bool = False) -> AsyncIterator[Lab]:
    """Serve a topology; ended with the block, and it must end well."""
    path, output, turns = directory / "lab.yaml", directory / "serve.out", directory / "turns.json"
    write(found, path)
    module = ["-m", "tests.many.turns", str(turns)] if count_turns else ["-m", "simulator"]
    words = ["serve", str(path), "--port", "0", "--link", "loopback", "--database", f"sqlite:///{directory}/lab.db"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with output.open("w") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *module, *words, stdout=file, stderr=file, cwd=directory, env=env
        )
    edge = Endpoint(LoopbackLink(lan_of(build(found))).place("edge-1").host(EDGE), found["microsoft"]["port"])
    try:
        async with asyncio.timeout(90):
            while _READY not in (said := output.read_text()):
                assert process.returncode is None, said
                await asyncio.sleep(0.05)
        url = said.split(_READY[3:])[1].split()[0]
        async with httpx.AsyncClient(base_url=f"http://{url}", trust_env=False, timeout=120) as client:
            lab = Lab(process, client, edge, len(found["peers"]), turns)
            await lab.ask("PATCH", "/lab/v1/settings", {"mesh": False})
            yield lab
        if process.returncode is None:
            process.terminate()
            async with asyncio.timeout(60):
                assert await process.wait() == 0, output.read_text()[-2000:]
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _peering(number: int) -> dict[str, Any]:
    session = {"peerSessionIPv4Address": str(_FIRST + number), "microsoftSessionIPv4Address": str(EDGE)}
    connection = {"peeringDBFacilityId": 1, "bgpSession": {**session, "maxPrefixesAdvertisedV4": 20_000}}
    return {
        "sku": {"name": "Basic_Exchange_Free"},
        "kind": "Exchange",
        "location": "eastus",
        "properties": {
            "peeringLocation": "Ashburn",
            "exchange": {"peerAsn": {"id": f"{SUBSCRIPTION}/peerAsns/p{number}"}, "connections": [connection]},
        },
    }
