"""Speakers on loopback, what they told, and a scripted client that speaks octets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, ip_address, ip_network
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from simulator.addresses import IpAddress
from simulator.connection.states import ConnectionState
from simulator.peer.events import BgpStateChanged, GateMoved, NeighborConfig, SpeakerEvent
from simulator.places.endpoint import Endpoint
from simulator.places.loopback import HostPlace
from simulator.policy.policy import Policy
from simulator.policy.rules import PolicyContext
from simulator.rib.announcement import Announcement
from simulator.session.config import SessionTimes
from simulator.session.messages import Capabilities, Family, Notification, Open, RouteRefresh
from simulator.session.states import BgpState
from simulator.speakers.clock import Clock
from simulator.speakers.neighbor import Neighbor
from simulator.speakers.speaker import Speaker
from simulator.wire import nlri
from simulator.wire.attribute_codec import AsSegment, PathAttributes, SegmentKind, encode
from simulator.wire.framing import KEEPALIVE, Framer, MessageType
from simulator.wire.notification import decode_notification
from simulator.wire.open import decode_open, encode_open
from simulator.wire.route_refresh import encode_refresh
from simulator.wire.update import UpdateParts, pack_announcements, pack_withdrawals, split_update
from tests.patience import PATIENCE

EDGE_AS, PEER_AS = 8075, 64496
V4, V6 = Family.IPV4, Family.IPV6
EDGE4, PEER4 = ip_address("127.8.0.1"), ip_address("127.8.0.2")
LOOPBACK6 = ip_address("::1")
TIMES = SessionTimes(connect_retry=0.3, idle_hold=0.05, idle_hold_max=0.2)
LAB_RULES: dict[str, bool | dict[str, Any]] = {
    "bogon-prefix": {"documentation": False},
    "bogon-asn": {"documentation": False},
}

T = TypeVar("T")


def key(prefix: str) -> bytes:
    return nlri.key(prefix)[1]


def prefixes(family: Family, count: int, first: int = 0) -> tuple[bytes, ...]:
    """Keys of `count` different prefixes that the policy accepts."""
    base = ip_network("41.0.0.0/8") if family is V4 else ip_network("2a00::/16")
    if isinstance(base, IPv4Network):
        return tuple(
            bytes((24,)) + (int(base.network_address) + (n << 8)).to_bytes(4, "big")[:3]
            for n in range(first, first + count)
        )
    return tuple(
        bytes((48,)) + (int(base.network_address) + (n << 80)).to_bytes(16, "big")[:6]
        for n in range(first, first + count)
    )


def announcement(family: Family, keys: Sequence[bytes], *path: int, **attributes: Any) -> Announcement:
    as_path = (AsSegment(SegmentKind.SEQUENCE, path),) if path else ()
    return Announcement(family, PathAttributes(as_path=as_path, **attributes), tuple(keys))


def routes_of(neighbor: Neighbor) -> set[bytes]:
    return {route.key for route in neighbor.adj_in.routes()}


def lift(neighbor: Neighbor) -> None:
    neighbor.rule(ConnectionState.ACTIVE, session_validated=True)


def deny(neighbor: Neighbor) -> None:
    neighbor.rule(ConnectionState.PENDING_REMOVE, session_validated=False)


def ask_again(neighbor: Neighbor) -> bool:
    """Send a ROUTE-REFRESH (RFC 2918): the peer announces all its routes again. False where that was not agreed."""
    agreed, stream = neighbor.peer._session.negotiated, neighbor.peer.established
    if agreed is None or not agreed.route_refresh or stream is None:
        return False
    stream.say(encode_refresh(RouteRefresh(neighbor.config.family)))
    neighbor.write()
    return True


@dataclass
class Scene:
    """Speakers of one test; every wait for them ends with the next event or fails at a deadline."""

    events: list[SpeakerEvent] = field(default_factory=list)
    speakers: list[Speaker] = field(default_factory=list)
    escaped: list[dict[str, Any]] = field(default_factory=list)
    """What asyncio reported: an exception that nobody caught."""
    _waiters: set[asyncio.Future[None]] = field(default_factory=set)

    def emit(self, event: SpeakerEvent) -> None:
        self.events.append(event)
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until an event makes this true."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE
        while not condition():
            waiter = loop.create_future()
            self._waiters.add(waiter)
            try:
                await asyncio.wait_for(waiter, max(deadline - loop.time(), 0))
            except TimeoutError:
                told = "\n".join(map(str, self.events[-12:]))
                raise AssertionError(f"not within {PATIENCE:g} s: {what}; the last events were\n{told}") from None
            finally:
                self._waiters.discard(waiter)

    async def established(self, *neighbors: Neighbor) -> None:
        await self.until(
            lambda: all(neighbor.view().bgp_state is BgpState.ESTABLISHED for neighbor in neighbors), "Established"
        )

    async def holds(self, neighbor: Neighbor, count: int) -> None:
        await self.until(lambda: neighbor.view().received == count, f"{neighbor.config.id} holds {count} routes")

    def of(self, kind: type[T], session: str = "") -> list[T]:
        return [e for e in self.events if isinstance(e, kind) and session in ("", getattr(e, "session", ""))]

    def speaker(self, name: str, announcements: Sequence[Announcement] = (), **options: Any) -> Speaker:
        clock = Clock(asyncio.get_running_loop())
        made = Speaker(name, HostPlace(name, {}), clock, self.emit, announcements, **options)
        self.speakers.append(made)
        return made


@contextlib.asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    """Close every speaker at the end, and check that nothing is left and that nothing went wrong unseen."""
    loop, made = asyncio.get_running_loop(), Scene()
    before = asyncio.all_tasks()
    loop.set_exception_handler(lambda _, context: made.escaped.append(context))
    try:
        yield made
        await asyncio.wait_for(asyncio.gather(*(speaker.close() for speaker in made.speakers)), PATIENCE)
        assert asyncio.all_tasks() <= before, "a task outlived its speaker"
        assert made.escaped == []
        leaked = [n.config.id for speaker in made.speakers for n in speaker.neighbors]
        assert leaked == []
    finally:
        await asyncio.gather(*(speaker.close() for speaker in made.speakers))
        loop.set_exception_handler(None)


@dataclass(frozen=True)
class Ends:
    """One session, both ends."""

    edge: Speaker
    peer: Speaker
    here: Neighbor
    """The edge's end, gated."""
    there: Neighbor
    """The peer's end, not gated."""


def policy(peer: IpAddress, peer_as: int | None = PEER_AS) -> Policy:
    return Policy("exchange", PolicyContext(peer_as, str(peer), EDGE_AS), LAB_RULES)


def edge_config(where: Endpoint, peer: IpAddress, remote: Endpoint | None = None, **options: Any) -> NeighborConfig:
    settings: dict[str, Any] = {
        "id": "edge",
        "local_as": EDGE_AS,
        "router_id": "10.0.0.1",
        "local_address": where.host,
        "peer_address": peer,
        "peer_as": PEER_AS,
        "local": where,
        "remote": remote,
        "policy": policy(peer),
        "times": TIMES,
    }
    return NeighborConfig(**(settings | options))


def peer_config(where: Endpoint, edge: IpAddress, remote: Endpoint | None = None, **options: Any) -> NeighborConfig:
    settings: dict[str, Any] = {
        "id": "peer",
        "local_as": PEER_AS,
        "router_id": "10.0.0.2",
        "local_address": where.host,
        "peer_address": edge,
        "peer_as": EDGE_AS,
        "local": where,
        "remote": remote,
        "gated": False,
        "times": TIMES,
    }
    return NeighborConfig(**(settings | options))


async def two_speakers(
    scene: Scene,
    family: Family = V4,
    ours: Sequence[Announcement] = (),
    theirs: Sequence[Announcement] = (),
    *,
    edge: dict[str, Any] | None = None,
    peer: dict[str, Any] | None = None,
    name: str = "",
) -> Ends:
    """An edge and a peer that dial each other; `edge` and `peer` are options of their ends. Not yet Established."""
    here, there = scene.speaker(f"edge{name}", ours), scene.speaker(f"peer{name}", theirs)
    at_edge = await here.listen(EDGE4 if family is V4 else LOOPBACK6)
    at_peer = await there.listen(PEER4 if family is V4 else LOOPBACK6)
    one = there.add(peer_config(at_peer, at_edge.host, at_edge, **{"id": f"peer{name}", **(peer or {})}))
    other = here.add(edge_config(at_edge, at_peer.host, at_peer, **{"id": f"edge{name}", **(edge or {})}))
    return Ends(here, there, other, one)


def transitions(scene: Scene, session: str) -> list[tuple[BgpState, BgpState]]:
    return [(e.transition.source, e.transition.target) for e in scene.of(BgpStateChanged, session)]


def gate_moves(scene: Scene, session: str) -> list[tuple[bool, int, int]]:
    return [(e.is_open, e.sent, e.taken) for e in scene.of(GateMoved, session)]


class RawPeer:
    """A client that writes what the test says and reads what is really there."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.framer = Framer()
        self.framer.max_size = 65535
        self.octets = b""
        """Everything that was received."""
        self._messages: list[tuple[int, bytes]] = []

    @classmethod
    async def dial(cls, where: Endpoint, source: IpAddress | None = None) -> RawPeer:
        local = (str(source or (PEER4 if where.host.version == 4 else LOOPBACK6)), 0)
        return cls(*await asyncio.open_connection(str(where.host), where.port, local_addr=local))

    async def __aenter__(self) -> RawPeer:
        return self

    async def __aexit__(self, *error: object) -> None:
        self.writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()

    @property
    def socket(self) -> socket.socket:
        return self.writer.get_extra_info("socket")  # type: ignore[no-any-return]

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await asyncio.wait_for(self.writer.drain(), PATIENCE)

    async def message(self) -> tuple[int, bytes] | None:
        """The next message, None at the end of the stream."""
        while not self._messages:
            data = await asyncio.wait_for(self.reader.read(1 << 20), PATIENCE)
            if not data:
                return None
            self.octets += data
            self.framer.feed(data)
            self._messages += list(self.framer.messages())
        return self._messages.pop(0)

    async def expect(self, kind: MessageType) -> bytes:
        """The body of the next message but KEEPALIVEs, which is of this kind."""
        while True:
            found = await self.message()
            assert found is not None, f"the stream ended before a {kind.name}"
            if found[0] == kind:
                return found[1]
            assert found[0] == MessageType.KEEPALIVE, f"{MessageType(found[0]).name} instead of {kind.name}"

    async def rest(self) -> list[tuple[int, bytes]]:
        """Every message up to the end of the stream."""
        found = []
        while (message := await self.message()) is not None:
            found.append(message)
        return found

    async def refused(self) -> Notification:
        """The NOTIFICATION with which the stream ends."""
        notification = decode_notification(await self.expect(MessageType.NOTIFICATION))
        assert await self.message() is None, "something came after the NOTIFICATION"
        return notification

    async def greet(self, family: Family = V4, **options: Any) -> Open:
        """Exchange OPENs and KEEPALIVEs; with hold time 0 nothing else comes unasked."""
        await self.send(raw_open(family, **options))
        theirs = decode_open(await self.expect(MessageType.OPEN))
        found = await self.message()
        assert found == (MessageType.KEEPALIVE, b"")
        await self.send(KEEPALIVE)
        self.octets = b""
        return theirs

    async def updates_to_end_of_rib(self, family: Family = V4) -> list[UpdateParts]:
        """Every UPDATE before the End-of-RIB."""
        found: list[UpdateParts] = []
        while True:
            parts = split_update(await self.expect(MessageType.UPDATE))
            if parts.end_of_rib is family:
                return found
            found.append(parts)

    async def answered(self, family: Family = V4) -> list[tuple[int, bytes]]:
        """Ask for a route refresh; everything up to the message that ends the answer."""
        await self.send(encode_refresh(RouteRefresh(family)))
        found = []
        while True:
            message = await self.message()
            assert message is not None, "the stream ended inside a route refresh"
            found.append(message)
            if message[0] == MessageType.ROUTE_REFRESH and message[1][2] == 2:
                return found


def raw_open(
    family: Family = V4,
    asn: int = PEER_AS,
    hold: int = 0,
    identifier: str = "10.0.0.2",
    **capabilities: Any,
) -> bytes:
    offered = Capabilities(**{"families": frozenset({family}), **capabilities})
    return encode_open(Open(asn, hold, IPv4Address(identifier), offered))


def raw_routes(
    keys: Sequence[bytes], family: Family = V4, next_hop: IpAddress | None = None, asn4: bool = True
) -> bytes:
    """UPDATEs that announce these as the peer does."""
    hop = next_hop or (PEER4 if family is V4 else LOOPBACK6)
    path = PathAttributes(as_path=(AsSegment(SegmentKind.SEQUENCE, (PEER_AS,)),), next_hop=hop)
    return b"".join(m for m, _ in pack_announcements(family, encode(path, asn4=asn4), hop.packed, keys, 4096))


def raw_withdrawals(keys: Sequence[bytes], family: Family = V4) -> bytes:
    return b"".join(message for message, _ in pack_withdrawals(family, keys, 4096))


def announced(parts: Sequence[UpdateParts], family: Family = V4) -> list[bytes]:
    if family is V4:
        return [k for part in parts for k in nlri.split(part.announced, V4)]
    return [k for part in parts if part.reach for k in nlri.split(part.reach.nlri, V6)]


def batches(keys: Sequence[bytes], size: int) -> list[tuple[bytes, ...]]:
    left = iter(keys)
    return list(iter(lambda: tuple(islice(left, size)), ()))


def kernel_counter(name: str) -> int:
    """One of the kernel's TcpExt counters."""
    lines = [line.split() for line in Path("/proc/net/netstat").read_text(encoding="ascii").splitlines()]
    for names, values in zip(lines[::2], lines[1::2], strict=True):
        if name in names:
            return int(values[names.index(name)])
    raise LookupError(name)


async def counter_above(name: str, before: int) -> None:
    """The kernel rings no bell: look until the counter moved."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while kernel_counter(name) <= before:
        assert asyncio.get_running_loop().time() < deadline, f"{name} stayed at {before}"
        await asyncio.sleep(0.02)
