"""One TCP connection of a peer as octets: what has arrived, and what goes out next."""

from __future__ import annotations

from collections import deque
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from simulator.peer.run import Run
from simulator.session.fsm import Channel
from simulator.wire.framing import Framer, MessageType


class KernelQueue(NamedTuple):
    """What the kernel holds of a connection, in octets."""

    unsent: int
    """Octets that would still go to the peer: those not sent yet, and all that had to be sent again."""
    unacknowledged: int
    """Octets that the peer's TCP has not acknowledged."""


NOTHING_HELD = KernelQueue(0, 0)


class Stream:
    """The octets of one TCP connection.

    Single messages wait here, each of them once; so a peer that does not read makes nothing pile up. All routes stay
    with their session until the kernel can take them.
    """

    def __init__(self, channel: Channel, local_address: IPv4Address | IPv6Address | None = None) -> None:
        self.channel = channel
        self.local_address = local_address
        """Of our end; None when the connection was reset before it could be read."""
        self.number = 0
        """Which connection of its session this is, from 1 on; 0: of no session."""
        self.framer = Framer()
        self.is_closing = False
        """Our last message is said; what still arrives is read and dropped, so that the peer gets that message."""
        self.hears_why = False
        """The peer gets a NOTIFICATION, so that it closes too."""
        self.is_kept = False
        """A session talks on it, or did."""
        self.taken = 0
        """Octets that the kernel took in all."""
        self._messages: deque[bytes] = deque()
        self._run: Run | None = None
        """What the kernel has in part, or not yet."""
        self._announced = 0
        """How many octets the kernel had taken when it took the last announcement."""

    @property
    def is_blocked(self) -> bool:
        """Whether the kernel has not taken everything yet."""
        return self._run is not None or bool(self._messages)

    @property
    def under_way(self) -> int:
        """Octets that are still to be written of a message that was written in part, and announces nothing."""
        return self._run.under_way if self._run is not None and not self._run.announces else 0

    def has_unsent_announcements(self, kernel: KernelQueue) -> bool:
        """Whether an announcement would still go to the peer, from here or from the kernel."""
        if self._run is not None and self._run.announces:
            return True
        return 0 < self._announced > self.taken - kernel.unsent

    # --- what is to be sent ---

    def say(self, message: bytes) -> None:
        """Send one message. A message that waits already is not sent twice."""
        if not self.is_closing and message not in self._messages:
            self._messages.append(message)
            self.hears_why = self.hears_why or message[18] == MessageType.NOTIFICATION

    def next(self) -> Run | None:
        """What the kernel gets next of this stream's own: the rest of a run, or a message. None: nothing waits."""
        while (run := self._run) is None or run.taken >= run.end:
            if not self._messages:
                self._run = None
                return None
            self._run = Run(self._messages.popleft(), is_message=True)
        return run

    def begin(self, run: Run) -> None:
        """Send this run next."""
        self._run = run

    def took(self, count: int) -> tuple[Run, int]:
        """The kernel took `count` octets; returns of which run, and how many octets of it the kernel had before."""
        run = self._run
        assert run is not None
        start = run.taken
        run.taken += count
        self.taken += count
        if run.announces:
            self._announced = self.taken
        if run.taken >= run.end:
            self._run = None
        return run, start

    # --- the end ---

    def close(self) -> None:
        """Nothing new is said: what goes out is the rest of a message under way, and the messages that wait."""
        self.is_closing = True
        if self._run is not None and not self._run.is_message:
            self._run.end_here()

    def forget(self) -> None:
        """Nothing is sent any more."""
        self._run = None
        self._messages.clear()

    def drop(self) -> None:
        """The connection is cut: nothing is read or sent any more."""
        self.is_closing = True
        self.forget()
