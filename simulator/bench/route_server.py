"""P4: a route server with many clients, beside real daemons with the same clients.

All sessions are up; then every client announces at once. The figure is the time until each of them holds what all the
others announced, and the same for the withdrawal of all. All judge every route by the same rules, as far as their
languages have them (`route_server_daemons`), and every client announces routes that must not come through. BIRD runs
without `secondary`, which is to its advantage.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_address
from pathlib import Path

from simulator.bench.children import HelperProcess
from simulator.bench.guard import Measure
from simulator.bench.reading import OURS, BenchError, Reading
from simulator.bench.route_server_daemons import DAEMONS, FIRST, FIRST_AS, LAN, RS_AS, SERVER, clients
from simulator.bench.stage import BenchStage, Work
from simulator.bench.usage import CpuWatch, family, resident
from simulator.lab.netns import NetnsLink
from simulator.places.link import LanSpec, NodeSpec
from simulator.places.place import Place
from simulator.routers.base import RouterConfig, RouterFiles

_UP = 120
"""Seconds until all sessions are up."""
_DONE = 200
"""Seconds until all have announced or withdrawn."""

Load = Callable[[int], Awaitable[Reading]]
"""Measures the process that listens, by its number."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """The clients of one route server."""

    clients: int
    prefixes: int
    """Of each."""
    per_set: int
    """Prefixes with the same attributes."""


def exchange(clients_: int, prefixes: int, per_set: int) -> Work:
    """A route server with so many clients of so many prefixes each; a quick run has a tenth of the prefixes."""

    @contextlib.asynccontextmanager
    async def work(stage: BenchStage) -> AsyncIterator[Measure]:
        crowd = Crowd(clients_, stage.size(prefixes), per_set)
        addresses = tuple(address for address, _ in clients(crowd.clients))
        nodes = (NodeSpec("rs", (ip_address(SERVER),)), NodeSpec("clients", addresses))
        async with NetnsLink(LanSpec((IPv4Network(LAN),), nodes), offloads=True) as link:

            async def load(server: int) -> Reading:
                return await _loaded(link.place("clients"), stage.directory, crowd, server)

            async def measure(who: str) -> Reading:
                place, directory = link.place("rs"), stage.directory / who
                directory.mkdir(exist_ok=True)
                if who == OURS:
                    return await _with_turnup(place, directory, crowd.clients, load)
                return await _with_daemon(who, place, directory, crowd.clients, load)

            yield measure

    return work


async def _with_turnup(place: Place, directory: Path, count: int, load: Load) -> Reading:
    child = HelperProcess(place, "route_server", [str(count)], directory / "server.log")
    try:
        await child.start()
        await child.until("ready")
        reading = await load(child.pid)
        child.tell()
        done = await child.until("done")
        if done["lifted"] != count or done["leaked"]:
            raise BenchError(
                f"the route server lifted {done['lifted']} of {count} clients, and leaked {done['leaked']}"
            )
        return reading
    finally:
        await child.stop()


async def _with_daemon(name: str, place: Place, directory: Path, count: int, load: Load) -> Reading:
    make, configuration = DAEMONS[name]
    file, router = directory / "own.conf", make()
    file.write_text(configuration(count))
    file.chmod(0o600)  # OpenBGPD takes no file that others may write
    try:
        await router.start(place, RouterConfig(name, RS_AS, SERVER, (), (), file=file), RouterFiles(directory / "lab"))
        return await load(router.pid)
    finally:
        await router.stop()


async def _loaded(place: Place, directory: Path, crowd: Crowd, server: int) -> Reading:
    """The clients against the process that listens."""
    sizes = (FIRST_AS, crowd.clients, crowd.prefixes, crowd.per_set)
    child = HelperProcess(place, "clients", [SERVER, FIRST, *map(str, sizes)], directory / "clients.log")
    try:
        await child.start()
        await child.until("established", _UP)
        watch = CpuWatch((child.pid, *family(server)))
        child.tell()
        announced = await child.until("converged", _DONE)
        _, *cpu = watch.read()
        memory = sum(map(resident, family(server)))
        child.tell()
        withdrawn = await child.until("emptied", _DONE)
        values = {
            "seconds": float(announced["seconds"]),
            "withdraw": float(withdrawn["seconds"]),
            "memory": memory / 1e6,
        }
        busy = float(announced["cpu"])
        note = "the clients were measured" if busy > 0.9 * values["seconds"] > sum(cpu) else ""
        return watch.judge(Reading(values, sum(cpu), watch.foreign, note=note))
    finally:
        await child.stop()
