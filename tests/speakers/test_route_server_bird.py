"""The same clients on BIRD as the route server get the same tables."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import AsyncIterator
from ipaddress import IPv4Address, IPv4Network, ip_address
from pathlib import Path

import pytest

from simulator.lab.link import LanSpec, NodeSpec, Place
from simulator.lab.netns import NetnsLink
from simulator.rib.route_server.client import Settings
from simulator.rib.route_server.control import GRACEFUL_SHUTDOWN
from simulator.routers.base import RouterConfig, RouterFiles
from simulator.routers.bird import Bird
from simulator.session.messages import Capabilities, Family, Open
from simulator.speakers.clock import Clock
from simulator.speakers.events import NeighborConfig
from simulator.speakers.route_server import RouteServer
from simulator.wire import nlri
from simulator.wire.attributes import AsSegment, PathAttributes, SegmentKind, decode, encode
from simulator.wire.framing import KEEPALIVE, Framer, MessageType
from simulator.wire.judgement import Reach
from simulator.wire.open import encode_open
from simulator.wire.update import pack_announcements, pack_withdrawals, split_update
from tests.lab_support import require_bird
from tests.speakers.support import lift, scene

RS_AS = 9033
OURS, BIRDS = IPv4Address("10.99.0.1"), IPv4Address("10.99.0.2")
COUNT = 6
MARKS = {n: nlri.key(f"41.1.{n}.0/24")[1] for n in range(1, COUNT + 1)}
"""Client → the prefix that it announces last in each turn."""
KEYS = [nlri.key(f"41.0.{n}.0/24")[1] for n in range(16)]
_DEADLINE = 20.0

FILTERS = f"""
router id {BIRDS};
protocol device {{}}
ipv4 table master4 sorted;
filter arriving {{
    if (65535, 0) ~ bgp_community then bgp_local_pref = 0;
    accept;
}}
function may_go(int peer) {{
    if ({RS_AS}, 0, peer) ~ bgp_large_community then return false;
    if ({RS_AS}, 1, peer) ~ bgp_large_community then return true;
    if ({RS_AS}, 0, 0) ~ bgp_large_community then return false;
    return true;
}}
function prepends(int peer) {{
    if ({RS_AS}, 101, peer) ~ bgp_large_community then return 1;
    if ({RS_AS}, 102, peer) ~ bgp_large_community then return 2;
    if ({RS_AS}, 103, peer) ~ bgp_large_community then return 3;
    return 0;
}}
function leave(int peer)
int times;
{{
    if !may_go(peer) then return false;
    times = prepends(peer);
    if times = 0 then times = prepends(0);
    if times > 0 then bgp_path.prepend(bgp_path.first);
    if times > 1 then bgp_path.prepend(bgp_path.first);
    if times > 2 then bgp_path.prepend(bgp_path.first);
    bgp_large_community.delete([({RS_AS}, *, *)]);
    return true;
}}
"""


def asn(number: int) -> int:
    return 24000 + number


def address(number: int) -> IPv4Address:
    return IPv4Address("10.99.1.0") + number


def configuration() -> str:
    clients = "".join(
        f"""
protocol bgp client_{n} {{
    local {BIRDS} as {RS_AS};
    neighbor {address(n)} as {asn(n)};
    rs client;
    passive on;
    interpret communities off;
    ipv4 {{ import filter arriving; export where leave({asn(n)}); secondary; }};
}}"""
        for n in range(1, COUNT + 1)
    )
    return FILTERS + clients + "\n"


class Client:
    """A plain client that holds what it is told."""

    def __init__(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.number, self.writer = number, writer
        self.held: dict[bytes, PathAttributes] = {}
        self.up = asyncio.Event()
        self.told = asyncio.Event()
        self._reader = reader
        capabilities = Capabilities(families=frozenset({Family.IPV4}))
        writer.write(encode_open(Open(asn(number), 240, address(number), capabilities)))
        self.listening = asyncio.get_running_loop().create_task(self._listen())

    @classmethod
    async def dial(cls, place: Place, number: int, server: IPv4Address) -> Client:
        sock = place.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.bind((str(address(number)), 0))
        await asyncio.get_running_loop().sock_connect(sock, (str(server), 179))
        return cls(number, *await asyncio.open_connection(sock=sock))

    async def _listen(self) -> None:
        framer = Framer()
        while data := await self._reader.read(65536):
            framer.feed(data)
            for kind, body in framer.messages():
                assert kind != MessageType.NOTIFICATION, body
                if kind == MessageType.OPEN:
                    framer.max_size = 65535
                    self.writer.write(KEEPALIVE)
                elif kind == MessageType.KEEPALIVE:
                    self.up.set()
                elif kind == MessageType.UPDATE:
                    parts = split_update(body)
                    for key in nlri.split(parts.withdrawn, Family.IPV4):
                        self.held.pop(key, None)
                    if parts.announced:
                        path = decode(parts.attributes, asn4=True, reach=Reach.NLRI_FIELD)
                        self.held.update(dict.fromkeys(nlri.split(parts.announced, Family.IPV4), path))
                    self.told.set()

    async def close(self) -> None:
        self.listening.cancel()
        self.writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


@contextlib.asynccontextmanager
async def both(directory: Path) -> AsyncIterator[tuple[list[Client], list[Client]]]:
    """The clients at our route server, and the same at BIRD."""
    addresses = tuple(address(n) for n in range(1, COUNT + 1))
    nodes = (NodeSpec("ours", (OURS,)), NodeSpec("bird", (BIRDS,)), NodeSpec("clients", addresses))
    file = directory / "own.conf"
    file.write_text(configuration())
    async with NetnsLink(LanSpec((IPv4Network("10.99.0.0/16"),), nodes)) as link, scene() as told:
        server = RouteServer("rs", link.place("ours"), Clock(asyncio.get_running_loop()), told.emit, Settings(RS_AS))
        told.speakers.append(server)
        where = await server.listen(ip_address(str(OURS)))
        bird = Bird()
        clients: list[Client] = []
        try:
            await bird.start(
                link.place("bird"),
                RouterConfig("bird", RS_AS, str(BIRDS), (), (), file=file),
                RouterFiles(directory / "lab"),
            )
            for n in range(1, COUNT + 1):
                config = NeighborConfig(f"c{n}", RS_AS, str(OURS), OURS, address(n), asn(n), where, None)
                server.add(config)
            for at in (OURS, BIRDS):
                clients += [await Client.dial(link.place("clients"), n, at) for n in range(1, COUNT + 1)]
            async with asyncio.timeout(_DEADLINE):
                for client in clients:
                    await client.up.wait()
            await told.established(*server.neighbors)
            for neighbor in server.neighbors:
                lift(neighbor)
            yield clients[:COUNT], clients[COUNT:]
        finally:
            await asyncio.gather(*(client.close() for client in clients))
            await bird.stop()


def route(rng: random.Random, number: int) -> PathAttributes:
    """One with something to tell it by."""
    peers = [0, *(asn(n) for n in range(1, COUNT + 1))]
    large = {
        (RS_AS, rng.choice([0, 0, 1, 101, 102, 103]), rng.choice(peers)) for _ in range(rng.choice([0, 0, 1, 2, 3]))
    }
    return PathAttributes(
        as_path=(
            AsSegment(SegmentKind.SEQUENCE, (asn(number), *rng.choices(range(13000, 13009), k=rng.randrange(3)))),
        ),
        next_hop=address(number),
        origin=rng.choice([0, 0, 2]),
        med=rng.choice([None, 0, 7]),
        communities=tuple({rng.choice([GRACEFUL_SHUTDOWN, asn(number) << 16 | 5]) for _ in range(rng.choice([0, 1]))}),
        large_communities=(*sorted(large), (asn(number), 1, 1)),
    )


def differences(ours: list[Client], birds: list[Client]) -> list[str]:
    found = []
    for mine, theirs in zip(ours, birds, strict=True):
        for key in (*KEYS, *MARKS.values()):
            if mine.held.get(key) != theirs.held.get(key):
                prefix = nlri.text(Family.IPV4, key)
                found.append(f"client {mine.number}, {prefix}: {mine.held.get(key)}, BIRD: {theirs.held.get(key)}")
    return found


def is_told(client: Client, turn: int) -> bool:
    """Whether a client has the mark with which each of the others ends its turn."""
    return all(
        (found := client.held.get(MARKS[n])) is not None and found.med == turn for n in MARKS if n != client.number
    )


async def agree(ours: list[Client], birds: list[Client], turn: int) -> None:
    """Once everything of this turn has come, both hold the same."""
    clients = [*ours, *birds]
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DEADLINE):
            while differences(ours, birds) or not all(is_told(client, turn) for client in clients):
                waits = [asyncio.create_task(client.told.wait()) for client in clients]
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                for wait in waits:
                    wait.cancel()
                for client in clients:
                    client.told.clear()
    assert differences(ours, birds) == []
    assert [client.number for client in clients if not is_told(client, turn)] == []


@pytest.mark.router
@pytest.mark.privileged
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_the_same_clients_get_the_same_tables(tmp_path: Path, seed: int) -> None:
    require_bird()
    rng = random.Random(seed)
    async with both(tmp_path) as (ours, birds):
        for turn in range(4):
            for _ in range(40):
                number, keys = rng.randrange(COUNT), rng.sample(KEYS, rng.randrange(1, 5))
                if rng.random() < 0.25:
                    octets = pack_withdrawals(Family.IPV4, keys, 4096)
                else:
                    raw = encode(route(rng, number + 1), asn4=True)
                    octets = pack_announcements(Family.IPV4, raw, b"", keys, 4096)
                for client in (ours[number], birds[number]):
                    client.writer.write(b"".join(message for message, _ in octets))
            for n, key in MARKS.items():
                mark = PathAttributes(
                    as_path=(AsSegment(SegmentKind.SEQUENCE, (asn(n),)),), next_hop=address(n), med=turn
                )
                message = pack_announcements(Family.IPV4, encode(mark, asn4=True), b"", [key], 4096)[0][0]
                for client in (ours[n - 1], birds[n - 1]):
                    client.writer.write(message)
            await agree(ours, birds, turn)
        held = sum(len(client.held.keys() - set(MARKS.values())) for client in ours)
        assert held > 5 * COUNT, "there was something to compare"
