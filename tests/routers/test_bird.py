"""BIRD: its configuration, its answers, and two of them talking."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from simulator.lab.netns import NetnsLink
from simulator.lab.probe import ping
from simulator.places.endpoint import Endpoint
from simulator.places.errors import LabError
from simulator.places.loopback import LoopbackPlace
from simulator.routers.base import RouterConfig, RouterFiles, RouterSession, SessionReport
from simulator.routers.bird.adapter import Bird
from simulator.routers.bird.answers import parse_protocols, parse_routes, protocol_of, same_moment
from simulator.routers.bird.config import protocol_names, render
from simulator.routers.registry import ROUTERS
from simulator.topology.route import RouterRoute
from tests.lab_support import eventually, lan, require_bird, v4, v6
from tests.patience import PATIENCE

MANY = 20_000


def session(number: int, other: int, family: int = 4, **more: object) -> RouterSession:
    address = v4 if family == 4 else v6
    remote = Endpoint(address(other), 179)
    made = RouterSession(f"n{number}-n{other} v{family}", address(number), address(other), 65000 + other, remote)
    return replace(made, **more)  # type: ignore[arg-type]


def config(number: int, other: int, *routes: RouterRoute, **more: object) -> RouterConfig:
    sessions = (session(number, other, 4, **more), session(number, other, 6, **more))
    return RouterConfig(f"n{number}", 65000 + number, f"192.0.2.{number}", sessions, routes)


@pytest.fixture
async def link() -> AsyncIterator[NetnsLink]:
    require_bird()
    async with NetnsLink(lan(2)) as link:
        yield link


Start = Callable[[RouterConfig], Awaitable[Bird]]


@pytest.fixture
async def start(link: NetnsLink, tmp_path: Path) -> AsyncIterator[Start]:
    """Start a BIRD in the place of its name; all are stopped at the end."""
    started = []

    async def one(config: RouterConfig) -> Bird:
        bird = Bird()
        started.append(bird)
        await bird.start(link.place(config.name), config, RouterFiles(tmp_path / config.name))
        return bird

    yield one
    for bird in started:
        await bird.stop()


async def until(bird: Bird, wanted: Callable[[Sequence[SessionReport]], bool]) -> Sequence[SessionReport]:
    """Ask BIRD for its sessions until they are as wanted."""
    return await eventually(bird.sessions, wanted)


def all_established(reports: Sequence[SessionReport]) -> bool:
    return all(report.established for report in reports)


@pytest.mark.privileged
@pytest.mark.router
class TestPair:
    """Two BIRDs on one LAN."""

    async def test_both_families_come_up_and_routes_arrive(self, start: Start) -> None:
        one = await start(config(1, 2, RouterRoute("10.1.0.0/16"), RouterRoute("2001:0:1::/48")))
        two = await start(config(2, 1, RouterRoute("10.2.0.0/16"), RouterRoute("10.3.0.0/16")))
        reports = await until(two, lambda reports: all(r.established and r.received == 1 for r in reports))
        assert [(r.name, r.state, r.received, r.exported, r.reason) for r in reports] == [
            ("n2-n1 v4", "Established", 1, 2, ""),
            ("n2-n1 v6", "Established", 1, 0, ""),
        ]
        await until(one, lambda reports: reports[0].received == 2)
        assert await two.received("n2-n1 v4") == await one.exported("n1-n2 v4") == {"10.1.0.0/16"}
        assert await two.received("n2-n1 v6") == await one.exported("n1-n2 v6") == {"2001:0:1::/48"}
        assert await one.received("n1-n2 v4") == await two.exported("n2-n1 v4") == {"10.2.0.0/16", "10.3.0.0/16"}
        assert await one.received("n1-n2 v6") == await two.exported("n2-n1 v6") == set()
        again = [report.since for report in await two.sessions()]
        assert again == [report.since for report in reports]

    async def test_attributes_are_sent(self, start: Start) -> None:
        route = RouterRoute("10.1.0.0/16", (64500, 64501), ("8075:8007", "no-export"), ("64500:1:2",), 50)
        await start(config(1, 2, route))
        two = await start(config(2, 1))
        await until(two, lambda reports: reports[0].received == 1)
        text = await two.command("show route 10.1.0.0/16 all")
        assert "BGP.as_path: 65001 64500 64501" in text
        assert "BGP.community: (8075,8007) (65535,65281)" in text
        assert "BGP.large_community: (64500, 1, 2)" in text
        assert "BGP.med: 50" in text
        assert "BGP.origin: IGP" in text

    async def test_md5_and_gtsm(self, start: Start, link: NetnsLink) -> None:
        secure = {"md5": "it's a key {};#", "gtsm": True}
        await start(config(1, 2, **secure))
        two = await start(config(2, 1, **secure))
        await until(two, all_established)

    async def test_a_wrong_key_shows_in_the_counters(self, start: Start, link: NetnsLink) -> None:
        await start(config(1, 2, md5="one"))
        two = await start(config(2, 1, md5="other"))

        async def failures() -> int:
            return link.place("n1").tcp_counters()["TCPMD5Failure"]

        await eventually(failures, bool)
        assert not any(report.established for report in await two.sessions())

    async def test_a_wrong_as_gives_birds_reason(self, start: Start) -> None:
        await start(config(1, 2))
        wrong = config(2, 1)
        two = await start(replace(wrong, sessions=tuple(replace(s, remote_as=65099) for s in wrong.sessions)))
        reports = await until(two, lambda reports: all("Bad peer AS" in report.reason for report in reports))
        assert not any(report.established for report in reports)

    async def test_max_prefixes_disable_the_session(self, start: Start) -> None:
        await start(config(1, 2, *(RouterRoute(f"10.{number}.0.0/16") for number in range(4))))
        two = await start(config(2, 1, max_prefixes=3))
        reports = await until(two, lambda reports: reports[0].state == "Down" and reports[1].established)
        assert "Route limit exceeded" in reports[0].reason
        assert await two.received("n2-n1 v4") == await two.exported("n2-n1 v4") == set()

    async def test_twenty_thousand_routes(self, start: Start) -> None:
        prefixes = [f"10.{number >> 8}.{number & 255}.0/24" for number in range(MANY)]
        await start(config(1, 2, *(RouterRoute(prefix, (64500,), ("8075:8007",)) for prefix in prefixes)))
        two = await start(config(2, 1))
        await until(two, lambda reports: reports[0].received == MANY)
        assert await two.received("n2-n1 v4") == set(prefixes)

    async def test_the_other_side_gone(self, start: Start) -> None:
        one = await start(config(1, 2, RouterRoute("10.1.0.0/16")))
        two = await start(config(2, 1))
        await until(two, all_established)
        await one.stop()
        reports = await until(two, lambda reports: not any(report.established for report in reports))
        assert all(report.received == 0 for report in reports)
        assert await two.exported("n2-n1 v4") == set()


@pytest.mark.privileged
@pytest.mark.router
class TestAlone:
    """One BIRD and what can go wrong with it."""

    async def test_nobody_there(self, start: Start) -> None:
        bird = await start(config(1, 2))
        assert (await bird.version()).startswith("BIRD 2")
        reports = await bird.sessions()
        assert [report.name for report in reports] == ["n1-n2 v4", "n1-n2 v6"]
        assert not any(report.established for report in reports)
        assert await bird.received("n1-n2 v4") == set()
        assert bird.endpoint("n1-n2 v6") == Endpoint(v6(1), 179)

    async def test_a_wrong_configuration_is_one_line_in_birds_words(self, start: Start) -> None:
        with pytest.raises(LabError, match=r"^BIRD of n1 ended at once .*bird\.conf:\d+:\d+ ") as caught:
            await start(replace(config(1, 2), hold_time=1))
        assert "\n" not in str(caught.value)

    async def test_killed_it_is_an_error_not_a_traceback(self, start: Start, link: NetnsLink, tmp_path: Path) -> None:
        bird = await start(config(1, 2))
        assert bird._process is not None
        bird._process.send_signal(signal.SIGKILL)
        await bird._process.wait()
        for question in (bird.sessions(), bird.received("n1-n2 v4"), bird.version(), bird.command("show status")):
            with pytest.raises(LabError, match=r"^BIRD of n1 has ended \(exit status -9\): "):
                await question
        await bird.stop()

    async def test_a_command_that_bird_refuses(self, start: Start) -> None:
        bird = await start(config(1, 2))
        with pytest.raises(LabError, match="BIRD of n1 refused 'make coffee': syntax error"):
            await bird.command("make coffee")

    async def test_stopped_it_is_gone_and_the_place_remains(self, start: Start, link: NetnsLink) -> None:
        bird = await start(config(1, 2))
        await bird.stop()
        await bird.stop()
        assert (await ping(link.place("n2"), v4(1), timeout=PATIENCE)).answered
        again = await start(config(1, 2))
        assert await again.version()

    async def test_a_directory_too_deep_for_a_socket(self, link: NetnsLink, tmp_path: Path) -> None:
        bird = Bird()
        with pytest.raises(LabError, match="too long for a Unix socket"):
            await bird.start(link.place("n1"), config(1, 2), RouterFiles(tmp_path / ("x" * 100)))
        await bird.stop()


async def test_loopback_is_not_for_bird(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"^BIRD on loopback \(n1\) .*: use link: netns$"):
        await Bird().start(LoopbackPlace("n1", {}), config(1, 2), RouterFiles(tmp_path))


async def test_not_started_it_cannot_be_asked() -> None:
    with pytest.raises(LabError, match="BIRD was not started"):
        await Bird().version()
    with pytest.raises(LabError, match="BIRD was not started"):
        Bird().endpoint("x")
    assert await Bird().sessions() == ()
    await Bird().stop()


def test_it_is_registered() -> None:
    assert ROUTERS["bird"]().kind == "bird"


def test_protocol_names_are_symbols_and_unique() -> None:
    sessions = [session(1, 2, name=name) for name in ("a b", "a_b", "ä/ß", "x" * 200)]
    names = protocol_names(sessions)
    assert names["a b"] == "bgp_a_b"
    assert names["a_b"] == "bgp_a_b_2"
    assert len(set(names.values())) == 4
    assert max(map(len, names.values())) < 64


@pytest.mark.parametrize("key", ['say "x"', "two\nlines"])
def test_a_key_that_bird_cannot_write_is_refused(key: str) -> None:
    with pytest.raises(LabError, match="MD5 key"):
        render(config(1, 2, md5=key))


@pytest.mark.parametrize(
    "route", [RouterRoute("10.0.0.0/8", communities=("x",)), RouterRoute("10.0.0.0/8", large_communities=("1:2",))]
)
def test_a_community_that_is_none_is_refused(route: RouterRoute) -> None:
    with pytest.raises(LabError, match=r"route 10.0.0.0/8: .* is no community"):
        render(config(1, 2, route))


def test_answers_are_read_whatever_their_shape() -> None:
    answer = (
        "1007-Table master4:\n"
        " 10.0.0.0/8           unicast [bgp_x 12:00:00.000] * (100) [AS65001i]\n"
        " \tvia 192.0.2.1 on lan\n"
        "                      unicast [bgp_y 12:00:00.000] (100) [AS65002i]\n"
        "1007-2001:db8:0:1::/64 unicast [bgp_x 12:00:00.000] * (100)\n"
        "0000 \n"
    )
    assert parse_routes(answer) == {"10.0.0.0/8", "2001:db8:0:1::/64"}
    assert parse_routes("0000 \n") == set()
    assert parse_protocols("2002-Name Proto Table State Since Info\n0000 \n") == []


ANSWER = """1002-device1    Device     ---        up     12:00:00.000
1002-dual       BGP        ---        up     12:00:01.000  Established
1006-  BGP state:          Established
     Neighbor address: 2001:db8:0:1:1:1:1:2%lan
     Channel limits:   none
   Channel ipv4
     Routes:         1 imported, 2 exported, 3 preferred
   Channel ipv6
     Routes:         4 imported, 5 exported, 6 preferred
1002-other      BGP        ---        start  12:00:02.000  Active        Socket: Connection refused
1006-  BGP state:          Active
     Neighbor address: 192.0.2.2
   Channel ipv4
     State:          DOWN
0000
"""


def test_each_protocol_is_read_with_its_channels() -> None:
    dual, other = parse_protocols(ANSWER)
    assert dual.neighbor == "2001:db8:0:1:1:1:1:2"
    v4_session, v6_session = config(1, 2).sessions
    four, six = dual.report(v4_session), dual.report(v6_session)
    assert [(r.received, r.exported, r.since) for r in (four, six)] == [(1, 2, "12:00:01.000"), (4, 5, "12:00:01.000")]
    down = other.report(v4_session)
    assert (down.state, down.established, down.reason) == ("Active", False, "Socket: Connection refused")
    assert not down.shut_down, "it tries to come up"
    assert replace(other, state="down").report(v4_session).shut_down
    assert protocol_of(v4_session, [dual, other]) is other
    assert protocol_of(v6_session, [dual, other]) is None


def test_a_time_that_differs_by_a_millisecond_is_the_same() -> None:
    assert same_moment("2026-11-22T06:14:18.126", "2026-11-22T06:14:18.127")
    assert same_moment("2026-11-22T06:13:59.999", "2026-11-22T06:14:00.000")
    assert same_moment("12:00:00.000", "12:00:00.000")
    for other in ("2026-11-22T06:14:18.140", "2026-11-21T06:14:18.126", "", "2026-11-22"):
        assert not same_moment("2026-11-22T06:14:18.126", other)
