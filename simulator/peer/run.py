"""Messages on their way to the kernel, and how far they have come."""

from __future__ import annotations

from collections.abc import Callable

from simulator.wire.framing import HEADER_SIZE, MessageType
from simulator.wire.update import count_nlri

_UPDATE = int(MessageType.UPDATE)


class Run:
    """Whole messages that go to the kernel one after the other, in as many pieces as it takes them.

    The octets are shared, not copied: a table that is ready goes to any number of peers as the one image that it is.
    """

    __slots__ = ("_at", "_nlri", "announces", "done", "end", "is_message", "octets", "taken")

    def __init__(
        self,
        octets: bytes,
        *,
        announces: bool = False,
        is_message: bool = False,
        done: Callable[[], None] | None = None,
    ) -> None:
        self.octets = octets
        self.announces = announces
        """Whether there are announcements among them."""
        self.is_message = is_message
        """A single message, which is sent even when the session ends."""
        self.done = done
        """Called once the kernel has all of them."""
        self.taken = 0
        """Octets that the kernel has."""
        self.end = len(octets)
        self._at, self._nlri = 0, (0, 0)

    @property
    def rest(self) -> bytes | memoryview:
        """What the kernel has not got yet."""
        if not self.taken and self.end == len(self.octets):
            return self.octets
        return memoryview(self.octets)[self.taken : self.end]

    def since(self, start: int) -> bytes:
        """What the kernel took after the first `start` octets."""
        return self.octets if not start and self.taken == len(self.octets) else self.octets[start : self.taken]

    @property
    def nlri(self) -> tuple[int, int]:
        """(announced, withdrawn) in the messages that the kernel has whole, counted from the octets themselves."""
        at, found = walk(self.octets, self._at, self.taken)
        self._at, self._nlri = at, (self._nlri[0] + found[0], self._nlri[1] + found[1])
        return self._nlri

    def announced_since(self, start: int) -> int:
        """NLRI announced in the messages that the kernel has whole, and had not when it had `start` octets."""
        return walk(self.octets, walk(self.octets, 0, start, count=False)[0], self.taken)[1][0]

    @property
    def under_way(self) -> int:
        """Octets that the kernel lacks of the message that it has in part; 0 where it has none in part."""
        at, _ = walk(self.octets, 0, self.taken, count=False)
        return 0 if at == self.taken else at + _size(self.octets, at) - self.taken

    def end_here(self) -> None:
        """Nothing goes any more but the rest of the message that the kernel has a part of."""
        self.end = self.taken + self.under_way
        self.done = None


def walk(octets: bytes, at: int, end: int, *, count: bool = True) -> tuple[int, tuple[int, int]]:
    """From the message that begins at `at`: where the last one ends that is whole before `end`, and their NLRI."""
    announced = withdrawn = 0
    while at + HEADER_SIZE <= end and (after := at + _size(octets, at)) <= end:
        if count and octets[at + HEADER_SIZE - 1] == _UPDATE:
            found = count_nlri(octets[at + HEADER_SIZE : after])
            announced, withdrawn = announced + found[0], withdrawn + found[1]
        at = after
    return at, (announced, withdrawn)


def _size(octets: bytes, at: int) -> int:
    """Of the message that begins there, its header included."""
    return octets[at + 16] << 8 | octets[at + 17]
