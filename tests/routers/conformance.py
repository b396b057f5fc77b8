"""The contract of `simulator.routers.base.Router` as tests that every kind of real router passes.

A kind's test module says what is particular about it and inherits the rest:

    SUBJECT = Subject(make=Frr, title="FRR", programs=("/usr/lib/frr/bgpd",), version="FRR ", …)

    class TestConformance(RouterConformance):
        subject = SUBJECT

    class TestOwnFile(OwnFileConformance):
        subject = SUBJECT

The router lives on node n1 of an exchange LAN in namespaces, AS8075 is our own speaker on n2, n3 is for a second
router. The edge's sessions are lifted (connection Active, session validated) unless a test says otherwise.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from simulator.addresses import IpAddress
from simulator.connection.states import ConnectionState
from simulator.lab.netns import NetnsLink, NetnsPlace
from simulator.lab.privilege import userns_problem
from simulator.lab.probe import ping
from simulator.peer.events import NeighborConfig, cease
from simulator.places.endpoint import BGP_PORT, Endpoint
from simulator.places.errors import LabError
from simulator.places.link import LinkKind
from simulator.places.loopback import LoopbackPlace
from simulator.places.sandbox import Sandbox
from simulator.rib.announcement import Announcement
from simulator.routers.base import Router, RouterConfig, RouterFiles, RouterSession, SessionReport
from simulator.routers.configs.registry import FORMATS
from simulator.routers.registry import ROUTERS
from simulator.routers.simulated.adapter import path_of as announced
from simulator.session.config import SessionTimes
from simulator.session.messages import Cease, ErrorCode, Family
from simulator.session.states import BgpState
from simulator.speakers.clock import Clock
from simulator.speakers.neighbor import Neighbor
from simulator.speakers.speaker import Speaker
from simulator.topology.kinds import LANGUAGES, Says
from simulator.topology.route import RouterRoute
from simulator.topology.sayable import needs, unsayable
from simulator.wire import nlri
from simulator.wire.attribute_codec import AsSegment, PathAttributes, SegmentKind
from tests.lab_support import eventually, lan, missing, require_netns, require_program, v4, v6
from tests.patience import PATIENCE
from tests.surroundings import REQUIRE

ROOT = Path(__file__).parents[2]
MICROSOFT = 8075
PEER_AS = 64496
MANY = 20_000

V4_NAME, V6_NAME = "contoso-ashburn/edge-1/ipv4", "contoso-ashburn/edge-1/ipv6"

EDGE_ROUTES: Mapping[Family, tuple[str, ...]] = {
    Family.IPV4: ("104.40.0.0/13", "13.64.0.0/11", "20.33.0.0/16"),
    Family.IPV6: ("2603:1000::/24", "2a01:111:f000::/36"),
}
"""What AS8075 announces."""

OWN_ROUTES = (
    RouterRoute("41.0.0.0/16"),
    RouterRoute("41.1.0.0/16", (64500, 64501), ("8075:8007", "65535:65281"), ("64500:1:2", "64500:3:4"), 50),
    RouterRoute("41.2.0.0/16", communities=("8075:8007",)),
    RouterRoute("41.3.0.0/16", large_communities=("4200000000:4294967295:0",)),
    RouterRoute("41.4.0.0/16", (4200000001,), med=0),
    RouterRoute("2c0f:1::/32"),
    RouterRoute("2c0f:2::/32", (64500,), ("64500:7",), ("64500:1:2",), 4294967295),
    RouterRoute("2c0f:3:0:1:0:1::/96"),
)
"""What the router originates: every attribute alone and together, both families."""

_SET = AsSegment(SegmentKind.SET, (64501, 64502))
RICH_ROUTES = (
    RouterRoute("41.10.0.0/16", origin=1),
    RouterRoute("41.11.0.0/16", (64500,), communities=("8075:8007",), med=7, origin=2),
    RouterRoute("41.12.0.0/16", (64500, _SET)),
    RouterRoute("41.13.0.0/16", (_SET, 64503)),
    RouterRoute("41.14.0.0/16", aggregator=(64500, "10.0.0.1"), atomic_aggregate=True),
    RouterRoute("41.15.0.0/16", aggregator=(4200000001, "10.0.0.2")),
    RouterRoute("41.22.0.0/16", aggregator=(64500, "10.0.0.1")),
    RouterRoute("41.16.0.0/16", extended_communities=(bytes.fromhex("0002fbf000000064"),)),
    RouterRoute("41.17.0.0/16", (64500,), extended_communities=(bytes.fromhex("0203fa56ea010005"),)),
    RouterRoute("41.18.0.0/16", extended_communities=(bytes.fromhex("0102c00002010007"), bytes(range(8)))),
    RouterRoute("41.19.0.0/16", otc=PEER_AS),
    RouterRoute("41.20.0.0/16", unknown=((0xC0, 99, b"\1\2"),)),
    RouterRoute("41.21.0.0/16", next_hop="192.0.2.77"),
    RouterRoute("2c0f:10::/32", origin=2, extended_communities=(bytes.fromhex("0003fbf000000065"),)),
    RouterRoute("2c0f:11::/32", (64500, _SET), origin=1),
)
"""What only some languages have a way to say."""

FILE_ROUTES = (RouterRoute("41.0.0.0/16"), RouterRoute("2c0f:1::/32"))
"""What the user's own file originates. They are in the RouterConfig too, for routers whose file cannot hold routes."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One kind of router: how to make it and what the suite must know of it."""

    make: Callable[[], Router]
    title: str
    """What errors call it: `FRR of n1 …`."""
    programs: tuple[str, ...]
    version: str
    """How its version begins."""
    file: Callable[[RouterConfig], str] | None = None
    """A file as its user would write it: the sessions of the configuration, FILE_ROUTES, everything imported."""
    broken_file: str = ""
    """A file that the daemon refuses."""
    broken_words: str = ""
    """A regular expression for the daemon's own words about it."""
    max_prefix_subcodes: frozenset[int] = frozenset({Cease.MAX_PREFIXES})
    """The Cease subcodes with which it may end a session that exceeds its limit."""
    default_med: int | None = None
    """The MED of a route that is originated without one: FRR cannot leave it out."""
    loopback: bool = False
    """It also runs on `link: loopback`."""


class RecordingPlace:
    """A place that remembers the children that were started in it."""

    def __init__(self, place: NetnsPlace) -> None:
        self.real = place
        self.name, self.kind = place.name, place.kind
        self.children: list[asyncio.subprocess.Process] = []

    @property
    def port(self) -> int:
        return self.real.port

    def host(self, address: IpAddress) -> IpAddress:
        return self.real.host(address)

    def socket(self, family: socket.AddressFamily, type_: socket.SocketKind, proto: int = 0) -> socket.socket:
        return self.real.socket(family, type_, proto)

    async def spawn(
        self, argv: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None, sandbox: Sandbox | None = None
    ) -> asyncio.subprocess.Process:
        child = await self.real.spawn(argv, log=log, env=env, sandbox=sandbox)
        self.children.append(child)
        return child

    def tcp_counters(self) -> dict[str, int]:
        return self.real.tcp_counters()

    async def kill(self) -> None:
        """Everything that was started here dies at once."""
        for child in self.children:
            if child.returncode is None:
                os.killpg(child.pid, signal.SIGKILL)
        for child in self.children:
            await child.wait()

    @property
    def left(self) -> list[int]:
        """The process groups that still have a member."""
        return [child.pid for child in self.children if child.returncode is None or _group_lives(child.pid)]


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def session(number: int, name: str, **more: object) -> RouterSession:
    """The session of router n`number` with the edge, whose family the name tells."""
    address = v4 if name.endswith("4") else v6
    made = RouterSession(name, address(number), address(2), MICROSOFT, Endpoint(address(2), BGP_PORT))
    return replace(made, **more)  # type: ignore[arg-type]


def configuration(
    routes: Iterable[RouterRoute] = (), *, number: int = 1, names: Sequence[str] = (V4_NAME, V6_NAME), **more: object
) -> RouterConfig:
    """For router n`number`; `more` goes to both sessions."""
    sessions = tuple(session(number, name, **more) for name in names)
    return RouterConfig(f"n{number}", PEER_AS, f"10.255.0.{number}", sessions, tuple(routes))


def edge_announcements(prefixes: Iterable[str]) -> list[Announcement]:
    """Two attribute sets, shared among the prefixes."""
    paths = (
        PathAttributes(communities=(8075 << 16 | 1,)),
        PathAttributes(as_path=(AsSegment(SegmentKind.SEQUENCE, (8068, 8069)),)),
    )
    grouped: dict[tuple[Family, int], list[bytes]] = {}
    for number, prefix in enumerate(prefixes):
        family, key = nlri.key(prefix)
        grouped.setdefault((family, number % 2), []).append(key)
    return [Announcement(family, paths[kind], tuple(keys)) for (family, kind), keys in grouped.items()]


def held(neighbor: Neighbor) -> dict[str, tuple[object, ...]]:
    """What the edge's Adj-RIB-In holds: prefix to AS path, communities, large communities, MED and next hop."""
    return {
        nlri.text(route.family, route.key): (
            path.asns,
            frozenset(path.communities_text),
            frozenset(path.large_communities),
            path.med,
            path.next_hop,
            path.origin,
        )
        for route in neighbor.adj_in.routes()
        for path in [route.attributes.path]
    }


def wanted(config: RouterConfig, name: str, subject: Subject) -> dict[str, tuple[object, ...]]:
    """What it should hold of this session."""
    found = next(found for found in config.sessions if found.name == name)
    return {
        route.prefix: (
            (config.asn, *route.as_path),
            frozenset(route.communities),
            frozenset(tuple(map(int, text.split(":"))) for text in route.large_communities),
            subject.default_med if route.med is None else route.med,
            found.local_address,
            0,
        )
        for route in config.routes
        if (":" in route.prefix) == (found.family is Family.IPV6)
    }


def rich(route: RouterRoute, config: RouterConfig, name: str, subject: Subject) -> PathAttributes:
    """What the edge should hold of a route: all that was written."""
    found = next(found for found in config.sessions if found.name == name)
    path = announced(replace(route, as_path=(config.asn, *route.as_path)))
    med = subject.default_med if path.med is None else path.med
    extended = tuple(sorted(path.extended_communities))
    return replace(path, next_hop=path.next_hop or found.local_address, med=med, extended_communities=extended)


def path_of(*asns: int) -> PathAttributes:
    """What stands behind the edge's own AS."""
    return PathAttributes(as_path=(AsSegment(SegmentKind.SEQUENCE, asns),))


class Bench:
    """A LAN with the router under test and AS8075."""

    def __init__(self, subject: Subject, link: NetnsLink, directory: Path, exit_: AsyncExitStack) -> None:
        self.subject = subject
        self.link = link
        self.directory = directory
        self.places = {name: RecordingPlace(link.place(name)) for name in ("n1", "n2", "n3")}
        self._exit = exit_

    async def start(self, config: RouterConfig) -> Router:
        """Start a router of the kind in its place; it is stopped at the end."""
        router = self.subject.make()
        self._exit.push_async_callback(router.stop)
        await router.start(self.places[config.name], config, RouterFiles(self.directory / config.name))
        return router

    async def edge(self, announced: Iterable[str] = ()) -> Speaker:
        """AS8075, listening on its two addresses; it is closed at the end."""
        return await self.speaker("n2", announced)

    async def speaker(self, node: str, announced: Iterable[str | Announcement]) -> Speaker:
        """One of our own speakers on a node, listening on its two addresses; it is closed at the end."""
        clock, routes = Clock(asyncio.get_running_loop()), list(announced)
        announcements = [route for route in routes if isinstance(route, Announcement)]
        announcements += edge_announcements(route for route in routes if isinstance(route, str))
        speaker = Speaker(node, self.places[node], clock, lambda event: None, announcements)
        self._exit.push_async_callback(speaker.close)
        await speaker.listen(v4(int(node[1:])))
        await speaker.listen(v6(int(node[1:])))
        return speaker

    def provision(
        self,
        speaker: Speaker,
        router: Router | None,
        config: RouterConfig,
        *,
        lifted: bool = True,
        dial: bool = True,
        **more: object,
    ) -> dict[str, Neighbor]:
        """The edge's end of each session of a router: name to neighbour."""
        made = {}
        for found in config.sessions:
            mirrored = NeighborConfig(
                id=f"{config.name} {found.name}",
                local_as=MICROSOFT,
                router_id="10.255.0.2",
                local_address=found.remote_address,
                peer_address=found.local_address,
                peer_as=config.asn,
                local=Endpoint(found.remote_address, BGP_PORT),
                remote=router.endpoint(found.name) if router else Endpoint(found.local_address, BGP_PORT),
                md5=found.md5,
                gtsm=found.gtsm,
                dial=dial,
                times=SessionTimes(connect_retry=1),
            )
            made[found.name] = speaker.add(replace(mirrored, **more))  # type: ignore[arg-type]
            if lifted:
                lift(made[found.name])
        return made


def lift(neighbor: Neighbor) -> None:
    """The connection is Active and the session validated."""
    neighbor.rule(ConnectionState.ACTIVE, session_validated=True)


def deny(neighbor: Neighbor) -> None:
    """The connection left Active."""
    neighbor.rule(ConnectionState.VALIDATING, session_validated=True)


async def until(
    router: Router, wanted: Callable[[Sequence[SessionReport]], bool], seconds: float = PATIENCE
) -> Sequence[SessionReport]:
    """Ask the router for its sessions until they are as wanted."""
    return await eventually(router.sessions, wanted, seconds)


async def established(router: Router, neighbors: Mapping[str, Neighbor] | None = None) -> Sequence[SessionReport]:
    """Wait until both ends of every session say Established."""
    reports = await until(router, lambda reports: all(report.established for report in reports))
    for neighbor in (neighbors or {}).values():
        await edge_reaches(neighbor)
    return reports


async def edge_reaches(neighbor: Neighbor, *, established: bool = True) -> None:
    """Wait until the edge's end is Established, or is not."""

    async def question() -> BgpState:
        return neighbor.view().bgp_state

    await eventually(question, lambda found: (found is BgpState.ESTABLISHED) is established)


async def edge_holds(neighbor: Neighbor, expected: Mapping[str, tuple[object, ...]] | int) -> None:
    """Wait until the edge holds as many routes, then compare what it holds."""

    async def question() -> int:
        return neighbor.adj_in.received

    count = expected if isinstance(expected, int) else len(expected)
    await eventually(question, lambda found: found == count)
    if not isinstance(expected, int):
        assert held(neighbor) == expected


async def holds(router: Router, session: str, expected: Iterable[str]) -> None:
    """Wait until the router holds exactly these prefixes from us."""
    awaited = frozenset(expected)
    await eventually(lambda: router.received(session), lambda found: found == awaited)


async def sends(router: Router, session: str, expected: Iterable[str]) -> None:
    """Wait until the router says that it sends us exactly these prefixes."""
    awaited = frozenset(expected)
    await eventually(lambda: router.exported(session), lambda found: found == awaited)


def one_line(error: LabError, subject: Subject, name: str = "n1") -> str:
    text = str(error)
    assert "\n" not in text
    assert text.startswith(f"{subject.title} of {name} "), text
    return text


class _Suite:
    """What both suites share."""

    subject: ClassVar[Subject]

    @pytest.fixture
    async def bench(self) -> AsyncIterator[Bench]:
        require_netns()
        for program in self.subject.programs:
            require_program(program)
        # pytest's own directories are too deep for Unix sockets when a test's name is long.
        with tempfile.TemporaryDirectory(prefix="turnup-") as directory:
            async with NetnsLink(lan(3)) as link, AsyncExitStack() as exit_:
                yield Bench(self.subject, link, Path(directory), exit_)

    def in_a_user_namespace(self, test: str) -> None:
        """Run one of the suite's tests as the root of a user namespace of one user: `turnup` of an ordinary user."""
        require_netns()
        for program in self.subject.programs:
            require_program(program)
        problem = userns_problem()
        if problem is not None:
            missing(problem)
        if os.environ.get("TURNUP_USERNS"):
            pytest.skip("this is that user namespace")
        whole = f"{sys.modules[type(self).__module__].__file__}::{type(self).__name__}::{test}"
        command = ["unshare", "--user", "--map-root-user", "--", sys.executable, "-m", "pytest", "-q", whole]
        command += ["-p", "no:cacheprovider", "-p", "no:xdist", "-o", "addopts=--import-mode=importlib"]
        environment = {**os.environ, "TURNUP_USERNS": "1", REQUIRE: "1"}
        outcome = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=150)
        assert outcome.returncode == 0, outcome.stdout[-4000:] + outcome.stderr[-4000:]


@pytest.mark.privileged
@pytest.mark.router
class RouterConformance(_Suite):
    """Everything that a router does with the configuration that its adapter writes."""

    async def test_both_families_come_up_and_routes_pass_both_ways(self, bench: Bench) -> None:
        config = configuration(OWN_ROUTES)
        router = await bench.start(config)
        edge = await bench.edge([*EDGE_ROUTES[Family.IPV4], *EDGE_ROUTES[Family.IPV6]])
        neighbors = bench.provision(edge, router, config)
        reports = await established(router, neighbors)
        assert [(r.name, r.reason) for r in reports] == [(V4_NAME, ""), (V6_NAME, "")]
        assert all(r.state and r.since for r in reports)
        for name, family in ((V4_NAME, Family.IPV4), (V6_NAME, Family.IPV6)):
            await edge_holds(neighbors[name], wanted(config, name, self.subject))
            await holds(router, name, EDGE_ROUTES[family])
            await sends(router, name, wanted(config, name, self.subject))
            view = neighbors[name].view()
            assert view.negotiated_families == {family}, "a session carries only its own family"
            assert view.peer_open is not None
            assert view.peer_open.capabilities.families == {family}
            assert view.negotiated_hold_time == config.hold_time
            assert str(view.peer_open.bgp_identifier) == config.router_id
        reports = await until(router, lambda reports: [(r.received, r.exported) for r in reports] == [(3, 5), (2, 3)])
        assert (await router.version()).startswith(self.subject.version)

    async def test_it_answers_everybody_who_asks_at_once(self, bench: Bench) -> None:
        """At a deadline all is asked together: its socket's queue is short."""
        router = await bench.start(configuration(OWN_ROUTES))
        answers = await asyncio.gather(*(router.answer(name) for name in (V4_NAME, V6_NAME) * 12))
        assert all(answer is not None and answer.configured for answer in answers)

    def test_an_ordinary_user_can_run_it(self) -> None:
        self.in_a_user_namespace("test_both_families_come_up_and_routes_pass_both_ways")

    async def test_it_announces_all_that_its_language_can_say(self, bench: Bench) -> None:
        """And refuses the rest in words, each attribute of it."""
        kind = self.subject.make().kind
        said = [route for route in RICH_ROUTES if unsayable(kind, route) is None]
        says = LANGUAGES[kind].says
        assert {what for route in said for what, _ in needs(route)} >= says - {Says.PARTIAL}, "each was tried"
        config = configuration(said)
        router = await bench.start(config)
        neighbors = bench.provision(await bench.edge(), router, config)
        await established(router, neighbors)
        for name, family in ((V4_NAME, Family.IPV4), (V6_NAME, Family.IPV6)):
            expected = {
                route.prefix: rich(route, config, name, self.subject)
                for route in said
                if (":" in route.prefix) == (family is Family.IPV6)
            }
            await edge_holds(neighbors[name], len(expected))
            for held_route in neighbors[name].adj_in.routes():
                path = held_route.attributes.path  # daemons sort what is a set
                path = replace(path, extended_communities=tuple(sorted(path.extended_communities)), link_local=None)
                assert path == expected.pop(nlri.text(family, held_route.key))
            assert not expected
        for route in RICH_ROUTES:
            if route not in said:
                with pytest.raises(
                    LabError, match=f"route {route.prefix} cannot be written for {self.subject.title} with"
                ):
                    FORMATS[kind](configuration([route]))

    async def test_the_hold_time_is_the_configured_one(self, bench: Bench) -> None:
        config = replace(configuration(), hold_time=30)
        router = await bench.start(config)
        neighbors = bench.provision(await bench.edge(), router, config)
        await established(router, neighbors)
        assert [n.view().negotiated_hold_time for n in neighbors.values()] == [30, 30]

    async def test_lifting_and_denying_does_not_reset_the_session(self, bench: Bench) -> None:
        config = configuration(OWN_ROUTES)
        router = await bench.start(config)
        edge = await bench.edge([*EDGE_ROUTES[Family.IPV4], *EDGE_ROUTES[Family.IPV6]])
        neighbors = bench.provision(edge, router, config, lifted=False)
        await established(router, neighbors)
        for name, neighbor in neighbors.items():
            await edge_holds(neighbor, wanted(config, name, self.subject))
        before = [report.since for report in await router.sessions()]
        assert all(before)
        assert [await router.received(name) for name in neighbors] == [frozenset(), frozenset()]
        for _ in range(2):
            for name, neighbor in neighbors.items():
                lift(neighbor)
                await holds(router, name, EDGE_ROUTES[neighbor.config.family])
            for name, neighbor in neighbors.items():
                deny(neighbor)
                await holds(router, name, ())
        reports = await until(router, lambda reports: all(report.received == 0 for report in reports))
        assert [report.since for report in reports] == before
        assert all(report.established for report in reports)
        assert [neighbor.view().established_transitions for neighbor in neighbors.values()] == [1, 1]

    @pytest.mark.parametrize("dialler", ["edge and router", "router"])
    @pytest.mark.parametrize(
        ("md5", "gtsm"), [(None, False), ("s3cret", False), (None, True), ("s3cret", True)], ids=str
    )
    async def test_md5_and_gtsm(self, bench: Bench, md5: str | None, gtsm: bool, dialler: str) -> None:
        config = configuration(md5=md5, gtsm=gtsm)
        router = await bench.start(config)
        edge = await bench.edge([*EDGE_ROUTES[Family.IPV4], *EDGE_ROUTES[Family.IPV6]])
        neighbors = bench.provision(edge, router, config, dial=dialler != "router")
        await established(router, neighbors)
        for name, neighbor in neighbors.items():
            await holds(router, name, EDGE_ROUTES[neighbor.config.family])

    @pytest.mark.parametrize("key", ["#it's{}a;\\key$!", "with blanks", 'say "x"', "kéy", "two\nlines", "k" * 80])
    async def test_an_awkward_key_works_or_is_refused_in_words(self, bench: Bench, key: str) -> None:
        config = configuration(md5=key)
        try:
            router = await bench.start(config)
            neighbors = bench.provision(await bench.edge(), router, config)
        except LabError as error:  # by the router's language, or by our own edge (RFC 2385 §4.5)
            assert "MD5 key" in str(error)
            assert "\n" not in str(error)
            return
        await established(router, neighbors)

    @pytest.mark.parametrize("theirs", ["other", None])
    async def test_a_wrong_or_missing_key_never_connects(self, bench: Bench, theirs: str | None) -> None:
        config = configuration(md5="s3cret")
        router = await bench.start(config)
        neighbors = bench.provision(await bench.edge(), router, config, md5=theirs)

        async def dropped() -> int:
            counters = [bench.places[name].tcp_counters() for name in ("n1", "n2")]
            return sum(count for found in counters for name, count in found.items() if name.startswith("TCPMD5"))

        await eventually(dropped, bool)
        assert not any(report.established for report in await router.sessions())
        assert not any(neighbor.view().established_transitions for neighbor in neighbors.values())

    async def test_gtsm_at_the_router_only_never_comes_up(self, bench: Bench) -> None:
        config = configuration(gtsm=True)
        router = await bench.start(config)
        # The edge sends with the ordinary TTL: the router's kernel drops it, all but what comes before the router has
        # set up a connection that it accepted. An OPEN that slips through lets the edge believe that it is Established.
        bench.provision(await bench.edge(), router, config, gtsm=False)

        async def dropped() -> int:
            return bench.places["n1"].tcp_counters()["TCPMinTTLDrop"]

        await eventually(dropped, bool)
        assert not any(report.established for report in await router.sessions())

    async def test_what_nobody_shall_accept_is_not_taken(self, bench: Bench) -> None:
        config = replace(configuration(OWN_ROUTES), lan=("192.0.2.0/24", "2001:db8:2::/64"))
        router = await bench.start(config)
        good = {V4_NAME: ("20.33.0.0/16",), V6_NAME: ("2a01:111:f000::/36",)}
        refused = ["0.0.0.0/0", "41.0.0.0/16", "41.0.128.0/24", "192.0.2.0/25", "20.44.0.0/25"]
        refused += ("::/0", "2c0f:1:7::/48", "2001:db8:2::/64", "2603:1000::/49")
        never = [
            Announcement(family, path_of(8068, 12076, 8069), (key,))
            for family, key in (nlri.key("52.96.0.0/14"), nlri.key("2603:1030::/32"))
        ]
        last = [Announcement(f, path_of(12076), (key,)) for f, key in (nlri.key("40.64.0.0/10"),)]
        others = [*refused, *(prefix for prefixes in good.values() for prefix in prefixes)]
        edge = await bench.speaker("n2", [*never, *last, *others])
        neighbors = bench.provision(edge, router, config)
        await established(router, neighbors)
        for name, neighbor in neighbors.items():
            await holds(router, name, good[name])
            assert neighbor.view().sent == (8 if name == V4_NAME else 6), "everything was sent"

    async def test_a_foreign_prefix_in_its_table_is_not_sent_on(self, bench: Bench) -> None:
        one = configuration(OWN_ROUTES[:1], names=(V4_NAME,))
        other = replace(one.sessions[0], name="other", remote_address=v4(3), remote=Endpoint(v4(3), BGP_PORT))
        config = replace(one, sessions=(*one.sessions, replace(other, remote_as=65003)))
        router = await bench.start(config)
        third = await bench.speaker("n3", ["101.0.0.0/16"])
        (far,) = bench.provision(third, None, replace(config, sessions=config.sessions[1:]), local_as=65003).values()
        near = bench.provision(await bench.edge(), router, one)[V4_NAME]
        await established(router, {V4_NAME: near, "other": far})
        await holds(router, "other", ["101.0.0.0/16"])
        await edge_holds(near, wanted(one, V4_NAME, self.subject))
        await sends(router, V4_NAME, ["41.0.0.0/16"])
        await sends(router, "other", ["41.0.0.0/16"])
        await edge_holds(far, 1)
        assert held(far).keys() == {"41.0.0.0/16"}

    async def test_more_routes_than_the_limit_end_the_session(self, bench: Bench) -> None:
        config = configuration()
        first, second = config.sessions
        config = replace(config, sessions=(replace(first, max_prefixes=2), replace(second, max_prefixes=2)))
        router = await bench.start(config)
        edge = await bench.edge([*EDGE_ROUTES[Family.IPV4], *EDGE_ROUTES[Family.IPV6]])
        neighbors = bench.provision(edge, router, config)

        async def notified() -> list[tuple[int, int]]:
            seen = neighbors[V4_NAME].view().notifications
            return [(n.notification.code, n.notification.subcode) for n in seen if not n.sent]

        ended = await eventually(notified, bool)
        assert ended[0][0] == ErrorCode.CEASE
        assert ended[0][1] in self.subject.max_prefix_subcodes
        reports = await until(router, lambda reports: not reports[0].established and reports[1].established)
        assert reports[0].reason
        await holds(router, V6_NAME, EDGE_ROUTES[Family.IPV6])

    async def test_a_wrong_as_gives_the_routers_reason(self, bench: Bench) -> None:
        config = configuration(remote_as=64999)
        router = await bench.start(config)
        bench.provision(await bench.edge(), router, config)
        reports = await until(router, lambda reports: all(report.reason for report in reports))
        assert not any(report.established for report in reports)

    async def test_a_session_that_the_edge_ends_tells_a_reason(self, bench: Bench) -> None:
        config = configuration(OWN_ROUTES)
        router = await bench.start(config)
        edge = await bench.edge(EDGE_ROUTES[Family.IPV4])
        neighbors = bench.provision(edge, router, config)
        await established(router, neighbors)
        await holds(router, V4_NAME, EDGE_ROUTES[Family.IPV4])
        neighbors[V4_NAME].stop(cease(Cease.ADMINISTRATIVE_SHUTDOWN, "the peering is removed"))
        reports = await until(router, lambda reports: not reports[0].established and bool(reports[0].reason))
        assert reports[1].established
        assert reports[1].reason == ""
        await holds(router, V4_NAME, ())
        await sends(router, V4_NAME, ())
        assert (reports[0].received, reports[0].exported) == (0, 0)

    async def test_nobody_there(self, bench: Bench) -> None:
        config = configuration(OWN_ROUTES)
        router = await bench.start(config)
        reports = await router.sessions()
        assert [report.name for report in reports] == [V4_NAME, V6_NAME]
        assert not any(report.established for report in reports)
        assert [(r.received, r.exported) for r in reports] == [(0, 0), (0, 0)]
        for name in (V4_NAME, V6_NAME):
            assert await router.received(name) == await router.exported(name) == frozenset()
        assert [router.endpoint(name) for name in (V4_NAME, V6_NAME)] == [Endpoint(v4(1), 179), Endpoint(v6(1), 179)]

    async def test_one_family_only(self, bench: Bench) -> None:
        config = configuration(OWN_ROUTES, names=(V6_NAME,))
        router = await bench.start(config)
        neighbors = bench.provision(await bench.edge(EDGE_ROUTES[Family.IPV6]), router, config)
        await established(router, neighbors)
        await edge_holds(neighbors[V6_NAME], wanted(config, V6_NAME, self.subject))
        await holds(router, V6_NAME, EDGE_ROUTES[Family.IPV6])

    async def test_no_session_at_all(self, bench: Bench) -> None:
        router = await bench.start(configuration(OWN_ROUTES, names=()))
        assert list(await router.sessions()) == []
        assert await router.version()

    async def test_twenty_thousand_routes_both_ways(self, bench: Bench) -> None:
        def many(first: int) -> list[str]:
            return [f"{first}.{number >> 8}.{number & 255}.0/24" for number in range(MANY)]

        kinds: tuple[dict[str, Any], ...] = (
            {},
            {"communities": ("8075:8007",)},
            {"as_path": (64500,)},
            {"med": 10, "as_path": (64500, 64501)},
        )
        own = [RouterRoute(prefix, **kinds[n % 4]) for n, prefix in enumerate(many(41))]
        config = configuration(own)
        router = await bench.start(config)
        neighbors = bench.provision(await bench.edge(many(101)), router, config)
        await established(router, neighbors)
        await edge_holds(neighbors[V4_NAME], wanted(config, V4_NAME, self.subject))
        reports = await until(router, lambda reports: (reports[0].received, reports[0].exported) == (MANY, MANY))
        assert (reports[1].received, reports[1].exported) == (0, 0)
        assert await router.received(V4_NAME) == set(many(101))
        assert await router.exported(V4_NAME) == set(many(41))

    async def test_two_routers_at_once(self, bench: Bench) -> None:
        one, two = configuration(OWN_ROUTES[:2]), configuration(OWN_ROUTES[2:4], number=3)
        edge = await bench.edge(EDGE_ROUTES[Family.IPV4])
        routers = await asyncio.gather(bench.start(one), bench.start(two))
        for router, config in zip(routers, (one, two), strict=True):
            neighbors = bench.provision(edge, router, config)
            await established(router, neighbors)
            await edge_holds(neighbors[V4_NAME], wanted(config, V4_NAME, self.subject))
            await holds(router, V4_NAME, EDGE_ROUTES[Family.IPV4])
        await routers[0].stop()
        assert all(report.established for report in await routers[1].sessions())

    async def test_killed_it_is_an_error_not_a_traceback(self, bench: Bench) -> None:
        config = configuration(OWN_ROUTES)
        router = await bench.start(config)
        await established(router, bench.provision(await bench.edge(), router, config))
        await bench.places["n1"].kill()
        for question in (router.sessions(), router.received(V4_NAME), router.exported(V6_NAME)):
            with pytest.raises(LabError) as caught:
                await question
            assert "has ended" in one_line(caught.value, self.subject)
        await router.stop()

    async def test_stopped_nothing_is_left_and_the_place_remains(self, bench: Bench) -> None:
        config = configuration(OWN_ROUTES)
        router = await bench.start(config)
        neighbors = bench.provision(await bench.edge(), router, config)
        await established(router, neighbors)
        await router.stop()
        await router.stop()
        assert bench.places["n1"].left == []
        for neighbor in neighbors.values():
            await edge_reaches(neighbor, established=False)
        assert (await ping(bench.places["n2"].real, v4(1), timeout=PATIENCE)).answered
        again = await bench.start(config)
        await established(again, neighbors)

    async def test_cancelled_while_it_starts_nothing_is_left(self, bench: Bench) -> None:
        starting = asyncio.ensure_future(bench.start(configuration(OWN_ROUTES)))

        async def children() -> int:
            return len(bench.places["n1"].children)

        await eventually(children, bool)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        assert bench.places["n1"].left == []

    async def test_a_directory_too_deep_for_a_socket(self, bench: Bench) -> None:
        router = self.subject.make()
        files = RouterFiles(bench.directory / ("x" * 110))
        with pytest.raises(LabError, match="too long for a Unix socket"):
            await router.start(bench.places["n1"], configuration(), files)
        await router.stop()
        assert bench.places["n1"].left == []

    async def test_loopback_is_refused(self, tmp_path: Path) -> None:
        if self.subject.loopback:
            return
        router = self.subject.make()
        place = LoopbackPlace("n1", {})
        assert place.kind is LinkKind.LOOPBACK
        with pytest.raises(LabError, match=r"use link: netns$") as caught:
            await router.start(place, configuration(), RouterFiles(tmp_path))
        assert "\n" not in str(caught.value)
        await router.stop()

    async def test_not_started_it_cannot_be_asked(self) -> None:
        router = self.subject.make()
        with pytest.raises(LabError, match="was not started"):
            await router.version()
        with pytest.raises(LabError, match="was not started"):
            router.endpoint(V4_NAME)
        assert list(await router.sessions()) == []
        await router.stop()

    def test_it_is_registered(self) -> None:
        kind = self.subject.make().kind
        assert ROUTERS[kind]().kind == kind


@pytest.mark.privileged
@pytest.mark.router
class OwnFileConformance(_Suite):
    """What a router does with its user's own configuration file."""

    def own_file(self, bench: Bench, text: str) -> Path:
        directory = bench.directory / "mine"
        directory.mkdir()
        path = directory / "my router.conf"  # a blank: nobody may take it apart
        path.write_text(text)
        return path

    async def test_it_runs_as_it_is(self, bench: Bench) -> None:
        assert self.subject.file is not None
        config = configuration(FILE_ROUTES)
        path = self.own_file(bench, self.subject.file(config))
        before = path.read_bytes()
        config = replace(config, file=path)
        router = await bench.start(config)
        edge = await bench.edge([*EDGE_ROUTES[Family.IPV4], *EDGE_ROUTES[Family.IPV6]])
        neighbors = bench.provision(edge, router, config)
        reports = await established(router, neighbors)
        assert [report.name for report in reports] == [V4_NAME, V6_NAME]
        for name, neighbor in neighbors.items():
            await edge_holds(neighbor, len(wanted(config, name, self.subject)))
            assert held(neighbor).keys() == wanted(config, name, self.subject).keys()
            await holds(router, name, EDGE_ROUTES[neighbor.config.family])
            await sends(router, name, wanted(config, name, self.subject))
        assert path.read_bytes() == before
        assert [found.name for found in path.parent.iterdir()] == [path.name], "nothing is written beside it"
        await router.stop()
        assert bench.places["n1"].left == []

    def test_an_ordinary_user_can_run_it(self) -> None:
        self.in_a_user_namespace("test_it_runs_as_it_is")

    async def test_a_session_that_the_file_lacks_is_told(self, bench: Bench) -> None:
        assert self.subject.file is not None
        whole = configuration(FILE_ROUTES)
        one = replace(whole, sessions=whole.sessions[:1], routes=whole.routes[:1])
        config = replace(whole, file=self.own_file(bench, self.subject.file(one)))
        router = await bench.start(config)
        reports = await router.sessions()
        assert [report.name for report in reports] == [V4_NAME, V6_NAME]
        assert not reports[1].established
        assert str(v6(2)) in reports[1].reason, "which neighbor is missing"
        assert await router.received(V6_NAME) == await router.exported(V6_NAME) == frozenset()

    async def test_an_error_in_it_is_one_line_in_the_daemons_words(self, bench: Bench) -> None:
        config = replace(configuration(), file=self.own_file(bench, self.subject.broken_file))
        with pytest.raises(LabError, match=self.subject.broken_words) as caught:
            await bench.start(config)
        one_line(caught.value, self.subject)
        assert bench.places["n1"].left == []

    async def test_a_file_that_is_not_there(self, bench: Bench) -> None:
        config = replace(configuration(), file=bench.directory / "nowhere.conf")
        with pytest.raises(LabError, match=r"nowhere\.conf.*: No such file or directory") as caught:
            await bench.start(config)
        assert "\n" not in str(caught.value)
        assert bench.places["n1"].left == []
