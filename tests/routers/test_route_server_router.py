"""The simulated route server as a router of the lab: what it is configured with, what it passes on, what it tells."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from simulator.addresses import IpAddress
from simulator.places.endpoint import Endpoint
from simulator.places.link import LanSpec, NodeSpec
from simulator.places.loopback import LoopbackLink
from simulator.policy.policy import PolicyError
from simulator.routers.base import Router, RouterConfig, RouterFiles, RouterSession
from simulator.routers.route_server.adapter import SimulatedRouteServer
from simulator.routers.simulated.adapter import Simulated
from simulator.session.messages import Family
from simulator.topology.route import RouterRoute
from simulator.wire import nlri
from tests.lab_support import eventually

RS_AS = 9033
PREFIXES = {1: ("41.1.0.0/24", "2c0f:1::/48"), 2: ("41.2.0.0/24", "2c0f:2::/48")}
LAN = ("203.0.113.0/24", "2001:db8:ffff::/64")


def asn(number: int) -> int:
    return 24000 + number


def address(number: int, family: Family) -> IpAddress:
    return ip_address(f"203.0.113.{number}" if family is Family.IPV4 else f"2001:db8:ffff::{number}")


def name(number: int, family: Family) -> str:
    return f"rs/c{number}/{family.label.lower()}"


@dataclass
class Exchange:
    """A route server and two members."""

    server: SimulatedRouteServer
    members: dict[int, Simulated]

    async def settled(self) -> None:
        """Until each member has the other's route on every session."""
        for member in self.members:
            for family in Family:
                await self.holds(member, family, {PREFIXES[3 - member][list(Family).index(family)]})

    async def holds(self, member: int, family: Family, wanted: set[str]) -> None:
        router = self.members[member]

        async def held() -> frozenset[str]:
            return await router.received(name(member, family))

        await eventually(held, lambda found: found == wanted)


@contextlib.asynccontextmanager
async def exchange(directory: Path, *more: RouterRoute, **options: Any) -> AsyncIterator[Exchange]:
    """`more`: what the first member announces beside its own; `options`: of the route server's configuration."""
    nodes = tuple(
        NodeSpec("rs" if n == 9 else f"c{n}", tuple(address(n, family) for family in Family)) for n in (9, 1, 2)
    )
    server = SimulatedRouteServer()
    members = {1: Simulated(), 2: Simulated()}
    async with LoopbackLink(LanSpec(tuple(map(ip_network, LAN)), nodes)) as link:
        clients = tuple(
            RouterSession(
                name(n, family),
                address(9, family),
                address(n, family),
                asn(n),
                Endpoint(link.place(f"c{n}").host(address(n, family)), 0),
            )
            for n in members
            for family in Family
        )
        config = RouterConfig("rs", RS_AS, "203.0.113.9", (), (), lan=LAN, clients=clients, **options)
        try:
            await server.start(link.place("rs"), config, RouterFiles(directory / "rs"))
            for n, member in members.items():
                sessions = tuple(
                    RouterSession(
                        name(n, family),
                        address(n, family),
                        address(9, family),
                        RS_AS,
                        server.endpoint(name(n, family)),
                        calls_first=True,
                    )
                    for family in Family
                )
                routes = (*map(RouterRoute, PREFIXES[n]), *(more if n == 1 else ()))
                await member.start(
                    link.place(f"c{n}"),
                    RouterConfig(f"c{n}", asn(n), f"203.0.113.{n}", sessions, routes),
                    RouterFiles(directory / f"c{n}"),
                )
            yield Exchange(server, members)
        finally:
            routers: tuple[Router, ...] = (*members.values(), server)
            for router in routers:
                await router.stop()
                await router.stop()


def path_of(router: Simulated, session: str, prefix: str) -> Any:
    assert router._speaker is not None
    return router._speaker.neighbor(session).adj_in.attributes(*nlri.key(prefix))


async def test_members_get_each_others_routes_as_they_were_announced(tmp_path: Path) -> None:
    async with exchange(tmp_path) as found:
        await found.settled()
        for mine, other in ((1, 2), (2, 1)):
            for family, prefix in zip(Family, PREFIXES[other], strict=True):
                session = name(mine, family)
                assert await found.members[mine].received(session) == {prefix}
                held = path_of(found.members[mine], session, prefix)
                assert held.path.as_path_text == str(asn(other)), "not the route server's own AS"
                assert held.path.next_hop == address(other, family)


async def test_it_tells_of_its_sessions_as_every_router_does(tmp_path: Path) -> None:
    async with exchange(tmp_path) as found:
        await found.settled()
        reports = await found.server.sessions()
        assert [report.name for report in reports] == [name(n, family) for n in (1, 2) for family in Family]
        assert {(r.state, r.established, r.received, r.exported) for r in reports} == {("Established", True, 1, 1)}
        assert all(report.since and not report.reason for report in reports)
        for n, other in ((1, 2), (2, 1)):
            for family in Family:
                index = list(Family).index(family)
                assert await found.server.received(name(n, family)) == {PREFIXES[n][index]}
                assert await found.server.exported(name(n, family)) == {PREFIXES[other][index]}
        assert (await found.server.version()).startswith("simulated route server (turnup ")
        with pytest.raises(KeyError):
            await found.server.received("nobody")


async def test_what_its_policy_refuses_is_not_received(tmp_path: Path) -> None:
    """192.0.2.0/24 is a bogon, the LAN nobody's to announce, and the topology's rules hold here, too."""
    more = (RouterRoute("192.0.2.0/24"), RouterRoute("203.0.113.0/25"), RouterRoute("41.9.0.0/26"))
    async with exchange(tmp_path, *more) as found:
        await found.settled()
        assert await found.server.received(name(1, Family.IPV4)) == {"41.1.0.0/24"}
        assert await found.server.exported(name(2, Family.IPV4)) == {"41.1.0.0/24"}
    lenient = {"bogon-prefix": {"documentation": False}, "prefix-too-long": {"ipv4": 26}}
    async with exchange(tmp_path, *more, rules=lenient) as found:
        taken = {"41.1.0.0/24", "192.0.2.0/24", "41.9.0.0/26"}
        await found.holds(2, Family.IPV4, taken)
        assert await found.server.received(name(1, Family.IPV4)) == taken


async def test_a_member_that_is_gone_takes_its_routes_with_it(tmp_path: Path) -> None:
    async with exchange(tmp_path) as found:
        await found.settled()
        await found.members[1].stop()
        for family in Family:
            await found.holds(2, family, set())
            assert await found.server.exported(name(2, family)) == frozenset()
        reports = {report.name: report for report in await found.server.sessions()}
        assert not reports[name(1, Family.IPV4)].established
        assert "Administrative Shutdown" in reports[name(1, Family.IPV4)].reason
        assert reports[name(2, Family.IPV4)].established


async def test_loopback_has_a_listening_socket_an_address_or_a_session(tmp_path: Path) -> None:
    async with exchange(tmp_path) as found:
        four = {found.server.endpoint(name(n, Family.IPV4)) for n in (1, 2)}
        six = {found.server.endpoint(name(n, Family.IPV6)) for n in (1, 2)}
        assert (len(four), len(six)) == (1, 2)  # all of IPv6 is ::1, so each session has a port of its own
        with pytest.raises(KeyError):
            found.server.endpoint("nobody")


async def test_what_it_cannot_start_with_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    server = SimulatedRouteServer()
    lan = LanSpec((ip_network(LAN[0]),), (NodeSpec("rs", (address(9, Family.IPV4),)),))
    async with LoopbackLink(lan) as link:
        place = link.place("rs")
        host = place.host(address(9, Family.IPV4))
        one = RouterSession("rs/c1", address(9, Family.IPV4), address(1, Family.IPV4), asn(1), Endpoint(host, 0))
        wrong = RouterConfig("rs", RS_AS, "203.0.113.9", (), (), clients=(one,), rules={"nonsense": True})
        with pytest.raises(PolicyError, match="nonsense"):
            await server.start(place, wrong, RouterFiles(tmp_path))
        assert await server.sessions() == ()
