"""What tests of the netns link and of real routers share."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import NoReturn, TypeVar

import pytest

from simulator.engine.network import Network
from simulator.lab.privilege import netns_problem
from simulator.places.errors import LabError
from simulator.places.link import LanSpec, NodeSpec
from simulator.places.process import Program, find_program
from simulator.speakers.neighbor import Neighbor
from simulator.topology.plan import SessionPlan
from tests.patience import PATIENCE
from tests.surroundings import REQUIRE, required

T = TypeVar("T")


def neighbor_of(network: Network, plan: SessionPlan) -> Neighbor:
    """The edge's end of a session with its sockets, which nothing but a test looks at."""
    return network.edges._edge(plan).neighbor(plan.id)


LAN4 = ip_network("192.0.2.0/24")
LAN6 = ip_network("2001:db8:2::/64")


def v4(number: int) -> IPv4Address:
    """The nth node's IPv4 address on the LAN of `lan()`."""
    return IPv4Address(int(LAN4.network_address) + number)


def v6(number: int) -> IPv6Address:
    """The nth node's IPv6 address on the LAN of `lan()`."""
    return IPv6Address(int(LAN6.network_address) + number)


def lan(count: int) -> LanSpec:
    """A LAN with the nodes n1, n2, …, each with an address of both families."""
    nodes = tuple(NodeSpec(f"n{number}", (v4(number), v6(number))) for number in range(1, count + 1))
    return LanSpec((LAN4, LAN6), nodes)


def require_netns() -> None:
    """Skip, or fail where routers are required, when network namespaces cannot be made here."""
    problem = _netns_problem()
    if problem is not None:
        missing(problem)


_netns_problem = functools.cache(netns_problem)


def require_bird() -> None:
    """Skip, or fail where routers are required, when BIRD cannot be run here."""
    require_netns()
    require_program("bird")


def require_program(name: Program | str) -> None:
    """Skip, or fail where routers are required, when a program is not installed."""
    try:
        find_program(name)
    except LabError as error:
        missing(str(error))


def missing(reason: str) -> NoReturn:
    """End the test because something that it needs is not there."""
    if required(os.environ):
        pytest.fail(f"{REQUIRE}=1, but {reason}")
    pytest.skip(reason)


async def eventually(question: Callable[[], Awaitable[T]], wanted: Callable[[T], bool], seconds: float = PATIENCE) -> T:
    """Ask a daemon until its answer is as wanted; fails with the last answer at the deadline."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not wanted(answer := await question()):
        assert asyncio.get_running_loop().time() < deadline, f"still {answer} after {seconds:g} s"
        await asyncio.sleep(0.02)
    return answer
