"""Connection monitor tests that are really done, from a node of the lab.

What a test is made of is published, how it is done is not (simulator): its sourceAgent is a node of the topology, and
the link is netns. A test whose agent is somebody else, or on the loopback link, never runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from simulator.addresses import IpAddress
from simulator.azure.model.resources import ConnectionMonitorTest
from simulator.azure.provider.unit_of_work import UnitOfWork
from simulator.engine.network import Network
from simulator.lab.probe import ping, tcp_port
from simulator.lab.traceroute import traceroute
from simulator.places.endpoint import BGP_PORT
from simulator.places.errors import LabError
from simulator.places.link import LinkKind
from simulator.places.place import Place

FREQUENCY: Final = 30
"""Seconds between two runs where a test names none: that of the specification's example."""


@dataclass(frozen=True, slots=True)
class TestOutcome:
    """What the last run of a test came to."""

    successful: bool = False
    path: tuple[str, ...] = ()
    """The hops that answered, in order."""


class Monitor:
    """One task a test. Outcomes are not kept: after a restart every test runs again."""

    def __init__(self, unit: UnitOfWork, network: Network, failed: Callable[[BaseException], None]) -> None:
        """`failed` gets what no run may raise."""
        self._unit = unit
        self._network = network
        self._failed = failed
        self._outcomes: dict[str, TestOutcome] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self) -> None:
        for test in self._unit.all(ConnectionMonitorTest):
            self.follow(test)

    def follow(self, test: ConnectionMonitorTest) -> None:
        """A test was made or changed: run it from now on."""
        self.forget(test.key)
        task = self._tasks[test.key] = asyncio.ensure_future(self._run(test))
        task.add_done_callback(self._ended)

    def forget(self, key: str) -> None:
        """A test was deleted, or the service that it belongs to."""
        for known in [known for known in self._tasks if known == key or known.startswith(key + "/")]:
            self._tasks.pop(known).cancel()
            self._outcomes.pop(known, None)

    def outcome(self, key: str) -> TestOutcome:
        return self._outcomes.get(key, TestOutcome())

    async def stop(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(error)

    async def _run(self, test: ConnectionMonitorTest) -> None:
        place = self._place(test.agent)
        try:
            destination = ip_address(test.destination)
        except ValueError:
            return
        while place is not None:
            self._outcomes[test.key] = await _test(place, destination, test.port)
            await asyncio.sleep(test.frequency or FREQUENCY)

    def _place(self, agent: str) -> Place | None:
        topology = self._network.topology
        if self._network.kind is LinkKind.NETNS and agent in {each.name for each in (*topology.edges, *topology.peers)}:
            return self._network.site.place(agent)
        return None


async def _test(place: Place, destination: IpAddress, port: int | None) -> TestOutcome:
    """The TCP port is open, or where none is named the address answers a ping; and who is on the way.

    BGP's port is only pinged: a daemon takes a connection of a peer's address for the peer.
    """
    hops = await traceroute(place, destination)
    path = tuple(str(hop.responder) for hop in hops if hop.responder is not None)
    if port is None or port == BGP_PORT:
        return TestOutcome((await ping(place, destination)).answered, path)
    local = IPv4Address(0) if destination.version == 4 else IPv6Address(0)
    try:
        return TestOutcome(await tcp_port(place, local, destination, port) == "open", path)
    except LabError:
        return TestOutcome(False, path)
