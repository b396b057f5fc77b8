"""The kernel's end of a connection that sends: how much it takes, what it holds, and how that is dropped.

Nothing is given to the transport of asyncio, whose buffer nobody could count, look into or take back: what the kernel
does not take stays with its sender.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import fcntl
import os
import socket
import struct
from collections.abc import Callable

from simulator.peer.stream import KernelQueue

_SIOCOUTQ = 0x5411
_SIOCOUTQNSD = 0x894B
_TCP_NOTSENT_LOWAT = 25
_UNSENT = 256 * 1024
"""Octets not sent yet with which the kernel takes no more. Enough for a network that is fast (simulator)."""
_NO_RESET, _RESET = struct.pack("ii", 0, 0), struct.pack("ii", 1, 0)


class Outlet:
    """One TCP connection's. Whatever ends this process resets the connection, and the kernel drops what it holds."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._sock = transport.get_extra_info("socket")
        self._watched: socket.socket | None = None
        """Another name for the socket while we wait to write: the loop lets nobody wait on a transport's own."""
        with contextlib.suppress(OSError):  # the connection was reset before anybody could look
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._sock.setsockopt(socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT, _UNSENT)

    def take(self, octets: bytes | memoryview) -> int:
        """Give it to the kernel, which takes so many octets. Raises OSError where there is no connection any more."""
        try:
            return os.write(self._sock.fileno(), octets)
        except BlockingIOError:
            return 0

    def when_writable(self, callback: Callable[[], None]) -> None:
        """Call back, again and again until `at_rest`, while the kernel would take more. Raises OSError."""
        if self._watched is None:
            self._watched = self._sock.dup()
            asyncio.get_running_loop().add_writer(self._watched, callback)

    def at_rest(self) -> None:
        """There is nothing to be written."""
        if self._watched is not None:
            asyncio.get_running_loop().remove_writer(self._watched)
            self._watched.close()
            self._watched = None

    @property
    def queue(self) -> KernelQueue:
        """What the kernel holds now."""
        return KernelQueue(self.held, self.unacknowledged)

    @property
    def unacknowledged(self) -> int:
        """Octets that the kernel has and the peer's TCP has not acknowledged (SIOCOUTQ)."""
        return self._asked(_SIOCOUTQ)

    @property
    def held(self) -> int:
        """Octets that would still go to the peer: those not sent yet, and all that had to be sent again."""
        with contextlib.suppress(OSError):
            # struct tcp_info: state, ca_state, retransmits, probes, backoff. Any but 0: the peer's TCP is silent.
            info = self._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)
            if info[2]:
                return self.unacknowledged
        return self._asked(_SIOCOUTQNSD)

    def _asked(self, request: int) -> int:
        answer = array.array("i", [0])
        try:
            fcntl.ioctl(self._sock.fileno(), request, answer)
        except (OSError, ValueError):  # there is no connection any more
            return 0
        return answer[0]

    def finish(self) -> None:
        """End our direction, behind all that the kernel has. Raises OSError."""
        self._sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """End the connection in order: by a FIN."""
        self.at_rest()
        with contextlib.suppress(OSError):
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_RESET)
        self._transport.abort()

    def reset(self) -> None:
        """End the connection at once, by a RST: the kernel drops what it holds."""
        self.at_rest()
        number = self._sock.fileno()
        self._transport.abort()
        if number < 0:
            return
        # The transport closes its socket when the loop comes round; until then the kernel would go on sending. What
        # the transport closes then is another file of the same number.
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        try:
            os.dup2(null, number, inheritable=False)
        finally:
            os.close(null)
