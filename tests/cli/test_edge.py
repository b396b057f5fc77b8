"""`turnup edge`: what it prints, by what it judges, and who may lift its policy."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from ipaddress import IPv4Address, ip_address
from pathlib import Path
from typing import Any

import pytest

from simulator.cli.policy_options import judging
from simulator.cli.run.edge import Edge, EdgeOptions, GivenOptions, checked, max_prefix, policy_options, print_text
from simulator.connection.states import ConnectionState
from simulator.engine.rows import row
from simulator.gate import Change
from simulator.peer.events import MalformedUpdate, PrefixLimit
from simulator.places.endpoint import Endpoint
from simulator.policy.max_prefix import Level, MaxPrefix, MaxPrefixAction
from simulator.policy.policy import PROFILES, PolicyError
from simulator.session.messages import Family
from simulator.speakers.speaker import Speaker
from simulator.topology.as8075 import table
from simulator.topology.files import FileReadError
from simulator.wire.attribute_codec import AsSegment, PathAttributes, SegmentKind, encode
from simulator.wire.update import pack_announcements
from simulator.wire.update_faults import ErrorHandling
from tests.patience import PATIENCE
from tests.speakers.support import (
    EDGE4,
    PEER4,
    PEER_AS,
    V4,
    V6,
    RawPeer,
    announcement,
    key,
    prefixes,
    raw_open,
    raw_routes,
)

KEYS = prefixes(V4, 2)
ROOT = Path(__file__).parent.parent.parent


class Running:
    """An edge that runs, and what it wrote."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self._news = asyncio.Event()

    def write(self, told: dict[str, Any]) -> None:
        self.told.append(told)
        self._news.set()

    async def until(self, **wanted: Any) -> dict[str, Any]:
        """The first line that has these values."""
        async with asyncio.timeout(PATIENCE):
            while True:
                self._news.clear()
                for told in self.told:
                    if all(told.get(name) == value for name, value in wanted.items()):
                        return told
                await self._news.wait()

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [told for told in self.told if told["event"] == kind]


@contextlib.asynccontextmanager
async def edge(state: ConnectionState = ConnectionState.VALIDATING, **options: Any) -> AsyncIterator[Running]:
    running, stop = Running(), asyncio.Event()
    asked = options.pop("asked", {})
    routes = (announcement(V4, [key("13.64.0.0/11")]),)
    settings = {
        "listen": Endpoint(EDGE4, 0),
        "peer": None,
        "peer_as": PEER_AS,
        "peer_port": 179,
        "local_as": 8075,
        "state": state,
        "md5": None,
        "gtsm": False,
        "passive": True,
        "policy": policy_options(judging(allow_documentation=True, **asked), routes, 8075),
        "max_prefix": None,
        "hold_time": 90,
        "router_id": IPv4Address("10.0.0.1"),
        "announcements": routes,
    }
    task = asyncio.ensure_future(Edge(EdgeOptions(**(settings | options)), running.write).run(stop))
    try:
        yield running
    finally:
        stop.set()
        await task


@contextlib.asynccontextmanager
async def session(running: Running) -> AsyncIterator[RawPeer]:
    host, port = (await running.until(event="listening"))["address"].rsplit(":", 1)
    async with await RawPeer.dial(Endpoint(IPv4Address(host), int(port))) as peer:
        await peer.greet()
        yield peer


# --- who lifts its policy ---


@pytest.mark.parametrize("state", list(ConnectionState))
async def test_nothing_but_the_operator_s_active_lifts_the_policy(state: ConnectionState) -> None:
    """Established, End-of-RIB, a full table: none of it opens the gate of an edge that was not told Active."""
    async with edge(state) as running, session(running) as peer:
        await peer.send(raw_routes(KEYS))
        await running.until(event="route", prefix="41.0.1.0/24")
        await peer.answered()
        verdicts = {told["verdict"] for told in running.of("route")}
        active = state is ConnectionState.ACTIVE
        assert verdicts == {"accept" if active else "withhold"}
        assert bool(running.of("gate-lifted")) is active
        assert (key("13.64.0.0/11") in peer.octets) is active


# --- who its peer is, and who it is itself ---


def _rules(told: list[dict[str, Any]]) -> dict[str, tuple[str, list[str]]]:
    return {line["prefix"]: (line["verdict"], [reason["rule"] for reason in line["reasons"]]) for line in told}


@pytest.mark.parametrize("profile", sorted(PROFILES))
async def test_any_as_is_judged_as_the_one_that_it_turns_out_to_be(profile: str, tmp_path: Path) -> None:
    """Every profile, every kind of path that a rule compares with the peer's ASN: the same lines either way."""
    irr = tmp_path / "irr.json"
    irr.write_text(json.dumps({f"AS{PEER_AS}": [{"prefix": "41.0.0.0/16", "exact": False}]}))
    kinds: list[dict[str, Any]] = [
        {"as_path": (PEER_AS,)},
        {"as_path": (3356, PEER_AS)},  # another's route, or a leak
        {"as_path": (1111,)},
        {"as_path": (PEER_AS, 3356)},
        {"as_path": (PEER_AS,), "otc": PEER_AS},
        {"as_path": (PEER_AS,), "otc": 1111},
        {"as_path": (1111,), "otc": 1111},
    ]
    octets = b""
    for number, kind in enumerate(kinds):
        segments = (AsSegment(SegmentKind.SEQUENCE, kind["as_path"]),)
        path = PathAttributes(as_path=segments, next_hop=PEER4, otc=kind.get("otc"))
        raw = encode(path, asn4=True)
        octets += pack_announcements(V4, raw, PEER4.packed, prefixes(V4, 1, number), 4096)[0][0]
    found = []
    for peer_as in (PEER_AS, None):
        async with edge(peer_as=peer_as, asked={"profile": profile, "irr": [irr]}) as running, session(running) as peer:
            await peer.send(octets)
            await peer.answered()
            found.append(_rules(running.of("route")))
    assert len(found[0]) == len(kinds)
    assert found[1] == found[0]


async def test_the_next_caller_from_an_address_is_judged_by_its_own_asn() -> None:
    async with edge(peer_as=None) as running:
        host, port = (await running.until(event="listening"))["address"].rsplit(":", 1)
        for turn, asn in enumerate((PEER_AS, PEER_AS + 1)):
            async with await RawPeer.dial(Endpoint(IPv4Address(host), int(port)), PEER4 + turn) as peer:
                await peer.greet(asn=asn)
                await peer.send(raw_routes(KEYS[turn : turn + 1], next_hop=PEER4 + turn))
                await peer.answered()
        assert _rules(running.of("route")) == {
            "41.0.0.0/24": ("withhold", []),
            "41.0.1.0/24": ("reject", ["first-as"]),
        }
        assert [told["peerAs"] for told in running.of("route")] == [PEER_AS, PEER_AS + 1]


@pytest.mark.parametrize(
    ("listen", "addresses"), [("0.0.0.0", ("127.8.0.1", "127.8.0.77")), ("::", ("::1",))], ids=["IPv4", "IPv6"]
)
async def test_listening_anywhere_it_announces_the_address_that_was_called(
    listen: str, addresses: tuple[str, ...]
) -> None:
    family = V4 if ip_address(listen).version == 4 else V6
    routes = (announcement(family, prefixes(family, 1, 70_000)),)
    where = Endpoint(ip_address(listen), 0)
    async with edge(ConnectionState.ACTIVE, listen=where, announcements=routes) as running:
        port = int((await running.until(event="listening"))["address"].rpartition(":")[2])
        for number, called in enumerate(addresses):
            source = PEER4 + number if family is V4 else ip_address("::1")
            async with await RawPeer.dial(Endpoint(ip_address(called), port), source) as peer:
                await peer.greet(family, identifier=f"10.0.0.{number + 2}")
                (parts,) = await peer.updates_to_end_of_rib(family)
                hop = ip_address(called).packed
                assert hop in (parts.reach.next_hop if parts.reach else parts.attributes)
                assert ip_address(listen).packed not in (parts.attributes if family is V4 else peer.octets)


async def test_a_caller_is_ruled_once_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    ruled: list[str] = []
    before = Speaker.rule

    def rule(self: Speaker, session: str, state: ConnectionState | None, *, session_validated: bool) -> Change:
        ruled.append(session)
        return before(self, session, state, session_validated=session_validated)

    monkeypatch.setattr(Speaker, "rule", rule)
    async with edge() as running, contextlib.AsyncExitStack() as stack:
        host, port = (await running.until(event="listening"))["address"].rsplit(":", 1)
        for number in range(30):
            dial = RawPeer.dial(Endpoint(IPv4Address(host), int(port)), PEER4 + number)
            peer = await stack.enter_async_context(await dial)
            await peer.greet(identifier=f"10.0.1.{number}")
            await running.until(event="bgp-state", session=str(PEER4 + number), to="Established")
    assert ruled == [str(PEER4 + number) for number in range(30)]


async def test_a_refused_caller_is_told_with_the_time_from_which_it_is_heard(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with edge() as running:
        host, port = (await running.until(event="listening"))["address"].rsplit(":", 1)
        where = Endpoint(IPv4Address(host), int(port))
        async with await RawPeer.dial(where) as peer:
            await peer.send(raw_open(asn=PEER_AS + 1))
            await peer.rest()
        async with await RawPeer.dial(where) as peer:
            assert (await peer.refused()).subcode == 5
        told = await running.until(event="caller-refused")
        assert told["address"] == str(PEER4)
        assert "the OPEN carries AS64497, expected AS64496" in told["why"]
        assert told["again"] > told["time"]
        print_text(told)
        assert f"heard again from {told['again'][11:19]} on" in capsys.readouterr().out


# --- by what it judges ---


async def judged(routes: list[bytes], **asked: Any) -> dict[str, list[str]]:
    async with edge(asked=asked) as running, session(running) as peer:
        await peer.send(raw_routes(routes))
        for _ in routes:
            await running.until(event="route")
        await peer.answered()
        return {told["prefix"]: [reason["rule"] for reason in told["reasons"]] for told in running.of("route")}


async def test_what_the_edge_announces_may_not_be_announced_to_it() -> None:
    found = await judged([key("13.64.0.0/11"), *KEYS])
    assert found == {"13.64.0.0/11": ["microsoft-prefix"], "41.0.0.0/24": [], "41.0.1.0/24": []}


async def test_it_judges_by_a_profile_its_rules_and_its_data(tmp_path: Path) -> None:
    vrp, registered = tmp_path / "vrp.json", tmp_path / "registered"
    vrp.write_text(json.dumps({"roas": [{"asn": 1, "prefix": "41.0.0.0/24", "maxLength": 24}]}))
    registered.write_text("41.0.0.0/24\n")
    assert await judged(list(KEYS), vrp=[vrp]) == {"41.0.0.0/24": ["rpki-invalid"], "41.0.1.0/24": []}
    found = await judged(list(KEYS), profile="peering-service", registered_prefixes=[registered])
    assert found == {
        "41.0.0.0/24": ["maps-community-missing"],
        "41.0.1.0/24": ["registered-prefix", "maps-community-missing"],
    }
    too_long = await judged(list(KEYS), rule=["prefix-too-long=ipv4=23"])
    assert list(too_long.values()) == [["prefix-too-long"]] * 2
    assert list((await judged(list(KEYS), lan=["41.0.0.0/23"])).values()) == [["exchange-lan"]] * 2


@pytest.mark.parametrize(
    "asked",
    [{"profile": "transit"}, {"rule": ["nonsense=off"]}, {"rule": ["prefix-too-long=ipv4=99"]}],
)
def test_options_that_make_no_sense_are_told_before_anything_listens(asked: dict[str, Any]) -> None:
    with pytest.raises(PolicyError):
        policy_options(judging(**asked), (), 8075)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--profile", "transit"], "no policy profile 'transit'"),
        (["--rule", "first-as"], "write RULE=off"),
        (["--lan", "x"], "--lan x"),
        (["--vrp", "/nonexistent"], "/nonexistent: there is no such file"),
    ],
)
def test_the_command_refuses_bad_options_in_one_line(arguments: list[str], words: str) -> None:
    command = [sys.executable, "-m", "simulator", "edge", "--listen", "127.0.0.1:0", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT, check=False)
    (line,) = result.stderr.splitlines()
    assert result.returncode == 2
    assert line.startswith("turnup: ") and words in line


async def test_more_prefixes_than_the_peer_may_announce() -> None:
    async with edge(max_prefix=max_prefix(1, "block")) as running, session(running) as peer:
        await peer.send(raw_routes(KEYS))
        told = await running.until(event="prefix-limit")
        assert (told["level"], told["count"], told["limit"], told["action"]) == ("exceeded", 2, 1, "block")
        assert [t["reasons"] for t in running.of("route")][1][0]["rule"] == "max-prefix"


# --- for a person ---


def printed(told: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> str:
    print_text(told)
    (line,) = capsys.readouterr().out.splitlines()
    return line


def test_a_malformed_update_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    keys = (key("192.0.2.0/24"),)
    fault = (ErrorHandling.TREAT_AS_WITHDRAW, 1, "ORIGIN is 7", "RFC 7606 §7.1", b"\x40", b"")
    line = printed(row(MalformedUpdate("s", 1.0, Family.IPV4, *fault, keys)), capsys)
    assert line.startswith("00:00:01.000  s  ")
    assert "malformed attribute 1: ORIGIN is 7: treat-as-withdraw [RFC 7606 §7.1] (192.0.2.0/24)" in line
    bare = (ErrorHandling.SESSION_RESET, None, "the attributes are longer than the message", "RFC 4271 §6.3", b"", b"")
    line = printed(row(MalformedUpdate("s", 1.0, None, *bare)), capsys)
    assert line.endswith("malformed UPDATE: the attributes are longer than the message: session reset [RFC 4271 §6.3]")


def test_a_prefix_limit_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    rule = MaxPrefix(10, MaxPrefixAction.CEASE)
    warned = printed(row(PrefixLimit("s", 1.0, Level.WARNING, 8, rule)), capsys)
    assert warned.endswith("prefix limit warning: 8 of 10, near the limit: cease")
    exceeded = printed(row(PrefixLimit("s", 1.0, Level.EXCEEDED, 11, rule)), capsys)
    assert exceeded.endswith("prefix limit exceeded: 11 of 10, more than the peer may announce: cease")


# --- what it announces ---


def given(**options: Any) -> GivenOptions:
    """As the command line gives them."""
    told: dict[str, Any] = {
        "listen": "127.0.0.2:0",
        "peer": "any",
        "peer_as": "any",
        "peer_port": None,
        "local_as": 8075,
        "state": "Validating",
        "md5": None,
        "gtsm": False,
        "passive": False,
        "judging": judging(),
        "max_prefixes": None,
        "over_limit": "warn",
        "hold_time": 90,
        "router_id": None,
        "announce": None,
    }
    return GivenOptions(**(told | options))


def test_as8075_announces_its_table_where_no_file_says_otherwise(tmp_path: Path) -> None:
    assert sum(len(each.keys) for each in checked(given()).announcements) == len(table().prefixes)
    assert checked(given(local_as=64500)).announcements == ()
    file = tmp_path / "routes"
    file.write_text("# nothing\n")
    assert checked(given(announce=file)).announcements == ()


async def test_the_default_table_passes_once_the_connection_is_active() -> None:
    options = checked(given(state="Active", judging=judging(allow_documentation=True), passive=True))
    running, stop = Running(), asyncio.Event()
    task = asyncio.ensure_future(Edge(options, running.write).run(stop))
    async with session(running) as peer:
        await peer.send(raw_routes(KEYS))
        await running.until(event="route")
        await peer.answered()
        ipv4 = [each.prefix for each in table().prefixes if "." in each.prefix]
        assert [prefix for prefix in ipv4 if key(prefix) not in peer.octets] == []
    stop.set()
    await task


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"IPv4": 0, "IPv6": 0}, "it ANNOUNCES NOTHING: --announce FILE says what"),
        ({"IPv4": 359, "IPv6": 29}, "it announces 359 IPv4 and 29 IPv6 prefixes once that is Active"),
        ({"IPv4": 0, "IPv6": 2}, "it announces 2 IPv6 prefixes once that is Active"),
    ],
)
def test_what_it_announces_stands_in_its_first_line(
    counts: dict[str, int], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = {"event": "listening", "address": "[::1]:179", "localAs": 8075, "connectionState": "Validating"}
    assert printed({**told, "announces": counts}, capsys).endswith(f"connection state Validating; {words}")


@pytest.mark.parametrize("what", ["pipe", "directory", "device", "latin-1", "size"])
def test_a_file_of_announcements_is_read_within_bounds(what: str, tmp_path: Path) -> None:
    file = tmp_path / "routes"
    match what:
        case "pipe":
            os.mkfifo(file)
        case "directory":
            file.mkdir()
        case "device":
            file = Path("/dev/zero")
        case "latin-1":
            file.write_bytes(b"# caf\xe9\n")
        case "size":
            with file.open("wb") as sparse:
                sparse.truncate(65_000_000)
    with pytest.raises(FileReadError, match={"latin-1": "UTF-8", "size": "more than the"}.get(what, what)):
        checked(given(announce=file))
