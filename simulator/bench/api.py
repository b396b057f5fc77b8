"""P8: `turnup serve` with many peerings: how long they take to become Active, and its answers meanwhile.

The server is a process of its own with its peers' simulated routers in it; this one only asks. Every figure stands
beside that of the same server with nothing to do.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from simulator.bench.children import environment
from simulator.bench.guard import Measure
from simulator.bench.reading import BenchError, Reading
from simulator.bench.stage import BenchStage, Work
from simulator.bench.usage import CpuWatch, family, resident

VERSION: Final = "api-version=2025-05-01"
SUBSCRIPTION: Final = "/subscriptions/lab/providers/Microsoft.Peering"
GROUP: Final = "/subscriptions/lab/resourceGroups/rg/providers/Microsoft.Peering"
_FIRST: Final = IPv4Address("206.126.237.1")
_FIRST_AS: Final = 210_001
_LOADER: Final = "loader"
_LIFTS: Final = 10
"""Each takes about the soak time of a second, and gives the p99 some answers to be of."""
_IDLE: Final = 3.0
"""Seconds of answers of a server with nothing to do."""


def topology(peers: int, routes: int) -> dict[str, Any]:
    """`peers` peers of one route each at an exchange with two edges, and one of `routes` routes."""

    def peer(number: int, name: str, prefixes: list[str]) -> dict[str, Any]:
        where = {"ipv4": str(_FIRST + number), "router": "simulated"}
        return {"name": name, "asn": _FIRST_AS + number, **where, "announce": [{"prefixes": prefixes}]}

    # Each route of the loader is an UPDATE's worth of its own only in its prefix: attribute sets are shared.
    many = [str(IPv4Address(0x0B000000 + (number << 8))) + "/24" for number in range(routes)]
    found = [peer(number, f"peer{number}", [f"1.{number >> 8}.{number & 255}.0/24"]) for number in range(peers)]
    everybody = [*found, peer(peers, _LOADER, many)]
    return {
        "name": "benchmark",
        "link": "loopback",
        "exchange": {"name": "Benchmark", "peeringdb-ix": 1, "metro": "Ashburn", "lan": {"ipv4": "206.124.0.0/14"}},
        "microsoft": {"asn": 8075, "announce": [{"prefixes": ["13.64.0.0/11"]}]},
        "edges": [{"name": "edge-1", "ipv4": "206.126.236.17"}, {"name": "edge-2", "ipv4": "206.126.236.148"}],
        "peers": everybody,
        # What the routers are configured for; who asks for it at Microsoft, and when, is another matter.
        "peerings": [
            {"name": f"{each['name']}-at", "kind": "Exchange", "peer": each["name"], "families": ["IPv4"]}
            for each in everybody
        ],
        "times": {"soak": 1, "deadline": 120},
    }


class RunningServer:
    """A running `turnup serve`."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self._port = port

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=120)

    def ask(self, verb: str, path: str, body: Any = None) -> Any:
        with contextlib.closing(self.connect()) as connection:
            connection.request(verb, path, json.dumps(body) if body is not None else None)
            answer = connection.getresponse()
            octets = answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{verb} {path}: {answer.status} {octets[:300]!r}")
        return json.loads(octets) if octets else None


@contextlib.contextmanager
def server(directory: Path, found: dict[str, Any], link: str = "loopback") -> Iterator[RunningServer]:
    """`turnup serve` on a port of the kernel's choice."""
    path, output = directory / "lab.yaml", directory / "serve.out"
    YAML(typ="safe").dump(found, path)
    words = ["serve", str(path), "--port", "0", "--link", link, "--database", f"sqlite:///{directory}/lab.db"]
    with output.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "simulator", *words],
            stdout=file,
            stderr=file,
            text=True,
            env=environment(),
        )
    try:
        while (ready := re.search(r"at http://127\.0\.0\.1:(\d+)", output.read_text())) is None:
            if process.poll() is not None:
                raise RuntimeError(output.read_text()[-2000:])
            time.sleep(0.1)
        yield RunningServer(process, int(ready[1]))
        process.send_signal(signal.SIGTERM)
        if process.wait(120) != 0:
            raise RuntimeError(output.read_text()[-2000:])
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


@dataclass(frozen=True, slots=True)
class Answers:
    """How long GETs took, in milliseconds, by what was asked for."""

    times: dict[str, list[float]]

    def quantile(self, share: float, what: str = "") -> float:
        found = sorted(each for name, times in self.times.items() if what in ("", name) for each in times)
        return found[min(len(found) - 1, int(share * len(found)))]

    @property
    def count(self) -> int:
        return sum(map(len, self.times.values()))

    def told(self) -> str:
        worst = max(self.times, key=lambda name: self.quantile(0.99, name))
        return (
            f"{self.count} GETs, p50 {self.quantile(0.5):.1f} ms, p99 {self.quantile(0.99):.1f} ms, "
            f"longest {self.quantile(1):.1f} ms (slowest kind: {worst}, p99 {self.quantile(0.99, worst):.1f} ms)"
        )


def asked(running: RunningServer, until: Callable[[], bool]) -> Answers:
    """One GET of each kind after the other, on a connection of its own, until it is over."""
    paths = {
        "one peering": f"{GROUP}/peerings/peer0?{VERSION}",
        "PeerAsns": f"{SUBSCRIPTION}/peerAsns?{VERSION}",
        "peerings": f"{SUBSCRIPTION}/peerings?{VERSION}",
        "status": "/lab/v1/status",
        "sessions": "/lab/v1/sessions",
        "events": "/lab/v1/events?limit=100",
    }
    times: dict[str, list[float]] = {name: [] for name in paths}
    connection = running.connect()
    while not until():
        for name, path in paths.items():
            began = time.perf_counter()
            connection.request("GET", path)
            connection.getresponse().read()
            times[name].append((time.perf_counter() - began) * 1000)
            time.sleep(0.005)  # somebody who only asks would be all of the load
    connection.close()
    return Answers(times)


def _for(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def _request(name: str, number: int) -> dict[str, Any]:
    session = {"peerSessionIPv4Address": str(_FIRST + number), "maxPrefixesAdvertisedV4": 100_000}
    inner = {
        "peerAsn": {"id": f"{SUBSCRIPTION}/peerAsns/{name}"},
        "connections": [{"peeringDBFacilityId": 1, "bgpSession": session}],
    }
    return {
        "sku": {"name": "Basic_Exchange_Free"},
        "kind": "Exchange",
        "location": "eastus",
        "properties": {"peeringLocation": "Ashburn", "exchange": inner},
    }


def put(running: RunningServer, name: str, number: int) -> None:
    _put_asn(running, name, number)
    running.ask("PUT", f"{GROUP}/peerings/{name}?{VERSION}", _request(name, number))


def _put_asn(running: RunningServer, name: str, number: int) -> None:
    running.ask("PUT", f"{SUBSCRIPTION}/peerAsns/{name}?{VERSION}", {"properties": {"peerAsn": _FIRST_AS + number}})
    while running.ask("GET", f"{SUBSCRIPTION}/peerAsns/{name}?{VERSION}")["properties"]["validationState"] == "Pending":
        time.sleep(0.01)


def until_active(running: RunningServer, connections: int, every: float = 0.2) -> None:
    while (found := running.ask("GET", "/lab/v1/status")["connections"]) != {"Active": connections}:
        if found.get("ProvisioningFailed"):
            connections_there = running.ask("GET", "/lab/v1/connections")
            why = {each["errorMessage"] for each in connections_there if each["errorMessage"]}
            raise RuntimeError(f"connections failed: {found}: {why}")
        time.sleep(every)


def _until_own_active(running: RunningServer, name: str, every: float = 0.2) -> None:
    """As the peer does who requested it."""
    while True:
        found = running.ask("GET", f"{GROUP}/peerings/{name}?{VERSION}")["properties"]["exchange"]["connections"]
        states = {each["connectionState"] for each in found}
        if states == {"Active"}:
            return
        if "ProvisioningFailed" in states:
            raise RuntimeError(f"{name} failed: {[each['errorMessage'] for each in found]}")
        time.sleep(every)


def _while_asked(running: RunningServer, work: Callable[[], None]) -> tuple[Answers, float]:
    """Do something while somebody asks; the answers, and the seconds that it took."""
    over, found = threading.Event(), list[Answers]()
    asking = threading.Thread(target=lambda: found.append(asked(running, over.is_set)))
    asking.start()
    began = time.monotonic()
    try:
        work()
    finally:
        seconds = time.monotonic() - began
        over.set()
        asking.join()
    return found[0], seconds


def _session_leaks(running: RunningServer) -> int:
    sessions = running.ask("GET", "/lab/v1/sessions")
    return sum(int(session["leakedIn"]) + int(session["leakedOut"]) for session in sessions)


def loading(directory: Path, peers: int, routes: int) -> Reading:
    """`peers` peerings come up; then `routes` routes load again and again while somebody asks."""
    with server(directory, topology(peers, routes)) as here:
        own = [here.process.pid]
        watch = CpuWatch(own)

        def turn_up() -> None:
            for number in range(peers):
                put(here, f"peer{number}", number)
            until_active(here, 2 * peers)

        coming, up = _while_asked(here, turn_up)
        idle = asked(here, _for(_IDLE))

        def load() -> None:
            put(here, _LOADER, peers)
            until_active(here, 2 * peers + 2)
            for _ in range(_LIFTS - 1):
                here.ask("POST", f"/lab/v1/peerings/{_LOADER}/revalidate")  # withdrawn, judged and taken again
                until_active(here, 2 * peers + 2)

        while_loading, _ = _while_asked(here, load)
        cpu = watch.read()[0]
        values = {
            "p99": while_loading.quantile(0.99),
            "idle": idle.quantile(0.99),
            "coming": coming.quantile(0.99),
            "up": up,
            "memory": resident(own[0]) / 1e6,
        }
        return watch.judge(Reading(values, cpu, watch.foreign, leaked=_session_leaks(here), note=while_loading.told()))


def coming_up(directory: Path, peers: int) -> Reading:
    """`peers` peerings are requested, one after the other, until the last of their connections is Active.

    Nobody asks for lists meanwhile, which are longer the more there are: each peer asks after its own peering.
    """
    with server(directory, topology(peers, 1)) as here:
        watch = CpuWatch([here.process.pid])
        began = time.monotonic()
        for number in range(peers):
            put(here, f"peer{number}", number)
        for number in range(peers):
            _until_own_active(here, f"peer{number}")
        seconds = time.monotonic() - began
        cpu = watch.read()[0]
        until_active(here, 2 * peers)
        values = {"seconds": seconds, "memory": resident(here.process.pid) / 1e6}
        return watch.judge(Reading(values, cpu, watch.foreign, leaked=_session_leaks(here)))


def again_and_again(directory: Path, times: int) -> Reading:
    """One connection to a BIRD that listens, requested, Active and deleted; the 95th percentile of so many times."""
    found = topology(1, 1)
    bird = {"router": "bird"}
    found = found | {"link": "netns", "edges": found["edges"][:1], "peers": [found["peers"][0] | bird]}
    found = found | {"peerings": found["peerings"][:1], "times": {"soak": 0, "deadline": 60}}
    with server(directory, found, link="netns") as here:
        watch = CpuWatch(family(here.process.pid))
        seconds = []
        _put_asn(here, "peer0", 0)
        for _ in range(times):
            began = time.monotonic()
            here.ask("PUT", f"{GROUP}/peerings/peer0?{VERSION}", _request("peer0", 0))
            until_active(here, 1, every=0.005)
            seconds.append(time.monotonic() - began)
            here.ask("DELETE", f"{GROUP}/peerings/peer0?{VERSION}")
            while here.ask("GET", "/lab/v1/status")["connections"]:
                time.sleep(0.01)
        cpu = sum(watch.read())
        seconds.sort()
        values = {"seconds": seconds[-(-95 * times // 100) - 1], "half": seconds[times // 2]}
        return watch.judge(Reading(values, cpu, watch.foreign))


def served(measured: Callable[[Path, BenchStage], Reading]) -> Work:
    """What asks a server, in a thread."""

    @contextlib.asynccontextmanager
    async def work(stage: BenchStage) -> AsyncIterator[Measure]:
        async def measure(who: str) -> Reading:
            with tempfile.TemporaryDirectory(prefix="api-", dir=stage.directory) as name:
                try:
                    return await asyncio.to_thread(measured, Path(name), stage)
                except RuntimeError as error:
                    raise BenchError(str(error)) from None

        yield measure

    return work


asked_while_loading = served(lambda directory, stage: loading(directory, stage.size(200), stage.size(20_000)))
"""P8: how long the server's answers take while 20,000 routes load, with 200 peerings."""
provisioned = served(lambda directory, stage: again_and_again(directory, stage.size(20)))
"""P5."""
