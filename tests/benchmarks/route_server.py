"""P4: a route server with many clients, beside real daemons with the same clients.

    python -m tests.benchmarks.route_server [--clients N] [--prefixes N] [--runs N] [--daemons BIRD,FRR,OpenBGPD]

All sessions are up; then every client announces at once. The figure is the time until each of them holds what all the
others announced, and the same for the withdrawal of all. All judge every route by the same rules, as far as their
languages have them (`route_server_daemons`), and every client announces routes that must not come through. BIRD runs
without `secondary`, which is to its advantage.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_address
from pathlib import Path

from simulator.connection.states import ConnectionState
from simulator.lab.netns import NetnsLink
from simulator.peer.events import BgpStateChanged, NeighborConfig, SpeakerEvent
from simulator.places.link import LanSpec, NodeSpec
from simulator.places.loopback import HostPlace
from simulator.places.place import Place
from simulator.policy.rules import PolicyContext
from simulator.rib.route_server.client import RouteServerSettings
from simulator.rib.route_server.policy import ClientPolicy
from simulator.routers.base import RouterConfig, RouterFiles
from simulator.session.states import BgpState
from simulator.speakers.clock import Clock
from simulator.speakers.route_server import RouteServer
from tests.benchmarks.children import Child, Watch
from tests.benchmarks.route_server_daemons import DAEMONS, FIRST, FIRST_AS, LAN, RS_AS, SERVER, clients
from tests.benchmarks.route_server_swarm import say


@dataclass(frozen=True)
class Run:
    """One measurement."""

    announce: float
    withdraw: float
    swarm_cpu: tuple[float, float]
    server_cpu: float
    foreign: float
    """Cores that all other processes of the machine used."""

    @property
    def told(self) -> str:
        cpu = f"server {self.server_cpu:.2f}, clients {self.swarm_cpu[0]:.2f} + {self.swarm_cpu[1]:.2f}"
        doubt = ", no verdict" if self.foreign > 1 else ""
        return (
            f"{self.announce:.3f} s, withdraw {self.withdraw:.3f} s [CPU {cpu}; others {self.foreign:.1f} cores{doubt}]"
        )


async def serve(count: int) -> None:
    """turnup as the route server: lifts each client as it comes up."""
    loop = asyncio.get_running_loop()
    up: set[str] = set()

    def hear(event: SpeakerEvent) -> None:
        if isinstance(event, BgpStateChanged) and event.transition.target is BgpState.ESTABLISHED:
            loop.call_soon(lift, event.session)

    def lift(session: str) -> None:
        server.neighbor(session).rule(ConnectionState.ACTIVE, session_validated=True)
        up.add(session)

    server = RouteServer("rs", HostPlace("rs", {}), Clock(loop), hear, RouteServerSettings(RS_AS))
    where = await server.listen(ip_address(SERVER), 179)
    for address, asn in clients(count):
        config = NeighborConfig(
            id=str(address),
            local_as=RS_AS,
            router_id=SERVER,
            local_address=ip_address(SERVER),
            peer_address=address,
            peer_as=asn,
            local=where,
            remote=None,
            policy=ClientPolicy(PolicyContext(asn, str(address), RS_AS, lan=(LAN,))),
            hold_time=240,
        )
        server.add(config)
    say(event="ready")
    await loop.run_in_executor(None, sys.stdin.readline)
    leaked = [v.id for v in (n.view() for n in server.neighbors) if v.leaked_in or v.leaked_out]
    say(event="done", lifted=len(up), leaked=leaked)
    await server.close()


# --- a run ---


async def with_turnup(place: Place, directory: Path, count: int, measure: Callable[[int], Awaitable[Run]]) -> Run:
    child = Child(place, "tests.benchmarks.route_server", ["--serve", str(count)], directory / "server.log")
    try:
        await child.start()
        await child.until("ready")
        run = await measure(child.pid)
        child.tell()
        done = await child.until("done")
        if done["lifted"] != count or done["leaked"]:
            raise RuntimeError(f"turnup: {done}")
        return run
    finally:
        await child.stop()


async def with_daemon(
    name: str, place: Place, directory: Path, count: int, measure: Callable[[int], Awaitable[Run]]
) -> Run:
    make, configuration = DAEMONS[name]
    file = written(directory, configuration(count))
    router = make()
    try:
        await router.start(place, RouterConfig(name, RS_AS, SERVER, (), (), file=file), RouterFiles(directory / "lab"))
        assert router._process is not None
        return await measure(router._process.pid)
    finally:
        await router.stop()


def written(directory: Path, text: str) -> Path:
    directory.mkdir(exist_ok=True)
    file = directory / "own.conf"
    file.write_text(text)
    return file


async def measured(place: Place, directory: Path, options: argparse.Namespace, server: int) -> Run:
    """The swarm against whatever listens."""
    arguments = [SERVER, FIRST, str(FIRST_AS), str(options.clients), str(options.prefixes), str(options.per_set)]
    swarm = Child(place, "tests.benchmarks.route_server_swarm", arguments, directory / "swarm.log")
    try:
        await swarm.start()
        await swarm.until("established", 120)
        watch = Watch((swarm.pid, *family(server)))
        swarm.tell()
        announced = await swarm.until("converged", 200)
        (_, *cpu), foreign = watch.read()
        swarm.tell()
        withdrawn = await swarm.until("emptied", 200)
        costs = (float(announced["cpu"]), float(withdrawn["cpu"]))
        return Run(float(announced["seconds"]), float(withdrawn["seconds"]), costs, sum(cpu), foreign)
    except RuntimeError as error:
        raise RuntimeError(f"{error}\n{(directory / 'swarm.log').read_text()[-500:]}") from None
    finally:
        await swarm.stop()


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [pid]
    for parent in found:
        found += parents.get(parent, [])
    return found


async def main(options: argparse.Namespace) -> None:
    addresses = tuple(address for address, _ in clients(options.clients))
    spec = LanSpec((IPv4Network(LAN),), (NodeSpec("rs", (ip_address(SERVER),)), NodeSpec("clients", addresses)))
    print(
        f"P4: {options.clients} clients × {options.prefixes} prefixes, {options.per_set} an attribute set;"
        f" {os.cpu_count()} cores",
        flush=True,
    )
    found: dict[str, Run] = {}
    with tempfile.TemporaryDirectory(prefix="turnup-bench-") as name:
        directory = Path(name)
        async with NetnsLink(spec) as link:

            def measure(server: int) -> Awaitable[Run]:
                return measured(link.place("clients"), directory, options, server)

            for kind in ("turnup", *options.daemons):
                runs = []
                for _ in range(options.runs):
                    if kind == "turnup":
                        runs.append(await with_turnup(link.place("rs"), directory, options.clients, measure))
                    else:
                        place, own = link.place("rs"), directory / kind
                        runs.append(await with_daemon(kind, place, own, options.clients, measure))
                    print(f"  {kind:<9} {runs[-1].told}", flush=True)
                found[kind] = sorted(runs, key=lambda run: run.announce)[len(runs) // 2]
    ours = found.pop("turnup")
    for what in ("announce", "withdraw"):
        for kind, run in found.items():
            mine, theirs = getattr(ours, what), getattr(run, what)
            print(f"P4 {what}: {mine / theirs:.2f} × {kind} ({mine:.3f} s to {theirs:.3f} s; aim: at most 0.2 ×)")


def _daemons(text: str) -> list[str]:
    named = {name.lower(): name for name in DAEMONS}
    if strange := [name for name in text.split(",") if name and name.lower() not in named]:
        raise argparse.ArgumentTypeError(f"{strange[0]} is none of {', '.join(DAEMONS)}")
    return [named[name.lower()] for name in text.split(",") if name]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--prefixes", type=int, default=1000)
    parser.add_argument("--per-set", type=int, default=5)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--daemons", type=_daemons, default=list(DAEMONS), help="of " + ", ".join(DAEMONS))
    return parser.parse_args()


if __name__ == "__main__":
    given = _options()
    asyncio.run(serve(given.serve) if given.serve is not None else main(given))
