"""The stock ExaBGP: the contract, its configuration, its events, and what is particular about it."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from simulator.peer.events import cease
from simulator.places.endpoint import Endpoint
from simulator.places.errors import LabError
from simulator.rib.announcement import Announcement
from simulator.routers.base import RouterConfig, RouterFiles
from simulator.routers.exabgp.adapter import Exabgp
from simulator.routers.exabgp.config import render
from simulator.routers.exabgp.console import Console, parse_rib
from simulator.routers.exabgp.events import Events
from simulator.routers.exabgp.file import program
from simulator.session.messages import Cease, Family
from simulator.topology.route import RouterRoute
from simulator.wire import nlri
from tests.lab_support import eventually, v6
from tests.routers.conformance import (
    EDGE_ROUTES,
    FILE_ROUTES,
    OWN_ROUTES,
    V4_NAME,
    V6_NAME,
    Bench,
    OwnFileConformance,
    RouterConformance,
    Subject,
    configuration,
    established,
    holds,
    path_of,
    sends,
    session,
    wanted,
)


def own_file(config: RouterConfig) -> str:
    lines = []
    for found in config.sessions:
        family = "ipv4" if found.family is Family.IPV4 else "ipv6"
        lines += [
            f"neighbor {found.remote_address} {{",
            f"  router-id {config.router_id};",
            f"  local-address {found.local_address};",
            f"  local-as {config.asn};",
            f"  peer-as {found.remote_as};",
            "  listen 179;",
            "  passive true;",
            f"  family {{ {family} unicast; }}",
            "  static {",
        ]
        for route in FILE_ROUTES:
            if (":" in route.prefix) == (family == "ipv6"):
                lines.append(f"    route {route.prefix} next-hop self;")
        lines += ["  }", "}"]
    return "\n".join(lines) + "\n"


SUBJECT = Subject(
    make=Exabgp,
    title="ExaBGP",
    programs=(),
    version="ExaBGP 5.",
    file=own_file,
    broken_file="neighbor 192.0.2.2 {\n  peer-ass 8075;\n}\n",
    broken_words=r"line 2.*peer-ass",
)


def of_session(leader: int) -> list[str]:
    """What still runs of a process session."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "stat").read_text()
        except OSError:
            continue
        state, _, _, number = line[line.rindex(")") + 2 :].split()[:4]
        if int(number) == leader and state != "Z":
            found.append(line)
    return found


class TestConformance(RouterConformance):
    subject = SUBJECT

    async def test_a_directory_too_deep_for_a_socket(self, bench: Bench) -> None:
        """It has no socket."""
        router = Exabgp()
        try:
            await router.start(bench.places["n1"], configuration(), RouterFiles(bench.directory / ("x" * 110)))
            assert len(await router.sessions()) == 2
        finally:
            await router.stop()

    async def test_more_routes_than_the_limit_end_the_session(self, bench: Bench) -> None:
        """It has no limit, and its file says so."""
        assert "without a limit" in render(configuration(max_prefixes=2))
        config = configuration(max_prefixes=1)
        router = await bench.start(config)
        await established(router, bench.provision(await bench.edge(EDGE_ROUTES[Family.IPV4]), router, config))
        await holds(router, V4_NAME, EDGE_ROUTES[Family.IPV4])

    async def test_what_nobody_shall_accept_is_not_taken(self, bench: Bench) -> None:
        """It has no import policy: it takes it, and its file says so."""
        assert "takes whatever comes, AS12076 in the path included" in render(configuration())
        config = configuration(names=(V4_NAME,))
        router = await bench.start(config)
        family, key = nlri.key("52.96.0.0/14")
        edge = await bench.speaker("n2", [Announcement(family, path_of(12076), (key,))])
        await established(router, bench.provision(edge, router, config))
        await holds(router, V4_NAME, ["52.96.0.0/14"])

    async def test_its_helpers_end_with_it(self, bench: Bench) -> None:
        router = await bench.start(configuration())
        (child,) = bench.places["n1"].children
        assert len(of_session(child.pid)) == 2, "ExaBGP and its helper"
        child.kill()
        await child.wait()
        await router.stop()

        async def left() -> list[str]:
            return of_session(child.pid)

        await eventually(left, lambda left: not left)

    async def test_the_hosts_own_exabgp_has_no_say(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("exabgp.tcp.port", "1179")
        monkeypatch.setenv("exabgp_bgp_passive", "true")
        monkeypatch.setenv("EXABGP_ENVFILE", "/nowhere")
        config = configuration()
        router = await bench.start(config)
        await established(router, bench.provision(await bench.edge(), router, config, dial=False))


class TestOwnFile(OwnFileConformance):
    subject = SUBJECT

    async def test_its_tables_end_with_the_session(self, bench: Bench) -> None:
        path = self.own_file(bench, own_file(configuration(FILE_ROUTES)))
        config = replace(configuration(FILE_ROUTES), file=path)
        router = await bench.start(config)
        edge = await bench.edge(EDGE_ROUTES[Family.IPV4])
        neighbors = bench.provision(edge, router, config)
        first = await established(router, neighbors)
        await holds(router, V4_NAME, EDGE_ROUTES[Family.IPV4])
        await sends(router, V4_NAME, wanted(config, V4_NAME, SUBJECT))
        assert [report.since for report in await router.sessions()] == [report.since for report in first]
        await edge.remove(neighbors[V4_NAME].config.id, cease(Cease.PEER_DECONFIGURED))
        await holds(router, V4_NAME, ())
        await sends(router, V4_NAME, ())
        reports = await router.sessions()
        assert (reports[0].established, reports[0].received, reports[0].exported) == (False, 0, 0)
        assert reports[1].established

    @pytest.mark.parametrize("md5", [None, "s3cret"])
    async def test_it_takes_calls(self, bench: Bench, md5: str | None) -> None:
        secret = f"  md5-password {md5};\n  listen" if md5 else "  listen"
        text = own_file(configuration(FILE_ROUTES)).replace("  listen", secret)
        config = replace(configuration(FILE_ROUTES, md5=md5), file=self.own_file(bench, text))
        router = await bench.start(config)
        await established(router, bench.provision(await bench.edge(EDGE_ROUTES[Family.IPV6]), router, config))
        await holds(router, V6_NAME, EDGE_ROUTES[Family.IPV6])

    async def test_a_call_to_it_with_gtsm_is_lost(self, bench: Bench) -> None:
        """It answers the SYN with the ordinary TTL: only where it dials does such a session come up."""
        text = own_file(configuration(FILE_ROUTES)).replace("  listen", "  incoming-ttl 255;\n  listen")
        config = replace(configuration(FILE_ROUTES, gtsm=True), file=self.own_file(bench, text))
        router = await bench.start(config)
        bench.provision(await bench.edge(), router, config)

        async def dropped() -> int:
            return bench.places["n2"].tcp_counters()["TCPMinTTLDrop"]

        await eventually(dropped, bool)
        assert not any(report.established for report in await router.sessions())

    async def test_twenty_thousand_routes_are_told(self, bench: Bench) -> None:
        path = self.own_file(bench, own_file(configuration()))
        config = replace(configuration(), file=path)
        router = await bench.start(config)
        many = [f"101.{number >> 8}.{number & 255}.0/24" for number in range(20_000)]
        await established(router, bench.provision(await bench.edge(many), router, config))
        await holds(router, V4_NAME, many)


def text_of(*routes: RouterRoute, **more: Any) -> str:
    return render(configuration(routes, **more), Path("/lab"))


def test_a_path_begins_with_its_own_as() -> None:
    route = RouterRoute("41.0.0.0/16", (64500,), ("8075:8007", "no-export"), ("64500:1:2",), 0)
    assert (
        "\t\troute 41.0.0.0/16 next-hop 192.0.2.1 as-path [ 64496 64500 ] med 0"
        " community [ 8075:8007 no-export ] large-community [ 64500:1:2 ];\n"
    ) in text_of(route)


def test_each_session_has_the_routes_of_its_family() -> None:
    v4_part, v6_part = text_of(*OWN_ROUTES).split("# " + V6_NAME)
    assert (v4_part.count("\t\troute "), v6_part.count("\t\troute ")) == (5, 3)
    assert "route 2c0f" not in v4_part
    assert "family { ipv4 unicast; }" in v4_part
    assert "family { ipv6 unicast; }" in v6_part


def test_security_is_written() -> None:
    text = text_of(md5="s3cret", gtsm=True)
    for line in ('\tmd5-password "s3cret";\n', "\tincoming-ttl 255;\n", "\toutgoing-ttl 255;\n"):
        assert text.count(line) == 2
    assert not any(word in text_of() for word in ("md5", "ttl"))
    assert "\tconnect 1179;\n" in text_of(remote=Endpoint(v6(2), 1179))


def test_an_awkward_key_is_written_in_base64() -> None:
    assert '\tmd5-base64 true;\n\tmd5-password "aXQncw==";\n' in text_of(md5="it's")


@pytest.mark.parametrize("key", ["", "k" * 81])
def test_a_key_that_it_cannot_take_is_refused(key: str) -> None:
    with pytest.raises(LabError, match="MD5 key"):
        text_of(md5=key)


@pytest.mark.parametrize("bad", [{"communities": ("x ]; }",)}, {"large_communities": ("",)}])
def test_a_community_that_is_none_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(LabError, match=r"route 41\.0\.0\.0/16: .* is no community"):
        text_of(RouterRoute("41.0.0.0/16", **bad))


def test_a_directory_that_it_cannot_write_is_refused() -> None:
    with pytest.raises(LabError, match="quotes or backslashes"):
        render(configuration(), Path("/it's"))


def test_without_it_pip_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LabError, match=r"ExaBGP is not installed: pip install exabgp=="):
        program()


def heard(*told: dict[str, Any], peer: str = "192.0.2.2") -> Events:
    events = Events()
    for number, event in enumerate(told):
        neighbor = {"address": {"local": "192.0.2.1", "peer": peer}, **event}
        events.add({"type": neighbor.pop("type"), "time": 1_700_000_000.5 + number, "neighbor": neighbor})
    return events


def update(direction: str, announce: tuple[str, ...] = (), withdraw: tuple[str, ...] = ()) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if announce:
        found["announce"] = {"ipv4 unicast": {"192.0.2.2": [{"nlri": prefix} for prefix in announce]}}
    if withdraw:
        found["withdraw"] = {"ipv4 unicast": [{"nlri": prefix} for prefix in withdraw]}
    return {"type": "update", "direction": direction, "message": {"update": found}}


ESTABLISHED = {"type": "fsm", "state": "ESTABLISHED"}
UP, DOWN = {"type": "state", "state": "up"}, {"type": "state", "state": "down", "reason": "closing connection"}
CEASED = {
    "type": "notification",
    "direction": "receive",
    "notification": {"code": 6, "subcode": 2, "data": "0x", "message": "until  Monday"},
}


def test_routes_are_what_was_announced_and_not_withdrawn() -> None:
    events = heard(
        ESTABLISHED,
        UP,
        update("receive", ("10.0.0.0/8", "11.0.0.0/8")),
        update("send", ("12.0.0.0/8",)),
        update("receive", ("13.0.0.0/8",), ("10.0.0.0/8",)),
        {"type": "update", "direction": "receive", "message": {"eor": {"afi": "ipv4", "safi": "unicast"}}},
    )
    peer = events.peer("192.0.2.2")
    assert peer.received == {"11.0.0.0/8", "13.0.0.0/8"}
    assert peer.sent == {"12.0.0.0/8"}
    report = events.report(session(1, V4_NAME))
    assert (report.established, report.received, report.exported, report.reason) == (True, 2, 1, "")
    assert report.since == "2023-11-14T22:13:20.500000+00:00"
    assert not heard(UP, peer="192.0.2.9").report(session(1, V4_NAME)).established


def test_down_it_holds_nothing_and_gives_the_last_notification() -> None:
    redial = ({"type": "state", "state": "connected"}, {"type": "fsm", "state": "OPENSENT"}, DOWN)
    events = heard(ESTABLISHED, UP, update("receive", ("10.0.0.0/8",)), CEASED, DOWN, *redial)
    report = events.report(session(1, V4_NAME))
    assert (report.state, report.established, report.received) == ("IDLE", False, 0)
    assert report.reason == "notification received (6,2) Cease: until Monday"
    assert report.since == "2023-11-14T22:13:24.500000+00:00", "a failed redial changes nothing"
    again = heard(ESTABLISHED, UP, CEASED, DOWN, ESTABLISHED, UP, DOWN).report(session(1, V4_NAME))
    assert again.reason == "closing connection"


def test_established_it_has_a_time_before_it_says_that_it_is_up() -> None:
    first = heard(ESTABLISHED).report(session(1, V4_NAME))
    assert first.established
    assert first.since == heard(ESTABLISHED, UP).report(session(1, V4_NAME)).since != ""


def test_what_is_of_no_neighbor_is_no_matter() -> None:
    events = Events()
    events.add({"type": "notification", "time": 1.0, "notification": "shutdown"})
    assert events.report(session(1, V4_NAME)).state == "IDLE"


def test_tables_are_read_by_neighbor() -> None:
    lines = [
        "192.0.2.2 ipv4 unicast 10.0.0.0/8 next-hop 192.0.2.2",
        "192.0.2.2 ipv4 unicast 11.0.0.0/8",
        "2001:db8::2 ipv6 unicast 2001:db8::/32 next-hop 2001:db8::2",
        "2001:db8::3 l2vpn evpn mac:00:11",
    ]
    assert parse_rib(lines) == {"192.0.2.2": {"10.0.0.0/8", "11.0.0.0/8"}, "2001:db8::2": {"2001:db8::/32"}}


async def test_an_answer_that_was_given_up_is_not_the_next_one(tmp_path: Path) -> None:
    console = Console(tmp_path)
    try:
        given_up = asyncio.ensure_future(console.ask("one"))
        await asyncio.wait((given_up,), timeout=0.05)
        given_up.cancel()
        answer = asyncio.ensure_future(console.ask("two"))
        end = os.open(tmp_path / "turnup.out", os.O_WRONLY)
        os.write(end, b"first\ndone\nsecond\ndone\n")
        os.close(end)
        assert await asyncio.wait_for(answer, 5) == ["second"]
        refused = asyncio.ensure_future(console.ask("three"))
        end = os.open(tmp_path / "turnup.out", os.O_WRONLY)
        os.write(end, b"no such thing\nerror\n")
        os.close(end)
        with pytest.raises(ValueError, match="no such thing"):
            await asyncio.wait_for(refused, 5)
    finally:
        console.close()
