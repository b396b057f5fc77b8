"""One TCP connection of a session: octets in, octets out, and how it ended. It knows nothing of BGP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum
from ipaddress import ip_address
from typing import Protocol, cast

from simulator.addresses import IpAddress
from simulator.peer.stream import Stream
from simulator.places.endpoint import Endpoint
from simulator.places.place import Place
from simulator.session.fsm import Channel
from simulator.speakers.fair_share import fair_share
from simulator.speakers.outlet import Outlet
from simulator.speakers.sockets import dialling_socket, octets_written

_LINGER = 3.0
"""Seconds that a closing connection may take before it is cut."""
_PEER_CLOSES_FIRST = 0.5
"""Seconds for a peer to close, once it has our last message, before we end our direction (simulator). An FRR 8.4 that
reads our FIN before it has dealt with the NOTIFICATION leaves that descriptor behind in its reading thread. The thread
drops it when it wakes, and with it the call that has the descriptor's number by then: FRR takes that call and never
speaks on it."""


class PeerEnd(Enum):
    """How the peer ended its direction."""

    NONE = "not yet"
    FIN = "closed"
    RESET = "reset"


class Acceptor(Protocol):
    """Knows the owner of a new connection."""

    def owner_of(self, tcp: TcpConnection) -> Owner: ...


class Owner(Protocol):
    """What stands behind a connection: it gives the octets to send, and takes those that arrive."""

    def tcp_made(self, tcp: TcpConnection) -> None: ...

    def tcp_received(self, tcp: TcpConnection, octets: bytes) -> None: ...

    def tcp_to_send(self, tcp: TcpConnection) -> bytes | memoryview:
        """What is to be sent next; asked whenever the kernel may take it. Empty: nothing for now."""

    def tcp_sent(self, tcp: TcpConnection, octets: bytes | memoryview) -> None:
        """The kernel took these."""

    def tcp_written(self, tcp: TcpConnection) -> None:
        """The kernel takes no more for now, or there is no more."""

    def tcp_finished(self, tcp: TcpConnection) -> None:
        """The kernel has our last message: our direction is ended."""

    def tcp_lost(self, tcp: TcpConnection, why: str) -> None:
        """The peer, or the network, ended the connection."""

    def tcp_gone(self, tcp: TcpConnection) -> None:
        """Nothing is left of the connection."""


class TcpConnection(asyncio.Protocol):
    """A TCP connection and its octets.

    Nothing waits here: the owner is asked for octets when the kernel takes them, and keeps them until then.
    """

    owner: Owner
    """Known once the connection is up."""

    def __init__(self, channel: Channel, acceptor: Acceptor) -> None:
        self._acceptor = acceptor
        self.stream = Stream(channel)
        self.deaf = False
        """What arrives has travelled too far (RFC 5082 §3): it is dropped, as the kernel drops what comes later."""
        self.peer_end = PeerEnd.NONE
        self.ended = asyncio.get_running_loop().create_future()
        self._share = fair_share()
        self.local_port = 0
        self.peer_port = 0
        self.transport: asyncio.Transport | None = None
        self.outlet: Outlet | None = None
        self._full = self._handing = self._finished = self._is_cut = False
        self._broken: Exception | None = None
        self._linger: asyncio.TimerHandle | None = None
        self._last_word: asyncio.TimerHandle | None = None

    @property
    def written(self) -> int:
        """Octets that the kernel took in all, by its own count, whether or not they have left. Raises OSError."""
        assert self.transport is not None
        dialled = self.stream.channel is Channel.DIALLED
        return octets_written(self.transport.get_extra_info("socket")) - (1 if dialled else 0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.outlet = self.outlet or Outlet(self.transport)
        ours = transport.get_extra_info("sockname")
        if ours:
            self.stream.local_address = ip_address(ours[0].split("%")[0])
        self.local_port = _port(transport, "sockname")
        self.peer_port = _port(transport, "peername")
        self.owner = self._acceptor.owner_of(self)
        self.owner.tcp_made(self)

    def data_received(self, data: bytes) -> None:
        if not self.stream.is_closing and not self.deaf:
            self._share.read(self, data)

    def take(self, octets: bytes) -> bool:
        """Deal with some of what was read; False where no more of it is wanted."""
        if self.stream.is_closing:
            return False
        try:
            self.owner.tcp_received(self, octets)
        except Exception as error:  # a defect: as asyncio does, end the connection and say why
            self._broken = error
            message = "a BGP connection's octets could not be dealt with"
            asyncio.get_running_loop().call_exception_handler({"message": message, "exception": error})
            self.reset()
        return not self.stream.is_closing

    def hold(self) -> None:
        """Read no more until `release`."""
        assert self.transport is not None
        self.transport.pause_reading()

    def release(self) -> None:
        """Everything that was read is dealt with."""
        assert self.transport is not None
        self.transport.resume_reading()

    def eof_received(self) -> bool:
        self.peer_end = PeerEnd.RESET if self._broken else PeerEnd.FIN
        if self.stream.is_closing and self.stream.is_blocked and not self._broken:
            return True  # it may still read our last message
        if self.stream.is_closing and not self._broken:
            self._finish()
        # Told at once: what is left may never be read.
        self._forget()
        self._lost(str(self._broken) if self._broken else "closed by the peer")
        self.abort()
        return True

    def connection_lost(self, error: Exception | None) -> None:
        error = error or self._broken
        for timer in (self._linger, self._last_word):
            if timer is not None:
                timer.cancel()
        if isinstance(error, ConnectionError):
            self.peer_end = PeerEnd.RESET
        self._forget()
        if not self.ended.done():
            self.ended.set_result(None)
        self._lost(str(error) if error else "closed by the peer")
        self.owner.tcp_gone(self)

    def _lost(self, why: str) -> None:
        if not self.stream.is_closing:
            self.stream.drop()
            self.owner.tcp_lost(self, why)

    # --- sending ---

    def write(self) -> None:
        """Give the kernel what it takes of what the owner has."""
        if self.outlet is None or self._full or self._handing or self._broken or self._finished or self._is_cut:
            return
        self._handing = True
        try:
            self._write(self.outlet)
        except ConnectionError as error:  # whatever the peer said before is read first
            self._broken = error
            self._forget()
        except OSError as error:
            self._broken = error
            self.reset()
        finally:
            self._handing = False
        self.owner.tcp_written(self)

    def _write(self, outlet: Outlet) -> None:
        while octets := self.owner.tcp_to_send(self):
            took = outlet.take(octets)
            if took:
                self.owner.tcp_sent(self, octets if took == len(octets) else octets[:took])
            if took < len(octets):
                self._full = True
                outlet.when_writable(self._writable)
                return
        outlet.at_rest()
        if self.stream.is_closing and self._last_word is None:
            if self.peer_end is not PeerEnd.NONE or not self.stream.hears_why:
                self._finish()
            else:
                self._last_word = asyncio.get_running_loop().call_later(_PEER_CLOSES_FIRST, self._finish)

    def _writable(self) -> None:
        self._full = False
        self.write()

    def _forget(self) -> None:
        """Nothing is to be sent any more."""
        self.stream.forget()
        if self.outlet is not None:
            self.outlet.at_rest()

    # --- the end ---

    def close(self) -> None:
        """Send what waits, end our direction, wait for the peer's end; cut the connection if that does not come.

        A peer that hears why may end first.
        """
        self.stream.close()
        if self._is_cut or self._linger is not None or self.outlet is None:
            return
        self._linger = asyncio.get_running_loop().call_later(_LINGER, self.abort)
        self.write()

    def _finish(self) -> None:
        if self._finished or self._is_cut or self.outlet is None:
            return
        self._finished = True
        try:
            self.outlet.finish()
        except OSError:  # the peer has reset the connection, which is not read yet
            self.abort()
            return
        self.owner.tcp_finished(self)
        if self.peer_end is not PeerEnd.NONE:
            self.abort()

    def abort(self) -> None:
        """Cut the connection: nothing that the kernel still holds may go out behind our back."""
        self._cut()
        if self.outlet is not None:
            if self.outlet.held:
                self.outlet.reset()
            else:
                self.outlet.close()

    def reset(self) -> None:
        """Cut the connection at once, and drop all that has not left."""
        self._cut()
        if self.outlet is not None:
            self.outlet.reset()

    def _cut(self) -> None:
        self._is_cut = True
        self.stream.drop()
        self._forget()


def _port(transport: asyncio.BaseTransport, name: str) -> int:
    """0 when the connection was reset before anybody could look."""
    address = transport.get_extra_info(name)
    return int(address[1]) if address else 0


async def connect(
    place: Place,
    local: IpAddress,
    peer: Endpoint,
    made: Callable[[], TcpConnection],
    *,
    md5: str | None,
    gtsm: bool,
) -> None:
    """Dial `peer`; the connection tells its owner when it is up. Raises OSError or LabError when there is no answer."""
    loop = asyncio.get_running_loop()
    sock = dialling_socket(place, local, peer.host, md5=md5, gtsm=gtsm)
    try:
        await loop.sock_connect(sock, (str(peer.host), peer.port))
        sock.getpeername()  # an ICMP error can wake a socket that is still in SYN_SENT, and asyncio takes it for up
    except BaseException:
        sock.close()
        raise
    await loop.create_connection(made, sock=sock)
