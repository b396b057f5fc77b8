"""A peer by script: what no daemon says of itself, said on every TCP connection from the edge."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

from simulator.diagnosis.router_answer import RouterAnswer
from simulator.faults.schema import Spoken
from simulator.places.endpoint import BGP_PORT
from simulator.places.place import Place
from simulator.routers.base import NotOurRouterError, RouterConfig, RouterFiles, RouterSession
from simulator.routers.simulated.adapter import Simulated
from simulator.session.messages import Capabilities, Family, Notification, Open
from simulator.wire import nlri
from simulator.wire.attribute_codec import encode
from simulator.wire.framing import KEEPALIVE, STANDARD_MAX
from simulator.wire.notification import encode_notification
from simulator.wire.open import encode_open
from simulator.wire.path_attributes import AsSegment, PathAttributes, SegmentKind
from simulator.wire.update import end_of_rib, pack_announcements, pack_withdrawals

_HEADER = 19
"""Octets (RFC 4271 §4.1)."""
_RESET = Notification(6, 4)
_FLAP = 0.3
"""Seconds between an announcement and a withdrawal."""
_LINGER = 0.2
"""Seconds in which the edge can read a NOTIFICATION before the connection is gone."""


class ScriptedPeer(Simulated):
    """The simulated peer, whose sessions of some families are played by script. A script cannot be asked anything."""

    def __init__(self, spoken: Mapping[str, Spoken], alter: Callable[[RouterConfig], RouterConfig]) -> None:
        super().__init__()
        self._spoken = spoken
        self._alter = alter
        self._servers: list[asyncio.Server] = []
        self._scripted: set[str] = set()

    async def start(self, place: Place, config: RouterConfig, files: RouterFiles) -> None:
        mine = [session for session in config.sessions if session.family.label in self._spoken]
        await super().start(place, self._alter(config), files)
        for session in mine:
            self._scripted.add(session.name)
        for address in dict.fromkeys(session.local_address for session in mine):
            session = next(each for each in mine if each.local_address == address)
            await self._listen_for(place, session, config, self._spoken[session.family.label])

    async def _listen_for(self, place: Place, session: RouterSession, config: RouterConfig, spoken: Spoken) -> None:
        family = socket.AF_INET if session.local_address.version == 4 else socket.AF_INET6
        ear = place.socket(family, socket.SOCK_STREAM)
        ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        ear.bind((str(session.local_address), BGP_PORT))
        message = _open_of(spoken, session, config)
        routes = _Routes.of(session, config)

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError, EOFError):
                await _talk(reader, writer, spoken, message, routes)
            writer.close()

        self._servers.append(await asyncio.start_server(talk, sock=ear))

    async def answer(self, session: str) -> RouterAnswer | None:
        return None if session in self._scripted else await super().answer(session)

    async def received(self, session: str) -> frozenset[str]:
        if session in self._scripted:
            raise NotOurRouterError("a script keeps no table")
        return await super().received(session)

    async def exported(self, session: str) -> frozenset[str]:
        return frozenset() if session in self._scripted else await super().exported(session)

    async def stop(self) -> None:
        for server in self._servers:
            server.close()
        self._servers = []
        await super().stop()


@dataclass(frozen=True, slots=True)
class _Routes:
    """The routes of a session, as UPDATEs: all of them, and the withdrawal of the last one."""

    all: bytes
    gone: bytes

    @classmethod
    def of(cls, session: RouterSession, config: RouterConfig) -> _Routes:
        family, address = session.family, session.local_address
        keys = [key for found, key in (nlri.key(route.prefix) for route in config.routes) if found is family]
        path = PathAttributes(
            as_path=(AsSegment(SegmentKind.SEQUENCE, (config.asn,)),),
            next_hop=address if isinstance(address, IPv4Address) else None,
        )
        announced = pack_announcements(family, encode(path, asn4=True), address.packed, keys, STANDARD_MAX)
        withdrawn = pack_withdrawals(family, keys[-1:], STANDARD_MAX)
        return cls(
            b"".join(message for message, _ in announced) + end_of_rib(family),
            b"".join(message for message, _ in withdrawn),
        )


def _open_of(spoken: Spoken, session: RouterSession, config: RouterConfig) -> bytes:
    capabilities = Capabilities(
        families=frozenset({next(f for f in Family if (f is session.family) != ("family" in spoken.without))}),
        asn4="asn4" not in spoken.without,
        route_refresh="route-refresh" not in spoken.without,
        enhanced_route_refresh="route-refresh" not in spoken.without,
    )
    if spoken.bare:
        capabilities = Capabilities(frozenset(), False, False, False, False)
    asn, identifier = spoken.asn or config.asn, IPv4Address(config.router_id)
    return encode_open(Open(asn, spoken.hold_time, identifier, capabilities))


async def _talk(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, spoken: Spoken, message: bytes, routes: _Routes
) -> None:
    await _message(reader)  # the edge's OPEN
    if spoken.open:
        writer.write(message)
    if spoken.notification is not None:
        code, subcode = spoken.notification
        return await _end(writer, Notification(code, subcode, communication=spoken.message))
    loop = asyncio.get_running_loop()
    until = loop.time() + spoken.flaps if spoken.flaps else None
    reading = asyncio.ensure_future(_read_all(reader))
    step, there = (_FLAP if spoken.flapping else 1.0), False
    try:
        while not reading.done():
            if spoken.keepalives:
                writer.write(KEEPALIVE)
            if spoken.flapping:
                writer.write(routes.gone if there else routes.all)
                there = not there
            left = until - loop.time() if until is not None else step
            if left <= 0:
                return await _end(writer, _RESET)
            await asyncio.wait((reading,), timeout=min(left, step))
    finally:
        reading.cancel()
    return None


async def _message(reader: asyncio.StreamReader) -> bytes:
    header = await reader.readexactly(_HEADER)
    return header + await reader.readexactly(int.from_bytes(header[16:18], "big") - _HEADER)


async def _read_all(reader: asyncio.StreamReader) -> None:
    while await reader.read(1 << 16):
        pass


async def _end(writer: asyncio.StreamWriter, notification: Notification) -> None:
    writer.write(encode_notification(notification))
    await writer.drain()
    await asyncio.sleep(_LINGER)
