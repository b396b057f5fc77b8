"""One TCP connection of a session: octets in, octets out, and how it ended. It knows nothing of BGP but frames."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum
from ipaddress import ip_address
from typing import Protocol, cast

from simulator.lab.link import Address, Endpoint, Place
from simulator.session.fsm import Channel
from simulator.speakers.sockets import dialling_socket, octets_written
from simulator.wire.framing import Framer

_LINGER = 3.0
"""Seconds that a closing connection may take before it is cut."""


class PeerEnd(Enum):
    """How the peer ended its direction."""

    NONE = "not yet"
    FIN = "closed"
    RESET = "reset"


class Owner(Protocol):
    """Who a connection belongs to."""

    def tcp_made(self, wire: Wire) -> None: ...

    def tcp_data(self, wire: Wire, data: bytes) -> None: ...

    def tcp_drained(self, wire: Wire) -> None: ...

    def tcp_lost(self, wire: Wire, why: str) -> None: ...


class Wire(asyncio.Protocol):
    """A TCP connection with a framer. `owner` may be set as late as `connection_made` (accepted connections)."""

    def __init__(self, channel: Channel, owner: Owner) -> None:
        self.channel = channel
        self.owner = owner
        self.framer = Framer()
        self.closing = False
        """We have said our last word; what still arrives is read and dropped, so that the peer gets that word."""
        self.deaf = False
        """What arrives has travelled too far (RFC 5082 §3): it is dropped, as the kernel drops what comes later."""
        self.peer_end = PeerEnd.NONE
        self.ended = asyncio.get_running_loop().create_future()
        self.local_address: Address | None = None
        """Of our end; None when the connection was reset before anybody could look."""
        self.local_port = 0
        self.peer_port = 0
        self.transport: asyncio.Transport | None = None
        self._blocked = False
        self._cut: asyncio.TimerHandle | None = None

    @property
    def blocked(self) -> bool:
        """Whether TCP has not taken everything yet."""
        return self._blocked

    @property
    def written(self) -> int:
        """Octets that were ever written to this connection, whether or not they have left. Raises OSError."""
        assert self.transport is not None
        taken = octets_written(self.transport.get_extra_info("socket"))
        syn = 1 if self.channel is Channel.DIALLED else 0
        return taken - syn + self.transport.get_write_buffer_size()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        # Any unsent octet counts as blocked: the SendHoldTimer (RFC 9687) needs to know about progress.
        self.transport.set_write_buffer_limits(high=0)
        ours = transport.get_extra_info("sockname")
        if ours:
            self.local_address = ip_address(ours[0].split("%")[0])
        self.local_port = _port(transport, "sockname")
        self.peer_port = _port(transport, "peername")
        self.owner.tcp_made(self)

    def data_received(self, data: bytes) -> None:
        if not self.closing and not self.deaf:
            self.owner.tcp_data(self, data)

    def pause_writing(self) -> None:
        self._blocked = True

    def resume_writing(self) -> None:
        self._blocked = False
        if not self.closing:
            self.owner.tcp_drained(self)

    def eof_received(self) -> bool:
        self.peer_end = PeerEnd.FIN
        # Told at once: what is left to flush may never be read. The transport then flushes and closes by itself.
        if not self.closing:
            self._linger()
            self._lost("closed by the peer")
        return False

    def connection_lost(self, error: Exception | None) -> None:
        if self._cut is not None:
            self._cut.cancel()
        if isinstance(error, ConnectionError):
            self.peer_end = PeerEnd.RESET
        if not self.ended.done():
            self.ended.set_result(None)
        self._lost(str(error) if error else "closed by the peer")

    def _lost(self, why: str) -> None:
        if not self.closing:
            self.closing = True
            self.owner.tcp_lost(self, why)

    def _linger(self) -> None:
        self._cut = asyncio.get_running_loop().call_later(_LINGER, self.abort)

    def write(self, data: bytes) -> None:
        if self.transport is not None and not self.closing:
            self.transport.write(data)

    def close(self) -> None:
        """Flush, end our direction, wait for the peer's end; cut it if that does not come."""
        if self.closing or self.transport is None:
            self.closing = True
            return
        self.closing = True
        self._linger()
        try:
            self.transport.write_eof()
        except OSError:  # the peer has reset the connection, which is not read yet
            self.transport.abort()

    def abort(self) -> None:
        self.closing = True
        if self.transport is not None:
            self.transport.abort()


def _port(transport: asyncio.BaseTransport, name: str) -> int:
    """0 when the connection was reset before anybody could look."""
    address = transport.get_extra_info(name)
    return int(address[1]) if address else 0


async def connect(
    place: Place, local: Address, peer: Endpoint, wire: Callable[[], Wire], *, md5: str | None, gtsm: bool
) -> None:
    """Dial `peer`; the wire's owner is told when it answers. Raises OSError or LabError when it does not."""
    loop = asyncio.get_running_loop()
    sock = dialling_socket(place, local, peer.host, md5=md5, gtsm=gtsm)
    try:
        await loop.sock_connect(sock, (str(peer.host), peer.port))
        sock.getpeername()  # an ICMP error can wake a socket that is still in SYN_SENT, and asyncio takes it for up
    except BaseException:
        sock.close()
        raise
    await loop.create_connection(wire, sock=sock)
