"""The same forged routes over a session to an edge, and over one to a real daemon whose tables are then read offline.

One source sends the same octets to both. What the edge says of its session's routes is what every output of the daemon
must come to, but for the rules that the output cannot judge by, which it must name.
"""

from __future__ import annotations

import asyncio
import json
import socket
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from simulator.addresses import IpAddress
from simulator.lab.netns import NetnsLink
from simulator.peer.events import NeighborConfig
from simulator.places.endpoint import BGP_PORT, Endpoint
from simulator.places.place import Place
from simulator.routers.base import RouterConfig, RouterFiles, RouterSession
from simulator.routers.frr.file import BGPD
from simulator.routers.registry import ROUTERS
from simulator.session.messages import Family
from simulator.speakers.clock import Clock
from simulator.speakers.speaker import Speaker
from simulator.tables import notation
from simulator.tables.input_formats import READERS, InputFormat, recognise
from simulator.tables.session_policies import SessionPolicies
from simulator.wire import nlri
from simulator.wire.attribute_codec import PathAttributes, encode
from simulator.wire.update import end_of_rib, pack_announcements
from tests.lab_support import eventually, lan, require_netns, require_program, v4, v6
from tests.speakers.support import RawPeer
from tests.tables.support import verdicts

PEER_AS, DAEMON_AS, MICROSOFT = 3321, 1136, 8075
SOURCE: dict[Family, IpAddress] = {Family.IPV4: v4(2), Family.IPV6: v6(2)}
DAEMON: dict[Family, IpAddress] = {Family.IPV4: v4(1), Family.IPV6: v6(1)}
EDGE: dict[Family, IpAddress] = {Family.IPV4: v4(3), Family.IPV6: v6(3)}
SESSIONS = SessionPolicies("exchange", peer_as=PEER_AS, addresses=SOURCE)
SAYS_LESS = {"otc", "too-many-communities"}
"""What a brief table cannot be judged by."""


@dataclass(frozen=True)
class Forged:
    """Attributes that no configuration brings about."""

    path: str = "3321 3303"
    foreign_next_hop: bool = False
    more: dict[str, Any] = field(default_factory=dict)


def _community(count: int) -> tuple[int, ...]:
    return tuple(notation.community(f"3303:{number}") for number in range(count))


FORGED = (
    Forged("3321"),
    Forged("3321 3320 3320 3303"),
    Forged("3321 4200000001 3303"),
    Forged("3321 3303 {3304 3305}"),
    Forged("3303 3321"),
    Forged(foreign_next_hop=True),
    Forged(more={"med": 77, "origin": 2}),
    Forged(more={"med": 0, "origin": 1}),
    Forged(more={"communities": (*_community(3), 0xFFFF029A, 0xFFFFFF01, 0xFFFF0000, 8075 << 16 | 8007)}),
    Forged(more={"communities": _community(101)}),
    Forged(
        more={
            "communities": _community(98),
            "large_communities": ((3321, 1, 2), (4200000000, 4294967295, 0), (1, 1, 1)),
        }
    ),
    Forged(more={"communities": _community(99), "extended_communities": (bytes.fromhex("00020cf900000064"),)}),
    Forged(
        more={
            "communities": _community(98),
            "extended_communities": tuple(
                map(bytes.fromhex, ("0102c00002010064", "0202fa56ea010064", "030c000000000008"))
            ),
        }
    ),
    Forged(more={"atomic_aggregate": True, "aggregator": (3303, IPv4Address("192.0.2.200"))}),
    Forged(more={"otc": 3321}),
    Forged(more={"otc": 174}),
    Forged("3321 " + "3303 " * 60),
    Forged("3321 12076"),
    Forged("3321 3356 3303"),
    Forged("3321 8075"),
    Forged("3321 64512 3303"),
    Forged(more={"unknown": ((0xC0, 99, b"hello"),)}),
)
PREFIXES = {
    Family.IPV4: ("20.1.{}.0/24", ("41.2.0.0/25", "10.0.0.0/8", "0.0.0.0/0", "41.0.0.0/8", "203.0.113.0/24")),
    Family.IPV6: ("2a00:1:{:x}::/48", ("2a00:4:1234:5678::/64", "fc00::/32", "::/0", "2001:db8::/32", "2a00:5::/32")),
}


def updates(family: Family) -> dict[str, bytes]:
    """Prefix → the UPDATE that announces it."""
    pattern, plain = PREFIXES[family]
    routes = [(pattern.format(number), forged) for number, forged in enumerate(FORGED)]
    routes += [(prefix, Forged("3321 3303")) for prefix in plain]
    found = {}
    for prefix, forged in routes:
        hop: IpAddress = (v4(77) if family is Family.IPV4 else v6(77)) if forged.foreign_next_hop else SOURCE[family]
        path = PathAttributes(as_path=notation.as_path(forged.path), next_hop=hop, **forged.more)
        of, key = nlri.key(prefix)
        ((octets, _),) = pack_announcements(of, encode(path, asn4=True), hop.packed, (key,), 4096)
        found[nlri.text(of, key)] = octets
    return found


BIRD = """\
router id 10.255.0.1;
protocol device {}
""" + "".join(
    f"protocol bgp p{v} {{ local {mine} as {DAEMON_AS}; neighbor {theirs} as {PEER_AS}; passive; enforce first as off;"
    f" ipv{v} {{ import all; export none; }}; }}\n"
    for v, mine, theirs in ((4, v4(1), v4(2)), (6, v6(1), v6(2)))
)
FRR = f"""\
router bgp {DAEMON_AS}
 bgp router-id 10.255.0.1
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
 neighbor {v4(2)} remote-as {PEER_AS}
 neighbor {v4(2)} passive
 no neighbor {v4(2)} enforce-first-as
 neighbor {v6(2)} remote-as {PEER_AS}
 neighbor {v6(2)} passive
 no neighbor {v6(2)} enforce-first-as
 address-family ipv4 unicast
  neighbor {v4(2)} activate
  neighbor {v4(2)} soft-reconfiguration inbound
 exit-address-family
 address-family ipv6 unicast
  neighbor {v6(2)} activate
  neighbor {v6(2)} soft-reconfiguration inbound
 exit-address-family
"""
GOBGP = f'[global.config]\nas = {DAEMON_AS}\nrouter-id = "10.255.0.1"\n' + "".join(
    f'[[neighbors]]\n[neighbors.config]\nneighbor-address = "{theirs}"\npeer-as = {PEER_AS}\n'
    f"[neighbors.transport.config]\npassive-mode = true\n"
    f'[[neighbors.afi-safis]]\n[neighbors.afi-safis.config]\nafi-safi-name = "ipv{v}-unicast"\n'
    for v, theirs in ((4, v4(2)), (6, v6(2)))
)
OPENBGPD = (
    f"AS {DAEMON_AS}\nrouter-id 10.255.0.1\nfib-update no\n"
    + "".join(
        f"neighbor {theirs} {{\n remote-as {PEER_AS}\n passive\n enforce neighbor-as no\n reject as-set no\n}}\n"
        for theirs in (v4(2), v6(2))
    )
    + "allow from any\n"
)

Asked = dict[str, tuple[InputFormat, str, set[str]]]
"""What was asked → the format that it must be told as, the output, the rules that it may leave unjudged."""


async def ask_bird(router: Any) -> Asked:
    return {"show route all": (InputFormat.BIRD, await router.command("show route all"), set())}


async def ask_frr(router: Any) -> Asked:
    tables, received, texts, one, details = "", "", "", "", ""
    for family, source in SOURCE.items():
        table = f"show bgp {family.label.lower()} unicast"
        tables += await router.command(f"{table} json")
        received += await router.command(f"{table} neighbors {source} received-routes json")
        texts += await router.command(table)
        for prefix in updates(family):
            one += await router.command(f"{table} {prefix} json")
            details += await router.command(f"{table} {prefix}")
    return {
        "show bgp json": (InputFormat.FRR, tables, SAYS_LESS),
        "received-routes json": (InputFormat.FRR, received, SAYS_LESS),
        "show bgp": (InputFormat.CISCO, texts, SAYS_LESS),
        "show bgp PREFIX json": (InputFormat.FRR, one, {"otc"}),
        "show bgp PREFIX": (InputFormat.CISCO_DETAIL, details, {"otc"}),
    }


async def ask_gobgp(router: Any) -> Asked:
    tables, received = "", ""
    for family, source in SOURCE.items():
        name = family.label.lower()
        tables += json.dumps(await router.command("global", "rib", "-a", name)) + "\n"
        received += json.dumps(await router.command("neighbor", str(source), "adj-in", "-a", name)) + "\n"
    return {"global rib": (InputFormat.GOBGP, tables, set()), "adj-in": (InputFormat.GOBGP, received, set())}


async def ask_openbgpd(router: Any) -> Asked:
    return {
        "show rib": (InputFormat.OPENBGPD, await router.command("-j", "show", "rib"), SAYS_LESS),
        "show rib detail": (InputFormat.OPENBGPD, await router.command("-j", "show", "rib", "detail"), set()),
        "show rib in detail": (InputFormat.OPENBGPD, await router.command("-j", "show", "rib", "detail", "in"), set()),
    }


@dataclass(frozen=True)
class Subject:
    """A daemon, and how it is made to take everything and asked for what it took."""

    program: str
    file: str
    text: str
    ask: Callable[[Any], Awaitable[Asked]]


SUBJECTS = {
    "bird": Subject("bird", "bird.conf", BIRD, ask_bird),
    "frr": Subject(BGPD.path, "frr.conf", FRR, ask_frr),
    "gobgp": Subject("gobgpd", "gobgpd.toml", GOBGP, ask_gobgp),
    "openbgpd": Subject("bgpctl", "bgpd.conf", OPENBGPD, ask_openbgpd),
}


async def connected(place: Place, family: Family, far: Any) -> RawPeer:
    """A session from the source; a daemon may not listen yet, or be in its idle time."""
    loop = asyncio.get_running_loop()

    async def attempt() -> RawPeer | None:
        kind = socket.AF_INET if family is Family.IPV4 else socket.AF_INET6
        dialed = place.socket(kind, socket.SOCK_STREAM)
        dialed.setblocking(False)
        try:
            dialed.bind((str(SOURCE[family]), 0))
            await loop.sock_connect(dialed, (str(far), BGP_PORT))
            peer = RawPeer(*await asyncio.open_connection(sock=dialed))
        except OSError:
            dialed.close()
            return None
        try:
            await peer.greet(family, asn=PEER_AS)
        except (OSError, AssertionError):
            peer.writer.transport.abort()
            return None
        return peer

    found = await eventually(attempt, lambda peer: peer is not None)
    assert found is not None
    return found


async def compared(subject: Subject, kind: str) -> tuple[dict[str, set[str]], Asked]:
    """Prefix → the rules that refuse it on the session with an edge; and what the daemon prints of the same routes."""
    async with AsyncExitStack() as exit_:
        directory = Path(exit_.enter_context(tempfile.TemporaryDirectory(prefix="turnup-")))
        link = await exit_.enter_async_context(NetnsLink(lan(3)))
        edge = Speaker("n3", link.place("n3"), Clock(asyncio.get_running_loop()), lambda event: None)
        exit_.push_async_callback(edge.close)
        router: Any = ROUTERS[kind]()
        exit_.push_async_callback(router.stop)
        (directory / subject.file).write_text(subject.text)
        sessions = tuple(
            RouterSession(family.label, DAEMON[family], source, PEER_AS, Endpoint(source, BGP_PORT))
            for family, source in SOURCE.items()
        )
        config = RouterConfig("n1", DAEMON_AS, "10.255.0.1", sessions, (), file=directory / subject.file)
        await router.start(link.place("n1"), config, RouterFiles(directory / "run"))
        verdicts_: dict[str, set[str]] = {}
        for family, source in SOURCE.items():
            await edge.listen(EDGE[family])
            neighbor = edge.add(
                NeighborConfig(
                    id=family.label,
                    local_as=MICROSOFT,
                    router_id="10.255.0.3",
                    local_address=EDGE[family],
                    peer_address=source,
                    peer_as=PEER_AS,
                    local=Endpoint(EDGE[family], BGP_PORT),
                    remote=Endpoint(source, BGP_PORT),
                    policy=SESSIONS.session(None, family).policy,
                )
            )
            octets = updates(family)
            for far in (EDGE[family], DAEMON[family]):
                peer = await connected(link.place("n2"), family, far)
                await exit_.enter_async_context(peer)
                await peer.send(b"".join(octets.values()) + end_of_rib(family))

            async def held(neighbor: Any = neighbor) -> dict[str, set[str]]:
                return {
                    nlri.text(route.family, route.key): {hit.rule for hit in route.hits}
                    for route in neighbor.adj_in.routes()
                }

            verdicts_ |= await eventually(held, lambda found, octets=octets: set(found) == set(octets))  # type: ignore[misc]

            async def received(name: str = family.label) -> frozenset[str]:
                return frozenset(await router.received(name))

            await eventually(received, lambda found, octets=octets: set(octets) <= found)  # type: ignore[misc]
        return verdicts_, await subject.ask(router)


@pytest.mark.privileged
@pytest.mark.router
@pytest.mark.parametrize("kind", SUBJECTS)
async def test_a_daemon_s_output_gets_the_verdicts_of_a_session(kind: str) -> None:
    require_netns()
    require_program(SUBJECTS[kind].program)
    session, outputs = await compared(SUBJECTS[kind], kind)
    assert {"as-set", "first-as", "next-hop", "otc", "too-many-communities"} <= {
        r for rules in session.values() for r in rules
    }
    for what, (format_, text, unjudged) in outputs.items():
        data = text.encode()
        assert recognise((data,))[0] is format_, what
        found, tally = verdicts(READERS[format_]((data,)), SESSIONS)
        assert not tally.unreadable, (what, tally.named)
        assert set(tally.unjudged) & (SAYS_LESS | {"next-hop"}) == unjudged, what
        assert {prefix: set(rules) for prefix, rules in found.items()} == {
            prefix: rules - unjudged for prefix, rules in session.items()
        }, what
