"""Latency, jitter and loss: what the kernel is asked, and what is said where it has no netem."""

from __future__ import annotations

import errno
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from pyroute2.netlink.exceptions import NetlinkError

from simulator.lab.netem import impair, settings
from simulator.lab.netns import NetnsLink
from simulator.lab.probe import ping
from simulator.places.link import CableSpec, LanSpec, NodeSpec, Quality
from tests.lab_support import lan, require_netns, v4
from tests.patience import PATIENCE

CABLE = CableSpec(
    "cable",
    (ip_network("198.51.100.0/31"),),
    (NodeSpec("edge", (ip_address("198.51.100.1"),)), NodeSpec("peer", (ip_address("198.51.100.0"),))),
    quality=Quality(latency=20),
)


class Kernel:
    """As much of pyroute2's IPRoute as is asked."""

    def __init__(self, error: int = 0) -> None:
        self._error = error
        self.asked: list[Any] = []

    def tc(self, *arguments: Any, **parameters: Any) -> None:
        self.asked.append((arguments, parameters))
        if self._error:
            raise NetlinkError(self._error, "no")


def test_the_kernel_is_asked_in_its_own_units() -> None:
    assert settings(Quality(2.5, 0.25, 1.5)) == {"delay": 2500, "jitter": 250, "loss": 1.5, "limit": 100_000}
    kernel = Kernel()
    assert impair(kernel, 7, Quality(loss=3)) == ""
    (((command, kind, index), parameters),) = kernel.asked
    assert (command, kind, index, parameters["loss"], parameters["delay"]) == ("add", "netem", 7, 3, 0)


@pytest.mark.parametrize(
    ("error", "words"),
    [(errno.ENOENT, "modprobe sch_netem"), (errno.EOPNOTSUPP, "modprobe sch_netem"), (errno.EPERM, "cannot be set up")],
)
def test_what_it_refuses_is_one_line(error: int, words: str) -> None:
    problem = impair(Kernel(error), 7, Quality(latency=1))
    assert words in problem
    assert "\n" not in problem


@pytest.mark.privileged
async def test_a_link_is_as_slow_as_asked_or_says_why_it_is_not() -> None:
    require_netns()
    async with NetnsLink(LanSpec((), ()), cables=[CABLE]) as link:
        echo = await ping(link.place("peer"), ip_address("198.51.100.1"), timeout=PATIENCE)
        assert echo.rtt_ms is not None
        if link.quality_problem:
            assert "no netem" in link.quality_problem
            assert echo.rtt_ms < 40
            pytest.skip(link.quality_problem)
        assert echo.rtt_ms >= 40, "20 ms each way"


@pytest.mark.privileged
async def test_a_slow_node_of_a_lan_is_slow_for_all_and_the_others_are_not() -> None:
    require_netns()
    spec = lan(3)
    slow = replace(spec, nodes=(*spec.nodes[:2], replace(spec.nodes[2], quality=Quality(latency=20))))
    async with NetnsLink(slow) as link:
        if link.quality_problem:
            pytest.skip(link.quality_problem)
        fast, slow_echo = [await ping(link.place("n1"), v4(number), timeout=PATIENCE) for number in (2, 3)]
        assert fast.rtt_ms is not None
        assert slow_echo.rtt_ms is not None
        assert slow_echo.rtt_ms >= 40
        echoes = (await ping(link.place("n1"), v4(2), timeout=PATIENCE) for _ in range(20))
        assert any([echo.rtt_ms is not None and echo.rtt_ms < 40 async for echo in echoes]), "a busy machine is late"


@pytest.mark.privileged
async def test_a_link_without_wishes_asks_the_kernel_for_nothing() -> None:
    require_netns()
    async with NetnsLink(lan(2), cables=[replace(CABLE, quality=Quality())]) as link:
        assert link.quality_problem == ""
