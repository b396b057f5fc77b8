"""The same clients on BIRD as the route server get the same tables."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import AsyncIterator
from ipaddress import IPv4Address, IPv6Address, ip_network
from pathlib import Path

import pytest

from simulator.addresses import IpAddress
from simulator.lab.netns import NetnsLink
from simulator.peer.events import NeighborConfig
from simulator.places.link import LanSpec, NodeSpec
from simulator.places.place import Place
from simulator.rib.route_server.client import RouteServerSettings
from simulator.rib.route_server.control import GRACEFUL_SHUTDOWN
from simulator.routers.base import RouterConfig, RouterFiles
from simulator.routers.bird.adapter import Bird
from simulator.session.messages import Capabilities, Family, Open
from simulator.speakers.clock import Clock
from simulator.speakers.route_server import RouteServer
from simulator.wire import nlri
from simulator.wire.attribute_codec import AsSegment, PathAttributes, SegmentKind, decode, encode
from simulator.wire.checked_attributes import NlriLocation
from simulator.wire.framing import KEEPALIVE, Framer, MessageType
from simulator.wire.open import encode_open
from simulator.wire.update import UpdateParts, pack_announcements, pack_withdrawals, split_update
from tests.lab_support import require_bird
from tests.patience import PATIENCE
from tests.speakers.support import lift, scene

RS_AS = 9033
V4, V6 = Family.IPV4, Family.IPV6
OURS: dict[Family, IpAddress] = {V4: IPv4Address("10.99.0.1"), V6: IPv6Address("2001:db8:99::1")}
BIRDS: dict[Family, IpAddress] = {V4: IPv4Address("10.99.0.2"), V6: IPv6Address("2001:db8:99::2")}
LANS = {V4: ip_network("10.99.0.0/16"), V6: ip_network("2001:db8:99::/64")}
COUNT = 6
MARKS = {
    V4: {n: nlri.key(f"41.1.{n}.0/24")[1] for n in range(1, COUNT + 1)},
    V6: {n: nlri.key(f"2c0f:1:{n}::/48")[1] for n in range(1, COUNT + 1)},
}
"""Client → the prefix that it announces last in each turn."""
KEYS = {
    V4: [nlri.key(f"41.0.{n}.0/24")[1] for n in range(16)],
    V6: [nlri.key(f"2c0f:2:{n}::/48")[1] for n in range(16)],
}

FILTERS = f"""
router id {BIRDS[V4]};
protocol device {{}}
ipv4 table master4 sorted;
ipv6 table master6 sorted;
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


def address(number: int, family: Family = V4) -> IpAddress:
    return (IPv4Address("10.99.1.0") if family is V4 else IPv6Address("2001:db8:99::100")) + number


def identifier(number: int) -> IPv4Address:
    return IPv4Address("10.99.1.0") + number


def configuration(family: Family) -> str:
    clients = "".join(
        f"""
protocol bgp client_{n} {{
    local {BIRDS[family]} as {RS_AS};
    neighbor {address(n, family)} as {asn(n)};
    rs client;
    passive on;
    interpret communities off;
    {family.label.lower()} {{ import filter arriving; export where leave({asn(n)}); secondary; }};
}}"""
        for n in range(1, COUNT + 1)
    )
    return FILTERS + clients + "\n"


class Client:
    """A plain client that holds what it is told: attributes, and the next hop of MP_REACH_NLRI."""

    def __init__(self, number: int, family: Family, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.number, self.writer = number, writer
        self._family = family
        self.held: dict[bytes, tuple[PathAttributes, bytes]] = {}
        self.up = asyncio.Event()
        self.told = asyncio.Event()
        self._reader = reader
        capabilities = Capabilities(families=frozenset({family}))
        writer.write(encode_open(Open(asn(number), 240, identifier(number), capabilities)))
        self.listening = asyncio.get_running_loop().create_task(self._listen())

    @classmethod
    async def dial(cls, place: Place, number: int, family: Family, server: IpAddress) -> Client:
        sock = place.socket(socket.AF_INET if family is V4 else socket.AF_INET6, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.bind((str(address(number, family)), 0))
        await asyncio.get_running_loop().sock_connect(sock, (str(server), 179))
        return cls(number, family, *await asyncio.open_connection(sock=sock))

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
                    self._update(split_update(body))
                    self.told.set()

    def _update(self, parts: UpdateParts) -> None:
        withdrawn, announced, where, hop = parts.withdrawn, parts.announced, NlriLocation.NLRI_FIELD, b""
        if self._family is V6:
            withdrawn = parts.unreach.nlri if parts.unreach else b""
            announced, hop = (parts.reach.nlri, parts.reach.next_hop) if parts.reach else (b"", b"")
            where = NlriLocation.MP_REACH
        for key in nlri.split(withdrawn, self._family):
            self.held.pop(key, None)
        if announced:
            path = decode(parts.attributes, asn4=True, reach=where)
            self.held.update(dict.fromkeys(nlri.split(announced, self._family), (path, hop)))

    async def close(self) -> None:
        self.listening.cancel()
        self.writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


@contextlib.asynccontextmanager
async def both(directory: Path, family: Family) -> AsyncIterator[tuple[list[Client], list[Client]]]:
    """The clients at our route server, and the same at BIRD."""
    ours, birds = OURS[family], BIRDS[family]
    addresses = tuple(address(n, family) for n in range(1, COUNT + 1))
    nodes = (NodeSpec("ours", (ours,)), NodeSpec("bird", (birds,)), NodeSpec("clients", addresses))
    file = directory / "own.conf"
    file.write_text(configuration(family))
    async with NetnsLink(LanSpec((LANS[family],), nodes)) as link, scene() as told:
        server = RouteServer(
            "rs", link.place("ours"), Clock(asyncio.get_running_loop()), told.emit, RouteServerSettings(RS_AS)
        )
        told.speakers.append(server)
        where = await server.listen(ours)
        bird = Bird()
        clients: list[Client] = []
        try:
            await bird.start(
                link.place("bird"),
                RouterConfig("bird", RS_AS, str(BIRDS[V4]), (), (), file=file),
                RouterFiles(directory / "lab"),
            )
            for n in range(1, COUNT + 1):
                config = NeighborConfig(f"c{n}", RS_AS, str(OURS[V4]), ours, address(n, family), asn(n), where, None)
                server.add(config)
            for at in (ours, birds):
                clients += [await Client.dial(link.place("clients"), n, family, at) for n in range(1, COUNT + 1)]
            async with asyncio.timeout(PATIENCE):
                for client in clients:
                    await client.up.wait()
            await told.established(*server.neighbors)
            for neighbor in server.neighbors:
                lift(neighbor)
            yield clients[:COUNT], clients[COUNT:]
        finally:
            await asyncio.gather(*(client.close() for client in clients))
            await bird.stop()


def route(rng: random.Random, number: int, family: Family) -> PathAttributes:
    """One with something to tell it by."""
    peers = [0, *(asn(n) for n in range(1, COUNT + 1))]
    large = {
        (RS_AS, rng.choice([0, 0, 1, 101, 102, 103]), rng.choice(peers)) for _ in range(rng.choice([0, 0, 1, 2, 3]))
    }
    return PathAttributes(
        as_path=(
            AsSegment(SegmentKind.SEQUENCE, (asn(number), *rng.choices(range(13000, 13009), k=rng.randrange(3)))),
        ),
        next_hop=address(number) if family is V4 else None,
        origin=rng.choice([0, 0, 2]),
        med=rng.choice([None, 0, 7]),
        communities=tuple({rng.choice([GRACEFUL_SHUTDOWN, asn(number) << 16 | 5]) for _ in range(rng.choice([0, 1]))}),
        large_communities=(*sorted(large), (asn(number), 1, 1)),
    )


def octets(family: Family, number: int, path: PathAttributes, keys: list[bytes]) -> bytes:
    raw, hop = encode(path, asn4=True), address(number, family).packed if family is V6 else b""
    return b"".join(message for message, _ in pack_announcements(family, raw, hop, keys, 4096))


def differences(family: Family, ours: list[Client], birds: list[Client]) -> list[str]:
    found = []
    for mine, theirs in zip(ours, birds, strict=True):
        for key in (*KEYS[family], *MARKS[family].values()):
            if mine.held.get(key) != theirs.held.get(key):
                prefix = nlri.text(family, key)
                found.append(f"client {mine.number}, {prefix}: {mine.held.get(key)}, BIRD: {theirs.held.get(key)}")
    return found


def is_told(family: Family, client: Client, turn: int) -> bool:
    """Whether a client has the mark with which each of the others ends its turn."""
    return all(
        (found := client.held.get(mark)) is not None and found[0].med == turn
        for n, mark in MARKS[family].items()
        if n != client.number
    )


async def agree(family: Family, ours: list[Client], birds: list[Client], turn: int) -> None:
    """Once everything of this turn has come, both hold the same."""
    clients = [*ours, *birds]
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while differences(family, ours, birds) or not all(is_told(family, client, turn) for client in clients):
                waits = [asyncio.create_task(client.told.wait()) for client in clients]
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                for wait in waits:
                    wait.cancel()
                for client in clients:
                    client.told.clear()
    assert differences(family, ours, birds) == []
    assert [client.number for client in clients if not is_told(family, client, turn)] == []


@pytest.mark.router
@pytest.mark.privileged
@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_the_same_clients_get_the_same_tables(tmp_path: Path, seed: int, family: Family) -> None:
    require_bird()
    rng = random.Random(seed)
    async with both(tmp_path, family) as (ours, birds):
        for turn in range(4):
            for _ in range(40):
                number, keys = rng.randrange(COUNT), rng.sample(KEYS[family], rng.randrange(1, 5))
                if rng.random() < 0.25:
                    said = b"".join(message for message, _ in pack_withdrawals(family, keys, 4096))
                else:
                    said = octets(family, number + 1, route(rng, number + 1, family), keys)
                for client in (ours[number], birds[number]):
                    client.writer.write(said)
            for n, key in MARKS[family].items():
                path = (AsSegment(SegmentKind.SEQUENCE, (asn(n),)),)
                mark = PathAttributes(as_path=path, next_hop=address(n) if family is V4 else None, med=turn)
                for client in (ours[n - 1], birds[n - 1]):
                    client.writer.write(octets(family, n, mark, [key]))
            await agree(family, ours, birds, turn)
        held = sum(len(client.held.keys() - set(MARKS[family].values())) for client in ours)
        assert held > 5 * COUNT, "there was something to compare"
