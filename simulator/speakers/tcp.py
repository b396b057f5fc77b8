"""One TCP connection of a session: octets in, octets out, and how it ended. It knows nothing of BGP but frames."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from enum import Enum
from ipaddress import ip_address
from typing import Protocol, cast

from simulator.peer.run import Run
from simulator.places.endpoint import Address, Endpoint
from simulator.places.place import Place
from simulator.session.fsm import Channel
from simulator.speakers.outlet import Outlet
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

    def tcp_next(self, wire: Wire) -> Run | None:
        """What is to be sent next, asked whenever the kernel may take it; None: nothing for now."""

    def tcp_taken(self, wire: Wire, run: Run, start: int) -> None:
        """The kernel took some of these messages: those octets from `start` on that are taken now."""

    def tcp_finished(self, wire: Wire) -> None:
        """The kernel has our last word: our direction is ended."""

    def tcp_lost(self, wire: Wire, why: str) -> None: ...


class Wire(asyncio.Protocol):
    """A TCP connection with a framer. `owner` may be set as late as `connection_made` (accepted connections).

    Single messages wait here, each of them once; so no peer that does not read makes them pile up. Everything else is
    asked of the owner when the kernel takes it, and stays the owner's until then.
    """

    def __init__(self, channel: Channel, owner: Owner) -> None:
        self.channel = channel
        self.owner = owner
        self.framer = Framer()
        self.closing = False
        """We have said our last word; what still arrives is read and dropped, so that the peer gets that word."""
        self.deaf = False
        """What arrives has travelled too far (RFC 5082 §3): it is dropped, as the kernel drops what comes later."""
        self.kept = False
        """A session talks on it, or did."""
        self.peer_end = PeerEnd.NONE
        self.ended = asyncio.get_running_loop().create_future()
        self.local_address: Address | None = None
        """Of our end; None when the connection was reset before anybody could look."""
        self.local_port = 0
        self.peer_port = 0
        self.transport: asyncio.Transport | None = None
        self.outlet: Outlet | None = None
        self._waiting: deque[bytes] = deque()
        self._run: Run | None = None
        """What the kernel has in part, or not yet."""
        self.taken = 0
        """Octets that the kernel took in all."""
        self._announced = 0
        """How many those were when it took the last announcement."""
        self._full = self._handing = self._finished = False
        self._broken: OSError | None = None
        self._cut: asyncio.TimerHandle | None = None

    @property
    def blocked(self) -> bool:
        """Whether the kernel has not taken everything yet."""
        return self._run is not None or bool(self._waiting)

    @property
    def unsent_announcements(self) -> bool:
        """Whether an announcement is on its way that would still go to the peer, from here or from the kernel."""
        if self._run is not None and self._run.announces:
            return True
        return self.outlet is not None and 0 < self._announced > self.taken - self.outlet.held

    @property
    def written(self) -> int:
        """Octets that the kernel took in all, by its own count, whether or not they have left. Raises OSError."""
        assert self.transport is not None
        return octets_written(self.transport.get_extra_info("socket")) - (1 if self.channel is Channel.DIALLED else 0)

    @property
    def under_way(self) -> int:
        """Octets that are still to be written of a message that was written in part, and announces nothing."""
        return self._run.under_way if self._run is not None and not self._run.announces else 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.outlet = self.outlet or Outlet(self.transport)
        ours = transport.get_extra_info("sockname")
        if ours:
            self.local_address = ip_address(ours[0].split("%")[0])
        self.local_port = _port(transport, "sockname")
        self.peer_port = _port(transport, "peername")
        self.owner.tcp_made(self)

    def data_received(self, data: bytes) -> None:
        if not self.closing and not self.deaf:
            self.owner.tcp_data(self, data)

    def eof_received(self) -> bool:
        self.peer_end = PeerEnd.RESET if self._broken else PeerEnd.FIN
        if self.closing and self.blocked and not self._broken:
            return True  # it may still read our last word
        # Told at once: what is left may never be read.
        self._forget()
        self._lost(str(self._broken) if self._broken else "closed by the peer")
        self.abort()
        return True

    def connection_lost(self, error: Exception | None) -> None:
        error = error or self._broken
        if self._cut is not None:
            self._cut.cancel()
        if isinstance(error, ConnectionError):
            self.peer_end = PeerEnd.RESET
        self._forget()
        if not self.ended.done():
            self.ended.set_result(None)
        self._lost(str(error) if error else "closed by the peer")

    def _lost(self, why: str) -> None:
        if not self.closing:
            self.closing = True
            self.owner.tcp_lost(self, why)

    # --- sending ---

    def write(self, data: bytes) -> None:
        """Send one message. One that waits already is not sent twice."""
        if not self.closing and data not in self._waiting:
            self._waiting.append(data)
            self.hand_over()

    def hand_over(self) -> None:
        """Give the kernel what it takes: what waits here, then what the owner has."""
        if self.outlet is None or self._full or self._handing or self._broken or self._finished:
            return
        self._handing = True
        try:
            self._hand_over(self.outlet)
        except ConnectionError as error:  # whatever the peer said before is read first
            self._broken = error
            self._forget()
        except OSError as error:
            self._broken = error
            self.reset()
        finally:
            self._handing = False

    def _hand_over(self, outlet: Outlet) -> None:
        while (run := self._next()) is not None:
            self._run, start = run, run.taken
            took = outlet.take(run.rest)
            if took:
                run.taken += took
                self.taken += took
                if run.announces:
                    self._announced = self.taken
                self.owner.tcp_taken(self, run, start)
            if run.taken < run.end:
                self._full = True
                outlet.when_writable(self._writable)
                return
            self._run = None
            if run.done is not None:
                run.done()
        outlet.at_rest()
        if self.closing:
            self._finish(outlet)

    def _next(self) -> Run | None:
        if self._run is not None:
            return self._run
        if self._waiting:
            return Run(self._waiting.popleft(), is_word=True)
        return None if self.closing else self.owner.tcp_next(self)

    def _writable(self) -> None:
        self._full = False
        self.hand_over()

    def _forget(self) -> None:
        """Nothing is to be sent any more."""
        self._run = None
        self._waiting.clear()
        if self.outlet is not None:
            self.outlet.at_rest()

    # --- the end ---

    def close(self) -> None:
        """Say what waits, end our direction, wait for the peer's end; cut it if that does not come."""
        if self.closing or self.outlet is None:
            self.closing = True
            return
        self.closing = True
        self._cut = asyncio.get_running_loop().call_later(_LINGER, self.abort)
        if self._run is not None and not self._run.is_word:
            self._run.end_here()
        self.hand_over()

    def _finish(self, outlet: Outlet) -> None:
        self._finished = True
        try:
            outlet.finish()
        except OSError:  # the peer has reset the connection, which is not read yet
            self.abort()
            return
        self.owner.tcp_finished(self)
        if self.peer_end is not PeerEnd.NONE:
            self.abort()

    def abort(self) -> None:
        """Cut the connection: nothing that the kernel still holds may go out behind our back."""
        self.closing = True
        self._forget()
        if self.outlet is not None:
            if self.outlet.held:
                self.outlet.reset()
            else:
                self.outlet.close()

    def reset(self) -> None:
        """Cut the connection at once, and drop all that has not left."""
        self.closing = True
        self._forget()
        if self.outlet is not None:
            self.outlet.reset()


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
