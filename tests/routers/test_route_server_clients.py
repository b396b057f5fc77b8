"""BIRD, FRR, GoBGP and OpenBGPD as clients of our route server, all at once (RFC 7947)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from simulator.addresses import IpAddress
from simulator.lab.netns import NetnsLink
from simulator.places.endpoint import BGP_PORT, Endpoint
from simulator.places.link import LanSpec, NodeSpec
from simulator.routers.base import Router, RouterConfig, RouterFiles, RouterSession
from simulator.routers.bird.adapter import Bird
from simulator.routers.frr.adapter import Frr
from simulator.routers.frr.file import BGPD as FRR_BGPD
from simulator.routers.gobgp.adapter import Gobgp
from simulator.routers.openbgpd.adapter import Openbgpd
from simulator.routers.openbgpd.file import BGPD as OPENBGPD_BGPD
from simulator.routers.route_server.adapter import SimulatedRouteServer
from simulator.session.messages import Family
from simulator.tables.bird_text import read_bird
from simulator.tables.table_entries import TableRoutes
from simulator.topology.route import RouterRoute
from tests.lab_support import LAN4, LAN6, eventually, require_netns, require_program, v4, v6

RS_AS = 9033
SERVER = 9
KINDS: Mapping[int, Callable[[], Router]] = {1: Bird, 2: Frr, 3: Gobgp, 4: Openbgpd}


@dataclass(frozen=True)
class Seen:
    """A route as a client holds it. A path is one of a sequence alone: there are no others here."""

    path: tuple[int, ...]
    next_hop: IpAddress
    communities: frozenset[str]
    large: frozenset[str]
    med: int | None


def asn(number: int) -> int:
    return 24000 + number


def address(number: int, family: Family) -> IpAddress:
    return v4(number) if family is Family.IPV4 else v6(number)


def name(number: int, family: Family) -> str:
    return f"rs/n{number}/{family.label.lower()}"


def other(number: int) -> int:
    """The one client that this one's control communities speak of."""
    return number % len(KINDS) + 1


def prefix(number: int, which: int, family: Family = Family.IPV4) -> str:
    return f"41.{number}.{which}.0/24" if family is Family.IPV4 else f"2c0f:{number}:{which + 1}::/48"


PLAIN, NONE, ONLY, NOT, TWICE, THRICE, STANDARD = range(7)


def routes(number: int) -> tuple[RouterRoute, ...]:
    """What one client announces: a route with attributes to be kept, and one for each control community."""
    peer = asn(other(number))
    kept = {"communities": (f"{asn(number)}:5",), "large_communities": (f"{asn(number)}:1:4294967295",)}

    def control(which: int, *large: str, standard: tuple[str, ...] = ()) -> RouterRoute:
        both = {"communities": (*kept["communities"], *standard)}
        both["large_communities"] = (*kept["large_communities"], *large)
        return RouterRoute(prefix(number, which), **both)  # type: ignore[arg-type]

    return (
        RouterRoute(prefix(number, PLAIN), med=10 * number, **kept),  # type: ignore[arg-type]
        control(NONE, f"{RS_AS}:0:0"),
        control(ONLY, f"{RS_AS}:0:0", f"{RS_AS}:1:{peer}"),
        control(NOT, f"{RS_AS}:0:{peer}"),
        control(TWICE, f"{RS_AS}:102:0"),
        control(THRICE, f"{RS_AS}:103:{peer}"),
        control(STANDARD, standard=(f"0:{RS_AS}", f"{RS_AS}:{peer}")),
        RouterRoute(prefix(number, PLAIN, Family.IPV6), med=10 * number, **kept),  # type: ignore[arg-type]
        RouterRoute(prefix(number, ONLY, Family.IPV6), large_communities=(f"{RS_AS}:0:0", f"{RS_AS}:1:{peer}")),
    )


def prepends(which: int, announcer: int, client: int) -> int:
    return 2 if which == TWICE else 3 if which == THRICE and client == other(announcer) else 0


def goes(which: int, announcer: int, client: int) -> bool:
    if which == NONE or client == announcer:
        return False
    if which in (ONLY, STANDARD):
        return client == other(announcer)
    return not (which == NOT and client == other(announcer))


def expected(client: int, family: Family) -> set[str]:
    kinds = range(7) if family is Family.IPV4 else (PLAIN, ONLY)
    return {prefix(n, which, family) for n in KINDS for which in kinds if goes(which, n, client)}


# --- what a client holds, in its own words ---


async def seen_by_bird(router: Bird, wanted: str) -> Seen:
    text = await router.command(f"show route {wanted} all")
    (found,) = [entry for entry in read_bird([text.encode()]) if isinstance(entry, TableRoutes)]
    path = found.path
    assert path.next_hop is not None
    return Seen(
        path.asns,
        path.next_hop,
        frozenset(f"{value >> 16}:{value & 0xFFFF}" for value in path.communities),
        frozenset(":".join(map(str, large)) for large in path.large_communities),
        path.med,
    )


async def seen_by_frr(router: Frr, wanted: str) -> Seen:
    afi = "ipv6" if ":" in wanted else "ipv4"
    (found,) = json.loads(await router.command(f"show bgp {afi} unicast {wanted} json"))["paths"]
    hops = [ip_address(hop["ip"]) for hop in found["nexthops"] if hop.get("scope") != "link-local"]
    return Seen(
        tuple(map(int, found["aspath"]["string"].split())),
        hops[0],
        frozenset(found.get("community", {}).get("string", "").split()),
        frozenset(found.get("largeCommunity", {}).get("string", "").split()),
        found.get("metric"),
    )


async def seen_by_gobgp(router: Gobgp, wanted: str) -> Seen:
    family = "ipv6" if ":" in wanted else "ipv4"
    table = await router.command("global", "rib", wanted, "--address-family", family)
    ((found,),) = table.values()
    attributes: dict[int, dict[str, Any]] = {each["type"]: each for each in found["attrs"]}
    hop = attributes[3]["nexthop"] if 3 in attributes else attributes[14]["nexthop"]
    large = attributes.get(32, {}).get("value", ())
    return Seen(
        tuple(each for segment in attributes[2]["as_paths"] for each in segment["asns"]),
        ip_address(hop),
        frozenset(f"{value >> 16}:{value & 0xFFFF}" for value in attributes.get(8, {}).get("communities", ())),
        frozenset(f"{each['ASN']}:{each['LocalData1']}:{each['LocalData2']}" for each in large),
        attributes.get(4, {}).get("metric"),
    )


async def seen_by_openbgpd(router: Openbgpd, wanted: str) -> Seen:
    (found,) = json.loads(await router.command("-j", "show", "rib", "detail", wanted))["rib"]
    return Seen(
        tuple(map(int, re.findall(r"\d+", found["aspath"]))),
        ip_address(found["exit_nexthop"]),
        frozenset(found.get("communities", ())),
        frozenset(found.get("large_communities", ())),
        found.get("metric"),
    )


SEEN: Mapping[int, Callable[[Any, str], Awaitable[Seen]]] = {
    1: seen_by_bird,
    2: seen_by_frr,
    3: seen_by_gobgp,
    4: seen_by_openbgpd,
}


@contextlib.asynccontextmanager
async def exchange() -> AsyncIterator[tuple[SimulatedRouteServer, dict[int, Router]]]:
    """Our route server with the four daemons, both families, everybody's routes announced."""
    require_netns()
    for program in ("bird", FRR_BGPD.path, "gobgpd", OPENBGPD_BGPD.path):
        require_program(program)
    nodes = tuple(NodeSpec(f"n{number}", (v4(number), v6(number))) for number in (*KINDS, SERVER))
    sessions = {
        number: tuple(
            RouterSession(
                name(number, family),
                address(number, family),
                address(SERVER, family),
                RS_AS,
                Endpoint(address(SERVER, family), BGP_PORT),
                route_server=True,
            )
            for family in Family
        )
        for number in KINDS
    }
    clients = tuple(
        RouterSession(one.name, one.remote_address, one.local_address, asn(number), Endpoint(one.local_address, 0))
        for number, mine in sessions.items()
        for one in mine
    )
    server, routers = SimulatedRouteServer(), {number: make() for number, make in KINDS.items()}
    lan = (str(LAN4), str(LAN6))
    with tempfile.TemporaryDirectory(prefix="turnup-") as directory:
        async with NetnsLink(LanSpec((LAN4, LAN6), nodes)) as link:
            try:
                config = RouterConfig("rs", RS_AS, str(v4(SERVER)), (), (), lan=lan, clients=clients)
                await server.start(link.place(f"n{SERVER}"), config, RouterFiles(Path(directory) / "rs"))
                for number, router in routers.items():
                    config = RouterConfig(
                        f"n{number}", asn(number), str(v4(number)), sessions[number], routes(number), lan=lan
                    )
                    files = RouterFiles(Path(directory) / f"n{number}")
                    await router.start(link.place(f"n{number}"), config, files)
                yield server, routers
            finally:
                await asyncio.gather(*(router.stop() for router in (*routers.values(), server)))


async def hold(router: Router, session: str, wanted: set[str]) -> None:
    async def held() -> str:
        found = await router.received(session)
        return f"missing {sorted(wanted - found)}, too much {sorted(found - wanted)}"

    await eventually(held, lambda found: found == "missing [], too much []")


@pytest.mark.privileged
@pytest.mark.router
async def test_four_implementations_at_once() -> None:
    async with exchange() as (server, routers):
        for number, router in routers.items():
            for family in Family:
                await hold(router, name(number, family), expected(number, family))

        # Transparency (§2.2), and each control community: what one announces, as each of the others holds it.
        for number, router in routers.items():
            for announcer in KINDS:
                for which in range(7):
                    if goes(which, announcer, number):
                        seen = await SEEN[number](router, prefix(announcer, which))
                        where = f"{prefix(announcer, which)} at {type(router).__name__}"
                        assert seen.path == (asn(announcer),) * (1 + prepends(which, announcer, number)), where
                        assert seen.next_hop == v4(announcer), where
                        assert seen.communities == {f"{asn(announcer)}:5"}, where
                        assert seen.large == {f"{asn(announcer)}:1:4294967295"}, where
                        if which == PLAIN:
                            assert seen.med == 10 * announcer, where
                if announcer != number:
                    seen = await SEEN[number](router, prefix(announcer, PLAIN, Family.IPV6))
                    assert (seen.path, seen.next_hop, seen.med) == ((asn(announcer),), v6(announcer), 10 * announcer)
                    assert seen.communities == {f"{asn(announcer)}:5"}
                    assert seen.large == {f"{asn(announcer)}:1:4294967295"}

        # One that is killed is withdrawn from all the others, who keep what the rest announced.
        for gone in (1, 3):
            process = routers[gone]._process  # type: ignore[attr-defined]
            process.kill()
            await process.wait()
            for number in routers.keys() - {1, gone}:
                left = {n for n in KINDS if n not in ((1,) if gone == 1 else (1, gone))}
                for family in Family:
                    kinds = range(7) if family is Family.IPV4 else (PLAIN, ONLY)
                    wanted = {prefix(n, which, family) for n in left for which in kinds if goes(which, n, number)}
                    await hold(routers[number], name(number, family), wanted)
        reports = {report.name: report.established for report in await server.sessions()}
        assert {found for found, up in reports.items() if up} == {name(n, f) for n in (2, 4) for f in Family}
