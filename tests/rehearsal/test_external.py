"""Rehearsals with a router that the lab does not run, played by processes of the test's own."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from simulator.connection.states import ConnectionState
from simulator.engine.log import ConnectionMoved, Event, Remark
from simulator.engine.peer_config import carried_config
from simulator.engine.rows import rows
from simulator.lab.netns import NetnsPlace
from simulator.places.link import LinkKind
from simulator.places.process import find_program, stop
from simulator.rehearsal.rehearsal import Rehearsal
from simulator.rehearsal.script import Audience
from simulator.report.model import Report
from simulator.routers.base import RouterConfig
from simulator.routers.configs.registry import FORMATS
from simulator.topology.schema import Peer
from simulator.views.check import CheckView, Status
from tests.host_support import OUTSIDE, host_with
from tests.lab_support import require_netns, require_program, v4, v6
from tests.topologies import build, document, write

ROOT = Path(__file__).parents[2]
PREFIXES = {"IPv4": "198.51.100.0/24", "IPv6": "2001:db8:100::/48"}


def topology(families: tuple[str, ...] = ("IPv4", "IPv6"), **router: Any) -> dict[str, Any]:
    """The shipped example without fixed ports: many tests may run at once."""
    found = document("external")
    del found["microsoft"]["port"]
    found["times"]["connect-retry"] = 0.3
    found["peerings"][0]["families"] = list(families)
    found["peers"][0]["router"] = {"kind": "external", **router}
    return found


def free_port(host: str) -> int:
    with socket.socket() as sock:
        sock.bind((host, 0))
        return int(sock.getsockname()[1])


def started(stack: ExitStack, *command: str, **more: Any) -> subprocess.Popen[bytes]:
    """A process that ends with the test."""
    process = subprocess.Popen(command, **{"stdout": subprocess.DEVNULL, "cwd": ROOT, **more})
    stack.callback(process.wait)
    stack.callback(process.kill)
    return process


def waits(played: Rehearsal) -> list[str]:
    """What was said of waiting: the word of each stage, in order."""
    texts = [event.text for event in played.log.entries if isinstance(event, Remark)]
    return [text.removeprefix("waits for ").split(":")[0] for text in texts if text.startswith("waits for ")]


def checks(report: Report) -> dict[str, CheckView]:
    return {check.id: check for check in report.connections[0].checks}


async def run(played: Rehearsal) -> Report:
    async with asyncio.timeout(90):
        return await played.run()


async def test_a_speaker_that_listens_on_loopback_is_called(tmp_path: Path) -> None:
    port = free_port("127.0.0.9")
    routes = tmp_path / "routes"
    routes.write_text(f"{PREFIXES['IPv4']}\nroute 10.0.0.0/8 next-hop self\n")
    with ExitStack() as stack:
        told = stack.enter_context((tmp_path / "told").open("wb"))
        listening = ["--listen", f"127.0.0.9:{port}", "--passive", "--local-as", "64496", "--peer-as", "8075"]
        speaker = [sys.executable, "-m", "simulator", "edge", "--announce", str(routes), "--state", "Active"]

        def start(peer: Peer, config: RouterConfig) -> None:
            started(stack, *speaker, "--json", *listening, stdout=told)

        parsed = build(topology(("IPv4",), address="127.0.0.9", port=port))
        played = Rehearsal(parsed, LinkKind.LOOPBACK, audience=Audience(show_config=start))
        report = await run(played)
    assert report.outcome == "passed", report.errors
    assert tuple(map(str, report.connections[0].reached[-3:])) == ("Active", "PendingRemove", "None")
    (session,) = report.connections[0].sessions
    assert (session.received, session.accepted, session.sent) == (2, 1, 2)
    assert (str(session.local_address), str(session.peer_address)) == ("127.75.80.1", "127.0.0.9")
    assert waits(played)[0] == "TCP"
    first = next(event.text for event in played.log.entries if isinstance(event, Remark) and "TCP" in event.text)
    assert f"waits for a call from 127.0.0.9, and calls 127.0.0.9:{port}; until " in first
    assert report.gate.nlri_sent_while_denied == report.gate.routes_taken_while_denied == 0
    events = [json.loads(line) for line in (tmp_path / "told").read_text().splitlines()]
    hops = {event["prefix"]: event["nextHop"] for event in events if event["event"] == "route"}
    assert hops == {"13.64.0.0/11": "192.0.2.75", "20.33.0.0/16": "192.0.2.75"}, "routers refuse a next hop of 127.x"


async def test_what_only_the_routers_owner_sees_is_skipped_and_fails_nothing(tmp_path: Path) -> None:
    """An exabgp process of the user's that only calls, with the configuration that is handed over."""
    with ExitStack() as stack:

        def configure(peer: Peer, config: RouterConfig) -> None:
            assert [str(session.local_address) for session in config.sessions] == ["127.75.80.2", "::1"]
            path = tmp_path / "exabgp.conf"
            path.write_text(FORMATS["exabgp"](config))
            log = stack.enter_context((tmp_path / "log").open("wb"))
            exabgp = str(Path(sys.executable).parent / "exabgp")
            started(stack, exabgp, "server", str(path), stderr=log, env={**os.environ, "exabgp_tcp_bind": ""})

        played = Rehearsal(build(topology()), LinkKind.LOOPBACK, audience=Audience(show_config=configure))
        report = await run(played)
    assert report.outcome == "passed", (report.errors, (tmp_path / "log").read_text())
    found = checks(report)
    assert {check.id for check in found.values() if check.status is Status.SKIPPED} == {"L1", "D3", "A2"}
    assert (
        found["D3"].evidence[0].endswith("the router of contoso is external: only its owner can look into its tables")
    )
    for check, words in (("A1", "2 of 2 announced routes were sent; "), ("A4", "2 routes withdrawn, none left here; ")):
        assert found[check].status is Status.SUCCESS
        assert any(words in line and "only its owner" in line for line in found[check].evidence), found[check].evidence


async def test_nobody_comes_and_the_deadline_is_kept() -> None:
    found = topology(("IPv4",), address="127.0.0.9", port=free_port("127.0.0.9"))
    found["times"]["deadline"] = 1
    played = Rehearsal(build(found), LinkKind.LOOPBACK)
    report = await run(played)
    assert report.outcome == "failed"
    assert report.connections[0].connection_state is ConnectionState.PROVISIONING_FAILED
    statuses = {check.id: check.status for check in report.connections[0].checks}
    assert (statuses["T1"], statuses["D3"]) == (Status.FAILURE, Status.SKIPPED)
    assert set(waits(played)) == {"TCP"}
    told = [event.text for event in played.log.entries if isinstance(event, Remark) and "(last: " in event.text]
    assert len(told) == 1, "the same news is told once"
    assert "Connection refused" in told[0]


@pytest.mark.parametrize("router", [{}, {"address": "127.0.0.9"}], ids=str)
async def test_the_edge_listens_where_the_topology_says(router: dict[str, Any]) -> None:
    found = topology(**router)
    found["microsoft"]["port"] = first = free_port("127.75.80.1")
    found["edges"].append({"name": "edge-2", "ipv4": "192.0.2.76", "ipv6": "2001:db8:2::8076"})
    found["times"]["deadline"] = 0.2
    configs: list[RouterConfig] = []
    audience = Audience(show_config=lambda peer, config: configs.append(config))
    await run(Rehearsal(build(found), LinkKind.LOOPBACK, audience=audience))
    (config,) = configs
    assert [str(session.remote) for session in config.sessions] == [
        f"127.75.80.1:{first}",
        f"[::1]:{first}",
        f"127.75.80.2:{first}",
        f"[::1]:{first + 1}",
    ]
    parsed = build(found)
    assert carried_config(parsed, parsed.peers[0]) == config, "`turnup config` prints the same"


async def test_a_session_that_is_reset_while_somebody_looks_is_validated_again() -> None:
    found = document()
    del found["edges"][1]
    steps: list[str] = []

    async def look(step: str, what: str) -> None:
        steps.append(step)
        if steps.count("lift") == 1 and step == "lift":
            await played.network.peers.router("contoso").stop()
            await played.network.peers.start(played.topology.peers[0])

    played = Rehearsal(build(found), LinkKind.LOOPBACK, audience=Audience(look))
    report = await run(played)
    assert steps == ["request", "approve", "notify", "lift", "lift", "deprovision", "remove"]
    assert tuple(map(str, report.connections[0].reached[-3:])) == ("Active", "PendingRemove", "None"), report.errors


async def test_each_pause_comes_before_its_step() -> None:
    found = document()
    del found["edges"][1]
    seen: list[tuple[str, ConnectionState]] = []

    async def look(step: str, what: str) -> None:
        (record,) = played.control.records.values()
        assert "contoso-ashburn/ash-edge-1" in what or step == "notify"
        seen.append((step, record.state))

    played = Rehearsal(build(found), LinkKind.LOOPBACK, audience=Audience(look))
    await run(played)
    assert seen == [
        ("request", ConnectionState.NONE),
        ("approve", ConnectionState.PENDING_APPROVAL),
        ("notify", ConnectionState.APPROVED),
        ("lift", ConnectionState.VALIDATING),
        ("deprovision", ConnectionState.ACTIVE),
        ("remove", ConnectionState.PENDING_REMOVE),
    ]


# --- over an interface of the host ---


def on_the_lan(interface: str) -> dict[str, Any]:
    found = topology(format="bird") | {"link": "interface"}
    found["exchange"]["interface"] = interface
    found["peers"][0] |= {"ipv4": str(v4(OUTSIDE)), "ipv6": str(v6(OUTSIDE))}
    found["exchange"]["lan"]["ipv6"] = "2001:db8:2::/64"
    return found


def on_a_cable(interface: str) -> dict[str, Any]:
    found = topology(("IPv4",), format="bird") | {"link": "interface"}
    del found["exchange"], found["peers"][0]["ipv4"], found["peers"][0]["ipv6"]
    del found["edges"][0]["ipv4"], found["edges"][0]["ipv6"]
    # The neighbour has 192.0.2.9/24: in this /30 that is the peer's half.
    choice = {"edge": "edge-1", "ipv4": "192.0.2.8/30", "interface": interface}
    found["peers"][0]["router-id"] = str(v4(OUTSIDE))
    found["peerings"][0] |= {"kind": "Direct", "connections": [choice], "md5": "s3cret", "gtsm": True}
    return found


@contextmanager
def rehearsing(path: Path, enter: list[str]) -> Iterator[subprocess.Popen[str]]:
    command = [*enter, sys.executable, "-u", "-m", "simulator", "rehearse", str(path), "--plain"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


def up_to(process: subprocess.Popen[str], words: str) -> str:
    """The output up to a line with these words; fails when it ends first."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if words in line:
            return "".join(lines)
    raise AssertionError(f"no {words!r} in {''.join(lines)}")


def between(text: str, first: str, last: str) -> str:
    return text.partition(first)[2].partition(last)[0]


@pytest.mark.privileged
@pytest.mark.router
@pytest.mark.parametrize(
    ("make", "interface", "sessions"),
    [(on_the_lan, "br0", 2), (on_the_lan, "eth1", 2), (on_a_cable, "br0", 1), (on_a_cable, "eth1", 1)],
    ids=["lan-bridge", "lan-nic", "direct-bridge", "direct-nic"],
)
async def test_a_bird_outside_is_turned_up_with_what_was_printed(
    make: Callable[[str], dict[str, Any]], interface: str, sessions: int, tmp_path: Path
) -> None:
    require_netns()
    require_program("bird")
    path = write(make(interface), tmp_path / "lab.yaml")
    with host_with(interface) as host, rehearsing(path, host.enter()) as process:
        printed = await asyncio.to_thread(up_to, process, "waits for TCP")
        config = tmp_path / "bird.conf"
        config.write_text(between(printed, "--- bird ---\n", "--- end of bird ---"))
        place = NetnsPlace("neighbor", host.neighbor)
        bird = [str(find_program("bird")), "-f", "-c", str(config), "-s", str(tmp_path / "ctl")]
        outside = await place.spawn(bird, log=tmp_path / "bird.log")
        try:
            assert process.stdout is not None
            rest = await asyncio.to_thread(process.stdout.read)
            assert await asyncio.to_thread(process.wait, 60) == 0, (rest, (tmp_path / "bird.log").read_text())
        finally:
            await stop(outside)
    assert rest.count("BGP OpenConfirm → Established") == sessions
    assert "check L1   success" in rest
    assert "check D3   skipped" in rest
    assert "connection Validating → Active" in rest
    assert "1 of 1 connection became Active, 1 deprovisioned" in rest
    assert "gate: 0 NLRI sent and 0 taken" in rest


async def test_the_log_tells_no_md5_key() -> None:
    found = topology(("IPv4",))
    found["peerings"][0]["md5"] = "s3cret"
    found["times"]["deadline"] = 0.2
    configs: list[RouterConfig] = []
    audience = Audience(show_config=lambda peer, config: configs.append(config))
    played = Rehearsal(build(found), LinkKind.LOOPBACK, audience=audience)
    await run(played)
    assert configs[0].sessions[0].md5 == "s3cret"
    events: list[Event] = played.log.entries
    assert any(isinstance(event, ConnectionMoved) for event in events)
    assert "s3cret" not in str(list(rows(played.log)))
